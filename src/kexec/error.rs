//! Why a kernel could not be loaded.

use std::io;

use rustix::io::Errno;

use super::{
    reason,
    segments::{SegmentsError, plan::PlanError},
    signatures,
    state::Slot,
};
use crate::sys;

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
    /// The kernel's own header says that the file is longer.
    #[error(
        "kexec: {kernel}: the file is cut short: it has {length} of at least {expected} bytes; install the kernel again"
    )]
    CutShort {
        /// Name of the kernel.
        kernel: String,
        /// Bytes in the file.
        length: u64,
        /// Length by the header, in bytes.
        expected: u64,
    },
    /// It is for another kind of machine.
    #[error(
        "kexec: {kernel}: it is a kernel for {architecture}, and this machine is {machine}; name one that was built for it"
    )]
    Foreign {
        /// Name of the kernel.
        kernel: String,
        /// Its architecture, as `uname -m` prints it.
        architecture: String,
        /// The architecture of this machine.
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
    /// The kernel cannot be read.
    #[error("kexec: {kernel}: cannot be read ({source}); check the disk and its cables")]
    Read {
        /// Name of the kernel.
        kernel: String,
        /// The kernel's reason.
        source: io::Error,
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
        /// The reason, and the remedy.
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
        remedy: &'static str,
    },
    /// The running kernel refused it.
    #[error("kexec: {kernel}: refused ({}): {cause}; {remedy}", reason::name(*errno))]
    Refused {
        /// Name of the kernel.
        kernel: String,
        /// The error number.
        errno: Errno,
        cause: String,
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
    pub(super) fn says_nothing_of_the_content(&self) -> bool {
        let of_the_call = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOEXEC, Errno::ADDRNOTAVAIL];
        match self {
            Self::Refused { errno, .. } => of_the_call.contains(errno),
            Self::CommandLineTooLong { .. } => true,
            _ => false,
        }
    }

    /// Text to add to the message for a caller who can choose the call: that the other one would take the kernel, where the running
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

/// Why kexec_load cannot load it.
pub(super) fn not_by_segments(
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

#[cfg(test)]
mod tests {
    use super::*;

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
