//! What comes of an entry that a person chooses: by the firmware, and with other words.

use super::*;
use crate::entry::{EnvironmentChange, Kind};

#[test]
fn a_program_that_only_the_firmware_starts_is_left_to_it_when_a_person_chooses_it() {
    let mut scene = Scene::new("");
    let mut windows = Entry {
        kind: Kind::Chainload,
        problem: Some("a program that only the firmware can start".into()),
        ..entry("windows", "sda1")
    };
    windows.kernel.as_mut().unwrap().path = "/EFI/Microsoft/Boot/bootmgfw.efi".into();
    let mut entries = discovery().entries;
    entries.push(windows);
    scene.found("sda1").on(Event::KnownProbed);
    scene.on(Event::Discovered(Ok(Discovery { entries, ..discovery() }))).loaded(1).done();
    let problems = |scene: &Scene| {
        let items = scene.state.menu().entries().items().iter();
        items.map(|item| item.problem.clone()).collect::<Vec<_>>()
    };
    assert_eq!(problems(&scene), [None, Some("only a UEFI starts it, and this firmware is none".into())]);
    scene.state.set_uefi(true);
    scene.on(Event::Notice(Notice::ModulesLoaded));
    assert_eq!(problems(&scene), [None, Some("restarts into it".into())]);
    assert_eq!(scene.press('2').press('!').done(), "firmware windows");
    scene.on(Event::FirmwareRefused("Windows: it refuses".into()));
    assert_eq!(scene.state.status(scene.now).messages, ["Windows: it refuses"]);
    // The menu is still there.
    assert_eq!(scene.press('1').press('!').done(), JUMP_A);
}

#[test]
fn the_settings_words_are_shown_and_edited_and_what_was_typed_is_not_changed_again() {
    let mut scene = Scene::new("remove = quiet\nappend-for = a: debug");
    let entries = vec![Entry { default: true, cmdline: "ro quiet".into(), ..entry("a", "sda1") }];
    scene.found("sda1").on(Event::KnownProbed);
    let loaded = |scene: &mut Scene, event| {
        let actions = scene.state.on(event, scene.now);
        let load = actions.into_iter().find_map(|action| match action {
            WorkerAction::Load { entry, .. } => Some(entry.cmdline),
            _ => None,
        });
        load.unwrap()
    };
    let discovery = Discovery { timeout: Some(5), entries, ..Discovery::default() };
    assert_eq!(loaded(&mut scene, Event::Discovered(Ok(discovery))), "ro debug");
    let item = scene.state.menu().entries().items().first().unwrap().clone();
    assert!(item.details.contains(&("command line", "ro debug".into())), "{item:?}");
    assert_eq!(item.parts.unwrap().cmdline, "ro debug");
    scene.loaded(1);
    for key in "o quiet".chars().map(Key::Character) {
        scene.on(Event::Key(key));
    }
    assert_eq!(loaded(&mut scene, Event::Key(Key::Enter)), "ro debug  quiet");
}

#[test]
fn a_row_says_how_old_the_entry_is() {
    let mut scene = Scene::new("timeout = menu");
    scene.state.set_clock(1_700_000_000);
    let entries = vec![
        Entry { modified: 1_700_000_000 - 12 * 86_400, ..entry("a", "sda1") },
        Entry { modified: 1_700_000_001, ..entry("b", "sda1") },
    ];
    scene.found("sda1").on(Event::Discovered(Ok(Discovery { entries, ..Discovery::default() })));
    let rows = scene.state.menu().view(9, 40).rows;
    assert_eq!(rows, [">*1  Title of a                 12 days", "  2  Title of b"]);
}

#[test]
fn what_a_menu_keeps_is_written_where_a_person_chooses_the_entry_as_it_is() {
    let block = FileReference::new("sda1".into(), "/ldlinux.sys".into());
    let once = EnvironmentChange::new(block.clone(), "boot-once", None);
    let kept = EnvironmentChange::new(block, "menu-save", Some("a".into()));
    let kept = EnvironmentChange { when_chosen: true, ..kept };
    let entries = vec![Entry { default: true, changes: vec![once, kept], ..entry("a", "sda1") }];
    let mut scene = Scene::new("");
    scene.found("sda1").on(Event::KnownProbed);
    let written = |scene: &mut Scene, event| {
        let actions = scene.state.on(event, scene.now);
        let load = actions.into_iter().find_map(|action| match action {
            WorkerAction::Load { number, entry, .. } => Some((number, entry.changes)),
            _ => None,
        });
        let (number, changes) = load.unwrap();
        scene.loaded(number);
        changes.into_iter().map(|change| change.name).collect::<Vec<_>>().join(" ")
    };
    let discovery = Discovery { timeout: Some(5), entries, ..Discovery::default() };
    // The default is loaded while the time runs.
    assert_eq!(written(&mut scene, Event::Discovered(Ok(discovery))), "boot-once");
    scene.done();
    assert_eq!(written(&mut scene, Event::Key(Key::Enter)), "boot-once menu-save");
    assert_eq!(scene.done(), JUMP_A);
}
