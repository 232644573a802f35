//! UDF (ECMA-167, OSTA UDF 2.60): the UUID comes from the volume set identifier, the label from the logical volume.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, le16, le32, slice},
    entry::{Filesystem, FilesystemKind},
};

const FIRST_DESCRIPTOR: u64 = 0x8000;
/// Structure descriptors that are looked at.
const STRUCTURES: u64 = 64;
/// Volume descriptors that are looked at: a sequence has 16 blocks.
const DESCRIPTORS: u32 = 64;
const BLOCK_SIZES: [u32; 4] = [512, 1024, 2048, 4096];
/// The block of the anchor.
const ANCHOR: u32 = 256;

// Identifiers of descriptor tags.
const PRIMARY: u16 = 1;
const ANCHOR_POINTER: u16 = 2;
const LOGICAL: u16 = 6;
const TERMINATING: u16 = 8;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    BLOCK_SIZES.into_iter().find_map(|block_size| volume(blocks, block_size))
}

fn volume(blocks: &Blocks, block_size: u32) -> Option<Filesystem> {
    if !recognised(blocks, u64::from(block_size.max(2048))) {
        return None;
    }
    let descriptor = |block: u32| {
        let bytes = blocks.bytes(u64::from(block).checked_mul(u64::from(block_size))?, 512)?;
        (le32(&bytes, 12)? == block).then_some(bytes)
    };
    let anchor = descriptor(ANCHOR)?;
    if le16(&anchor, 0)? != ANCHOR_POINTER {
        return None;
    }
    let count = le32(&anchor, 16)?.checked_div(block_size)?.min(DESCRIPTORS);
    let first = le32(&anchor, 20)?;
    let (mut uuid, mut label) = (None, None);
    for number in 0..count {
        let Some(bytes) = first.checked_add(number).and_then(descriptor) else { break };
        match le16(&bytes, 0)? {
            0 | TERMINATING => break,
            PRIMARY => uuid = uuid.or_else(|| identifier(&text(slice(&bytes, 72, 128)?)?)),
            LOGICAL => label = label.or_else(|| names::trimmed(text(slice(&bytes, 84, 128)?)?)),
            _ => {}
        }
    }
    Some(Filesystem { kind: FilesystemKind::Udf, uuid, label })
}

/// Whether the volume recognition sequence says UDF: one of its descriptors is NSR02 or NSR03.
fn recognised(blocks: &Blocks, step: u64) -> bool {
    for number in 0..STRUCTURES {
        let offset = step.saturating_mul(number).saturating_add(FIRST_DESCRIPTOR);
        let Some(descriptor) = blocks.bytes(offset, 7) else { return false };
        if holds(&descriptor, 1, b"NSR02") || holds(&descriptor, 1, b"NSR03") {
            return true;
        }
        if ![b"BEA01", b"BOOT2", b"CD001", b"CDW02", b"TEA01"].iter().any(|&id| holds(&descriptor, 1, id)) {
            return false;
        }
    }
    false
}

/// The text of a dstring: its encoding first, its length last.
fn text(dstring: &[u8]) -> Option<String> {
    let (encoding, rest) = dstring.split_first()?;
    let (length, characters) = rest.split_last()?;
    let bytes = characters.get(..usize::from(*length).saturating_sub(1).min(characters.len()))?;
    match encoding {
        8 => Some(bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect()),
        16 => {
            let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
            let characters = char::decode_utf16(units.take_while(|&unit| unit != 0));
            Some(characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => None,
    }
}

/// Sixteen characters of the volume set identifier: hex digits stand for themselves (the first half is a time in hex by
/// the standard), anything else is written as the hex of its bytes.
fn identifier(volume_set: &str) -> Option<String> {
    let bytes = volume_set.as_bytes();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digits = |bytes: &[u8]| {
        bytes.iter().all(u8::is_ascii_hexdigit).then(|| String::from_utf8_lossy(bytes).to_ascii_lowercase())
    };
    // A short identifier reads as if NULs followed.
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    if bytes.len() < 8 {
        return None;
    }
    let all: Vec<u8> = (0..16).map(byte).collect();
    let (time, rest) = all.split_at_checked(8)?;
    match (digits(time), digits(rest)) {
        (None, _) => Some(hex(time)),
        (Some(time), None) => Some(time + &hex(rest.get(..4)?)),
        (Some(time), Some(rest)) => Some(time + &rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_set_becomes_sixteen_hex_digits() {
        for (volume_set, expected) in [
            ("5F3A22B1deadBEEFLinuxUDF", Some("5f3a22b1deadbeef")),
            ("5F3A22B1LinuxUDF", Some("5f3a22b14c696e75")),
            ("LinuxUDF", Some("4c696e7578554446")),
            ("short", None),
        ] {
            assert_eq!(identifier(volume_set).as_deref(), expected, "{volume_set}");
        }
    }
}
