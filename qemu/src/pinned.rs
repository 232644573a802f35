//! The programs that make what machines are given (disks, boot loaders, images, initrds), and those that tests make and read
//! files with: of Debian 12, in unpacked roots ([`crate::roots`]), whatever this machine has. So a disk is the same wherever
//! it is made, and an answer is that of a version that is written here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use initramfs::Tree;

use crate::error::Context;
use crate::oracles::{Oracle, available};
use crate::roots::Root;
use crate::{Result, place, tool};

/// The programs that make disks of machines (libc-bin has the locale): all that `scripts/run-qemu.sh` needs.
pub const DISKS: Oracle = Oracle {
    name: "e2fsprogs and what else disks are made with",
    version: "1.47.0",
    suite: "bookworm",
    packages: &[
        "e2fsprogs",
        "btrfs-progs",
        "busybox-static",
        "dosfstools",
        "fdisk",
        "libc-bin",
        "mtools",
        "ovmf",
        "xfsprogs",
    ],
};

/// The programs that only tests and benchmarks need.
pub const TESTS: Oracle = Oracle {
    name: "util-linux and what else files are made and read with",
    version: "2.38.1",
    suite: "bookworm",
    packages: &[
        "util-linux",
        "bash",
        "busybox-static",
        "binutils",
        "btrfs-progs",
        "coreutils",
        "cpio",
        "cryptsetup-bin",
        "dash",
        "device-tree-compiler",
        "dosfstools",
        "e2fsprogs",
        "erofs-utils",
        "exfatprogs",
        "extlinux",
        "f2fs-tools",
        "fdisk",
        "grub-common",
        "grub-pc-bin",
        "kmod",
        "libc-bin",
        "mkbootimg",
        "mtools",
        "ntfs-3g",
        "squashfs-tools",
        "syslinux-common",
        "systemd-boot-efi",
        "u-boot-tools",
        "udftools",
        "xfsprogs",
        "xorriso",
    ],
};

/// The QEMU that instructions are counted in: the plugins (qemu/plugin) need version 4 of its interface, which Debian 12's QEMU
/// lacks, and counts are only compared where one version translates.
pub const COUNTING: Oracle = Oracle {
    name: "QEMU",
    version: "10.0",
    suite: "trixie",
    packages: &["qemu-system-x86", "seabios", "util-linux"],
};

/// Programs of one root.
#[derive(Clone, Debug)]
pub struct Tools {
    root: Root,
    /// The files of this machine that the programs see.
    shared: [PathBuf; 3],
}

/// [`DISKS`], unpacked.
///
/// # Errors
/// When they cannot be had, for want of network for instance.
pub fn disks() -> Result<&'static Tools> {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    open(&TOOLS, &DISKS)
}

/// [`TESTS`], unpacked.
///
/// # Errors
/// As [`disks`].
pub fn tests() -> Result<&'static Tools> {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    open(&TOOLS, &TESTS)
}

/// [`COUNTING`], unpacked.
///
/// # Errors
/// As [`disks`].
pub fn counting() -> Result<&'static Tools> {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    open(&TOOLS, &COUNTING)
}

/// The same as [`tests`] for a test: `None` where a person's machine cannot have them, which is noted as a skip.
///
/// # Panics
/// In continuous integration, when they cannot be had.
#[must_use]
pub fn for_test() -> Option<&'static Tools> {
    available(&TESTS, tests())
}

fn open(tools: &'static OnceLock<Tools>, of: &Oracle) -> Result<&'static Tools> {
    if let Some(tools) = tools.get() {
        return Ok(tools);
    }
    let shared = [place::target(), std::env::temp_dir(), place::cache("")?];
    for directory in &shared {
        std::fs::create_dir_all(directory).context(|| format!("making {}", directory.display()))?;
    }
    let opened = Tools { root: of.root()?, shared };
    Ok(tools.get_or_init(|| opened))
}

impl Tools {
    /// A command for one of the programs. It sees the target directory, the one for temporary files and the cache, and may write
    /// there.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.root.command(&self.shared.each_ref().map(PathBuf::as_path), program);
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Errors
    /// As [`tool::run`].
    pub fn run<A: AsRef<std::ffi::OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        tool::finish(self.command(program).args(arguments))
    }

    /// Where a file of the root is on this machine, all links followed as they lead in there.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn file(&self, path: &str) -> Result<PathBuf> {
        self.root.file(path)
    }

    /// A file of this machine that runs a program of the root with the arguments it is given: for what takes the path of a program.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn script(&self, program: &str) -> Result<PathBuf> {
        script(&self.command(program), program)
    }

    /// Puts a program into `tree` at `path`, with the shared libraries that it needs.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn add_program(&self, tree: &mut Tree, program: &str, path: &str) -> Result<()> {
        let places = ["usr/sbin", "usr/bin", "sbin", "bin"].map(|place| format!("/{place}/{program}"));
        let place = places.iter().find(|place| self.file(place).is_ok()).unwrap_or(&places[0]);
        self.root.add_program(tree, place, path)
    }
}

/// A shell script that does what a command does, with more arguments.
pub(crate) fn script(command: &Command, name: &str) -> Result<PathBuf> {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
    let words: Vec<String> =
        [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
    let text = format!("#!/bin/sh\nLC_ALL=C.UTF-8 exec {} \"$@\"\n", words.join(" "));
    let path = place::directory("programs")?.join(name);
    // One that is there may be running, and is the same unless the root is another.
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(path);
    }
    let unfinished = path.with_extension(std::process::id().to_string());
    let write = || {
        fs::write(&unfinished, text)?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
        fs::rename(&unfinished, &path)
    };
    write().context(|| format!("writing {}", path.display()))?;
    Ok(path)
}
