//! Builds the static binary that becomes `/init`, and the one that is installed on a running system.

use crate::{BuildError, kernel::Architecture, strip};
use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target that is built for when none is given: static, for the machine that builds.
pub const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

/// The package of the EFI programs.
const EFI: &str = "efi";

/// The Cargo features of an image's binary: Xen, and all loaders.
pub const FEATURES: [&str; 2] = ["multiboot", "other-loaders"];

/// What an image may have besides: the commands of a running system (`firstlight list`, `kexec` …), for who calls them from scripts (the
/// rescue console has its own), and `unlock` at the rescue console.
pub const FURTHER: [&str; 2] = ["command-line", "luks"];

/// What `--small` leaves out of them: flash of 4 MiB is seldom below Xen.
const NOT_SMALL: [&str; 2] = ["multiboot", "other-loaders"];

/// Compiler options of every image, all of them stable: fixed addresses, since tables for moving the program to others and
/// for unwinding are of no use to PID 1; and the short form of SHA-2 (sha2's README), which only processors without
/// instructions for it run: 25 KB less for hashes of a few boot files.
const IMAGE: [&str; 3] = [
    "-Crelocation-model=static",
    concat!("-Clink-arg=-T", env!("CARGO_MANIFEST_DIR"), "/without-unwinding.ld"),
    "--cfg=sha2_backend_soft=\"compact\"",
];

/// The changes of `--small`, for flash of 4 MiB, beside what it leaves out: the standard library is built along with the program
/// and for size, and functions that compile to the same code are kept once. Cargo knows the first two only as unstable options.
const SMALL: [&str; 2] = ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];
/// SHA-2 in its short form only: a few boot files are hashed without the processor's instructions for it (sha2's README).
const SMALL_COMPILER: [&str; 2] = ["-Clink-arg=--icf=all", "--cfg=sha2_backend=\"soft\""];

/// How the binary of an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The Rust target.
    pub target: String,
    /// Cargo features.
    pub features: Vec<String>,
    /// With a standard library built for size, and without `multiboot` and `other-loaders`.
    pub small: bool,
}

impl Default for Options {
    fn default() -> Self {
        let features = FEATURES.map(str::to_owned).to_vec();
        Self { target: TARGET.to_owned(), features, small: false }
    }
}

/// The binary of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The program for the image: only the parts that are loaded.
    pub program: PathBuf,
    /// The same program with its symbols and lines.
    pub debug: PathBuf,
}

/// Builds the binary of an image.
///
/// # Errors
/// Cargo fails, and has said why on stderr; the binary cannot be read or written.
pub fn build(options: &Options) -> Result<Built, BuildError> {
    let Options { target, features, small } = options;
    let features = features.iter().filter(|feature| !(*small && NOT_SMALL.contains(&feature.as_str())));
    let features = features.map(String::as_str).collect::<Vec<_>>().join(",");
    let profile = if *small { "small" } else { "image" };
    let rustflags = IMAGE.into_iter().chain(SMALL_COMPILER.into_iter().filter(|_| *small));
    let rustflags: Vec<String> = rustflags.map(|flag| format!("{flag:?}")).collect();
    let rustflags = format!("target.{target}.rustflags=[{}]", rustflags.join(","));
    let mut arguments = vec!["--profile", profile, "--package", "firstlight", "--bin", "firstlight"];
    arguments.extend(["--target", target, "--no-default-features", "--features", &features]);
    arguments.extend(["--config", &rustflags]);
    if *small {
        arguments.extend(SMALL);
    }
    // cargo writes every choice of features to one path, so each is taken from there before the next is built.
    let _lock = lock().map_err(|error| BuildError::Binary(format!("{LOCK}: {error}")))?;
    let built = cargo(&arguments, *small)?;
    let whole = fs::read(&built).map_err(|error| BuildError::Read { path: built.clone(), error })?;
    let stripped = strip::strip(&whole).map_err(|reason| BuildError::Binary(reason.to_owned()))?;
    let name = match options.features == FEATURES {
        true => "firstlight".to_owned(),
        false => format!("firstlight-{}", features.replace(',', "-")),
    };
    let [program, debug] = ["stripped", "debug"].map(|kind| built.with_file_name(format!("{name}.{kind}")));
    for (path, bytes) in [(&program, &stripped), (&debug, &whole)] {
        replace(path, bytes).map_err(|error| BuildError::Write { path: path.clone(), error })?;
    }
    Ok(Built { program, debug })
}

/// The file in the system's directory for temporary files that one build holds at a time.
const LOCK: &str = "firstlight-binary.lock";

fn lock() -> std::io::Result<fs::File> {
    let file = fs::File::create(env::temp_dir().join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// Builds the binaries of a package of this workspace as `cargo build --release` does, static, and gives the path of one.
///
/// # Errors
/// As [`build`].
pub fn build_release(package: &str, target: &str) -> Result<PathBuf, BuildError> {
    cargo(&["--release", "--package", package, "--bins", "--target", target], false)
}

/// Builds the EFI program that starts the payload area of a firmware's flash, and gives its bytes. The area is known for PCs.
///
/// # Errors
/// As [`build`].
pub fn build_flash_loader() -> Result<Vec<u8>, BuildError> {
    let path = build_efi("flash-loader", Architecture::X86_64)?;
    fs::read(&path).map_err(|error| BuildError::Read { path, error })
}

/// Builds the stub of unified kernel images, and gives its path.
///
/// # Errors
/// As [`build`].
pub fn build_stub(architecture: Architecture) -> Result<PathBuf, BuildError> {
    build_efi("stub", architecture)
}

fn build_efi(name: &str, architecture: Architecture) -> Result<PathBuf, BuildError> {
    let target = match architecture {
        Architecture::X86_64 => "x86_64-unknown-uefi",
        Architecture::Aarch64 => "aarch64-unknown-uefi",
    };
    cargo(&["--release", "--package", EFI, "--bin", name, "--target", target], false)
}

/// Writes a program as a whole: another build may be reading it.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension(std::process::id().to_string());
    fs::write(&unfinished, bytes)?;
    fs::set_permissions(&unfinished, Permissions::from_mode(0o755))?;
    fs::rename(unfinished, path)
}

fn cargo(arguments: &[&str], unstable: bool) -> Result<PathBuf, BuildError> {
    let failed = |what: &str| BuildError::Binary(what.to_owned());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| failed("no workspace"))?;
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace)
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .stderr(Stdio::inherit());
    if unstable {
        // With the compiler pinned in rust-toolchain.toml the unstable options mean the same for everybody.
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    let output = command.output().map_err(|error| BuildError::Binary(format!("cargo: {error}")))?;
    if !output.status.success() {
        return Err(BuildError::Binary(format!("cargo build {}: {}", arguments.join(" "), output.status)));
    }
    // One JSON object a line; the last one with an executable is the binary, after those of its dependencies.
    let messages = output.stdout.split(|&byte| byte == b'\n').rev();
    messages
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| failed("cargo named no executable"))
}
