//! The files of an image before they are packed: sorted paths, each with its node.

use crate::BuildError;
use std::{collections::BTreeMap, fs, path::Path};

/// The node at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory, mode 0755.
    Directory,
    /// A regular file, mode 0755 if it may be executed and 0644 if not.
    File {
        /// Its content.
        bytes: Vec<u8>,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link to this target.
    Link(String),
    /// A character device, mode 0600, by major and minor number.
    CharacterDevice(u32, u32),
}

impl Node {
    /// A regular file that is only read.
    #[must_use]
    pub fn data(bytes: impl Into<Vec<u8>>) -> Self {
        Self::File { bytes: bytes.into(), executable: false }
    }

    /// Size of its content in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::File { bytes, .. } => bytes.len(),
            Self::Link(target) => target.len(),
            Self::Directory | Self::CharacterDevice(..) => 0,
        }
    }
}

/// The files of an image, by their paths without the leading slash. Every parent of a node is a directory in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// Puts a node at a path, with the directories that lead to it. A file that is already there is replaced.
    ///
    /// # Errors
    /// The path is empty or has `.` or `..` in it, or a parent of it is no directory.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<(), BuildError> {
        let path = path.trim_matches('/');
        let refuse = |reason| Err(BuildError::Path { path: path.to_owned(), reason });
        if path.split('/').any(|component| matches!(component, "" | "." | "..")) || path.contains('\0') {
            return refuse("not a plain absolute path");
        }
        for (slash, _) in path.match_indices('/') {
            match self.0.entry(path[..slash].to_owned()).or_insert(Node::Directory) {
                Node::Directory => {}
                _ => return refuse("a parent of it is no directory"),
            }
        }
        match (self.0.get(path), &node) {
            (Some(Node::Directory), Node::Directory) => {}
            (Some(Node::Directory), _) => return refuse("there is a directory"),
            _ => drop(self.0.insert(path.to_owned(), node)),
        }
        Ok(())
    }

    /// Copies a file, a link or a whole directory of the building machine to a path.
    ///
    /// # Errors
    /// The source cannot be read, or the path is refused as by [`Tree::insert`].
    pub fn copy(&mut self, source: &Path, path: &str) -> Result<(), BuildError> {
        self.copy_node(source, path, true)
    }

    fn copy_node(&mut self, source: &Path, path: &str, follow: bool) -> Result<(), BuildError> {
        let read = |error| BuildError::Read { path: source.to_owned(), error };
        let status =
            if follow { fs::metadata(source) } else { fs::symlink_metadata(source) }.map_err(read)?;
        if status.is_dir() {
            if !path.trim_matches('/').is_empty() {
                self.insert(path, Node::Directory)?;
            }
            for entry in fs::read_dir(source).map_err(read)? {
                let entry = entry.map_err(read)?;
                self.copy_node(&entry.path(), &format!("{path}/{}", text(entry.file_name())?), false)?;
            }
            return Ok(());
        }
        if status.is_symlink() {
            let target = fs::read_link(source).map_err(read)?;
            return self.insert(path, Node::Link(text(target.into_os_string())?));
        }
        use std::os::unix::fs::PermissionsExt;
        let executable = status.permissions().mode() & 0o111 != 0;
        self.insert(path, Node::File { bytes: fs::read(source).map_err(read)?, executable })
    }

    /// The nodes in the order of their paths, which puts every directory before what it holds.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(path, node)| (path.as_str(), node))
    }
}

fn text(name: std::ffi::OsString) -> Result<String, BuildError> {
    name.into_string().map_err(|name| BuildError::Path {
        path: name.to_string_lossy().into_owned(),
        reason: "names in an image are UTF-8",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_made_and_come_first() {
        let mut tree = Tree::default();
        tree.insert("/lib/modules/a", Node::data("x")).unwrap();
        tree.insert("lib-x", Node::Directory).unwrap();
        let paths: Vec<_> = tree.nodes().map(|(path, _)| path).collect();
        assert_eq!(paths, ["lib", "lib-x", "lib/modules", "lib/modules/a"]);
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one_and_never_a_directory() {
        let mut tree = Tree::default();
        tree.insert("/etc/conf", Node::data("old")).unwrap();
        tree.insert("/etc/conf", Node::data("new")).unwrap();
        assert_eq!(tree.nodes().last(), Some(("etc/conf", &Node::data("new"))));
        assert_eq!(
            tree.insert("/etc", Node::data("")).unwrap_err().to_string(),
            "/etc: there is a directory"
        );
        assert_eq!(
            tree.insert("/etc/conf/x", Node::data("")).unwrap_err().to_string(),
            "/etc/conf/x: a parent of it is no directory"
        );
    }

    #[test]
    fn only_plain_paths_are_taken() {
        for path in ["", "/", "a/../b", "./a", "a//b", "a\0"] {
            assert!(Tree::default().insert(path, Node::Directory).is_err(), "{path:?}");
        }
    }
}
