//! A device as the probers see it: its head read once, anything further read on demand and bounded.

use std::{borrow::Cow, cell::RefCell, io};

use crate::bytes::ReadAt;

/// The head holds every superblock at a fixed place near the start; btrfs's, at 64 KiB, is the furthest.
const HEAD: usize = 72 << 10;

/// Maximum size of a piece that a prober needs, in bytes: half a ZFS label.
const PIECE: usize = 128 << 10;

/// The device that is probed.
pub(super) struct Blocks<'a> {
    source: &'a dyn ReadAt,
    head: Vec<u8>,
    /// The first read error; a prober only sees that there are no such bytes.
    error: RefCell<Option<io::Error>>,
}

impl<'a> Blocks<'a> {
    /// Reads the head.
    pub fn new(source: &'a dyn ReadAt) -> Self {
        let mut blocks = Self { source, head: Vec::new(), error: RefCell::new(None) };
        let length = usize::try_from(source.size()).unwrap_or(HEAD).min(HEAD);
        if let Some(head) = blocks.read(0, length) {
            blocks.head = head;
        }
        blocks
    }

    /// Size of the device in bytes.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The device itself.
    pub fn source(&self) -> &'a dyn ReadAt {
        self.source
    }

    /// The bytes near the start: as many as there are, at most 72 KiB.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The `length` bytes at `offset`, if they are all there.
    pub fn bytes(&self, offset: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let start = usize::try_from(offset).ok()?;
        match self.head.get(start..start.checked_add(length)?) {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None => self.read(offset, length).map(Cow::Owned),
        }
    }

    /// The first error.
    pub fn into_error(self) -> Option<io::Error> {
        self.error.into_inner()
    }

    fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let end = offset.checked_add(u64::try_from(length).ok()?)?;
        if length > PIECE || end > self.size() {
            return None;
        }
        let mut buffer = vec![0; length];
        match self.source.read_at(offset, &mut buffer) {
            Ok(count) if count == length => Some(buffer),
            Ok(_) => None,
            Err(error) => {
                self.error.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}
