//! The worker's decisions as scenes: events with their time in seconds, and the actions that follow.

mod deadlines;
mod edited;
mod locked;
mod settings;
mod without_menu;

use proptest::prelude::*;

use super::*;
use crate::{
    boot::{
        loader::AttemptError,
        passwords::Answer,
        samples::{entry, id, reference, volume},
        supervision::Task,
    },
    entry::{FileReference, Transport},
    kexec::{BeforeJump, LoadedKernel},
    ui::menu::TypedFile,
};

mod chosen;

/// A kernel that is loaded.
fn kernel() -> LoadedKernel {
    LoadedKernel {
        name: "/vmlinuz".into(),
        cmdline: String::new(),
        is_linux: true,
        before_jump: vec![],
        warnings: vec![],
    }
}

/// A worker under test, and its actions since the last call of `done`.
struct Scene {
    state: WorkerState,
    now: Duration,
    done: Vec<String>,
    /// What comes of the try that is being checked.
    answer: Option<(u64, Answer)>,
}

impl Scene {
    fn new(config: &str) -> Self {
        let (settings, mistakes) = Settings::parse(config, "");
        assert_eq!(mistakes, [""; 0]);
        Self { state: WorkerState::new(settings, vec![]), now: Duration::ZERO, done: vec![], answer: None }
    }

    fn on(&mut self, event: Event) -> &mut Self {
        for action in self.state.on(event, self.now) {
            self.done.push(match action {
                WorkerAction::Discover(Patience::Until(_)) => "discover".to_owned(),
                WorkerAction::Discover(Patience::ForLate) => "discover late".to_owned(),
                WorkerAction::Load { number, entry, .. } => format!("load {number} {}", entry.id),
                WorkerAction::Unload => "unload".to_owned(),
                WorkerAction::Jump { title, .. } => format!("Jump({title:?})"),
                WorkerAction::Ask(Request::Begin(_) | Request::End(_)) => continue,
                WorkerAction::Ask(request) => format!("{request:?}"),
                WorkerAction::FindControllers => "find controllers".to_owned(),
                WorkerAction::LookAt(files) => {
                    let text = |(typed, file): &(TypedFile, Option<FileReference>)| {
                        let file = file.as_ref().map(|file| format!("{}:{}", file.volume, file.path));
                        format!(" {}={}", typed.text, file.unwrap_or_default())
                    };
                    format!("look at{}", files.iter().map(text).collect::<String>())
                }
                WorkerAction::ReadSettings(id) => format!("read settings {}", id.0),
                WorkerAction::LookAgain => "look again".to_owned(),
                WorkerAction::Redraw => "redraw".to_owned(),
                WorkerAction::EnterSetup => "setup".to_owned(),
                WorkerAction::CheckPassword { number, question, user, typed } => {
                    self.answer = Some((number, question.answer(&user, typed.text())));
                    format!("check {user}")
                }
                WorkerAction::StartByFirmware(entry) => format!("firmware {}", entry.id),
                WorkerAction::Landmark("volume" | "entry" | "load", _) => continue,
                WorkerAction::Landmark(name, fields) => {
                    let fields: Vec<&str> = fields.iter().map(|(_, value)| value.as_str()).collect();
                    format!("@{name} {}", fields.join(" "))
                }
            });
        }
        self
    }

    /// The actions since the last call.
    fn done(&mut self) -> String {
        std::mem::take(&mut self.done).join("; ")
    }

    fn at(&mut self, seconds: f32) -> &mut Self {
        self.now = Duration::from_secs_f32(seconds);
        self.on(Event::Moment)
    }

    fn found(&mut self, name: &str) -> &mut Self {
        self.on(Event::Found(volume(name, Transport::Scsi)))
    }

    /// Discovery ends with entries, named `id@volume`; the first on each volume is its default.
    fn discovered(&mut self, timeout: Option<u32>, names: &[&str]) -> &mut Self {
        let mut entries: Vec<Entry> = Vec::new();
        for name in names {
            let (id, volume) = name.split_once('@').unwrap();
            let default = entries.iter().all(|entry| entry.source.volume.name != volume);
            entries.push(Entry { default, ..entry(id, volume) });
        }
        self.on(Event::Discovered(Ok(Discovery { timeout, entries, ..Discovery::default() })))
    }

    fn loaded(&mut self, number: u64) -> &mut Self {
        self.on(Event::Loaded(number, Ok(kernel())))
    }

    fn refused(&mut self, number: u64) -> &mut Self {
        self.on(Event::Loaded(number, Err(AttemptError::GivenUp)))
    }

    fn press(&mut self, key: char) -> &mut Self {
        self.on(Event::Key(if key == '!' { Key::Enter } else { Key::Character(key) }))
    }

    /// The password that was typed is checked.
    fn checked(&mut self) -> &mut Self {
        let (number, answer) = self.answer.take().unwrap();
        self.on(Event::PasswordChecked(number, answer))
    }

    fn next(&self) -> String {
        self.state.status(self.now).next
    }
}

/// One entry that boots on its own.
fn discovery() -> Discovery {
    Discovery {
        timeout: Some(5),
        entries: vec![Entry { default: true, ..entry("a", "sda1") }],
        ..Discovery::default()
    }
}

const JUMP_A: &str = "Jump(\"Title of a\")";
const JUMP_B: &str = "Jump(\"Title of b\")";

#[test]
fn the_default_is_loaded_while_the_countdown_runs_and_started_when_it_ends() {
    let mut scene = Scene::new("");
    assert_eq!(scene.found("sda1").done(), "discover");
    assert_eq!(scene.discovered(Some(5), &["a@sda1", "b@sda1"]).done(), "@default a Title of a; load 1 a");
    assert_eq!(scene.next(), "Title of a boots in 5 s. Any key stops the countdown.");
    assert_eq!(scene.state.next_moment(), Some(Duration::from_secs(1)));
    assert_eq!(scene.on(Event::KnownProbed).loaded(1).at(4.5).done(), "");
    assert_eq!(scene.next(), "Title of a boots in 1 s. Any key stops the countdown.");
    assert_eq!(scene.state.next_moment(), Some(Duration::from_secs(5)));
    assert_eq!(scene.at(5.0).done(), JUMP_A);
    assert_eq!(scene.state.shown(), Visibility::Nothing);
    assert_eq!(scene.at(6.0).press('!').done(), "");
}

#[test]
fn a_jump_names_its_entry_and_the_actions_that_were_left_until_then() {
    let path = "/sys/firmware/efi/efivars/LoaderEntryOneShot".into();
    let before_jump = vec![BeforeJump::RemoveVariable { name: "LoaderEntryOneShot", path }];
    let kernel = LoadedKernel { before_jump, ..kernel() };
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").discovered(None, &["a@sda1"]).on(Event::KnownProbed);
    let loaded = Event::Loaded(1, Ok(kernel.clone()));
    let end = WorkerAction::Ask(Request::End(Task::Entry("a".into())));
    let jump = WorkerAction::Jump { entry: "a".into(), title: "Title of a".into(), kernel };
    assert_eq!(scene.state.on(loaded, Duration::ZERO), [end, jump]);
}

#[test]
fn without_a_countdown_the_default_starts_once_every_known_device_has_been_probed() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").discovered(Some(5), &["a@sda1"]).loaded(1);
    assert_eq!(scene.done(), "discover; @default a Title of a; load 1 a");
    assert_eq!(scene.state.shown(), Visibility::Nothing);
    // A disk that was there at the start and answers late takes part, and so does what is still being read.
    assert_eq!(scene.found("nvme0n1p1").on(Event::KnownProbed).done(), "discover");
    assert_eq!(scene.discovered(None, &["a@sda1"]).done(), JUMP_A);
}

#[test]
fn a_better_default_takes_the_place_of_the_first() {
    let mut scene = Scene::new("timeout = 3\norder = sdb");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).done();
    scene.found("sdb1").discovered(None, &["a@sda1", "b@sdb1"]);
    assert_eq!(scene.done(), "discover; @default b Title of b; unload; load 2 b");
    // The countdown goes on from where it began.
    assert_eq!(scene.on(Event::KnownProbed).at(3.0).done(), "");
    assert_eq!(scene.next(), "Loading Title of b ...");
    assert_eq!(scene.loaded(2).done(), JUMP_B);
}

#[test]
fn a_late_disk_boots_only_if_the_settings_name_it_or_nothing_else_is_there() {
    let late = |config: &str| {
        let mut scene = Scene::new(config);
        scene.found("sdb1").discovered(Some(9), &["b@sdb1"]).on(Event::KnownProbed).done();
        // By its path alone, sda would come first.
        scene.found("sda1").discovered(Some(9), &["a@sda1", "b@sdb1"]).done()
    };
    assert_eq!(late(""), "discover");
    assert_eq!(late("order = LABEL=label-of-sda1"), "discover; @default a Title of a");
    let mut scene = Scene::new("");
    assert_eq!(scene.on(Event::KnownProbed).done(), "find controllers");
    scene.found("sda1").discovered(Some(0), &["a@sda1"]).loaded(1);
    assert_eq!(scene.done(), format!("discover; @default a Title of a; load 1 a; {JUMP_A}"));
}

#[test]
fn volumes_that_the_settings_wait_for_must_be_there() {
    let mut scene = Scene::new("timeout = 1\nwait = LABEL=label-of-sdb1");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).on(Event::KnownProbed).at(60.0).done();
    assert_eq!(scene.next(), "Waiting for LABEL=label-of-sdb1. Any key opens the menu.");
    scene.found("sdb1").discovered(None, &["a@sda1", "b@sdb1"]);
    assert_eq!(scene.done(), format!("discover; {JUMP_A}"));
}

#[test]
fn a_key_stops_the_countdown_and_a_choice_replaces_what_is_loaded() {
    let start = || {
        let mut scene = Scene::new("timeout = 5");
        scene.found("sda1").discovered(None, &["a@sda1", "b@sda1"]).loaded(1).on(Event::KnownProbed).done();
        scene.press('x').at(100.0);
        assert_eq!((scene.done(), scene.next()), (String::new(), String::new()));
        scene
    };
    assert_eq!(start().press('!').done(), JUMP_A);
    assert_eq!(start().press('2').press('!').done(), "unload; load 2 b");
    assert_eq!(start().press('2').press('!').loaded(2).done(), format!("unload; load 2 b; {JUMP_B}"));
    for (keys, request) in
        [("r", "Rescue"), ("b", "Reboot"), ("pp", "PowerOff"), ("pb", "Reboot"), ("pf", "setup")]
    {
        let mut scene = start();
        for key in keys.chars() {
            scene.press(key);
        }
        assert_eq!(scene.done(), request);
    }
}

#[test]
fn a_choice_made_while_another_entry_is_being_loaded_comes_after_it() {
    let mut scene = Scene::new("timeout = 5");
    scene.found("sda1").discovered(None, &["a@sda1", "b@sda1"]).press('2').press('!').done();
    assert_eq!(scene.loaded(1).done(), "unload; load 2 b");
    // Until every disk has been probed, nobody knows what its configuration would say of that choice.
    assert_eq!(scene.loaded(2).done(), "");
    assert_eq!(scene.on(Event::KnownProbed).done(), JUMP_B);
}

#[test]
fn without_a_timeout_a_person_chooses() {
    let mut scene = Scene::new("");
    scene.found("sda1").discovered(None, &["a@sda1"]).on(Event::KnownProbed).at(1000.0);
    assert_eq!(scene.done(), "discover; @default a Title of a");
    assert_eq!((scene.state.shown(), scene.state.next_moment()), (Visibility::Menu, None));
    assert_eq!(scene.press('!').loaded(1).done(), format!("load 1 a; {JUMP_A}"));
}

#[test]
fn a_load_that_fails_is_followed_by_the_next_entry_and_then_by_the_next_disk() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").found("sdb1").discovered(None, &[]).discovered(None, &["a@sda1", "b@sda1", "c@sdb1"]);
    scene.on(Event::KnownProbed).done();
    assert_eq!(scene.refused(1).done(), "@fail load a given up; @default b Title of b; load 2 b");
    assert_eq!(scene.refused(2).done(), "@fail load b given up; @default c Title of c; load 3 c");
    let end = "@fail load c given up; @explain sda1 ext4, given up; @explain sdb1 ext4, given up";
    assert_eq!(scene.refused(3).done(), end);
    // The disk comes back: its failures are forgotten.
    scene.on(Event::Gone("sda1".into())).discovered(None, &["c@sdb1"]).found("sda1").done();
    assert_eq!(scene.discovered(None, &["a@sda1"]).done(), "@default a Title of a; load 4 a");
}

#[test]
fn a_person_may_try_again_what_failed() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").discovered(None, &["a@sda1"]).on(Event::KnownProbed).refused(1).done();
    assert_eq!(scene.state.shown(), Visibility::Menu);
    assert_eq!(scene.press('!').done(), "load 2 a");
    // The person keeps the decision, whatever happens.
    assert_eq!(scene.refused(2).at(100.0).done(), "@fail load a given up");
    assert_eq!(scene.press('!').loaded(3).done(), format!("load 3 a; {JUMP_A}"));
}

#[test]
fn who_chooses_an_entry_or_sets_nokaslr_agrees_to_it() {
    for (config, key, expected) in [("", None, false), ("", Some('!'), true), ("nokaslr = yes", None, true)] {
        let mut scene = Scene::new(config);
        scene.found("sda1").discovered(Some(5), &["a@sda1"]).on(Event::KnownProbed).refused(1).done();
        let mut agreed = Vec::new();
        let again = match key {
            // The first key stops the countdown.
            Some(_) => Event::Key(Key::Enter),
            None => Event::Gone("sda1".to_owned()),
        };
        for event in
            [again, Event::Found(volume("sda1", Transport::Scsi)), Event::Discovered(Ok(discovery()))]
        {
            for action in scene.state.on(event, scene.now) {
                if let WorkerAction::Load { nokaslr, .. } = action {
                    agreed.push(nokaslr);
                }
            }
        }
        assert_eq!(agreed.first(), Some(&expected), "{config} {key:?} {agreed:?}");
    }
}

#[test]
fn nothing_to_boot_is_explained_once_and_a_later_device_is_used() {
    let mut scene = Scene::new("timeout = 0");
    scene.on(Event::Rejected(volume("sda2", Transport::Scsi).device, Rejection::Swap));
    scene.found("sda1").discovered(None, &[]);
    assert_eq!(scene.done(), "discover");
    let reason = "@explain sda1 ext4, no boot configuration, no kernel in / or /boot";
    assert_eq!(scene.on(Event::KnownProbed).done(), format!("{reason}; @explain sda2 swap space"));
    assert_eq!(scene.at(100.0).done(), "");
    assert_eq!(scene.state.shown(), Visibility::Menu);
    scene.found("sdb1").discovered(None, &["b@sdb1"]).loaded(1);
    assert_eq!(scene.done(), format!("discover; @default b Title of b; load 1 b; {JUMP_B}"));
}

#[test]
fn an_image_on_a_disk_that_was_there_from_the_start_is_not_late_and_goes_with_it() {
    let host = volume("sda1", Transport::Scsi);
    let image = Volume { id: id("sda1:/x"), ..Volume::in_image(&host, "/x", 7, host.filesystem.clone()) };
    for (known, expected) in [(true, "i"), (false, "b")] {
        let mut scene = Scene::new("timeout = 5");
        scene.found("sdb1");
        if known {
            scene.found("sda1");
        }
        scene.discovered(None, &[]).on(Event::KnownProbed);
        if !known {
            scene.found("sda1");
        }
        scene.on(Event::Found(image.clone())).discovered(None, &[]).done();
        let done = scene.discovered(None, &["b@sdb1", "i@sda1:/x"]).done();
        assert_eq!(done, format!("@default {expected} Title of {expected}; load 1 {expected}"), "{known}");
        scene.on(Event::Gone("sda1".into()));
        assert_eq!(scene.state.search_order(), [id("sdb1")]);
    }
}

#[test]
fn after_failure_acts_unless_a_key_is_pressed_or_a_disk_appears() {
    let start = |config: &str| {
        let mut scene = Scene::new(config);
        scene.on(Event::KnownProbed).on(Event::Controllers(vec![])).done();
        assert_eq!(scene.state.next_moment(), Some(Duration::from_secs(1)));
        scene
    };
    for (config, request, next) in [
        ("after-failure = reboot", "Reboot", "The machine restarts in 1 s. Any key stops that."),
        ("after-failure = poweroff", "PowerOff", "The machine powers off in 1 s. Any key stops that."),
    ] {
        let mut scene = start(config);
        scene.at(9.5);
        assert_eq!((scene.next(), scene.at(10.0).done()), (next.to_owned(), request.to_owned()));
        let mut scene = start(&format!("{config} 30"));
        assert_eq!((scene.at(29.0).done(), scene.at(30.0).done()), (String::new(), request.to_owned()));
        assert_eq!(start(config).press('x').at(100.0).done(), "");
        assert_eq!(
            start(config).found("sda1").discovered(None, &["a@sda1"]).at(100.0).done(),
            "discover; @default a Title of a"
        );
    }
}

/// Discovery ends with one entry, whose loader shows the countdown in this way.
fn styled(scene: &mut Scene, timeout: Option<u32>, timeout_style: TimeoutStyle) {
    let entries = vec![Entry { default: true, ..entry("a", "sda1") }];
    let discovery = Discovery { timeout, timeout_style, entries, ..Discovery::default() };
    scene.found("sda1").on(Event::Discovered(Ok(discovery))).loaded(1).on(Event::KnownProbed).done();
}

#[test]
fn the_countdown_is_seen_as_the_settings_or_the_loader_say() {
    use TimeoutStyle::{Countdown, Hidden, Menu};
    for (config, timeout, style, expected) in [
        ("", Some(5), Menu, Visibility::Menu),
        ("", Some(5), Countdown, Visibility::Line),
        ("", Some(5), Hidden, Visibility::Nothing),
        ("", None, Hidden, Visibility::Menu),
        ("timeout = 5", Some(9), Hidden, Visibility::Menu),
        ("timeout = menu\ntimeout-style = hidden", Some(9), Menu, Visibility::Menu),
        ("timeout = 5\ntimeout-style = hidden", None, Menu, Visibility::Nothing),
        ("timeout-style = countdown", Some(5), Hidden, Visibility::Line),
        ("timeout-style = menu", Some(5), Hidden, Visibility::Menu),
        // Something keeps the machine from booting on its own.
        ("wait = LABEL=label-of-sdb1", Some(5), Hidden, Visibility::Menu),
    ] {
        let mut scene = Scene::new(config);
        styled(&mut scene, timeout, style);
        assert_eq!(scene.state.shown(), expected, "{config}, {timeout:?}, {style:?}");
    }
}

#[test]
fn a_hidden_menu_boots_by_itself_and_comes_up_at_any_key_which_does_nothing_else() {
    for (style, unseen) in
        [(TimeoutStyle::Hidden, Visibility::Nothing), (TimeoutStyle::Countdown, Visibility::Line)]
    {
        let start = || {
            let mut scene = Scene::new("");
            styled(&mut scene, Some(5), style);
            assert_eq!((scene.state.shown(), scene.at(4.0).done()), (unseen, String::new()));
            assert_eq!(scene.next(), "Title of a boots in 1 s. Any key stops the countdown.");
            scene
        };
        assert_eq!(start().at(5.0).done(), JUMP_A);
        for key in [Key::Escape, Key::Function(4), Key::Enter, Key::Character('p'), Key::Character('ä')] {
            let mut scene = start();
            assert_eq!(scene.on(Event::Key(key)).at(100.0).done(), "", "{key}");
            assert_eq!(scene.state.shown(), Visibility::Menu);
            assert_eq!(scene.press('b').done(), "Reboot");
        }
    }
}

#[test]
fn a_load_that_hangs_is_given_up_and_its_late_end_changes_nothing() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").found("sdb1").discovered(None, &[]).discovered(None, &["a@sda1", "b@sdb1"]);
    scene.on(Event::KnownProbed).done();
    assert_eq!(scene.state.next_moment(), Some(Duration::from_secs(180)));
    assert!(scene.at(180.0).done().starts_with("@fail load a Title of a: the disk does not answer"));
    assert_eq!(scene.loaded(1).done(), "");
    assert_eq!(scene.loaded(2).done(), JUMP_B);
}

#[test]
fn an_entry_that_a_worker_died_on_is_passed_over() {
    let long = "x".repeat(2000);
    let cut = match Request::decode(&Request::Begin(Task::Entry(long.clone())).encode()) {
        Some(Request::Begin(Task::Entry(cut))) => cut,
        other => panic!("{other:?}"),
    };
    for (id, passed_over) in [("a", "a".to_owned()), (long.as_str(), cut)] {
        let mut scene = Scene::new("timeout = 0");
        scene.state = WorkerState::new(scene.state.settings.clone(), vec![passed_over]);
        scene.found("sda1").discovered(None, &[&format!("{id}@sda1"), "b@sda1"]);
        assert_eq!(scene.done(), "discover; @default b Title of b; load 1 b");
    }
}

#[test]
fn a_failed_jump_is_reported_and_the_loaded_kernel_dropped() {
    let mut scene = Scene::new("");
    assert_eq!(scene.on(Event::Notice(Notice::JumpFailed)).done(), "unload");
    assert_eq!(scene.state.status(scene.now).messages, ["The jump into the loaded kernel failed."]);
}

#[test]
fn a_failed_discovery_leaves_the_known_entries() {
    let mut scene = Scene::new("timeout = 9");
    scene.found("sda1").discovered(None, &["a@sda1"]).found("sdb1").done();
    assert_eq!(scene.on(Event::Discovered(Err("killed".into()))).done(), "@fail discover killed");
    assert_eq!(scene.next(), "Title of a boots in 9 s. Any key stops the countdown.");
}

#[test]
fn volumes_that_appear_during_a_discovery_are_searched_together_afterwards() {
    let mut scene = Scene::new("");
    scene.found("sda1").found("sdb1").found("sdc1");
    assert_eq!(scene.done(), "discover");
    assert_eq!(scene.discovered(None, &[]).done(), "discover");
    assert_eq!(scene.discovered(None, &[]).done(), "");
}

#[test]
fn a_device_that_comes_and_goes_holds_up_nothing() {
    let mut scene = Scene::new("timeout = 1\norder = LABEL=label-of-sdc1");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).on(Event::KnownProbed);
    scene.found("sdb1").on(Event::Gone("sdb1".into())).found("sdb1").done();
    assert_eq!(scene.at(1.0).done(), JUMP_A);
    // One that the settings name is waited for until it has been read.
    let mut scene = Scene::new("timeout = 1\norder = LABEL=label-of-sdc1");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).on(Event::KnownProbed).found("sdc1").done();
    assert_eq!(scene.at(1.0).done(), "");
    assert_eq!(scene.discovered(None, &["a@sda1"]).done(), JUMP_A);
}

#[test]
fn the_firmwares_order_counts_when_it_becomes_known() {
    let mut scene = Scene::new("timeout = 1");
    scene
        .found("sda1")
        .found("sdb1")
        .discovered(None, &[])
        .discovered(None, &["a@sda1", "b@sdb1"])
        .loaded(1)
        .done();
    assert_eq!(
        scene.on(Event::BootOrder(vec!["uuid-of-sdb1".into()])).done(),
        "discover; @default b Title of b; unload; load 2 b"
    );
}

#[test]
fn fallbacks_of_the_loader_are_tried_when_its_default_fails() {
    let mut scene = Scene::new("");
    let names = ["a", "b", "c", "d"];
    let discovery = Discovery {
        timeout: Some(5),
        default: Some("b".into()),
        fallback: vec!["d".into(), "a".into()],
        entries: names.map(|id| entry(id, "sda1")).into(),
        ..Discovery::default()
    };
    scene.found("sda1").on(Event::Discovered(Ok(discovery)));
    assert_eq!(scene.done(), "discover; @default b Title of b; load 1 b");
    for (number, next) in [(1, "d"), (2, "a"), (3, "c")] {
        let expected = format!("@default {next} Title of {next}; load {} {next}", number + 1);
        assert!(scene.refused(number).done().ends_with(&expected), "{expected}");
    }
}

/// Any event, over two disks with two entries each.
fn any_event() -> impl Strategy<Value = Event> {
    let disk = || prop::sample::select(vec!["sda1", "sdb1"]);
    let entries = prop::sample::subsequence(vec!["a@sda1", "b@sda1", "c@sdb1", "d@sdb1"], 0..=4);
    let key = prop::sample::select(vec![
        Key::Enter,
        Key::Down,
        Key::Escape,
        Key::Character('2'),
        Key::Character('d'),
    ]);
    prop_oneof![
        disk().prop_map(|name| Event::Probing(name.to_owned())),
        Just(()).prop_map(|()| Event::VolumesLate),
        disk().prop_map(|name| Event::Found(volume(name, Transport::Scsi))),
        disk().prop_map(|name| Event::Gone(name.to_owned())),
        Just(()).prop_map(|()| Event::KnownProbed),
        (prop::option::of(0..3_u32), entries).prop_map(|(timeout, names)| {
            let entry = |name: &str| name.split_once('@').map(|(id, volume)| entry(id, volume));
            let entries = names.into_iter().filter_map(entry).collect();
            Event::Discovered(Ok(Discovery { timeout, entries, ..Discovery::default() }))
        }),
        (1..6_u64, any::<bool>()).prop_map(|(number, good)| {
            Event::Loaded(number, if good { Ok(kernel()) } else { Err(AttemptError::GivenUp) })
        }),
        key.prop_map(Event::Key),
        Just(()).prop_map(|()| Event::Moment),
    ]
}

proptest! {
    /// In every order of events: one load at a time, no jump but into a loaded kernel, none on its own
    /// before every known device has been probed, and nothing after it.
    #[test]
    fn no_order_of_events_leads_to_a_wrong_jump(events in prop::collection::vec((any_event(), 0..4_u64), 0..60)) {
        let (settings, _) = Settings::parse("", "");
        let mut state = WorkerState::new(settings, vec![]);
        let mut now = Duration::ZERO;
        let (mut loading, mut loaded, mut left) = (None, None, false);
        let (mut known, mut touched) = (false, false);
        for (event, seconds) in events {
            now += Duration::from_secs(seconds);
            known |= matches!(event, Event::KnownProbed);
            touched |= matches!(event, Event::Key(_));
            if let (Event::Loaded(number, result), Some((begun, title))) = (&event, &loading)
                && number == begun
            {
                loaded = result.is_ok().then(|| String::clone(title));
                loading = None;
            }
            for action in state.on(event, now) {
                prop_assert!(!left);
                match action {
                    WorkerAction::Load { number, entry, .. } => {
                        prop_assert_eq!(&loading, &None);
                        loading = Some((number, full_title(&entry)));
                        loaded = None;
                    }
                    WorkerAction::Unload => loaded = None,
                    WorkerAction::Jump { title, .. } => {
                        prop_assert_eq!(loaded.as_ref(), Some(&title));
                        prop_assert!(known || touched || now >= Duration::from_secs(10));
                        left = true;
                    }
                    _ => {}
                }
            }
            prop_assert!(state.next_moment().is_none_or(|moment| moment > now));
        }
    }
}

#[test]
fn a_copy_of_a_disk_is_told_and_what_is_known_of_an_entry_follows_its_id() {
    let mut scene = Scene::new("timeout = 9");
    scene.found("sda1").discovered(None, &["a@sda1"]).on(Event::KnownProbed).done();
    scene.refused(1).press('x');
    assert_eq!(scene.state.status(scene.now).messages, ["given up"]);
    let copy = |name: &str, uuid: &str| {
        let mut copy = volume(name, Transport::Scsi);
        copy.filesystem.uuid = Some(uuid.to_owned());
        copy.device.model = Some("Disk 2".to_owned());
        copy
    };
    scene.on(Event::Found(copy("sdb1", "fs-of-sda1"))).on(Event::Found(copy("sdc1", "other")));
    let entries = [("a@sda1", "sda1"), ("a@sdb1", "sdb1")].map(|(id, device)| Entry {
        title: "Title of a".to_owned(),
        source: entry("a", device).source,
        ..entry(id, device)
    });
    scene.on(Event::Discovered(Ok(Discovery { entries: entries.to_vec(), ..Discovery::default() })));
    let messages = scene.state.status(scene.now).messages;
    let notice = "sda1 and sdb1 have the same UUID (fs-of-sda1), as copies have: a system that names its root by UUID may mount \
                either. Detach one of them, or give it another UUID.";
    assert_eq!(messages[1..], [notice]);
    let rows = scene.state.menu().entries().items().iter();
    let rows: Vec<_> = rows.map(|item| (item.title.as_str(), item.problem.as_deref())).collect();
    assert_eq!(rows, [("Title of a (sda1)", Some("failed")), ("Title of a (sdb1, Disk 2)", None)]);
}
