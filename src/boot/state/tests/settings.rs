//! Settings on a volume, and the further tries that they allow.

use super::*;

/// What is read on the volume.
fn on_volume(text: &str) -> Event {
    let (settings, mistakes) = Settings::parse_with_volume("", "sda1:/f", text, "");
    Event::Settings(Some(Box::new(settings)), mistakes)
}

#[test]
fn nothing_boots_on_its_own_before_the_settings_on_the_volume_are_read() {
    let mut scene = Scene::new("timeout = 0\nsettings-on = LABEL=label-of-sda1");
    scene.found("sda1").discovered(None, &["a@sda1", "b@sda1"]).loaded(1);
    assert_eq!(scene.done(), "discover; @default a Title of a; load 1 a");
    assert_eq!(scene.on(Event::KnownProbed).done(), format!("read settings {}", id("sda1").0));
    assert_eq!(scene.state.next_moment(), Some(Duration::from_secs(1)));
    scene.on(on_volume("timeout = 0\ndefault = b\nnonsense\n"));
    assert_eq!(scene.done(), "@default b Title of b; unload; load 2 b");
    assert_eq!(
        scene.state.status(scene.now).messages,
        ["sda1:/f:3:1: `nonsense` is not of the form key = value"]
    );
    assert_eq!(scene.loaded(2).done(), "Jump(\"Title of b\")");
}

#[test]
fn what_changes_the_search_is_followed_by_another() {
    let mut scene = Scene::new("timeout = 0\nsettings-on = UUID=fs-of-sda1");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).on(Event::KnownProbed).done();
    assert_eq!(scene.on(on_volume("timeout = 0\niso = /images\n")).done(), "discover");
    assert_eq!(scene.discovered(None, &["a@sda1"]).done(), JUMP_A);
}

#[test]
fn without_the_volume_the_images_settings_count_and_it_is_said() {
    let mut scene = Scene::new("timeout = 0\nsettings-on = LABEL=no\u{1b}where");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).done();
    assert_eq!(scene.on(Event::KnownProbed).done(), format!("@no-settings LABEL=no?where; {JUMP_A}"));
    let message = "/EFI/firstlight/firstlight.conf was not read: there is no volume LABEL=no?where. The image's settings count.";
    assert_eq!(scene.state.status(scene.now).messages, [message]);
}

#[test]
fn a_volume_that_comes_late_gives_its_settings_then() {
    let mut scene = Scene::new("timeout = 9\nsettings-on = LABEL=label-of-sdb1");
    scene.found("sda1").discovered(None, &["a@sda1", "b@sda1"]).loaded(1).on(Event::KnownProbed).done();
    assert_eq!(scene.found("sdb1").done(), format!("discover; read settings {}", id("sdb1").0));
    assert_eq!(
        scene.on(on_volume("timeout = 9\ndefault = b")).done(),
        "@default b Title of b; unload; load 2 b"
    );
}

#[test]
fn a_disk_that_does_not_give_the_settings_holds_the_boot_up_until_the_deadline() {
    let mut scene = Scene::new("timeout = 0\nsettings-on = LABEL=label-of-sda1");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).on(Event::KnownProbed).done();
    assert_eq!(scene.at(9.5).done(), "");
    assert_eq!(scene.at(10.0).done(), JUMP_A);
}

#[test]
fn of_two_volumes_with_the_name_the_first_in_the_order_counts() {
    for names in [["sda1", "sdb1"], ["sdb1", "sda1"]] {
        let mut scene = Scene::new("settings-on = UUID=same");
        for name in names {
            let mut volume = volume(name, Transport::Scsi);
            volume.filesystem.uuid = Some("same".into());
            scene.on(Event::Found(volume));
        }
        scene.done();
        assert_eq!(scene.on(Event::KnownProbed).done(), format!("read settings {}", id("sda1").0));
    }
}

#[test]
fn everything_is_tried_again_as_often_as_the_settings_say() {
    let mut scene = Scene::new("timeout = 0\nretries = 1\nafter-failure = reboot 0");
    scene.found("sda1").discovered(None, &["a@sda1", "b@sda1"]).on(Event::KnownProbed);
    let reason = AttemptError::GivenUp.to_string();
    let failed = |id: &str| format!("@fail load {id} {reason}");
    assert_eq!(
        scene.refused(1).refused(2).done(),
        format!(
            "discover; @default a Title of a; load 1 a; {}; @default b Title of b; load 2 b; {}; @retry 0; @default a Title of a; load 3 a",
            failed("a"),
            failed("b")
        )
    );
    scene.refused(3).refused(4);
    let done = scene.done();
    assert!(done.ends_with("Reboot"), "{done}");
}

#[test]
fn what_ended_a_worker_is_not_tried_again() {
    let (settings, _) = Settings::parse("timeout = 0\nretries = 5", "");
    let mut scene = Scene::new("");
    scene.state = WorkerState::new(settings, vec!["a".into()]);
    scene.found("sda1").discovered(None, &["a@sda1"]).on(Event::KnownProbed);
    assert_eq!(scene.done(), "discover; @explain sda1 ext4, the worker died while loading it");
}
