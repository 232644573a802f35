//! Things that are found by a module's name, in which `-` and `_` are the same.

use super::aliases::{START, fold, mix};
use crate::{lines::split_once_at_byte, sort};

/// A list of things, found by name.
#[derive(Debug)]
pub(super) struct Names<'a, T> {
    /// In the order of the hashes of the names, the first of a name first.
    named: Vec<(u64, &'a str, T)>,
}

impl<'a, T> Names<'a, T> {
    /// Over these.
    pub fn new(things: impl Iterator<Item = (&'a str, T)>) -> Self {
        let mut named: Vec<_> = things.map(|(name, thing)| (hash(name), name, thing)).collect();
        sort::by_key(&mut named, |(hash, ..)| *hash);
        Self { named }
    }

    /// The first of this name, with its place, which no other has.
    pub fn find(&self, name: &str) -> Option<(usize, &T)> {
        let wanted = hash(name);
        let first = self.named.partition_point(|(hash, ..)| *hash < wanted);
        let rest = self.named.iter().enumerate().skip(first);
        let mut of_this_hash = rest.take_while(|(_, (hash, ..))| *hash == wanted);
        of_this_hash.find(|(_, (_, own, _))| is_same(own, name)).map(|(place, (.., thing))| (place, thing))
    }
}

/// A module's name: its file name without `.ko` and the like.
pub(super) fn name_of(path: &str) -> &str {
    let file = memchr::memrchr(b'/', path.as_bytes()).and_then(|slash| path.get(slash.saturating_add(1)..));
    let file = file.unwrap_or(path);
    split_once_at_byte(file, b'.').map_or(file, |(name, _)| name)
}

/// Whether two names are the same.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

fn hash(name: &str) -> u64 {
    name.bytes().fold(START, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_do_not_matter_and_the_first_of_a_name_counts() {
        let names = Names::new(["crc32c-intel", "ext4", "crc32c_intel", "a"].into_iter().zip(0..));
        for (name, expected) in [
            ("crc32c_intel", Some(0)),
            ("crc32c-intel", Some(0)),
            ("ext4", Some(1)),
            ("a", Some(3)),
            ("b", None),
        ] {
            assert_eq!(names.find(name).map(|(_, thing)| *thing), expected, "{name}");
        }
    }
}
