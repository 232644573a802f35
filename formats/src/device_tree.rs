//! Changing what a flattened device tree says in `/chosen` (Devicetree Specification 0.4, chapters 3.6 and 5; the kernel's
//! Documentation/devicetree/bindings/chosen.yaml).

use super::{
    bytes::{be32, holds, slice},
    kernel_file::flat_tree::{Token, token},
};
use crate::sort;

const HEADER: usize = 40;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const END: u32 = 9;
/// Maximum depth of a tree, and its maximum size in bytes.
const DEPTH_LIMIT: usize = 64;
const SIZE_LIMIT: u32 = 2 << 20;

/// A property of `/chosen`: its name, and its value, `None` to take it away.
pub type Change<'a> = (&'a str, Option<Vec<u8>>);

/// The same tree with other properties in `/chosen`, which is added where it is missing; `None` if the tree is damaged.
#[must_use]
pub fn with_chosen(tree: &[u8], changes: &[Change<'_>]) -> Option<Vec<u8>> {
    if !holds(tree, 0, b"\xd0\x0d\xfe\xed") || be32(tree, 4)? > SIZE_LIMIT {
        return None;
    }
    let Blocks { reservations, structure, strings: old_names } = Blocks::of(tree)?;
    let mut names = old_names.to_vec();
    let mut added = Vec::new();
    for (name, value) in changes {
        let Some(value) = value else { continue };
        let place = u32::try_from(names.len()).ok()?;
        names.extend(name.bytes().chain([0]));
        property(&mut added, place, value)?;
    }
    let removed = |name: usize| {
        let name = old_names.get(name..).and_then(|rest| rest.split(|&byte| byte == 0).next());
        changes.iter().any(|(changed, _)| name == Some(changed.as_bytes()))
    };
    let structure = rewrite(structure, &added, &removed)?;
    assemble(be32(tree, 28)?, reservations, &structure, &names)
}

/// The three blocks of a tree.
struct Blocks<'a> {
    /// Memory reservations up to the empty one.
    reservations: &'a [u8],
    structure: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// Blocks as chapters 5.2 and 5.6 want them: aligned, and none within another or within the header.
    fn of(tree: &'a [u8]) -> Option<Self> {
        let field = |at| usize::try_from(be32(tree, at)?).ok();
        let tree = tree.get(..field(4)?)?;
        // Version 17 tells the sizes of both blocks.
        if field(20)? < 17 || field(24)? > 17 {
            return None;
        }
        let (structure, strings, reservations) = (field(8)?, field(12)?, field(16)?);
        if structure % 4 != 0 || reservations % 8 != 0 {
            return None;
        }
        let entries = tree.get(reservations..)?.chunks_exact(16);
        let count = entries.take_while(|entry| entry.iter().any(|&byte| byte != 0)).count();
        let mut places = [
            (0, HEADER),
            (reservations, count.checked_add(1)?.checked_mul(16)?),
            (structure, field(36)?),
            (strings, field(32)?),
        ];
        let block = |(at, length): (usize, usize)| slice(tree, at, length);
        let [_, reservations, structure, strings] = places;
        let blocks = Self {
            reservations: block(reservations)?,
            structure: block(structure)?,
            strings: block(strings)?,
        };
        sort::ascending(&mut places);
        let apart = |pair: &[(usize, usize)]| matches!(pair, [(at, length), (next, _)] if at.saturating_add(*length) <= *next);
        places.windows(2).all(apart).then_some(blocks)
    }
}

/// Copies the structure block, with other properties in `/chosen`.
fn rewrite(tree: &[u8], added: &[u8], removed: &dyn Fn(usize) -> bool) -> Option<Vec<u8>> {
    let mut at: u64 = 0;
    let mut copy = Vec::with_capacity(tree.len());
    let (mut depth, mut in_chosen, mut done) = (0_usize, false, false);
    loop {
        let (token, next) = token(&tree, at)?;
        let whole = tree.get(usize::try_from(at).ok()?..usize::try_from(next).ok()?)?;
        at = next;
        match token {
            Token::BeginNode(name) => {
                copy.extend_from_slice(whole);
                in_chosen = depth == 1 && name == b"chosen";
                depth = depth.checked_add(1).filter(|depth| *depth <= DEPTH_LIMIT)?;
                if in_chosen {
                    copy.extend_from_slice(added);
                    done = true;
                }
            }
            Token::Property { name, .. } => {
                if !(in_chosen && depth == 2 && removed(usize::try_from(name).ok()?)) {
                    copy.extend_from_slice(whole);
                }
            }
            Token::EndNode => {
                depth = depth.checked_sub(1)?;
                in_chosen &= depth > 1;
                if depth == 0 && !done {
                    copy.extend(BEGIN_NODE.to_be_bytes().into_iter().chain(*b"chosen\0\0"));
                    copy.extend_from_slice(added);
                    copy.extend(END_NODE.to_be_bytes());
                    done = true;
                }
                copy.extend(END_NODE.to_be_bytes());
            }
            Token::NoOperation => {}
            Token::End if depth == 0 => {
                copy.extend(END.to_be_bytes());
                return done.then_some(copy);
            }
            Token::End => return None,
        }
    }
}

fn property(block: &mut Vec<u8>, name: u32, value: &[u8]) -> Option<()> {
    let length = u32::try_from(value.len()).ok()?;
    for field in [PROPERTY, length, name] {
        block.extend(field.to_be_bytes());
    }
    block.extend_from_slice(value);
    block.resize(block.len().checked_next_multiple_of(4)?, 0);
    Some(())
}

/// Header, memory reservations, structure, strings.
fn assemble(processor: u32, reservations: &[u8], structure: &[u8], names: &[u8]) -> Option<Vec<u8>> {
    let structure_at = HEADER.checked_add(reservations.len())?;
    let names_at = structure_at.checked_add(structure.len())?;
    let mut block = [&[0; HEADER], reservations, structure, names].concat();
    let header = [
        0xd00d_feed,
        u32::try_from(block.len()).ok().filter(|size| *size <= SIZE_LIMIT)?,
        u32::try_from(structure_at).ok()?,
        u32::try_from(names_at).ok()?,
        u32::try_from(HEADER).ok()?,
        17,
        16,
        processor,
        u32::try_from(names.len()).ok()?,
        u32::try_from(structure.len()).ok()?,
    ];
    for (place, field) in block.chunks_exact_mut(4).zip(header) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, and properties by the places of their names.
    type Node<'a> = (&'a str, &'a [(u32, &'a [u8])]);

    /// A tree as dtc writes it: one reservation, the root with `model`, and the nodes given.
    fn tree(nodes: &[Node<'_>]) -> Vec<u8> {
        let names = b"model\0bootargs\0kaslr-seed\0";
        let mut structure = Vec::new();
        let begin = |block: &mut Vec<u8>, name: &str| {
            block.extend(BEGIN_NODE.to_be_bytes());
            block.extend(name.bytes().chain([0]));
            block.resize(block.len().next_multiple_of(4), 0);
        };
        begin(&mut structure, "");
        property(&mut structure, 0, b"Board\0").unwrap();
        for (name, properties) in nodes {
            begin(&mut structure, name);
            for (name, value) in *properties {
                property(&mut structure, *name, value).unwrap();
            }
            structure.extend(END_NODE.to_be_bytes());
        }
        structure.extend([END_NODE.to_be_bytes(), END.to_be_bytes()].concat());
        let reservation = [0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0];
        assemble(3, &[reservation, [0; 16]].concat(), &structure, names).unwrap()
    }

    const MODEL: u32 = 0;
    const BOOTARGS: u32 = 6;
    const SEED: u32 = 15;

    #[test]
    fn properties_are_replaced_added_and_taken_away() {
        let old = tree(&[
            ("memory@0", &[(BOOTARGS, b"not ours\0")]),
            ("chosen", &[(BOOTARGS, b"old\0"), (SEED, b"12345678"), (MODEL, b"kept\0")]),
        ]);
        let changes = [("bootargs", Some(b"new words\0".to_vec())), ("kaslr-seed", None)];
        let new = with_chosen(&old, &changes).unwrap();
        let strings = usize::try_from(be32(&new, 12).unwrap()).unwrap();
        let place = u32::try_from(new.len() - strings - 9).unwrap();
        let mut expected = tree(&[
            ("memory@0", &[(BOOTARGS, b"not ours\0")]),
            ("chosen", &[(place, b"new words\0"), (MODEL, b"kept\0")]),
        ]);
        expected.extend(b"bootargs\0");
        let (size, names) = (expected.len() as u32, be32(&expected, 32).unwrap() + 9);
        expected[4..8].copy_from_slice(&size.to_be_bytes());
        expected[32..36].copy_from_slice(&names.to_be_bytes());
        assert_eq!(new, expected);
    }

    #[test]
    fn a_tree_without_chosen_gets_it() {
        let new = with_chosen(&tree(&[]), &[("bootargs", Some(b"x\0".to_vec()))]).unwrap();
        assert!(
            new.windows(8).any(|bytes| bytes == b"chosen\0\0") && new.windows(2).any(|bytes| bytes == b"x\0")
        );
        // Added properties are found again, and removed.
        let again = with_chosen(&new, &[("bootargs", None)]).unwrap();
        assert!(!again.windows(4).any(|bytes| bytes == b"x\0\0\0"));
    }

    #[test]
    fn damaged_trees_are_none() {
        let good = tree(&[("chosen", &[])]);
        for length in 0..good.len() {
            assert_eq!(with_chosen(&good[..length], &[]), None);
        }
    }

    #[test]
    fn blocks_that_are_not_where_the_specification_wants_them_are_none() {
        let good = tree(&[("chosen", &[])]);
        let field = |at| be32(&good, at).unwrap();
        let (structure, strings, reservations) = (field(8), field(12), field(16));
        for (case, place, value) in [
            ("structure not at a multiple of four", 8, structure + 1),
            ("reservations not at a multiple of eight", 16, reservations + 4),
            ("strings in the header", 12, 36),
            ("strings in the structure", 12, strings - 1),
            ("strings after the end", 12, field(4)),
            ("structure in the reservations", 8, structure - 4),
            ("structure longer than up to the strings", 36, field(36) + 4),
            ("structure that ends early", 36, field(36) - 4),
            ("older than its sizes", 20, 16),
            ("too new", 24, 18),
        ] {
            let mut bad = good.clone();
            bad[place..place + 4].copy_from_slice(&value.to_be_bytes());
            assert_eq!(with_chosen(&bad, &[]), None, "{case}");
        }
        assert!(with_chosen(&good, &[]).is_some());
    }

    #[test]
    fn what_is_written_can_be_read() {
        // Structure at 0x39, strings at 0x7c, 0x90 bytes in all: the structure was copied with another alignment.
        let mut odd = tree(&[]);
        odd.truncate(0x38);
        let begin = [BEGIN_NODE.to_be_bytes(), [0; 4], END_NODE.to_be_bytes(), END.to_be_bytes()].concat();
        odd.push(0);
        odd.extend(begin);
        odd.resize(0x90, 0);
        for (place, value) in [(4, 0x90), (8, 0x39), (12, 0x7c), (32, 0x14), (36, 16)] {
            odd[place..place + 4].copy_from_slice(&u32::to_be_bytes(value));
        }
        let changes = [("bootargs", Some(b"quiet\0".to_vec())), ("kaslr-seed", None)];
        for tree in [odd, tree(&[])] {
            if let Some(written) = with_chosen(&tree, &changes) {
                assert!(with_chosen(&written, &changes).is_some());
            }
        }
    }

    proptest! {
        #[test]
        fn hostile_trees_end_in_a_result(place in 0_usize..200, value: u8) {
            let mut hostile = tree(&[("chosen", &[(BOOTARGS, b"old\0")])]);
            if let Some(byte) = hostile.get_mut(place) {
                *byte = value;
            }
            let _ = with_chosen(&hostile, &[("bootargs", Some(vec![1; 9]))]);
        }
    }
}
