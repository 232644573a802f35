//! A lookup that ends: what one volume's configuration may have read, on all volumes, before its search is cut short.

use std::cell::{Cell, RefCell};

use nix::time::{ClockId, clock_gettime};

use crate::{
    entry::Volume,
    formats::{
        lookup::{DirectoryEntry, FileStatus, Lookup, LookupError},
        name_table::NameTable,
    },
};

/// Bytes read.
const BYTE_LIMIT: usize = 64 << 20;

/// Files read or asked about, and names listed.
const STEP_LIMIT: usize = 500_000;

/// Processor time, in seconds: a thousand entries take some hundredths.
const TIME_LIMIT: i64 = 3;

/// Steps between two looks at the clock, which is a system call.
const TIME_STEPS: usize = 64;

/// Answers kept, since entries name the same few kernels again and again, and the longest path of one in bytes.
const KNOWN_LIMIT: usize = 16_384;
const KNOWN_PATH_LIMIT: usize = 256;

type Answers = NameTable<Option<FileStatus>>;

/// Passes every question on until a limit is reached; then nothing more is there.
pub(super) struct Metered<'a> {
    inner: &'a dyn Lookup,
    bytes: Cell<usize>,
    steps: Cell<usize>,
    /// Processor time of this process at which the search ends.
    end: i64,
    is_time_up: Cell<bool>,
    /// The answers by their paths: for each volume those about the file itself, and those about where a link leads.
    known: RefCell<Vec<[Answers; 2]>>,
}

impl<'a> Metered<'a> {
    pub(super) fn new(inner: &'a dyn Lookup) -> Self {
        Self {
            inner,
            bytes: Cell::new(BYTE_LIMIT),
            steps: Cell::new(STEP_LIMIT),
            end: processor_time().saturating_add(TIME_LIMIT * 1_000_000_000),
            is_time_up: Cell::new(false),
            known: RefCell::default(),
        }
    }

    /// Which limit cut the search short.
    pub(super) fn exhausted(&self) -> Option<String> {
        match (self.bytes.get(), self.steps.get()) {
            (0, _) => Some(format!("{} MiB were read", BYTE_LIMIT >> 20)),
            (_, 0) => Some(format!("{STEP_LIMIT} files were asked for")),
            _ if self.is_time_up.get() => Some(format!("{TIME_LIMIT} s of processor time")),
            _ => None,
        }
    }

    fn spend(&self, steps: usize) -> bool {
        let before = self.steps.get();
        let left = before.saturating_sub(steps);
        self.steps.set(left);
        if left / TIME_STEPS != before / TIME_STEPS && processor_time() >= self.end {
            self.is_time_up.set(true);
        }
        self.exhausted().is_none()
    }

    fn count(&self, content: Result<Vec<u8>, LookupError>) -> Result<Vec<u8>, LookupError> {
        self.bytes.set(self.bytes.get().saturating_sub(content.as_ref().map_or(0, Vec::len)));
        content
    }

    fn refusal(&self) -> LookupError {
        LookupError::Failed(format!("search cut short: {}", self.exhausted().unwrap_or_default()))
    }
}

/// Processor time that this process has used, in nanoseconds.
fn processor_time() -> i64 {
    // Not by rustix, whose first call opens files, which the sandbox forbids. Every Linux has this clock.
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(0, |time| time.tv_sec().saturating_mul(1_000_000_000).saturating_add(time.tv_nsec()))
}

impl Lookup for Metered<'_> {
    fn volumes(&self) -> &[Volume] {
        self.inner.volumes()
    }

    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        if !self.spend(1) {
            return Err(self.refusal());
        }
        self.count(self.inner.read(volume, path, limit))
    }

    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        if !self.spend(1) {
            return Err(self.refusal());
        }
        self.count(self.inner.read_at(volume, path, offset, length))
    }

    fn status(&self, volume: usize, path: &str, follow: bool) -> Option<FileStatus> {
        if !self.spend(1) {
            return None;
        }
        if path.len() > KNOWN_PATH_LIMIT {
            return self.inner.status(volume, path, follow);
        }
        let known = self.known.borrow().get(volume).and_then(|[own, led]| {
            let answers = if follow { led } else { own };
            answers.get(path).copied()
        });
        known.unwrap_or_else(|| {
            let status = self.inner.status(volume, path, follow);
            let mut known = self.known.borrow_mut();
            if known.len() <= volume && volume < self.inner.volumes().len() {
                known.resize_with(volume.saturating_add(1), Default::default);
            }
            let count = known
                .iter()
                .flatten()
                .fold(0_usize, |sum, answers| sum.saturating_add(answers.values().len()));
            if let Some([own, led]) = known.get_mut(volume).filter(|_| count < KNOWN_LIMIT) {
                let answers = if follow { led } else { own };
                answers.insert(path.to_owned(), status);
            }
            status
        })
    }

    fn link(&self, volume: usize, path: &str) -> Option<String> {
        if self.spend(1) { self.inner.link(volume, path) } else { None }
    }

    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry> {
        if !self.spend(1) {
            return Vec::new();
        }
        let names = self.inner.list(volume, path);
        self.spend(names.len());
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    #[test]
    fn a_search_ends_after_so_many_questions() {
        let files = tree(&[("file", "content")]);
        let lookup = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let metered = Metered::new(&lookup);
        assert_eq!(metered.read(0, "/file", 9).as_deref(), Ok(&b"content"[..]));
        assert_eq!(metered.exhausted(), None);
        metered.steps.set(2);
        assert!(metered.status(0, "/file", true).is_some());
        assert_eq!(metered.status(0, "/file", true), None);
        assert_eq!(metered.list(0, "/"), []);
        let reason = "search cut short: 500000 files were asked for";
        assert_eq!(metered.read(0, "/file", 9), Err(LookupError::Failed(reason.into())));
    }

    #[test]
    fn what_was_asked_before_is_answered_alike_and_counts_as_a_question() {
        let files = tree(&[("file", "content")]);
        let lookup = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let metered = Metered::new(&lookup);
        for path in ["/file", "/nothing", &format!("/{}file", "./".repeat(KNOWN_PATH_LIMIT))] {
            let answers = [(); 2].map(|()| metered.status(0, path, true));
            assert_eq!(answers, [lookup.status(0, path, true); 2], "{path}");
        }
        assert_eq!(metered.steps.get(), STEP_LIMIT - 6);
        let known = metered.known.borrow();
        assert_eq!(known.iter().flatten().map(|answers| answers.values().len()).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_search_ends_after_so_many_bytes() {
        let files = tree(&[("file", "content")]);
        let lookup = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let metered = Metered::new(&lookup);
        metered.bytes.set(8);
        assert_eq!(metered.read_at(0, "/file", 3, 9).as_deref(), Ok(&b"tent"[..]));
        assert!(metered.read(0, "/file", 9).is_ok());
        assert_eq!(metered.exhausted().as_deref(), Some("64 MiB were read"));
        assert!(metered.read(0, "/file", 9).is_err());
    }
}
