//! Compresses an image into what every kernel's own decoder takes.

use lzma_rust2::{CheckType, FilterType, XzOptions, XzWriter};
use std::io::{self, Write};
use std::str::FromStr;

/// How the archive is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: for an image that is built into a kernel, which is compressed as a whole.
    None,
    /// Smallest: for flash.
    Xz,
    /// A little larger, unpacked several times faster: for disks.
    #[default]
    Zstd,
}

impl Compression {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// The compressed form of an archive. `x86_program` says that it is mostly a linked program for x86.
    ///
    /// # Errors
    /// The encoder's own.
    pub fn compress(self, archive: Vec<u8>, x86_program: bool) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(archive),
            Self::Xz => xz(&archive, x86_program),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd(&archive),
            #[cfg(not(feature = "zstd"))]
            Self::Zstd => zstd_without_c(&archive),
        }
    }
}

#[cfg(feature = "zstd")]
fn zstd(archive: &[u8]) -> io::Result<Vec<u8>> {
    // The content size lets the kernel's decoder take one pass; the check sum guards the transport.
    let mut encoder = zstd::Encoder::new(Vec::new(), 19)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(archive.len() as u64))?;
    encoder.write_all(archive)?;
    encoder.finish()
}

/// As zstd(1) does it at its first level. The encoder is young: what it wrote is read back.
#[cfg(any(test, not(feature = "zstd")))]
fn zstd_without_c(archive: &[u8]) -> io::Result<Vec<u8>> {
    use ruzstd::decoding::StreamingDecoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Read;
    let compressed = compress_to_vec(archive, CompressionLevel::Fastest);
    let mut again = Vec::with_capacity(archive.len());
    let decoder = StreamingDecoder::new(&*compressed).map_err(io::Error::other)?;
    decoder.take((archive.len() as u64).saturating_add(1)).read_to_end(&mut again)?;
    if again == archive {
        Ok(compressed)
    } else {
        Err(io::Error::other("zstd: what was packed does not unpack"))
    }
}

/// One xz stream as lib/xz of the kernel wants it: CRC32 is the only check that it verifies, and the x86 filter is in
/// every x86 kernel with `CONFIG_XZ_DEC_X86` (the default).
///
/// The filter makes a program 3 % smaller, and modules 8 % larger (35 MB of Debian's: 6.33 instead of 5.86 MB), since
/// their calls are not linked yet.
fn xz(archive: &[u8], x86_program: bool) -> io::Result<Vec<u8>> {
    let mut options = XzOptions::with_preset(9);
    options.set_check_sum_type(CheckType::Crc32);
    if x86_program {
        options.prepend_pre_filter(FilterType::BcjX86, 0);
        // Instructions lie at any address, and what comes next depends on more of the byte before it.
        options.lzma_options.lc = 4;
        options.lzma_options.pb = 0;
    }
    // A larger window costs the kernel memory and finds nothing more.
    let window = archive.len().next_power_of_two().clamp(1 << 16, 64 << 20);
    options.lzma_options.dict_size = u32::try_from(window).unwrap_or(64 << 20);
    let mut encoder = XzWriter::new(Vec::new(), options)?;
    encoder.write_all(archive)?;
    encoder.finish()
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::None, Self::Xz, Self::Zstd]
            .into_iter()
            .find(|compression| compression.name() == name)
            .ok_or_else(|| format!("`{name}` is none of zstd, xz, none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let file = tempfile(input);
        let output =
            Command::new(program).args(arguments).stdin(file).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{program}");
        output.stdout
    }

    fn tempfile(content: &[u8]) -> std::fs::File {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let content = content.to_vec();
        std::thread::spawn(move || writer.write_all(&content));
        std::os::fd::OwnedFd::from(reader).into()
    }

    #[test]
    fn the_real_tools_decompress_it() {
        let archive: Vec<u8> = (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        for (compression, x86_program, program) in [
            (Compression::Xz, false, "xz"),
            (Compression::Xz, true, "xz"),
            (Compression::Zstd, false, "zstd"),
        ] {
            let compressed = compression.compress(archive.clone(), x86_program).unwrap();
            assert!(compressed.len() < archive.len() / 2);
            assert!(piped(program, &["-dc"], &compressed) == archive, "{program}");
            assert_eq!(
                compressed,
                compression.compress(archive.clone(), x86_program).unwrap(),
                "same bytes again"
            );
        }
        assert_eq!(Compression::None.compress(archive.clone(), true).unwrap(), archive);
    }

    #[test]
    fn zstd_without_c_gives_what_the_real_tool_unpacks() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for archive in [&[][..], &[0; 1 << 20], &program[..2 << 20]] {
            let compressed = zstd_without_c(archive).unwrap();
            assert!(piped("zstd", &["-dc"], &compressed) == archive, "{} bytes", archive.len());
        }
    }

    #[test]
    fn xz_carries_the_check_that_the_kernel_verifies() {
        // Stream header of the .xz format 1.2.1, 2.1.1: magic, then flags 00 01 for CRC32.
        let compressed = Compression::Xz.compress(vec![0; 4096], false).unwrap();
        assert_eq!(&compressed[..8], b"\xfd7zXZ\0\0\x01");
    }

    #[test]
    fn the_error_for_an_unknown_name_lists_the_known_ones() {
        assert_eq!("xz".parse(), Ok(Compression::Xz));
        assert_eq!("lzo".parse::<Compression>(), Err("`lzo` is none of zstd, xz, none".to_owned()));
    }
}
