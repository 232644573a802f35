//! The kernel's own file systems, mounted first and left alone until the end.

use std::{fs, io, path::Path};

use sys_mount::{Mount, MountFlags};

/// One file system of the kernel.
struct Wanted {
    kind: &'static str,
    target: &'static str,
    flags: MountFlags,
    options: &'static str,
}

/// Nothing on it runs, is a device, or changes who runs it.
const INERT: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// In this order.
const WANTED: &[Wanted] = &[
    // Device nodes as the kernel makes them.
    Wanted { kind: "devtmpfs", target: "/dev", flags: MountFlags::NOSUID, options: "mode=0755" },
    // The command line, mounts, and our own binary as /proc/self/exe.
    Wanted { kind: "proc", target: "/proc", flags: INERT, options: "" },
    // Devices, consoles and modules.
    Wanted { kind: "sysfs", target: "/sys", flags: INERT, options: "" },
    // The only place for files of our own.
    Wanted { kind: "tmpfs", target: "/run", flags: INERT, options: "mode=0755" },
    // Firmware variables: its boot order, Secure Boot.
    Wanted { kind: "efivarfs", target: "/sys/firmware/efi/efivars", flags: INERT, options: "" },
    // Lockdown and the log of measurements.
    Wanted { kind: "securityfs", target: "/sys/kernel/security", flags: INERT, options: "" },
    // What keeps drivers from reading partition tables (storage::partition_scan).
    Wanted { kind: "cgroup", target: "/sys/fs/cgroup", flags: INERT, options: "devices" },
    // The kernel's log before its last crash.
    Wanted { kind: "pstore", target: "/sys/fs/pstore", flags: INERT, options: "" },
];

/// Mounts what this kernel has and gives a sentence for each that is missing, which is no failure.
pub(super) fn mount_all() -> Vec<String> {
    let mounted = mount_points(&fs::read("/proc/self/mountinfo").unwrap_or_default());
    let missing = WANTED.iter().filter(|wanted| !mounted.iter().any(|point| point == wanted.target));
    missing.filter_map(|wanted| Some(format!("{}: {}", wanted.target, mount(wanted).err()?))).collect()
}

/// Whether this mount point is one of the kernel's own, which hold no disk.
pub(super) fn is_of_the_kernel(point: &str) -> bool {
    point == "/" || WANTED.iter().any(|wanted| wanted.target == point)
}

fn mount(wanted: &Wanted) -> io::Result<()> {
    // Below /sys the kernel makes the directory itself where it has the file system.
    if !wanted.target.starts_with("/sys/") {
        fs::create_dir_all(wanted.target)?;
    } else if !Path::new(wanted.target).is_dir() {
        return Err(io::Error::other("this kernel does not have it"));
    }
    let builder = Mount::builder().fstype(wanted.kind).flags(wanted.flags).data(wanted.options);
    builder.mount(wanted.kind, wanted.target).map(drop)
}

/// The mount points in a mountinfo file (proc(5), /proc/pid/mountinfo), in the order in which they were mounted.
pub(super) fn mount_points(mountinfo: &[u8]) -> Vec<String> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescape).collect()
}

/// Undoes the kernel's octal escapes of spaces and backslashes; bytes that are no UTF-8 are lost.
pub(super) fn unescape(field: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    loop {
        rest = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                let digits = [a, b, c].into_iter().map(|digit| digit & 7);
                bytes.push(digits.fold(0, |value: u8, digit| value.wrapping_shl(3) | digit));
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
            [] => return String::from_utf8_lossy(&bytes).into_owned(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_come_in_order_and_unescaped() {
        let mountinfo = b"22 1 0:21 / / rw - rootfs rootfs rw\n\
            25 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw\n\
            36 22 8:2 / /run/a\\040b\\134c ro - ext4 /dev/sda2 ro\n\
            cut off";
        assert_eq!(mount_points(mountinfo), ["/", "/dev", "/run/a b\\c"]);
    }

    #[test]
    fn only_the_kernels_own_mounts_hold_no_disk() {
        let found: Vec<bool> = ["/", "/proc", "/run", "/run/volumes/sda1"].map(is_of_the_kernel).into();
        assert_eq!(found, [true, true, true, false]);
    }
}
