//! Configures and compiles kernels of one source, one after the other in one build directory, so that they share what they
//! have in common.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use initramfs::kernel::Architecture;

use super::source::{self, KernelSource};
use super::{ORIGIN, WantedKernel, all_taken, copy, report};
use crate::error::{Context, Error};
use crate::roots::Root;
use crate::{Result, cache, place, tool};

const SUITE: &str = "trixie";

/// The source first: its version is the kernel's. Essential packages are in no root by themselves.
const PACKAGES: &[&str] = &[
    "linux-source-6.12",
    "gcc",
    "libc6-dev",
    "make",
    "flex",
    "bison",
    "bc",
    "libelf-dev",
    "libssl-dev",
    "openssl",
    "perl",
    "mawk",
    "zstd",
    "xz-utils",
    "cpio",
    "bash",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "sed",
    "tar",
];

/// Where the source is in the root.
const ARCHIVE: &str = "/usr/src/linux-source-6.12.tar.xz";

/// Where the configuration has certificates, below the build directory.
const CERTIFICATES: &str = "certs/trusted.pem";

/// The root with the source and a compiler for an architecture, and what the compiler's programs are called before their own
/// names.
pub(super) fn root(architecture: Architecture) -> Result<(Root, Option<&'static str>)> {
    let (compiler, prefix) = match architecture {
        _ if architecture == Architecture::HOST => (None, None),
        Architecture::X86_64 => (Some("gcc-x86-64-linux-gnu"), Some("x86_64-linux-gnu-")),
        Architecture::Aarch64 => (Some("gcc-aarch64-linux-gnu"), Some("aarch64-linux-gnu-")),
    };
    // hexdump tells the makefile of compressed EFI images how large a kernel is in memory.
    let hexdump = (architecture == Architecture::Aarch64).then_some("bsdextrautils");
    let packages: Vec<&str> = PACKAGES.iter().copied().chain(compiler).chain(hexdump).collect();
    Ok((Root::unpack(SUITE, &packages)?, prefix))
}

/// Kernels of one source and architecture in the making.
pub(super) struct Work {
    root: Root,
    architecture: Architecture,
    /// What the compiler's programs are called before their own names.
    prefix: Option<&'static str>,
    /// A tree of this machine's; `None` for Debian's.
    tree: Option<PathBuf>,
    version: String,
    /// The version, or the hash of the tree.
    identity: String,
    /// Where the source is unpacked and the kernels are built, once one is, and the lock that keeps others out of it.
    place: Option<(PathBuf, File)>,
}

impl Work {
    pub fn new(source: &KernelSource, architecture: Architecture) -> Result<Self> {
        let (root, prefix) = root(architecture)?;
        let (tree, version, identity) = match source {
            KernelSource::Debian => {
                let package = PACKAGES.first().copied().unwrap_or_default();
                let version = root.version(package);
                let version =
                    version.ok_or_else(|| Error::Other(format!("{SUITE}: no version of {package}")))?;
                (None, version.clone(), version)
            }
            KernelSource::Tree(tree) => (Some(tree.clone()), source::version(tree)?, source::hash(tree)?),
        };
        Ok(Self { root, architecture, prefix, tree, version, identity, place: None })
    }

    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The version of the source.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What tells the source from others.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Builds a kernel and puts it into a directory.
    pub fn make(&mut self, kernel: &WantedKernel, directory: &Path) -> Result<()> {
        let work = self.prepared()?;
        let build = work.join("build");
        let source = self.tree.clone().unwrap_or_else(|| work.join("source"));
        let mut configuration = kernel.config.configuration();
        if let Some(certificates) = &kernel.trusted {
            let path = build.join(CERTIFICATES);
            fs::write(&path, certificates).context(|| format!("writing {}", path.display()))?;
            configuration += &format!("CONFIG_SYSTEM_TRUSTED_KEYS=\"{CERTIFICATES}\"\n");
        }
        let fragment = work.join("fragment");
        fs::write(&fragment, &configuration).context(|| format!("writing {}", fragment.display()))?;

        let shared: Vec<&Path> = [work.as_path()].into_iter().chain(self.tree.as_deref()).collect();
        let kbuild = || {
            let mut make = self.root.command(&shared, "make");
            make.current_dir(&build).arg("-s").arg("-C").arg(&source).arg(format!("O={}", build.display()));
            make.arg(format!("ARCH={}", self.architecture.kbuild()));
            make.args(self.prefix.map(|prefix| format!("CROSS_COMPILE={prefix}")));
            make.envs(ORIGIN).env("KCONFIG_ALLCONFIG", &fragment);
            make
        };
        tool::finish(kbuild().arg("allnoconfig"))?;
        let config = build.join(".config");
        let text = fs::read_to_string(&config).context(|| format!("reading {}", config.display()))?;
        all_taken(&configuration, &text)?;
        let image = self.architecture.image();
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let what = format!("building Linux {} ({}), minutes, once", self.version, kernel.config.name());
        tool::finish_logged(kbuild().arg(format!("-j{jobs}")).arg(image), "kernel", &what)?;

        fs::create_dir_all(directory).context(|| format!("making {}", directory.display()))?;
        let boot = build.join("arch").join(kernel_directory(self.architecture)).join("boot");
        for image in [image, self.architecture.plain_image()] {
            copy(&boot.join(image), &directory.join(image))?;
        }
        copy(&config, &directory.join("config"))?;
        let mut archiver = self.root.command(&shared, format!("{}ar", self.prefix.unwrap_or_default()));
        archiver.current_dir(&build).args(["t", "vmlinux.a"]);
        report::measure(&tool::finish(&mut archiver)?, &build, &directory.join(image))?.write(directory)
    }

    /// The directory with the source and the build, which is made for the first kernel. A build that was interrupted goes on; one of
    /// another source goes.
    fn prepared(&mut self) -> Result<PathBuf> {
        if let Some((directory, _)) = &self.place {
            return Ok(directory.clone());
        }
        let cache = place::cache("kernels")?;
        let name = format!("work-{}", self.architecture);
        let lock = cache::lock(&cache, &name)?;
        let work = cache.join(name);
        // Written once the source is there as a whole.
        let mark = work.join("identity");
        let is_prepared = fs::read_to_string(&mark).is_ok_and(|of| of == self.identity);
        if !is_prepared {
            remove(&work)?;
        }
        let source = work.join("source");
        for path in [&source, &work.join("build/certs")] {
            fs::create_dir_all(path).context(|| format!("making {}", path.display()))?;
        }
        if self.tree.is_none() && !is_prepared {
            let mut tar = self.root.command(&[&work], "tar");
            tool::finish(tar.args(["--strip-components=1", "-xf", ARCHIVE, "-C"]).arg(&source))?;
        }
        fs::write(&mark, &self.identity).context(|| format!("writing {}", mark.display()))?;
        self.place = Some((work.clone(), lock));
        Ok(work)
    }

    /// Removes what is of no use any more.
    pub fn finish(self) -> Result<()> {
        self.place.map_or(Ok(()), |(directory, _lock)| remove(&directory))
    }
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).context(|| format!("removing {}", directory.display()))?;
    }
    Ok(())
}

/// Where the kernel keeps what is of an architecture, below `arch`.
fn kernel_directory(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86",
        Architecture::Aarch64 => "arm64",
    }
}
