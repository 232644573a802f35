//! UUIDs and labels in the forms that blkid prints.

use crate::text;

/// 16 bytes as `8-4-4-4-12` lower-case hex digits; all zero means that there is none.
pub(super) fn uuid(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|&byte| byte == 0) {
        return None;
    }
    let mut form = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            form.push('-');
        }
        form.push_str(&format!("{byte:02x}"));
    }
    Some(form)
}

/// The serial number of a FAT volume: `1234-ABCD`, the highest byte first.
pub(super) fn serial(number: u32) -> Option<String> {
    (number != 0).then(|| format!("{:04X}-{:04X}", number >> 16, number & 0xffff))
}

/// A label: ends at the first NUL, without the white space after it; empty means that there is none.
pub(super) fn label(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    trimmed(text::decode(bytes.get(..end)?))
}

/// A label in little-endian UTF-16.
pub(super) fn label_utf16le(bytes: &[u8]) -> Option<String> {
    label_utf16(bytes, u16::from_le_bytes)
}

/// A label in big-endian UTF-16.
pub(super) fn label_utf16be(bytes: &[u8]) -> Option<String> {
    label_utf16(bytes, u16::from_be_bytes)
}

fn label_utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Option<String> {
    let units =
        bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(read).take_while(|&unit| unit != 0);
    trimmed(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Cuts the white space (as C's `isspace` means it) off the end.
pub(super) fn trimmed(mut label: String) -> Option<String> {
    label.truncate(label.trim_end_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']).len());
    (!label.is_empty()).then_some(label)
}
