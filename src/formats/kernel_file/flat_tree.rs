//! Flattened trees: device trees (Devicetree Specification 0.4, chapter 5) and U-Boot's image trees (doc/usage/fit).

use super::text;
use crate::formats::bytes::{be32, holds, slice};
use serde::Serialize;

/// The top of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// What it says that it is: `description` of an image tree, `model` of a device tree.
    pub description: Option<String>,
    /// Names of the nodes below the root, as far as they stand at the file's beginning.
    pub nodes: Vec<String>,
    /// Size of the tree in bytes.
    pub size: u32,
}

/// Tokens of the structure block.
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NO_OPERATION: u32 = 4;

impl Tree {
    /// Whether it is an image tree, which always has a node of the images in it.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.nodes.iter().any(|node| node == "images")
    }
}

/// Reads the top of a tree; `None` also if it is larger than its file.
#[must_use]
pub fn parse(head: &[u8], file_size: u64) -> Option<Tree> {
    if !holds(head, 0, b"\xd0\x0d\xfe\xed") {
        return None;
    }
    let field = |at| be32(head, at);
    let size = field(4)?;
    let strings = usize::try_from(field(12)?).ok()?;
    let mut at = usize::try_from(field(8)?).ok()?;
    if u64::from(size) > file_size {
        return None;
    }
    let mut tree = Tree { description: None, nodes: Vec::new(), size };
    let mut depth: usize = 0;
    // Past the head's end nothing more is learnt: embedded files may stand there.
    while let Some(token) = be32(head, at) {
        at = at.checked_add(4)?;
        match token {
            BEGIN_NODE => {
                let Some(name) = head.get(at..).and_then(|rest| rest.split(|&byte| byte == 0).next()) else {
                    break;
                };
                if depth == 1 {
                    tree.nodes.push(text(name));
                }
                depth = depth.checked_add(1)?;
                at = at.checked_add(name.len().checked_add(1)?)?.checked_next_multiple_of(4)?;
            }
            PROPERTY => {
                let (Some(length), Some(name)) = (be32(head, at), be32(head, at.checked_add(4)?)) else {
                    break;
                };
                let length = usize::try_from(length).ok()?;
                at = at.checked_add(8)?;
                let name = head.get(strings.checked_add(usize::try_from(name).ok()?)?..).unwrap_or_default();
                if depth == 1 && (name.starts_with(b"description\0") || name.starts_with(b"model\0")) {
                    tree.description = slice(head, at, length).map(text);
                }
                at = at.checked_add(length)?.checked_next_multiple_of(4)?;
            }
            END_NODE if depth > 1 => depth = depth.checked_sub(1)?,
            NO_OPERATION => {}
            _ => break,
        }
    }
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '/dts-v1/; / { model = "Board X"; compatible = "a,b"; soc { }; };' | dtc -O dtb`, with dtc 1.6.1.
    const DTC: &[u8] = b"\
        \xd0\x0d\xfe\xed\x00\x00\x00\x89\x00\x00\x008\x00\x00\x00x\x00\x00\x00(\x00\x00\x00\x11\
        \x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\
        \x00\x00\x08\x00\x00\x00\x00Board X\x00\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x06a,b\
        \x00\x00\x00\x00\x01soc\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x09model\x00compat\
        ible\x00";

    /// A tree put together by chapter 5 of the specification, from words and byte strings that are padded to words.
    fn tree(structure: &[&[u8]], strings: &[u8]) -> Vec<u8> {
        let mut block = Vec::new();
        for piece in structure {
            block.extend_from_slice(piece);
            block.resize(block.len().next_multiple_of(4), 0);
        }
        let at_strings = 40 + block.len();
        let size = at_strings + strings.len();
        let header = [0xd00d_feed, size, 40, at_strings, 40, 17, 16, 0, strings.len(), block.len()];
        let mut bytes: Vec<u8> = header.iter().flat_map(|&field| (field as u32).to_be_bytes()).collect();
        bytes.extend(block);
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn what_dtc_wrote_is_a_device_tree() {
        let expected = Tree {
            description: Some("Board X".to_owned()),
            nodes: vec!["soc".to_owned()],
            size: DTC.len() as u32,
        };
        assert_eq!(parse(DTC, DTC.len() as u64), Some(expected.clone()));
        assert!(!expected.is_fit());
        assert_eq!(parse(DTC, DTC.len() as u64 - 1), None);
    }

    #[test]
    fn an_image_tree_has_a_node_of_images() {
        let begin: &[u8] = &1_u32.to_be_bytes();
        let end: &[u8] = &2_u32.to_be_bytes();
        let property = [3_u32.to_be_bytes(), 4_u32.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        let structure: &[&[u8]] = &[
            begin,
            b"\0",
            &property,
            b"two\0",
            begin,
            b"images\0",
            begin,
            b"kernel-1\0",
            end,
            end,
            begin,
            b"configurations\0",
            end,
            end,
            &9_u32.to_be_bytes(),
        ];
        let bytes = tree(structure, b"description\0");
        let found = parse(&bytes, bytes.len() as u64).unwrap();
        assert_eq!(found.nodes, ["images", "configurations"]);
        assert_eq!(found.description.as_deref(), Some("two"));
        assert!(found.is_fit());
    }
}
