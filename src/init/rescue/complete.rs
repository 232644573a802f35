//! Completion of what is typed: commands, paths, devices.

use std::fs;

use super::{
    table::{COMMANDS, Completes},
    words::{Line, quoted},
};
use crate::formats::{
    sort,
    text::{decode, os_string},
};

/// Maximum number of names of a directory that are looked at.
const NAMES_LIMIT: usize = 10_000;

/// What Tab does with the text before the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Completion {
    /// Bytes of the text that give way.
    pub(super) replaced: usize,
    /// What comes in their place.
    pub(super) text: String,
    /// What it can become, where that is more than one thing.
    pub(super) choices: Vec<String>,
}

/// Completes the last word of a text; what cannot be completed stays as it is.
pub(super) fn complete(before: &str) -> Completion {
    let line = Line::read(before);
    let (start, word) = line.last.unwrap_or((before.len(), String::new()));
    let completes = match line.words.first() {
        None => Completes::Commands,
        Some(name) => {
            let command = COMMANDS.iter().find(|command| command.name == *name);
            command.map_or(Completes::Nothing, |command| command.completes)
        }
    };
    let mut candidates = match completes {
        Completes::Nothing => Vec::new(),
        Completes::Commands => COMMANDS.iter().map(|command| command.name.to_owned()).collect(),
        Completes::Paths => paths(&word),
        Completes::Devices if word.contains('/') => paths(&word),
        Completes::Devices => names("/sys/class/block"),
    };
    candidates.retain(|candidate| candidate.starts_with(&word));
    sort::ascending(&mut candidates);
    let (Some(first), Some(last)) = (candidates.first(), candidates.last()) else {
        return Completion::default();
    };
    // They are sorted: what the first and the last have in common, all have.
    let common = first.char_indices().zip(last.chars()).find(|((_, one), other)| one != other);
    let common = match common {
        Some(((place, _), _)) => first.get(..place).unwrap_or_default(),
        None if first.len() <= last.len() => first,
        None => last,
    };
    let is_complete = candidates.len() == 1;
    let end = if is_complete && !common.ends_with('/') { " " } else { "" };
    let text = quoted(common) + end;
    let choices = if is_complete || common.len() > word.len() {
        Vec::new()
    } else {
        // The directory is on the line already.
        let shown = word.rfind('/').map_or(0, |slash| slash.saturating_add(1));
        candidates.iter().map(|candidate| candidate.get(shown..).unwrap_or_default().to_owned()).collect()
    };
    Completion { replaced: before.len().saturating_sub(start), text, choices }
}

/// What is in the directory that a path begins with, each as the whole path; directories end with a slash.
fn paths(word: &str) -> Vec<String> {
    let (directory, start) = match word.rfind('/') {
        Some(slash) => word.split_at_checked(slash.saturating_add(1)).unwrap_or((word, "")),
        None => ("", word),
    };
    let place = if directory.is_empty() { "." } else { directory };
    let mut found = Vec::new();
    for entry in fs::read_dir(os_string(place)).into_iter().flatten().take(NAMES_LIMIT).flatten() {
        let name = decode(entry.file_name().as_encoded_bytes());
        // Hidden files only for who asks for them.
        if !name.starts_with(start) || (name.starts_with('.') && start.is_empty()) {
            continue;
        }
        let is_directory = fs::metadata(entry.path()).is_ok_and(|status| status.is_dir());
        found.push(format!("{directory}{name}{}", if is_directory { "/" } else { "" }));
    }
    found
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().take(NAMES_LIMIT).flatten();
    entries.map(|entry| decode(entry.file_name().as_encoded_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_paths_are_completed() {
        let directory = tempfile::TempDir::new().unwrap();
        for name in ["initrd.img-6.1", "initrd.img-6.12", "My File", ".hidden", "grub"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        fs::create_dir(directory.path().join("sub dir")).unwrap();
        let at = directory.path().to_str().unwrap();
        for (before, expected, choices) in [
            ("hexd", "hexdump ", &[][..]),
            ("pow", "poweroff ", &[]),
            ("nothing", "nothing", &[]),
            ("cat @/initr", "cat @/initrd.img-6.1", &[]),
            ("cat @/initrd.img-6.1", "cat @/initrd.img-6.1", &["initrd.img-6.1", "initrd.img-6.12"]),
            ("cat @/M", "cat @/My\\ File ", &[]),
            ("cat '@/My F", "cat @/My\\ File ", &[]),
            ("cat @/su", "cat @/sub\\ dir/", &[]),
            ("cat @/.h", "cat @/.hidden ", &[]),
            ("cat @/zzz", "cat @/zzz", &[]),
            ("cat x @/g", "cat x @/grub ", &[]),
            ("nosuch @/g", "nosuch @/g", &[]),
        ] {
            let before = before.replace('@', at);
            let completion = complete(&before);
            let kept = &before[..before.len() - completion.replaced];
            let text = format!("{kept}{}", completion.text).replace(at, "@");
            assert_eq!(
                (text.as_str(), &completion.choices[..]),
                (expected, &choices.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..]),
                "{before}"
            );
        }
        let all = complete(&format!("cat {at}/")).choices;
        assert_eq!(all, ["My File", "grub", "initrd.img-6.1", "initrd.img-6.12", "sub dir/"]);
    }
}
