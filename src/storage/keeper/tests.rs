//! What the books say to do, step by step.

use std::path::Path;

use super::*;
use crate::{
    entry::{Filesystem, Transport, Volume},
    storage::root::Root,
};

const LIMITS: Limits =
    Limits { looks: 2, deadline: Duration::from_secs(10), barrier: Duration::from_secs(30) };

fn device(name: &str) -> Device {
    Device {
        name: name.to_owned(),
        disk: name.to_owned(),
        partition: None,
        size: 1 << 30,
        transport: Transport::Scsi,
        removable: false,
        path: String::new(),
    }
}

fn looked(look: Look) -> Looked {
    Looked { look, medium: Some(7) }
}

fn volume(name: &str, kind: FilesystemKind) -> Looked {
    let filesystem = Filesystem { kind, uuid: Some("one".to_owned()), label: None };
    let root = Root::from_directory(Path::new("/")).unwrap();
    looked(Look::Opened(OpenVolume {
        volume: Volume { device: device(name), filesystem, grub: Box::default() },
        root,
    }))
}

fn rejected(name: &str) -> Looked {
    looked(Look::Rejected { device: device(name), reason: "swap space".to_owned(), part: None })
}

/// All that is to be done now, in words.
fn actions(keeper: &mut Keeper) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(action) = keeper.next_action() {
        words.push(match action {
            Action::Look { order, number } => {
                let with = [vec![order.name], order.companions].concat().join("+");
                format!("look {number} {with}{}", if order.degraded { " degraded" } else { "" })
            }
            Action::Ended(name) => format!("ended {name}"),
            Action::Tell(Sighting::Opened(open)) => format!("opened {}", open.volume.device.name),
            Action::Tell(Sighting::Rejected { device, reason }) => {
                format!("rejected {}: {reason}", device.name)
            }
            Action::Tell(Sighting::Gone(name)) => format!("gone {name}"),
            Action::Tell(Sighting::KnownLookedAt) => "all looked at".to_owned(),
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
fn as_many_as_allowed_are_looked_at_and_the_others_wait_for_their_turn() {
    let (mut keeper, now) = with_devices(&["a", "b", "c", "d", "a"]);
    assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b"]);
    keeper.removed("c", now);
    keeper.looked("b", 2, volume("b", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper), ["ended b", "opened b", "look 3 d"]);
    assert_eq!(keeper.next_deadline(), Some(now + LIMITS.deadline));
}

#[test]
fn what_is_unfit_is_told_of_and_not_looked_at() {
    let (mut keeper, now) = with_devices(&[]);
    keeper.appeared(device("ram0"), Some("a RAM disk".to_owned()), now);
    assert_eq!(actions(&mut keeper), ["rejected ram0: a RAM disk"]);
}

#[test]
fn a_device_that_hangs_holds_up_nobody_and_may_still_come_late() {
    let (mut keeper, now) = with_devices(&["a", "b", "c"]);
    keeper.looked("b", 2, rejected("b"), now);
    keeper.modules_loaded(now);
    assert_eq!(
        actions(&mut keeper),
        ["look 1 a", "look 2 b", "ended b", "rejected b: swap space", "look 3 c"]
    );
    keeper.looked("c", 3, volume("c", FilesystemKind::Xfs), now);
    keeper.expire(now + Duration::from_secs(9));
    assert_eq!(actions(&mut keeper), ["ended c", "opened c"]);
    keeper.expire(now + Duration::from_secs(10));
    assert_eq!(actions(&mut keeper), ["rejected a: no answer within 10 s; not waited for", "all looked at"]);
    keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now + Duration::from_secs(60));
    assert_eq!(actions(&mut keeper), ["ended a", "opened a"]);
}

#[test]
fn the_barrier_falls_once_and_only_after_the_modules() {
    let (mut keeper, now) = with_devices(&["a"]);
    keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper), ["look 1 a", "ended a", "opened a"]);
    keeper.modules_loaded(now);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["all looked at"]);
    keeper.appeared(device("b"), None, now);
    keeper.removed("b", now);
    assert_eq!(actions(&mut keeper), ["look 2 b"]);
}

#[test]
fn the_barrier_does_not_wait_for_what_is_gone_or_came_later_or_for_ever() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.modules_loaded(now);
    keeper.appeared(device("late"), None, now);
    keeper.removed("a", now);
    assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "look 3 late"]);
    keeper.looked("b", 2, rejected("b"), now);
    assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all looked at"]);

    let names: Vec<String> = (0..100).map(|number| format!("hung{number}")).collect();
    let (mut keeper, now) = with_devices(&names.iter().map(String::as_str).collect::<Vec<_>>());
    keeper.modules_loaded(now);
    for seconds in [10, 20, 30] {
        keeper.expire(now + Duration::from_secs(seconds));
    }
    assert_eq!(actions(&mut keeper).iter().filter(|words| *words == "all looked at").count(), 1);
}

#[test]
fn what_came_of_an_old_look_counts_for_nothing() {
    let (mut keeper, now) = with_devices(&["a"]);
    keeper.removed("a", now);
    keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.appeared(device("a"), None, now);
    keeper.looked("a", 1, rejected("a"), now);
    assert_eq!(actions(&mut keeper), ["look 1 a", "ended a", "look 2 a", "ended a"]);
}

#[test]
fn a_change_that_matters_leads_to_another_look() {
    let (mut keeper, now) = with_devices(&["sr0", "dm-0"]);
    keeper.looked("sr0", 1, volume("sr0", FilesystemKind::Iso9660), now);
    keeper.looked("dm-0", 2, rejected("dm-0"), now);
    actions(&mut keeper);
    keeper.changed(device("sr0"), None, None, now);
    keeper.changed(device("sr0"), None, Some(Some(7)), now);
    assert!(actions(&mut keeper).is_empty());
    keeper.changed(device("sr0"), None, Some(Some(8)), now);
    keeper.changed(device("dm-0"), None, None, now);
    assert_eq!(actions(&mut keeper), ["gone sr0", "look 3 sr0", "gone dm-0", "look 4 dm-0"]);
    keeper.looked("dm-0", 4, volume("dm-0", FilesystemKind::Ext4), now);
    keeper.appeared(Device { size: 2 << 30, ..device("dm-0") }, None, now);
    assert_eq!(actions(&mut keeper), ["ended dm-0", "opened dm-0", "gone dm-0", "look 5 dm-0"]);
}

#[test]
fn a_medium_that_changes_during_the_look_is_looked_at_again_before_the_barrier_falls() {
    for (event, again) in [(Some(7), false), (Some(8), true), (None, true)] {
        let (mut keeper, now) = with_devices(&["sr0"]);
        keeper.modules_loaded(now);
        keeper.changed(device("sr0"), None, Some(event), now);
        keeper.looked("sr0", 1, volume("sr0", FilesystemKind::Iso9660), now);
        if again {
            assert_eq!(actions(&mut keeper), ["look 1 sr0", "ended sr0", "look 2 sr0"]);
            keeper.looked("sr0", 2, volume("sr0", FilesystemKind::Iso9660), now);
            assert_eq!(actions(&mut keeper), ["ended sr0", "opened sr0", "all looked at"]);
        } else {
            assert_eq!(actions(&mut keeper), ["look 1 sr0", "ended sr0", "opened sr0", "all looked at"]);
        }
    }
}

#[test]
fn a_walk_finds_what_went_unheard() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.only(&["b".to_owned()], now);
    assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "ended a", "opened a", "gone a"]);
}

#[test]
fn a_btrfs_file_system_is_one_volume_and_two_copies_of_an_ext4_are_two() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.looked("a", 1, volume("a", FilesystemKind::Btrfs), now);
    keeper.looked("b", 2, volume("b", FilesystemKind::Btrfs), now);
    let reason = "rejected b: part of the btrfs file system that is read through a";
    assert_eq!(actions(&mut keeper).last().map(String::as_str), Some(reason));

    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
    keeper.looked("b", 2, volume("b", FilesystemKind::Ext4), now);
    assert_eq!(actions(&mut keeper).last().map(String::as_str), Some("opened b"));
}

fn part(name: &str, count: u64) -> Looked {
    let part = Some(Part { uuid: "one".to_owned(), count });
    looked(Look::Rejected { device: device(name), reason: "a part".to_owned(), part })
}

#[test]
fn a_btrfs_file_system_on_several_devices_is_read_when_all_are_there() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.looked("b", 2, part("b", 2), now);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "ended b", "rejected b: a part"]);
    keeper.looked("a", 1, part("a", 2), now);
    assert_eq!(actions(&mut keeper), ["ended a", "rejected a: a part", "look 3 a+b"]);
    keeper.looked("a", 3, volume("a", FilesystemKind::Btrfs), now);
    let reason = "rejected b: part of the btrfs file system that is read through a";
    assert_eq!(actions(&mut keeper), ["ended a", "opened a", reason, "all looked at"]);
}

#[test]
fn a_btrfs_file_system_with_a_lost_device_is_read_without_it_once_nothing_else_is_waited_for() {
    let (mut keeper, now) = with_devices(&["a", "b"]);
    keeper.looked("a", 1, part("a", 3), now);
    keeper.looked("b", 2, part("b", 3), now);
    actions(&mut keeper);
    keeper.modules_loaded(now);
    assert_eq!(actions(&mut keeper), ["look 3 a+b degraded"]);
    keeper.looked("a", 3, rejected("a"), now);
    assert_eq!(actions(&mut keeper), ["ended a", "rejected a: swap space", "look 4 b degraded"]);
    keeper.looked("b", 4, rejected("b"), now);
    assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all looked at"]);
}
