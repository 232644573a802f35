//! Text whose bytes survive: configurations and file names are bytes, most of them UTF-8, all of them kept.
//!
//! A byte that is no part of valid UTF-8 becomes one private-use character (U+10FF00 + byte), and turns back into that
//! byte on the way to the kernel. So every stage in between works on ordinary strings and loses nothing.

use std::{ffi::OsString, ops::RangeInclusive, os::unix::ffi::OsStringExt};

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

/// Text fit for one line of a terminal: what could steer the terminal or hide in it (control characters, stray bytes,
/// characters that change the direction of text or show nothing) becomes `?`, and so does the `@` of anything that looks
/// like a landmark, so that nothing read from a disk can pass for one.
#[must_use]
pub fn printable(text: &str) -> String {
    replaced(text, "", false)
}

/// As [`printable`], for several lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    replaced(text, "\n", false)
}

/// JSON as it was, with an escape in place of every character that [`printable`] replaces (RFC 8259, 7): the values stay
/// the same.
#[must_use]
pub fn printable_json(json: &str) -> String {
    replaced(json, "\n", true)
}

/// The beginning of a landmark, up to its `@`.
const LANDMARK: &str = "firstlight: ";

/// The text with `?`, or an escape of JSON's, in place of every character that is not to be shown and is none of `kept`.
#[inline(never)]
fn replaced(text: &str, kept: &str, as_escape: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        // Nearly all of a text is shown as it is.
        let plain = rest.bytes().take_while(|byte| matches!(byte, b' '..=b'~') && *byte != b'@').count();
        let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        shown.push_str(run);
        let mut characters = after.chars();
        let Some(character) = characters.next() else { return shown };
        rest = characters.as_str();
        let forges = character == '@' && shown.ends_with(LANDMARK);
        if !forges && (!is_harmful(character) || kept.contains(character)) {
            shown.push(character);
        } else if as_escape {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push('?');
        }
    }
}

/// Characters beside the control characters that show nothing or change the order of what is shown: those of Unicode's
/// properties Default_Ignorable_Code_Point and Bidi_Control, the separators of lines and paragraphs, and the interlinear
/// annotations (Unicode 16.0, DerivedCoreProperties.txt and PropList.txt).
const INVISIBLE: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

fn is_harmful(character: char) -> bool {
    match character {
        ' '..='~' => false,
        _ => {
            character.is_control()
                || u32::from(character) >= STRAY
                || INVISIBLE.iter().any(|range| range.contains(&character))
        }
    }
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

    #[test]
    fn what_hides_or_turns_text_around_is_not_shown() {
        // Unicode's names: soft hyphen, Arabic letter mark, zero width space, right-to-left mark, line separator, paragraph
        // separator, right-to-left override, word joiner, first strong isolate, byte order mark, annotation anchor, a tag.
        let hidden =
            "\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202e}\u{2060}\u{2068}\u{feff}\u{fff9}\u{e0041}";
        for character in hidden.chars().chain(['\u{7f}', '\u{9b}']) {
            assert_eq!(printable(&format!("a{character}b")), "a?b", "{:x}", u32::from(character));
        }
        for shown in ["größe", "日本語 1", "\u{a0}", "a@b", "\u{200a}", "🐧", "\u{2027}\u{202f}"] {
            assert_eq!(printable(shown), shown);
        }
    }

    #[test]
    fn nothing_read_from_a_disk_passes_for_a_landmark() {
        assert_eq!(printable("firstlight: @jump id=x"), "firstlight: ?jump id=x");
        assert_eq!(printable("a firstlight: firstlight: @jump"), "a firstlight: firstlight: ?jump");
        assert_eq!(printable("firstlight: \u{200b}@"), "firstlight: ?@");
        assert_eq!(printable_lines("a\nfirstlight: @b\r\n"), "a\nfirstlight: ?b?\n");
    }

    #[test]
    fn json_is_escaped_where_it_would_not_be_shown() {
        let json = "{\n  \"a\": \"\u{7f}\u{9b}\u{202e}é\u{e0041}\u{10ffff}firstlight: @\"\n}\n";
        let escaped = concat!(
            "{\n  \"a\": \"",
            r"\u007f\u009b\u202eé\udb40\udc41\udbff\udffffirstlight: \u0040",
            "\"\n}\n"
        );
        assert_eq!(printable_json(json), escaped);
    }

    proptest! {
        #[test]
        fn every_byte_string_survives(bytes: Vec<u8>) {
            prop_assert_eq!(encode(&decode(&bytes)), bytes);
        }
    }
}
