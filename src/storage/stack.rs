//! Stacks: file systems and containers that are spread over several devices, each of which is a part. One kind is one row.

use std::fmt;

use crate::{
    entry::{Filesystem, FilesystemKind},
    formats::{bytes::ReadAt, superblock},
};

/// A kind of stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackKind {
    /// A btrfs file system: the kernel shows it once, however many devices bear it, and reads it through any of them.
    Btrfs,
}

/// How one kind of stack is recognised by its parts.
struct Row {
    kind: StackKind,
    /// Its name in messages.
    name: &'static str,
    /// The superblock on each part, whose UUID is the stack's.
    superblock: FilesystemKind,
    /// Reads from a part how many there are.
    parts: fn(&dyn ReadAt) -> Option<u64>,
}

const KINDS: &[Row] = &[Row {
    kind: StackKind::Btrfs,
    name: "btrfs file system",
    superblock: FilesystemKind::Btrfs,
    parts: superblock::btrfs::device_count,
}];

/// Which stack it is: the same for all of its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackId {
    pub kind: StackKind,
    /// Its UUID, as the superblock of each part has it.
    pub uuid: String,
}

/// A stack as one of its parts describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stack {
    /// Which one it is.
    pub id: StackId,
    /// Number of devices that it is on.
    pub parts: u64,
}

impl StackId {
    /// The stack that the device with this superblock is a part of; `None` if it is whole by itself.
    #[must_use]
    pub fn of(filesystem: &Filesystem) -> Option<Self> {
        let row = KINDS.iter().find(|row| row.superblock == filesystem.kind)?;
        Some(Self { kind: row.kind, uuid: filesystem.uuid.clone()? })
    }
}

impl Stack {
    /// The stack that the device with this superblock and content is a part of.
    #[must_use]
    pub fn read(filesystem: &Filesystem, blocks: &dyn ReadAt) -> Option<Self> {
        let id = StackId::of(filesystem)?;
        let row = KINDS.iter().find(|row| row.kind == id.kind)?;
        Some(Self { id, parts: (row.parts)(blocks)? })
    }
}

impl fmt::Display for StackKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = KINDS.iter().find(|row| row.kind == *self);
        formatter.write_str(row.map_or("stack", |row| row.name))
    }
}
