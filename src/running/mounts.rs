//! Mounted file systems of the running system that are on a disk (proc_pid_mountinfo(5)).

use std::path::PathBuf;

use crate::{formats::text, storage::mounted::unescape};

/// A file system that could be written to until now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Major and minor number, by which files on it are known.
    pub number: (u32, u32),
    /// Directory that it is mounted on, in the text form of [`text`].
    pub point: String,
    /// Its kind, as mount(8) takes it.
    pub kind: String,
    pub source: String,
}

impl Mount {
    /// The directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        text::os_string(&self.point).into()
    }
}

/// The file systems that can be written to, the one that was mounted last first; one that is mounted in several places
/// counts once, by its first. `kinds` is /proc/filesystems, which marks those that need no disk.
#[must_use]
pub fn writable(table: &str, kinds: &str) -> Vec<Mount> {
    let without_disk = |kind: &str| {
        kinds.lines().any(|line| line.split_once('\t') == Some(("nodev", kind))) || kind.starts_with("fuse")
    };
    let mut mounts: Vec<Mount> = Vec::new();
    for line in table.lines() {
        let Some((mount, writable)) = parse(line) else { continue };
        // btrfs counts as a file system of a disk although each subvolume has a number without one.
        let of_disk = !without_disk(&mount.kind) || mount.kind == "btrfs";
        if writable && of_disk && mounts.iter().all(|known| known.number != mount.number) {
            mounts.push(mount);
        }
    }
    mounts.reverse();
    mounts
}

/// Where the whole of the file system with the given number is mounted so that it can be written to.
#[must_use]
pub fn point(table: &str, number: (u32, u32)) -> Option<PathBuf> {
    table.lines().find_map(|line| {
        let whole = line.split(' ').nth(3) == Some("/");
        let (mount, writable) = parse(line).filter(|_| whole)?;
        (writable && mount.number == number).then(|| mount.path())
    })
}

/// `36 35 98:0 /root /point options … - type source options`, and whether its file system can be written to.
fn parse(line: &str) -> Option<(Mount, bool)> {
    let (fields, tail) = line.split_once(" - ")?;
    let mut fields = fields.split(' ').skip(2);
    let (major, minor) = fields.next()?.split_once(':')?;
    let plain = |field: &str| text::decode(&unescape(&text::encode(field)));
    let point = plain(fields.nth(1)?);
    let mut tail = tail.split(' ');
    let (kind, source, options) = (tail.next()?, tail.next()?, tail.next()?);
    let mount = Mount {
        number: (major.parse().ok()?, minor.parse().ok()?),
        point,
        kind: kind.to_owned(),
        source: plain(source),
    };
    // A mount can be read-only while its file system is not.
    Some((mount, options.split(',').any(|option| option == "rw")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writable_file_systems_are_listed_last_mount_first() {
        let kinds = "nodev\tsysfs\nnodev\tproc\nnodev\ttmpfs\nnodev\tnfs4\n\text4\n\tvfat\n\tfuseblk\n";
        let table = "\
22 27 0:21 / /proc rw - proc proc rw
27 1 254:1 / / rw shared:1 - ext4 /dev/mapper/vg-root rw,errors=remount-ro
36 27 254:1 /srv /mnt/part rw - ext4 /dev/mapper/vg-root rw
37 27 8:2 / /media/my\\040disk rw shared:5 - vfat /dev/sda2 rw
38 27 8:3 / /iso ro - ext4 /dev/sda3 ro
39 27 8:4 / /held ro - ext4 /dev/sda4 rw
40 27 0:40 / /net rw - nfs4 host:/x rw
41 27 0:41 /@home /home rw - btrfs /dev/sda5 rw
42 27 8:6 / /windows rw - fuseblk /dev/sda6 rw
43 nonsense
";
        let points: Vec<(String, (u32, u32))> =
            writable(table, kinds).into_iter().map(|mount| (mount.point, mount.number)).collect();
        assert_eq!(
            points,
            [
                ("/home".to_owned(), (0, 41)),
                ("/held".to_owned(), (8, 4)),
                ("/media/my disk".to_owned(), (8, 2)),
                ("/".to_owned(), (254, 1)),
            ]
        );
    }
}
