//! Writing back what the boot loader would have written: the variables of GRUB's environment block (`grubenv`), what SYSLINUX boots
//! once (at the end of ldlinux.sys), changed in place.
//!
//! Both find their data by its place on the disk, so the file keeps its blocks and its length, and only the bytes that
//! differ are written.

use std::{
    borrow::Borrow,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
};

use crate::{
    entry::{EnvironmentChange, FileReference},
    formats::{
        grub::environment_block::{self, ChangeError, RESERVED, RESERVED_LENGTH, RESERVED_OFFSET},
        lookup::LookupError,
        syslinux::saved,
        text::printable,
    },
    storage::{
        OpenVolume,
        overwrite::{OverwriteError, overwrite},
        writable::WritableDevice,
    },
};

/// Maximum size of a file that holds such data, in bytes: SYSLINUX has its whole program in it.
const FILE_LIMIT: usize = 1 << 20;

/// Why a block was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// Its volume is not there.
    #[error("{block}: its volume is not there any more; attach the disk again")]
    VolumeGone {
        /// The block's file.
        block: String,
    },
    /// It cannot be opened for writing.
    #[error("{block}: cannot be opened for writing ({reason}); mount its file system read-write")]
    Open {
        /// The block's file.
        block: String,
        /// The kernel's reason.
        reason: LookupError,
    },
    /// It is left as it is where it lies.
    #[error("{block} is not changed: {reason}")]
    InPlace {
        /// The block's file.
        block: String,
        reason: OverwriteError,
    },
    /// It is no block, or full.
    #[error("{block}: {reason}")]
    Block {
        /// The block's file.
        block: String,
        reason: ChangeError,
    },
    /// SYSLINUX would find nothing there, either, or it is full.
    #[error("{block}: holds no data of SYSLINUX's, or has no room for more; install SYSLINUX anew")]
    Saved {
        /// The file.
        block: String,
    },
    /// It cannot be read or written.
    #[error("{block}: cannot be changed ({source}); check the disk and its cables")]
    Write {
        /// The block's file.
        block: String,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// How a block is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its file system is mounted for writing.
    Mounted,
    /// Its file system is mounted for reading, and stays so: its bytes are overwritten on the device.
    InPlace,
}

/// Makes changes to the blocks on these volumes; when it comes back, they are on the disks.
///
/// # Errors
/// [`EnvironmentError`] for the first block that could not be changed; the others are changed all the same.
pub fn write(
    volumes: &[impl Borrow<OpenVolume>],
    changes: &[EnvironmentChange],
    access: Access,
) -> Result<(), EnvironmentError> {
    let mut result = Ok(());
    let mut done: Vec<&FileReference> = Vec::new();
    for EnvironmentChange { block, .. } in changes {
        if !done.contains(&block) {
            done.push(block);
            let written = write_block(volumes, block, changes, access);
            result = result.and(written);
        }
    }
    result
}

fn write_block(
    volumes: &[impl Borrow<OpenVolume>],
    place: &FileReference,
    changes: &[EnvironmentChange],
    access: Access,
) -> Result<(), EnvironmentError> {
    let block = || printable(&format!("{} on {}", place.path, place.volume));
    let mut volumes = volumes.iter().map(Borrow::borrow);
    let volume = volumes.find(|open| place.volume.is(&open.volume));
    let Some(volume) = volume else { return Err(EnvironmentError::VolumeGone { block: block() }) };
    let broken = |source| EnvironmentError::Write { block: block(), source };
    let closed = |reason| EnvironmentError::Open { block: block(), reason };
    let in_place = |reason: OverwriteError| EnvironmentError::InPlace { block: block(), reason };
    if place.path == RESERVED {
        let area = (RESERVED_OFFSET, RESERVED_LENGTH);
        return match access {
            Access::Mounted => {
                let node = Path::new("/dev").join(volume.volume.device.name.replace('!', "/"));
                let file = File::options().read(true).write(true).open(node);
                let file = file.map_err(|error| closed(LookupError::Failed(error.to_string())))?;
                change(&file, area, block, place, changes)
            }
            Access::InPlace => {
                let device =
                    WritableDevice::under(&volume.volume).map_err(|reason| in_place(reason.into()))?;
                change(&device.file, area, block, place, changes)
            }
        };
    }
    match access {
        Access::Mounted => {
            let file = volume.root.open_to_write(&place.path).map_err(closed)?;
            change(&file, (0, FILE_LIMIT), block, place, changes)
        }
        Access::InPlace => {
            let file = volume.root.open_file(&place.path).map_err(closed)?;
            let before = content(&file, 0, FILE_LIMIT).map_err(broken)?;
            let after = changed(&before, block, place, changes)?;
            if before == after {
                return Ok(());
            }
            overwrite(&volume.volume, &file, &before, &after).map_err(in_place)
        }
    }
}

/// Changes the block that begins at an offset of a file and ends there after a length, or with the file.
fn change(
    file: &File,
    (offset, length): (u64, usize),
    block: impl Fn() -> String,
    place: &FileReference,
    changes: &[EnvironmentChange],
) -> Result<(), EnvironmentError> {
    let broken = |source| EnvironmentError::Write { block: block(), source };
    let before = content(file, offset, length).map_err(broken)?;
    let after = changed(&before, &block, place, changes)?;
    let differs = |(one, other): (&u8, &u8)| one != other;
    let Some(start) = before.iter().zip(&after).position(differs) else { return Ok(()) };
    let end = before.iter().zip(&after).rposition(differs).unwrap_or(start).saturating_add(1);
    let offset = offset.saturating_add(u64::try_from(start).unwrap_or(u64::MAX));
    file.write_all_at(after.get(start..end).unwrap_or_default(), offset).map_err(broken)?;
    file.sync_data().map_err(broken)
}

/// The block with the changes that are meant for it, of the same length.
fn changed(
    before: &[u8],
    block: impl Fn() -> String,
    place: &FileReference,
    changes: &[EnvironmentChange],
) -> Result<Vec<u8>, EnvironmentError> {
    let own = changes.iter().filter(|change| change.block == *place);
    let own: Vec<_> = own.map(|change| (change.name.as_str(), change.value.as_deref())).collect();
    if saved::keeps(&place.path) {
        return saved::write(before, &own).ok_or_else(|| EnvironmentError::Saved { block: block() });
    }
    environment_block::write(before, &own)
        .map_err(|reason| EnvironmentError::Block { block: block(), reason })
}

/// As much of the file as there is; more than any block is what the format then refuses.
fn content(mut file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt};

    use tempfile::TempDir;

    use super::*;
    use crate::{
        discover::testing::{tree, volume},
        entry::FilesystemKind,
        formats::testing::syslinux::written,
        storage::root::Root,
    };

    const SIGNATURE: &str = "# GRUB Environment Block\n";

    fn block(body: &str) -> String {
        format!("{:#<1024}", format!("{SIGNATURE}{body}"))
    }

    fn change(path: &str, name: &str, value: Option<&str>) -> EnvironmentChange {
        let block = FileReference::new("sda2".into(), path.into());
        EnvironmentChange::new(block, name, value.map(Into::into))
    }

    fn open(tree: &TempDir) -> [OpenVolume; 1] {
        let root = Root::from_directory(tree.path()).unwrap();
        [OpenVolume { volume: volume("sda2", FilesystemKind::Ext4), root }]
    }

    #[test]
    fn blocks_are_changed_in_place_and_keep_their_length() {
        let before = block("saved_entry=a\nnext_entry=b\n");
        let tree = tree(&[("boot/grub/grubenv", &before), ("other", &block("x=1\n"))]);
        let inode = |path: &str| fs::metadata(tree.path().join(path)).unwrap().ino();
        let first = inode("boot/grub/grubenv");
        let changes = [
            change("/boot/grub/grubenv", "next_entry", None),
            change("/other", "x", Some("2")),
            change("/boot/grub/grubenv", "recordfail", Some("1")),
        ];
        write(&open(&tree), &changes, Access::Mounted).unwrap();
        let read = |path: &str| fs::read_to_string(tree.path().join(path)).unwrap();
        assert_eq!(read("boot/grub/grubenv"), block("saved_entry=a\nrecordfail=1\n"));
        assert_eq!(read("other"), block("x=2\n"));
        assert_eq!(inode("boot/grub/grubenv"), first);
        // A block that already says so is not written again.
        let file = tree.path().join("other");
        let modified = || fs::metadata(&file).unwrap().modified().unwrap();
        let then = modified();
        write(&open(&tree), &changes, Access::Mounted).unwrap();
        assert_eq!(modified(), then);
    }

    #[test]
    fn what_syslinux_boots_once_is_taken_out_of_its_program() {
        let saved = |values: &[(u8, &str)]| [vec![0xeb; 70_000], written(values)].concat();
        let tree = tree(&[]);
        let file = tree.path().join("ldlinux.sys");
        fs::write(&file, saved(&[(1, "b c"), (2, "a")])).unwrap();
        write(&open(&tree), &[change("/ldlinux.sys", "boot-once", None)], Access::Mounted).unwrap();
        assert!(fs::read(&file).unwrap() == saved(&[(2, "a")]));
        fs::write(&file, [0xeb; 2000]).unwrap();
        let refused = write(&open(&tree), &[change("/ldlinux.sys", "boot-once", None)], Access::Mounted);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "/ldlinux.sys on sda2: holds no data of SYSLINUX's, or has no room for more; install SYSLINUX anew"
        );
    }

    #[test]
    fn a_block_outside_of_all_files_is_changed_where_it_stands() {
        let before = format!("{:#<512}", format!("{SIGNATURE}saved_entry=a\n"));
        let around = "x".repeat(256 << 10);
        let tree = tree(&[("disk", &format!("{around}{before}{around}"))]);
        let disk = tree.path().join("disk");
        let file = File::options().read(true).write(true).open(&disk).unwrap();
        let changes = [change("512+1", "saved_entry", Some("b"))];
        let area = (RESERVED_OFFSET, RESERVED_LENGTH);
        super::change(&file, area, String::new, &changes[0].block, &changes).unwrap();
        let after = format!("{:#<512}", format!("{SIGNATURE}saved_entry=b\n"));
        assert_eq!(fs::read_to_string(&disk).unwrap(), format!("{around}{after}{around}"));
    }

    #[test]
    fn one_block_that_cannot_be_changed_holds_up_no_other() {
        let full = block(&format!("a={}\n", "x".repeat(990)));
        let long = block("").repeat(100);
        let tree = tree(&[("full", &full), ("long", &long), ("none", "text"), ("good", &block(""))]);
        let value = Some("12345678");
        for (path, message) in [
            (
                "/full",
                "/full on sda2: the environment block of 1024 bytes is full: 1029 bytes are needed; unset a variable in it",
            ),
            ("/long", "/long on sda2: not a GRUB environment block"),
            ("/none", "/none on sda2: not a GRUB environment block"),
            (
                "/gone",
                "/gone on sda2: cannot be opened for writing (no such file); mount its file system read-write",
            ),
        ] {
            let changes = [change(path, "b", value), change("/good", "path", Some(path))];
            assert_eq!(write(&open(&tree), &changes, Access::Mounted).unwrap_err().to_string(), message);
            let good = fs::read_to_string(tree.path().join("good")).unwrap();
            assert_eq!(good, block(&format!("path={path}\n")));
        }
        let elsewhere = EnvironmentChange {
            block: FileReference::new("sdb1".into(), "/x".into()),
            ..change("", "a", None)
        };
        assert!(matches!(
            write(&open(&tree), &[elsewhere], Access::Mounted),
            Err(EnvironmentError::VolumeGone { .. })
        ));
    }
}
