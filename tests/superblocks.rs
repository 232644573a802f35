//! Superblocks as the real formatters write them, named as blkid names them.
//!
//! Every image is made while the test runs. What only a kernel with the right drivers can format (RAID and LVM) is laid out
//! by its documentation; blkid, which checks it too, stays the judge.

mod images;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use firstlight::{
    entry::{Filesystem, FilesystemKind},
    formats::superblock,
};
use images::{Image, scratch};
use qemu::{pinned, tool};

/// A name, a size in MiB, and a shell command that formats the empty file `$I` (with `$T`, a directory with a file).
const FORMATTERS: &[(&str, u64, &str)] = &[
    ("ext2", 8, "mkfs.ext2 -q -L ext-two $I"),
    ("ext2 without features", 8, "mkfs.ext2 -q -O none -r 0 $I"),
    ("ext3", 16, "mkfs.ext3 -q -L 'with space ' $I"),
    ("ext4", 16, "mkfs.ext4 -q -L sixteen-letters- $I"),
    ("ext4 without journal", 16, "mkfs.ext4 -q -O ^has_journal $I"),
    ("ext4 with 64 KiB blocks", 64, "mkfs.ext4 -qF -b 65536 $I 2>&1"),
    ("ext journal device", 16, "mkfs.ext4 -q -O journal_dev -L journal $I"),
    ("fat12", 1, "mkfs.vfat -F 12 -n FLOPPY -i 12345678 $I"),
    ("fat16", 32, "mkfs.vfat -F 16 -n 'TWO WORDS' $I"),
    ("fat16 without label", 32, "mkfs.vfat -F 16 $I"),
    ("fat32", 64, "mkfs.vfat -F 32 -n EFI-SYS $I"),
    ("fat32 without label", 64, "mkfs.vfat -F 32 -i 0A0B0C0D $I"),
    ("fat32 with 4096-byte sectors", 300, "mkfs.vfat -F 32 -S 4096 -n BIGSECT $I"),
    ("fat32 with umlaut", 64, "mkfs.vfat -F 32 -n $(printf 'GR\\232N') $I || mkfs.vfat -F 32 $I"),
    ("fat of mtools", 16, "mformat -i $I -v MTOOLS -t 32 -h 16 -s 63 :: "),
    ("exfat", 16, "mkfs.exfat -L 'Größe α' $I"),
    ("exfat without label", 16, "mkfs.exfat $I"),
    ("xfs", 320, "mkfs.xfs -q -L twelveletter $I"),
    ("xfs version 4", 320, "mkfs.xfs -q -m crc=0 $I"),
    ("btrfs", 128, "mkfs.btrfs -q -L 'butter fs' $I"),
    ("btrfs mixed", 64, "mkfs.btrfs -q --mixed $I"),
    ("f2fs", 64, "mkfs.f2fs -q -l 'flash α' $I"),
    ("f2fs without label", 64, "mkfs.f2fs -q $I"),
    ("squashfs", 0, "rm $I; mksquashfs $T $I -quiet -no-progress"),
    ("erofs", 0, "mkfs.erofs $I $T"),
    ("iso9660", 0, "xorriso -as mkisofs -quiet -V PLAIN -o $I $T"),
    ("iso9660 with Joliet", 0, "xorriso -as mkisofs -quiet -J -V 'Longer than sixteen 2026' -o $I $T"),
    ("iso9660 without label", 0, "xorriso -as mkisofs -quiet -J -V '' -o $I $T"),
    (
        "iso9660 that is a hard disk too",
        0,
        "dd if=/dev/urandom of=$T/boot.img bs=2048 count=1 2>/dev/null; \
         xorriso -as mkisofs -quiet -J -V HYBRID -b boot.img -no-emul-boot \
         -partition_offset 16 -o $I $T",
    ),
    ("udf", 8, "mkudffs -l 'Größe α' $I"),
    ("udf with 2048-byte blocks", 8, "mkudffs -b 2048 -l latin $I"),
    ("udf with 4096-byte blocks", 8, "mkudffs -b 4096 --uuid=0123456789abcdef $I"),
    ("udf for hard disks, own set name", 8, "mkudffs --vsid=not-hexadecimal-at-all $I"),
    ("ntfs", 8, "mkfs.ntfs -q -F -Q -L 'Windows α' $I"),
    ("ntfs without label", 8, "mkfs.ntfs -q -F -Q $I"),
    ("ntfs with 64 KiB clusters", 32, "mkfs.ntfs -q -F -Q -c 65536 -L big $I"),
    ("luks1", 8, "echo secret | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $I"),
    (
        "luks2",
        32,
        "echo secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --label 'my \
         disk' $I",
    ),
    ("swap", 1, "mkswap -L swapped $I"),
    ("swap of big pages", 4, "mkswap -p 65536 $I"),
    ("hibernated", 1, "mkswap -L swapped $I; printf 'S1SUSPEND\\0' | dd of=$I bs=1 seek=4086 conv=notrunc"),
    ("old swap", 1, "printf SWAP-SPACE | dd of=$I bs=1 seek=4086 conv=notrunc"),
    ("nothing", 1, "true"),
    ("noise", 1, "yes firstlight | head -c 1048576 > $I"),
    ("a partitioned disk", 8, "echo 'start=2048, type=83' | sfdisk -q $I"),
];

#[test]
fn formatted_images_are_named_as_blkid_names_them() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("superblocks");
    let tree = directory.join("tree");
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("file"), "contents").unwrap();
    for (name, size, command) in FORMATTERS {
        let image = directory.join(name.replace(' ', "-"));
        File::create(&image).unwrap().set_len(size << 20).unwrap();
        let script = format!("set -e; {command}");
        let mut shell = pinned::tests().unwrap().command("sh");
        let made = tool::finish(shell.args(["-c", &script]).env("I", &image).env("T", &tree));
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(name, &image);
        fs::remove_file(&image).unwrap();
    }
}

/// Name, size in MiB, kind and formatter of a file system with a log, and what makes it one that waits to be replayed, with its
/// size by the tools in bytes.
type LogCase = (&'static str, u64, FilesystemKind, &'static str, Option<(&'static str, u64)>);

const LOGS: &[LogCase] = &[
    (
        "ext4",
        64,
        FilesystemKind::Ext4,
        "mkfs.ext4 -q -J size=4 $I",
        Some(("debugfs -w -R 'feature needs_recovery' $I 2>/dev/null", 4 << 20)),
    ),
    (
        "ext3",
        64,
        FilesystemKind::Ext3,
        "mkfs.ext3 -q -J size=8 $I",
        Some(("debugfs -w -R 'feature needs_recovery' $I 2>/dev/null", 8 << 20)),
    ),
    ("xfs", 320, FilesystemKind::Xfs, "mkfs.xfs -q $I", None),
    ("xfs with a stripe", 320, FilesystemKind::Xfs, "mkfs.xfs -q -l su=32k $I", None),
    // Its blocks then bear the number of a later round.
    (
        "xfs with a log made anew",
        320,
        FilesystemKind::Xfs,
        "mkfs.xfs -q $I; xfs_db -x -c 'logformat -c 7' $I",
        None,
    ),
    ("xfs with version 1 of the log", 320, FilesystemKind::Xfs, "mkfs.xfs -q -m crc=0 -l version=1 $I", None),
    ("btrfs", 128, FilesystemKind::Btrfs, "mkfs.btrfs -q $I", None),
    ("f2fs", 64, FilesystemKind::F2fs, "mkfs.f2fs -q $I", None),
];

#[test]
fn logs_of_new_file_systems_hold_nothing_to_replay() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("logs");
    let run = |name: &str, image: &Path, command: &str| {
        let mut shell = pinned::tests().unwrap().command("sh");
        let made = tool::finish(shell.args(["-c", &format!("set -e; {command}")]).env("I", image));
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    for (name, size, kind, format, dirty) in LOGS {
        let image = directory.join(name.replace(' ', "-"));
        File::create(&image).unwrap().set_len(size << 20).unwrap();
        run(name, &image, format);
        assert_eq!(superblock::dirty_log(*kind, &Image::open(&image)), None, "{name}");
        if let Some((command, size)) = dirty {
            run(name, &image, command);
            let log = superblock::dirty_log(*kind, &Image::open(&image));
            assert_eq!(log, Some(superblock::DirtyLog { size: *size }), "{name}");
        }
        fs::remove_file(&image).unwrap();
    }
}

/// The magic number of md's superblocks.
const MD: u32 = 0xa92b_4efc;

#[test]
fn raid_members_are_named_as_blkid_names_them_whatever_file_system_is_inside() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("raid");
    let size = 64_u64 << 20;
    let uuid = *b"\x12\x34\x56\x78\x9a\xbc\xde\xf0\x0f\xed\xcb\xa9\x87\x65\x43\x21";
    for (name, offset) in [("1.0", (size & !0xfff) - 0x2000), ("1.1", 0), ("1.2", 0x1000)] {
        let image = directory.join(name);
        ext4(&image, size);
        let mut superblock = [0; 256];
        superblock[..8].copy_from_slice(&[MD.to_le_bytes(), 1_u32.to_le_bytes()].concat());
        superblock[16..32].copy_from_slice(&uuid);
        superblock[32..43].copy_from_slice(b"rig:storage");
        superblock[144..152].copy_from_slice(&(offset >> 9).to_le_bytes());
        write(&image, offset, &superblock);
        compare(name, &image);
    }
    for (name, bytes) in
        [("0.90", u32::to_le_bytes as fn(u32) -> [u8; 4]), ("0.90 of a big-endian machine", u32::to_be_bytes)]
    {
        let image = directory.join(name);
        ext4(&image, size);
        let kibibytes = u32::try_from(size >> 10).unwrap() - 64;
        let words = [
            MD,
            0,
            90,
            3,
            0,
            0x1234_5678,
            1,
            1,
            kibibytes,
            2,
            2,
            0,
            0,
            0x9abc_def0,
            0x0fed_cba9,
            0x8765_4321,
        ];
        write(&image, size - 0x1_0000, &words.map(bytes).concat());
        compare(name, &image);
    }
}

#[test]
fn a_raid_member_at_the_end_of_the_last_partition_does_not_claim_the_disk() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("raid-partition");
    let image = directory.join("disk");
    File::create(&image).unwrap().set_len(64 << 20).unwrap();
    shell(&format!("echo 'start=2048, type=fd' | sfdisk -q {}", image.display()));
    let kibibytes = (63 << 10) - 64;
    let words =
        [MD, 0, 90, 3, 0, 0x1234_5678, 1, 1, kibibytes, 2, 2, 0, 0, 0x9abc_def0, 0x0fed_cba9, 0x8765_4321];
    write(&image, (64 << 20) - 0x1_0000, &words.map(u32::to_le_bytes).concat());
    compare("disk", &image);
    assert_eq!(superblock::probe(&Image::open(&image)).unwrap(), None);
}

/// On a whole disk; blkid takes a file for a partition, and so does not look for the table.
#[test]
fn boot_code_that_looks_like_fat_before_a_partition_table_is_no_volume() {
    if pinned::for_test().is_none() {
        return;
    }
    let image = scratch("boot-code").join("disk");
    File::create(&image).unwrap().set_len(8 << 20).unwrap();
    let path = image.display();
    shell(&format!(
        "mkfs.vfat -F 16 -s 1 {path}; echo 'start=2048, type=83' | sfdisk -q --wipe never {path}"
    ));
    assert_eq!(superblock::probe(&Image::open(&image)).unwrap(), None);
}

#[test]
fn physical_volumes_are_named_as_blkid_names_them() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("lvm");
    for sector in 0..4_u64 {
        for (name, damage) in [("good", 0), ("damaged", 1)] {
            let image = directory.join(format!("{name}-{sector}"));
            ext4(&image, 16 << 20);
            let mut label = [0; 512];
            label[..8].copy_from_slice(b"LABELONE");
            label[8..16].copy_from_slice(&sector.to_le_bytes());
            label[20..32].copy_from_slice(b"\x20\0\0\0LVM2 001");
            label[32..64].copy_from_slice(b"Abcdef0123456789GHIJKLmnopqrSTUV");
            let checksum = label[20..].iter().fold(0xf597_a6cf_u32, |mut crc, &byte| {
                crc ^= u32::from(byte);
                for _ in 0..8 {
                    crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
                }
                crc
            });
            label[16..20].copy_from_slice(&(checksum ^ damage).to_le_bytes());
            write(&image, sector * 512, &label);
            compare(&format!("{name} {sector}"), &image);
        }
    }
}

/// Compares the whole result with blkid's.
fn compare(name: &str, image: &Path) {
    let ours = superblock::probe(&Image::open(image)).unwrap();
    assert_eq!(ours, blkid(image), "{name}");
}

/// blkid's answer; `None` where it knows nothing that we have a kind for.
fn blkid(image: &Path) -> Option<Filesystem> {
    let mut blkid = pinned::tests().unwrap().command("blkid");
    let output = blkid.args(["-p", "-o", "udev"]).arg(image).output().unwrap();
    // 2 where it knows nothing, 8 where several things are there.
    assert!(matches!(output.status.code(), Some(0 | 2 | 8)), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(decode(line))
    };
    let kind: FilesystemKind = serde_json::from_value(value("ID_FS_TYPE")?.into()).ok()?;
    Some(Filesystem { kind, uuid: value("ID_FS_UUID_ENC"), label: value("ID_FS_LABEL_ENC") })
}

/// Undoes blkid's `\x20`.
fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    firstlight::formats::text::decode(&bytes)
}

/// An image with an ext4 file system, which must not show through.
fn ext4(image: &Path, size: u64) {
    File::create(image).unwrap().set_len(size).unwrap();
    shell(&format!("mkfs.ext4 -q -F -L inside '{}'", image.display()));
}

fn write(image: &Path, offset: u64, bytes: &[u8]) {
    File::options().write(true).open(image).unwrap().write_all_at(bytes, offset).unwrap();
}

fn shell(command: &str) {
    pinned::tests().unwrap().run("sh", ["-c", command]).unwrap();
}
