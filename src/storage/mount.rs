//! File systems mounted for reading, attached nowhere, so that nothing is ever written (fsopen(2), fsmount(2)).
//!
//! `ro` alone does not keep a disk as it is. Drivers replay the journal unless an option forbids it, and ext4 and f2fs then still
//! clear away files that were open when the machine went down, and note errors in the superblock. They stop at a device
//! that the kernel holds read-only, so that is what they get: see [`Care`]. A log that waits to be replayed is replayed in a
//! snapshot in memory ([`super::snapshot`]), so that files are read as their own system would read them.

use std::{
    fmt::Write,
    fs::{File, OpenOptions},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
        fsmount, fsopen,
    },
};

use super::{
    control_node,
    kernel_messages::KernelMessages,
    snapshot::{Snapshot, SnapshotError},
};
use crate::{
    entry::FilesystemKind,
    formats::{
        superblock::{DirtyLog, feature_names},
        text,
    },
    sys::{
        block_device::{attach_loop_device, free_loop_device, set_read_only, set_writable},
        files,
    },
};

/// Attributes of every mount that is made here.
pub(super) const ATTRIBUTES: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// Options against the replay of a log, with the values that they have for that alone.
const NO_REPLAY: [(&str, &str); 4] =
    [("noload", ""), ("norecovery", ""), ("nologreplay", ""), ("rescue", "nologreplay")];

/// Maximum number of messages that are read from a file-system context.
const MESSAGE_LIMIT: usize = 8;

/// Where loop devices are given out, and the number of that device (Documentation/admin-guide/devices.txt).
const LOOP_CONTROL: (&str, (u32, u32)) = ("/dev/loop-control", (10, 237));

/// Someone else may take a loop device between the question for a free one and the answer; not for ever.
const LOOP_RACE_LIMIT: usize = 16;

/// How a device is kept from being written by the drivers that do so in spite of `ro`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// The machine is ours alone (it boots): the kernel holds the device read-only from now on.
    Alone,
    /// Others use the device too (a running system): they must notice nothing, so a read-only loop device is between.
    Shared,
}

/// Why a file system could not be mounted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// The kernel knows none of the drivers for it.
    #[error("the kernel has no driver {0} (ENODEV): put the module {0} into the image")]
    NoDriver(&'static str),
    /// The driver refused.
    #[error("{driver}: {error}{messages}{remedy}")]
    Refused {
        /// Its name.
        driver: &'static str,
        /// The kernel's reason.
        error: Errno,
        /// Its messages, each after a `; `.
        messages: String,
        /// What can be done, after a `: `; empty where nobody knows.
        remedy: &'static str,
    },
    /// The device could not be kept from being written.
    #[error("cannot be mounted without the risk of a write: {0}")]
    Unguarded(Errno),
    /// It is no file system.
    #[error("{0} is no file system that can be mounted")]
    NoFilesystem(FilesystemKind),
}

/// A file system that is mounted.
#[derive(Debug)]
pub struct Mount {
    /// Its root directory.
    pub root: OwnedFd,
    /// Whether its log was replayed; `None` where none waits to be.
    pub replay: Option<Result<(), NoReplay>>,
}

/// Why a log that waits to be replayed is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReplay {
    /// The system runs on other devices, which must notice nothing.
    #[error("a running system only looks at it: mount it to see its files as its own system does")]
    Shared,
    /// The file system is on several devices.
    #[error("it is on several devices")]
    SeveralDevices,
    /// There is no snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The driver refuses to.
    #[error(transparent)]
    Refused(#[from] MountError),
}

/// A file system to be mounted.
#[derive(Debug)]
pub struct MountRequest<'a> {
    pub kind: FilesystemKind,
    /// The node of its device.
    pub node: &'a Path,
    /// The same, opened.
    pub device: &'a File,
    /// The nodes of the other devices of a file system on several.
    pub companions: Vec<PathBuf>,
    /// It shall be read although some of them are missing.
    pub degraded: bool,
    /// Partitions of the device are volumes, too: the mount must not claim the whole device.
    pub is_shared: bool,
    /// Its log, if that waits to be replayed.
    pub log: Option<DirtyLog>,
    /// Size of the device in bytes.
    pub size: u64,
    /// A person wants to write to it: its driver may do what it does on its own system.
    pub writable: bool,
    /// Further options for the driver, with their values; a flag has none.
    pub options: Vec<(String, String)>,
}

impl<'a> MountRequest<'a> {
    /// A file system on one device.
    #[must_use]
    pub fn new(kind: FilesystemKind, node: &'a Path, device: &'a File) -> Self {
        Self {
            kind,
            node,
            device,
            companions: Vec::new(),
            degraded: false,
            is_shared: false,
            log: None,
            size: 0,
            writable: false,
            options: Vec::new(),
        }
    }
}

/// A driver and its options beside `ro`; a flag has no value.
struct Attempt {
    driver: &'static str,
    options: &'static [(&'static str, &'static str)],
}

const fn attempt(driver: &'static str, options: &'static [(&'static str, &'static str)]) -> Attempt {
    Attempt { driver, options }
}

/// The attempts for each file system, best first: the one driver's options where kernels differ in what they take, and
/// other drivers that read it.
const ATTEMPTS: &[(FilesystemKind, &[Attempt])] = &[
    (FilesystemKind::Ext2, &[attempt("ext4", &[("noload", "")]), attempt("ext2", &[])]),
    (FilesystemKind::Ext3, &[attempt("ext4", &[("noload", "")]), attempt("ext3", &[("noload", "")])]),
    (FilesystemKind::Ext4, &[attempt("ext4", &[("noload", "")])]),
    (
        FilesystemKind::Vfat,
        // Each character set is a module of its own, and the default of the kernel at hand may not be there.
        &[attempt("vfat", &[("utf8", "1")]), attempt("vfat", &[("utf8", "1"), ("iocharset", "ascii")])],
    ),
    (FilesystemKind::Exfat, &[attempt("exfat", &[("iocharset", "utf8")]), attempt("exfat", &[])]),
    (FilesystemKind::Xfs, &[attempt("xfs", &[("norecovery", ""), ("nouuid", "")])]),
    (
        FilesystemKind::Btrfs,
        // 5.9 renamed the option. The top-level subvolume holds all others: GRUB's paths begin there.
        &[
            attempt("btrfs", &[("rescue", "nologreplay"), ("subvolid", "5"), ("nodiscard", "")]),
            attempt("btrfs", &[("nologreplay", ""), ("subvolid", "5"), ("nodiscard", "")]),
        ],
    ),
    (FilesystemKind::Iso9660, &[attempt("iso9660", &[("iocharset", "utf8")]), attempt("iso9660", &[])]),
    (FilesystemKind::Udf, &[attempt("udf", &[("iocharset", "utf8")]), attempt("udf", &[])]),
    (FilesystemKind::Squashfs, &[attempt("squashfs", &[])]),
    (FilesystemKind::F2fs, &[attempt("f2fs", &[("norecovery", "")])]),
    (FilesystemKind::Erofs, &[attempt("erofs", &[])]),
    (FilesystemKind::Ntfs, &[attempt("ntfs3", &[]), attempt("ntfs", &[])]),
];

/// Whether the driver may write in spite of `ro`, or is not known not to.
fn needs_guard(kind: FilesystemKind) -> bool {
    use FilesystemKind::{Ext2, Ext3, Ext4, F2fs, Ntfs};
    matches!(kind, Ext2 | Ext3 | Ext4 | F2fs | Ntfs)
}

/// Mounts a file system. The mount lives as long as the handle.
///
/// # Errors
/// [`MountError`] says why not.
pub fn mount(request: &MountRequest<'_>, care: Care) -> Result<Mount, MountError> {
    if request.writable {
        return Ok(Mount { root: writable(request)?, replay: None });
    }
    let replay = match request.log.map(|log| replayed(request, log, care)) {
        Some(Ok(root)) => return Ok(Mount { root, replay: Some(Ok(())) }),
        Some(Err(reason)) => Some(Err(reason)),
        None => None,
    };
    let MountRequest { kind, node, device, is_shared, .. } = *request;
    let guarded = match (care, needs_guard(kind)) {
        (Care::Alone, true) => set_read_only(device.as_fd()).map(|()| None),
        (Care::Alone, false) => Ok(set_read_only(device.as_fd()).map_or(None, |()| None)),
        (Care::Shared, true) => loop_over(device, false).map(Some),
        (Care::Shared, false) => Ok(None),
    };
    let mut guard = guarded.map_err(MountError::Unguarded)?;
    if care == Care::Alone {
        hold(&request.companions);
    }
    if is_shared && guard.is_none() {
        // A loop device claims nothing. Without one, the mount and those of the partitions exclude each other.
        guard = loop_over(device, false).ok();
    }
    let node = guard.as_ref().map_or(node, |(path, _)| path);
    Ok(Mount { root: try_all(request, node, false)?, replay })
}

/// Mounts it for writing. The kernel has held its devices read-only until now.
fn writable(request: &MountRequest<'_>) -> Result<OwnedFd, MountError> {
    set_writable(request.device.as_fd()).map_err(MountError::Unguarded)?;
    for node in &request.companions {
        let released = files::open_at_once(node).map(|device| set_writable(device.as_fd()));
        if !matches!(released, Ok(Ok(()))) {
            log::info!("{}: the kernel holds it read-only", node.display());
        }
    }
    try_all(request, request.node, true)
}

/// Mounts it with its log replayed in memory.
fn replayed(request: &MountRequest<'_>, log: DirtyLog, care: Care) -> Result<OwnedFd, NoReplay> {
    if care == Care::Shared {
        return Err(NoReplay::Shared);
    }
    if request.degraded || !request.companions.is_empty() {
        return Err(NoReplay::SeveralDevices);
    }
    set_read_only(request.device.as_fd()).map_err(MountError::Unguarded)?;
    let snapshot = Snapshot::over(request.device, request.size, log.size)?;
    let root = try_all(request, snapshot.node(), true)?;
    snapshot.check()?;
    Ok(root)
}

fn try_all(request: &MountRequest<'_>, node: &Path, replay: bool) -> Result<OwnedFd, MountError> {
    let kind = request.kind;
    let attempts = ATTEMPTS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, attempts)| attempts);
    let mut result = Err(MountError::NoFilesystem(kind));
    for attempt in attempts {
        match (mount_with(attempt, node, request, replay), &result) {
            (Ok(mount), _) => return Ok(mount),
            // A driver's own message tells more than that it lacks an option, or that there is no other driver.
            (Err(_), Err(MountError::Refused { .. })) => {}
            (error, _) => result = error,
        }
    }
    result
}

/// Has the kernel hold devices read-only, where it can: no driver of a file system on several is known to write in spite of
/// `ro`.
fn hold(nodes: &[PathBuf]) {
    for node in nodes {
        let held = files::open_at_once(node).map(|device| set_read_only(device.as_fd()));
        if !matches!(held, Ok(Ok(()))) {
            log::info!("{}: the kernel does not hold it read-only", node.display());
        }
    }
}

fn mount_with(
    attempt: &Attempt,
    node: &Path,
    request: &MountRequest<'_>,
    replay: bool,
) -> Result<OwnedFd, MountError> {
    let driver = attempt.driver;
    let log = KernelMessages::from_now();
    let refused = |error, own: Vec<String>| {
        let device = node.file_name().unwrap_or_default().to_string_lossy();
        let all = own.into_iter().chain(log.about(&device, driver)).take(MESSAGE_LIMIT);
        let mut messages = String::new();
        for message in all.map(|message| with_feature_names(request.kind, &message)) {
            if !messages.contains(&message) {
                // Writing to a string cannot fail.
                let _ = write!(messages, "; {}", text::printable(&message));
            }
        }
        let remedy = remedy(request.kind, error, &messages);
        MountError::Refused { driver, error, messages, remedy }
    };
    let context = match fsopen(driver, FsOpenFlags::FSOPEN_CLOEXEC) {
        Ok(context) => context,
        Err(Errno::NODEV) => return Err(MountError::NoDriver(driver)),
        Err(error) => return Err(refused(error, Vec::new())),
    };
    let options = attempt.options.iter().filter(|option| !(replay && NO_REPLAY.contains(option)));
    configure(&context, options, node, request).map_err(|error| refused(error, messages(&context)))
}

/// The message with the names of the features that it gives as a number, as in `unknown incompatible features (0x20)`.
fn with_feature_names(kind: FilesystemKind, message: &str) -> String {
    let names = message.split_once("features (").and_then(|(_, rest)| {
        let digits = rest.split_once(')')?.0.trim_start_matches("0x");
        Some(feature_names(kind, u64::from_str_radix(digits, 16).ok()?))
    });
    match names.filter(|names| !names.is_empty()) {
        Some(names) => format!("{message}: {names}"),
        None => message.to_owned(),
    }
}

/// What can be done about a refusal.
fn remedy(kind: FilesystemKind, error: Errno, messages: &str) -> &'static str {
    use FilesystemKind::{Btrfs, Ext2, Ext3, Ext4, F2fs, Xfs};
    if messages.contains("features (") && !messages.contains("needsrepair") {
        return ": this kernel is too old for it; put a newer one below firstlight";
    }
    let is_damaged =
        matches!(error, Errno::UCLEAN | Errno::BADMSG | Errno::IO) || messages.contains("repair");
    match kind {
        _ if !is_damaged => "",
        Ext2 | Ext3 | Ext4 => ": repair it from another system with e2fsck",
        Xfs => ": repair it from another system with xfs_repair",
        Btrfs => ": see what btrfs check says of it on another system",
        F2fs => ": repair it from another system with fsck.f2fs",
        _ => "",
    }
}

fn configure<'o>(
    context: &OwnedFd,
    options: impl Iterator<Item = &'o (&'static str, &'static str)>,
    node: &Path,
    request: &MountRequest<'_>,
) -> Result<OwnedFd, Errno> {
    fsconfig_set_string(context, "source", node)?;
    if !request.writable {
        fsconfig_set_flag(context, "ro")?;
    }
    let set = |name: &str, value: &str| match value {
        "" => fsconfig_set_flag(context, name),
        value => fsconfig_set_string(context, name, value),
    };
    for (name, value) in options {
        set(name, value)?;
    }
    for (name, value) in &request.options {
        set(name, value)?;
    }
    for companion in &request.companions {
        fsconfig_set_string(context, "device", companion)?;
    }
    if request.degraded {
        fsconfig_set_flag(context, "degraded")?;
    }
    fsconfig_create(context)?;
    let attributes = match request.writable {
        true => ATTRIBUTES.difference(MountAttrFlags::MOUNT_ATTR_RDONLY),
        false => ATTRIBUTES,
    };
    fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// The driver's messages: one message a read, `e`, `w` or `i` and a space first, ENODATA after the last.
fn messages(context: &OwnedFd) -> Vec<String> {
    let mut buffer = [0; 1024];
    let read = |_| {
        let length = rustix::io::read(context, &mut buffer).ok()?;
        let message = text::decode(buffer.get(..length).unwrap_or_default());
        Some(message.split_once(' ').map(|(_, message)| message.trim_end().to_owned()))
    };
    (0..MESSAGE_LIMIT).map_while(read).flatten().collect()
}

/// A loop device over another device or a file, that lives until its last user, a mount or another device, is gone.
pub(super) fn loop_over(device: &File, writable: bool) -> Result<(PathBuf, File), Errno> {
    let open = |path: &Path, writable: bool| {
        let opened = OpenOptions::new().read(true).write(writable).open(path);
        opened.map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
    };
    let control = control_node::open(Path::new(LOOP_CONTROL.0), LOOP_CONTROL.1)?;
    let mut result = Err(Errno::BUSY);
    for _ in 0..LOOP_RACE_LIMIT {
        let path = PathBuf::from(format!("/dev/loop{}", free_loop_device(control.as_fd())?));
        let file = open(&path, writable)?;
        result = attach_loop_device(file.as_fd(), device.as_fd(), writable).map(|()| (path, file));
        if !matches!(result, Err(Errno::BUSY)) {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_other_devices_of_a_file_system_are_held_read_only() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let losetup = |arguments: &[&std::ffi::OsStr]| {
            std::process::Command::new("losetup")
                .args(arguments)
                .output()
                .ok()
                .filter(|it| it.status.success())
        };
        let Some(attached) = losetup(&["--find".as_ref(), "--show".as_ref(), file.path().as_os_str()]) else {
            return println!("skipped: no loop device for the test; it takes root");
        };
        let node = PathBuf::from(String::from_utf8(attached.stdout).unwrap().trim());
        hold(&[PathBuf::from("/nonexistent"), node.clone()]);
        let name = node.file_name().unwrap().to_str().unwrap();
        let held = std::fs::read_to_string(format!("/sys/block/{name}/ro")).unwrap();
        losetup(&["--detach".as_ref(), node.as_os_str()]).unwrap();
        assert_eq!(held, "1\n");
    }

    /// The options that Documentation/filesystems and ext4(5), xfs(5), btrfs(5) give against replaying a log.
    const AGAINST: &[(FilesystemKind, &[&str])] = &[
        (FilesystemKind::Ext3, &["noload"]),
        (FilesystemKind::Ext4, &["noload"]),
        (FilesystemKind::Xfs, &["norecovery"]),
        (FilesystemKind::Btrfs, &["rescue", "nologreplay"]),
        (FilesystemKind::F2fs, &["norecovery"]),
    ];

    #[test]
    fn no_attempt_replays_a_log_unless_it_shall() {
        for (kind, options) in AGAINST {
            let (_, attempts) = ATTEMPTS.iter().find(|(of, _)| of == kind).unwrap();
            for attempt in *attempts {
                let against: Vec<_> =
                    attempt.options.iter().filter(|(name, _)| options.contains(name)).collect();
                assert!(!against.is_empty(), "{kind:?} by {}", attempt.driver);
                assert!(
                    against.iter().all(|option| NO_REPLAY.contains(option)),
                    "{kind:?} by {}",
                    attempt.driver
                );
            }
        }
    }

    #[test]
    fn a_refusal_names_features_and_what_to_do() {
        use FilesystemKind::{Btrfs, Ext4, Squashfs, Xfs};
        let newer = ": this kernel is too old for it; put a newer one below firstlight";
        for (kind, error, message, expected) in [
            // As Linux 6.1 writes them.
            (
                Ext4,
                Errno::INVAL,
                "couldn't mount because of unsupported optional features (10000)",
                format!("couldn't mount because of unsupported optional features (10000): encrypt{newer}"),
            ),
            (
                Xfs,
                Errno::INVAL,
                "Superblock has unknown incompatible features (0x60) enabled",
                format!("Superblock has unknown incompatible features (0x60) enabled: nrext64, exchange{newer}"),
            ),
            (
                Xfs,
                Errno::UCLEAN,
                "Filesystem needs repair.  Please run xfs_repair",
                "Filesystem needs repair.  Please run xfs_repair: repair it from another system with xfs_repair".into(),
            ),
            (Ext4, Errno::UCLEAN, "", ": repair it from another system with e2fsck".into()),
            (Btrfs, Errno::IO, "", ": see what btrfs check says of it on another system".into()),
            (Squashfs, Errno::INVAL, "unknown features (x)", "unknown features (x): this kernel is too old for it; put a newer one below firstlight".into()),
            (Ext4, Errno::BUSY, "", String::new()),
        ] {
            let message = with_feature_names(kind, message);
            assert_eq!(format!("{message}{}", remedy(kind, error, &message)), expected);
        }
    }

    #[test]
    fn what_cannot_be_mounted_says_why() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mount = |kind| mount(&MountRequest::new(kind, file.path(), file.as_file()), Care::Shared);
        assert!(matches!(mount(FilesystemKind::Luks), Err(MountError::NoFilesystem(FilesystemKind::Luks))));
        // A file is no block device. Without the privilege to mount, the kernel says so before it looks at the file.
        let error = mount(FilesystemKind::Xfs).unwrap_err().to_string();
        let known = fs::read_to_string("/proc/filesystems").unwrap().lines().any(|line| line.trim() == "xfs");
        let reason = if !may_mount() {
            "xfs: Operation not permitted (os error 1)".to_owned()
        } else if known {
            "xfs: Block device required (os error 15)".to_owned()
        } else {
            MountError::NoDriver("xfs").to_string()
        };
        // The driver's further messages are in the kernel's log.
        assert_eq!(error.split("; ").next(), reason.split("; ").next());
    }

    /// Whether this process may mount what stands on disks: `CAP_SYS_ADMIN`, and no user namespace of its own.
    fn may_mount() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
        let map = fs::read_to_string("/proc/self/uid_map").unwrap();
        effective & 1 << 21 != 0 && map.split_whitespace().eq(["0", "0", "4294967295"])
    }
}
