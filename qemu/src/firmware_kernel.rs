//! The kernels below firstlight that tests and benchmarks start: each profile, and `full` with signatures enforced.

use std::path::PathBuf;

use initramfs::Compression;
use initramfs::kernel::{Architecture, KernelConfig, KernelProfile};

use crate::Result;
use crate::error::{Context, Error};
use crate::kernel::{self, BuiltKernel, KernelSource, WantedKernel};

/// A built kernel and its variant.
#[derive(Clone, Debug)]
pub struct FirmwareKernel {
    kernel: PathBuf,
    enforcing: PathBuf,
    key: PathBuf,
    certificate: PathBuf,
}

/// The kernel alone for PCs, built now if it is not there.
///
/// # Errors
/// As [`kernel::build`].
pub fn plain() -> Result<PathBuf> {
    plain_for(Architecture::X86_64).map(|kernel| kernel.image())
}

/// The same for an architecture.
///
/// # Errors
/// As [`kernel::build`].
pub fn plain_for(architecture: Architecture) -> Result<BuiltKernel> {
    let config = KernelConfig { architecture, ..KernelConfig::default() };
    let built = kernel::build(&KernelSource::Debian, &[WantedKernel { config, trusted: None }])?;
    built.into_iter().next().ok_or_else(|| Error::Other("no kernel was built".into()))
}

/// The kernel of a profile for PCs, compressed like this.
///
/// # Errors
/// As [`kernel::build`].
pub fn of_profile(profile: KernelProfile, compression: Compression) -> Result<PathBuf> {
    let config = KernelConfig { profile, compression, ..config() };
    let built = kernel::build(&KernelSource::Debian, &[WantedKernel { config, trusted: None }])?;
    built.first().map(BuiltKernel::image).ok_or_else(|| Error::Other("no kernel was built".into()))
}

fn config() -> KernelConfig {
    KernelConfig { architecture: Architecture::X86_64, ..KernelConfig::default() }
}

impl FirmwareKernel {
    /// Both kernels, for x86_64, built now if they are not there: the second costs a minute beside the first.
    ///
    /// # Errors
    /// As [`kernel::build`].
    pub fn build() -> Result<Self> {
        let (key, certificate) = kernel::test_key()?;
        let trusted = std::fs::read(&certificate).context(|| format!("reading {}", certificate.display()))?;
        let config = config();
        let enforcing = KernelConfig { enforce: true, ..config.clone() };
        let wanted = [
            WantedKernel { config, trusted: None },
            WantedKernel { config: enforcing, trusted: Some(trusted) },
        ];
        let built = kernel::build(&KernelSource::Debian, &wanted)?;
        let [plain, enforcing] = <[_; 2]>::try_from(built)
            .map_err(|built| Error::Other(format!("{} kernels for two", built.len())))?;
        Ok(Self { kernel: plain.image(), enforcing: enforcing.image(), key, certificate })
    }

    /// The kernel itself, a bzImage.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.kernel.clone()
    }

    /// The same, but its `kexec_file_load` takes only what is signed with [`Self::key`].
    #[must_use]
    pub fn enforcing(&self) -> PathBuf {
        self.enforcing.clone()
    }

    /// The private key whose certificate is built into [`Self::enforcing`], RSA in PEM without a password.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.key.clone()
    }

    /// That certificate, X.509 in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.certificate.clone()
    }
}
