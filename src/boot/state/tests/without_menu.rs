//! A worker whose menu is not shown, since it ended an earlier one.

use super::*;

fn scene() -> Scene {
    let mut scene = Scene::new("");
    scene.state.give_up_menu();
    scene.found("sda1");
    scene
}

#[test]
fn the_default_boots_on_its_own_even_where_a_person_would_have_chosen() {
    for (timeout, begin) in [(Some(5), 5.0), (None, 10.0)] {
        let mut scene = scene();
        scene.discovered(timeout, &["a@sda1"]).on(Event::KnownProbed).loaded(1);
        assert_eq!(scene.state.shown(), Visibility::Nothing);
        assert_eq!(scene.at(begin - 0.1).done(), "discover; @default a Title of a; load 1 a");
        assert_eq!(scene.at(begin).done(), JUMP_A, "{timeout:?}");
    }
}

#[test]
fn any_key_opens_the_rescue_console() {
    let mut scene = scene();
    scene.discovered(None, &["a@sda1"]).on(Event::KnownProbed).loaded(1).done();
    assert_eq!(scene.press('x').done(), "Rescue");
}

#[test]
fn no_key_does_anything_where_the_rescue_console_is_locked() {
    let mut scene = scene();
    let locked = Discovery {
        lock: Some(crate::entry::Lock::default()),
        timeout: Some(5),
        entries: vec![entry("a", "sda1")],
        ..Discovery::default()
    };
    scene.on(Event::Discovered(Ok(locked))).on(Event::KnownProbed).loaded(1).done();
    assert_eq!(scene.press('x').done(), "");
    assert_eq!(scene.at(5.0).done(), JUMP_A);
}
