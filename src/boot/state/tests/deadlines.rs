//! Disks that do not answer, or not in time: named, waited for until the deadline, and what follows then.

use super::*;

#[test]
fn a_disk_that_does_not_answer_is_named_and_waited_for_until_the_deadline() {
    let mut scene = Scene::new("timeout = 0");
    let probing = |name: &str| Event::Probing(name.to_owned());
    scene.on(probing("sda1")).on(probing("vdb")).found("sda1").discovered(None, &["a@sda1"]).loaded(1);
    assert_eq!(scene.done(), "discover; @default a Title of a; load 1 a");
    let waiting = |left: u32| {
        format!("Waiting for vdb. Title of a boots in {left} s at the latest. Any key opens the menu.")
    };
    assert_eq!((scene.next(), scene.state.next_moment()), (waiting(10), Some(Duration::from_secs(1))));
    scene.at(9.5);
    assert_eq!((scene.next(), scene.done()), (waiting(1), String::new()));
    assert_eq!(scene.at(10.0).done(), format!("@deadline vdb; {JUMP_A}"));
}

#[test]
fn a_disk_that_has_not_answered_in_its_time_is_named() {
    let mut scene = Scene::new("");
    let late = Rejection::Late(Duration::from_secs(10));
    let reason = "no answer within 10 s; not waited for";
    assert_eq!(scene.on(Event::Rejected(Device::new("vdb"), late)).done(), format!("@late vdb {reason}"));
    assert_eq!(scene.state.status(scene.now).messages, [format!("vdb: {reason}.")]);
}

#[test]
fn the_deadline_of_the_survey_can_be_set() {
    let mut scene = Scene::new("timeout = 0\nsurvey-deadline = 90");
    scene.found("sda1").discovered(None, &["a@sda1"]).loaded(1).done();
    assert_eq!(scene.at(89.0).done(), "look again");
    assert_eq!(scene.on(Event::KnownProbed).done(), JUMP_A);
}

#[test]
fn the_deadline_counts_from_the_first_volume() {
    let mut scene = Scene::new("timeout = 0");
    scene.at(8.0).found("sda1").discovered(None, &["a@sda1"]).loaded(1).done();
    assert_eq!(
        (scene.at(17.9).done(), scene.state.next_moment()),
        ("look again".to_owned(), Some(Duration::from_secs(18)))
    );
    assert_eq!(scene.at(18.0).done(), format!("look again; @deadline ; {JUMP_A}"));
}

#[test]
fn a_disk_that_hangs_in_its_drivers_start_is_named_and_waited_for_until_the_deadline() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("vda1").discovered(None, &["a@vda1"]).loaded(1).done();
    assert_eq!(scene.at(1.0).done(), "look again");
    scene.on(Event::Starting(vec!["nvme nvme0".into()]));
    assert!(scene.next().starts_with("Waiting for nvme nvme0. Title of a boots in 9 s"), "{}", scene.next());
    assert_eq!(scene.at(10.0).done(), format!("look again; @deadline nvme nvme0; {JUMP_A}"));
}

#[test]
fn a_disk_that_hangs_in_its_drivers_start_is_among_the_reasons_where_nothing_boots() {
    let mut scene = Scene::new("");
    scene.at(9.0).on(Event::Starting(vec!["scsi 2:0:0:0".into()])).done();
    let reason = "its driver has begun its start and not ended it";
    scene.at(10.0).on(Event::Controllers(vec![]));
    let done = scene.done();
    assert!(done.ends_with(&format!("@explain scsi 2:0:0:0 {reason}")), "{done}");
    // It may have started since it was looked for.
    assert_eq!(scene.on(Event::KnownProbed).done(), "look again");
}

#[test]
fn volumes_that_are_searched_for_long_are_named_and_searched_again_after_the_deadline() {
    let mut scene = Scene::new("timeout = 0");
    scene.found("sda1").found("sdb1").on(Event::KnownProbed);
    scene.at(4.0).on(Event::Searching(vec![reference("sdb1")])).on(Event::VolumesLate).done();
    // It may hold a better default: it is waited for, but no longer than to the deadline.
    scene.discovered(None, &["a@sda1"]).loaded(1);
    assert_eq!(scene.done(), "discover late; @default a Title of a; load 1 a");
    scene.on(Event::Searching(vec![reference("sdb1")]));
    assert!(scene.next().starts_with("Waiting for sdb1. Title of a boots in 6 s"), "{}", scene.next());
    assert_eq!(scene.at(10.0).done(), format!("@deadline sdb1; {JUMP_A}"));
}

#[test]
fn at_the_deadline_a_disk_without_an_answer_is_among_the_reasons_and_the_grace_begins_later() {
    let mut scene = Scene::new("timeout = 0\nafter-failure = reboot");
    scene.on(Event::Probing("sda".into()));
    assert_eq!(scene.at(10.0).done(), "@deadline sda; @explain sda no answer yet");
    assert_eq!(scene.state.shown(), Visibility::Menu);
    // Nobody knows yet that nothing boots.
    assert_eq!(scene.at(25.0).done(), "");
    assert_eq!(scene.on(Event::KnownProbed).at(34.9).done(), "");
    assert_eq!(scene.at(35.0).done(), "Reboot");
}

#[test]
fn where_the_kernel_shows_no_disk_the_controllers_without_a_driver_are_named() {
    let mut scene = Scene::new("");
    assert_eq!(scene.at(10.0).done(), "look again; @deadline ; find controllers");
    let controller = Controller {
        place: "pci 0000:00:04.0".into(),
        ids: "1b36:0010, class 0108".into(),
        module: Some("nvme"),
    };
    let expected = "@explain disks none: the kernel shows no disk; @explain pci 0000:00:04.0 a storage controller \
                    (1b36:0010, class 0108) without a driver: put the module nvme into the image";
    assert_eq!(scene.on(Event::Controllers(vec![controller])).done(), expected);
    assert_eq!(scene.state.shown(), Visibility::Menu);
}

#[test]
fn a_default_that_nothing_can_outrank_does_not_wait_for_a_disk_that_does_not_answer() {
    let device = |name: &str, transport| volume(name, transport).device;
    let usb = || device("sdb1", Transport::Usb);
    let entries = || vec![Entry { default: true, ..entry("a", "sda1") }];
    let broken = Entry { problem: Some("no such file".into()), ..entry("b", "sda1") };
    let warning = crate::entry::Warning {
        volume: reference("sda1"),
        path: "/grub.cfg".into(),
        line: None,
        message: "no volume has this UUID".into(),
    };
    let incomplete = Rejection::Incomplete {
        of: crate::storage::stack::Stack {
            id: crate::storage::stack::StackId {
                kind: crate::storage::stack::StackKind::Btrfs,
                uuid: "x".into(),
            },
            parts: 2,
        },
        missing: 1,
    };
    type Case = (&'static str, Vec<Device>, &'static [&'static str], Discovery, Option<Rejection>, bool);
    let cases: [Case; 9] = [
        ("", vec![usb()], &[], Discovery::default(), None, true),
        ("", vec![usb(), device("sda2", Transport::Scsi)], &[], Discovery::default(), None, false),
        ("", vec![device("nvme0n1", Transport::Nvme)], &[], Discovery::default(), None, false),
        ("", vec![Device::new("md0")], &[], Discovery::default(), None, false),
        // The firmware's order names a partition that may be on it, or this disk first.
        ("", vec![usb()], &["unknown"], Discovery::default(), None, false),
        (
            "",
            vec![device("nvme0n1", Transport::Nvme)],
            &["uuid-of-sda1", "x"],
            Discovery::default(),
            None,
            true,
        ),
        ("default = b\n", vec![usb()], &[], Discovery::default(), None, false),
        ("", vec![usb()], &[], Discovery { warnings: vec![warning], ..Discovery::default() }, None, false),
        ("", vec![usb()], &[], Discovery::default(), Some(incomplete), false),
    ];
    for (config, awaited, order, discovery, rejected, expected) in cases {
        let said = format!("{config} {awaited:?} {order:?} {rejected:?}");
        let mut scene = Scene::new(&format!("timeout = 0\n{config}"));
        scene.on(Event::BootOrder(order.iter().map(|uuid| (*uuid).to_owned()).collect()));
        if let Some(rejection) = rejected {
            scene.on(Event::Rejected(device("sda3", Transport::Scsi), rejection));
        }
        scene.found("sda1").on(Event::Discovered(Ok(Discovery { entries: entries(), ..discovery })));
        scene.loaded(1).done();
        assert_eq!(scene.on(Event::Awaited(awaited)).done() == JUMP_A, expected, "{said}");
    }
    // What could not be read may lie on the disk that is waited for.
    let mut scene = Scene::new("timeout = 0");
    let discovery = Discovery { entries: [entries(), vec![broken]].concat(), ..Discovery::default() };
    scene.found("sda1").on(Event::Discovered(Ok(discovery))).loaded(1).done();
    assert_eq!(scene.on(Event::Awaited(vec![usb()])).done(), "");
}
