//! The kernel below firstlight with its drivers built in (`scripts/build-kernel.sh`): Linux 6.12 LTS as Debian has its
//! source, or another tree, configured by the fragments of [`initramfs::kernel`].
//!
//! It is compiled in an unpacked Debian root ([`crate::roots`]) with that release's own compiler, and kept for all
//! checkouts of this machine by the hash of its configuration and of its source: some seven minutes on two processors,
//! once. Kernels of one architecture that are wanted together share their objects.

mod compile;
mod report;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::kernel::{Architecture, KernelConfig};

use self::compile::Work;
pub use self::report::{GroupSize, SizeReport};
pub use self::source::KernelSource;
use crate::cache::{self, Recipe};
use crate::error::{Context, Error};
use crate::{Result, tool};

/// The kernel's notes about its own build, which would differ each time.
const ORIGIN: [(&str, &str); 4] = [
    ("KBUILD_BUILD_TIMESTAMP", "1970-01-01"),
    ("KBUILD_BUILD_USER", "firstlight"),
    ("KBUILD_BUILD_HOST", "firstlight"),
    ("KBUILD_BUILD_VERSION", "1"),
];

/// A kernel that is wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedKernel {
    /// Its configuration.
    pub config: KernelConfig,
    /// Certificates in PEM whose signatures it trusts beside those of the firmware.
    pub trusted: Option<Vec<u8>>,
}

/// A kernel that is built: a directory with its image, its configuration and the sizes of its parts.
#[derive(Clone, Debug)]
pub struct BuiltKernel {
    directory: PathBuf,
    architecture: Architecture,
}

impl BuiltKernel {
    /// The image that EFI starts.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.directory.join(self.architecture.image())
    }

    /// The image that other firmware starts.
    #[must_use]
    pub fn plain_image(&self) -> PathBuf {
        self.directory.join(self.architecture.plain_image())
    }

    /// Its whole `.config`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.join("config")
    }

    /// What weighs how much in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn sizes(&self) -> Result<SizeReport> {
        SizeReport::read(&self.directory)
    }
}

/// The kernels, in the same order; those that are not there are built now.
///
/// # Errors
/// When the root cannot be had, a line of a configuration is not taken (the error names it), or a program fails.
pub fn build(source: &KernelSource, wanted: &[WantedKernel]) -> Result<Vec<BuiltKernel>> {
    let mut work: Vec<Work> = Vec::new();
    let mut built = Vec::new();
    for kernel in wanted {
        let architecture = kernel.config.architecture;
        let place = match work.iter().position(|work| work.architecture() == architecture) {
            Some(place) => place,
            None => {
                work.push(Work::new(source, architecture)?);
                work.len().saturating_sub(1)
            }
        };
        let Some(work) = work.get_mut(place) else { continue };
        let mut recipe = Recipe::new(work.identity()).and(kernel.config.configuration());
        recipe = recipe.and(format!("{ORIGIN:?}")).and(kernel.trusted.as_deref().unwrap_or_default());
        let name = format!("linux-{}-{}", work.version(), kernel.config.name());
        let directory = cache::kept("kernels", &name, &recipe, |directory| work.make(kernel, directory))?;
        built.push(BuiltKernel { directory, architecture });
    }
    work.into_iter().try_for_each(Work::finish)?;
    Ok(built)
}

/// A private key, RSA in PEM without a password, and its certificate, X.509 in PEM: for tests, made once for all checkouts.
///
/// # Errors
/// When openssl cannot be had or fails.
pub fn test_key() -> Result<(PathBuf, PathBuf)> {
    let (root, _) = compile::root(Architecture::HOST)?;
    let directory = cache::kept("keys", "test", &Recipe::new("rsa:2048"), |directory| {
        fs::create_dir_all(directory).context(|| format!("making {}", directory.display()))?;
        let mut openssl = root.command(&[directory], "openssl");
        openssl.args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500"]);
        openssl.args(["-subj", "/CN=firstlight test", "-keyout"]).arg(directory.join("key.pem"));
        tool::finish(openssl.arg("-out").arg(directory.join("certificate.pem"))).map(drop)
    })?;
    Ok((directory.join("key.pem"), directory.join("certificate.pem")))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).context(|| format!("copying {} to {}", from.display(), to.display()))
}

/// Whether every line of a configuration is taken.
fn all_taken(configuration: &str, config: &str) -> Result<()> {
    let lost: Vec<&str> = initramfs::kernel::not_taken(configuration, config).collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::Other(format!(
        "this kernel's configuration does not take these lines of initramfs/kernel:\n  {}\nsee what they depend on in its \
         Kconfig files",
        lost.join("\n  ")
    )))
}
