//! Entries as people read them on a terminal. Nothing that is read from a disk can control the terminal.

use crate::{
    entry::{Discovery, Entry, FileReference, Kind},
    formats::text::printable,
};

/// The menu: each entry with what booting it means. `instead` takes the place of a default that cannot be booted.
pub(super) fn menu(discovery: &Discovery, instead: Option<&Entry>) -> String {
    let mut text = String::new();
    for entry in &discovery.entries {
        let mark = if discovery.default.as_deref() == Some(&entry.id) { '*' } else { ' ' };
        text.push_str(&format!("{mark} {}\n", title(entry)));
        push_details(&mut text, entry, "    ");
        text.push('\n');
    }
    text.push_str(&closing(discovery, instead));
    text
}

/// One entry with all that is known of it.
pub(super) fn entry(entry: &Entry) -> String {
    let mut text = format!("{}\n", title(entry));
    push_details(&mut text, entry, "  ");
    let mut line = |name: &str, value: &str| push_line(&mut text, "  ", name, value);
    let source = &entry.source;
    let place = source.line.map_or_else(String::new, |line| format!(":{line}"));
    line("source", &format!("{}:{}{place} ({})", source.volume, source.full_path(), source.format));
    if let Some(version) = &entry.version {
        line("version", version);
    }
    if let Some(tries) = entry.tries_left {
        line("tries left", &tries.to_string());
    }
    if entry.hidden {
        line("hidden", "its loader does not show it");
    }
    if entry.default {
        line("default", "its loader would boot it on its own");
    }
    text
}

/// The titles that lead to it.
pub(super) fn title(entry: &Entry) -> String {
    let path = entry.path_in_menu.iter().chain([&entry.title]).map(|part| printable(part));
    path.collect::<Vec<_>>().join(" > ")
}

fn push_details(text: &mut String, entry: &Entry, indent: &str) {
    push_line(text, indent, "id", &entry.id);
    if entry.kind != Kind::Linux {
        push_line(text, indent, "kind", &entry.kind.to_string());
    }
    if let Some(kernel) = &entry.kernel {
        push_line(text, indent, "kernel", &place(kernel));
    }
    for initrd in &entry.initrds {
        let name = if entry.kind == Kind::Multiboot { "module" } else { "initrd" };
        push_line(text, indent, name, &place(initrd));
    }
    for companion in &entry.unified.companions {
        push_line(text, indent, "with", &place(&companion.file));
    }
    if let Some(devicetree) = &entry.devicetree {
        push_line(text, indent, "devicetree", &place(devicetree));
    }
    if !entry.cmdline.is_empty() {
        push_line(text, indent, "cmdline", &entry.cmdline);
    }
    if entry.lock.is_some() {
        push_line(text, indent, "locked", "it boots only for who gives its boot loader's password");
    }
    if let Some(problem) = &entry.problem {
        push_line(text, indent, "problem", problem);
    }
}

fn push_line(text: &mut String, indent: &str, name: &str, value: &str) {
    text.push_str(&format!("{indent}{name:<10} {}\n", printable(value)));
}

fn place(file: &FileReference) -> String {
    format!("{}:{}", file.volume, file.full_path())
}

fn closing(discovery: &Discovery, instead: Option<&Entry>) -> String {
    let default = discovery.entries.iter().find(|entry| discovery.default.as_ref() == Some(&entry.id));
    if default.is_some_and(|entry| entry.lock.is_some()) {
        return "The entry marked * is the default and locked: nothing boots on its own.\n".into();
    }
    if default.is_some_and(|entry| entry.problem.is_some()) {
        let instead = match instead {
            Some(entry) => format!("“{}” takes its place", title(entry)),
            None => "no other one can be, either".to_owned(),
        };
        return format!("The entry marked * is its loader's default and cannot be booted here: {instead}.\n");
    }
    match (discovery.entries.len(), &discovery.default, discovery.timeout) {
        (0, ..) => "Nothing to boot was found.\n".into(),
        (_, None, _) => "No entry boots on its own.\n".into(),
        (_, Some(_), None) => "The entry marked * is the default; its loader waits for a person.\n".into(),
        (_, Some(_), Some(0)) => "The entry marked * boots at once.\n".into(),
        (_, Some(_), Some(1)) => "The entry marked * boots after 1 second.\n".into(),
        (_, Some(_), Some(seconds)) => format!("The entry marked * boots after {seconds} seconds.\n"),
    }
}
