//! File systems that the running system has mounted already (proc_pid_mountinfo(5)).

use std::{
    fs,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags, fstat, major, minor, open},
    io::Errno,
    mount::{MountAttrFlags, OpenTreeFlags, open_tree},
};

use super::mount::ATTRIBUTES;
use crate::sys::mount_setattr::mount_setattr;

/// A mount that shows the whole of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// Major and minor number of the device underneath.
    number: (u32, u32),
    /// Directory that it is mounted on.
    point: Vec<u8>,
    /// What its driver was given, such as the node of its device.
    source: Vec<u8>,
}

/// A handle to the root of the file system on the device with the given number, if it is mounted somewhere: a mount of
/// our own, read-only and attached nowhere, of the same file system.
///
/// # Errors
/// The kernel's reason: `EPERM` without CAP_SYS_ADMIN.
pub fn root_of(number: (u32, u32)) -> Result<Option<OwnedFd>, Errno> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    for mount in parse(&table).into_iter().filter(|mount| mount.number == number) {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let point = open(mount.point.as_slice(), flags, Mode::empty())?;
        // Something else may be mounted over it.
        let device = fstat(&point)?.st_dev;
        if (major(device), minor(device)) != number {
            continue;
        }
        return detached(point.as_fd(), false).map(Some);
    }
    Ok(None)
}

/// As [`root_of`], by the node of the device, which btrfs shows, too: what a person has mounted at the rescue console.
///
/// # Errors
/// As above.
pub fn root_on(node: &Path) -> Result<Option<OwnedFd>, Errno> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let node = node.as_os_str().as_bytes();
    // What was mounted last is not hidden.
    let Some(mount) = parse(&table).into_iter().rev().find(|mount| mount.source == node) else {
        return Ok(None);
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let point = open(mount.point.as_slice(), flags, Mode::empty())?;
    detached(point.as_fd(), false).map(Some)
}

/// A mount of our own, read-only and attached nowhere, in which this directory is the root: nothing leads out of it. If
/// `recursive`, what is mounted below comes along.
///
/// # Errors
/// The kernel's reason: `EPERM` without CAP_SYS_ADMIN, `EINVAL` for a directory of another table of mounts.
pub fn detached(directory: BorrowedFd<'_>, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_NO_AUTOMOUNT;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    let tree = open_tree(directory, "", flags)?;
    match mount_setattr(tree.as_fd(), ATTRIBUTES, MountAttrFlags::empty(), recursive) {
        // The kernel of an image is new enough, or nothing is mounted beside it.
        #[cfg(feature = "running-system")]
        Err(Errno::NOSYS) if !recursive => by_binding(directory),
        result => result.map(|()| tree),
    }
}

/// As [`detached`], before Linux 5.12: there only what is attached can be made read-only. A thread with a table of mounts of
/// its own attaches the directory and leaves the handle.
#[cfg(feature = "running-system")]
fn by_binding(directory: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    use std::{io, os::fd::AsRawFd, thread};

    use rustix::{
        fs::{CWD, readlinkat},
        mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount},
    };

    use crate::sys::namespaces::own_mounts;

    let failed = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::NOMEM);
    let path = readlinkat(CWD, format!("/proc/self/fd/{}", directory.as_raw_fd()), Vec::new())?;
    let wanted = fstat(directory)?;
    let bind = move || {
        own_mounts()?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount_bind(path.as_c_str(), path.as_c_str())?;
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID;
        mount_remount(path.as_c_str(), flags | MountFlags::NOEXEC, "")?;
        let bound = open(path.as_c_str(), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&bound)?;
        let is_same = (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino);
        if is_same { Ok(bound) } else { Err(Errno::STALE) }
    };
    let thread = thread::Builder::new().spawn(bind).map_err(failed)?;
    thread.join().unwrap_or(Err(Errno::IO))
}

/// The mounts whose root is the file system's own.
fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /root /point options … - type source options`.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let (major, minor) = std::str::from_utf8(fields.next()?).ok()?.split_once(':')?;
    let number = (major.parse().ok()?, minor.parse().ok()?);
    fields.next().filter(|root| *root == b"/")?;
    let point = unescape(fields.next()?);
    // The fields that are there in some lines only end with a hyphen; the kind comes before the source.
    let source = fields.skip_while(|field| *field != b"-").nth(2).map(unescape).unwrap_or_default();
    Some(Mount { number, point, source })
}

/// Spaces, line ends and backslashes are written as `\` and three octal digits.
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::fs::{ResolveFlags, openat2};

    use super::*;

    #[test]
    fn a_detached_directory_is_read_only_and_leads_nowhere_whatever_the_kernels_age() {
        // With root's rights over a table of mounts of its own.
        let mut test = Command::new("unshare");
        test.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
        test.args(["--exact", "storage::mounted::tests::detached_apart", "--ignored", "--nocapture"]);
        let output = test.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    }

    #[test]
    #[ignore = "mounts; a_detached_directory_is_read_only_and_leads_nowhere_whatever_the_kernels_age runs it apart"]
    fn detached_apart() {
        let directory = tempfile::TempDir::new().unwrap();
        fs::write(directory.path().join("marker"), "here").unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = open(directory.path(), flags, Mode::empty()).unwrap();
        for root in [by_binding(handle.as_fd()).unwrap(), detached(handle.as_fd(), false).unwrap()] {
            let free = |path, flags| openat2(&root, path, flags, Mode::empty(), ResolveFlags::empty());
            assert!(free("marker", OFlags::RDONLY).is_ok());
            assert_eq!(free("marker", OFlags::RDWR).unwrap_err(), Errno::ROFS);
            assert_eq!(free("marker", OFlags::TRUNC).unwrap_err(), Errno::ROFS);
            let (own, above) = (fstat(&root).unwrap(), fstat(free("..", OFlags::PATH).unwrap()).unwrap());
            assert_eq!((own.st_dev, own.st_ino), (above.st_dev, above.st_ino));
        }
    }

    #[test]
    fn mounts_of_whole_file_systems_are_read_from_the_table() {
        let table = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
            36 27 254:1 /srv /mnt/part rw,relatime - ext4 /dev/vda1 rw\n\
            37 27 8:2 / /media/my\\040disk\\134x ro shared:5 master:1 - vfat /dev/sda2 ro\n\
            38 27 nonsense / /x ro - vfat /dev/sda2 ro\n\
            39\n\n";
        let mount = |number, point: &[u8], source: &[u8]| Mount {
            number,
            point: point.to_vec(),
            source: source.to_vec(),
        };
        assert_eq!(
            parse(table),
            [
                mount((0, 21), b"/proc", b"proc"),
                mount((254, 1), b"/", b"/dev/vda1"),
                mount((8, 2), b"/media/my disk\\x", b"/dev/sda2")
            ]
        );
    }

    #[test]
    fn escapes_that_are_none_stay() {
        for (field, plain) in
            [(&b"a\\"[..], &b"a\\"[..]), (b"\\04", b"\\04"), (b"\\999", b"\\999"), (b"\\0401", b" 1")]
        {
            assert_eq!(unescape(field), plain);
        }
    }
}
