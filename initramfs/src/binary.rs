//! Builds the static release binary that becomes `/init`.

use crate::BuildError;
use std::{env, path::Path, path::PathBuf, process::Command, process::Stdio};

/// The target that is built for when none is given: static, for the machine that builds.
pub const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };

/// Builds a binary of this workspace for a target in release mode, and gives the path of its file.
///
/// # Errors
/// Cargo fails; it has said why on stderr.
pub fn build(package: &str, target: &str) -> Result<PathBuf, BuildError> {
    let failed = |what: &str| BuildError::Binary(what.to_owned());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| failed("no workspace"))?;
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace)
        .args(["build", "--release", "--quiet", "--package", package, "--bins", "--target", target])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| BuildError::Binary(format!("cargo: {error}")))?;
    if !output.status.success() {
        return Err(BuildError::Binary(format!("cargo build for {target}: {}", output.status)));
    }
    // One JSON object a line; the last one with an executable is the binary, after those of its dependencies.
    let messages = output.stdout.split(|&byte| byte == b'\n').rev();
    messages
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| failed("cargo named no executable"))
}
