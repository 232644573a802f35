//! File names that match `*` and `?` (GNU GRUB manual, "Wildcards").

use super::evaluate::Evaluator;

/// No word grows into more files than this.
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
        evaluator.spend_look();
        evaluator
            .locate(path)
            .is_some_and(|file| evaluator.lookup.status(file.volume, &file.path, false).is_some())
    });
    found
}

/// Paths in the directory `prefix` whose last component matches.
fn names(evaluator: &mut Evaluator<'_>, prefix: &str, pattern: &str, wild: &[usize]) -> Vec<String> {
    evaluator.spend_look();
    let Some(directory) = evaluator.locate(&format!("{prefix}/")) else {
        return Vec::new();
    };
    let names = evaluator.lookup.list(directory.volume, &directory.path);
    evaluator.spend(names.len().saturating_mul(pattern.len().saturating_add(32)));
    names
        .into_iter()
        .filter(|entry| is_match(pattern, wild, &entry.name))
        .map(|entry| format!("{prefix}/{}", entry.name))
        .collect()
}

/// Whether a name matches a pattern whose wildcards stand at the given places.
fn is_match(pattern: &str, wild: &[usize], name: &str) -> bool {
    let pattern: Vec<(char, bool)> =
        pattern.char_indices().map(|(index, c)| (c, wild.contains(&index))).collect();
    let name: Vec<char> = name.chars().collect();
    // Places in the pattern that the name read so far may have led to.
    let mut places = vec![false; pattern.len().saturating_add(1)];
    let open = |places: &mut Vec<bool>| {
        for (index, part) in pattern.iter().enumerate() {
            if *part == ('*', true) && places.get(index) == Some(&true) {
                set(places, index.saturating_add(1));
            }
        }
    };
    set(&mut places, 0);
    open(&mut places);
    for c in name {
        let mut next = vec![false; places.len()];
        for (index, part) in pattern.iter().enumerate().filter(|(index, _)| places.get(*index) == Some(&true))
        {
            match *part {
                ('*', true) => set(&mut next, index),
                ('?', true) => set(&mut next, index.saturating_add(1)),
                (same, _) if same == c => set(&mut next, index.saturating_add(1)),
                _ => {}
            }
        }
        open(&mut next);
        places = next;
    }
    places.last() == Some(&true)
}

fn set(places: &mut [bool], index: usize) {
    if let Some(place) = places.get_mut(index) {
        *place = true;
    }
}
