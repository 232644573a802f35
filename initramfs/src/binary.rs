//! Builds the static release binary that becomes `/init`.

use crate::BuildError;
use std::{env, path::Path, path::PathBuf, process::Command, process::Stdio};

/// The target that is built for when none is given: static, for the machine that builds.
pub const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

/// Has the standard library built along with the program, for size and without the printing of back traces, which makes
/// the binary a quarter smaller (779 instead of 1048 KB). Cargo knows these options only as unstable ones; with the
/// compiler pinned in rust-toolchain.toml they mean the same for everybody.
const SMALL_STANDARD_LIBRARY: [&str; 2] =
    ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];

/// Leaves out where in the source a panic happened and its message, and what only `{:?}` would print: 100 KB. A panic is an
/// instruction that the processor refuses. What PID 1 and the kernel's log tell of a crash is the address of that
/// instruction, which leads to the line in the same binary built with `CARGO_PROFILE_IMAGE_STRIP=none`.
const WITHOUT_WORDS: &str =
    "\"-Zlocation-detail=none\",\"-Zfmt-debug=none\",\"-Zunstable-options\",\"-Cpanic=immediate-abort\"";

/// Leaves out what LLVM does for speed even where it is asked for size: moving values out of loops and keeping them for
/// later, where they need registers and then the stack, and tables for short matches. 37 KB less, and as many instructions
/// on the way to the jump as with all of it (`scripts/bench.sh guest`).
const NOT_FOR_SPEED: [&str; 10] = [
    "-disable-constant-hoisting",
    "-disable-licm-promotion",
    "-disable-lsr",
    "-disable-machine-cse",
    "-disable-machine-licm",
    "-enable-load-pre=false",
    "-enable-misched=false",
    "-inline-instr-cost=4",
    "-min-jump-table-entries=12",
    "-x86-disable-avoid-SFB",
];

/// Builds the binaries of a package of this workspace for a target, as small as they get, and gives the path of one.
/// `features` are what it has beside the least (Cargo.toml): an image that boots disks needs none.
///
/// # Errors
/// Cargo fails; it has said why on stderr.
pub fn build(package: &str, target: &str, features: &[String]) -> Result<PathBuf, BuildError> {
    let features = features.join(",");
    let not_for_speed: String =
        NOT_FOR_SPEED.iter().map(|option| format!(",\"-Cllvm-args={option}\"")).collect();
    let smaller = format!("target.{target}.rustflags=[{WITHOUT_WORDS}{not_for_speed}]");
    let arguments = ["--profile", "image", "--package", package, "--bins", "--target", target];
    let small = ["--no-default-features", "--features", &features, "--config", &smaller];
    cargo(&arguments.into_iter().chain(small).chain(SMALL_STANDARD_LIBRARY).collect::<Vec<_>>())
}

/// Builds the static binary as it is installed on a running system, and gives its path.
///
/// # Errors
/// As [`build`].
pub fn build_installed(target: &str) -> Result<PathBuf, BuildError> {
    cargo(&["--release", "--package", "firstlight", "--bin", "firstlight", "--target", target])
}

fn cargo(arguments: &[&str]) -> Result<PathBuf, BuildError> {
    let failed = |what: &str| BuildError::Binary(what.to_owned());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| failed("no workspace"))?;
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace)
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .env("RUSTC_BOOTSTRAP", "1")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| BuildError::Binary(format!("cargo: {error}")))?;
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
