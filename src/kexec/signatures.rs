//! Whether the running kernel takes unsigned kernels. No file says so (`sig_enforce` of Linux kernel/kexec_file.c), so the
//! kernel is asked: kexec_file_load(2) looks at the signature before it reads the initrd, so that an unsigned header with an
//! initrd that cannot be read is refused for the one or for the other. Nothing is loaded by that, and what was loaded stays.

use std::{io::Write, os::fd::AsFd};

use rustix::io::Errno;

use super::reason::{self, Circumstances};
use crate::sys::{self, files};

/// Bytes of the shortest bzImage that Linux looks into (`bzImage64_probe`).
const LENGTH: usize = 1024;

/// Whether signatures are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// Only signed kernels shall be loaded, for this reason.
    Enforced(&'static str),
    /// Any kernel may be loaded.
    NotEnforced,
    /// It cannot be asked.
    Unknown,
}

/// Asks the running kernel whether it takes an unsigned kernel.
#[must_use]
pub fn ask(circumstances: &Circumstances) -> Signatures {
    if let Some(reason) = reason::enforcement(circumstances) {
        return Signatures::Enforced(reason);
    }
    // A process that may not load learns nothing, and each question would count as a load where these are counted.
    if !circumstances.capable || circumstances.disabled || circumstances.limited {
        return Signatures::Unknown;
    }
    let Ok(header) = files::sealed("header", 0, |memory| memory.write_all(&unsigned())) else {
        return Signatures::Unknown;
    };
    match sys::kexec::file_load_without_initrd(header.as_fd()) {
        Err(errno) => {
            let meaning = meaning(errno);
            let what = match meaning {
                Signatures::Enforced(_) => "for its signature",
                Signatures::NotEnforced => "for something else: signatures are not enforced",
                Signatures::Unknown => "and it is not known whether signatures are enforced",
            };
            let name = reason::name(errno);
            log::debug!("kexec_file_load refuses an unsigned kernel ({name}) {what}");
            meaning
        }
        // No kernel is known to take it. The loaded header must not be started.
        Ok(()) => {
            let _ = sys::kexec::file_unload(false);
            Signatures::Unknown
        }
    }
}

/// The meaning of an answer.
fn meaning(errno: Errno) -> Signatures {
    match errno {
        // It has come as far as the initrd, or there is nothing that could check.
        Errno::BADF | Errno::NOSYS => Signatures::NotEnforced,
        errno if is_verdict(errno) => Signatures::Enforced("the running kernel enforces signatures"),
        _ => Signatures::Unknown,
    }
}

/// Whether kexec_file_load(2) returns it for the content of a file: for its signature, or by a policy. `EPERM` is one only for a
/// process that may load kernels.
#[must_use]
pub fn is_verdict(errno: Errno) -> bool {
    [
        Errno::NODATA,
        Errno::NOKEY,
        Errno::KEYREJECTED,
        Errno::NOPKG,
        Errno::BADMSG,
        Errno::LIBBAD,
        Errno::ACCESS,
        Errno::PERM,
    ]
    .contains(&errno)
}

/// The head of a kernel for this machine, without anything after it that could be a signature.
fn unsigned() -> [u8; LENGTH] {
    let mut head = [0; LENGTH];
    let fields: &[(usize, &[u8])] = if cfg!(target_arch = "x86_64") {
        &[
            (0x1fe, &[0x55, 0xaa]),
            // Protocol 2.15.
            (0x202, b"HdrS\x0f\x02"),
            // LOADED_HIGH.
            (0x211, &[1]),
            // relocatable_kernel.
            (0x234, &[1]),
            // Every ability, five levels of page tables among them: a machine that has them asks for it first.
            (0x236, &[0x7f]),
        ]
    } else {
        // Of an Image only the magic is looked at (Linux arch/arm64/kernel/kexec_image.c).
        &[(0x38, b"ARM\x64")]
    };
    for (at, bytes) in fields {
        if let Some(place) = head.get_mut(*at..at.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_tells_whether_the_signature_was_looked_at() {
        let enforced = Signatures::Enforced("the running kernel enforces signatures");
        for (errno, expected) in [
            (Errno::BADF, Signatures::NotEnforced),
            (Errno::NOSYS, Signatures::NotEnforced),
            (Errno::NODATA, enforced),
            (Errno::LIBBAD, enforced),
            (Errno::KEYREJECTED, enforced),
            (Errno::PERM, enforced),
            (Errno::ACCESS, enforced),
            (Errno::NOEXEC, Signatures::Unknown),
            (Errno::INVAL, Signatures::Unknown),
            (Errno::BUSY, Signatures::Unknown),
            (Errno::NOMEM, Signatures::Unknown),
        ] {
            assert_eq!(meaning(errno), expected, "{errno:?}");
        }
    }

    #[test]
    fn the_kernel_is_not_asked_where_its_answer_is_known_or_costs_something() {
        let usual = Circumstances { capable: true, ..Circumstances::default() };
        for (circumstances, expected) in [
            (Circumstances { lockdown: true, ..usual }, Signatures::Enforced("lockdown is on")),
            (Circumstances { capable: false, ..usual }, Signatures::Unknown),
            (Circumstances { disabled: true, ..usual }, Signatures::Unknown),
            (Circumstances { limited: true, ..usual }, Signatures::Unknown),
        ] {
            assert_eq!(ask(&circumstances), expected, "{circumstances:?}");
        }
    }

    /// As the tables of Linux Documentation/arch/x86/boot.rst and Documentation/arch/arm64/booting.rst have it.
    #[test]
    fn the_header_is_that_of_a_kernel_for_this_machine() {
        let head = unsigned();
        if cfg!(target_arch = "x86_64") {
            let header = crate::formats::bzimage::parse(&head).unwrap();
            assert_eq!(header.protocol, 0x20f);
        } else {
            assert_eq!(&head[56..60], b"ARM\x64");
        }
    }
}
