//! The disk that `scripts/run-qemu.sh` boots: a Debian with GRUB for BIOS and for UEFI and a configuration written by
//! grub-mkconfig, all by Debian's own tools run in the installed system.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::cached;
use crate::debian::{self, Debian};
use crate::workshop::{self, Job};
use crate::{Result, tool};

const INSTALL_GRUB: &str = include_str!("../recipes/install-grub.sh");

/// Longer than the slowest machine seen, by far.
const LIMIT: Duration = Duration::from_secs(240);

/// The demo disk, made now if it is not there. root logs in without a password. Not to be written.
///
/// # Errors
/// When a program is missing or fails, or the workshop guest does.
pub fn disk(debian: &Debian) -> Result<PathBuf> {
    let recipe = debian::recipe_of(debian.of()).and(INSTALL_GRUB).and(workshop::INIT);
    cached(&debian.of().named("demo"), &recipe, |image| {
        tool::say("installing GRUB on the demo disk, a minute, once");
        copy(&debian.disk(), image)?;
        let job = Job {
            name: "workshop-demo",
            disks: &[image],
            sources: &[],
            modules: &["ext4", "vfat", "nls_cp437", "nls_ascii"],
            programs: &[],
            script: INSTALL_GRUB,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}

/// Copies a disk image without giving its holes any space.
///
/// # Errors
/// When cp(1) fails.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut cp = tool::command("cp");
    tool::finish(cp.args(["--sparse=always", "--reflink=auto", "--"]).args([from, to])).map(drop)
}
