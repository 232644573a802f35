//! A device with what would be written to it kept in memory: a snapshot of device mapper whose store is a file in memory below
//! a loop device (Documentation/admin-guide/device-mapper/snapshot.rst). The kernel can replay a log there, and no byte of the
//! device changes. It lasts as long as it is mounted.

use std::{
    fs::{self, File},
    path::Path,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, fstat, ftruncate, major, memfd_create, minor, stat},
    io::Errno,
};

use super::{mapping::Mapping, mount::loop_over, partition_scan, sysfs::SNAPSHOT};

/// Size of a store for a log that is small or of unknown size, in bytes: replays of kernel updates took 2 MiB, and many disks may
/// be replayed at once.
const USUAL_STORE: u64 = 16 << 20;

/// Least and greatest size of a store, in bytes.
const STORE_LIMITS: (u64, u64) = (8 << 20, 1 << 30);

/// The stores that there are.
static STORES: Mutex<Stores> = Mutex::new(Stores { promised: 0, given_back: 0 });

/// A store was given back.
static GIVEN_BACK: Condvar = Condvar::new();

/// How long a replay waits for another to end, which may hang; each one that ends begins the time anew.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug)]
struct Stores {
    /// Memory that is promised to them, in bytes.
    promised: u64,
    /// Number of those that were given back.
    given_back: u64,
}

/// Why there is no snapshot of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The kernel has no device mapper.
    #[error("the kernel has no device mapper ({0}): put the modules dm-snapshot and loop into the image")]
    NoDeviceMapper(Errno),
    /// The kernel has no loop devices.
    #[error("the kernel has no loop devices ({0}): put the modules dm-snapshot and loop into the image")]
    NoLoop(Errno),
    /// It has no snapshots, or refuses this one.
    #[error("the kernel makes no snapshot ({0}): put the modules dm-snapshot and loop into the image")]
    NoSnapshot(Errno),
    /// There is no room for the store.
    #[error("memory is short: give the machine more")]
    NoMemory,
    /// The store is full.
    #[error("more was written in the replay than the {} MiB that it was given: give the machine more memory", .0 >> 20)]
    Full(u64),
}

#[derive(Debug)]
pub(super) struct Snapshot {
    mapping: Mapping,
    store: Store,
}

/// Memory that is promised to a store; what it has taken by then counts as used after that.
#[derive(Debug)]
struct Store(u64);

impl Snapshot {
    /// Makes a snapshot of a device of `size` bytes, for the replay of a log of `log` bytes.
    pub fn over(device: &File, size: u64, log: u64) -> Result<Self, SnapshotError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let store = Store::promise(log, available_memory, PATIENCE).ok_or(SnapshotError::NoMemory)?;
        let origin = fstat(device).map_err(SnapshotError::NoSnapshot)?.st_rdev;
        let memory =
            memfd_create("firstlight-log", MemfdFlags::CLOEXEC).map_err(|_| SnapshotError::NoMemory)?;
        ftruncate(&memory, store.0).map_err(|_| SnapshotError::NoMemory)?;
        let (_, loop_device) = loop_over(&File::from(memory), true).map_err(SnapshotError::NoLoop)?;
        let store_device = fstat(&loop_device).map_err(SnapshotError::NoLoop)?.st_rdev;
        // The process before this one may have left its own, which goes when the kernel comes to it.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("firstlight-{}-{count}", std::process::id());
        let mapping =
            Mapping::create(&name, &format!("{SNAPSHOT}{name}")).map_err(SnapshotError::NoDeviceMapper)?;
        let snapshot = Self { mapping, store };
        let number = |device| format!("{}:{}", major(device), minor(device));
        // What is kept need not outlast the machine's restart (N); pieces of 8 sectors are the pages of the store.
        let words = format!("{} {} N 8", number(origin), number(store_device));
        let started = snapshot.mapping.mapped().start(size / 512, "snapshot", &words, false);
        started.map_err(SnapshotError::NoSnapshot)?;
        let device = stat(snapshot.node()).map_err(SnapshotError::NoSnapshot)?.st_rdev;
        partition_scan::permit(&number(device));
        Ok(snapshot)
    }

    /// Node of the device that shows the snapshot.
    pub fn node(&self) -> &Path {
        self.mapping.node()
    }

    /// Checks that all that was written so far is there.
    pub fn check(&self) -> Result<(), SnapshotError> {
        // `USED/ALL METADATA` in sectors, or a word: `Invalid`, `Overflow`.
        let status = self.mapping.mapped().status().map_err(SnapshotError::NoSnapshot)?;
        log::debug!("{}: {status} sectors of the store are used", self.node().display());
        status
            .starts_with(|first: char| first.is_ascii_digit())
            .then_some(())
            .ok_or(SnapshotError::Full(self.store.0))
    }
}

impl Store {
    /// Takes memory for the replay of a log of `log` bytes, if need be once other replays have given theirs back. `available`
    /// tells how much is left.
    fn promise(log: u64, available: impl Fn() -> u64, patience: Duration) -> Option<Self> {
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(size) = size(log, available(), stores.promised) {
                stores.promised = stores.promised.saturating_add(size);
                return Some(Self(size));
            }
            if stores.promised == 0 {
                return None;
            }
            let known = stores.given_back;
            let waited = GIVEN_BACK.wait_timeout_while(stores, patience, |stores| stores.given_back == known);
            let (after, time) = waited.unwrap_or_else(PoisonError::into_inner);
            if time.timed_out() {
                return None;
            }
            stores = after;
        }
    }
}

/// Size of a store in bytes. Twice the log is more than a replay writes: each block of it once, whole inodes for parts of them,
/// and what is then cleaned up. All stores together have a quarter of the memory that is left, and one of them half of what
/// the others leave of that.
fn size(log: u64, available: u64, promised: u64) -> Option<u64> {
    let (least, greatest) = STORE_LIMITS;
    let room = (available / 4).saturating_sub(promised);
    let wanted = log.saturating_mul(2).clamp(USUAL_STORE, greatest);
    (room >= least).then(|| wanted.min(room / 2).max(least))
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.promised = stores.promised.saturating_sub(self.0);
        stores.given_back = stores.given_back.wrapping_add(1);
        GIVEN_BACK.notify_all();
    }
}

/// Memory that is left, in bytes (proc(5), MemAvailable).
pub(super) fn available_memory() -> u64 {
    let all = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = all.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default().saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn stores_are_bounded_by_the_log_and_by_what_memory_is_left_for_all() {
        for (log, available, promised, expected) in [
            (0, 1024 * MIB, 0, Some(16)),
            (0, 1024 * MIB, 230 * MIB, Some(13)),
            (0, 1024 * MIB, 248 * MIB, Some(8)),
            (0, 1024 * MIB, 249 * MIB, None),
            (MIB, 128 * MIB, 0, Some(16)),
            (128 * MIB, 4096 * MIB, 0, Some(256)),
            (8192 * MIB, 64 << 30, 0, Some(1024)),
            (0, 31 * MIB, 0, None),
            (0, 0, 0, None),
        ] {
            assert_eq!(
                size(log, available, promised).map(|size| size / MIB),
                expected,
                "{log} {available} {promised}"
            );
        }
        assert!(available_memory() > 0);
    }

    #[test]
    fn a_replay_waits_for_the_memory_of_others_as_long_as_one_after_another_ends() {
        let promise = |available, patience| Store::promise(0, || available, patience);
        let (first, second) =
            (promise(64 * MIB, Duration::ZERO).unwrap(), promise(64 * MIB, Duration::ZERO).unwrap());
        assert_eq!((first.0, second.0), (8 * MIB, 8 * MIB));
        assert!(promise(64 * MIB, Duration::ZERO).is_none());
        // There is room for one again only after both have ended.
        let other = std::thread::spawn(move || promise(32 * MIB, Duration::from_secs(20)).is_some());
        drop(first);
        drop(second);
        assert!(other.join().unwrap());
        assert_eq!(STORES.lock().unwrap().promised, 0);
    }
}
