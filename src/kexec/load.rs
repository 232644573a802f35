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

use super::{cmdline, initrd, reason};
use crate::{
    formats::bzimage::{self, Header},
    image::unwrap::{UnwrapError, unwrap},
    sys,
};

/// A file to load, with the name that messages call it by.
#[derive(Debug)]
pub struct Image {
    /// Path, and the volume that it is on.
    pub name: String,
    /// The file itself, open for reading.
    pub file: File,
}

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
    /// The running kernel refused it.
    #[error("kexec: {kernel}: refused ({name}): {cause}; {remedy}")]
    Refused {
        /// Name of the kernel.
        kernel: String,
        /// Name of the error number.
        name: String,
        /// What happened.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

/// Loads a kernel, so that [`jump`] starts it; it takes the place of one that is loaded already. Several initrds are
/// joined in their order. The command line comes without a NUL.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub fn load(kernel: &Image, initrds: &[Image], cmdline: &[u8]) -> Result<(), LoadError> {
    let name = || kernel.name.clone();
    let unwrapped = unwrap(&kernel.file).map_err(|source| LoadError::Wrapped { kernel: name(), source })?;
    let file = unwrapped.as_ref().unwrap_or(&kernel.file);
    let header = header(file);
    let length = size(file);
    if let Some(header) = header.filter(|header| header.length > length) {
        return Err(LoadError::CutShort { kernel: name(), length, expected: header.length });
    }
    let limit = cmdline::limit(header.as_ref());
    if cmdline.len() > limit {
        return Err(LoadError::CommandLineTooLong { kernel: name(), length: cmdline.len(), limit });
    }
    let cmdline = CString::new(cmdline).map_err(|_| LoadError::CommandLineHoldsNul { kernel: name() })?;
    let joined;
    let initrd = match initrds {
        [] => None,
        // Its own descriptor keeps what IMA and fs-verity know of the file.
        [initrd] => Some(&initrd.file),
        _ => {
            joined = initrd::join(initrds)
                .map_err(|(name, source)| LoadError::Initrd { name: name.to_owned(), source })?;
            Some(&joined)
        }
    };
    sys::kexec::file_load(file.as_fd(), initrd.map(AsFd::as_fd), &cmdline).map_err(|errno| {
        let needed = initrds.iter().fold(length, |sum, initrd| sum.saturating_add(size(&initrd.file)));
        refused(name(), errno, &reason::circumstances(needed, header.is_some()))
    })
}

/// Drops the loaded kernel. Without one, does nothing.
///
/// # Errors
/// The kernel's reason.
pub fn unload() -> io::Result<()> {
    Ok(sys::kexec::file_unload()?)
}

/// Jumps into the loaded kernel. Returns only if that fails, with the kernel's reason: `EINVAL` where none is loaded.
#[must_use]
pub fn jump() -> io::Error {
    match reboot(RebootCommand::Kexec) {
        Ok(()) => io::Error::other("the jump came back"),
        Err(errno) => errno.into(),
    }
}

fn refused(kernel: String, errno: Errno, circumstances: &reason::Circumstances) -> LoadError {
    match reason::explain(errno, circumstances) {
        Some(reason) => LoadError::Refused {
            kernel,
            name: reason.name.to_owned(),
            cause: reason.cause.to_owned(),
            remedy: reason.remedy,
        },
        None => LoadError::Refused {
            kernel,
            name: format!("error {}", errno.raw_os_error()),
            cause: errno.to_string(),
            remedy: "look at the kernel log",
        },
    }
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
    use std::io::Write;

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    fn image(name: &str, content: &[u8]) -> Image {
        let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(content).unwrap();
        Image { name: name.into(), file }
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

    fn error(kernel: &Image, cmdline: &[u8]) -> String {
        load(kernel, &[], cmdline).unwrap_err().to_string()
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
                kernel(1),
                vec![],
                "kexec: /boot/vmlinuz: the file is cut short: it has 2560 of at least 2576 bytes; install the kernel again",
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
