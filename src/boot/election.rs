//! The election: which entries boot on their own, in which order, so that the same machine boots the same thing every
//! time, in whatever order the kernel found its disks.

use std::cmp::Reverse;

use super::{
    entry_pattern,
    settings::{DefaultChoice, Settings},
};
use crate::{
    entry::{Device, Discovery, Entry, Kind, Transport, Volume, VolumeId, VolumeReference},
    formats::{name_table::NameNumbers, sort, version, volume_name::VolumeName},
};

/// The facts that decide an election.
#[derive(Clone, Copy, Debug)]
pub struct Electorate<'a> {
    /// The settings of this machine.
    pub settings: &'a Settings,
    /// The volumes that are there, in any order.
    pub volumes: &'a [Volume],
    /// Kernel names of the devices that appeared after all devices of the start had been probed.
    pub late: &'a NameNumbers,
    /// Partition UUIDs in the order of the firmware's boot options.
    pub firmware: &'a [String],
}

/// Words of the command line of an entry that repairs a system. It boots on its own only if nothing else is left.
const REPAIR_WORDS: [&str; 9] = [
    "single",
    "s",
    "S",
    "1",
    "rescue",
    "emergency",
    "recovery",
    "systemd.unit=rescue.target",
    "systemd.unit=emergency.target",
];

/// The entries that may boot on their own, first choice first: on the first disk what discovery elected, what its loader
/// falls back to, the default of the first volume, the other entries on it; the default of the next one, and so on. Among
/// them are locked ones: see [`first`].
#[must_use]
pub fn attempts<'a>(discovery: &'a Discovery, electorate: &Electorate<'_>) -> Vec<&'a Entry> {
    let Discovery { entries, default, saved, fallback, .. } = discovery;
    let turn = |entry: &Entry| {
        let mut ids = default.iter().chain(fallback);
        ids.position(|id| *id == entry.id).unwrap_or(usize::MAX)
    };
    let newest = || newest(entries, electorate.settings);
    let wanted = electorate.settings.default.as_ref().map(|wanted| match wanted {
        DefaultChoice::Named(pattern) => Ok(pattern),
        DefaultChoice::Saved => Err(saved.as_ref()),
        DefaultChoice::Newest => Err(newest()),
    });
    let is_wanted = |entry: &Entry| match wanted {
        None => false,
        Some(Ok(pattern)) => entry_pattern::names(pattern, entry),
        Some(Err(id)) => id == Some(&entry.id),
    };
    let mut candidates: Vec<(_, &Entry)> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| {
            is_allowed(entry, electorate.settings)
                && (is_bootable(entry) || entry.lock.is_some() && entry.default)
                && (!entry.hidden || entry.default || is_wanted(entry) || turn(entry) != usize::MAX)
        })
        .filter_map(|(place, entry)| {
            // An entry whose volume has just gone cannot be loaded.
            let rank = rank_of_entry(entry, turn(entry), electorate)?;
            // Reverse: true before false.
            let turn = (Reverse(is_wanted(entry)), is_used_up(entry), rank, Reverse(entry.default));
            Some(((turn, is_repair(entry), place), entry))
        })
        .collect();
    sort::by(&mut candidates, |(one, _), (other, _)| one.cmp(other));
    let mut seen = NameNumbers::default();
    candidates.retain(|(_, entry)| {
        let mut name = entry.cmdline.clone();
        name.push_str(if entry.lock.is_some() { "\0locked" } else { "\0" });
        for file in entry.kernel.iter().chain(&entry.initrds) {
            name.push('\0');
            name.push_str(&file.lookup_name());
        }
        seen.is_new(name)
    });
    candidates.into_iter().map(|(_, entry)| entry).collect()
}

/// The first of the attempts that has not failed. Locked entries are passed over, but where one is the first choice or a
/// loader's default nothing takes its place: it is given itself.
#[must_use]
pub fn first<'a>(attempts: &[&'a Entry], has_failed: impl Fn(&Entry) -> bool) -> Option<&'a Entry> {
    let stops = |place: usize, entry: &Entry| entry.lock.is_none() || entry.default || place == 0;
    let left = attempts.iter().enumerate().filter(|(_, entry)| !has_failed(entry));
    left.map(|(place, entry)| (place, *entry))
        .find(|(place, entry)| stops(*place, entry))
        .map(|(_, entry)| entry)
}

/// The volumes in the order in which their defaults are tried. Searched in this order, they give the same entries the same
/// ids on every boot.
#[must_use]
pub fn order(electorate: &Electorate<'_>) -> Vec<VolumeId> {
    let mut order: Vec<&Volume> = electorate.volumes.iter().collect();
    sort::by_cached_key(&mut order, |volume| rank_of_volume(volume, usize::MAX, false, electorate));
    order.into_iter().map(|volume| volume.id).collect()
}

/// Whether something on a device that is still being probed could come before `entry`, the first choice so far.
#[must_use]
pub fn may_outrank(device: &Device, entry: &Entry, electorate: &Electorate<'_>) -> bool {
    let Electorate { settings, volumes, firmware, .. } = *electorate;
    let Some(own) = volumes.iter().find(|volume| entry.source.volume.is(volume)) else { return true };
    let Some(rank) = rank_of_entry(entry, 0, electorate) else { return true };
    // What settings name may be on any device, and so may the partition that is first in the firmware's order.
    let has_wishes = settings.default.is_some() || !settings.order.is_empty() || !settings.wait.is_empty();
    let firmware = if firmware.is_empty() { usize::MAX } else { usize::from(rank.firmware == 0) };
    let other = (firmware, device.removable, device.transport, device.path.as_str());
    has_wishes
        || device.path.is_empty()
        || device.shares_disk(&own.device)
        || other <= (rank.firmware, rank.removable, rank.transport, rank.path)
}

/// The first of the volumes that a name means: copies have the same.
#[must_use]
pub fn first_of_name(name: &VolumeName, electorate: &Electorate<'_>) -> Option<VolumeId> {
    let is_named =
        |id: &VolumeId| electorate.volumes.iter().any(|volume| volume.id == *id && name.names(volume));
    order(electorate).into_iter().find(is_named)
}

/// Whether all volumes that the settings wait for are there.
#[must_use]
pub fn all_there(wait: &[VolumeName], volumes: &[Volume]) -> bool {
    wait.iter().all(|name| volumes.iter().any(|volume| name.names(volume)))
}

/// The id of the entry with the highest version of those that may boot on their own and need no password: the first of several.
fn newest<'a>(entries: &'a [Entry], settings: &Settings) -> Option<&'a String> {
    let may = |entry: &&Entry| {
        is_allowed(entry, settings)
            && is_bootable(entry)
            && !(entry.hidden || entry.lock.is_some() || is_used_up(entry) || is_repair(entry))
    };
    let versions =
        entries.iter().filter(may).filter_map(|entry| Some((entry.version.as_deref()?, &entry.id)));
    // Of equal ones `max_by` gives the last.
    versions.rev().max_by(|(one, _), (other, _)| version::uapi(one, other)).map(|(_, id)| id)
}

/// Whether the settings let it boot on its own.
fn is_allowed(entry: &Entry, settings: &Settings) -> bool {
    let is_named = |patterns: &[String]| patterns.iter().any(|pattern| entry_pattern::names(pattern, entry));
    (settings.only.is_empty() || is_named(&settings.only)) && !is_named(&settings.never)
}

/// Whether all its attempts have failed. It boots on its own only if nothing else does, as with systemd-boot.
fn is_used_up(entry: &Entry) -> bool {
    entry.tries_left == Some(0)
}

/// Whether it can be loaded at all.
fn is_bootable(entry: &Entry) -> bool {
    let is_system = match entry.kind {
        Kind::Linux | Kind::Uki => true,
        // Without modules it is a program, such as a memory test.
        Kind::Multiboot => !entry.initrds.is_empty(),
        Kind::Chainload | Kind::Firmware => false,
    };
    entry.problem.is_none() && is_system && entry.kernel.is_some()
}

fn is_scan(entry: &Entry) -> bool {
    entry.source.format.is_guess()
}

fn is_repair(entry: &Entry) -> bool {
    entry.cmdline.split_whitespace().any(|word| REPAIR_WORDS.contains(&word))
}

/// The rank of a volume; smaller comes first. The fields are compared in their order. A volume that is made of other devices
/// or lies on them has their rank, and comes after them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    configured: usize,
    late: bool,
    firmware: usize,
    removable: bool,
    transport: Transport,
    path: &'a str,
    /// The place among what discovery elected and its loader's fallbacks.
    turn: usize,
    /// Kernels without a configuration come after those of a configuration on the same disk.
    scan: bool,
    /// Number of devices that it is made of or lies on.
    depth: usize,
    partition: u32,
    name: &'a str,
}

/// The rank of the volume that an entry is written on, or that of the volume on another disk which led there: a disk gets no
/// turn before its own by naming another one.
fn rank_of_entry<'a>(entry: &Entry, turn: usize, electorate: &Electorate<'a>) -> Option<Rank<'a>> {
    let rank = |reference: &VolumeReference| {
        let volume = electorate.volumes.iter().find(|volume| reference.is(volume))?;
        Some(rank_of_volume(volume, turn, is_scan(entry), electorate))
    };
    let own = rank(&entry.source.volume)?;
    match &entry.led_from {
        Some(leading) => rank(leading).map(|leading| own.max(leading)),
        None => Some(own),
    }
}

fn rank_of_volume<'a>(volume: &'a Volume, turn: usize, scan: bool, electorate: &Electorate<'a>) -> Rank<'a> {
    let Electorate { settings, volumes, late, firmware } = *electorate;
    let device = &volume.device;
    let configured = settings.order.iter().position(|name| is_meant(name, volume, volumes));
    let waited_for = settings.wait.iter().any(|name| is_meant(name, volume, volumes));
    let of_firmware = firmware.iter().position(|uuid| {
        let on_this_disk = |other: &&Volume| other.device.shares_disk(device);
        volumes.iter().filter(on_this_disk).any(|other| partition_uuid(other) == Some(uuid))
    });
    Rank {
        configured: configured.unwrap_or(usize::MAX),
        late: late.contains(&device.name) && !waited_for && configured.is_none(),
        firmware: of_firmware.unwrap_or(usize::MAX),
        removable: device.removable,
        transport: device.transport,
        path: &device.path,
        turn,
        scan,
        depth: device.beneath.len(),
        partition: device.partition.as_ref().map_or(0, |partition| partition.number),
        name: &device.name,
    }
}

/// Whether a name in the settings means a volume, a device that it is made of or lies on, or the volume that it lies on.
fn is_meant(name: &VolumeName, volume: &Volume, volumes: &[Volume]) -> bool {
    let is_parent = |other: &&Volume| volume.parent() == Some(other.id);
    name.names(volume)
        || name.names_beneath(&volume.device)
        || volumes.iter().find(is_parent).is_some_and(|parent| name.names(parent))
}

fn partition_uuid(volume: &Volume) -> Option<&String> {
    volume.device.partition.as_ref()?.uuid.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::samples::{entry, id, reference, volume},
        entry::FileReference,
    };

    #[test]
    fn volumes_are_searched_in_the_order_of_their_defaults() {
        let mut usb = volume("sdb1", Transport::Usb);
        usb.device.removable = true;
        let volumes = [
            usb,
            volume("sda2", Transport::Scsi),
            volume("sda1", Transport::Scsi),
            volume("vda1", Transport::Nvme),
        ];
        let (settings, _) = Settings::parse("order = sda2\n", "");
        let electorate = Electorate {
            settings: &settings,
            volumes: &volumes,
            late: &NameNumbers::default(),
            firmware: &[],
        };
        assert_eq!(order(&electorate), ["sda2", "vda1", "sda1", "sdb1"].map(id));
    }

    #[test]
    fn what_is_made_of_a_disk_or_lies_on_it_has_its_rank_and_comes_after_it() {
        let (nvme, sata) = (volume("nvme0n1p2", Transport::Nvme), volume("sda1", Transport::Scsi));
        let logical = |host: &Volume, name: &str| {
            let device = Device {
                beneath: vec![host.device.disk.clone(), host.device.name.clone()],
                transport: host.device.transport,
                path: host.device.path.clone(),
                ..Device::new(name)
            };
            Volume { id: id(name), ..Volume::new(device, host.filesystem.clone()) }
        };
        let image = |host: &Volume| {
            let image = Volume::in_image(host, "/x.squashfs", 7, nvme.filesystem.clone());
            Volume { id: id(&image.device.name), ..image }
        };
        let on_sata = logical(&volume("sda2", Transport::Scsi), "dm-1");
        let all = [
            image(&sata),
            on_sata.clone(),
            sata.clone(),
            logical(&nvme, "dm-0"),
            image(&on_sata),
            nvme.clone(),
        ];
        let nvme_first = ["nvme0n1p2", "dm-0"];
        let sata_first = ["sda1", "dm-1", "sda1:/x.squashfs", "dm-1:/x.squashfs"];
        for (config, firmware, sata_counts) in [
            ("", &[][..], false),
            ("", &["uuid-of-sda1".to_owned()], true),
            ("order = sda", &[], true),
            ("order = scsi", &[], true),
            ("order = nvme0n1p2", &[], false),
        ] {
            let (settings, _) = Settings::parse(config, "");
            let electorate =
                Electorate { settings: &settings, volumes: &all, late: &NameNumbers::default(), firmware };
            let expected = match sata_counts {
                true => [&sata_first[..], &nvme_first[..]].concat(),
                false => [&nvme_first[..], &sata_first[..]].concat(),
            };
            let expected: Vec<VolumeId> = expected.into_iter().map(id).collect();
            assert_eq!(order(&electorate), expected, "{config} {firmware:?}");
        }
        // The settings may name what an image lies on by what only that has.
        let (settings, _) = Settings::parse("order = UUID=fs-of-sda1", "");
        let volumes = [nvme.clone(), image(&sata), sata.clone()];
        let electorate = Electorate {
            settings: &settings,
            volumes: &volumes,
            late: &NameNumbers::default(),
            firmware: &[],
        };
        assert_eq!(order(&electorate), ["sda1", "sda1:/x.squashfs", "nvme0n1p2"].map(id));
    }

    /// The election's result as ids, separated by spaces.
    fn elected(
        entries: &[Entry],
        volumes: &[Volume],
        late: &[&str],
        firmware: &[&str],
        config: &str,
    ) -> String {
        let (settings, mistakes) = Settings::parse(config, "");
        assert_eq!(mistakes, [""; 0]);
        let electorate = Electorate {
            settings: &settings,
            volumes,
            late: &late.iter().map(|name| (*name).to_owned()).collect(),
            firmware: &firmware.iter().map(|uuid| (*uuid).to_owned()).collect::<Vec<_>>(),
        };
        let discovery = Discovery { entries: entries.to_vec(), ..Discovery::default() };
        let ids: Vec<&str> =
            attempts(&discovery, &electorate).iter().map(|entry| entry.id.as_str()).collect();
        ids.join(" ")
    }

    #[test]
    fn disks_are_tried_in_the_same_order_whatever_order_they_came_in() {
        let mut volumes = [
            volume("sr0", Transport::Optical),
            volume("sdc1", Transport::Usb),
            volume("mmcblk0p1", Transport::Mmc),
            volume("vda1", Transport::Virtio),
            volume("sda1", Transport::Scsi),
            volume("nvme0n1p1", Transport::Nvme),
            Volume {
                device: Device { removable: true, ..volume("sdb1", Transport::Scsi).device },
                ..volume("sdb1", Transport::Scsi)
            },
        ];
        let mut entries: Vec<Entry> =
            volumes.iter().map(|volume| entry(&volume.device.name, &volume.device.name)).collect();
        let expected = "nvme0n1p1 sda1 vda1 mmcblk0p1 sdc1 sr0 sdb1";
        for _ in 0..volumes.len() {
            assert_eq!(elected(&entries, &volumes, &[], &[], ""), expected);
            volumes.rotate_left(1);
            entries.rotate_left(3);
        }
    }

    #[test]
    fn settings_come_before_the_firmware_and_the_firmware_before_the_rest() {
        let volumes = [
            volume("nvme0n1p1", Transport::Nvme),
            volume("sda1", Transport::Scsi),
            volume("sda2", Transport::Scsi),
            volume("sdb1", Transport::Usb),
        ];
        let entries =
            [entry("gone", "sdx1"), entry("n", "nvme0n1p1"), entry("a", "sda2"), entry("b", "sdb1")];
        let cases: [(&[&str], &[&str], &str, &str); 9] = [
            (&[], &[], "", "n a b"),
            // The option names the ESP; the system is on another partition of that disk.
            (&[], &["uuid-of-sda1"], "", "a n b"),
            (&[], &["uuid-of-something-else", "uuid-of-sdb1", "uuid-of-sda1"], "", "b a n"),
            (&[], &["uuid-of-sda1"], "order = usb\norder = PARTUUID=uuid-of-nvme0n1p1", "b n a"),
            (&[], &[], "order = LABEL=label-of-sda2", "a n b"),
            (&["nvme0n1p1"], &[], "", "a b n"),
            (&["nvme0n1p1"], &["uuid-of-nvme0n1p1"], "", "a b n"),
            (&["nvme0n1p1"], &[], "wait = nvme", "n a b"),
            (&["nvme0n1p1"], &[], "default = n", "n a b"),
        ];
        for (late, firmware, config, expected) in cases {
            assert_eq!(
                elected(&entries, &volumes, late, firmware, config),
                expected,
                "{late:?} {firmware:?} {config}"
            );
        }
    }

    #[test]
    fn a_disk_that_leads_to_another_one_gets_no_turn_before_its_own() {
        let volumes = [
            volume("nvme0n1p1", Transport::Nvme),
            volume("sda1", Transport::Scsi),
            volume("sdb1", Transport::Usb),
        ];
        let led = Entry { led_from: Some(reference("sdb1")), default: true, ..entry("led", "nvme0n1p1") };
        let entries = [led, entry("n", "nvme0n1p1"), entry("a", "sda1")];
        assert_eq!(elected(&entries, &volumes, &[], &[], ""), "n a led");
        // The firmware would start the loader on that disk.
        assert_eq!(elected(&entries, &volumes, &[], &["uuid-of-sdb1"], ""), "led n a");
        assert_eq!(elected(&entries, &volumes[..2], &[], &[], ""), "n a");
    }

    #[test]
    fn on_one_volume_the_default_comes_first_and_repair_last() {
        let volumes = [volume("sda2", Transport::Scsi), volume("sda3", Transport::Scsi)];
        let with = |id: &str, change: fn(&mut Entry)| {
            let mut entry = entry(id, "sda2");
            change(&mut entry);
            entry
        };
        let entries = [
            with("repair", |it| it.cmdline = "root=/dev/sda2 single".into()),
            with("older", |_| {}),
            with("default", |it| it.default = true),
            with("same-as-default", |it| {
                it.kernel.as_mut().unwrap().path = "/default".into();
                it.cmdline = "default".into();
            }),
            with("broken", |it| it.problem = Some("kernel is missing".into())),
            with("used-up", |it| it.tries_left = Some(0)),
            with("counted", |it| it.tries_left = Some(2)),
            with("other-loader", |it| it.kind = Kind::Chainload),
            with("memory-test", |it| it.kind = Kind::Multiboot),
            with("xen", |it| {
                it.kind = Kind::Multiboot;
                it.initrds = vec![FileReference::new("sda2".into(), "/vmlinuz".into())];
            }),
            with("without-kernel", |it| it.kernel = None),
            with("hidden", |it| it.hidden = true),
            entry("second-volume", "sda3"),
        ];
        assert_eq!(
            elected(&entries, &volumes, &[], &[], ""),
            "default older counted xen repair second-volume used-up"
        );
        assert_eq!(
            elected(&entries, &volumes, &[], &[], "default = Title of hidden"),
            "hidden default older counted xen repair second-volume used-up"
        );
        assert_eq!(
            elected(&entries, &volumes, &[], &[], "default = broken"),
            "default older counted xen repair second-volume used-up"
        );
        assert_eq!(
            elected(&entries, &volumes, &[], &[], "default = o?der\nnever = x*\nnever = *default"),
            "older counted repair second-volume used-up"
        );
        assert_eq!(
            elected(&entries, &volumes, &[], &[], "only = counted\nonly = re*\nnever = repair"),
            "counted"
        );
    }

    #[test]
    fn on_one_disk_the_elected_entry_comes_first_and_then_the_fallbacks_of_its_loader() {
        let volumes = [
            volume("nvme0n1p1", Transport::Nvme),
            volume("sda2", Transport::Scsi),
            volume("sda3", Transport::Scsi),
        ];
        let mut entries = [
            entry("n", "nvme0n1p1"),
            entry("a", "sda2"),
            entry("b", "sda2"),
            entry("c", "sda3"),
            entry("d", "sda3"),
        ];
        entries[4].hidden = true;
        entries[1].default = true;
        let discovery = Discovery {
            default: Some("c".into()),
            fallback: vec!["gone".into(), "d".into(), "b".into()],
            entries: entries.to_vec(),
            ..Discovery::default()
        };
        for (config, expected) in
            [("", "n c d b a"), ("order = sda", "c d b a n"), ("default = a", "a n c d b")]
        {
            let (settings, _) = Settings::parse(config, "");
            let electorate = Electorate {
                settings: &settings,
                volumes: &volumes,
                late: &NameNumbers::default(),
                firmware: &[],
            };
            let ids: Vec<&str> =
                attempts(&discovery, &electorate).iter().map(|entry| entry.id.as_str()).collect();
            assert_eq!(ids.join(" "), expected, "{config}");
        }
    }

    #[test]
    fn found_kernels_come_after_a_configuration_on_the_same_disk() {
        let volumes = [
            volume("sda1", Transport::Scsi),
            volume("sda2", Transport::Scsi),
            volume("sdb1", Transport::Usb),
        ];
        let mut found = entry("found", "sda1");
        found.source.format = crate::entry::Format::Scan;
        let entries = [found, entry("configured", "sda2"), entry("usb", "sdb1")];
        assert_eq!(elected(&entries, &volumes, &[], &[], ""), "configured found usb");
    }

    #[test]
    fn the_default_can_be_the_newest_or_the_saved_one() {
        let volumes = [volume("sda1", Transport::Scsi), volume("sdb1", Transport::Scsi)];
        let versioned = |id: &str, device: &str, version: &str| Entry {
            version: Some(version.to_owned()).filter(|version| !version.is_empty()),
            ..entry(id, device)
        };
        let entries = vec![
            Entry { default: true, ..versioned("old", "sda1", "6.1.0-9") },
            versioned("none", "sda1", ""),
            Entry { cmdline: "single".into(), ..versioned("repair", "sda1", "6.12.1") },
            Entry { lock: Some(crate::entry::Lock::default()), ..versioned("locked", "sda1", "7") },
            Entry { problem: Some("gone".into()), ..versioned("broken", "sda1", "7") },
            versioned("new", "sda1", "6.1.0-10"),
            versioned("again", "sdb1", "6.1.0-10"),
        ];
        let discovery = Discovery { entries, saved: Some("none".into()), ..Discovery::default() };
        for (config, expected) in [
            ("", "old"),
            ("default = newest", "new"),
            ("default = newest\nnever = new", "again"),
            ("default = newest\nonly = o*", "old"),
            ("default = saved", "none"),
            ("default = [s]aved", "old"),
        ] {
            let (settings, _) = Settings::parse(config, "");
            let electorate = Electorate {
                settings: &settings,
                volumes: &volumes,
                late: &NameNumbers::default(),
                firmware: &[],
            };
            let first = first(&attempts(&discovery, &electorate), |_| false).map(|entry| entry.id.as_str());
            assert_eq!(first, Some(expected), "{config}");
        }
    }

    #[test]
    fn a_locked_first_choice_or_default_stops_and_other_locked_entries_are_passed_over() {
        let make = |name: &str| Entry {
            lock: name.contains('!').then(crate::entry::Lock::default),
            default: name.contains('*'),
            ..entry(name.trim_end_matches(['!', '*']), "sda1")
        };
        for (names, failed, expected) in [
            ("a! b", "", Some("a")),
            ("a b! c", "a", Some("c")),
            ("a b!* c", "a", Some("b")),
            ("a b!", "a", None),
            ("a b", "", Some("a")),
        ] {
            let entries: Vec<Entry> = names.split(' ').map(make).collect();
            let attempts: Vec<&Entry> = entries.iter().collect();
            let found = first(&attempts, |entry| entry.id == failed).map(|entry| entry.id.as_str());
            assert_eq!(found, expected, "{names}");
        }
    }

    #[test]
    fn a_locked_default_counts_even_where_it_could_not_be_booted() {
        let volumes = [volume("sda1", Transport::Scsi)];
        let broken = |locked: bool| Entry {
            default: true,
            lock: locked.then(crate::entry::Lock::default),
            problem: Some("/a: no such file".into()),
            ..entry("a", "sda1")
        };
        assert_eq!(elected(&[broken(true), entry("b", "sda1")], &volumes, &[], &[], ""), "a b");
        assert_eq!(elected(&[broken(false), entry("b", "sda1")], &volumes, &[], &[], ""), "b");
    }

    #[test]
    fn waiting_ends_when_every_named_volume_is_there() {
        let names: Vec<VolumeName> =
            ["LABEL=label-of-sda1", "usb"].iter().filter_map(|name| VolumeName::parse(name)).collect();
        let (disk, stick) = (volume("sda1", Transport::Scsi), volume("sdb1", Transport::Usb));
        assert!(!all_there(&names, std::slice::from_ref(&disk)));
        assert!(all_there(&names, &[stick, disk]));
        assert!(all_there(&[], &[]));
    }
}
