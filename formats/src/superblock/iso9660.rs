//! ISO 9660 (ECMA-119) with Joliet: the UUID is the date of the last change, else of creation, as GRUB and blkid print it.

use super::{bare, blocks::Blocks, names};
use crate::{
    bytes::{holds, slice},
    entry::{Filesystem, FilesystemKind},
    iso9660::{DESCRIPTORS, END, FIRST_DESCRIPTOR, JOLIET, PRIMARY, SECTOR, SUPPLEMENTARY},
};

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let first = blocks.bytes(FIRST_DESCRIPTOR, 2048)?;
    if holds(&first, 9, b"CDROM") {
        // High Sierra, the forerunner: no date, the label eight bytes further.
        let label = names::label(slice(&first, 48, 32)?);
        return Some(Filesystem { label, ..bare(FilesystemKind::Iso9660) });
    }
    if !holds(&first, 1, b"CD001") {
        return None;
    }
    let (mut primary, mut joliet) = (None, None);
    for number in 0..DESCRIPTORS {
        let offset = number.checked_mul(SECTOR)?.checked_add(FIRST_DESCRIPTOR)?;
        let Some(descriptor) = blocks.bytes(offset, 2048) else { break };
        let is_joliet = JOLIET.iter().any(|sequence| holds(&descriptor, 88, sequence));
        match *descriptor.first()? {
            END => break,
            PRIMARY if primary.is_none() => primary = Some(descriptor),
            SUPPLEMENTARY if joliet.is_none() && is_joliet => joliet = Some(descriptor),
            _ => {}
        }
    }
    let primary = primary?;
    let plain = slice(&primary, 40, 32)?;
    let label = match joliet {
        Some(joliet) => {
            let short = slice(&joliet, 40, 32)?;
            merged(short, plain).unwrap_or_else(|| names::label_utf16be(short))
        }
        None => names::label(plain),
    };
    let uuid = date(slice(&primary, 830, 17)?).or(date(slice(&primary, 813, 17)?));
    Some(Filesystem { kind: FilesystemKind::Iso9660, uuid, label })
}

/// `2026-03-01-12-30-00-00` of sixteen digits and a time zone; `None` where the date is not set.
fn date(date: &[u8]) -> Option<String> {
    let (zone, digits) = date.split_last()?;
    if digits.iter().all(|&digit| digit == b'0') && *zone == 0 || digits.iter().all(|&digit| digit == 0) {
        return None;
    }
    let mut form = String::new();
    for (at, &digit) in digits.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10 | 12 | 14) {
            form.push('-');
        }
        form.push(char::from(digit));
    }
    Some(form)
}

/// Joliet's label holds any character but only 16 of them, the plain one 32 but only some; where one is the beginning of
/// the other (`_` stands for a character that could not be kept), the whole is put together from both.
#[expect(clippy::option_option, reason = "no common label is not the same as an empty one")]
fn merged(joliet: &[u8], plain: &[u8]) -> Option<Option<String>> {
    let units = joliet.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
    let mut joliet = char::decode_utf16(units);
    let mut label = String::new();
    for character in plain.iter().copied().map(char::from) {
        label.push(match joliet.next() {
            None => character,
            Some(Ok(wide)) if character == '_' => wide,
            Some(Ok('_')) => character,
            Some(Ok(wide)) if wide.eq_ignore_ascii_case(&character) && character.is_ascii_uppercase() => wide,
            Some(Ok(wide)) if wide.eq_ignore_ascii_case(&character) => character,
            Some(_) => return None,
        });
    }
    label.truncate(label.find('\0').unwrap_or(label.len()));
    Some(names::trimmed(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joliet_and_plain_labels_complete_each_other() {
        let wide = |text: &str| -> Vec<u8> {
            format!("{text:16}").encode_utf16().take(16).flat_map(u16::to_be_bytes).collect()
        };
        for (joliet, plain, expected) in [
            ("Ubuntu 25.10 amd", "UBUNTU 25.10 AMD64", Some("Ubuntu 25.10 amd64")),
            ("Größe", "GR__E", Some("Größe")),
            ("OTHER", "UBUNTU", None),
            ("a b", "A_B", Some("a b")),
        ] {
            let plain = format!("{plain:32}");
            assert_eq!(merged(&wide(joliet), plain.as_bytes()), expected.map(|label| Some(label.to_owned())));
        }
    }
}
