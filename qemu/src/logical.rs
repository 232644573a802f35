//! The disk of a Debian whose root file system, `/boot` included, is on a logical volume: GRUB reads LVM, and the kernel is
//! given `root=/dev/mapper/demo-root`.

use std::path::PathBuf;
use std::time::Duration;

use crate::cache::cached;
use crate::debian::{self, Debian};
use crate::disk::{self, PartitionKind, Table};
use crate::workshop::{self, Job};
use crate::{Result, demo, tool};

const ROOT_ON_LVM: &str = include_str!("../recipes/root-on-lvm.sh");

/// Where the root file system begins on the disk, in bytes: after LVM's own data, which take the first MiB.
pub const ROOT_OFFSET: u64 = 65 << 20;

/// As on the demo disk, with room for LVM's own data around the root file system.
const LAYOUT: [(u64, u64, PartitionKind); 3] =
    [(1, 1, PartitionKind::BiosBoot), (2, 62, PartitionKind::Esp), (64, 1408, PartitionKind::Linux)];

/// Longer than the slowest machine seen, by far.
const LIMIT: Duration = Duration::from_secs(300);

/// The disk, made now if it is not there. root logs in without a password. Not to be written.
///
/// # Errors
/// When a program is missing or fails, or the workshop guest does.
pub fn disk(debian: &Debian) -> Result<PathBuf> {
    let recipe = debian::recipe().and(ROOT_ON_LVM).and(format!("{LAYOUT:?}")).and(workshop::INIT);
    cached("logical", &recipe, |image| {
        tool::say("moving the demo's Debian to LVM, a minute, once");
        let source = demo::disk(debian)?;
        disk::partition(image, Table::Gpt, &LAYOUT)?;
        let job = Job {
            name: "workshop-logical",
            disks: &[image],
            sources: &[&source],
            modules: &["ext4", "vfat", "nls_cp437", "nls_ascii", "dm_mod"],
            programs: &[],
            script: ROOT_ON_LVM,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}
