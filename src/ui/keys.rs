//! Keys out of the bytes that a terminal sends: UTF-8, and ECMA-48 control sequences as the Linux console, xterm and
//! serial terminals send them.

use std::fmt;

use crate::formats::text::printable;

/// A key that means something to a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character that can be printed.
    Character(char),
    /// Return or line feed.
    Enter,
    /// Backspace or DEL.
    Backspace,
    /// The escape key alone.
    Escape,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// Control and a letter, given in lower case, or `_`.
    Control(char),
    /// A function key, by its number.
    Function(u8),
}

impl fmt::Display for Key {
    /// The name that is on the keyboard.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Character(character) => return write!(f, "{character}"),
            Self::Control(letter) => return write!(f, "Ctrl-{}", letter.to_ascii_uppercase()),
            Self::Function(number) => return write!(f, "F{number}"),
            Self::Enter => "Enter",
            Self::Backspace => "Backspace",
            Self::Escape => "Esc",
            Self::Delete => "Delete",
            Self::Up => "Up",
            Self::Down => "Down",
            Self::Left => "Left",
            Self::Right => "Right",
            Self::Home => "Home",
            Self::End => "End",
            Self::PageUp => "Page Up",
            Self::PageDown => "Page Down",
        };
        f.write_str(name)
    }
}

impl Key {
    /// The key that GRUB calls so in `--hotkey` (grub-core/commands/menuentry.c): one character, `backspace`, `tab`, `delete`, or
    /// `f1` to `f12`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Some(Self::Character(character)),
            (Some('f'), Some('0'..='9')) => {
                name.get(1..)?.parse().ok().filter(|number| (1..=12).contains(number)).map(Self::Function)
            }
            _ => match name {
                "backspace" => Some(Self::Backspace),
                "tab" => Some(Self::Control('i')),
                "delete" => Some(Self::Delete),
                _ => None,
            },
        }
    }
}

/// Maximum number of bytes between ESC and the end of a control sequence; a longer one is dropped whole.
const PARAMETERS: usize = 8;

/// Control sequences: what follows `ESC [` or `ESC O`.
const SEQUENCES: [(&[u8], Key); 35] = [
    (b"A", Key::Up),
    (b"B", Key::Down),
    (b"C", Key::Right),
    (b"D", Key::Left),
    (b"3~", Key::Delete),
    (b"H", Key::Home),
    (b"F", Key::End),
    (b"1~", Key::Home),
    (b"7~", Key::Home),
    (b"4~", Key::End),
    (b"8~", Key::End),
    (b"5~", Key::PageUp),
    (b"6~", Key::PageDown),
    // With Shift, Alt or Control held, xterm puts the modifier in between; the key stays the same.
    (b"1;2A", Key::Up),
    (b"1;2B", Key::Down),
    (b"1;3A", Key::Up),
    (b"1;3B", Key::Down),
    (b"1;5A", Key::Up),
    (b"1;5B", Key::Down),
    (b"P", Key::Function(1)),
    (b"Q", Key::Function(2)),
    (b"R", Key::Function(3)),
    (b"S", Key::Function(4)),
    (b"11~", Key::Function(1)),
    (b"12~", Key::Function(2)),
    (b"13~", Key::Function(3)),
    (b"14~", Key::Function(4)),
    (b"15~", Key::Function(5)),
    (b"17~", Key::Function(6)),
    (b"18~", Key::Function(7)),
    (b"19~", Key::Function(8)),
    (b"20~", Key::Function(9)),
    (b"21~", Key::Function(10)),
    (b"23~", Key::Function(11)),
    (b"24~", Key::Function(12)),
];

/// Turns bytes into keys, one byte at a time. Sequences that mean nothing here, such as a terminal's answers, and bytes
/// that are no UTF-8 give no key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoder {
    pending_bytes: Pending,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Pending {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After `ESC [` or `ESC O`, with the bytes since.
    Sequence(Vec<u8>),
    /// After `ESC [ [`: the Linux console's function keys end with the next byte.
    Function,
    /// Within a character of several bytes, with those that are there.
    Utf8(Vec<u8>),
}

impl Decoder {
    /// Takes one byte, and gives the key that it completes.
    pub fn push(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.pending_bytes) {
            Pending::Ground => self.ground(byte),
            Pending::Escape => match byte {
                b'[' | b'O' => {
                    self.pending_bytes = Pending::Sequence(Vec::new());
                    None
                }
                0x1b => {
                    self.pending_bytes = Pending::Escape;
                    Some(Key::Escape)
                }
                // Alt and a key: the key itself.
                _ => self.ground(byte),
            },
            Pending::Sequence(parameters) => self.sequence(parameters, byte),
            Pending::Function => match byte {
                b'A'..=b'E' => Some(Key::Function(byte.saturating_sub(b'@'))),
                _ => None,
            },
            Pending::Utf8(mut bytes) => {
                bytes.push(byte);
                match std::str::from_utf8(&bytes) {
                    Ok(text) => text.chars().next().filter(|_| printable(text) == text).map(Key::Character),
                    Err(error) if error.error_len().is_none() => {
                        self.pending_bytes = Pending::Utf8(bytes);
                        None
                    }
                    // The character broke off, and this byte belongs to the next key.
                    Err(_) => self.ground(byte),
                }
            }
        }
    }

    /// Whether bytes were taken that may turn out to be the escape key alone.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.pending_bytes != Pending::Ground
    }

    /// Nothing followed in time: ends what is pending, and gives the escape key if it was one.
    pub fn pause(&mut self) -> Option<Key> {
        (std::mem::take(&mut self.pending_bytes) == Pending::Escape).then_some(Key::Escape)
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\r' | b'\n' => Some(Key::Enter),
            0x08 | 0x7f => Some(Key::Backspace),
            0x1b => {
                self.pending_bytes = Pending::Escape;
                None
            }
            0x1f => Some(Key::Control('_')),
            0x01..=0x1a => Some(Key::Control(char::from(byte.saturating_add(b'`')))),
            b' '..=b'~' => Some(Key::Character(char::from(byte))),
            // The first byte of a character of two, three or four (RFC 3629).
            0xc2..=0xf4 => {
                self.pending_bytes = Pending::Utf8(vec![byte]);
                None
            }
            // NUL is a serial break; the others begin nothing.
            _ => None,
        }
    }

    fn sequence(&mut self, mut parameters: Vec<u8>, byte: u8) -> Option<Key> {
        match byte {
            b'[' if parameters.is_empty() => self.pending_bytes = Pending::Function,
            // A new sequence begins where the old one broke off.
            0x1b => self.pending_bytes = Pending::Escape,
            0x20..=0x3f => {
                if parameters.len() <= PARAMETERS {
                    parameters.push(byte);
                }
                self.pending_bytes = Pending::Sequence(parameters);
            }
            0x40..=0x7e => {
                parameters.push(byte);
                return SEQUENCES.iter().find(|(bytes, _)| *bytes == parameters).map(|(_, key)| *key);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.push(*byte)).collect();
        keys.extend(decoder.pause());
        keys
    }

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        // From console_codes(4), xterm's ctlseqs and terminfo(5) of vt220.
        let cases: [(&[u8], &[Key]); 22] = [
            (b"1\r", &[Key::Character('1'), Key::Enter]),
            (b"\n", &[Key::Enter]),
            (b"\x7f\x08", &[Key::Backspace, Key::Backspace]),
            (b"\x1b", &[Key::Escape]),
            (b"\x1b\x1b[A", &[Key::Escape, Key::Up]),
            (b"\x1b[A\x1b[B", &[Key::Up, Key::Down]),
            (b"\x1bOA\x1bOB\x1bOH\x1bOF", &[Key::Up, Key::Down, Key::Home, Key::End]),
            (b"\x1b[1~\x1b[4~", &[Key::Home, Key::End]),
            (b"\x1b[5~\x1b[6~", &[Key::PageUp, Key::PageDown]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x0c", &[Key::Control('l')]),
            (b"\x1b[C\x1bOD\x1b[3~", &[Key::Right, Key::Left, Key::Delete]),
            (b"\x1f", &[Key::Control('_')]),
            // F4 of the Linux console, of xterm and of a VT220.
            (b"\x1b[[D\x1bOS\x1b[14~", &[Key::Function(4); 3]),
            (b"\x1b[[A\x1b[[x\x1b[24~", &[Key::Function(1), Key::Function(12)]),
            (b"\x1b[24;80Rx", &[Key::Character('x')]),
            (b"\x1b[?1;2cx", &[Key::Character('x')]),
            (b"\x1bx", &[Key::Character('x')]),
            (b"\0\xffx", &[Key::Character('x')]),
            (b"\x1b[111111111111111111111111~x", &[Key::Character('x')]),
            (
                "\u{e4}\u{20ac}\u{1f600}".as_bytes(),
                &[Key::Character('\u{e4}'), Key::Character('\u{20ac}'), Key::Character('\u{1f600}')],
            ),
            // Alt and a character of two bytes.
            (b"\x1b\xc3\xa4", &[Key::Character('\u{e4}')]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn keys_are_named_as_in_grub() {
        for (name, expected) in [
            ("k", Some(Key::Character('k'))),
            ("f", Some(Key::Character('f'))),
            ("f1", Some(Key::Function(1))),
            ("f12", Some(Key::Function(12))),
            ("f13", None),
            ("f0", None),
            ("delete", Some(Key::Delete)),
            ("tab", Some(Key::Control('i'))),
            ("backspace", Some(Key::Backspace)),
            ("home", None),
            ("", None),
        ] {
            assert_eq!(Key::named(name), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_and_control_characters_give_no_key() {
        let cases: [(&[u8], &[Key]); 7] = [
            // Overlong, a surrogate, beyond the last character, and a continuation alone.
            (b"\xc0\xaf\xe0\x80\xaf", &[]),
            (b"\xed\xa0\x80", &[]),
            (b"\xf4\x90\x80\x80\xf5", &[]),
            (b"\x80\xbf", &[]),
            // CSI as one character (C1), and a character that encodes a stray byte (`formats::text`).
            (b"\xc2\x9b\xf4\x8f\xbd\x81", &[]),
            // The bytes after a broken character are read.
            (b"\xe2\x82x\xc3\x1b[A", &[Key::Character('x'), Key::Up]),
            (b"\xe2\xc3\xa4\xf0\x9f", &[Key::Character('\u{e4}')]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_its_characters(text in "[^\\x00-\\x1f\\x7f-\\u{9f}\\u{10ff00}-\\u{10ffff}]{0,40}") {
            // What could not be shown is not read.
            let is_shown = |it: &char| printable(&it.to_string()) == it.to_string();
            let expected: Vec<Key> = text.chars().filter(is_shown).map(Key::Character).collect();
            prop_assert_eq!(keys(text.as_bytes()), expected);
        }

        #[test]
        fn noise_never_grows_the_decoder_and_gives_only_what_can_be_printed(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            for byte in bytes {
                if let Some(Key::Character(character)) = decoder.push(byte) {
                    let text = character.to_string();
                    prop_assert_eq!(printable(&text), text);
                }
                match &decoder.pending_bytes {
                    Pending::Sequence(parameters) => prop_assert!(parameters.len() <= PARAMETERS + 1),
                    Pending::Utf8(bytes) => prop_assert!(bytes.len() <= 3),
                    _ => {}
                }
            }
        }
    }
}
