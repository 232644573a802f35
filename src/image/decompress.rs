//! Decompresses kernels and modules: gzip, xz and zstd, with a limit on what comes out.

use crate::formats::{compression::Compression, gzip};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, Read, Write};

/// Memory that an xz file may ask for, in KiB: above what `xz -9` needs (64 MiB of window and a little).
const XZ_MEMORY: u32 = 80 << 10;

/// Why a file could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// There is no decoder for it here.
    #[error("compressed with {}, which cannot be read here: compress it with gzip, xz or zstd", .0.name())]
    Unsupported(Compression),
    /// The decompressed data is longer than the limit, in bytes.
    #[error("more than {0} bytes come out of it")]
    TooLarge(u64),
    /// The data is damaged or cut off, or it could not be read or written.
    #[error("{0}")]
    Failed(#[from] io::Error),
}

/// Decompresses `input` to `output`, which gets at most `limit` bytes, and returns how many it got.
///
/// # Errors
/// [`DecompressError`] says why; part of the output may have been written.
pub fn decompress(
    compression: Compression,
    mut input: impl Read,
    mut output: impl Write,
    limit: u64,
) -> Result<u64, DecompressError> {
    decompress_any(compression, &mut input, &mut output, limit)
}

/// The decoders are large: one copy of them serves all kinds of input and output.
fn decompress_any(
    compression: Compression,
    mut input: &mut dyn Read,
    output: &mut dyn Write,
    limit: u64,
) -> Result<u64, DecompressError> {
    let mut output = Limited { output, left: limit, exceeded: false };
    let result = match compression {
        Compression::Gzip => gzip::decompress(&mut input, &mut output),
        Compression::Xz => {
            let mut reader = lzma_rust2::XzReader::new_mem_limit(input, false, XZ_MEMORY);
            io::copy(&mut reader, &mut output).map(drop)
        }
        Compression::Zstd => zstd(&mut input, &mut output),
        other => return Err(DecompressError::Unsupported(other)),
    };
    if output.exceeded {
        return Err(DecompressError::TooLarge(limit));
    }
    result?;
    Ok(limit.saturating_sub(output.left))
}

/// Decompresses one frame. The error does not say which rule of the format the data breaks: the texts for it take 10 KB.
fn zstd(mut input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "damaged or incomplete zstd data");
    let mut decoder = FrameDecoder::new();
    decoder.init(&mut input).map_err(damaged)?;
    while !decoder.is_finished() {
        decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)).map_err(damaged)?;
        decoder.collect_to_writer(&mut *output)?;
    }
    Ok(())
}

struct Limited<'a> {
    output: &'a mut dyn Write,
    left: u64,
    exceeded: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = self.output.write(bytes)?;
        self.left = self.left.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// `content`, compressed by a real tool.
    fn compressed(tool: &[&str], content: &[u8]) -> Vec<u8> {
        let (reader, mut writer) = io::pipe().unwrap();
        let content = content.to_vec();
        let feeder = std::thread::spawn(move || writer.write_all(&content));
        let output =
            Command::new(tool[0]).args(&tool[1..]).stdin(reader).stderr(Stdio::inherit()).output().unwrap();
        feeder.join().unwrap().unwrap();
        assert!(output.status.success(), "{tool:?}");
        output.stdout
    }

    const TOOLS: &[(&[&str], Compression)] = &[
        (&["gzip", "-9c"], Compression::Gzip),
        (&["xz", "-9c"], Compression::Xz),
        (&["xz", "-c", "--check=crc32", "--x86", "--lzma2=dict=2MiB"], Compression::Xz),
        (&["zstd", "-c19"], Compression::Zstd),
    ];

    fn content() -> Vec<u8> {
        (0..100_000_u32).flat_map(|number| (number / 3).wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    #[test]
    fn gives_back_what_the_real_tools_compressed() {
        for (tool, compression) in TOOLS {
            let input = compressed(tool, &content());
            assert_eq!(Compression::recognise(&input), Some(*compression), "{tool:?}");
            let mut output = Vec::new();
            let size = decompress(*compression, input.as_slice(), &mut output, 400_000).unwrap();
            assert_eq!(size, 400_000, "{tool:?}");
            assert!(output == content(), "{tool:?}");
        }
    }

    #[test]
    fn one_byte_past_the_limit_is_refused() {
        for (tool, compression) in TOOLS {
            let input = compressed(tool, &content());
            let mut output = Vec::new();
            let error = decompress(*compression, input.as_slice(), &mut output, 399_999).unwrap_err();
            assert!(matches!(error, DecompressError::TooLarge(399_999)), "{tool:?}: {error}");
            assert!(output.len() < 400_000);
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_an_error() {
        for (tool, compression) in TOOLS {
            let input = compressed(tool, &content()[..5_000]);
            for length in 0..input.len() - 4 {
                let result = decompress(*compression, &input[..length], io::sink(), 1 << 20);
                assert!(
                    matches!(result, Err(DecompressError::Failed(_))),
                    "{tool:?} cut to {length}: {result:?}"
                );
            }
        }
    }

    #[test]
    fn names_the_compressions_that_it_cannot_read() {
        let error = decompress(Compression::Lz4, io::empty(), io::sink(), 0).unwrap_err().to_string();
        assert!(error.contains("lz4"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_end_in_a_result(mut bytes: Vec<u8>, which in 0..4_usize) {
            let magics: [&[u8]; 4] = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\xfd7zXZ\0\0\x01\x69\x22\xde\x36", b"\x28\xb5\x2f\xfd", b""];
            bytes.splice(0..0, magics[which].iter().copied());
            if let Some(compression) = Compression::recognise(&bytes) {
                let _ = decompress(compression, bytes.as_slice(), io::sink(), 1 << 20);
            }
        }
    }
}
