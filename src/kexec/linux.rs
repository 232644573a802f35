//! Loading Linux, by the one call or the other.

use std::{ffi::CString, fs::File, os::fd::AsFd};

use rustix::io::Errno;

use super::{
    call::{MAKES_CRASH_HEADERS, Method, allowed, by_either},
    cmdline,
    error::{LoadError, not_by_segments, refused},
    initrd,
    load::LoadOptions,
    reason, segments, signatures,
    state::{self, Slot},
};
use crate::{
    formats::{
        bzimage::Header,
        kernel_file::{KernelFile, foreign},
        text,
    },
    image::PreparedKernel,
    sys,
};

/// Loads Linux.
///
/// Of a crash kernel the running kernel itself makes the description of the crashed memory if it can (`kexec_file_load`): it
/// keeps that true when memory or processors come and go, and looks at a check sum before the jump, when nothing is to be
/// trusted. Where that cannot be done and no signature is asked for, the description is made here.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub(super) fn load(kernel: &PreparedKernel, options: &LoadOptions) -> Result<(), LoadError> {
    check_format(kernel)?;
    let linux = Linux::of(kernel)?;
    let mut ask = || signatures::ask(&linux.circumstances);
    let mut attempt = |method| match method {
        Method::Segments => linux.by_segments(options),
        _ => linux.by_file(options.slot),
    };
    match options.method {
        // There is no other way here.
        _ if options.slot == Slot::Crash && !MAKES_CRASH_HEADERS => attempt(Method::File),
        Method::Auto => by_either(options.slot, &mut ask, &mut attempt),
        Method::SegmentsIfAllowed => {
            allowed(&kernel.kernel.name, ask(), "leave out what only kexec_load can do")?;
            attempt(Method::Segments)
        }
        method @ (Method::File | Method::Segments) => attempt(method),
    }
}

/// That it is a kernel, one for this machine, and whole.
fn check_format(prepared: &PreparedKernel) -> Result<(), LoadError> {
    let kernel = prepared.kernel.name.clone();
    let architecture = match &prepared.format {
        None | Some(KernelFile::Devicetree(_)) => return Err(LoadError::NoKernel { kernel }),
        Some(KernelFile::Elf(elf)) if elf.is_program => return Err(LoadError::Program { kernel }),
        // The kernel in it names its architecture.
        Some(KernelFile::Uki(_)) => None,
        Some(format) => format.architecture().and_then(foreign),
    };
    if let Some(architecture) = architecture.map(str::to_owned) {
        return Err(LoadError::Foreign { kernel, architecture, machine: std::env::consts::ARCH });
    }
    let length = prepared.kernel.size();
    match header(prepared) {
        Some(Header { length: expected, .. }) if expected > length => {
            Err(LoadError::CutShort { kernel, length, expected })
        }
        _ => Ok(()),
    }
}

/// The header of a kernel for x86.
fn header(kernel: &PreparedKernel) -> Option<Header> {
    match &kernel.format {
        Some(KernelFile::Bzimage(image)) => Some(image.header),
        _ => None,
    }
}

/// Linux with its initrds as one file, as both calls take it.
struct Linux<'a> {
    kernel: &'a PreparedKernel,
    header: Option<Header>,
    initrd: Option<Initrd<'a>>,
    cmdline: CString,
    circumstances: reason::Circumstances,
}

/// One initrd, or several joined in memory.
enum Initrd<'a> {
    Own(&'a File),
    Joined(File),
}

impl<'a> Linux<'a> {
    fn of(kernel: &'a PreparedKernel) -> Result<Self, LoadError> {
        let name = || kernel.kernel.name.clone();
        let cmdline = CString::new(text::encode(&kernel.cmdline))
            .map_err(|_| LoadError::CommandLineHoldsNul { kernel: name() })?;
        let (size, memory) = (kernel.size(), reason::memory());
        if size > memory / 2 {
            let largest = kernel.files().max_by_key(|file| file.size());
            let name = largest.map_or_else(name, |file| file.name.clone());
            return Err(LoadError::TooLarge { name, size, memory });
        }
        let initrd = match kernel.initrds.as_slice() {
            [] => None,
            // Its own descriptor keeps what IMA and fs-verity know of the file.
            [initrd] => Some(Initrd::Own(&initrd.file)),
            initrds => Some(Initrd::Joined(
                initrd::join(initrds)
                    .map_err(|(name, source)| LoadError::Initrd { name: name.to_owned(), source })?,
            )),
        };
        let header = header(kernel);
        let circumstances = reason::circumstances(header.is_some());
        Ok(Self { kernel, header, initrd, cmdline, circumstances })
    }

    fn initrd(&self) -> Option<&File> {
        self.initrd.as_ref().map(|initrd| match initrd {
            Initrd::Own(file) => file,
            Initrd::Joined(file) => file,
        })
    }

    fn by_segments(&self, options: &LoadOptions) -> Result<(), LoadError> {
        let name = || self.kernel.kernel.name.clone();
        segments::load(self.kernel, self.initrd(), self.cmdline.as_bytes(), options)
            .map_err(|source| not_by_segments(name(), source, options.slot, &self.circumstances))
    }

    fn by_file(&self, slot: Slot) -> Result<(), LoadError> {
        let kernel = || self.kernel.kernel.name.clone();
        let (length, limit) = (self.cmdline.as_bytes().len(), cmdline::limit(self.header.as_ref()));
        if length > limit {
            return Err(LoadError::CommandLineTooLong { kernel: kernel(), length, limit });
        }
        let circumstances = &reason::Circumstances { crash: slot == Slot::Crash, ..self.circumstances };
        if MAKES_CRASH_HEADERS && circumstances.crash && circumstances.capable {
            let initrd = self.initrd().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
            if let Some(errno) = foreseen(self.header.as_ref(), initrd, state::crash_size()) {
                return Err(refused(kernel(), errno, circumstances));
            }
        }
        sys::kexec::file_load(
            self.kernel.kernel.file.as_fd(),
            self.initrd().map(AsFd::as_fd),
            &self.cmdline,
            slot == Slot::Crash,
        )
        .map_err(|errno| refused(kernel(), errno, circumstances))
    }
}

/// The running kernel's answer to a crash kernel for x86_64 with an initrd of this size in bytes, where `room` bytes are kept
/// for both. It would drop the crash kernel that it has before it looks at the next one, so it is better not asked.
fn foreseen(header: Option<&Header>, initrd: u64, room: u64) -> Option<Errno> {
    match header.and_then(|header| header.long_mode) {
        None => Some(Errno::NOEXEC),
        Some(kernel) if kernel.init_size.saturating_add(initrd) > room => Some(Errno::ADDRNOTAVAIL),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        formats::bzimage::LongMode,
        image::{KernelFiles, NamedFile, prepare, testing::file},
        kexec::ANYWHERE,
    };

    fn image(name: &str, content: &[u8]) -> NamedFile {
        NamedFile { name: name.into(), file: file(content) }
    }

    /// A kernel file that ends after its header.
    fn kernel(paragraphs: u8) -> NamedFile {
        let mut head = vec![0; 5 * 512];
        head[0x1f4] = paragraphs;
        head[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        head[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
        head[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
        image("/boot/vmlinuz", &head)
    }

    /// The header of a kernel for RISC-V.
    fn foreign() -> Vec<u8> {
        let mut head = vec![0; 64];
        head[48..56].copy_from_slice(b"RISCV\0\0\0");
        head[56..60].copy_from_slice(b"RSC\x05");
        head
    }

    /// As `bzImage64_probe` and `bzImage64_load` do (Linux, arch/x86/kernel/kexec-bzimage64.c).
    #[test]
    fn a_crash_kernel_that_would_be_refused_is_known_before_the_one_before_is_dropped() {
        let mode = LongMode { alignment: 1 << 21, preferred: 1 << 24, init_size: 64 << 20 };
        let header =
            Header { protocol: 0x20f, cmdline_size: 2047, length: 0, setup: 0, long_mode: Some(mode) };
        let low = Header { long_mode: None, ..header };
        for (header, initrd, expected) in [
            (Some(&header), 128 << 20, None),
            (Some(&header), (128 << 20) + 1, Some(Errno::ADDRNOTAVAIL)),
            (Some(&low), 0, Some(Errno::NOEXEC)),
            (None, 0, Some(Errno::NOEXEC)),
        ] {
            assert_eq!(foreseen(header, initrd, 192 << 20), expected);
        }
    }

    #[test]
    fn what_takes_more_than_half_of_the_memory_is_named() {
        let initrd = image("/boot/initrd.img", b"");
        initrd.file.set_len(reason::memory() / 2 + 1).unwrap();
        let files = KernelFiles { initrds: vec![initrd], ..KernelFiles::new(kernel(0)) };
        let error = load(&prepare(files).unwrap(), &BY_FILE).unwrap_err();
        assert!(matches!(&error, LoadError::TooLarge { name, .. } if name == "/boot/initrd.img"), "{error}");
    }

    const BY_FILE: LoadOptions =
        LoadOptions { method: Method::File, slot: Slot::Boot, limits: ANYWHERE, no_efi: false };

    fn error(kernel: NamedFile, cmdline: &[u8]) -> String {
        let files = KernelFiles { cmdline: text::decode(cmdline), ..KernelFiles::new(kernel) };
        load(&prepare(files).unwrap(), &BY_FILE).unwrap_err().to_string()
    }

    #[test]
    fn an_impossible_load_is_refused_before_the_kernel_is_asked() {
        let cases = [
            (
                kernel(0),
                vec![b'x'; 2017],
                "kexec: /boot/vmlinuz: the command line has 2017 characters, and at most 2016 can be handed over; shorten it",
            ),
            (
                kernel(0),
                b"a\0b".to_vec(),
                "kexec: /boot/vmlinuz: the command line holds a NUL character; correct the boot configuration",
            ),
            (
                image("/boot/README", b"no kernel"),
                vec![],
                "kexec: /boot/README: this is no kernel, or a damaged one; name a kernel's file, or install it again",
            ),
            (
                image("/boot/Image", &foreign()),
                vec![],
                if cfg!(target_arch = "x86_64") {
                    "kexec: /boot/Image: it is a kernel for riscv64, and this machine is x86_64; name one that was built for it"
                } else {
                    "kexec: /boot/Image: it is a kernel for riscv64, and this machine is aarch64; name one that was built for it"
                },
            ),
            (
                kernel(1),
                vec![],
                "kexec: /boot/vmlinuz: the file is cut short: it has 2560 of at least 2561 bytes; install the kernel again",
            ),
        ];
        for (kernel, cmdline, message) in cases {
            assert_eq!(error(kernel, &cmdline), message);
        }
    }
}
