//! Packages of a Debian suite as files, for `dpkg -i` in a guest: fetched once, installed nowhere.

use std::fs;
use std::path::PathBuf;

use crate::cache::{self, Recipe};
use crate::error::{Context, Error};
use crate::{Result, debian, tool};

/// The files of the packages whose names begin with one of `names`, in that order, among `packages` and what these depend on.
///
/// # Errors
/// When mmdebstrap fails, for want of network for instance, or no package has such a name.
pub fn fetch(suite: &str, packages: &[&str], names: &[&str]) -> Result<Vec<PathBuf>> {
    let packages = packages.join(",");
    let directory = cache::kept("packages", suite, &Recipe::new(suite).and(&packages), |directory| {
        fs::create_dir_all(directory).context(|| format!("making {}", directory.display()))?;
        let mut mmdebstrap = tool::command("mmdebstrap");
        mmdebstrap
            .args(["--variant=extract", "--format=null", &format!("--include={packages}")])
            .arg("--aptopt=Apt::Install-Recommends \"false\"")
            // What was fetched is still there then.
            .arg(format!("--extract-hook=copy-out /var/cache/apt/archives '{}'", directory.display()))
            .args([suite, "/dev/null", &debian::source(suite)]);
        tool::finish_logged(&mut mmdebstrap, "packages", &format!("fetching {packages} of {suite}, once"))
            .map(drop)
    })?;
    let directory = directory.join("archives");
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .context(|| format!("reading {}", directory.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let named = |name: &&str| {
        let is =
            |file: &&PathBuf| file.file_name().is_some_and(|file| file.to_string_lossy().starts_with(*name));
        let found = files.iter().find(is).cloned();
        found.ok_or_else(|| Error::Other(format!("{}: no package {name}…", directory.display())))
    };
    names.iter().map(named).collect()
}
