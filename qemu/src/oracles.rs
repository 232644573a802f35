//! The programs that tests compare with, each of a version that is written here, from an unpacked root of its Debian
//! release ([`crate::roots`]): whatever this machine has installed is never asked.
//!
//! Where an oracle cannot be had (no network, no `mmdebstrap`, no right to enter a root) or a suite has moved on to
//! another version, [`Oracle::root`] says so. [`available`] makes that a failure in continuous integration (`CI` is
//! set) and a named skip for a person, whose machine need not have everything: `scripts/test.sh` shows all skips.

use std::fmt::{self, Display};
use std::fs::OpenOptions;
use std::io::Write as _;

use crate::error::Error;
use crate::roots::Root;
use crate::{Result, pinned, place};

/// A program to compare with.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// Its usual name.
    pub name: &'static str,
    /// The part of the version that decides: what upstream counts, without Debian's revision. The version in the root
    /// may have more numbers after it.
    pub version: &'static str,
    /// The suite that has this version.
    pub suite: &'static str,
    /// The packages that are unpacked. The first one has the version.
    pub packages: &'static [&'static str],
}

const fn grub(version: &'static str, suite: &'static str) -> Oracle {
    Oracle { name: "GRUB", version, suite, packages: &["grub-emu"] }
}

/// GNU GRUB, as `grub-emu`, by version.
pub const GRUBS: [Oracle; 3] = [grub("2.06", "bookworm"), grub("2.12", "trixie"), grub("2.14", "forky")];

const fn systemd(version: &'static str, suite: &'static str) -> Oracle {
    Oracle { name: "systemd", version, suite, packages: &["systemd-boot", "systemd", "dash"] }
}

/// systemd's `bootctl` and `systemd-analyze`, by version; a shell is with them.
pub const SYSTEMDS: [Oracle; 2] = [systemd("252", "bookworm"), systemd("257", "trixie")];

/// kexec-tools, with a shell for the guests that it runs in.
pub const KEXEC_TOOLS: Oracle = Oracle {
    name: "kexec-tools",
    version: "2.0.25",
    suite: "bookworm",
    packages: &["kexec-tools", "busybox-static"],
};

const fn shells(version: &'static str, suite: &'static str) -> Oracle {
    Oracle { name: "fish, and zsh,", version, suite, packages: &["fish", "zsh", "libc-bin", "ncurses-base"] }
}

/// The shells that take our completions, by fish's version.
pub const SHELLS: [Oracle; 2] = [shells("3.6.0", "bookworm"), shells("4.0", "trixie")];

/// UEFITool's own reader of firmware images, `uefiextract`.
pub const UEFITOOL: Oracle =
    Oracle { name: "UEFITool", version: "0.28.0+A71", suite: "trixie", packages: &["uefitool-cli"] };

/// systemd's `ukify`, and what reads and signs EFI programs.
pub const UKIFY: Oracle = Oracle {
    name: "ukify",
    version: "257",
    suite: "trixie",
    packages: &["systemd-ukify", "systemd-boot-efi", "python3-minimal", "binutils", "sbsigntool"],
};

/// The program that reads and writes UEFI's boot options.
pub const EFIBOOTMGR: Oracle =
    Oracle { name: "efibootmgr", version: "17", suite: "bookworm", packages: &["efibootmgr"] };

/// GPT fdisk, `sgdisk`.
pub const SGDISK: Oracle =
    Oracle { name: "GPT fdisk", version: "1.0.9", suite: "bookworm", packages: &["gdisk"] };

/// What puts keys into OVMF's variables, `virt-fw-vars`.
pub const VIRT_FIRMWARE: Oracle =
    Oracle { name: "virt-firmware", version: "24.11", suite: "trixie", packages: &["python3-virt-firmware"] };

/// shim, which has the certificate that Debian signs its kernels with.
pub const SHIM: Oracle =
    Oracle { name: "shim", version: "16.1", suite: "trixie", packages: &["shim-unsigned"] };

/// All that [`prepare`] makes.
pub const ORACLES: &[&[Oracle]] = &[
    &GRUBS,
    &SYSTEMDS,
    &SHELLS,
    &[KEXEC_TOOLS, UEFITOOL, UKIFY, SGDISK, EFIBOOTMGR, VIRT_FIRMWARE, SHIM, pinned::DISKS, pinned::TESTS],
];

impl Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Oracle {
    /// Its root, made now if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or entered, or holds another version than this.
    pub fn root(&self) -> Result<Root> {
        Root::may_enter()?;
        let root = Root::unpack_as(self.suite, self.packages, self.version)?;
        let package = self.packages.first().copied().unwrap_or_default();
        let there = root.version(package).unwrap_or_else(|| "no version".into());
        if upstream_is(&there, self.version) {
            return Ok(root);
        }
        Err(Error::Other(format!(
            "{self}: {package} of {} is {there}, not {}: compare with the new version and pin it in \
             qemu/src/oracles.rs",
            self.suite, self.version
        )))
    }
}

/// The oracle, or `None` where this is a person's machine that cannot have it: then the skip is noted.
///
/// # Panics
/// In continuous integration (`CI` is set and not empty), with the reason: there nothing is skipped.
#[must_use]
pub fn available<T>(name: &dyn Display, oracle: Result<T>) -> Option<T> {
    match oracle {
        Ok(oracle) => Some(oracle),
        Err(reason) if in_ci() => panic!("{name}: {reason}"),
        Err(reason) => {
            note_skip(&format!("{name}: {reason}"));
            None
        }
    }
}

/// Makes every oracle's root, where its progress can be seen.
///
/// # Errors
/// In continuous integration, when one cannot be had. For a person that is a skip.
pub fn prepare() -> Result<()> {
    for oracle in ORACLES.iter().copied().flatten() {
        match oracle.root() {
            Ok(_) => {}
            Err(reason) if in_ci() => return Err(Error::Other(format!("{oracle}: {reason}"))),
            Err(reason) => note_skip(&format!("{oracle}: {reason}")),
        }
    }
    Ok(())
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Says what is skipped, and adds it to `target/skipped`, as a passing test's output is seldom shown.
fn note_skip(what: &str) {
    eprintln!("skipped: {what}");
    let file = OpenOptions::new().create(true).append(true).open(place::target().join("skipped"));
    let line = format!("{}\n", what.lines().collect::<Vec<_>>().join(" "));
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("skipped: not noted: {error}");
    }
}

/// Whether a Debian version is of this upstream version: `2.12-9+deb13u1` of `2.12`, `257.9-1` of `257`.
fn upstream_is(version: &str, upstream: &str) -> bool {
    let without_epoch = version.split_once(':').map_or(version, |(_, rest)| rest);
    let own = without_epoch.rsplit_once('-').map_or(without_epoch, |(own, _)| own);
    own.strip_prefix(upstream).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_revision_does_not_count_but_every_number_does() {
        for (version, upstream, is) in [
            ("2.06-13+deb12u1", "2.06", true),
            ("2.12-9+deb13u4", "2.12", true),
            ("2.14~rc1-1", "2.14", true),
            ("2.14-4", "2.1", false),
            ("2.14-2.12", "2.12", false),
            ("1:252.39-1~deb12u1", "252", true),
            ("2520-1", "252", false),
            ("3.2.12-1", "2.12", false),
        ] {
            assert_eq!(upstream_is(version, upstream), is, "{version} {upstream}");
        }
    }
}
