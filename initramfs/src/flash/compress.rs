//! The compression of edk2's firmware: LZMA in the form of a file of its own, with its true size in the header (edk2:
//! MdeModulePkg/Library/LzmaCustomDecompressLib).

use std::io::{Read, Write};

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};

use super::{FlashError, Guid};

/// The format of a section that is compressed so.
pub const LZMA: Guid =
    Guid::new(0xee4e_5898, 0x3914, 0x4259, [0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf]);

/// Maximum size of what is decompressed, in bytes: several times that of any firmware's volumes.
const SIZE_LIMIT: u64 = 128 << 20;

/// Maximum memory of the decoder, in KiB.
const MEMORY_LIMIT: u32 = 128 << 10;

/// The largest window, in bytes, and the smallest.
const WINDOW: usize = 16 << 20;
const SMALLEST_WINDOW: usize = 4 << 10;

pub fn decompress(data: &[u8]) -> Result<Vec<u8>, FlashError> {
    let failed = |error: std::io::Error| FlashError::Lzma(error.to_string());
    let reader = LzmaReader::new_mem_limit(data, MEMORY_LIMIT, None).map_err(failed)?;
    let mut bytes = Vec::new();
    reader.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

pub fn compress(bytes: &[u8]) -> Result<Vec<u8>, FlashError> {
    let failed = |error: std::io::Error| FlashError::Lzma(error.to_string());
    let mut options = LzmaOptions::with_preset(9);
    // A window that is larger than the data costs memory and finds nothing more.
    let window = bytes.len().next_power_of_two().clamp(SMALLEST_WINDOW, WINDOW);
    options.dict_size = u32::try_from(window).unwrap_or(u32::MAX);
    let mut writer =
        LzmaWriter::new_use_header(Vec::new(), &options, Some(bytes.len() as u64)).map_err(failed)?;
    writer.write_all(bytes).map_err(failed)?;
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_decompressed_and_says_its_size() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|number| (number / 9).to_le_bytes()).collect();
        let packed = compress(&bytes).unwrap();
        assert!(packed.len() < bytes.len() / 4);
        assert_eq!(packed[5..13], (bytes.len() as u64).to_le_bytes());
        assert!(decompress(&packed).unwrap() == bytes);
        assert!(decompress(&packed[..packed.len() / 2]).is_err());
        assert!(decompress(b"no stream").is_err());
    }
}
