//! Source packages of a Debian suite, fetched with lists that live for one command; nothing is installed and no list of this
//! machine's changes.

use std::fs;
use std::path::Path;

use crate::error::Context;
use crate::{Result, debian, tool};

/// Fetches a source package's files into a directory; `version` as Debian writes it.
///
/// # Errors
/// When apt-get fails, for want of network for instance.
pub fn fetch(suite: &str, package: &str, version: &str, directory: &Path) -> Result<()> {
    let apt = directory.join("apt");
    for path in ["lists/partial", "cache/archives/partial"] {
        let path = apt.join(path);
        fs::create_dir_all(&path).context(|| format!("making {}", path.display()))?;
    }
    let list = apt.join("sources.list");
    let line = debian::source(suite).replacen("deb ", "deb-src ", 1) + "\n";
    fs::write(&list, line).context(|| format!("writing {}", list.display()))?;
    let get = |words: &[&str]| {
        let mut command = tool::command("apt-get");
        command.current_dir(directory);
        for (option, value) in [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::State::lists", "lists"),
            ("Dir::Cache", "cache"),
        ] {
            command.arg("-o").arg(format!("{option}={}", apt.join(value).display()));
        }
        command.args(["-o", "Dir::Etc::sourceparts=/dev/null", "-q"]).args(words);
        tool::finish(&mut command).map(drop)
    };
    get(&["update"])?;
    get(&["source", "--download-only", &format!("{package}={version}")])?;
    fs::remove_dir_all(&apt).context(|| format!("removing {}", apt.display()))
}
