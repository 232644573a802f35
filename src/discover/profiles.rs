//! Generations of NixOS and Guix System in their profiles, where no boot loader's configuration leads to them.

use super::{
    finder::{Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, Format, Kind},
    formats::{bootspec, cmdline, guix::Parameters, lookup::Lookup, sort},
};

/// Maximum number of generations of one profile that are offered, the newest ones.
const GENERATION_LIMIT: usize = 64;

/// Seconds until the current generation boots.
const TIMEOUT: u32 = 5;

/// A distribution whose systems are in a profile.
struct Profile {
    /// The directory with a link for each generation, `system-5-link`, and `system`, which leads to the current one.
    directory: &'static str,
    /// The word of the command line that tells one generation from another.
    word: &'static str,
    /// The entries of one generation: where its link is, where that leads, and its number.
    read: fn(&Place<'_>, &str, &str, u32) -> Vec<Entry>,
}

const NIXOS: Profile = Profile { directory: "/nix/var/nix/profiles", word: "init", read: nixos_entries };

const GUIX: Profile = Profile { directory: "/var/guix/profiles", word: "gnu.system", read: guix_entries };

/// Generations of NixOS that no entry of `offered` boots.
pub(super) fn nixos(lookup: &dyn Lookup, volume: usize, offered: &[&Entry]) -> Option<Findings> {
    find(&NIXOS, &Place::of(lookup, volume, "/")?, offered)
}

/// Generations of Guix System that no entry of `offered` boots.
pub(super) fn guix(lookup: &dyn Lookup, volume: usize, offered: &[&Entry]) -> Option<Findings> {
    find(&GUIX, &Place::of(lookup, volume, "/")?, offered)
}

fn find(profile: &Profile, place: &Place<'_>, offered: &[&Entry]) -> Option<Findings> {
    let names = place.lookup.list(place.volume, profile.directory);
    let mut numbers: Vec<u32> = names.iter().filter_map(|entry| number(&entry.name)).collect();
    if numbers.is_empty() {
        return None;
    }
    sort::by(&mut numbers, |one, other| other.cmp(one));
    let current = place.lookup.link(place.volume, &format!("{}/system", profile.directory));
    let current = current.as_deref().and_then(|link| number(link.rsplit('/').next().unwrap_or_default()));
    let mut findings = Findings::default();
    for number in numbers.into_iter().take(GENERATION_LIMIT) {
        let link = format!("{}/system-{number}-link", profile.directory);
        let target = place.lookup.link(place.volume, &link).filter(|target| target.starts_with('/'));
        let system = target.as_deref().unwrap_or(&link);
        let mut note = |action, message: &str| {
            let (volume, path) = (place.on(), link.clone());
            findings.notes.push(Note { action, volume, path, message: message.to_owned() });
        };
        let booted = |entry: &Entry| cmdline::value(&entry.cmdline, profile.word).map(str::to_owned);
        let mut entries = (profile.read)(place, &link, system, number);
        let first = entries.first().and_then(booted);
        if first.is_some() && offered.iter().any(|entry| booted(entry) == first) {
            note(NoteAction::PassedOver, "a boot loader's configuration offers this generation");
            continue;
        }
        let message = match entries.is_empty() {
            true => "a generation that says nothing of how it is booted",
            false => "a generation of the system",
        };
        note(NoteAction::Guessed, message);
        for entry in &mut entries {
            place.check(entry);
        }
        let is_default = current == Some(number) || (current.is_none() && findings.default.is_none());
        let bootable = entries.first().filter(|entry| entry.problem.is_none() && is_default);
        if let Some(entry) = bootable {
            (findings.default, findings.timeout) = (Some(entry.id.clone()), Some(TIMEOUT));
        }
        findings.entries.append(&mut entries);
    }
    Some(findings)
}

/// The number in `system-5-link`.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix("system-")?.strip_suffix("-link")?.parse().ok()
}

/// The generation, and its specialisations.
fn nixos_entries(place: &Place<'_>, link: &str, system: &str, number: u32) -> Vec<Entry> {
    let own = nixos_entry(place, link, system, &format!("NixOS, generation {number}"));
    let mut entries: Vec<Entry> = own.into_iter().collect();
    let directory = format!("{system}/specialisation");
    for special in place.lookup.list(place.volume, &directory).into_iter().take(GENERATION_LIMIT) {
        let path = format!("{directory}/{}", special.name);
        let system = place.lookup.link(place.volume, &path).unwrap_or(path);
        let title = format!("NixOS, generation {number}, {}", special.name);
        let id = format!("{link}>{}", special.name);
        entries.extend(nixos_entry(place, link, &system, &title).map(|entry| Entry { id, ..entry }));
    }
    entries
}

fn nixos_entry(place: &Place<'_>, link: &str, system: &str, title: &str) -> Option<Entry> {
    let parameters = place.read(&format!("{system}/kernel-params")).ok()?;
    let json = place.read(&format!("{system}/boot.json")).unwrap_or_default();
    let init = bootspec::string(&json, "init").map_or_else(|| format!("{system}/init"), str::to_owned);
    let version = place.read(&format!("{system}/nixos-version")).unwrap_or_default();
    let label = bootspec::string(&json, "label").unwrap_or(version.trim());
    let file = |name: &str| {
        let path = format!("{system}/{name}");
        let target = place.lookup.link(place.volume, &path).filter(|target| target.starts_with('/'));
        place.reference(&target.unwrap_or(path))
    };
    let has_initrd = place.lookup.status(place.volume, &format!("{system}/initrd"), false).is_some();
    Some(Entry {
        title: if label.is_empty() { title.to_owned() } else { format!("{title} ({label})") },
        kernel: Some(file("kernel")),
        initrds: if has_initrd { vec![file("initrd")] } else { Vec::new() },
        cmdline: format!("init={init} {}", parameters.trim()).trim_end().to_owned(),
        ..Entry::new(link, place.source(Format::Nixos, link, None))
    })
}

fn guix_entries(place: &Place<'_>, link: &str, system: &str, number: u32) -> Vec<Entry> {
    let text = place.read(&format!("{system}/parameters")).unwrap_or_default();
    let Some(parameters) = Parameters::parse(&text) else { return Vec::new() };
    let initrd = Some(&parameters.initrd).filter(|initrd| !initrd.is_empty());
    let kind = if parameters.is_multiboot { Kind::Multiboot } else { Kind::Linux };
    vec![Entry {
        title: format!("{}, generation {number}", parameters.label),
        kind,
        problem: parameters
            .is_multiboot
            .then(|| "the Hurd: its modules stand in its GRUB entry only".to_owned()),
        kernel: Some(place.reference(&parameters.kernel)),
        initrds: initrd.map(|initrd| place.reference(initrd)).into_iter().collect(),
        cmdline: parameters.cmdline(system),
        ..Entry::new(link, place.source(Format::Guix, link, None))
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    const NIX: &[(&str, &str)] = &[
        ("nix/var/nix/profiles/system", "-> system-9-link"),
        ("nix/var/nix/profiles/system-9-link", "-> /nix/store/i-nixos-system"),
        ("nix/var/nix/profiles/system-10-link", "-> /nix/store/j-nixos-system"),
        ("nix/store/i-nixos-system/kernel", "-> /nix/store/k-linux-6.6/bzImage"),
        ("nix/store/i-nixos-system/initrd", "-> /nix/store/r-initrd/initrd"),
        ("nix/store/i-nixos-system/kernel-params", "loglevel=4 quiet"),
        ("nix/store/i-nixos-system/nixos-version", "24.05"),
        ("nix/store/i-nixos-system/specialisation/plain", "-> /nix/store/p-nixos-system"),
        ("nix/store/p-nixos-system/kernel", "-> /nix/store/k-linux-6.6/bzImage"),
        ("nix/store/p-nixos-system/kernel-params", "plain"),
        ("nix/store/j-nixos-system/kernel-params", ""),
        (
            "nix/store/j-nixos-system/boot.json",
            "{\"a\":{\"init\":\"/nix/store/x/init\",\"label\":\"NixOS 24.11\"}}",
        ),
        ("nix/store/k-linux-6.6/bzImage", ""),
        ("nix/store/r-initrd/initrd", ""),
    ];

    /// Id, title, kernel, initrds, command line and problem.
    fn shown(entries: &[Entry]) -> Vec<String> {
        let show = |entry: &Entry| {
            let files: Vec<&str> =
                entry.kernel.iter().chain(&entry.initrds).map(|file| file.path.as_str()).collect();
            let problem = entry.problem.as_deref().unwrap_or("-");
            format!("{} | {} | {} | {} | {problem}", entry.id, entry.title, files.join(" "), entry.cmdline)
        };
        entries.iter().map(show).collect()
    }

    #[test]
    fn generations_of_nixos_are_offered_newest_first() {
        let files = tree(NIX);
        let open = volumes(&[(&files, volume("sda2", FilesystemKind::Ext4))]);
        let found = nixos(&open, 0, &[]).unwrap();
        let links = "/nix/var/nix/profiles/system";
        assert_eq!(
            shown(&found.entries),
            [
                format!(
                    "{links}-10-link | NixOS, generation 10 (NixOS 24.11) | /nix/store/j-nixos-system/kernel | \
                     init=/nix/store/x/init | there is no /nix/store/j-nixos-system/kernel"
                ),
                format!(
                    "{links}-9-link | NixOS, generation 9 (24.05) | /nix/store/k-linux-6.6/bzImage \
                     /nix/store/r-initrd/initrd | init=/nix/store/i-nixos-system/init loglevel=4 quiet | -"
                ),
                format!(
                    "{links}-9-link>plain | NixOS, generation 9, plain | /nix/store/k-linux-6.6/bzImage | \
                     init=/nix/store/p-nixos-system/init plain | -"
                ),
            ]
        );
        assert_eq!((found.default, found.timeout), (Some(format!("{links}-9-link")), Some(5)));
        let offered = found.entries[1].clone();
        let found = nixos(&open, 0, &[&offered]).unwrap();
        assert_eq!((found.entries.len(), found.default), (1, None));
        assert_eq!(guix(&open, 0, &[]), None);
    }

    #[test]
    fn generations_of_guix_are_offered() {
        let files = tree(&[
            ("var/guix/profiles/system-3-link", "-> /gnu/store/s-system"),
            (
                "gnu/store/s-system/parameters",
                "(boot-parameters (version 1) (label \"GNU\") (root-device \"/dev/sda2\") (kernel \"/gnu/store/k/bzImage\")\
                 (initrd \"/gnu/store/i/initrd\") (kernel-arguments (\"quiet\")))",
            ),
            ("gnu/store/k/bzImage", ""),
            ("gnu/store/i/initrd", ""),
        ]);
        let open = volumes(&[(&files, volume("sda2", FilesystemKind::Ext4))]);
        let found = guix(&open, 0, &[]).unwrap();
        assert_eq!(
            shown(&found.entries),
            [
                "/var/guix/profiles/system-3-link | GNU, generation 3 | /gnu/store/k/bzImage /gnu/store/i/initrd | \
              root=/dev/sda2 gnu.system=/gnu/store/s-system gnu.load=/gnu/store/s-system/boot quiet | -"
            ]
        );
        assert_eq!(found.default.as_deref(), Some("/var/guix/profiles/system-3-link"));
    }
}
