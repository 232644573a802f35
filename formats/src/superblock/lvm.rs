//! LVM2 physical volumes: the label in one of the first four sectors (lvm2, lib/format_text/layout.h).

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, le32, le64, slice},
    entry::{Filesystem, FilesystemKind},
};

const SECTOR: usize = 512;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    blocks.head().chunks_exact(SECTOR).zip(0..4).find_map(|(sector, number)| label(sector, number))
}

fn label(sector: &[u8], number: u64) -> Option<Filesystem> {
    let valid = holds(sector, 0, b"LABELONE")
        && holds(sector, 24, b"LVM2 001")
        && le64(sector, 8)? == number
        && le32(sector, 16)? == checksum(sector.get(20..)?);
    if !valid {
        return None;
    }
    let id = slice(sector, 32, 32)?;
    let mut uuid = String::new();
    for (at, &byte) in id.iter().enumerate() {
        if matches!(at, 6 | 10 | 14 | 18 | 22 | 26) {
            uuid.push('-');
        }
        uuid.push(char::from(byte));
    }
    Some(Filesystem { kind: FilesystemKind::Lvm2, uuid: names::trimmed(uuid), label: None })
}

/// CRC-32 with LVM's own initial value, not inverted at the end.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0xf597_a6cf, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
