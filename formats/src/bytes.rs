//! Bytes that lie somewhere and are read at an offset, and checked reads of the numbers in them.

use std::io;

/// A device or a file: its size, and its bytes from any offset.
pub trait ReadAt {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Fills as much of the buffer as there is from `offset`, and says how many bytes that was: fewer than asked only at
    /// the end.
    ///
    /// # Errors
    /// The kernel's own.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for &[u8] {
    fn size(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}

/// The `length` bytes at `at`, if they are all there.
#[must_use]
pub fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// Whether `magic` is at `at`.
#[must_use]
pub fn holds(bytes: &[u8], at: usize, magic: &[u8]) -> bool {
    slice(bytes, at, magic.len()) == Some(magic)
}

/// The `N` bytes at `at`, if they are all there.
#[must_use]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    slice(bytes, at, N)?.try_into().ok()
}

macro_rules! number {
    ($($name:ident $type:ty, $read:ident, $order:literal;)*) => {$(
        #[doc = concat!("The ", $order, "-endian number at `at`, if it is there.")]
        #[must_use]
        pub fn $name(bytes: &[u8], at: usize) -> Option<$type> {
            array(bytes, at).map(<$type>::$read)
        }
    )*};
}

number! {
    le16 u16, from_le_bytes, "little";
    le32 u32, from_le_bytes, "little";
    le64 u64, from_le_bytes, "little";
    be16 u16, from_be_bytes, "big";
    be32 u32, from_be_bytes, "big";
    be64 u64, from_be_bytes, "big";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stop_at_the_end() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(le16(&bytes, 3), Some(0x0504));
        assert_eq!(be16(&bytes, 4), None);
        assert_eq!(le64(&bytes, usize::MAX), None);
        let mut buffer = [0; 4];
        assert_eq!((&bytes[..]).read_at(3, &mut buffer).unwrap(), 2);
        assert_eq!((&bytes[..]).read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(buffer, [4, 5, 0, 0]);
    }
}
