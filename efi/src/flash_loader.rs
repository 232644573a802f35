//! The loader in a firmware's flash: it finds the parts of the payload area, checks them, and lets the kernel's own EFI stub do the rest
//! (UEFI 2.10, 7.4; Linux: Documentation/admin-guide/efi-stub.rst).
//!
//! What goes wrong it says on the firmware's console, and returns to the firmware, which goes on with its next boot option.

use flash_payload::{Damage, Found, HEADER, Kind, PAGE, Part, find};

use crate::flash::{FLASH, FLASH_PAGES};
use crate::options::Options;
use crate::services::{Firmware, Memory, Refusal};

/// Why the kernel does not run.
pub enum Failure {
    /// There is no kernel in the flash.
    NoKernel,
    /// Two parts of one kind.
    Twice(Kind),
    /// A part's header is wrong.
    Damaged { address: usize, damage: Damage },
    /// A part's content is not what was written.
    Changed { address: usize, kind: Kind },
    /// The command line is no text, or too long.
    CommandLine,
    /// The firmware does not do what it should.
    Refused { what: &'static str, why: Refusal },
    /// The kernel came back.
    Returned(Refusal),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const REMEDY: &str = "write the flash again";
        match self {
            Self::NoKernel => {
                write!(formatter, "no kernel is in the flash; `initramfs flash payload` puts one there")
            }
            Self::Twice(kind) => write!(formatter, "the flash holds more than one {}; {REMEDY}", kind.name()),
            Self::Damaged { address, damage } => {
                write!(formatter, "the part of the flash at {address:#x} is refused: {damage}; {REMEDY}")
            }
            Self::Changed { address, kind } => {
                write!(formatter, "the {} in the flash at {address:#x} is damaged; {REMEDY}", kind.name())
            }
            Self::CommandLine => write!(formatter, "the command line in the flash is too long or no text"),
            Self::Refused { what, why } => write!(formatter, "{what}: {why}"),
            Self::Returned(why) => write!(formatter, "the kernel did not start: {why}"),
        }
    }
}

/// Starts the kernel; returns only where it does not run.
#[must_use]
pub fn start(firmware: &Firmware) -> Failure {
    if let Err(why) = firmware.introduce() {
        firmware.say(format_args!("firstlight: bootctl will not know the boot loader: {why}\r\n"));
    }
    match run(firmware) {
        Ok(why) => Failure::Returned(why),
        Err(failure) => failure,
    }
}

fn run(firmware: &Firmware) -> Result<Refusal, Failure> {
    let mut parts = [None; Kind::ALL.len()];
    for Found { page, part } in find(FLASH_PAGES, |page| firmware.header(page)) {
        let address = FLASH.saturating_add(page.saturating_mul(PAGE));
        let part = part.map_err(|damage| Failure::Damaged { address, damage })?;
        for (place, kind) in parts.iter_mut().zip(Kind::ALL) {
            if kind == part.kind && place.replace((address, part)).is_some() {
                return Err(Failure::Twice(kind));
            }
        }
    }
    let [kernel, initramfs, cmdline] = parts;
    let kernel = content(firmware, kernel.ok_or(Failure::NoKernel)?)?;
    let initramfs = initramfs.map(|part| content(firmware, part)).transpose()?;
    let cmdline = cmdline.map(|part| content(firmware, part)).transpose()?;

    let refused = |what| move |why| Failure::Refused { what, why };
    let image = firmware.load(kernel.bytes()).map_err(refused("the kernel in the flash cannot be loaded"))?;
    drop(kernel);
    let options = match &cmdline {
        Some(cmdline) => Some(Options::of(cmdline.bytes()).ok_or(Failure::CommandLine)?),
        None => None,
    };
    if let Some(options) = &options {
        image.set_options(options).map_err(refused("the kernel takes no command line"))?;
    }
    let started = match &initramfs {
        None => image.start(),
        Some(initramfs) => {
            let offered = firmware.with_initramfs(initramfs.bytes(), || image.start());
            offered.map_err(refused("the initramfs cannot be offered to the kernel"))?
        }
    };
    Ok(started)
}

/// The content of a part in memory: what is checked there is what is used, and reading a flash twice takes time.
fn content<'a>(firmware: &'a Firmware, (address, part): (usize, Part)) -> Result<Memory<'a>, Failure> {
    let memory = firmware.copy(address.saturating_add(HEADER), part.length);
    let memory =
        memory.map_err(|why| Failure::Refused { what: "the flash cannot be copied to memory", why })?;
    match part.has(memory.bytes()) {
        true => Ok(memory),
        false => Err(Failure::Changed { address, kind: part.kind }),
    }
}
