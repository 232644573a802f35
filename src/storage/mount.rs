//! File systems mounted for reading, attached nowhere, so that nothing is ever written (fsopen(2), fsmount(2)).
//!
//! `ro` alone does not keep a disk as it is. Drivers replay the journal unless an option forbids it, and ext4 and f2fs then still
//! clear away files that were open when the machine went down, and note errors in the superblock. They stop at a device
//! that the kernel holds read-only, so that is what they get: see [`Care`].

use std::{
    fmt::Write,
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, makedev, mknodat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
        fsmount, fsopen,
    },
};

use crate::{
    entry::FilesystemKind,
    formats::text,
    sys::{
        block_device::{attach_loop_device, free_loop_device, set_read_only},
        files,
    },
};

/// Attributes of every mount that is made here.
pub(super) const ATTRIBUTES: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// Maximum number of messages that are read from a file-system context.
const MESSAGE_LIMIT: usize = 8;

/// Where loop devices are given out, and the number of that device (Documentation/admin-guide/devices.txt).
const LOOP_CONTROL: (&str, u32, u32) = ("/dev/loop-control", 10, 237);

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
    #[error("{driver}: {error}{messages}")]
    Refused {
        /// Its name.
        driver: &'static str,
        /// The kernel's reason.
        error: Errno,
        /// Its messages, each after a `; `.
        messages: String,
    },
    /// The device could not be kept from being written.
    #[error("cannot be mounted without the risk of a write: {0}")]
    Unguarded(Errno),
    /// It is no file system.
    #[error("{0} is no file system that can be mounted")]
    NoFilesystem(FilesystemKind),
}

/// The other devices of a file system on several.
#[derive(Clone, Debug, Default)]
pub struct Companions {
    /// Their nodes.
    pub nodes: Vec<PathBuf>,
    /// It shall be read although some are missing.
    pub degraded: bool,
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

/// Mounts the file system on the device with the given node, opened as `device`. The mount lives as long as the handle.
///
/// # Errors
/// [`MountError`] says why not.
pub fn mount(
    kind: FilesystemKind,
    node: &Path,
    device: &File,
    companions: &Companions,
    care: Care,
) -> Result<OwnedFd, MountError> {
    let attempts = ATTEMPTS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, attempts)| attempts);
    let guarded = match (care, needs_guard(kind)) {
        (Care::Alone, true) => set_read_only(device.as_fd()).map(|()| None),
        (Care::Alone, false) => Ok(set_read_only(device.as_fd()).map_or(None, |()| None)),
        (Care::Shared, true) => read_only_loop(device).map(Some),
        (Care::Shared, false) => Ok(None),
    };
    let guard = guarded.map_err(MountError::Unguarded)?;
    if care == Care::Alone {
        for node in &companions.nodes {
            // As of the first device: no driver of a file system on several is known to write in spite of `ro`.
            let held = files::open_at_once(node).map(|device| set_read_only(device.as_fd()));
            if !matches!(held, Ok(Ok(()))) {
                log::info!("{}: the kernel does not hold it read-only", node.display());
            }
        }
    }
    let node = guard.as_ref().map_or(node, |(path, _)| path);
    let mut result = Err(MountError::NoFilesystem(kind));
    for attempt in attempts {
        match (mount_with(attempt, node, companions), &result) {
            (Ok(mount), _) => return Ok(mount),
            // A driver's own message tells more than that it lacks an option, or that there is no other driver.
            (Err(_), Err(MountError::Refused { .. })) => {}
            (error, _) => result = error,
        }
    }
    result
}

fn mount_with(attempt: &Attempt, node: &Path, companions: &Companions) -> Result<OwnedFd, MountError> {
    let driver = attempt.driver;
    let context = fsopen(driver, FsOpenFlags::FSOPEN_CLOEXEC).map_err(|error| match error {
        Errno::NODEV => MountError::NoDriver(driver),
        other => MountError::Refused { driver, error: other, messages: String::new() },
    })?;
    configure(&context, attempt.options, node, companions).map_err(|error| MountError::Refused {
        driver,
        error,
        messages: messages(&context),
    })
}

fn configure(
    context: &OwnedFd,
    options: &[(&str, &str)],
    node: &Path,
    companions: &Companions,
) -> Result<OwnedFd, Errno> {
    fsconfig_set_string(context, "source", node)?;
    fsconfig_set_flag(context, "ro")?;
    for (name, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(context, *name)?;
        } else {
            fsconfig_set_string(context, *name, *value)?;
        }
    }
    for companion in &companions.nodes {
        fsconfig_set_string(context, "device", companion)?;
    }
    if companions.degraded {
        fsconfig_set_flag(context, "degraded")?;
    }
    fsconfig_create(context)?;
    fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, ATTRIBUTES)
}

/// The driver's messages: one message a read, `e`, `w` or `i` and a space first, ENODATA after the last.
fn messages(context: &OwnedFd) -> String {
    let mut all = String::new();
    let mut buffer = [0; 1024];
    for _ in 0..MESSAGE_LIMIT {
        let Ok(length) = rustix::io::read(context, &mut buffer) else {
            break;
        };
        let message = text::decode(buffer.get(..length).unwrap_or_default());
        if let Some((_, message)) = message.split_once(' ') {
            // Writing to a string cannot fail.
            let _ = write!(all, "; {}", text::printable(message.trim_end()));
        }
    }
    all
}

/// A loop device over another device or an image file, that lives until its last user, our mount, is gone.
pub(super) fn read_only_loop(device: &File) -> Result<(PathBuf, File), Errno> {
    let open = |path: &Path| {
        File::open(path).map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
    };
    let control = Path::new(LOOP_CONTROL.0);
    let control = open(control).or_else(|error| {
        // Before the module is there, so is no node; opening one has the kernel ask for the module.
        let mode = Mode::RUSR | Mode::WUSR;
        let device = makedev(LOOP_CONTROL.1, LOOP_CONTROL.2);
        mknodat(CWD, control, FileType::CharacterDevice, mode, device).map_err(|_| error)?;
        open(control)
    })?;
    let mut result = Err(Errno::BUSY);
    for _ in 0..LOOP_RACE_LIMIT {
        let path = PathBuf::from(format!("/dev/loop{}", free_loop_device(control.as_fd())?));
        let file = open(&path)?;
        result = attach_loop_device(file.as_fd(), device.as_fd()).map(|()| (path, file));
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

    /// The options that Documentation/filesystems and ext4(5), xfs(5), btrfs(5) give against replaying a journal.
    const NO_REPLAY: &[(FilesystemKind, &[&str])] = &[
        (FilesystemKind::Ext3, &["noload"]),
        (FilesystemKind::Ext4, &["noload"]),
        (FilesystemKind::Xfs, &["norecovery"]),
        (FilesystemKind::Btrfs, &["rescue", "nologreplay"]),
        (FilesystemKind::F2fs, &["norecovery"]),
    ];

    #[test]
    fn no_attempt_replays_a_journal() {
        for (kind, options) in NO_REPLAY {
            let (_, attempts) = ATTEMPTS.iter().find(|(of, _)| of == kind).unwrap();
            for attempt in *attempts {
                let has = |wanted: &&str| attempt.options.iter().any(|(name, _)| name == wanted);
                assert!(options.iter().any(has), "{kind:?} by {}", attempt.driver);
            }
        }
    }

    #[test]
    fn what_cannot_be_mounted_says_why() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mount = |kind| mount(kind, file.path(), file.as_file(), &Companions::default(), Care::Shared);
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
