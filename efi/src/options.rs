//! A kernel's command line as EFI hands it over.

use flash_payload::COMMAND_LINE_LIMIT as LIMIT;

/// The command line in UTF-16, with a zero at its end.
pub struct Options {
    units: [u16; LIMIT + 1],
    length: usize,
}

impl Options {
    /// `None` where it is no text, or too long.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let mut options = Self { units: [0; LIMIT + 1], length: text.encode_utf16().count() };
        let room = options.units.get_mut(..options.length).filter(|room| room.len() <= LIMIT)?;
        room.iter_mut().zip(text.encode_utf16()).for_each(|(place, unit)| *place = unit);
        Some(options)
    }

    /// The units, and the zero.
    #[must_use]
    pub fn units(&self) -> &[u16] {
        self.units.get(..=self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_units_and_a_zero_or_too_long_or_no_text() {
        let units = |text: &[u8]| Options::of(text).map(|options| options.units().to_vec());
        assert_eq!(units(b""), Some(vec![0]));
        assert_eq!(units("a\u{1f600}".as_bytes()), Some(vec![0x61, 0xd83d, 0xde00, 0]));
        let longest = [b'x'; LIMIT];
        assert_eq!(units(&longest).map(|units| units.len()), Some(LIMIT + 1));
        assert_eq!(units(&[b'x'; LIMIT + 1]), None);
        assert_eq!(units(&[0xff]), None);
    }
}
