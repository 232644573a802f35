//! The multiboot headers that Xen and other kernels carry (Multiboot Specification 0.6.96, 3.1; version 2, 3.1).

use crate::bytes::le32;
use serde::Serialize;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Version of the specification.
    pub version: u8,
    /// Its offset in the file, in bytes.
    pub offset: usize,
}

/// Version, magic number, the fields that are summed up to zero, how much of the file is searched in steps of what.
const VERSIONS: &[(u8, u32, usize, usize, usize)] =
    &[(2, 0xe852_50d6, 4, 32768, 8), (1, 0x1bad_b002, 3, 8192, 4)];

/// Looks for a header with a right check sum; the later version where there are both.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Header> {
    parse_version(head, 0)
}

/// As [`parse`], for one version of the specification; 0 for any.
#[must_use]
pub fn parse_version(head: &[u8], wanted: u8) -> Option<Header> {
    VERSIONS.iter().filter(|(version, ..)| [0, *version].contains(&wanted)).find_map(
        |&(version, magic, fields, limit, step)| {
            (0..limit.min(head.len())).step_by(step).find_map(|offset| {
                let field = |index: usize| le32(head, offset.checked_add(index.checked_mul(4)?)?);
                let sum = (0..fields).try_fold(0_u32, |sum, index| Some(sum.wrapping_add(field(index)?)))?;
                (field(0)? == magic && sum == 0).then_some(Header { version, offset })
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(at: usize, fields: &[u32]) -> Vec<u8> {
        let sum = fields.iter().fold(0_u32, |sum, field| sum.wrapping_add(*field));
        let mut bytes = vec![0; at];
        bytes.extend(fields.iter().chain([&sum.wrapping_neg()]).flat_map(|field| field.to_le_bytes()));
        bytes
    }

    #[test]
    fn a_header_is_found_where_the_specifications_allow_it() {
        for (bytes, expected) in [
            (header(4, &[0x1bad_b002, 3]), Some(Header { version: 1, offset: 4 })),
            (header(8, &[0xe852_50d6, 0, 24]), Some(Header { version: 2, offset: 8 })),
            (header(8180, &[0x1bad_b002, 0]), Some(Header { version: 1, offset: 8180 })),
            (header(8192, &[0x1bad_b002, 0]), None),
            (header(2, &[0x1bad_b002, 0]), None),
            (header(4, &[0xe852_50d6, 0, 24]), None),
            (header(32768, &[0xe852_50d6, 0, 24]), None),
            ([header(0, &[0x1bad_b002, 3]), vec![0; 4]].concat(), Some(Header { version: 1, offset: 0 })),
            (vec![0x02, 0xb0, 0xad, 0x1b, 3, 0, 0, 0, 1, 1, 1, 1], None),
        ] {
            assert_eq!(parse(&bytes), expected);
        }
    }
}
