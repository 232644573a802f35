//! What SYSLINUX keeps from one boot to the next at the end of ldlinux.sys: the entry that it boots once, and the menu's last choice
//! (the Syslinux Project's com32/elflink/ldlinux/ldlinux.c, com32/menu/readconfig.c).

use super::super::{
    finder::{Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, EnvironmentChange},
    formats::{
        lines::statement,
        syslinux::{
            Label,
            saved::{self, Saved},
        },
    },
};

/// The id of the entry for what is booted once: a label, and words for its command line, as a person would type them. The loader
/// takes it out of its file before it starts anything (com32/elflink/ldlinux/ldlinux.c).
pub(super) fn boot_once(
    place: &Place<'_>,
    findings: &mut Findings,
    keeper: &str,
    once: &str,
) -> Option<String> {
    // Room for what the menu keeps is there only after that.
    let change = EnvironmentChange::new(place.reference(keeper), saved::ONCE_NAME, None);
    findings.entries.iter_mut().for_each(|entry| entry.changes.insert(0, change.clone()));
    let (label, words) = statement(once.trim(), &[]);
    let Some(entry) = findings.entries.iter().find(|entry| entry.id == label) else {
        findings.notes.push(Note {
            action: NoteAction::PassedOver,
            volume: place.on(),
            path: place.path(keeper),
            message: format!("it says to boot `{once}` once, which is no label"),
        });
        return None;
    };
    if words.is_empty() {
        return Some(entry.id.clone());
    }
    let id = once.to_owned();
    let (title, cmdline) = (format!("{} {words}", entry.title), format!("{} {words}", entry.cmdline));
    let entry = Entry { id: id.clone(), title, cmdline, changes: vec![change], ..entry.clone() };
    findings.entries.push(entry);
    Some(id)
}

/// What the menu writes when a person chooses the label (com32/menu/menumain.c).
pub(super) fn choice(place: &Place<'_>, keeper: &str, label: &Label) -> Option<EnvironmentChange> {
    let is_kept = label.is_kept && label.name.len() <= saved::VALUE_LIMIT;
    let change =
        EnvironmentChange::new(place.reference(keeper), saved::CHOICE_NAME, Some(label.name.clone()));
    is_kept.then_some(EnvironmentChange { when_chosen: true, ..change })
}

/// The data that SYSLINUX keeps from one boot to the next, and the file that it is in.
pub(super) fn find(place: &Place<'_>) -> Option<(String, Saved)> {
    saved::keepers(place.directory).find_map(|path| {
        let size = place.lookup.status(place.volume, &path, true)?.size;
        let at = size.checked_sub(saved::LENGTH as u64)?;
        let saved = saved::parse(&place.lookup.read_at(place.volume, &path, at, saved::LENGTH).ok()?)?;
        Some((path, saved))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::{
            finder::{Context, Finder},
            syslinux::Syslinux,
            testing::{tree, volume, volumes},
        },
        entry::{FileReference, FilesystemKind},
        formats::testing::syslinux::written as kept,
    };

    #[test]
    fn the_menu_remembers_a_choice_where_it_says_so_and_what_is_booted_once_is_taken_out() {
        let labels =
            "ui menu.c32\ntimeout 50\ndefault a\nlabel a\n kernel k\nlabel b\n kernel k\n append x\n";
        let (k, x) = ("BOOT_IMAGE=k", "BOOT_IMAGE=k x");
        for (menu, values, (default, cmdline), timeout, written, notes) in [
            ("menu save\n", &[(2, "b")][..], ("b", x), 5, 0, 0),
            ("menu save\n", &[(2, "gone")], ("a", k), 5, 0, 0),
            ("menu save\n", &[(1, "b"), (2, "a")], ("b", x), 0, 1, 0),
            ("", &[(1, "b  y z")], ("b  y z", "BOOT_IMAGE=k x y z"), 0, 1, 0),
            ("", &[(1, "gone"), (2, "b")], ("a", k), 5, 1, 1),
            ("", &[(2, "b")], ("a", k), 5, 0, 0),
        ] {
            let tree = tree(&[("syslinux.cfg", &format!("{menu}{labels}")), ("k", "")]);
            std::fs::write(tree.path().join("ldlinux.sys"), kept(values)).unwrap();
            let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
            let found = Syslinux.find(&open, 0, &Context::default()).unwrap();
            let chosen =
                found.entries.iter().find(|entry| found.default.as_ref() == Some(&entry.id)).unwrap();
            let block = FileReference::new("sda1".into(), "/ldlinux.sys".into());
            let taken_out = EnvironmentChange::new(block.clone(), "boot-once", None);
            assert_eq!((&*chosen.id, &*chosen.cmdline), (default, cmdline), "{values:?}");
            for entry in &found.entries {
                let kept = EnvironmentChange::new(block.clone(), "menu-save", Some(entry.id.clone()));
                let kept = EnvironmentChange { when_chosen: true, ..kept };
                let mut expected = vec![taken_out.clone(); written];
                expected.extend((!menu.is_empty()).then_some(kept));
                assert_eq!(entry.changes, expected, "{values:?}");
            }
            assert_eq!((found.timeout, found.notes.len()), (Some(timeout), notes), "{values:?}");
        }
    }

    #[test]
    fn syslinux_in_the_root_keeps_them_for_a_configuration_in_its_directory() {
        let tree = tree(&[
            ("syslinux/syslinux.cfg", "default a\nlabel a\n kernel k\nlabel b\n kernel k\n"),
            ("syslinux/k", ""),
        ]);
        std::fs::write(tree.path().join("ldlinux.sys"), kept(&[(1, "b")])).unwrap();
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Vfat))]);
        let found = Syslinux.find(&open, 0, &Context::default()).unwrap();
        let block = FileReference::new("sda1".into(), "/ldlinux.sys".into());
        let changes = [EnvironmentChange::new(block, "boot-once", None)];
        assert_eq!((found.default.as_deref(), &found.entries[0].changes[..]), (Some("b"), &changes[..]));
    }
}
