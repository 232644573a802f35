//! Which compression a file is in, by its first bytes: the formats that Linux kernels and modules come in.
//!
//! Magic numbers: RFC 1952 (gzip), RFC 8878 (zstd), the .xz file format 1.2.1, the LZ4 frame format 1.6.3, lib/decompress.c
//! of the kernel for the others.

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Deflate in a gzip file.
    Gzip,
    /// LZMA2 in an xz file.
    Xz,
    /// Zstandard.
    Zstd,
    /// The older LZMA file without a check.
    Lzma,
    /// LZ4, as frames or in the legacy form that kernels use.
    Lz4,
    /// bzip2.
    Bzip2,
    /// LZO in an lzop file.
    Lzo,
}

/// Longest first bytes that [`Compression::recognise`] looks at.
pub const MAGIC_LENGTH: usize = 9;

const MAGICS: &[(&[u8], Compression)] = &[
    (b"\x1f\x8b\x08", Compression::Gzip),
    (b"\xfd7zXZ\0", Compression::Xz),
    (b"\x28\xb5\x2f\xfd", Compression::Zstd),
    (b"\x5d\0\0", Compression::Lzma),
    (b"\x02\x21\x4c\x18", Compression::Lz4),
    (b"\x04\x22\x4d\x18", Compression::Lz4),
    (b"BZh", Compression::Bzip2),
    (b"\x89LZO\0\r\n\x1a\n", Compression::Lzo),
];

impl Compression {
    /// The compression of a file that begins so.
    #[must_use]
    pub fn recognise(first: &[u8]) -> Option<Self> {
        MAGICS.iter().find(|(magic, _)| first.starts_with(magic)).map(|&(_, compression)| compression)
    }

    /// The name of the tool that makes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lzma => "lzma",
            Self::Lz4 => "lz4",
            Self::Bzip2 => "bzip2",
            Self::Lzo => "lzo",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_what_the_tools_write() {
        // First bytes of `printf a | TOOL -c | xxd` with gzip 1.12, xz 5.4, zstd 1.5, lz4 1.9 (-l and without), bzip2 1.0.
        for (first, expected) in [
            (&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..], Some(Compression::Gzip)),
            (b"\xfd7zXZ\x00\x00\x04\xe6\xd6", Some(Compression::Xz)),
            (b"\x28\xb5\x2f\xfd\x04\x58", Some(Compression::Zstd)),
            (b"\x5d\x00\x00\x80\x00\xff\xff", Some(Compression::Lzma)),
            (b"\x02\x21\x4c\x18\x03\x00", Some(Compression::Lz4)),
            (b"\x04\x22\x4d\x18\x64\x40", Some(Compression::Lz4)),
            (b"BZh91AY&SY", Some(Compression::Bzip2)),
            (b"\x89LZO\x00\x0d\x0a\x1a\x0a\x10", Some(Compression::Lzo)),
            (b"\x1f\x8b", None),
            (b"MZ\0\0", None),
            (b"", None),
        ] {
            assert_eq!(Compression::recognise(first), expected, "{first:02x?}");
        }
    }
}
