//! The names of files and formats in firmware images (UEFI 2.10, appendix A).

use std::fmt;
use std::str::FromStr;

/// A globally unique identifier, as it lies in memory: its first three parts are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid(pub [u8; 16]);

/// Where the bytes of the text form are in memory.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl Guid {
    /// The identifier of these parts, as they are written.
    #[must_use]
    pub const fn new(first: u32, second: u16, third: u16, rest: [u8; 8]) -> Self {
        let ([a, b, c, d], [e, f], [g, h]) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
        let [i, j, k, l, m, n, o, p] = rest;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, place) in ORDER.iter().enumerate() {
            if matches!(number, 4 | 6 | 8 | 10) {
                formatter.write_str("-")?;
            }
            write!(formatter, "{:02x}", self.0.get(*place).copied().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Guid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let digits: Vec<u32> = text.chars().filter(|c| *c != '-').map_while(|c| c.to_digit(16)).collect();
        if lengths != [8, 4, 4, 4, 12] || digits.len() != 32 {
            return Err(());
        }
        let mut bytes = [0; 16];
        for (pair, place) in digits.chunks(2).zip(ORDER) {
            if let ([high, low], Some(byte)) = (pair, bytes.get_mut(place)) {
                *byte = u8::try_from(high * 16 + low).map_err(|_| ())?;
            }
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_that_of_the_specification() {
        let shell = Guid::new(0x7c04_a583, 0x9e3e, 0x4f1c, [0xad, 0x65, 0xe0, 0x52, 0x68, 0xd0, 0xb4, 0xd1]);
        let text = "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1";
        assert_eq!((shell.to_string().as_str(), shell.0[..4].to_vec()), (text, vec![0x83, 0xa5, 0x04, 0x7c]));
        assert_eq!((text.parse(), text.to_uppercase().parse()), (Ok(shell), Ok(shell)));
        for wrong in [
            "",
            "Shell",
            "7c04a5839e3e4f1cad65e05268d0b4d1",
            "7c04a583-9e3e-4f1c-ad65-e05268d0b4dx",
            "é-é-é-é-é",
        ] {
            assert_eq!(wrong.parse::<Guid>(), Err(()), "{wrong}");
        }
    }
}
