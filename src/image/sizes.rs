//! Sizes, checked before a byte is read: of files against what any kernel takes and what memory there is, of parts against the
//! file that they lie in.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
};

use super::{
    companions::CompanionFile,
    error::{PrepareError, UnpackError},
    prepare::KernelFiles,
};
use crate::{formats::sort, sys::files::free_memory};

/// Maximum size of a kernel with everything that is handed to it, in bytes: what Linux takes of one file (KEXEC_FILE_SIZE_MAX in
/// kernel/kexec_file.c).
pub(super) const LIMIT: u64 = 4 << 30;

/// Length of a file or a device in bytes.
///
/// # Errors
/// The kernel's reason.
pub(super) fn length(mut file: &File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok(metadata.len()) } else { file.seek(SeekFrom::End(0)) }
}

/// Checks that a kernel and its companions are no longer together than any kernel. Devices count by their parts, later.
///
/// # Errors
/// [`PrepareError`] names the file that is too much.
pub(super) fn check(kernel: (&str, &File), companions: &[CompanionFile]) -> Result<(), PrepareError> {
    let companions = companions.iter().map(|companion| (companion.name.as_str(), &companion.file));
    check_sum(std::iter::once(kernel).chain(companions), LIMIT, |_, size| UnpackError::TooLong {
        size,
        limit: LIMIT,
    })
}

/// As [`check`], for all files of an entry, and that there is memory for them: the kernel copies what it loads.
///
/// # Errors
/// [`PrepareError`] names the file that is too much.
pub fn check_room(files: &KernelFiles) -> Result<(), PrepareError> {
    check((&files.kernel.name, &files.kernel.file), &files.companions)?;
    let named = std::iter::once(&files.kernel).chain(&files.initrds).chain(&files.devicetree);
    let companions = files.companions.iter().map(|companion| (companion.name.as_str(), &companion.file));
    let all = named.map(|named| (named.name.as_str(), &named.file)).chain(companions);
    let free = free_memory();
    check_sum(all, free, |total, _| UnpackError::NoMemory { total, free })
}

/// Checks that files together are no longer than `limit`; `wrong` makes an error of their length and that of the last one.
fn check_sum<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a File)>,
    limit: u64,
    wrong: impl Fn(u64, u64) -> UnpackError,
) -> Result<(), PrepareError> {
    let mut total = 0_u64;
    for (name, file) in files {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        total = total.saturating_add(size);
        if total > limit {
            return Err(PrepareError::of(name)(wrong(total, size)));
        }
    }
    Ok(())
}

/// Checks parts of a file, each an offset and a size in bytes: they lie in the file, and none lies over another.
///
/// # Errors
/// [`UnpackError`] says which of both is wrong.
pub(super) fn check_parts(
    file: &File,
    parts: impl IntoIterator<Item = (u64, u64)>,
) -> Result<(), UnpackError> {
    let length = length(file)?;
    let mut parts: Vec<(u64, u64)> = parts.into_iter().filter(|(_, size)| *size > 0).collect();
    sort::ascending(&mut parts);
    let mut free_from = 0;
    for (offset, size) in parts {
        if offset < free_from {
            return Err(UnpackError::Overlapping);
        }
        free_from = offset.saturating_add(size);
    }
    if free_from > length { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::Role,
        image::{NamedFile, testing::file},
    };

    /// A file of this length that takes no room on the disk.
    fn sparse(length: u64) -> File {
        let file = file(b"");
        file.set_len(length).unwrap();
        file
    }

    #[test]
    fn files_that_are_too_much_are_named_before_they_are_read() {
        let kernel = sparse(1 << 20);
        let companion = |name: &str, length| CompanionFile {
            role: Role::Addon,
            name: name.to_owned(),
            file: sparse(length),
        };
        let said = |companions: &[CompanionFile]| {
            check(("k", &kernel), companions).map_err(|error| error.to_string())
        };
        assert_eq!(said(&[companion("a", LIMIT - (1 << 20))]), Ok(()));
        let message = "b: is 1536 MiB long; no kernel takes more than 4096 MiB with all that goes with it; install it again";
        let six = ["a", "a", "b", "c", "d", "e"].map(|name| companion(name, 1536 << 20));
        assert_eq!(said(&six), Err(message.to_owned()));

        let initrd = NamedFile { name: "i".to_owned(), file: sparse(1 << 50) };
        let named = NamedFile { name: "k".to_owned(), file: kernel };
        let files = KernelFiles { initrds: vec![initrd], ..KernelFiles::new(named) };
        let said = check_room(&files).unwrap_err().to_string();
        assert!(said.starts_with("i: 1073741825 MiB of memory are needed up to this file, and "), "{said}");
    }

    #[test]
    fn parts_lie_apart_and_in_the_file() {
        let file = sparse(100);
        let cases: [(&[(u64, u64)], &str); 8] = [
            (&[], ""),
            (&[(50, 50), (0, 50)], ""),
            // Nothing lies over anything.
            (&[(0, 50), (20, 0), (u64::MAX, 0)], ""),
            (&[(0, 50), (49, 1)], "has parts that lie over each other; write the image anew"),
            (&[(10, 10), (10, 10)], "has parts that lie over each other; write the image anew"),
            (&[(0, u64::MAX), (1, 1)], "has parts that lie over each other; write the image anew"),
            (&[(0, 101)], "cannot be read (unexpected end of file); check the disk and its cables"),
            (&[(u64::MAX, 2)], "cannot be read (unexpected end of file); check the disk and its cables"),
        ];
        for (parts, expected) in cases {
            let said = check_parts(&file, parts.iter().copied()).map_err(|error| error.to_string());
            assert_eq!(said.err().unwrap_or_default(), expected, "{parts:?}");
        }
    }
}
