//! Text whose bytes survive: configurations and file names are bytes, most of them UTF-8, all of them kept.
//!
//! A byte that is no part of valid UTF-8 becomes one private-use character (U+10FF00 + byte), and turns back into that
//! byte on the way to the kernel. So every stage in between works on ordinary strings and loses nothing.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

/// First of the 256 characters (the end of plane 16) that stand for stray bytes.
const STRAY: u32 = 0x0010_FF00;

/// Turns bytes into text, keeping stray bytes as private-use characters.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        if holds_strays(chunk.valid()) {
            // A file that holds such characters itself would not survive the way back: their bytes count as stray too.
            for character in chunk.valid().chars() {
                if u32::from(character) >= STRAY {
                    let mut buffer = [0; 4];
                    text.extend(character.encode_utf8(&mut buffer).bytes().filter_map(stray));
                } else {
                    text.push(character);
                }
            }
        } else {
            text.push_str(chunk.valid());
        }
        text.extend(chunk.invalid().iter().copied().filter_map(stray));
    }
    text
}

/// As [`decode`], without a copy where the bytes are text already.
#[must_use]
pub fn decode_owned(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if !holds_strays(&text) => text,
        Ok(text) => decode(text.as_bytes()),
        Err(error) => decode(error.as_bytes()),
    }
}

/// Turns text back into the bytes that [`decode`] was given.
#[must_use]
pub fn encode(text: &str) -> Vec<u8> {
    if !holds_strays(text) {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(STRAY).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// A path or an argument of these bytes.
#[must_use]
pub fn os_string(text: &str) -> OsString {
    OsString::from_vec(encode(text))
}

/// Text fit for a terminal: control characters and stray bytes shown as `?`, so that nothing read from a disk can steer
/// the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || u32::from(c) >= STRAY { '?' } else { c }).collect()
}

/// Whether a text may hold characters that stand for stray bytes. All text goes through here, and hardly any has them.
fn holds_strays(text: &str) -> bool {
    // The first byte of every character of plane 16, and of no other.
    memchr::memchr(0xf4, text.as_bytes()).is_some()
}

fn stray(byte: u8) -> Option<char> {
    char::from_u32(STRAY.saturating_add(u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn utf8_reads_as_itself() {
        assert_eq!(decode("quiet – größe".as_bytes()), "quiet – größe");
    }

    #[test]
    fn latin1_and_reserved_characters_survive() {
        for bytes in [&b"gr\xf6\xdfe"[..], "\u{10ff41}".as_bytes(), b"\xff\xfe\0"] {
            assert_eq!(encode(&decode(bytes)), bytes);
        }
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(printable(&decode(b"a\x1b[2J\xffb\n")), "a?[2J?b?");
    }

    proptest! {
        #[test]
        fn every_byte_string_survives(bytes: Vec<u8>) {
            prop_assert_eq!(encode(&decode(&bytes)), bytes);
        }
    }
}
