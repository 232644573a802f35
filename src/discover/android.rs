//! Android's boot partitions: one entry for each slot, with the initrds of `vendor_boot` and `init_boot` (U-Boot,
//! doc/android/boot-image.rst and boot/bootmeth_android.c). Tries are not counted down: nothing is written here.

use std::cmp::Reverse;

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, FilesystemKind, Format, Partition, Volume},
    formats::{
        kernel_file::{
            android,
            boot_control::{self, Slot},
        },
        lookup::{BARE_FILE, Lookup},
        sort,
    },
};

/// As much as the headers of all images take, in bytes.
const HEAD: usize = 4096;

/// A partition that a system may be started from, and what the loader tells that system of it.
const SYSTEMS: [(&str, &str); 2] = [("boot", "androidboot.force_normal_boot=1"), ("recovery", "")];

/// Finds the systems on the partitions of a disk.
pub(super) struct Android;

impl Finder for Android {
    fn format(&self) -> Format {
        Format::Android
    }

    /// Each of the partitions leads to all systems of its disk, so that the order among them is one configuration's.
    fn find(&self, lookup: &dyn Lookup, volume: usize, _: &Context) -> Option<Findings> {
        let own = lookup.volumes().get(volume)?;
        let disk = Disk { lookup, name: &own.device.disk };
        disk.label(own)?;
        let record = disk.volume("misc").and_then(|misc| boot_control::parse(&disk.head(misc)?));
        let mut systems = Vec::new();
        for (place, other) in lookup.volumes().iter().enumerate() {
            let Some((partition, label)) = disk.label(other) else { continue };
            let (base, suffix) = match label.split_at_checked(label.len().saturating_sub(2)) {
                Some((base, suffix @ ("_a" | "_b" | "_c" | "_d"))) => (base, suffix),
                _ => (label, ""),
            };
            let Some(system) = SYSTEMS.iter().position(|(name, _)| *name == base) else { continue };
            let number = suffix.bytes().last().and_then(|letter| letter.checked_sub(b'a')).map(usize::from);
            // A slot in no record is broken; without a record, all slots are taken to be good.
            let known = match (number, &record) {
                (None, _) => None,
                (Some(number), Some(slots)) => Some(slots.get(number).copied().unwrap_or(Slot::BROKEN)),
                (Some(_), None) => Slot::of_attributes(partition.attributes),
            };
            let slot = known.unwrap_or(Slot::GOOD);
            if let Some(entry) = disk.entry(place, (system, suffix), slot) {
                systems.push((system, slot, entry));
            }
        }
        if systems.is_empty() {
            return None;
        }
        sort::by_key(&mut systems, |(system, slot, entry)| (*system, Reverse(slot.rank()), entry.id.clone()));
        let is_tried = |(system, slot, _): &&(usize, Slot, Entry)| *system == 0 && slot.is_tried();
        let mut tried = systems.iter().filter(is_tried).map(|(.., entry)| entry.id.clone());
        let mut findings =
            Findings { default: tried.next(), fallback: tried.collect(), ..Findings::default() };
        findings.timeout = findings.default.as_ref().map(|_| 0);
        findings.notes.push(Note {
            action: NoteAction::Used,
            volume: own.reference(),
            path: BARE_FILE.to_owned(),
            message: "an image of Android's; its signature is not checked, and what else the board's loader would put on the command line is not known".into(),
        });
        findings.entries = systems.into_iter().map(|(.., entry)| entry).collect();
        Some(findings)
    }
}

/// The partitions of one disk that have no file system.
struct Disk<'a> {
    lookup: &'a dyn Lookup,
    name: &'a str,
}

impl Disk<'_> {
    fn label<'v>(&self, volume: &'v Volume) -> Option<(&'v Partition, &'v str)> {
        let is_own = volume.filesystem.kind == FilesystemKind::Bare && volume.device.disk == self.name;
        let partition = volume.device.partition.as_ref().filter(|_| is_own)?;
        Some((partition, partition.label.as_deref()?))
    }

    fn volume(&self, label: &str) -> Option<usize> {
        let is_it = |volume: &Volume| self.label(volume).is_some_and(|(_, own)| own == label);
        self.lookup.volumes().iter().position(is_it)
    }

    fn head(&self, volume: usize) -> Option<Vec<u8>> {
        self.lookup.read_at(volume, BARE_FILE, 0, HEAD).ok()
    }

    fn entry(&self, volume: usize, (system, suffix): (usize, &str), slot: Slot) -> Option<Entry> {
        let (base, words) = SYSTEMS.get(system)?;
        let place = Place::of(self.lookup, volume, BARE_FILE)?;
        let image = android::parse(&self.head(volume)?)?;
        let mut cmdline = Vec::new();
        if !suffix.is_empty() {
            cmdline.push(format!("androidboot.slot_suffix={suffix}"));
            cmdline.push((*words).to_owned());
        }
        // Nobody has checked a signature.
        cmdline.extend(["androidboot.verifiedbootstate=orange".to_owned(), image.cmdline]);
        let mut entry = Entry {
            title: format!("Android, {base}{suffix}"),
            kernel: Some(place.reference(BARE_FILE)),
            tries_left: (!slot.successful).then_some(slot.tries.into()),
            ..Entry::new(format!("{base}{suffix}"), place.source(Format::Android, BARE_FILE, None))
        };
        if image.version >= 3 {
            // The vendor's initrds come first, and what is in `boot` itself last.
            let vendor = self.volume(&format!("vendor_boot{suffix}"));
            match vendor.and_then(|vendor| android::parse_vendor(&self.head(vendor)?)) {
                Some(header) => cmdline.push(header.cmdline),
                None => {
                    entry.problem = Some(format!("there is no image on the partition vendor_boot{suffix}"));
                }
            }
            let initrds = vendor.into_iter().chain(self.volume(&format!("init_boot{suffix}")));
            let places = initrds.filter_map(|volume| Place::of(self.lookup, volume, BARE_FILE));
            entry.initrds = places.map(|place| place.reference(BARE_FILE)).collect();
        }
        cmdline.retain(|words| !words.is_empty());
        entry.cmdline = cmdline.join(" ");
        if image.kernel_size == 0 {
            entry.problem = Some("its image holds no kernel".to_owned());
        }
        Some(entry)
    }
}
