//! The keeper's actions, step by step.

use std::path::Path;

use super::*;
use crate::{
    entry::{Filesystem, FilesystemKind, Transport, Volume},
    storage::{root::Root, stack::StackKind},
};

const LIMITS: Limits =
    Limits { probes: 2, deadline: Duration::from_secs(10), barrier: Duration::from_secs(30) };

fn device(name: &str) -> Device {
    Device { size: 1 << 30, transport: Transport::Scsi, ..Device::new(name) }
}

fn probed(outcome: ProbeOutcome) -> Probed {
    Probed { outcome, medium: Some(7), partitions: Vec::new() }
}

fn volume(name: &str, kind: FilesystemKind) -> Probed {
    let filesystem = Filesystem { kind, uuid: Some("one".to_owned()), label: None };
    let root = Root::from_directory(Path::new("/")).unwrap();
    probed(ProbeOutcome::Opened(OpenVolume::new(Volume::new(device(name), filesystem), root)))
}

fn rejected(name: &str) -> Probed {
    probed(ProbeOutcome::Rejected { device: device(name), rejection: Rejection::Swap })
}

/// All that is to be done now, in words.
fn actions(keeper: &mut Keeper) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(action) = keeper.next_action() {
        words.push(match action {
            KeeperAction::Probe { request, number } => {
                let with = [vec![request.name], request.companions].concat().join("+");
                let missing =
                    request.missing.map_or_else(String::new, |missing| format!(" without {missing}"));
                format!("probe {number} {with}{missing}")
            }
            KeeperAction::Ended(name) => format!("ended {name}"),
            KeeperAction::Report(event) => match *event {
                VolumeEvent::Probing(name) => format!("probing {name}"),
                VolumeEvent::Opened(open) => format!("opened {}", open.volume.device.name),
                VolumeEvent::Rejected { device, rejection } => {
                    format!("rejected {}: {rejection}", device.name)
                }
                VolumeEvent::Gone(name) => format!("gone {name}"),
                VolumeEvent::Awaited(_) => continue,
                VolumeEvent::KnownProbed => "all probed".to_owned(),
            },
        });
    }
    words
}

fn with_devices(names: &[&str]) -> (Keeper, Instant) {
    let (mut keeper, now) = (Keeper::new(LIMITS), Instant::now());
    for name in names {
        keeper.appeared(device(name), None, now);
    }
    (keeper, now)
}

#[test]
fn no_more_devices_than_allowed_are_probed_at_once() {
    let (mut keeper, now) = with_devices(&["a", "b", "c", "d", "a"]);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "probe 2 b"]);
    keeper.removed("c", now);
    keeper.probed("b", 2, volume("b", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper), ["ended b", "opened b", "probe 3 d"]);
    assert_eq!(keeper.next_deadline(), Some(now + LIMITS.deadline));
}

#[test]
fn a_device_that_is_rejected_beforehand_is_reported_and_not_probed() {
    let (mut keeper, now) = with_devices(&[]);
    keeper.appeared(device("sdb"), Some(Rejection::Empty), now);
    assert_eq!(actions(&mut keeper), ["rejected sdb: no medium"]);
}

#[test]
fn a_device_that_hangs_holds_up_no_other_and_may_still_answer_late() {
    let (mut keeper, now) = with_devices(&["a", "b", "c"]);
    keeper.probed("b", 2, rejected("b"), now);
    keeper.modules_loaded(now);
    assert_eq!(
        actions(&mut keeper),
        ["probe 1 a", "probe 2 b", "ended b", "rejected b: swap space", "probe 3 c"]
    );
    keeper.probed("c", 3, volume("c", FilesystemKind::Xfs), now);
    keeper.expire(now + Duration::from_secs(9));
    assert_eq!(actions(&mut keeper), ["ended c", "opened c"]);
    keeper.expire(now + Duration::from_secs(10));
    assert_eq!(actions(&mut keeper), ["rejected a: no answer within 10 s; not waited for", "all probed"]);
    keeper.probed("a", 1, volume("a", FilesystemKind::Ext4), now + Duration::from_secs(60));
    assert_eq!(actions(&mut keeper), ["ended a", "opened a"]);
}

#[test]
fn the_barrier_falls_once_and_only_after_the_modules() {
    let (mut keeper, now) = with_devices(&["a"]);
    keeper.probed("a", 1, volume("a", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "ended a", "opened a"]);
    keeper.modules_loaded(now);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["all probed"]);
    keeper.appeared(device("b"), None, now);
    keeper.removed("b", now);
    assert_eq!(actions(&mut keeper), ["probe 2 b"]);
}

#[test]
fn the_barrier_does_not_wait_for_what_is_gone_or_came_later_or_for_ever() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.modules_loaded(now);
    keeper.appeared(device("late"), None, now);
    keeper.removed("a", now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "probe 2 b", "probe 3 late"]);
    keeper.probed("b", 2, rejected("b"), now);
    assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all probed"]);

    let names: Vec<String> = (0..100).map(|number| format!("hung{number}")).collect();
    let (mut keeper, now) = with_devices(&names.iter().map(String::as_str).collect::<Vec<_>>());
    keeper.modules_loaded(now);
    for seconds in [10, 20, 30] {
        keeper.expire(now + Duration::from_secs(seconds));
    }
    assert_eq!(actions(&mut keeper).iter().filter(|words| *words == "all probed").count(), 1);
}

#[test]
fn the_result_of_an_outdated_probe_is_dropped() {
    let (mut keeper, now) = with_devices(&["a"]);
    keeper.removed("a", now);
    keeper.probed("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.appeared(device("a"), None, now);
    keeper.probed("a", 1, rejected("a"), now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "ended a", "probe 2 a", "ended a"]);
}

#[test]
fn a_change_of_medium_or_size_leads_to_another_probe() {
    let (mut keeper, now) = with_devices(&["sr0", "dm-0"]);
    keeper.probed("sr0", 1, volume("sr0", FilesystemKind::Iso9660), now);
    keeper.probed("dm-0", 2, rejected("dm-0"), now);
    actions(&mut keeper);
    keeper.changed(device("sr0"), None, None, now);
    keeper.changed(device("sr0"), None, Some(Some(7)), now);
    assert!(actions(&mut keeper).is_empty());
    keeper.changed(device("sr0"), None, Some(Some(8)), now);
    keeper.changed(device("dm-0"), None, None, now);
    assert_eq!(actions(&mut keeper), ["gone sr0", "probe 3 sr0", "gone dm-0", "probe 4 dm-0"]);
    keeper.probed("dm-0", 4, volume("dm-0", FilesystemKind::Ext4), now);
    keeper.appeared(Device { size: 2 << 30, ..device("dm-0") }, None, now);
    assert_eq!(actions(&mut keeper), ["ended dm-0", "opened dm-0", "gone dm-0", "probe 5 dm-0"]);
}

#[test]
fn a_medium_that_changes_during_the_probe_is_probed_before_the_barrier_falls() {
    for (event, again) in [(Some(7), false), (Some(8), true), (None, true)] {
        let (mut keeper, now) = with_devices(&["sr0"]);
        keeper.modules_loaded(now);
        keeper.changed(device("sr0"), None, Some(event), now);
        keeper.probed("sr0", 1, volume("sr0", FilesystemKind::Iso9660), now);
        if again {
            assert_eq!(actions(&mut keeper), ["probe 1 sr0", "ended sr0", "probe 2 sr0"]);
            keeper.probed("sr0", 2, volume("sr0", FilesystemKind::Iso9660), now);
            assert_eq!(actions(&mut keeper), ["ended sr0", "opened sr0", "all probed"]);
        } else {
            assert_eq!(actions(&mut keeper), ["probe 1 sr0", "ended sr0", "opened sr0", "all probed"]);
        }
    }
}

#[test]
fn a_walk_finds_devices_that_are_gone_without_an_event() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.probed("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.only(&["b".to_owned()], now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "probe 2 b", "ended a", "opened a", "gone a"]);
}

#[test]
fn a_btrfs_file_system_is_one_volume_and_two_copies_of_an_ext4_are_two() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.probed("a", 1, volume("a", FilesystemKind::Btrfs), now);
    keeper.probed("b", 2, volume("b", FilesystemKind::Btrfs), now);
    let reason = "rejected b: part of the btrfs file system that is read through a";
    assert_eq!(actions(&mut keeper).last().map(String::as_str), Some(reason));

    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.probed("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.probed("b", 2, volume("b", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper).last().map(String::as_str), Some("opened b"));
}

fn stack() -> StackId {
    StackId { kind: StackKind::Btrfs, uuid: "one".to_owned() }
}

fn part(name: &str, parts: u64) -> Probed {
    let rejection =
        Rejection::Incomplete { of: Stack { id: stack(), parts }, missing: parts.saturating_sub(1) };
    probed(ProbeOutcome::Rejected { device: device(name), rejection })
}

fn incomplete(name: &str, parts: u64) -> String {
    format!("rejected {name}: one of {parts} devices of a btrfs file system, not all of which are there")
}

#[test]
fn a_btrfs_file_system_on_several_devices_is_read_when_all_are_there() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.probed("b", 2, part("b", 2), now);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "probe 2 b", "ended b", &incomplete("b", 2)]);
    keeper.probed("a", 1, part("a", 2), now);
    assert_eq!(actions(&mut keeper), ["ended a", &incomplete("a", 2), "probe 3 a+b"]);
    keeper.probed("a", 3, volume("a", FilesystemKind::Btrfs), now);
    let reason = "rejected b: part of the btrfs file system that is read through a";
    assert_eq!(actions(&mut keeper), ["ended a", "opened a", reason, "all probed"]);
}

#[test]
fn a_btrfs_file_system_with_a_lost_device_is_read_without_it_once_nothing_else_is_waited_for() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.probed("a", 1, part("a", 3), now);
    keeper.probed("b", 2, part("b", 3), now);
    actions(&mut keeper);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["probe 3 a+b without 1"]);
    keeper.probed("a", 3, rejected("a"), now);
    assert_eq!(actions(&mut keeper), ["ended a", "rejected a: swap space", "probe 4 b without 2"]);
    keeper.probed("b", 4, rejected("b"), now);
    assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all probed"]);
}

#[test]
fn the_barrier_waits_for_the_devices_that_parts_are_joined_to() {
    for announced_first in [false, true] {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.probed("b", 2, part("b", 2), now);
        keeper.modules_loaded(now);
        keeper.probed("a", 1, part("a", 2), now);
        actions(&mut keeper);
        if announced_first {
            keeper.appeared(device("md0"), None, now);
        }
        let children = vec!["md0".to_owned()];
        let joined = ProbeOutcome::Joined { device: device("a"), stack: stack(), children };
        keeper.probed("a", 3, probed(joined), now);
        if !announced_first {
            keeper.appeared(device("md0"), None, now);
        }
        let mut done = actions(&mut keeper);
        done.sort_unstable();
        let expected =
            ["ended a", "probe 4 md0", "rejected a: a member of md0", "rejected b: a member of md0"];
        assert_eq!(done, expected);
        keeper.probed("md0", 4, volume("md0", FilesystemKind::Ext4), now);
        assert_eq!(actions(&mut keeper), ["ended md0", "opened md0", "all probed"]);
    }
}

#[test]
fn the_barrier_waits_for_the_partitions_that_a_probe_shows_the_kernel() {
    let (mut keeper, now) = with_devices(&["a"]);
    keeper.modules_loaded(now);
    let shown = Probed { partitions: vec!["a1".to_owned()], ..rejected("a") };
    keeper.probed("a", 1, shown, now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "ended a", "rejected a: swap space"]);
    keeper.appeared(device("a1"), None, now);
    keeper.probed("a1", 2, volume("a1", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper), ["probe 2 a1", "ended a1", "opened a1", "all probed"]);
}

#[test]
fn the_barrier_waits_for_no_joined_device_that_was_probed_already_or_never_appears() {
    let (mut keeper, now) = with_devices(&["a", "md0"]);
    keeper.modules_loaded(now);
    keeper.probed("md0", 2, volume("md0", FilesystemKind::Ext4), now);
    let joined = |children: &[&str]| {
        let children = children.iter().map(|name| (*name).to_owned()).collect();
        probed(ProbeOutcome::Joined { device: device("a"), stack: stack(), children })
    };
    keeper.probed("a", 1, joined(&["md0"]), now);
    assert_eq!(actions(&mut keeper).last().map(String::as_str), Some("all probed"));

    let (mut keeper, now) = with_devices(&["a"]);
    keeper.modules_loaded(now);
    keeper.probed("a", 1, joined(&["md0"]), now);
    assert_eq!(actions(&mut keeper), ["probe 1 a", "ended a", "rejected a: a member of md0"]);
    keeper.expire(now + LIMITS.barrier);
    assert_eq!(actions(&mut keeper), ["all probed"]);
}

#[test]
fn who_is_still_waited_for_is_reported_whenever_that_changes() {
    let awaited = |keeper: &mut Keeper| {
        let mut reports = Vec::new();
        while let Some(action) = keeper.next_action() {
            if let KeeperAction::Report(event) = action
                && let VolumeEvent::Awaited(devices) = *event
            {
                let names: Vec<String> = devices.into_iter().map(|device| device.name).collect();
                reports.push(names.join(" "));
            }
        }
        reports.join(", ")
    };
    let (mut keeper, now) = with_devices(&["a", "b", "c"]);
    // More may be there as long as the modules are not loaded.
    keeper.probed("a", 1, rejected("a"), now);
    assert_eq!(awaited(&mut keeper), "");
    keeper.modules_loaded(now);
    assert_eq!(awaited(&mut keeper), "b c");
    // One that appears later is no device of the start.
    keeper.appeared(device("d"), None, now);
    keeper.expire(now);
    assert_eq!(awaited(&mut keeper), "");
    keeper.probed("b", 2, rejected("b"), now);
    assert_eq!(awaited(&mut keeper), "c");
    keeper.removed("c", now);
    assert_eq!(awaited(&mut keeper), "");
}
