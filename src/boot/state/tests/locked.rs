//! Entries before which their boot loader asks for a password.

use super::*;

/// Discovery ends with these entries, of which those with an exclamation mark are locked; the loader that decides has locked
/// its command line.
fn locked(scene: &mut Scene, names: &[&str]) {
    let entries: Vec<Entry> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let (id, volume) = name.trim_end_matches('!').split_once('@').unwrap();
            Entry {
                default: place == 0,
                lock: name.ends_with('!').then(crate::entry::Lock::default),
                ..entry(id, volume)
            }
        })
        .collect();
    let default = entries.first().map(|entry| entry.id.clone());
    let discovery = Discovery {
        timeout: Some(5),
        default,
        entries,
        lock: Some(crate::entry::Lock::default()),
        ..Discovery::default()
    };
    scene.on(Event::Discovered(Ok(discovery)));
}

#[test]
fn a_locked_default_stops_the_countdown_and_nothing_takes_its_place() {
    let mut scene = Scene::new("timeout = 1\nafter-failure = reboot");
    // A stick is there first, and is being loaded already.
    scene.found("sdb1").discovered(None, &["b@sdb1"]).loaded(1).done();
    scene.found("sda1");
    locked(&mut scene, &["a@sda1!", "c@sda1", "b@sdb1!"]);
    assert_eq!(scene.done(), "discover; Lock(true); @locked a Title of a; unload");
    assert_eq!(scene.on(Event::KnownProbed).at(1000.0).done(), "");
    assert_eq!((scene.state.shown(), scene.state.next_moment()), (Visibility::Menu, None));
    assert_eq!(scene.next(), "Title of a is locked: nothing boots on its own.");
    let messages = scene.state.status(scene.now).messages;
    assert_eq!(
        messages,
        [
            "Title of a is locked: the boot loader's configuration asks for a password before it, and none can be typed here yet."
        ]
    );
    // A person can choose unlocked entries, and nothing else.
    for key in ['!', '3', '!', 'r'] {
        assert_eq!(scene.press(key).done(), "", "{key}");
    }
    let messages = scene.state.status(scene.now).messages;
    assert!(
        messages.last().is_some_and(|message| message.starts_with("The rescue console is locked: ")),
        "{messages:?}"
    );
    assert_eq!(
        scene.press('2').press('!').loaded(2).done(),
        format!("load 2 c; {}", JUMP_B.replace('b', "c"))
    );
}

#[test]
fn after_a_default_that_fails_only_unlocked_entries_are_tried() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").found("sdb1").discovered(None, &[]);
    locked(&mut scene, &["a@sda1", "b@sda1!", "c@sda1", "d@sdb1!"]);
    scene.on(Event::KnownProbed).done();
    assert_eq!(scene.refused(1).done(), "@fail load a given up; @default c Title of c; load 2 c");
    let end = scene.refused(2).done();
    assert!(end.starts_with("@fail load c given up; @explain "), "{end}");
}

#[test]
fn neither_the_rescue_console_nor_a_choice_comes_before_it_is_known_whether_it_is_locked() {
    for is_locked in [true, false] {
        let mut scene = Scene::new("");
        scene.found("sdb1").discovered(None, &["b@sdb1"]).press('r').press('!').loaded(1);
        assert_eq!(scene.done(), "discover; @default b Title of b; load 1 b");
        scene.found("sda1").on(Event::KnownProbed).done();
        match is_locked {
            true => locked(&mut scene, &["a@sda1", "b@sdb1!"]),
            false => drop(scene.discovered(None, &["a@sda1", "b@sdb1"])),
        }
        let expected = if is_locked { "Lock(true)" } else { "Rescue" };
        assert_eq!(scene.done(), expected);
    }
}
