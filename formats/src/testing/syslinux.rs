//! SYSLINUX's saved choices (ADV).

use crate::bytes::le32;

/// Bytes of one copy.
const COPY: usize = 512;

/// Both copies, as the installer writes them.
pub fn written(values: &[(u8, &str)]) -> Vec<u8> {
    let mut copy = vec![0; 8];
    for (tag, value) in values {
        copy.extend([*tag, value.len() as u8]);
        copy.extend(value.bytes());
    }
    copy.resize(COPY - 4, 0);
    let sum =
        copy.chunks_exact(4).fold(0xa304_1767_u32, |sum, word| sum.wrapping_sub(le32(word, 0).unwrap()));
    copy[..4].copy_from_slice(&0x5a2d_2fa5_u32.to_le_bytes());
    copy[4..8].copy_from_slice(&sum.to_le_bytes());
    copy.extend(0xdd28_bf64_u32.to_le_bytes());
    copy.repeat(2)
}
