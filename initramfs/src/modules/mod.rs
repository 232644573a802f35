//! The modules that a boot needs from a distribution's modular kernel: which groups, their closure, their tables.

mod groups;
mod selection;
mod tables;

pub use groups::{GROUPS, Group};
pub use selection::{Chosen, Selection, select, select_for};
pub use tables::Tables;

use crate::{BuildError, Compression, Item, Node, Tree, listing};
use firstlight::{formats, image::decompress};
use std::{fs, path::Path, path::PathBuf};

/// No module is larger than this when decompressed, in bytes.
const MODULE_LIMIT: u64 = 256 << 20;

/// The module tree of one kernel version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its directory, the one that holds modules.dep.
    pub directory: PathBuf,
    /// The kernel's version, as `uname -r` prints it.
    pub version: String,
    /// Names of the [`GROUPS`] to take; `None` takes all.
    pub groups: Option<Vec<String>>,
    /// In their place, what one machine needs: names of modules, and what its devices are known by (MODALIAS). What nothing
    /// provides, or is built in, is passed over.
    pub machine: Option<Vec<String>>,
}

impl Source {
    /// Finds the module tree of a version below `from`: a root directory (with `lib/modules/VERSION` in it), the
    /// directory of all versions, or the version's own. Without a version there must be exactly one.
    ///
    /// # Errors
    /// There is no such tree, or no version was given and there are several.
    pub fn find(from: &Path, version: Option<&str>) -> Result<Self, BuildError> {
        let own_name = from.file_name().and_then(|name| name.to_str());
        if let Some(name) = own_name.filter(|name| is_tree(from) && version.is_none_or(|v| v == *name)) {
            return Ok(Self {
                directory: from.to_owned(),
                version: name.to_owned(),
                groups: None,
                machine: None,
            });
        }
        let parents = ["lib/modules", "usr/lib/modules", ""].map(|below| from.join(below));
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for entry in parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let known = found.iter().any(|(version, _)| *version == name);
            if !known && is_tree(&entry.path()) {
                found.push((name, entry.path()));
            }
        }
        found.sort();
        let mut fitting = found.iter().filter(|(name, _)| version.is_none_or(|version| version == name));
        match (fitting.next(), fitting.next()) {
            (Some((version, directory)), None) => Ok(Self {
                directory: directory.clone(),
                version: version.clone(),
                groups: None,
                machine: None,
            }),
            _ => Err(BuildError::NoModules {
                directory: from.to_owned(),
                version: version.unwrap_or("(give --kernel-version)").to_owned(),
                found: found.into_iter().map(|(name, _)| name).collect(),
            }),
        }
    }
}

/// Whether a directory is that of one version; `/etc/kernel` makes `/etc` none.
fn is_tree(directory: &Path) -> bool {
    let has = |name| directory.join(name).is_file();
    directory.join("kernel").is_dir() && (has("modules.dep") || has("modules.builtin"))
}

/// Puts the modules of the chosen groups and their tables into a tree, and tells what went in.
///
/// # Errors
/// There is no group of a name that was asked for, or a file is missing or damaged.
pub fn add(
    tree: &mut Tree,
    source: &Source,
    compression: Compression,
) -> Result<Vec<listing::Group>, BuildError> {
    let wanted = |group: &&Group| {
        source.groups.as_ref().is_none_or(|names| names.iter().any(|name| name == group.name))
    };
    if let Some(name) =
        source.groups.iter().flatten().find(|name| GROUPS.iter().all(|group| group.name != **name))
    {
        return Err(BuildError::NoGroup(name.clone()));
    }
    let tables = Tables::read(&source.directory)?;
    let selection = match &source.machine {
        Some(requests) => select_for(&tables, requests),
        None => select(&tables, GROUPS.iter().filter(wanted)),
    };
    let base = format!("lib/modules/{}", source.version);
    let mut listed = Vec::new();
    for chosen in selection.groups {
        let mut items = Vec::new();
        for path in chosen.paths {
            let (path, bytes) = load(&source.directory, path, compression)?;
            let path = format!("{base}/{path}");
            items.push(Item::new(&path, bytes.len()));
            tree.insert(&path, Node::data(bytes))?;
        }
        listed.push(listing::Group { name: chosen.group.to_owned(), items, built_in: chosen.built_in });
    }
    let mut items = Vec::new();
    for (table, text) in selection.tables.files() {
        let text = if compression == Compression::None { text } else { plain_names(&text) };
        let path = format!("{base}/{table}");
        items.push(Item::new(&path, text.len()));
        tree.insert(&path, Node::data(text))?;
    }
    listed.push(listing::Group::new("module-tables", items));
    Ok(listed)
}

/// A module's path in the image and its bytes.
///
/// A compressed image takes modules in plain, which comes to less (Debian's of all groups: 6.56 instead of 6.84 MB with
/// zstd, 5.86 instead of 7.01 MB with xz), and spares PID 1 the work. Nothing is stripped: a kernel that is locked down
/// checks the signature at their end.
fn load(tree: &Path, path: String, image: Compression) -> Result<(String, Vec<u8>), BuildError> {
    let source = tree.join(&path);
    let bytes = fs::read(&source).map_err(|error| BuildError::Read { path: source.clone(), error })?;
    let Some(compression) = formats::compression::Compression::recognise(&bytes) else {
        return Ok((path, bytes));
    };
    if image == Compression::None {
        return Ok((path, bytes));
    }
    let mut plain = Vec::new();
    decompress::decompress(compression, bytes.as_slice(), &mut plain, MODULE_LIMIT)
        .map_err(|error| BuildError::Decompress { path: source, reason: error.to_string() })?;
    Ok((plain_names(&path), plain))
}

/// A path or table in which every module's file name is that of its decompressed form.
fn plain_names(text: &str) -> String {
    ["xz", "zst", "gz"]
        .iter()
        .fold(text.to_owned(), |text, suffix| text.replace(&format!(".ko.{suffix}"), ".ko"))
}
