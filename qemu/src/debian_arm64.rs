//! A Debian for arm64 on a disk, with its own GRUB and a configuration written by grub-mkconfig.
//!
//! This machine unpacks its packages; what they do when they are installed, a guest of that architecture does, with the same
//! release's kernel. That takes some minutes, once for all checkouts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{cached, kept};
use crate::debian::{self, Release};
use crate::workshop::{self, Job};
use crate::{Result, arm64, demo, tool};

/// Packages beside the essential ones, without those that they recommend.
const PACKAGES: &[&str] = &[
    "?essential",
    "apt",
    // Else apt takes the program that would merge it.
    "usr-is-merged",
    arm64::KERNEL,
    "initramfs-tools",
    "zstd",
    "e2fsprogs",
    // They were essential once, or came with something that was.
    "login",
    "passwd",
    "systemd-sysv",
    "udev",
    "dbus",
    "kmod",
    "grub2-common",
    "grub-efi-arm64-bin",
];

/// Essential packages of Debian 12 have files on both sides of these links.
const MERGE_USR: &str =
    r#"for name in bin sbin lib; do mkdir -p "$1/usr/$name"; ln -s "usr/$name" "$1/$name"; done"#;

const UNPACK: &str = include_str!("../recipes/unpack-arm64.sh");
const CONFIGURE: &str = include_str!("../recipes/configure-arm64.sh");

/// Many times what it takes, translated on a machine that has nothing else to do.
const LIMIT: Duration = Duration::from_secs(2400);

/// The disk, made now if it is not there. root logs in without a password. Not to be written.
///
/// # Errors
/// When a program is missing or fails, or the guest does.
pub fn disk(of: Release) -> Result<PathBuf> {
    let recipe = debian::recipe_of(of).and(PACKAGES.join(" ")).and(MERGE_USR).and(UNPACK);
    let whole = recipe.clone().and(CONFIGURE).and(workshop::INIT);
    kept("disks", &of.named("debian-arm64"), &whole, |image| {
        let unpacked = cached(&of.named("unpacked-arm64"), &recipe, |image| unpack(of, image))?;
        tool::say("configuring a Debian for arm64 in a guest of its own, some minutes, once");
        demo::copy(&unpacked, image)?;
        let job = Job {
            name: "workshop-arm64",
            disks: &[image],
            sources: &[],
            modules: &["ext4", "vfat", "nls_cp437", "nls_ascii"],
            programs: &[],
            script: CONFIGURE,
            limit: LIMIT,
        };
        workshop::run_on_arm64(&arm64::kernel(of)?, &job)
    })
}

fn unpack(of: Release, image: &Path) -> Result<()> {
    let mut mmdebstrap = tool::command("mmdebstrap");
    mmdebstrap
        .args(["--variant=extract", "--architectures=arm64"])
        .args(PACKAGES.iter().map(|package| format!("--include={package}")))
        .arg(format!("--setup-hook={MERGE_USR}"))
        .arg(format!("--extract-hook={UNPACK}"));
    debian::fill(image, of, mmdebstrap, "unpacking a Debian for arm64, one to three minutes, once")
}
