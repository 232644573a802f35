//! Parts of U-Boot's images, with their check sums verified (U-Boot: include/image.h, doc/usage/fit), and files whose content is
//! known beforehand.

use std::fs::File;

use super::{
    NamedFile,
    error::{PrepareError, UnpackError},
    memory,
};
use crate::formats::{
    kernel_file::{
        fit::Sum,
        u_image::{HEADER_LENGTH, UImage},
    },
    text::printable,
};

/// A file with this SHA-256, in hexadecimal digits: what is returned is what was checked.
///
/// # Errors
/// [`PrepareError`] says that it has another content, or why it cannot be read.
pub fn verified(file: NamedFile, sha256: &str) -> Result<NamedFile, PrepareError> {
    let check = || {
        let content = memory::part(&file.file, 0, file.size())?;
        let sum = memory::sum(&content, "sha256")?.unwrap_or_default();
        let digits: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        if digits.eq_ignore_ascii_case(sha256) { Ok(content) } else { Err(UnpackError::Replaced) }
    };
    let content = check().map_err(PrepareError::of(&file.name))?;
    Ok(NamedFile { name: file.name, file: content })
}

/// The content of U-Boot's older image, without the header.
///
/// # Errors
/// [`UnpackError`] says what is wrong with it.
pub(super) fn content(file: &File, image: &UImage) -> Result<File, UnpackError> {
    let sum = Sum { algorithm: "crc32".to_owned(), value: image.crc32.to_be_bytes().to_vec() };
    part(file, (HEADER_LENGTH as u64, image.size.into()), &[sum], &image.content)
}

/// A part of the file: its offset and size in bytes, its check sums and its name. As in U-Boot, all of them must be right; one
/// by an unknown algorithm is passed over with a warning.
///
/// # Errors
/// [`UnpackError`] says what is wrong with it.
pub(super) fn part(
    file: &File,
    (offset, size): (u64, u64),
    sums: &[Sum],
    name: &str,
) -> Result<File, UnpackError> {
    let part = memory::part(file, offset, size)?;
    for Sum { algorithm, value } in sums {
        let (what, name) = (printable(algorithm), printable(name));
        match memory::sum(&part, algorithm)? {
            Some(sum) if sum == *value => {}
            Some(_) => return Err(UnpackError::CheckSum(format!("{what} of {name}"))),
            None => log::warn!("the {what} of {name} is not checked: this check sum is not known here"),
        }
    }
    Ok(part)
}
