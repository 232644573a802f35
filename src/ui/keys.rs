//! Keys out of the bytes that a terminal sends: ECMA-48 control sequences as the Linux console, xterm and serial
//! terminals send them.

/// A key that means something to a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable ASCII character.
    Character(char),
    /// Return or line feed.
    Enter,
    /// Backspace or DEL.
    Backspace,
    /// The escape key alone.
    Escape,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Control and a letter, given in lower case.
    Control(char),
}

/// What stands between ESC and the end of a control sequence, in bytes; a longer one is dropped whole.
const PARAMETERS: usize = 8;

/// Control sequences: what follows `ESC [` or `ESC O`.
const SEQUENCES: [(&[u8], Key); 16] = [
    (b"A", Key::Up),
    (b"B", Key::Down),
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
];

/// Turns bytes into keys, one byte at a time. Sequences that mean nothing here, such as a terminal's answers, give no
/// key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoder {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After `ESC [` or `ESC O`, with what came since.
    Sequence(Vec<u8>),
    /// After `ESC [ [`: the Linux console's function keys end with the next byte.
    Function,
}

impl Decoder {
    /// Takes one byte, and gives the key that it completes.
    pub fn push(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Ground => self.ground(byte),
            State::Escape => match byte {
                b'[' | b'O' => {
                    self.state = State::Sequence(Vec::new());
                    None
                }
                0x1b => {
                    self.state = State::Escape;
                    Some(Key::Escape)
                }
                // Alt and a key: the key itself.
                _ => self.ground(byte),
            },
            State::Sequence(parameters) => self.sequence(parameters, byte),
            State::Function => None,
        }
    }

    /// Whether bytes were taken that may turn out to be the escape key alone.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.state != State::Ground
    }

    /// Nothing followed in time: ends what is pending, and gives the escape key if it was one.
    pub fn pause(&mut self) -> Option<Key> {
        (std::mem::take(&mut self.state) == State::Escape).then_some(Key::Escape)
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\r' | b'\n' => Some(Key::Enter),
            0x08 | 0x7f => Some(Key::Backspace),
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x01..=0x1a => Some(Key::Control(char::from(byte.saturating_add(b'`')))),
            b' '..=b'~' => Some(Key::Character(char::from(byte))),
            // NUL is a serial break; what is above ASCII may be noise on the line.
            _ => None,
        }
    }

    fn sequence(&mut self, mut parameters: Vec<u8>, byte: u8) -> Option<Key> {
        match byte {
            b'[' if parameters.is_empty() => self.state = State::Function,
            // A new sequence begins where the old one broke off.
            0x1b => self.state = State::Escape,
            0x20..=0x3f => {
                if parameters.len() <= PARAMETERS {
                    parameters.push(byte);
                }
                self.state = State::Sequence(parameters);
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
        let cases: [(&[u8], &[Key]); 17] = [
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
            (b"\x1b[[Ax", &[Key::Character('x')]),
            (b"\x1b[24;80Rx", &[Key::Character('x')]),
            (b"\x1b[?1;2cx", &[Key::Character('x')]),
            (b"\x1bx", &[Key::Character('x')]),
            (b"\0\xff\xc3\xa4", &[]),
            (b"\x1b[111111111111111111111111~x", &[Key::Character('x')]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn noise_never_grows_the_decoder(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            for byte in bytes {
                decoder.push(byte);
                if let State::Sequence(parameters) = &decoder.state {
                    prop_assert!(parameters.len() <= PARAMETERS + 1);
                }
            }
        }
    }
}
