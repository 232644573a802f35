//! File names that match `*` and `?` (GNU GRUB manual, "Wildcards").

use super::evaluate::Evaluator;
use crate::glob;

/// Maximum number of files that a word means.
const LIMIT: usize = 1000;

/// The files that a word with wildcards at the given places matches, by name.
pub fn matching(evaluator: &mut Evaluator<'_>, word: &str, wild: &[usize]) -> Vec<String> {
    let device_end = if word.starts_with('(') {
        match word.find(')') {
            // Devices are not matched: only files.
            Some(end) if !wild.iter().any(|&at| at < end) => end.saturating_add(1),
            _ => return Vec::new(),
        }
    } else {
        0
    };
    let (device, path) = word.split_at(device_end);
    if !path.starts_with('/') {
        return Vec::new();
    }
    let mut found = vec![device.to_owned()];
    let mut at = device_end;
    for component in path.split('/') {
        let end = at.saturating_add(component.len());
        let here: Vec<usize> = wild
            .iter()
            .filter(|&&index| index >= at && index < end)
            .map(|index| index.saturating_sub(at))
            .collect();
        if component.is_empty() || here.is_empty() {
            for prefix in &mut found {
                if at > device_end {
                    prefix.push('/');
                }
                prefix.push_str(component);
            }
        } else {
            found = found
                .iter()
                .flat_map(|prefix| names(evaluator, prefix, component, &here))
                .take(LIMIT)
                .collect();
        }
        at = end.saturating_add(1);
    }
    found.retain(|path| {
        evaluator.spend_lookup();
        evaluator
            .locate(path)
            .is_some_and(|file| evaluator.lookup.status(file.volume, &file.path, false).is_some())
    });
    found
}

/// Paths in the directory `prefix` whose last component matches.
fn names(evaluator: &mut Evaluator<'_>, prefix: &str, pattern: &str, wild: &[usize]) -> Vec<String> {
    evaluator.spend_lookup();
    let Some(directory) = evaluator.locate(&format!("{prefix}/")) else {
        return Vec::new();
    };
    let names = evaluator.lookup.list(directory.volume, &directory.path);
    evaluator.spend(names.len().saturating_mul(pattern.len().saturating_add(32)));
    let pattern = escaped(pattern, wild);
    names
        .into_iter()
        .filter(|entry| glob::matches(&pattern, &entry.name))
        .map(|entry| format!("{prefix}/{}", entry.name))
        .collect()
}

/// The pattern as a shell has it: what looks like a wildcard and is at none of the given places is a plain character.
fn escaped(pattern: &str, wild: &[usize]) -> String {
    let mut shell = String::with_capacity(pattern.len());
    for (index, c) in pattern.char_indices() {
        if matches!(c, '*' | '?' | '[' | '\\') && !wild.contains(&index) {
            shell.push('\\');
        }
        shell.push(c);
    }
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wildcards_at_the_given_places_are_wild() {
        for (pattern, wild, name, expected) in [
            ("vmlinuz-*", &[8][..], "vmlinuz-6.1", true),
            ("vmlinuz-*", &[], "vmlinuz-6.1", false),
            ("vmlinuz-*", &[], "vmlinuz-*", true),
            ("a[b]?\\", &[4], "a[b]c\\", true),
            ("a[b]?\\", &[4], "abc\\", false),
        ] {
            assert_eq!(glob::matches(&escaped(pattern, wild), name), expected, "{pattern} {wild:?} {name}");
        }
    }
}
