//! Why nothing can be read from a device: values for the program, and the one place where they become words.

use std::{fmt, path::PathBuf, time::Duration};

use rustix::io::Errno;

use super::{
    misread::TableFault,
    mount::MountError,
    stack::{Stack, StackKind},
};
use crate::entry::FilesystemKind;

/// Why nothing can be read from a device. Its `Display` is the reason in words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no medium in the drive.
    Empty,
    /// The drive's tray is open.
    TrayOpen,
    /// The drive still reads its medium.
    DriveBusy,
    /// A floppy drive: only a slow read shows whether there is a disk in it.
    Floppy,
    /// The boot area of an eMMC.
    BootArea,
    /// One of several paths to a disk, which is a device of its own.
    OnePath,
    /// A loop device that the kernel detaches with its mount.
    LoopOfMount,
    /// Device mapper holds all requests to it back.
    Suspended,
    /// These devices are made of it.
    MemberOf(Vec<String>),
    /// A disk with these partitions.
    Partitioned(Vec<String>),
    /// A disk with these partitions, which lie over an older file system on the whole disk.
    Outdated {
        /// Kernel names of the partitions.
        partitions: Vec<String>,
        /// Kind of the older file system.
        older: FilesystemKind,
    },
    /// A disk whose partition table the kernel does not read.
    Misread {
        /// Why not.
        fault: TableFault,
        /// Kernel names of the partitions that it was shown.
        partitions: Vec<String>,
    },
    /// Nothing on it is recognised.
    Unrecognised,
    /// An encrypted container without its key.
    Locked(Encryption),
    /// A physical volume of LVM whose volume group is not active.
    InactiveLvm,
    /// A member of an array of md that is not assembled.
    InactiveArray,
    /// A member of a ZFS pool.
    ZfsMember,
    /// Swap space.
    Swap,
    /// Swap space that holds a hibernated system.
    HibernatedSwap,
    /// A part of something larger, other parts of which are not there.
    Incomplete {
        /// The whole.
        of: Stack,
        /// Number of parts that are not there.
        missing: u64,
    },
    /// A part of something that is read through another part.
    ReadThrough {
        /// Kind of the whole.
        kind: StackKind,
        /// Kernel name of the other part.
        device: String,
    },
    /// It did not answer within this time.
    Late(Duration),
    /// An earlier process died on it.
    PassedOver,
    /// Its node cannot be opened.
    Unopened {
        /// Path of the node.
        node: PathBuf,
        /// The kernel's reason.
        error: Errno,
        /// The process is root's.
        as_root: bool,
    },
    /// Its content cannot be read.
    Unreadable(Errno),
    /// Its file system cannot be mounted.
    NotMounted(MountError),
    /// There is no thread to probe it on.
    NoThread(Errno),
}

/// A format of encrypted containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// LUKS, version 1 or 2.
    Luks,
    Bitlocker,
}

impl Rejection {
    /// Why a superblock of this kind leads to no files; `None` for file systems.
    #[must_use]
    pub fn of_container(kind: FilesystemKind) -> Option<Self> {
        match kind {
            FilesystemKind::Luks => Some(Self::Locked(Encryption::Luks)),
            FilesystemKind::Bitlocker => Some(Self::Locked(Encryption::Bitlocker)),
            FilesystemKind::Lvm2 => Some(Self::InactiveLvm),
            FilesystemKind::Raid => Some(Self::InactiveArray),
            FilesystemKind::Zfs => Some(Self::ZfsMember),
            FilesystemKind::Swap => Some(Self::Swap),
            FilesystemKind::Swsuspend => Some(Self::HibernatedSwap),
            _ => None,
        }
    }

    /// The stack that the device is a part of, if other parts are still to be found.
    #[must_use]
    pub fn incomplete_stack(&self) -> Option<&Stack> {
        match self {
            Self::Incomplete { of, .. } => Some(of),
            _ => None,
        }
    }
}

impl From<MountError> for Rejection {
    fn from(error: MountError) -> Self {
        Self::NotMounted(error)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Empty => "no medium",
            Self::TrayOpen => "the tray is open",
            Self::DriveBusy => "the drive is not ready yet",
            Self::Floppy => "a floppy drive, which takes seconds to say that it is empty",
            Self::BootArea => "the boot area of an eMMC, which holds firmware",
            Self::OnePath => "one path to a disk that has several; the disk is looked at by itself",
            Self::LoopOfMount => "a loop device that is there for one mount alone",
            Self::Suspended => "a suspended device-mapper device, which would never answer",
            Self::MemberOf(devices) => return write!(formatter, "a member of {}", devices.join(", ")),
            Self::Partitioned(partitions) => {
                return write!(formatter, "a partitioned disk ({})", partitions.join(", "));
            }
            Self::Outdated { partitions, older } => {
                return write!(
                    formatter,
                    "a partitioned disk ({}); what is left of an older {older} on the whole disk is passed over",
                    partitions.join(", ")
                );
            }
            Self::Misread { fault, partitions } if partitions.is_empty() => {
                return write!(formatter, "{fault}");
            }
            Self::Misread { fault, partitions } => {
                return write!(formatter, "a partitioned disk ({}): {fault}", partitions.join(", "));
            }
            Self::Unrecognised => "no file system that is known",
            Self::Locked(Encryption::Luks) => "an encrypted container (crypto_LUKS) that is locked",
            Self::Locked(Encryption::Bitlocker) => "an encrypted container (BitLocker) that is locked",
            Self::InactiveLvm => "a physical volume of LVM (LVM2_member) that is not active",
            Self::InactiveArray => "a member of a RAID array (linux_raid_member) that is not assembled",
            Self::ZfsMember => "a member of a ZFS pool, which this kernel cannot read",
            Self::Swap => "swap space",
            Self::HibernatedSwap => "swap space with a hibernated system in it",
            Self::Incomplete { of, .. } => {
                let (parts, kind) = (of.parts, of.id.kind);
                return write!(formatter, "one of {parts} devices of a {kind}, not all of which are there");
            }
            Self::ReadThrough { kind, device } => {
                return write!(formatter, "part of the {kind} that is read through {device}");
            }
            Self::Late(deadline) => {
                let tenths = match deadline.subsec_millis() / 100 {
                    0 => String::new(),
                    tenths => format!(".{tenths}"),
                };
                return write!(
                    formatter,
                    "no answer within {}{tenths} s; not waited for",
                    deadline.as_secs()
                );
            }
            Self::PassedOver => "passed over, because looking at it ended the last attempt",
            Self::Unopened { node, error, as_root } => {
                let remedy = match (*error, as_root) {
                    (Errno::ACCESS | Errno::PERM, true) => {
                        ": this process may not read devices, as in a container; run it on the host"
                    }
                    (Errno::ACCESS | Errno::PERM, false) => ": only root may read it",
                    _ => "",
                };
                return write!(formatter, "{}: {error}{remedy}", node.display());
            }
            Self::Unreadable(error) => return write!(formatter, "cannot be read: {error}"),
            Self::NotMounted(error) => return error.fmt(formatter),
            Self::NoThread(error) => return write!(formatter, "no thread to look at it: {error}"),
        };
        formatter.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::stack::StackId;

    #[test]
    fn each_rejection_says_what_the_device_is_or_what_to_do() {
        let unopened = |error, as_root| Rejection::Unopened { node: "/dev/sda".into(), error, as_root };
        let id = StackId { kind: StackKind::Btrfs, uuid: "one".into() };
        for (rejection, words) in [
            (Rejection::MemberOf(vec!["dm-2".into(), "md0".into()]), "a member of dm-2, md0"),
            (Rejection::Partitioned(vec!["sda1".into(), "sda2".into()]), "a partitioned disk (sda1, sda2)"),
            (
                Rejection::Outdated { partitions: vec!["sda1".into()], older: FilesystemKind::Iso9660 },
                "a partitioned disk (sda1); what is left of an older iso9660 on the whole disk is passed over",
            ),
            (
                Rejection::Misread { fault: TableFault::Lost, partitions: vec![] },
                "a partition table (GPT) that is damaged at the start of the disk, and so is its copy at the end; gdisk or \
                 testdisk may find the partitions",
            ),
            (
                Rejection::Misread { fault: TableFault::Damaged, partitions: vec!["sda1".into()] },
                "a partitioned disk (sda1): the partition table (GPT) is damaged at the start of the disk and was read from \
                 its copy at the end; gdisk mends it (command w)",
            ),
            (
                Rejection::Incomplete { of: Stack { id, parts: 2 }, missing: 1 },
                "one of 2 devices of a btrfs file system, not all of which are there",
            ),
            (
                Rejection::ReadThrough { kind: StackKind::Btrfs, device: "sda".into() },
                "part of the btrfs file system that is read through sda",
            ),
            (Rejection::Late(Duration::from_millis(100)), "no answer within 0.1 s; not waited for"),
            (Rejection::Late(Duration::from_secs(10)), "no answer within 10 s; not waited for"),
            (unopened(Errno::NOENT, true), "/dev/sda: No such file or directory (os error 2)"),
            (
                unopened(Errno::ACCESS, false),
                "/dev/sda: Permission denied (os error 13): only root may read it",
            ),
            (
                unopened(Errno::PERM, true),
                "/dev/sda: Operation not permitted (os error 1): this process may not read devices, as in a container; run \
                 it on the host",
            ),
            (Rejection::Unreadable(Errno::IO), "cannot be read: Input/output error (os error 5)"),
            (
                MountError::NoDriver("xfs").into(),
                "the kernel has no driver xfs (ENODEV): put the module xfs into the image",
            ),
        ] {
            assert_eq!(rejection.to_string(), words);
        }
    }
}
