//! A coreboot ROM for QEMU's q35, built from Debian's own source package, and the cbfstool that goes with it.
//!
//! The ROM has no payload: `initramfs coreboot` puts one in. It is kept for all checkouts of this machine; it costs a minute.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{self, Recipe};
use crate::error::Context;
use crate::roots::Root;
use crate::{Result, source_package, tool};

const SUITE: &str = "bookworm";
const VERSION: &str = "4.15~dfsg-3";

const PACKAGES: &[&str] = &[
    "coreboot-utils",
    "gcc",
    "g++",
    "lib32gcc-12-dev",
    "libc6-dev",
    "make",
    "nasm",
    "acpica-tools",
    "bison",
    "flex",
    "m4",
    "uuid-dev",
    "python3-minimal",
    "perl",
    "mawk",
    "patch",
    "bash",
    "bsdextrautils",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "openssl",
    "sed",
    "tar",
    "xz-utils",
];

/// 8 MiB, the largest flash that QEMU has without being asked.
const CONFIG: &str = "\
CONFIG_ANY_TOOLCHAIN=y
CONFIG_VENDOR_EMULATION=y
CONFIG_BOARD_EMULATION_QEMU_X86_Q35=y
CONFIG_COREBOOT_ROMSIZE_KB_8192=y
CONFIG_CBFS_SIZE=0x7f0000
CONFIG_PAYLOAD_NONE=y
CONFIG_CONSOLE_SERIAL=y
CONFIG_DEFAULT_CONSOLE_LOGLEVEL_4=y
";

const BUILD: &str = include_str!("../recipes/coreboot.sh");

/// A ROM without a payload, and the program that puts one in.
#[derive(Clone, Debug)]
pub struct Coreboot {
    directory: PathBuf,
}

impl Coreboot {
    /// The ROM, built now if it is not there.
    ///
    /// # Errors
    /// When the root or the source cannot be had, or a program fails.
    pub fn build() -> Result<Self> {
        let recipe = Recipe::new(VERSION).and(PACKAGES.join(",")).and(CONFIG).and(BUILD);
        let directory = cache::kept("coreboot", "q35", &recipe, make)?;
        Ok(Self { directory })
    }

    /// The ROM. Not to be written.
    #[must_use]
    pub fn rom(&self) -> PathBuf {
        self.directory.join("coreboot.rom")
    }

    /// The program cbfstool, which runs on this machine: the build links it for the machine that builds.
    #[must_use]
    pub fn cbfstool(&self) -> PathBuf {
        self.directory.join("cbfstool")
    }
}

fn make(directory: &Path) -> Result<()> {
    let root = Root::unpack(SUITE, PACKAGES)?;
    let source = directory.join("source");
    fs::create_dir_all(&source).context(|| format!("making {}", source.display()))?;
    source_package::fetch(SUITE, "coreboot", VERSION, &source)?;
    let config = directory.join("config");
    fs::write(&config, CONFIG).context(|| format!("writing {}", config.display()))?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sh = root.command(&[directory], "bash");
    sh.args(["-euc", BUILD, "coreboot"]).arg(directory).arg(jobs.to_string());
    tool::finish_logged(&mut sh, "coreboot", "building coreboot for QEMU's q35, a minute, once")?;
    fs::remove_dir_all(&source).context(|| format!("removing {}", source.display()))
}
