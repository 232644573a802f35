//! Flattened trees: device trees (Devicetree Specification 0.4, chapter 5) and U-Boot's image trees (doc/usage/fit).

use super::text;
use crate::bytes::{ReadAt, be32, holds};
use serde::Serialize;

/// The top of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Its own description: `description` of an image tree, `model` of a device tree.
    pub description: Option<String>,
    /// Names of the nodes below the root, as far as they are at the file's beginning.
    pub nodes: Vec<String>,
    /// Size of the tree in bytes.
    pub size: u32,
}

impl Tree {
    /// Whether it is an image tree, which always has a node of the images in it.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.nodes.iter().any(|node| node == "images")
    }
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Names of the nodes that lead to it and its own, each after a slash; empty for the root.
    pub path: String,
    /// Its properties.
    pub properties: Vec<Property>,
}

/// Where a property is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Offset of its value in the file, in bytes.
    pub offset: u64,
    /// Length of its value in bytes.
    pub length: u32,
}

/// A token of the structure block (chapter 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A node of this name begins.
    BeginNode(Vec<u8>),
    /// The node that began last and has not ended ends.
    EndNode,
    /// A property of that node.
    Property {
        /// Offset of its name in the strings block.
        name: u32,
        /// Offset of its value.
        value: u64,
        /// Length of its value in bytes.
        length: u32,
    },
    /// Nothing; it is passed over.
    NoOperation,
    /// The end of the block.
    End,
}

/// The token at an offset, and the offset of the next one; `None` if there is no whole one.
#[must_use]
pub fn token(source: &dyn ReadAt, at: u64) -> Option<(Token, u64)> {
    let head = read(source, at, 12);
    let after = at.checked_add(4)?;
    Some(match be32(&head, 0)? {
        1 => {
            let name = name(source, after)?;
            let end = after.checked_add(name.len() as u64)?.checked_add(1)?;
            (Token::BeginNode(name), end.checked_next_multiple_of(4)?)
        }
        2 => (Token::EndNode, after),
        3 => {
            let (length, name) = (be32(&head, 4)?, be32(&head, 8)?);
            let value = at.checked_add(12)?;
            let end = value.checked_add(length.into())?;
            (Token::Property { name, value, length }, end.checked_next_multiple_of(4)?)
        }
        4 => (Token::NoOperation, after),
        9 => (Token::End, after),
        _ => return None,
    })
}

/// Nodes below this depth are passed over: an image's check sums are at the fourth.
const DEPTH_LIMIT: usize = 4;
/// Maximum number of tokens that are read; the trees of the largest boards have some ten thousand.
const TOKEN_LIMIT: usize = 1 << 17;
/// Maximum number of nodes and of properties that are kept.
const KEPT_LIMIT: usize = 1 << 12;
/// Maximum length of a name, in bytes.
const NAME_LIMIT: usize = 256;
/// Maximum length of a value that is a text or a number, in bytes.
const VALUE_LIMIT: u32 = 64 << 10;

/// Size of the tree in bytes, by its header; `None` if this is no tree.
#[must_use]
pub fn size(source: &dyn ReadAt) -> Option<u32> {
    let header = read(source, 0, 8);
    holds(&header, 0, b"\xd0\x0d\xfe\xed").then(|| be32(&header, 4)).flatten()
}

/// The value of a property, if it is a short one.
#[must_use]
pub fn value(source: &dyn ReadAt, property: &Property) -> Option<Vec<u8>> {
    let length = usize::try_from(property.length.min(VALUE_LIMIT)).ok()?;
    Some(read(source, property.offset, length))
        .filter(|value| value.len() as u64 == u64::from(property.length))
}

/// The upper nodes of a tree, as far as it can be read; empty if this is no tree. Values may be large files, so they are
/// passed over.
#[must_use]
pub fn nodes(source: &dyn ReadAt) -> Vec<Node> {
    let mut nodes = Vec::new();
    // The part before the damage is kept.
    let _ = walk(source, &mut nodes);
    nodes
}

fn walk(source: &dyn ReadAt, nodes: &mut Vec<Node>) -> Option<()> {
    size(source)?;
    let header = read(source, 0, 16);
    let (mut at, strings) = (u64::from(be32(&header, 8)?), u64::from(be32(&header, 12)?));
    // Places among `nodes` of the nodes that are open; `None` for those that are passed over.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut kept: usize = 0;
    for _ in 0..TOKEN_LIMIT {
        let (token, next) = token(source, at)?;
        at = next;
        match token {
            Token::BeginNode(name) => {
                let parent = open.last().copied().flatten().and_then(|parent| nodes.get(parent));
                let path = parent.map(|parent| format!("{}/{}", parent.path, text(&name)));
                let is_kept = open.len() < DEPTH_LIMIT
                    && nodes.len() < KEPT_LIMIT
                    && (open.is_empty() || path.is_some());
                open.push(is_kept.then_some(nodes.len()));
                if is_kept {
                    nodes.push(Node { path: path.unwrap_or_default(), properties: Vec::new() });
                }
            }
            Token::Property { name: name_at, value, length } => {
                let node = open.last().copied().flatten().and_then(|node| nodes.get_mut(node));
                if let Some(node) = node.filter(|_| kept < KEPT_LIMIT) {
                    kept = kept.saturating_add(1);
                    let name = text(&name(source, strings.checked_add(name_at.into())?)?);
                    node.properties.push(Property { name, offset: value, length });
                }
            }
            Token::EndNode => {
                open.pop()?;
                if open.is_empty() {
                    break;
                }
            }
            Token::NoOperation => {}
            Token::End => break,
        }
    }
    Some(())
}

/// The bytes before the next NUL.
fn name(source: &dyn ReadAt, at: u64) -> Option<Vec<u8>> {
    let mut bytes = read(source, at, NAME_LIMIT);
    bytes.truncate(bytes.iter().position(|&byte| byte == 0)?);
    Some(bytes)
}

/// Fewer bytes where there are no more, or where they cannot be read.
fn read(source: &dyn ReadAt, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let count = source.read_at(at, &mut bytes).unwrap_or(0);
    bytes.truncate(count);
    bytes
}

/// Reads the top of a tree; `None` also if it is larger than its file.
#[must_use]
pub fn parse(head: &[u8], file_size: u64) -> Option<Tree> {
    let size = size(&head).filter(|&size| u64::from(size) <= file_size)?;
    // Past the head's end nothing more is learnt: embedded files may be there.
    let nodes = nodes(&head);
    let description = nodes.first().and_then(|root| {
        let named = root
            .properties
            .iter()
            .find(|property| ["description", "model"].contains(&property.name.as_str()));
        value(&head, named?).map(|value| text(&value))
    });
    let below = nodes.iter().filter_map(|node| node.path.strip_prefix('/'));
    let nodes = below.filter(|path| !path.contains('/')).map(str::to_owned).collect();
    Some(Tree { description, nodes, size })
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
