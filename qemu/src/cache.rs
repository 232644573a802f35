//! Results that take long to make, kept by the hash of their recipe: in this checkout ([`cached`], under `target/images`), or for all
//! checkouts of this machine ([`kept`], under [`place::cache`]).
//!
//! A file is made under another name and renamed when it is whole; a lock file keeps two makers apart, so two tests may
//! ask for the same thing at once. What an older recipe of the same name made is removed in a checkout; where all
//! checkouts look, another one may still use it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::error::Context;
use crate::{Result, place};

/// A recipe: everything that decides what comes of it.
#[derive(Clone, Default)]
pub struct Recipe(Sha256);

impl Recipe {
    /// A recipe that says `text` first.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::default().and(text)
    }

    /// The same, and `ingredient`.
    #[must_use]
    pub fn and(mut self, ingredient: impl AsRef<[u8]>) -> Self {
        let ingredient = ingredient.as_ref();
        // The length keeps "ab", "c" apart from "a", "bc".
        self.0.update(ingredient.len().to_le_bytes());
        self.0.update(ingredient);
        self
    }

    /// The hash, short enough for a file name.
    #[must_use]
    pub fn hash(&self) -> String {
        self.0.clone().finalize().iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The file or directory that `recipe` makes, made now by `make` (which is given the path to make it at) if it is not
/// there.
///
/// # Errors
/// Those of `make`, and those of the cache's own files.
pub fn cached(name: &str, recipe: &Recipe, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let directory = place::directory("images")?;
    let path = directory.join(format!("{name}-{}", recipe.hash()));
    let _lock = lock(&directory, name)?;
    if path.exists() {
        return Ok(path);
    }
    whole(&directory.join(format!("{name}.unfinished")), &path, make)?;
    for other in fs::read_dir(&directory).context(|| format!("reading {}", directory.display()))?.flatten() {
        let hash = other.file_name().to_string_lossy().strip_prefix(&format!("{name}-")).map(str::to_owned);
        let is_ours =
            hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
        if is_ours && other.path() != path {
            remove(&other.path())?;
        }
    }
    Ok(path)
}

/// The same below the directory `kind` of the cache that all checkouts share.
///
/// # Errors
/// As [`cached`].
pub fn kept(
    kind: &str,
    name: &str,
    recipe: &Recipe,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let directory = place::cache(kind)?;
    let name = format!("{name}-{}", recipe.hash());
    let path = directory.join(&name);
    let _lock = lock(&directory, &name)?;
    if !path.exists() {
        whole(&directory.join(format!("{name}.unfinished")), &path, make)?;
    }
    Ok(path)
}

/// Keeps others that ask for the same lock waiting until it is dropped.
pub(crate) fn lock(directory: &Path, name: &str) -> Result<File> {
    let path = directory.join(format!("{name}.lock"));
    let lock = File::create(&path).context(|| format!("writing {}", path.display()))?;
    flock(&lock, FlockOperation::LockExclusive).context(|| format!("locking {}", path.display()))?;
    Ok(lock)
}

fn whole(unfinished: &Path, path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    remove(unfinished)?;
    make(unfinished)?;
    fs::rename(unfinished, path).context(|| format!("writing {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    let done = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    done.context(|| format!("removing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_made_once_and_an_older_one_goes() {
        let make = |text: &str| {
            let text = text.to_owned();
            cached("cache-test", &Recipe::new(&text), move |path| {
                fs::write(path, text).context(|| "writing".into())
            })
            .unwrap()
        };
        let first = make("one");
        assert_eq!(fs::read_to_string(&first).unwrap(), "one");
        fs::write(&first, "kept").unwrap();
        assert_eq!(fs::read_to_string(make("one")).unwrap(), "kept");
        let second = make("two");
        assert_eq!((first.exists(), fs::read_to_string(second).unwrap().as_str()), (false, "two"));
    }

    #[test]
    fn ingredients_do_not_run_together() {
        assert_ne!(Recipe::new("ab").and("c").hash(), Recipe::new("a").and("bc").hash());
    }
}
