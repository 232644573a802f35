//! Heads of ChromeOS's kernel partitions.

/// A key block without keys and a preamble without signatures, with the preamble's fields.
pub fn head(key_block: u32, fields: &[(usize, u64)]) -> Vec<u8> {
    let mut head = vec![0; key_block as usize + 116];
    head[..8].copy_from_slice(b"CHROMEOS");
    head[16..20].copy_from_slice(&key_block.to_le_bytes());
    for (at, value) in fields {
        let at = key_block as usize + at;
        head[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    head
}
