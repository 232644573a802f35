//! U-Boot's flattened image trees: which files one of its configurations names (flat image tree specification, 0.8).

use super::{
    flat_tree::{self, Node, Property},
    text,
};
use crate::bytes::{ReadAt, be32};

/// Maximum number of check sums of a file that are read, and of bytes in one.
const SUM_LIMIT: usize = 8;
const SUM_LENGTH: u32 = 64;

/// Maximum number of names in a list: one that names one file again and again would make any number of them.
const NAME_LIMIT: usize = 32;
/// Maximum length of a name, in bytes.
const NAME_LENGTH: usize = 256;

/// The files of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its name.
    pub name: String,
    /// The kernel.
    pub kernel: FitImage,
    /// The initrd.
    pub ramdisk: Option<FitImage>,
    /// The device tree; overlays that would be laid over it follow.
    pub devicetrees: Vec<FitImage>,
}

/// A file in the tree or after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitImage {
    /// Name of its node.
    pub name: String,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// `arch`: the architecture as U-Boot names it.
    pub architecture: Option<String>,
    /// Its check sums, each of which must be right.
    pub sums: Vec<Sum>,
}

/// A check sum of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// `algo`: how it was made, as U-Boot names it: `crc32`, `sha256` …
    pub algorithm: String,
    /// `value`: the sum itself.
    pub value: Vec<u8>,
}

/// Why nothing is booted from a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// There is no configuration.
    #[error("the image tree has no configuration")]
    NoConfiguration,
    /// The configuration names no kernel, or one that is not there.
    #[error("the image tree's default configuration names no kernel that is in it")]
    NoKernel,
    /// A file that the configuration names is not all there.
    #[error("a file that the image tree's default configuration names is missing or cut short")]
    Missing,
}

/// The default configuration of an image tree; where none is marked, the first.
///
/// # Errors
/// [`FitError`] says what is missing.
pub fn default_configuration(source: &dyn ReadAt) -> Result<Configuration, FitError> {
    let tree = Fit { source, nodes: &flat_tree::nodes(source) };
    let marked = tree.texts("/configurations", "default").into_iter().next();
    let below = |node: &Node| {
        node.path.strip_prefix("/configurations/").filter(|name| !name.contains('/')).map(str::to_owned)
    };
    let name = marked.or_else(|| tree.nodes.iter().find_map(below)).ok_or(FitError::NoConfiguration)?;
    let configuration = format!("/configurations/{name}");
    if tree.node(&configuration).is_none() {
        return Err(FitError::NoConfiguration);
    }
    let images = |key| {
        let names = tree.texts(&configuration, key).into_iter();
        names.map(|name| tree.image(name).ok_or(FitError::Missing)).collect::<Result<Vec<_>, _>>()
    };
    let kernel = images("kernel")?.into_iter().next().ok_or(FitError::NoKernel)?;
    let ramdisk = images("ramdisk")?.into_iter().next();
    Ok(Configuration { kernel, ramdisk, devicetrees: images("fdt")?, name })
}

struct Fit<'a> {
    source: &'a dyn ReadAt,
    nodes: &'a [Node],
}

impl Fit<'_> {
    fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.path == path)
    }

    fn value(&self, node: &Node, name: &str) -> Option<Vec<u8>> {
        flat_tree::value(self.source, property(node, name)?)
    }

    fn number(&self, node: &Node, name: &str) -> Option<u64> {
        be32(&self.value(node, name)?, 0).map(u64::from)
    }

    /// A list of texts, each with a NUL after it.
    fn texts(&self, path: &str, name: &str) -> Vec<String> {
        let value = self.node(path).and_then(|node| self.value(node, name)).unwrap_or_default();
        let names = value.split(|&byte| byte == 0).filter(|part| (1..=NAME_LENGTH).contains(&part.len()));
        names.take(NAME_LIMIT).map(text).collect()
    }

    /// The file of a node: in the tree, or after it at a distance from its end or from the file's beginning.
    fn image(&self, name: String) -> Option<FitImage> {
        let path = format!("/images/{name}");
        let node = self.node(&path)?;
        let inside = property(node, "data");
        let (offset, size) = match inside {
            Some(data) => (data.offset, data.length.into()),
            None => {
                let position = self.number(node, "data-position").or_else(|| {
                    let end = u64::from(flat_tree::size(self.source)?).checked_next_multiple_of(4)?;
                    end.checked_add(self.number(node, "data-offset")?)
                });
                (position?, self.number(node, "data-size")?)
            }
        };
        if offset.checked_add(size)? > self.source.size() {
            return None;
        }
        let architecture = self.texts(&path, "arch").into_iter().next();
        let sums = self.nodes.iter().filter(|node| {
            let sum = node.path.strip_prefix(&path).and_then(|rest| rest.strip_prefix('/'));
            sum.is_some_and(|sum| sum.starts_with("hash"))
                && self.number(node, "uboot-ignore").is_none_or(|it| it == 0)
        });
        let sum = |node: &Node| Sum {
            algorithm: self.texts(&node.path, "algo").into_iter().next().unwrap_or_default(),
            value: property(node, "value")
                .filter(|value| value.length <= SUM_LENGTH)
                .and_then(|value| flat_tree::value(self.source, value))
                .unwrap_or_default(),
        };
        Some(FitImage { name, offset, size, architecture, sums: sums.take(SUM_LIMIT).map(sum).collect() })
    }
}

fn property<'a>(node: &'a Node, name: &str) -> Option<&'a Property> {
    node.properties.iter().find(|property| property.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fit::tree;

    #[test]
    fn a_list_that_names_one_file_again_and_again_ends() {
        let names = b"k\0".repeat(30_000);
        let bytes = tree(|put| {
            put(Some(""), None);
            put(Some("images"), None);
            put(Some("k"), None);
            put(None, Some(("data", b"kernel")));
            for number in 0..20 {
                put(Some(&format!("hash-{number}")), None);
                put(None, Some(("algo", b"sha256\0")));
                put(None, Some(("value", &vec![number; 60_000])));
                put(None, None);
            }
            put(None, None);
            put(None, None);
            put(Some("configurations"), None);
            put(None, Some(("default", b"c\0")));
            put(Some("c"), None);
            put(None, Some(("kernel", &names)));
            put(None, Some(("fdt", &names)));
            for _ in 0..3 {
                put(None, None);
            }
        });
        let found = default_configuration(&&bytes[..]).unwrap();
        assert_eq!((found.name.as_str(), found.devicetrees.len()), ("c", NAME_LIMIT));
        // A sum by no algorithm cannot be right.
        let sum = Sum { algorithm: "sha256".into(), value: Vec::new() };
        assert_eq!(found.kernel.sums, vec![sum; SUM_LIMIT]);
    }
}
