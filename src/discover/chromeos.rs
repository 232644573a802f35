//! ChromeOS's kernel partitions: the kernels of a disk, in the order in which the firmware's loader tries them
//! (vboot_reference, firmware/lib/cgptlib). It would count tries down; nothing is written here.

use std::cmp::Reverse;

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, FilesystemKind, Format, Partition, Volume},
    formats::{
        kernel_file::{
            BARE_HEAD,
            chromeos::{self, Standing},
        },
        lookup::{BARE_FILE, Lookup},
        sort, text,
    },
};

/// The partition type of kernels.
const KERNEL: &str = "fe3a2a5d-4f32-41a7-b725-accc3285a309";

/// Finds the kernels on the partitions of a disk.
pub(super) struct Chromeos;

impl Finder for Chromeos {
    fn format(&self) -> Format {
        Format::Chromeos
    }

    /// Each kernel partition leads to all of its disk, so that the order among them is one configuration's.
    fn find(&self, lookup: &dyn Lookup, volume: usize, _: &Context) -> Option<Findings> {
        let own = lookup.volumes().get(volume)?;
        kernel_partition(own)?;
        let mut kernels: Vec<(Standing, u32, Entry)> = Vec::new();
        for (place, other) in lookup.volumes().iter().enumerate() {
            let partition = kernel_partition(other).filter(|_| other.device.disk == own.device.disk);
            let found = partition
                .and_then(|it| Some((Standing::of(it.attributes), it.number, entry(lookup, place, it)?)));
            kernels.extend(found);
        }
        // One that is not tried comes after those that are.
        sort::by_key(&mut kernels, |(standing, number, _)| {
            (Reverse(standing.is_tried().then_some(standing.priority)), *number)
        });
        let mut tried =
            kernels.iter().filter(|(standing, ..)| standing.is_tried()).map(|(_, _, entry)| entry.id.clone());
        let mut findings =
            Findings { default: tried.next(), fallback: tried.collect(), ..Findings::default() };
        findings.timeout = findings.default.as_ref().map(|_| 0);
        let Standing { priority, tries, successful } = Standing::of(kernel_partition(own)?.attributes);
        findings.notes.push(Note {
            action: NoteAction::Used,
            volume: own.reference(),
            path: BARE_FILE.to_owned(),
            message: format!(
                "a kernel with priority {priority} and {tries} tries left, which has {} well; its signature is not checked",
                if successful { "started" } else { "not yet started" }
            ),
        });
        findings.entries = kernels.into_iter().map(|(_, _, entry)| entry).collect();
        Some(findings)
    }
}

fn kernel_partition(volume: &Volume) -> Option<&Partition> {
    let partition = volume.device.partition.as_ref()?;
    let is_kernel =
        volume.filesystem.kind == FilesystemKind::Bare && partition.type_id.as_deref() == Some(KERNEL);
    is_kernel.then_some(partition)
}

fn entry(lookup: &dyn Lookup, volume: usize, partition: &Partition) -> Option<Entry> {
    let place = Place::of(lookup, volume, BARE_FILE)?;
    let image = chromeos::parse(&lookup.read_at(volume, BARE_FILE, 0, BARE_HEAD).ok()?)?;
    let length = usize::try_from(image.cmdline.size).ok()?;
    let field = lookup.read_at(volume, BARE_FILE, image.cmdline.offset, length).ok()?;
    let cmdline = text::decode(field.split(|&byte| byte == 0).next()?);
    let standing = Standing::of(partition.attributes);
    let name = partition.label.clone().unwrap_or_else(|| place.device.to_owned());
    Some(Entry {
        title: format!("ChromeOS, {name}"),
        kernel: Some(place.reference(BARE_FILE)),
        cmdline: chromeos::complete(cmdline.trim(), partition.uuid.as_deref().unwrap_or_default()),
        tries_left: (!standing.successful).then_some(standing.tries.into()),
        ..Entry::new(name, place.source(Format::Chromeos, BARE_FILE, None))
    })
}
