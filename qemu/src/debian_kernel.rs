//! The kernel of a Debian release with its modules, unpacked and not installed, beside the one of the Debian that disks have.

use std::fs;
use std::path::PathBuf;

use initramfs::modules;

use crate::cache::{self, Recipe};
use crate::error::{Context, Error};
use crate::payload::builder;
use crate::roots::Root;
use crate::{Result, pinned, tool};

const PACKAGE: &str = "linux-image-amd64";

/// The kernel that a release of Debian installs.
#[derive(Clone, Debug)]
pub struct DebianKernel {
    root: Root,
    package: &'static str,
    release: String,
}

impl DebianKernel {
    /// That of a suite (`bookworm`, `trixie`, `forky` …) for PCs, unpacked now if it is not there: half a minute.
    ///
    /// # Errors
    /// As [`Root::unpack`].
    pub fn unpack(suite: &str) -> Result<Self> {
        Self::in_root(Root::unpack(suite, &[PACKAGE])?, PACKAGE)
    }

    /// That of a package in a root.
    ///
    /// # Errors
    /// When the root has no kernel, or several.
    pub fn in_root(root: Root, package: &'static str) -> Result<Self> {
        let release = modules::Source::find(root.path(), None).map_err(builder)?.version;
        Ok(Self { root, package, release })
    }

    /// Where it is unpacked.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Its release, as `uname -r` prints it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Its file, which newer packages have beside the modules.
    ///
    /// # Errors
    /// When the package has it in neither place.
    pub fn image(&self) -> Result<PathBuf> {
        let in_boot = self.root.file(&format!("/boot/vmlinuz-{}", self.release));
        in_boot.or_else(|_| self.root.file(&format!("/usr/lib/modules/{}/vmlinuz", self.release)))
    }

    /// Its modules with the tables that depmod makes when the package is installed.
    ///
    /// # Errors
    /// When depmod fails.
    pub fn modules(&self) -> Result<modules::Source> {
        let version = self.root.version(self.package);
        let version = version
            .ok_or_else(|| Error::Other(format!("{}: no version of {}", self.root.suite(), self.package)))?;
        let unpacked = modules::Source::find(self.root.path(), None).map_err(builder)?.directory;
        let recipe = Recipe::new(&version).and(unpacked.as_os_str().as_encoded_bytes());
        let kept = cache::kept("modules", self.root.suite(), &recipe, |directory| {
            let below = directory.join("lib/modules");
            fs::create_dir_all(&below).context(|| format!("making {}", below.display()))?;
            // Both are in the cache, so the modules need no room of their own.
            tool::finish(tool::command("cp").args(["--archive", "--link", "--"]).args([&unpacked, &below]))?;
            let mut depmod = pinned::tests()?.command("depmod");
            tool::finish(depmod.arg("--basedir").arg(directory).arg(&self.release)).map(drop)
        })?;
        modules::Source::find(&kept, None).map_err(builder)
    }
}
