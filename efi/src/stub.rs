//! The stub of a unified kernel image (UAPI.5): it starts the kernel in the image's own sections, with the initramfs and the command line
//! that are in others. bootctl(1) finds firstlight afterwards, which it does not behind systemd's stub.
//!
//! What goes wrong it says on the firmware's console, and returns to the firmware, which goes on with its next boot option.

use crate::options::Options;
use crate::parts::section;
use crate::path::{file, partition};
use crate::services::{Firmware, Refusal};

/// Why the kernel does not run.
pub enum Failure {
    /// The program is no unified image.
    NoKernel,
    /// The command line is no text, or too long.
    CommandLine,
    /// The firmware does not do what it should.
    Refused { what: &'static str, why: Refusal },
    /// The kernel came back.
    Returned(Refusal),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoKernel => {
                write!(formatter, "this program holds no kernel; `initramfs uki` puts one into a copy of it")
            }
            Self::CommandLine => write!(formatter, "the command line in this image is too long or no text"),
            Self::Refused { what, why } => write!(formatter, "{what}: {why}"),
            Self::Returned(why) => write!(formatter, "the kernel did not start: {why}"),
        }
    }
}

/// Starts the kernel; returns only where it does not run.
#[must_use]
pub fn start(firmware: &Firmware) -> Failure {
    if let Err(why) = introduce(firmware) {
        firmware.say(format_args!("firstlight: bootctl will not know the boot loader: {why}\r\n"));
    }
    match run(firmware) {
        Ok(why) => Failure::Returned(why),
        Err(failure) => failure,
    }
}

fn introduce(firmware: &Firmware) -> Result<(), Refusal> {
    firmware.introduce()?;
    let partition = firmware.own_device().and_then(partition);
    let partition = partition.as_ref().and_then(|text| core::str::from_utf8(text).ok());
    let mut room = [0; 1024];
    let length = firmware.own_file().and_then(|path| file(path, &mut room));
    firmware.tell_origin(partition, length.and_then(|length| room.get(..length)))
}

fn run(firmware: &Firmware) -> Result<Refusal, Failure> {
    let image = firmware.own_image().unwrap_or_default();
    let kernel = section(image, b".linux\0\0").ok_or(Failure::NoKernel)?;
    let refused = |what| move |why| Failure::Refused { what, why };
    let program = firmware.load_own(kernel).map_err(refused("the kernel in this image cannot be loaded"))?;
    let options = match section(image, b".cmdline") {
        Some(text) => Some(Options::of(text.trim_ascii_end()).ok_or(Failure::CommandLine)?),
        None => None,
    };
    if let Some(options) = &options {
        program.set_options(options).map_err(refused("the kernel takes no command line"))?;
    }
    let started = match section(image, b".initrd\0") {
        None => program.start(),
        Some(initramfs) => firmware
            .with_initramfs(initramfs, || program.start())
            .map_err(refused("the initramfs cannot be offered to the kernel"))?,
    };
    Ok(started)
}
