//! Where the rig keeps things: under Cargo's target directory, or where all checkouts of this machine look.

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::error::{Context, Error};

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

/// A directory of the cache that all checkouts share, made if it is not there: `$XDG_CACHE_HOME/firstlight` or
/// `~/.cache/firstlight`, and `name` in it. Whoever removes it loses only the time to make its contents again.
///
/// # Errors
/// When it cannot be made, or no variable tells where it is.
pub fn cache(name: &str) -> Result<PathBuf> {
    let given = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || given("HOME").map(|home| home.join(".cache"));
    let base = given("XDG_CACHE_HOME").or_else(home);
    let base = base.ok_or_else(|| Error::Other("neither HOME nor XDG_CACHE_HOME is set".into()))?;
    let path = base.join("firstlight").join(name);
    fs::create_dir_all(&path).context(|| format!("making {}", path.display()))?;
    Ok(path)
}
