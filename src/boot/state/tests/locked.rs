//! Entries before which their boot loader asks for a password.

use super::*;
use crate::entry::{Lock, Password};

/// Discovery ends with these entries, of which those with an exclamation mark are locked; the loader that decides has locked
/// its command line.
fn locked(scene: &mut Scene, names: &[&str]) {
    let entries: Vec<Entry> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let (id, volume) = name.trim_end_matches('!').split_once('@').unwrap();
            Entry { default: place == 0, lock: name.ends_with('!').then(Lock::default), ..entry(id, volume) }
        })
        .collect();
    let default = entries.first().map(|entry| entry.id.clone());
    let discovery =
        Discovery { timeout: Some(5), default, entries, lock: Some(Lock::default()), ..Discovery::default() };
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
            "Title of a is locked: the boot loader's configuration asks for a password before it, and sets none that can be checked here."
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

/// Discovery ends with `a`, the default, and `b`, both locked, and with `c` for everybody. alice may boot `b`, root everything.
fn with_users(scene: &mut Scene) {
    let password = |user: &str, text: &str| Password {
        user: Some(user.into()),
        secret: crate::entry::Secret::Plain(text.into()),
    };
    let lock = |passwords: &[usize]| Some(Lock { passwords: passwords.to_vec() });
    let entries = vec![
        Entry { default: true, lock: lock(&[0]), ..entry("a", "sda1") },
        Entry { lock: lock(&[0, 1]), ..entry("b", "sda1") },
        entry("c", "sda1"),
    ];
    let discovery = Discovery {
        timeout: Some(2),
        default: Some("a".into()),
        entries,
        lock: lock(&[0]),
        passwords: vec![password("root", "x"), password("alice", "y")],
        ..Discovery::default()
    };
    scene.found("sda1").on(Event::Discovered(Ok(discovery))).on(Event::KnownProbed);
}

/// Types this, where `!` is Enter and `~` Esc.
fn typed<'a>(scene: &'a mut Scene, keys: &str) -> &'a mut Scene {
    for key in keys.chars() {
        match key {
            '~' => scene.on(Event::Key(Key::Escape)),
            key => scene.press(key),
        };
    }
    scene
}

#[test]
fn the_countdown_of_a_locked_default_ends_in_the_question_for_its_password() {
    let mut scene = Scene::new("after-failure = reboot");
    with_users(&mut scene);
    assert_eq!(scene.done(), "discover; Lock(true); @locked a Title of a");
    assert_eq!(scene.next(), "Title of a asks for a password in 2 s. Any key opens the menu.");
    assert_eq!(scene.at(2.0).done(), "@password a");
    assert_eq!(scene.state.shown(), Visibility::Menu);
    // It waits, and nothing takes its place.
    assert_eq!(scene.at(10_000.0).done(), "");
    assert_eq!(typed(&mut scene, "root!x!").done(), "check root");
    assert_eq!(scene.next(), "The password is checked ...");
    assert_eq!(scene.checked().done(), "load 1 a");
    assert_eq!(scene.loaded(1).done(), JUMP_A);
}

#[test]
fn who_was_let_in_is_asked_only_for_what_is_for_others() {
    let mut scene = Scene::new("");
    with_users(&mut scene);
    scene.done();
    assert_eq!(typed(&mut scene, "2!alice!y!").checked().done(), "@password b; check alice; load 1 b");
    scene.refused(1).done();
    assert_eq!(typed(&mut scene, "2!").done(), "load 2 b");
    scene.refused(2).done();
    assert_eq!(
        typed(&mut scene, "1!alice!y!").checked().done(),
        "@password a; check alice; @wrong-password 1"
    );
    // For everybody.
    assert_eq!(typed(&mut scene, "~3!").done(), "load 3 c");
}

#[test]
fn wrong_tries_cost_growing_time_in_which_nothing_is_typed() {
    let mut scene = Scene::new("");
    with_users(&mut scene);
    typed(&mut scene, "1!").done();
    let mut now = 1.0;
    for delay in [1_u16, 2, 4, 8, 16, 32, 64, 64] {
        assert_eq!(scene.at(now).done(), if delay == 1 { "" } else { "@password a" });
        assert_eq!(typed(&mut scene, "root!!").done(), "check root", "{delay}");
        // Nothing is taken while it is checked.
        assert_eq!(typed(&mut scene, "root!x!").done(), "");
        assert_eq!(scene.checked().done(), format!("@wrong-password {delay}"));
        assert_eq!(scene.next(), format!("That is not right. The next try is in {delay} s."));
        assert_eq!(scene.state.next_moment(), Some(scene.now + Duration::from_secs(1)));
        now += f32::from(delay);
        assert_eq!(scene.at(now - 0.5).done(), "");
        assert_eq!(typed(&mut scene, "root!x!").done(), "");
    }
    // Going back and asking again saves no time.
    scene.at(now - 0.5);
    assert_eq!(typed(&mut scene, "~1!root!x!").done(), "");
    assert_eq!(scene.at(now).done(), "@password a");
    assert_eq!(typed(&mut scene, "root!x!").checked().done(), "check root; load 1 a");
}

#[test]
fn the_editor_and_the_rescue_console_ask_for_a_superuser() {
    let mut scene = Scene::new("");
    with_users(&mut scene);
    scene.done();
    assert_eq!(typed(&mut scene, "3e").done(), "@password editor");
    assert_eq!(typed(&mut scene, "alice!y!").checked().done(), "check alice; @wrong-password 1");
    assert_eq!(scene.at(1.0).done(), "@password editor");
    // The key counts once the password is right, and then the editor has the keys.
    assert_eq!(typed(&mut scene, "root!x!").checked().done(), "check root; look at sda1:/c=sda1:/c");
    assert_eq!(typed(&mut scene, " z!").done(), "load 1 c");
    let mut scene = Scene::new("");
    with_users(&mut scene);
    scene.done();
    assert_eq!(typed(&mut scene, "rroot!x!").done(), "@password rescue; check root");
    assert_eq!(scene.checked().done(), "Lock(false); Rescue");
}

#[test]
fn who_goes_back_to_the_menu_wants_nothing_any_more() {
    let mut scene = Scene::new("");
    with_users(&mut scene);
    scene.done();
    assert_eq!(typed(&mut scene, "rroot!x!~").done(), "@password rescue; check root");
    assert_eq!(scene.checked().done(), "");
    // But is known.
    assert_eq!(typed(&mut scene, "1!").done(), "load 1 a");
}

#[test]
fn the_machines_own_password_stands_above_those_of_its_loaders() {
    let own =
        "password = $argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    // Without any lock of a loader: the default boots on its own or by a key, anything else takes the password.
    let plain = |scene: &mut Scene| {
        scene.found("sda1").discovered(Some(5), &["a@sda1", "b@sda1"]).on(Event::KnownProbed).done()
    };
    let mut scene = Scene::new(own);
    assert_eq!(plain(&mut scene), "discover; @default a Title of a; load 1 a");
    assert_eq!(scene.loaded(1).press('!').done(), JUMP_A);
    for (keys, expected) in [
        ("2!password!", "@password b; check ; load 1 b"),
        ("2!passwort!", "@password b; check ; @wrong-password 1"),
        ("epassword!", "@password editor; check ; look at sda1:/a=sda1:/a"),
        ("rpassword!", "@password rescue; check ; Lock(false); Rescue"),
    ] {
        let mut scene = Scene::new(&format!("{own}\ntimeout = menu"));
        plain(&mut scene);
        assert_eq!(typed(&mut scene, keys).checked().done(), expected, "{keys}");
    }
    // It opens what a loader locks; the loader's superuser opens the default, and nothing else.
    for (keys, expected) in [
        ("1!root!x!", "@password a; check root; load 1 a"),
        ("1!!password!", "@password a; check ; load 1 a"),
        ("2!password!", "@password b; check ; load 1 b"),
        ("3!x!", "@password c; check ; @wrong-password 1"),
    ] {
        let mut scene = Scene::new(own);
        with_users(&mut scene);
        scene.done();
        assert_eq!(typed(&mut scene, keys).checked().done(), expected, "{keys}");
    }
}
