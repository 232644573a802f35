//! Patterns of places: paths of which a part may be a wildcard for the name of a directory.

use crate::formats::lookup::{FileKind, Lookup};

/// Directories below `base` that a pattern means, in byte order of their names, at most `limit`; the root is empty. A part `*`
/// is any directory, `%` one whose name begins with a digit.
pub(super) fn directories(
    lookup: &dyn Lookup,
    volume: usize,
    base: &str,
    pattern: &str,
    limit: usize,
) -> Vec<String> {
    let mut found = vec![base.to_owned()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match part {
            "*" | "%" => {
                let children = |parent: &String| children(lookup, volume, parent, part == "%");
                found.iter().flat_map(|parent| children(parent).into_iter().take(limit)).collect()
            }
            name => found.iter().map(|parent| format!("{parent}/{name}")).collect(),
        };
        found.truncate(limit);
    }
    found
}

/// Files that a pattern means: the directories that its parts before the last slash mean, each with the name after it.
/// Nothing says that the files are there.
pub(super) fn files(lookup: &dyn Lookup, volume: usize, pattern: &str, limit: usize) -> Vec<String> {
    let (parents, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let parents = directories(lookup, volume, "", parents, limit).into_iter();
    parents.map(|parent| format!("{parent}/{name}")).collect()
}

fn children(lookup: &dyn Lookup, volume: usize, parent: &str, begins_with_digit: bool) -> Vec<String> {
    let is_meant = |name: &str| !begins_with_digit || name.starts_with(|first: char| first.is_ascii_digit());
    let entries = lookup.list(volume, &format!("{parent}/")).into_iter();
    entries
        .filter(|entry| entry.kind == FileKind::Directory && is_meant(&entry.name))
        .map(|entry| format!("{parent}/{}", entry.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    #[test]
    fn wildcards_are_directories() {
        let tree = tree(&[
            ("EFI/b/6.1/x", ""),
            ("EFI/a/other/", ""),
            ("EFI/a/6.2/", ""),
            ("EFI/x", ""),
            ("link", "-> EFI"),
        ]);
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Vfat))]);
        for (base, pattern, limit, expected) in [
            ("", "/", 9, &[""][..]),
            ("", "/EFI", 9, &["/EFI"]),
            ("", "/gone", 9, &["/gone"]),
            ("", "/EFI/*", 9, &["/EFI/a", "/EFI/b"]),
            ("", "/EFI/*", 1, &["/EFI/a"]),
            ("", "/*/*/%", 9, &["/EFI/a/6.2", "/EFI/b/6.1"]),
            ("/EFI", "/*", 9, &["/EFI/a", "/EFI/b"]),
            ("", "/gone/*", 9, &[]),
        ] {
            assert_eq!(directories(&open, 0, base, pattern, limit), expected, "{base} {pattern} {limit}");
        }
        assert_eq!(files(&open, 0, "/EFI/*/x.conf", 9), ["/EFI/a/x.conf", "/EFI/b/x.conf"]);
        assert_eq!(files(&open, 0, "/x.conf", 9), ["/x.conf"]);
    }
}
