//! Where the kernel's source comes from, and what it is called.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error};
use crate::{Result, tool};

/// Names and contents of a tree's files. What git keeps beside them does not count.
const HASH: &str = "cd \"$1\" && find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

/// A kernel's source.
#[derive(Clone, Debug, Default)]
pub enum KernelSource {
    /// Debian's package of Linux 6.12 LTS.
    #[default]
    Debian,
    /// A tree on this machine, which is only read.
    Tree(PathBuf),
}

impl KernelSource {
    /// A tree on this machine.
    ///
    /// # Errors
    /// When it is none, or was built in place: the kernel's own build refuses that.
    pub fn tree(path: &Path) -> Result<Self> {
        let path = fs::canonicalize(path).context(|| format!("reading {}", path.display()))?;
        for (file, wanted) in
            [("Kbuild", true), ("Makefile", true), (".config", false), ("include/config", false)]
        {
            if path.join(file).exists() != wanted {
                let path = path.display();
                return Err(Error::Other(match wanted {
                    true => format!("{path}: no source of a Linux kernel ({file} is missing)"),
                    false => format!(
                        "{path}: this tree was configured in place ({file}); “make -C {path} mrproper” cleans it"
                    ),
                }));
            }
        }
        Ok(Self::Tree(path))
    }
}

/// The version of a tree, as its Makefile has it: `6.12.117`.
pub(super) fn version(tree: &Path) -> Result<String> {
    let path = tree.join("Makefile");
    let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
        line.unwrap_or_default().trim().to_owned()
    };
    let [version, level, sub, extra] = ["VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION"].map(value);
    let sub = if sub.is_empty() { sub } else { format!(".{sub}") };
    Ok(format!("{version}.{level}{sub}{extra}"))
}

/// The hash of a tree's files.
pub(super) fn hash(tree: &Path) -> Result<String> {
    tool::say(&format!("reading {}", tree.display()));
    let mut sh = tool::command("sh");
    tool::finish(sh.args(["-euc", HASH, "hash"]).arg(tree))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_known_by_its_files_and_must_be_clean() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path();
        let makefile = "# SPDX-License-Identifier: GPL-2.0\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\nNAME = Baby\n";
        let reason = |tree: &Path| KernelSource::tree(tree).unwrap_err().to_string();
        assert!(reason(tree).ends_with("no source of a Linux kernel (Kbuild is missing)"));
        fs::write(tree.join("Kbuild"), "").unwrap();
        fs::write(tree.join("Makefile"), makefile).unwrap();
        KernelSource::tree(tree).unwrap();
        assert_eq!(version(tree).unwrap(), "6.12.117");
        let first = hash(tree).unwrap();
        assert_eq!(hash(tree).unwrap(), first);
        fs::write(tree.join("Kbuild"), "obj-y += a/\n").unwrap();
        assert_ne!(hash(tree).unwrap(), first);
        fs::write(tree.join(".config"), "").unwrap();
        assert!(reason(tree).contains("configured in place (.config)"));
    }
}
