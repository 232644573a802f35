//! Files inside an ISO 9660 image (ECMA-119), by the names that Rock Ridge (IEEE P1282) or Joliet give them.
//!
//! The image is read as it is, without being mounted: a confined process and one without privileges can, and a file in
//! it is a few ranges of the image, so that a kernel is loaded from the image's own descriptor.

mod layout;
mod record;
#[cfg(test)]
mod tests;

use crate::sort;
use std::{cell::Cell, cell::RefCell, io, rc::Rc};

pub use layout::Layout;
use record::{Names, Record};

use super::{
    bytes::{ReadAt, holds, slice},
    lookup::{DirectoryEntry, FileKind, FileStatus, LookupError},
};

pub(super) const FIRST_DESCRIPTOR: u64 = 0x8000;
pub(super) const SECTOR: u64 = 2048;
/// Descriptors that are looked at.
pub(super) const DESCRIPTORS: u64 = 16;
pub(super) const PRIMARY: u8 = 1;
pub(super) const SUPPLEMENTARY: u8 = 2;
pub(super) const END: u8 = 255;
/// The escape sequences that say that a supplementary descriptor is Joliet's.
pub(super) const JOLIET: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];

/// Bytes of directories that are read, of all images with one budget: a record of 34 bytes takes some 200 in memory.
const DIRECTORIES_LIMIT: u64 = 8 << 20;

/// Symbolic links followed on one way, and components of one way.
const LINK_LIMIT: usize = 40;
const COMPONENT_LIMIT: usize = 4096;

/// Memory that the directories of all open images may take together; clones are one and the same.
#[derive(Clone, Debug)]
pub struct Budget(Rc<Cell<u64>>);

impl Default for Budget {
    fn default() -> Self {
        Self(Rc::new(Cell::new(DIRECTORIES_LIMIT)))
    }
}

impl Budget {
    /// Whether a directory was larger than what was left. Then nothing is: no more directories are read.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Takes bytes off what may still be read.
    fn pay(&self, length: u64) -> Option<()> {
        let left = self.0.get().checked_sub(length);
        self.0.set(left.unwrap_or_default());
        left.map(|_| ())
    }
}

/// An image that is read.
pub struct Iso9660<'a> {
    source: Box<dyn ReadAt + 'a>,
    root: Record,
    names: Names,
    budget: Budget,
    /// Directories that were read, by the place of their first block.
    known: RefCell<Vec<(u64, Rc<[Record]>)>>,
}

impl<'a> Iso9660<'a> {
    /// Reads the descriptors; `None` if this is no such image, or is cut short before they end.
    #[must_use]
    pub fn open(source: Box<dyn ReadAt + 'a>) -> Option<Self> {
        Self::within(source, Budget::default())
    }

    /// The same for an image beside others that share a budget.
    #[must_use]
    pub fn within(source: Box<dyn ReadAt + 'a>, budget: Budget) -> Option<Self> {
        let (mut primary, mut joliet) = (None, None);
        for number in 0..DESCRIPTORS {
            let offset = number.checked_mul(SECTOR)?.checked_add(FIRST_DESCRIPTOR)?;
            let descriptor = piece(&*source, offset, SECTOR)?;
            if !holds(&descriptor, 1, b"CD001") {
                break;
            }
            let is_joliet = JOLIET.iter().any(|sequence| holds(&descriptor, 88, sequence));
            match *descriptor.first()? {
                END => break,
                PRIMARY if primary.is_none() => primary = Some(descriptor),
                SUPPLEMENTARY if joliet.is_none() && is_joliet => joliet = Some(descriptor),
                _ => {}
            }
        }
        let root =
            |descriptor: Vec<u8>| Record::root(slice(&descriptor, 128, 2)?, slice(&descriptor, 156, 34)?);
        let primary = root(primary?)?;
        let first = piece(&*source, primary.start()?, SECTOR)?;
        let (root, names) = match (record::skipped_by_rock_ridge(&first), joliet) {
            (Some(skip), _) => (primary, Names::RockRidge { skip }),
            (None, Some(joliet)) => (root(joliet)?, Names::Joliet),
            (None, None) => (primary, Names::Plain),
        };
        Some(Self { source, root, names, budget, known: RefCell::default() })
    }

    /// Status of what the path leads to, following a final link if `follow`; `None` if there is nothing.
    #[must_use]
    pub fn status(&self, path: &str, follow: bool) -> Option<FileStatus> {
        let record = self.find(path, follow)?;
        Some(FileStatus { kind: record.kind, size: record.size, modified: record.modified })
    }

    /// Names in a directory, sorted by byte value; empty if it is missing or no directory.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<DirectoryEntry> {
        let Some(directory) = self.find(path, true) else { return Vec::new() };
        let entries = self.directory(&directory);
        let mut names: Vec<DirectoryEntry> =
            entries.iter().map(|it| DirectoryEntry { name: it.name.clone(), kind: it.kind }).collect();
        sort::by(&mut names, |one, other| one.name.cmp(&other.name));
        names
    }

    /// Reads up to `length` bytes from `offset` of a regular file: fewer at its end.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn read_at(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let mut content = Vec::new();
        let mut left = u64::try_from(length).unwrap_or(u64::MAX);
        let mut skip = offset;
        for (start, size) in self.ranges(path)? {
            let here = size.saturating_sub(skip).min(left);
            if here > 0 {
                let from = start.saturating_add(skip);
                // Never more memory than there are bytes: a size is only what the image says.
                let there = here.min(self.source.size().saturating_sub(from));
                let failed = || LookupError::Failed("the image is cut short".into());
                content.append(&mut piece(&*self.source, from, there).ok_or_else(failed)?);
                if there < here {
                    return Err(failed());
                }
            }
            skip = skip.saturating_sub(size);
            left = left.saturating_sub(here);
        }
        Ok(content)
    }

    /// Where in the image a regular file lies: offset and length in bytes of each part, in order.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn ranges(&self, path: &str) -> Result<Vec<(u64, u64)>, LookupError> {
        let record = self.find(path, true).ok_or(LookupError::Missing)?;
        match record.kind {
            FileKind::File => Ok(record.extents),
            _ => Err(LookupError::Failed("not a regular file".into())),
        }
    }

    /// Follows a path from the root.
    fn find(&self, path: &str, follow: bool) -> Option<Record> {
        // Components still to go, the next one last.
        let mut way: Vec<String> = components(path);
        let mut parents: Vec<Record> = Vec::new();
        let mut here = self.root.clone();
        let mut links = 0_usize;
        while way.len() <= COMPONENT_LIMIT {
            let Some(name) = way.pop() else { return Some(here) };
            if name == ".." {
                here = parents.pop().unwrap_or_else(|| self.root.clone());
                continue;
            }
            let entries = self.directory(&here);
            let exact = entries.iter().find(|record| record.name == name);
            let entry = exact.or_else(|| entries.iter().find(|it| it.name.eq_ignore_ascii_case(&name)))?;
            match &entry.link {
                Some(target) if follow || !way.is_empty() => {
                    links = links.saturating_add(1);
                    way.extend(components(target));
                    if links > LINK_LIMIT {
                        return None;
                    }
                    if target.starts_with('/') {
                        parents.clear();
                        here = self.root.clone();
                    }
                }
                _ => parents.push(std::mem::replace(&mut here, entry.clone())),
            }
        }
        None
    }

    /// Names in a directory; none if it is no directory, or cannot be read.
    fn directory(&self, directory: &Record) -> Rc<[Record]> {
        let Some(start) = directory.start().filter(|_| directory.kind == FileKind::Directory) else {
            return Rc::default();
        };
        let place = |known: &[(u64, Rc<[Record]>)]| known.binary_search_by_key(&start, |(start, _)| *start);
        let known = place(&self.known.borrow());
        if let Some((_, known)) = known.ok().and_then(|place| self.known.borrow().get(place).cloned()) {
            return known;
        }
        let mut read =
            |offset, length| self.budget.pay(length).and_then(|()| piece(&*self.source, offset, length));
        // A directory that was moved up tells its size only itself, in its first record.
        let size = match directory.size {
            0 => read(start, SECTOR).and_then(|first| record::own_size(&first)),
            size => Some(size),
        };
        let bytes = size.and_then(|size| read(start, size)).unwrap_or_default();
        let entries: Rc<[Record]> = record::records(&bytes, directory.block, self.names, &mut read).into();
        let mut known = self.known.borrow_mut();
        if let Err(place) = place(&known) {
            known.insert(place, (start, entries.clone()));
        }
        entries
    }
}

impl std::fmt::Debug for Iso9660<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Iso9660").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The components of a path, the last one first.
fn components(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
}

/// The bytes at a place, if they are all there.
fn piece(source: &dyn ReadAt, offset: u64, length: u64) -> Option<Vec<u8>> {
    if offset.checked_add(length)? > source.size() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let mut filled = 0_usize;
    while filled < bytes.len() {
        let at = offset.checked_add(u64::try_from(filled).ok()?)?;
        match source.read_at(at, bytes.get_mut(filled..)?) {
            Ok(0) => return None,
            Ok(count) => filled = filled.checked_add(count)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(bytes)
}
