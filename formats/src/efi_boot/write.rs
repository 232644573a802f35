//! Boot options as efibootmgr writes them: a partition, a file on it, nothing else (UEFI specification 2.10, 3.1.3 load options,
//! 10.3.5.1 hard drive, 10.3.5.4 file path).

use super::{ACTIVE, MEDIA_FILE_PATH, MEDIA_HARD_DRIVE};

/// A partition of a GPT, as a device path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardDrive {
    /// Its number, from 1.
    pub number: u32,
    /// Its first sector, in sectors of the disk.
    pub start: u64,
    /// Its length, in sectors of the disk.
    pub size: u64,
    /// Its UUID, as the kernel's `PARTUUID=` takes it.
    pub uuid: String,
}

/// The value of a `Boot####` variable that starts a file on a partition; `file` has backslashes. `None` where the UUID is none, or
/// a text is too long for its field.
#[must_use]
pub fn boot_option(description: &str, partition: &HardDrive, file: &str) -> Option<Vec<u8>> {
    let HardDrive { number, start, size, uuid } = partition;
    // A GUID partition table, and a GUID that tells which partition.
    const GPT: [u8; 2] = [2, 2];
    let content =
        [&number.to_le_bytes()[..], &start.to_le_bytes(), &size.to_le_bytes(), &guid(uuid)?, &GPT].concat();
    let path =
        [node(MEDIA_HARD_DRIVE, &content)?, node(MEDIA_FILE_PATH, &text(file)?)?, vec![0x7f, 0xff, 4, 0]]
            .concat();
    let length = u16::try_from(path.len()).ok()?;
    Some([&ACTIVE.to_le_bytes()[..], &length.to_le_bytes(), &text(description)?, &path].concat())
}

/// The value of `BootOrder`.
#[must_use]
pub fn order_value(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn node(kind: [u8; 2], content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len().checked_add(4)?).ok()?;
    Some([&kind[..], &length.to_le_bytes(), content].concat())
}

/// UTF-16 with a NUL; `None` for a text with a NUL in it.
fn text(text: &str) -> Option<Vec<u8>> {
    let units = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    (!text.contains('\0')).then(|| units.collect())
}

/// The bytes of a GUID: its first three fields are in little-endian order (appendix A).
fn guid(text: &str) -> Option<[u8; 16]> {
    let fields: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = fields.iter().map(|field| field.len()).collect();
    if lengths != [8, 4, 4, 4, 12] || !text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Vec::new();
    for (number, field) in fields.into_iter().enumerate() {
        let value = u64::from_str_radix(field, 16).ok()?.to_be_bytes();
        let mut field = value.get(value.len().checked_sub(field.len() / 2)?..)?.to_vec();
        if number < 3 {
            field.reverse();
        }
        bytes.extend(field);
    }
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi_boot::{LoadOption, load_option, order};

    const UUID: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

    fn partition(uuid: &str) -> HardDrive {
        HardDrive { number: 1, start: 0x800, size: 0x4_0000, uuid: uuid.into() }
    }

    /// `HD(1,GPT,4f68bce3-e8cd-4db1-96e7-fbcaf984b709,0x800,0x40000)/\EFI\a.efi`, laid out by hand from tables 3.3, 10.49 and
    /// 10.52.
    #[test]
    fn an_option_is_laid_out_as_the_specification_has_it() {
        let expected = [
            &[1, 0, 0, 0, 0x48, 0][..],
            b"x\0\0\0",
            &[4, 1, 42, 0, 1, 0, 0, 0],
            &[0, 8, 0, 0, 0, 0, 0, 0],
            &[0, 0, 4, 0, 0, 0, 0, 0],
            &[0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d],
            &[0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7, 0x09, 2, 2],
            &[4, 4, 26, 0],
            b"\\\0E\0F\0I\0\\\0a\0.\0e\0f\0i\0\0\0",
            &[0x7f, 0xff, 4, 0],
        ]
        .concat();
        assert_eq!(boot_option("x", &partition(UUID), r"\EFI\a.efi"), Some(expected));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = boot_option("firstlight ä", &partition(UUID), r"\EFI\firstlight\a.efi").unwrap();
        let expected = LoadOption {
            active: true,
            description: "firstlight ä".into(),
            partition: Some(UUID.into()),
            file: Some(r"\EFI\firstlight\a.efi".into()),
            ..LoadOption::default()
        };
        assert_eq!(load_option(&value), Some(expected));
        assert_eq!(order(&order_value(&[7, 0x200a])), [7, 0x200a]);
    }

    #[test]
    fn what_does_not_fit_is_no_option() {
        let long = "x".repeat(40_000);
        for (description, uuid, file) in [
            ("x", "ab12cd34-02", "\\a"),
            ("x", "4f68bce3-e8cd-4db1-96e7-fbcaf984b70g", "\\a"),
            ("x", "4f68bce3-e8cd-4db1-96e7+fbcaf984b709", "\\a"),
            ("x", UUID, &long),
            ("a\0b", UUID, "\\a"),
        ] {
            assert_eq!(boot_option(description, &partition(uuid), file), None, "{uuid}");
        }
    }
}
