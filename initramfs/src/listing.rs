//! The content of an image with its sizes.

use crate::Compression;
use serde::Serialize;
use std::fmt;

/// The content of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Version of the kernel whose modules are in it.
    pub kernel_version: Option<String>,
    /// Its files by what they are there for.
    pub groups: Vec<Group>,
    /// Size of the archive in bytes, before it is compressed.
    pub archive: usize,
    /// How it is compressed.
    pub compression: Compression,
    /// Size of the image in bytes.
    pub image: usize,
}

/// Files that serve one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Their purpose.
    pub name: String,
    /// The files.
    pub items: Vec<Item>,
    /// Modules that the group asks for and the kernel has built in.
    pub built_in: Vec<String>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its path in the image.
    pub path: String,
    /// Its size in bytes.
    pub size: usize,
}

impl Group {
    /// A group of files.
    #[must_use]
    pub fn new(name: &str, items: Vec<Item>) -> Self {
        Self { name: name.to_owned(), items, built_in: Vec::new() }
    }

    /// Size of its files in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.items.iter().map(|item| item.size).sum()
    }
}

impl Item {
    /// A file.
    #[must_use]
    pub fn new(path: &str, size: usize) -> Self {
        Self { path: path.to_owned(), size }
    }
}

/// The table that `--list` prints: sizes in bytes, a line for each group and below it one for each file.
impl fmt::Display for Listing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in self.groups.iter().filter(|group| !group.items.is_empty() || !group.built_in.is_empty())
        {
            write!(out, "{:>10}  {}", group.size(), group.name)?;
            if !group.built_in.is_empty() {
                write!(out, " (in the kernel: {})", group.built_in.join(", "))?;
            }
            writeln!(out)?;
            for item in &group.items {
                writeln!(out, "{:>10}      {}", item.size, item.path)?;
            }
        }
        writeln!(out, "{:>10}  archive", self.archive)?;
        writeln!(out, "{:>10}  image ({})", self.image, self.compression.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Listing {
        let mut keyboard = Group::new("keyboard", vec![]);
        keyboard.built_in = vec!["atkbd".to_owned(), "i8042".to_owned()];
        let nvme = vec![Item::new("lib/nvme-core.ko", 40), Item::new("lib/nvme.ko", 2)];
        Listing {
            kernel_version: Some("6.1".to_owned()),
            groups: vec![Group::new("nvme", nvme), keyboard, Group::new("added", vec![])],
            archive: 1000,
            compression: Compression::Xz,
            image: 100,
        }
    }

    #[test]
    fn the_table_has_a_sum_for_each_group_and_leaves_empty_ones_out() {
        let expected = "        42  nvme
        40      lib/nvme-core.ko
         2      lib/nvme.ko
         0  keyboard (in the kernel: atkbd, i8042)
      1000  archive
       100  image (xz)
";
        assert_eq!(sample().to_string(), expected);
    }

    #[test]
    fn the_json_has_the_same() {
        let json = serde_json::to_value(sample()).unwrap();
        assert_eq!(json["groups"][0]["items"][1], serde_json::json!({"path": "lib/nvme.ko", "size": 2}));
        assert_eq!(json["compression"], "xz");
    }
}
