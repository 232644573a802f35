//! Loading a kernel with its initrds, dropping it again, and the jump.

use std::{
    ffi::CString,
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
};

use rustix::{
    io::Errno,
    system::{RebootCommand, reboot},
};

use super::{
    cmdline, initrd, reason,
    segments::{self, SegmentsError, Wishes, plan::PlanError},
    signatures::{self, Signatures},
    state::{self, Slot},
};
use crate::{
    formats::{
        bzimage::{self, Header},
        kernel_file::{KernelFile, foreign},
    },
    image::{
        Image,
        identify::{Identity, identify},
        unwrap::{UnwrapError, unwrap},
    },
    sys,
};

/// Why a kernel could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line is longer than the kernel takes.
    #[error(
        "kexec: {kernel}: the command line has {length} characters, and at most {limit} can be handed over; shorten it"
    )]
    CommandLineTooLong {
        /// Name of the kernel.
        kernel: String,
        /// Bytes of the command line.
        length: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// The command line holds a NUL.
    #[error("kexec: {kernel}: the command line holds a NUL character; correct the boot configuration")]
    CommandLineHoldsNul {
        /// Name of the kernel.
        kernel: String,
    },
    /// The kernel's own header tells of more bytes than there are.
    #[error(
        "kexec: {kernel}: the file is cut short: it has {length} of at least {expected} bytes; install the kernel again"
    )]
    CutShort {
        /// Name of the kernel.
        kernel: String,
        /// Bytes in the file.
        length: u64,
        /// Bytes that the header tells of.
        expected: u64,
    },
    /// It is for another kind of machine.
    #[error(
        "kexec: {kernel}: it is a kernel for {architecture}, and this machine is {machine}; name one that was built for it"
    )]
    Foreign {
        /// Name of the kernel.
        kernel: String,
        /// What it is for, as `uname -m` prints it.
        architecture: String,
        /// What this machine is.
        machine: &'static str,
    },
    /// It is in no format that is known.
    #[error(
        "kexec: {kernel}: this is no kernel, or a damaged one; name a kernel's file, or install it again"
    )]
    NoKernel {
        /// Name of the kernel.
        kernel: String,
    },
    /// It is an ELF file that a running system starts, or a kernel module.
    #[error("kexec: {kernel}: this is a program or a kernel module, and no kernel; name a kernel's file")]
    Program {
        /// Name of the kernel.
        kernel: String,
    },
    /// More than the kernel keeps beside itself.
    #[error(
        "kexec: {name}: kernel and initrds take {} MiB, more than half of the memory ({} MiB); give the machine more, or \
         make the initrd smaller", size >> 20, memory >> 20
    )]
    TooLarge {
        /// Name of the largest file.
        name: String,
        /// All together, in bytes.
        size: u64,
        /// The machine's memory in bytes.
        memory: u64,
    },
    /// It could not be taken out of what it is wrapped in.
    #[error("kexec: {kernel}: cannot be unpacked: {source}; install the kernel again")]
    Wrapped {
        /// Name of the kernel.
        kernel: String,
        /// Why.
        source: UnwrapError,
    },
    /// An initrd could not be read.
    #[error("kexec: {name}: cannot be read ({source}); check the disk, or write the initrd anew")]
    Initrd {
        /// Name of the initrd.
        name: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// It could not be put together for kexec_load.
    #[error("kexec: {kernel}: {source}")]
    Segments {
        /// Name of the kernel.
        kernel: String,
        /// What stands in the way, and what to do.
        source: SegmentsError,
    },
    /// It would have to be loaded by the call that checks no signature.
    #[error(
        "kexec: {kernel}: refused: {why}, and kexec_load, which alone can load this, shows it no signature; {remedy}"
    )]
    Unsigned {
        /// Name of the kernel.
        kernel: String,
        /// Why only signed kernels shall be loaded.
        why: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The running kernel refused it.
    #[error("kexec: {kernel}: refused ({}): {cause}; {remedy}", reason::name(*errno))]
    Refused {
        /// Name of the kernel.
        kernel: String,
        /// The error number.
        errno: Errno,
        /// What happened.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

impl LoadError {
    /// The running kernel's answer, if it was asked.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } | Self::Segments { source: SegmentsError::Refused(errno), .. } => {
                Some(*errno)
            }
            _ => None,
        }
    }

    /// Whether `kexec_file_load` was refused for what it is, and not for what the kernel holds: the other call may do.
    fn says_nothing_of_the_content(&self) -> bool {
        let of_the_call = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOEXEC, Errno::ADDRNOTAVAIL];
        match self {
            Self::Refused { errno, .. } => of_the_call.contains(errno),
            Self::CommandLineTooLong { .. } => true,
            _ => false,
        }
    }

    /// What to say behind it to whoever can choose the call: that the other one would take the kernel, where the running
    /// kernel asks for a signature in the one and allows the other all the same (old kernels for arm64 cannot check any).
    #[must_use]
    pub fn other_call(&self) -> &'static str {
        let is_verdict = match self {
            Self::Refused { errno, .. } => signatures::is_verdict(*errno),
            Self::Unsigned { .. } => true,
            _ => false,
        };
        let it = reason::circumstances(true);
        let may_ask = is_verdict && it.capable && !it.disabled && !it.lockdown && !it.limited;
        match may_ask && sys::kexec::may_load_segments() {
            true => "; kexec -c loads it without looking at signatures",
            false => "",
        }
    }
}

/// Which system call loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// `kexec_load` where no signature is asked for, since nothing is hashed then; `kexec_file_load` where one is, or where
    /// the first cannot. What `kexec_file_load` refuses for its content is refused.
    #[default]
    Auto,
    /// `kexec_file_load` only.
    File,
    /// `kexec_load` only: the word of somebody who knows that it looks at no signature.
    Segments,
    /// `kexec_load` only, for what it alone can do, where no signature is asked for.
    SegmentsIfAllowed,
}

/// Loads a kernel, so that [`jump`] starts it; it takes the place of one that is loaded already. Several initrds are
/// joined in their order. The command line comes without a NUL.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub fn load(kernel: &Image, initrds: &[Image], cmdline: &[u8]) -> Result<(), LoadError> {
    load_by(Method::Auto, &Wishes::default(), kernel, initrds, cmdline)
}

/// As [`load`], by the given method.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do; under [`Method::Auto`] in the words of the last method tried.
pub fn load_by(
    method: Method,
    wishes: &Wishes,
    kernel: &Image,
    initrds: &[Image],
    cmdline: &[u8],
) -> Result<(), LoadError> {
    Parts::read(kernel, initrds, cmdline)?.load(method, wishes, Slot::Boot)
}

/// One initrd, or several joined in memory.
enum Initrd<'a> {
    Own(&'a File),
    Joined(File),
}

/// What is to be loaded, looked at as far as both calls need it.
struct Parts<'a> {
    kernel: &'a Image,
    /// The kernel out of what it was wrapped in.
    unwrapped: Option<File>,
    header: Option<Header>,
    initrd: Option<Initrd<'a>>,
    cmdline: CString,
    circumstances: reason::Circumstances,
}

/// Loads a kernel that is started when this one panics, into the memory kept for it (`crashkernel=`).
///
/// [`Method::Auto`] has the running kernel itself make the description of the crashed memory (`kexec_file_load`): it
/// keeps that true when memory or processors come and go, and looks at a check sum before the jump, when nothing is to be
/// trusted. Where that cannot be done and no signature is asked for, the description is made here.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub fn load_for_panic(
    method: Method,
    wishes: &Wishes,
    kernel: &Image,
    initrds: &[Image],
    cmdline: &[u8],
) -> Result<(), LoadError> {
    Parts::read(kernel, initrds, cmdline)?.load(method, wishes, Slot::Crash)
}

/// Whether `kexec_load` can load a crash kernel here.
pub const MAKES_CRASH_HEADERS: bool = cfg!(all(feature = "running-system", target_arch = "x86_64"));

/// Loads by the one call or the other. `ask` tells whether signatures are enforced, and is asked only where `kexec_load` would
/// be tried; `attempt` tries a call.
///
/// kexec-tools goes on to `kexec_load` in the same cases; it begins with `kexec_file_load` always.
fn by_either(
    slot: Slot,
    ask: &mut dyn FnMut() -> Signatures,
    attempt: &mut dyn FnMut(Method) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    // Of a crash kernel the running kernel itself describes the crashed memory best.
    let known = if slot == Slot::Boot { Some(ask()) } else { None };
    if known == Some(Signatures::NotEnforced) {
        let Err(error) = attempt(Method::Segments) else { return Ok(()) };
        // The other call takes a shorter one.
        if matches!(error, LoadError::CommandLineTooLong { .. }) {
            return Err(error);
        }
        log::warn!("{error}; trying kexec_file_load");
        return match attempt(Method::File) {
            // Then there is only the call that was asked first.
            Err(other) if other.errno() == Some(Errno::NOSYS) => Err(error),
            result => result,
        };
    }
    let Err(error) = attempt(Method::File) else { return Ok(()) };
    let can = slot == Slot::Boot || MAKES_CRASH_HEADERS;
    if !(can && error.says_nothing_of_the_content()) {
        return Err(error);
    }
    if let Signatures::Enforced(why) = known.unwrap_or_else(ask) {
        log::debug!("{why}: kexec_load is not tried");
        return Err(error);
    }
    log::warn!("{error}; trying kexec_load");
    attempt(Method::Segments)
}

/// Drops the kernel loaded for the next jump. Without one, does nothing.
///
/// # Errors
/// The kernel's reason.
pub fn unload() -> io::Result<()> {
    unload_from(Slot::Boot)
}

/// Drops the kernel loaded there. Without one, does nothing.
///
/// # Errors
/// The kernel's reason.
pub fn unload_from(slot: Slot) -> io::Result<()> {
    match sys::kexec::file_unload(slot == Slot::Crash) {
        // Either call drops what the other loaded; a kernel may have one of them only.
        Err(Errno::NOSYS) => Ok(sys::kexec::segments_load(0, &[], slot == Slot::Crash)?),
        answer => Ok(answer?),
    }
}

/// Jumps into the loaded kernel. Returns only if that fails, with the kernel's reason: `EINVAL` where none is loaded.
#[must_use]
pub fn jump() -> io::Error {
    match reboot(RebootCommand::Kexec) {
        Ok(()) => io::Error::other("the jump came back"),
        Err(errno) => errno.into(),
    }
}

impl<'a> Parts<'a> {
    fn read(kernel: &'a Image, initrds: &'a [Image], cmdline: &[u8]) -> Result<Self, LoadError> {
        let name = || kernel.name.clone();
        let unwrapped =
            unwrap(&kernel.file).map_err(|source| LoadError::Wrapped { kernel: name(), source })?;
        let file = unwrapped.as_ref().unwrap_or(&kernel.file);
        let header = header(file);
        let length = size(file);
        recognise(&kernel.name, file)?;
        if let Some(header) = header.filter(|header| header.length > length) {
            return Err(LoadError::CutShort { kernel: name(), length, expected: header.length });
        }
        let cmdline = CString::new(cmdline).map_err(|_| LoadError::CommandLineHoldsNul { kernel: name() })?;
        let needed = initrds.iter().fold(length, |sum, initrd| sum.saturating_add(size(&initrd.file)));
        let memory = reason::memory();
        if needed > memory / 2 {
            let largest = initrds.iter().chain([kernel]).max_by_key(|image| size(&image.file));
            let name = largest.map_or_else(name, |image| image.name.clone());
            return Err(LoadError::TooLarge { name, size: needed, memory });
        }
        let initrd = match initrds {
            [] => None,
            // Its own descriptor keeps what IMA and fs-verity know of the file.
            [initrd] => Some(Initrd::Own(&initrd.file)),
            _ => Some(Initrd::Joined(
                initrd::join(initrds)
                    .map_err(|(name, source)| LoadError::Initrd { name: name.to_owned(), source })?,
            )),
        };
        let circumstances = reason::circumstances(header.is_some());
        Ok(Self { kernel, unwrapped, header, initrd, cmdline, circumstances })
    }

    fn load(&self, method: Method, wishes: &Wishes, slot: Slot) -> Result<(), LoadError> {
        let mut ask = || signatures::ask(&self.circumstances);
        let mut attempt = |method| match method {
            Method::Segments => self.by_segments(wishes, slot),
            _ => self.by_file(slot),
        };
        match method {
            // There is no other way here.
            _ if slot == Slot::Crash && !MAKES_CRASH_HEADERS => attempt(Method::File),
            Method::Auto => by_either(slot, &mut ask, &mut attempt),
            Method::SegmentsIfAllowed => {
                allowed(&self.kernel.name, ask(), "leave out what only kexec_load can do")?;
                attempt(Method::Segments)
            }
            Method::File | Method::Segments => attempt(method),
        }
    }

    fn file(&self) -> &File {
        self.unwrapped.as_ref().unwrap_or(&self.kernel.file)
    }

    fn initrd(&self) -> Option<&File> {
        self.initrd.as_ref().map(|initrd| match initrd {
            Initrd::Own(file) => file,
            Initrd::Joined(file) => file,
        })
    }

    fn by_segments(&self, wishes: &Wishes, slot: Slot) -> Result<(), LoadError> {
        segments::load(self.file(), self.initrd(), self.cmdline.as_bytes(), wishes, slot)
            .map_err(|source| not_by_segments(self.kernel.name.clone(), source, slot, &self.circumstances))
    }

    fn by_file(&self, slot: Slot) -> Result<(), LoadError> {
        let kernel = || self.kernel.name.clone();
        let (length, limit) = (self.cmdline.as_bytes().len(), cmdline::limit(self.header.as_ref()));
        if length > limit {
            return Err(LoadError::CommandLineTooLong { kernel: kernel(), length, limit });
        }
        let circumstances = &reason::Circumstances { crash: slot == Slot::Crash, ..self.circumstances };
        if MAKES_CRASH_HEADERS && circumstances.crash && circumstances.capable {
            let initrd = self.initrd().map_or(0, size);
            if let Some(errno) = foreseen(self.header.as_ref(), initrd, state::crash_size()) {
                return Err(refused(kernel(), errno, circumstances));
            }
        }
        sys::kexec::file_load(
            self.file().as_fd(),
            self.initrd().map(AsFd::as_fd),
            &self.cmdline,
            slot == Slot::Crash,
        )
        .map_err(|errno| refused(kernel(), errno, circumstances))
    }
}

/// What the kernel is going to say to a crash kernel for x86_64, with an initrd of so many bytes, where so many are kept for
/// both. It drops the crash kernel that it has before it looks at the next one, and is better not asked.
fn foreseen(header: Option<&Header>, initrd: u64, room: u64) -> Option<Errno> {
    match header.and_then(|header| header.long_mode) {
        None => Some(Errno::NOEXEC),
        Some(kernel) if kernel.init_size.saturating_add(initrd) > room => Some(Errno::ADDRNOTAVAIL),
        Some(_) => None,
    }
}

/// That `kexec_load` may be asked without somebody's explicit word.
pub(super) fn allowed(kernel: &str, signatures: Signatures, remedy: &'static str) -> Result<(), LoadError> {
    match signatures {
        Signatures::Enforced(why) => Err(LoadError::Unsigned { kernel: kernel.to_owned(), why, remedy }),
        Signatures::NotEnforced | Signatures::Unknown => Ok(()),
    }
}

/// Why kexec_load cannot load it.
fn not_by_segments(
    kernel: String,
    source: SegmentsError,
    slot: Slot,
    circumstances: &reason::Circumstances,
) -> LoadError {
    match source {
        // Of the memory that is kept for it there is too little.
        SegmentsError::Plan(PlanError::NoPlace { .. }) if slot == Slot::Crash => {
            refused(kernel, Errno::ADDRNOTAVAIL, &reason::Circumstances { crash: true, ..*circumstances })
        }
        SegmentsError::Refused(errno) if errno != Errno::NOSYS => {
            refused(kernel, errno, &reason::Circumstances { segments: true, ..*circumstances })
        }
        SegmentsError::CommandLine(length, limit) => LoadError::CommandLineTooLong { kernel, length, limit },
        source => LoadError::Segments { kernel, source },
    }
}

pub(super) fn refused(kernel: String, errno: Errno, circumstances: &reason::Circumstances) -> LoadError {
    let (cause, remedy) = match reason::explain(errno, circumstances) {
        Some(reason) => (reason.cause.to_owned(), reason.remedy),
        None => (errno.to_string(), "look at the kernel log"),
    };
    LoadError::Refused { kernel, errno, cause, remedy }
}

/// That it is a kernel, and one for this machine.
fn recognise(name: &str, file: &File) -> Result<(), LoadError> {
    let kernel = name.to_owned();
    // What cannot be read now is told by what reads it next.
    let Ok(Identity { format, .. }) = identify(file) else { return Ok(()) };
    let architecture = match &format {
        None | Some(KernelFile::Devicetree(_)) => return Err(LoadError::NoKernel { kernel }),
        Some(KernelFile::Elf(elf)) if elf.is_program => return Err(LoadError::Program { kernel }),
        // What is wrapped in it says what it is for.
        Some(KernelFile::Uki(_)) => None,
        Some(format) => format.architecture().and_then(foreign),
    };
    architecture.map(str::to_owned).map_or(Ok(()), |architecture| {
        Err(LoadError::Foreign { kernel, architecture, machine: std::env::consts::ARCH })
    })
}

fn header(kernel: &File) -> Option<Header> {
    let mut head = [0; bzimage::HEADER_LENGTH];
    kernel.read_exact_at(&mut head, 0).ok()?;
    bzimage::parse(&head)
}

fn size(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{formats::bzimage::LongMode, kexec::testing::file};

    fn image(name: &str, content: &[u8]) -> Image {
        Image { name: name.into(), file: file(content) }
    }

    /// A kernel file with a header, and nothing behind it.
    fn kernel(paragraphs: u8) -> Image {
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

    /// The calls that are tried when each answers as it is told to, and the answer that is left.
    fn tried(slot: Slot, signatures: Signatures, segments: Errno, file: Errno) -> (String, Option<Errno>) {
        let mut calls = Vec::new();
        let mut asked = 0;
        let mut ask = || {
            asked += 1;
            signatures
        };
        let mut attempt = |method| {
            let (name, errno) = match method {
                Method::Segments => ("segments", segments),
                _ => ("file", file),
            };
            calls.push(name);
            Err(refused("/vmlinuz".into(), errno, &reason::Circumstances::default()))
        };
        let error = by_either(slot, &mut ask, &mut attempt).unwrap_err();
        assert!(asked <= 1, "asked {asked} times");
        let question = if asked > 0 { "asked: " } else { "" };
        (format!("{question}{}", calls.join(" ")), error.errno())
    }

    /// kexec_file_load(2) has these for what a file holds; kexec-tools ends with them, too (its kexec/kexec.c,
    /// `do_kexec_file_load`).
    #[test]
    fn a_verdict_about_the_content_ends_the_load_and_what_says_nothing_of_it_leads_on() {
        let verdicts = [
            Errno::NODATA,
            Errno::NOKEY,
            Errno::KEYREJECTED,
            Errno::NOPKG,
            Errno::BADMSG,
            Errno::LIBBAD,
            Errno::ACCESS,
            Errno::PERM,
        ];
        let neutral = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOEXEC, Errno::ADDRNOTAVAIL];
        let enforced = Signatures::Enforced("so it is");
        let busy = Errno::BUSY;
        let row = |calls: &str, errno| (calls.to_owned(), Some(errno));
        let crash = |calls: &str, file| match MAKES_CRASH_HEADERS {
            true => row(calls, if calls.ends_with("segments") { busy } else { file }),
            false => row("file", file),
        };
        for file in verdicts {
            assert_eq!(tried(Slot::Boot, Signatures::Unknown, busy, file), row("asked: file", file));
            assert_eq!(tried(Slot::Boot, enforced, busy, file), row("asked: file", file));
            assert_eq!(tried(Slot::Crash, Signatures::NotEnforced, busy, file), row("file", file));
        }
        for file in neutral {
            assert_eq!(tried(Slot::Boot, Signatures::Unknown, busy, file), row("asked: file segments", busy));
            assert_eq!(tried(Slot::Boot, enforced, busy, file), row("asked: file", file));
            let calls = "asked: file segments";
            assert_eq!(tried(Slot::Crash, Signatures::NotEnforced, busy, file), crash(calls, file));
            assert_eq!(tried(Slot::Crash, enforced, busy, file), crash("asked: file", file));
        }
        // Where nothing is enforced, the faster call comes first; what it cannot do, the other may.
        for (segments, file, left) in [
            (Errno::ACCESS, Errno::PERM, Errno::PERM),
            (Errno::ADDRNOTAVAIL, Errno::NODATA, Errno::NODATA),
            (Errno::ADDRNOTAVAIL, Errno::NOSYS, Errno::ADDRNOTAVAIL),
        ] {
            let calls = tried(Slot::Boot, Signatures::NotEnforced, segments, file);
            assert_eq!(calls, row("asked: segments file", left));
        }
    }

    #[test]
    fn what_only_the_call_without_signatures_can_do_is_refused_where_they_are_enforced() {
        let refusal = allowed("/boot/xen", Signatures::Enforced("lockdown is on"), "boot a signed kernel");
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "kexec: /boot/xen: refused: lockdown is on, and kexec_load, which alone can load this, shows it no signature; \
             boot a signed kernel"
        );
        assert!(allowed("/boot/xen", Signatures::NotEnforced, "").is_ok());
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
    fn memory_that_is_too_small_for_a_crash_kernel_is_named_by_either_call() {
        let circumstances = reason::Circumstances::default();
        let nowhere = || SegmentsError::Plan(PlanError::NoPlace { what: "initrd", size: 8 << 20 });
        let message =
            |slot| not_by_segments("/boot/vmlinuz".into(), nowhere(), slot, &circumstances).to_string();
        assert_eq!(
            message(Slot::Crash),
            "kexec: /boot/vmlinuz: refused (EADDRNOTAVAIL): the memory that is kept for a crash kernel is too small for it; \
             start this kernel with more (crashkernel=), or make the initrd smaller"
        );
        assert!(message(Slot::Boot).contains("no free memory for the initrd (8192 KiB in one piece)"));
    }

    #[test]
    fn what_takes_more_than_half_of_the_memory_is_named() {
        let initrd = image("/boot/initrd.img", b"");
        initrd.file.set_len(reason::memory() / 2 + 1).unwrap();
        let kernel = kernel(0);
        let error = load_by(Method::File, &Wishes::default(), &kernel, &[initrd], b"").unwrap_err();
        assert!(matches!(&error, LoadError::TooLarge { name, .. } if name == "/boot/initrd.img"), "{error}");
    }

    fn error(kernel: &Image, cmdline: &[u8]) -> String {
        load_by(Method::File, &Wishes::default(), kernel, &[], cmdline).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_work_is_told_before_the_kernel_is_asked() {
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
            assert_eq!(error(&kernel, &cmdline), message);
        }
    }

    #[test]
    fn a_refusal_names_the_file_the_error_the_cause_and_the_remedy() {
        let circumstances = reason::Circumstances::default();
        let message = refused("/boot/vmlinuz-6.1".into(), Errno::KEYREJECTED, &circumstances).to_string();
        assert_eq!(
            message,
            "kexec: /boot/vmlinuz-6.1: refused (EKEYREJECTED): the kernel is not signed by a key of this machine; \
             boot a signed kernel or turn lockdown off"
        );
        let message = refused("k".into(), Errno::PIPE, &circumstances).to_string();
        assert_eq!(
            message,
            "kexec: k: refused (error 32): Broken pipe (os error 32); look at the kernel log"
        );
    }
}
