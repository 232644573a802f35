//! Names of file systems' features that a kernel must know to mount them, by their bits in the superblock: ext4 as
//! tune2fs(8) has them, XFS as xfs_db's `version`, btrfs as /sys/fs/btrfs/features.

use crate::entry::FilesystemKind;

/// Bits and names, the lowest first.
type Names = &'static [(u64, &'static str)];

const EXT: Names = &[
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x80, "64bit"),
    (0x100, "mmp"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x2000, "metadata_csum_seed"),
    (0x4000, "large_dir"),
    (0x8000, "inline_data"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
];

const XFS: Names = &[
    (0x4, "meta_uuid"),
    (0x8, "bigtime"),
    (0x10, "needsrepair"),
    (0x20, "nrext64"),
    (0x40, "exchange"),
    (0x80, "parent"),
    (0x100, "metadir"),
    (0x200, "zoned"),
];

const BTRFS: Names = &[
    (0x10, "compress_zstd"),
    (0x80, "raid56"),
    (0x400, "metadata_uuid"),
    (0x800, "raid1c34"),
    (0x1000, "zoned"),
    (0x2000, "extent_tree_v2"),
    (0x4000, "raid_stripe_tree"),
    (0x1_0000, "simple_quota"),
];

/// The names of these features, which a kernel says it does not know, with commas between them; one without a known name is
/// given as its bit.
#[must_use]
pub fn feature_names(kind: FilesystemKind, bits: u64) -> String {
    let known = match kind {
        FilesystemKind::Ext2 | FilesystemKind::Ext3 | FilesystemKind::Ext4 => EXT,
        FilesystemKind::Xfs => XFS,
        FilesystemKind::Btrfs => BTRFS,
        _ => &[],
    };
    let bits = (0..u64::BITS).map(|place| 1_u64 << place).filter(|bit| bits & bit != 0);
    let name = |bit| match known.iter().find(|(of, _)| *of == bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{bit:#x}"),
    };
    bits.map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_the_names_of_their_tools() {
        for (kind, bits, names) in [
            (FilesystemKind::Ext4, 0x3_0000, "encrypt, casefold"),
            (FilesystemKind::Xfs, 0x4000_0030, "needsrepair, nrext64, 0x40000000"),
            (FilesystemKind::Btrfs, 0x1_0000, "simple_quota"),
            (FilesystemKind::Erofs, 0x20, "0x20"),
            (FilesystemKind::Xfs, 0, ""),
        ] {
            assert_eq!(feature_names(kind, bits), names);
        }
    }
}
