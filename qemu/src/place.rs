//! Where the rig keeps things: all of it under Cargo's target directory.

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::error::Context;

/// The workspace's root directory.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// Cargo's target directory, as an absolute path.
#[must_use]
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => std::path::absolute(&path).unwrap_or_else(|_| path.into()),
        None => workspace().join("target"),
    }
}

/// A directory under the target directory, made if it is not there: `images` (what took long to make), `machines`
/// (consoles), `disks` (small disks of tests).
///
/// # Errors
/// When it cannot be made.
pub fn directory(name: &str) -> Result<PathBuf> {
    let path = target().join(name);
    fs::create_dir_all(&path).context(|| format!("making {}", path.display()))?;
    Ok(path)
}
