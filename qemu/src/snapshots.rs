//! A btrfs as openSUSE lays it out: subvolumes in subvolumes, one of them the default. Only a kernel that has it mounted can
//! make them: in the workshop.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::cache::cached;
use crate::debian::{self, Debian};
use crate::disk::{Image, Volume};
use crate::error::Context;
use crate::workshop::{self, Job};

const SCRIPT: &str = include_str!("../recipes/snapshots.sh");

const LIMIT: Duration = Duration::from_secs(120);

/// A disk whose one volume, a btrfs, has its `/boot` moved into the first snapshot of the system; the second is a copy of that,
/// with `@SNAPSHOT` in its configuration standing for its number as in the first, and is the default. Made once, not to be
/// written.
///
/// # Errors
/// When a program is missing or fails, or the workshop guest does.
pub fn disk(debian: &Debian, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf> {
    let mut recipe = debian::recipe().and(SCRIPT).and(workshop::INIT);
    let mut volume = Volume::new(crate::disk::Filesystem::Btrfs, name).file("/boot/vmlinuz", debian.kernel());
    for (path, bytes) in files {
        recipe = recipe.and(path).and(bytes);
        volume = volume.file(path, bytes.to_vec());
    }
    cached(name, &recipe, |image| {
        let built = Image::new().volume(volume).build(name)?;
        fs::rename(built, image).context(|| format!("writing {}", image.display()))?;
        let job = Job {
            name: "workshop-snapshots",
            disks: &[image],
            sources: &[],
            modules: &["btrfs"],
            programs: &["btrfs"],
            script: SCRIPT,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}
