//! Entries that a person changes before they boot.

use super::*;
use crate::{
    entry::{FileReference, Kind},
    ui::menu::FileVerdict,
};

/// Presses keys, `~` for Control-U, `^` for the arrow upwards and `+` for Control-O; gives the parts of the entry that is loaded
/// then, and the last message.
fn typed(entry: Entry, locked: bool, keys: &str) -> (Option<[String; 3]>, Option<String>) {
    let mut scene = Scene::new("");
    scene.found("sda1").found("sdb1");
    let entries = vec![Entry { default: true, ..entry }];
    // A person has stopped the countdown before anything is loaded.
    scene.press('x');
    let discovery = Discovery {
        timeout: Some(5),
        entries,
        lock: locked.then(crate::entry::Lock::default),
        ..Discovery::default()
    };
    scene.on(Event::Discovered(Ok(discovery))).on(Event::KnownProbed);
    let mut loaded = None;
    for key in keys.chars() {
        let key = match key {
            '!' => Key::Enter,
            '~' => Key::Control('u'),
            '+' => Key::Control('o'),
            '^' => Key::Up,
            key => Key::Character(key),
        };
        for action in scene.state.on(Event::Key(key), scene.now) {
            if let WorkerAction::Load { entry, .. } = action {
                let file = |file: &FileReference| format!("{}:{}", file.volume, file.full_path());
                let initrds: Vec<String> = entry.initrds.iter().map(file).collect();
                loaded = Some([entry.kernel.as_ref().map(file).unwrap(), initrds.join(" "), entry.cmdline]);
            }
        }
    }
    (loaded, scene.state.status(scene.now).messages.pop())
}

#[test]
fn an_entry_boots_once_as_it_was_changed() {
    let debian = || Entry { cmdline: "ro quiet".into(), ..entry("a", "sda1") };
    let parts =
        |kernel: &str, initrds: &str, cmdline: &str| Some([kernel, initrds, cmdline].map(str::to_owned));
    for (keys, expected) in [
        ("!", parts("sda1:/a", "", "ro quiet")),
        ("osingle!", parts("sda1:/a", "", "ro quiet single")),
        ("o!", parts("sda1:/a", "", "ro quiet")),
        ("e -v!", parts("sda1:/a", "", "ro quiet -v")),
        ("e~debug!", parts("sda1:/a", "", "debug")),
        ("e^~sdb1:/vmlinuz!", parts("sdb1:/vmlinuz", "", "ro quiet")),
        ("e^~/vmlinuz!", parts("sda1:/vmlinuz", "", "ro quiet")),
        ("e^+sdb1:/initrd!", parts("sda1:/a", "sdb1:/initrd", "ro quiet")),
        // An initrd that stays empty is none.
        ("e^+!", parts("sda1:/a", "", "ro quiet")),
    ] {
        assert_eq!(typed(debian(), false, keys), (expected, None), "{keys}");
    }
}

#[test]
fn what_cannot_be_changed_says_why() {
    let entry = || entry("a", "sda1");
    let xen = Entry { kind: Kind::Multiboot, ..entry() };
    for (entry, locked, keys, message) in [
        (entry(), false, "e^~sdz1:/x!", "sdz1:/x: no volume of that name; write VOLUME:/PATH."),
        (entry(), false, "e^~!", ": no volume of that name; write VOLUME:/PATH."),
        (
            xen,
            false,
            "e^+/x!",
            "The modules of a multiboot kernel belong together: they cannot be changed here.",
        ),
        (entry(), true, "e!", CLOSED_EDITOR),
        (entry(), true, "o!", CLOSED_EDITOR),
        (Entry { kind: Kind::Firmware, ..entry() }, false, "e", CLOSED_EDITOR),
    ] {
        let (loaded, message_shown) = typed(entry, locked, keys);
        assert_eq!(message_shown.as_deref(), Some(message), "{keys}");
        // Where the editor did not open, Enter boots the entry as it is.
        assert_eq!(loaded.is_some(), keys.ends_with('!') && message == CLOSED_EDITOR, "{keys}");
    }
}

#[test]
fn files_in_the_editor_are_looked_at_once_each_and_what_is_wrong_is_below_them() {
    let mut scene = Scene::new("");
    scene.press('x').found("sda1").found("sdb1");
    let entries = vec![Entry { default: true, cmdline: "quiet".into(), ..entry("a", "sda1") }];
    scene.on(Event::Discovered(Ok(Discovery { entries, ..Discovery::default() }))).on(Event::KnownProbed);
    scene.done();
    assert_eq!(scene.press('e').done(), "look at sda1:/a=sda1:/a");
    let limit =
        |text: &str, limit| FileVerdict { text: text.into(), cmdline_limit: limit, ..FileVerdict::default() };
    scene.on(Event::Judged(limit("sda1:/a", Some(4))));
    // The command line changes, and no file.
    assert_eq!(scene.press('y').done(), "");
    let rows = |scene: &Scene| scene.state.menu().view(20, 80).rows;
    assert_eq!(rows(&scene).last().unwrap(), "  ! The command line has 6 bytes, and this kernel takes 4.");
    scene.on(Event::Key(Key::Up)).on(Event::Key(Key::Control('u')));
    assert_eq!(scene.done(), "look at =");
    assert_eq!(scene.press('/').done(), "look at /=sda1:/");
    let fault =
        FileVerdict { text: "/".into(), fault: Some("no such file".into()), ..FileVerdict::default() };
    // What comes late is of a text that is gone.
    scene.on(Event::Judged(limit("sda1:/a", Some(4)))).on(Event::Judged(fault));
    let expected = [
        "Title of a",
        "",
        "  kernel        /",
        "                ! no such file",
        "  command line  quiety",
        "",
        "  The command line has 6 bytes.",
    ];
    assert_eq!(rows(&scene), expected);
}
