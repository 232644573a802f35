//! A FAT32 file system in memory (Microsoft's "FAT32 File System Specification", version 1.03), made once and whole: every file
//! lies in one piece and is of 1980-01-01, the first day that FAT knows, so that the same files give the same bytes.
//!
//! The crate `fatfs` (0.3.6) gives the same bytes again, too, but to fsck.fat each of its directories is damaged: it writes long
//! names for `.` and `..`.

use std::collections::BTreeSet;

use super::SECTOR;

/// Sectors before the tables: the first one, what is free, and copies of both.
const RESERVED: u64 = 32;

/// Where the copy of the first sector is.
const COPY: u64 = 6;

const TABLES: u64 = 2;

/// Fewer clusters make a FAT16 of it ("FAT Type Determination").
const LEAST_CLUSTERS: u64 = 65525;

/// The first cluster is that of the root directory.
const ROOT: u32 = 2;

const END: u32 = 0x0fff_ffff;

/// Bytes of a directory's entry.
const ENTRY: usize = 32;

const DIRECTORY: u8 = 0x10;
const VOLUME_LABEL: u8 = 0x08;
const ARCHIVE: u8 = 0x20;

/// 1980-01-01.
const DATE: u16 = 0x21;

/// The largest file.
pub(super) const FILE_LIMIT: u64 = u32::MAX as u64;

/// The least size of a file system, in bytes.
const LEAST: u64 = 34 << 20;

/// How large a file system for files of these sizes has to be, in bytes: a whole number of MiB, with some room for what is
/// copied to it later.
pub(super) fn needed(sizes: impl Iterator<Item = u64>) -> u64 {
    // The largest cluster, for each file and as many directories; a 128th is the tables of the smallest clusters.
    let bytes: u64 = sizes.map(|size| size.saturating_add(64 << 10)).fold(0, u64::saturating_add);
    bytes.saturating_add(bytes / 64).saturating_add(2 << 20).next_multiple_of(1 << 20).max(LEAST)
}

/// The bytes of sectors.
pub(super) const fn bytes(sectors: u64) -> u64 {
    sectors.saturating_mul(SECTOR)
}

/// Where everything is, in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Geometry {
    sectors: u64,
    per_cluster: u64,
    per_table: u64,
    clusters: u64,
}

impl Geometry {
    /// `None` if there is too little room for a FAT32.
    fn of(sectors: u64) -> Option<Self> {
        // The specification's table (`DskTableFAT32`), and its way to the size of a table.
        let mib = sectors / 2048;
        let sizes = [(260, 1), (8 << 10, 8), (16 << 10, 16), (32 << 10, 32), (2 << 20, 64)];
        let per_cluster = sizes.iter().find(|(up_to, _)| mib < *up_to)?.1;
        let rest = sectors.checked_sub(RESERVED)?;
        let per_table = rest.div_ceil((256 * per_cluster + TABLES) / 2);
        let clusters = rest.checked_sub(TABLES * per_table)? / per_cluster;
        (clusters >= LEAST_CLUSTERS).then_some(Self { sectors, per_cluster, per_table, clusters })
    }

    /// The first sector of a cluster.
    fn sector(self, cluster: u32) -> Option<u64> {
        let number = u64::from(cluster.checked_sub(ROOT)?);
        let data = RESERVED.checked_add(TABLES.checked_mul(self.per_table)?)?;
        (number < self.clusters).then_some(())?;
        data.checked_add(number.checked_mul(self.per_cluster)?)
    }

    /// How many clusters so many bytes take.
    fn clusters_of(self, length: usize) -> Option<u32> {
        u32::try_from((length as u64).div_ceil(bytes(self.per_cluster))).ok()
    }
}

/// Makes a file system that fills `volume`, which is zeros, with these files. Each name on their paths has eight letters at most,
/// and three after the dot. `None` if something does not fit.
pub(super) fn write(volume: &mut [u8], serial: u32, label: [u8; 11], files: &[(&str, &[u8])]) -> Option<()> {
    let geometry = Geometry::of(volume.len() as u64 / SECTOR)?;
    // Each directory has one cluster, the root the first; after them come the files.
    let above = |path: &str| path.rsplit_once('/').map(|(above, _)| above.to_owned()).unwrap_or_default();
    let mut directories = BTreeSet::from([String::new()]);
    for (path, _) in files {
        let mut directory = above(path);
        while !directory.is_empty() {
            let next = above(&directory);
            directories.insert(directory);
            directory = next;
        }
    }
    let mut next = ROOT;
    let mut table = vec![0x0fff_fff8, END];
    let mut place = |length: u32| {
        let first = next;
        next = next.checked_add(length)?;
        // Each cluster names the one after it.
        table.extend(first.checked_add(1)?..next);
        table.extend((length > 0).then_some(END));
        Some(if length > 0 { first } else { 0 })
    };
    let directories: Vec<(String, u32)> =
        directories.into_iter().map(|path| Some((path, place(1)?))).collect::<Option<_>>()?;
    let cluster_of =
        |path: &str| directories.iter().find(|(known, _)| known == path).map(|(_, cluster)| *cluster);
    let mut entries: Vec<(String, [u8; ENTRY])> = vec![(String::new(), entry(label, VOLUME_LABEL, 0, 0))];
    for (path, cluster) in directories.iter().filter(|(path, _)| !path.is_empty()) {
        let parent = above(path);
        // The root directory is called 0 here.
        let up = cluster_of(&parent).filter(|cluster| *cluster != ROOT).unwrap_or(0);
        entries.push((parent, entry(short_name(path)?, DIRECTORY, *cluster, 0)));
        entries.push((path.clone(), entry(*b".          ", DIRECTORY, *cluster, 0)));
        entries.push((path.clone(), entry(*b"..         ", DIRECTORY, up, 0)));
    }
    for (path, content) in files {
        let first = place(geometry.clusters_of(content.len())?)?;
        let size = u32::try_from(content.len()).ok()?;
        entries.push((above(path), entry(short_name(path)?, ARCHIVE, first, size)));
        if !content.is_empty() {
            put(volume, geometry.sector(first)?, content)?;
        }
    }
    let used = next.checked_sub(ROOT)?;
    let free = geometry.clusters.checked_sub(used.into())?;
    for (path, cluster) in &directories {
        let content: Vec<u8> =
            entries.iter().filter(|(of, _)| of == path).flat_map(|(_, entry)| *entry).collect();
        (content.len() as u64 <= bytes(geometry.per_cluster)).then_some(())?;
        put(volume, geometry.sector(*cluster)?, &content)?;
    }
    let table: Vec<u8> = table.iter().flat_map(|value: &u32| value.to_le_bytes()).collect();
    for number in 0..TABLES {
        put(volume, RESERVED.checked_add(number.checked_mul(geometry.per_table)?)?, &table)?;
    }
    let first = first_sector(geometry, serial, label)?;
    let information = information(u32::try_from(free).ok()?, next);
    for at in [0, COPY] {
        put(volume, at, &first)?;
        put(volume, at.checked_add(1)?, &information)?;
    }
    Some(())
}

/// The "BIOS Parameter Block". No code is with it: nothing starts this partition.
fn first_sector(geometry: Geometry, serial: u32, label: [u8; 11]) -> Option<[u8; 512]> {
    let sectors = u32::try_from(geometry.sectors).ok()?;
    let per_table = u32::try_from(geometry.per_table).ok()?;
    let mut sector = [0; 512];
    for (at, value) in [
        (0, &[0xeb, 0x58, 0x90][..]),
        (3, b"MSWIN4.1"),
        (11, &512_u16.to_le_bytes()),
        (13, &[u8::try_from(geometry.per_cluster).ok()?]),
        (14, &[u8::try_from(RESERVED).ok()?, 0, u8::try_from(TABLES).ok()?]),
        // A fixed disk, 32 sectors in a track, 64 heads.
        (21, &[0xf8, 0, 0, 32, 0, 64, 0]),
        (32, &sectors.to_le_bytes()),
        (36, &per_table.to_le_bytes()),
        (44, &ROOT.to_le_bytes()),
        (48, &[1, 0, u8::try_from(COPY).ok()?, 0]),
        // The number of the drive, and the mark that three fields follow.
        (64, &[0x80, 0, 0x29]),
        (67, &serial.to_le_bytes()),
        (71, &label),
        (82, b"FAT32   "),
        (510, &[0x55, 0xaa]),
    ] {
        sector.get_mut(at..)?.get_mut(..value.len())?.copy_from_slice(value);
    }
    Some(sector)
}

/// The "FSInfo" sector.
fn information(free: u32, next: u32) -> Vec<u8> {
    let numbers = [0x6141_7272_u32, free, next].map(u32::to_le_bytes).concat();
    let end = 0xaa55_0000_u32.to_le_bytes();
    [&0x4161_5252_u32.to_le_bytes()[..], &[0; 480], &numbers, &[0; 12], &end].concat()
}

fn entry(name: [u8; 11], attributes: u8, cluster: u32, size: u32) -> [u8; ENTRY] {
    let [low, high] = [cluster & 0xffff, cluster >> 16].map(|half| (half as u16).to_le_bytes());
    let date = DATE.to_le_bytes();
    let parts: [&[u8]; 11] = [
        &name,
        &[attributes, 0, 0],
        &[0, 0],
        &date,
        &date,
        &high,
        &[0, 0],
        &date,
        &low,
        &size.to_le_bytes(),
        &[],
    ];
    let mut entry = [0; ENTRY];
    entry.iter_mut().zip(parts.concat()).for_each(|(to, from)| *to = from);
    entry
}

/// The last name of a path in its form of eight letters and three; `None` if it has no such form.
fn short_name(path: &str) -> Option<[u8; 11]> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let is_short = |part: &str, most| {
        part.len() <= most && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let is_name = !stem.is_empty() && is_short(stem, 8) && is_short(extension, 3);
    let text = format!("{stem:<8}{extension:<3}");
    is_name.then(|| <[u8; 11]>::try_from(text.as_bytes()).ok())?
}

fn put(volume: &mut [u8], sector: u64, content: &[u8]) -> Option<()> {
    let start = usize::try_from(sector.checked_mul(SECTOR)?).ok()?;
    volume.get_mut(start..start.checked_add(content.len())?)?.copy_from_slice(content);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_eight_letters_and_three() {
        for (path, name) in [
            ("/EFI/BOOT/BOOTX64.EFI", Some(b"BOOTX64 EFI")),
            ("/EFI", Some(b"EFI        ")),
            ("/EFI/BOOT/INITRAMFS", None),
            ("/kernel", None),
            ("/A.B.C", None),
            ("/", None),
        ] {
            assert_eq!(short_name(path), name.copied(), "{path}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let write = |mib: usize, length: usize| {
            write(&mut vec![0; mib << 20], 1, *b"X          ", &[("/A/B", &vec![1; length])])
        };
        assert_eq!(write(32, 10), None);
        assert_eq!(write(34, 10), Some(()));
        // All but the tables and two directories.
        let geometry = Geometry::of(34 * 2048).unwrap();
        let most = usize::try_from((geometry.clusters - 2) * SECTOR).unwrap();
        assert_eq!((write(34, most), write(34, most + 1)), (Some(()), None));
        assert!(needed([most as u64].into_iter()) > 34 << 20);
    }

    #[test]
    fn clusters_grow_with_the_disk() {
        let per_cluster = |mib: u64| Geometry::of(mib * 2048).map(|geometry| geometry.per_cluster);
        assert_eq!(
            [32, 34, 259, 260, 9000, 40000].map(per_cluster),
            [None, Some(1), Some(1), Some(8), Some(16), Some(64)]
        );
    }
}
