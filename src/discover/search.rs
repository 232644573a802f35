//! The three parts of a survey: each disk is searched by itself, then its volumes without any entry for kernels that no
//! configuration names, and at the end everything that was found is weighed together.
//!
//! What is read on a disk can end the search of that disk, or take it over: it speaks for the volumes of that disk and no
//! others.

use std::{io, mem};

use super::{
    FINDERS, GUESSES,
    explain::{Survey, note_used, report},
    finder::{Context, Findings},
    foreign::refuse,
    images::Images,
    live,
    merge::Found,
    metered::Metered,
    owner::{StartedProgram, programs},
    share, unified,
};
use crate::{
    entry::{Entry, FileReference, Format, Volume},
    formats::{lookup::Lookup, sort},
};

/// What was found on some volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Searched {
    /// The results of the finders, volume by volume.
    pub found: Vec<Found>,
    /// Image files that have to be mounted to be read.
    pub images: Vec<FileReference>,
    /// The programs that the firmware starts.
    pub programs: Vec<StartedProgram>,
}

/// Runs the search of some volumes of one disk, here or in a process of its own.
pub(super) type RunSearch<'a> = &'a dyn Fn(&[usize], &dyn Fn() -> Searched) -> io::Result<Searched>;

impl Searched {
    /// Whether it speaks for nothing but these volumes. An entry may be written on another one, where a configuration leads
    /// there.
    pub fn is_about(&self, places: &[usize], volumes: &[Volume]) -> bool {
        let mut own = self.found.iter().map(|found| found.volume);
        let mut programs = self.programs.iter().map(|program| program.volume);
        let is_own = |image: &FileReference| {
            places.iter().filter_map(|place| volumes.get(*place)).any(|volume| image.volume.is(volume))
        };
        own.all(|volume| places.contains(&volume))
            && programs.all(|volume| places.contains(&volume))
            && self.images.iter().all(is_own)
    }

    fn append(&mut self, mut other: Self) {
        self.found.append(&mut other.found);
        self.images.append(&mut other.images);
        self.programs.append(&mut other.programs);
    }

    /// Brings it into the order of the volumes, and on each of them of the finders: guesses after them, live media last.
    fn sort(&mut self) {
        let turn = |format: Format| (format == Format::Live, format.is_guess());
        sort::by_key(&mut self.found, |found| (found.volume, turn(found.format)));
        sort::by_key(&mut self.programs, |program| program.turn);
    }
}

/// The volumes' places by the disks that they lie on, in the order of the volumes. Who wrote one volume of a disk may have
/// written all of it.
pub(super) fn by_disk(volumes: &[Volume]) -> Vec<Vec<usize>> {
    let mut disks: Vec<Vec<usize>> = Vec::new();
    for (place, volume) in volumes.iter().enumerate() {
        let shares = |other: &usize| {
            volumes.get(*other).is_some_and(|other| {
                volume.device.shares_disk(&other.device) || other.device.shares_disk(&volume.device)
            })
        };
        // A volume on several disks makes one of them.
        let mut own = vec![place];
        disks.retain_mut(|disk| {
            let is_shared = disk.iter().any(shares);
            if is_shared {
                own.append(disk);
            }
            !is_shared
        });
        sort::ascending(&mut own);
        disks.push(own);
    }
    sort::by_key(&mut disks, |disk| disk.first().copied());
    disks
}

/// Searches all volumes, disk by disk.
///
/// # Errors
/// The first error of `run`.
pub(super) fn search(lookup: &dyn Lookup, context: &Context, run: RunSearch<'_>) -> io::Result<Searched> {
    let volumes = lookup.volumes();
    let disks = by_disk(volumes);
    let mut all = Searched::default();
    for disk in &disks {
        all.append(run(disk, &|| configurations(lookup, context, disk))?);
    }
    all.sort();
    let offered: Vec<&Entry> = all.found.iter().flat_map(Found::entries).collect();
    let is_searched = |place: &usize| {
        let mut own = all.found.iter().filter(|found| found.volume == *place && found.format != Format::Live);
        own.all(|found| found.entries().is_empty())
            && volumes.get(*place).is_some_and(|volume| live::put_down(volume, context).is_none())
    };
    let mut guessed = Searched::default();
    for disk in &disks {
        let bare: Vec<usize> = disk.iter().copied().filter(is_searched).collect();
        if !bare.is_empty() {
            guessed.append(run(&bare, &|| guesses(lookup, context, &bare, &offered))?);
        }
    }
    all.append(guessed);
    all.sort();
    for found in &mut all.found {
        let disk = disks.iter().find(|disk| disk.contains(&found.volume));
        let own = disk.into_iter().flatten().filter_map(|place| volumes.get(*place));
        let leads = volumes.get(found.volume).map(Volume::reference);
        let entries = found.findings.iter_mut().flat_map(|findings| &mut findings.entries);
        entries.for_each(|entry| {
            let is_own = own.clone().any(|volume| entry.source.volume.is(volume));
            entry.led_from = leads.clone().filter(|_| !is_own);
        });
    }
    share::limit(volumes, &mut all.found);
    Ok(all)
}

/// Notes when the newest of each entry's kernel and initrds was changed.
fn note_ages(lookup: &dyn Lookup, findings: &mut Findings) {
    for entry in &mut findings.entries {
        let files = entry.kernel.iter().chain(&entry.initrds).filter(|file| file.inside.is_none());
        let times = files.filter_map(|file| {
            let volume = lookup.volumes().iter().position(|volume| file.volume.is(volume))?;
            u64::try_from(lookup.status(volume, &file.path, true)?.modified).ok()
        });
        entry.modified = times.max().unwrap_or(0);
    }
}

/// What the configurations on some volumes offer, and what lies on them to be mounted.
fn configurations(lookup: &dyn Lookup, context: &Context, places: &[usize]) -> Searched {
    let volumes = lookup.volumes();
    let mut searched = Searched::default();
    for volume in places.iter().copied() {
        let lookup = Metered::new(lookup);
        let images = Images::new(&lookup);
        let own = volumes.get(volume).and_then(|volume| live::put_down(volume, context));
        for finder in FINDERS {
            let mut findings = finder.find(&images, volume, context);
            if let Some(findings) = &mut findings {
                note_used(findings);
                refuse(&images, findings);
                note_ages(&lookup, findings);
                own.iter().for_each(|path| live::offer_only(findings, path));
            }
            let exhausted = lookup.exhausted();
            searched.found.push(Found { volume, format: finder.format(), findings, exhausted });
        }
        searched.images.append(&mut images.wanted());
        let mut findings = live::search(FINDERS, &lookup, volume, context);
        if let Some(findings) = &mut findings {
            note_used(findings);
            searched.images.append(&mut findings.images);
        }
        searched.found.push(Found { volume, format: Format::Live, findings, exhausted: lookup.exhausted() });
    }
    searched.programs = programs(lookup, context, |volume| places.contains(&volume));
    searched
}

/// The kernels on some volumes that no configuration names.
fn guesses(lookup: &dyn Lookup, context: &Context, places: &[usize], offered: &[&Entry]) -> Searched {
    let mut searched = Searched::default();
    for volume in places.iter().copied() {
        let lookup = Metered::new(lookup);
        for (format, guess) in GUESSES {
            let mut findings = guess(&lookup, volume, offered);
            if let Some(findings) = &mut findings {
                let warnings = &mut findings.warnings;
                unified::complete_chained(&lookup, context, findings.entries.iter_mut(), warnings);
                refuse(&lookup, findings);
                note_ages(&lookup, findings);
            }
            searched.found.push(Found { volume, format: *format, findings, exhausted: lookup.exhausted() });
        }
    }
    searched
}

/// Weighs together what was found on these volumes.
pub(super) fn conclude(volumes: &[Volume], context: &Context, mut searched: Searched) -> Survey {
    let images = mem::take(&mut searched.images);
    Survey { images, ..report(volumes, context, searched.found, &searched.programs) }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    #[test]
    fn an_entry_is_as_old_as_the_newest_of_its_files() {
        let configuration =
            "menuentry a { linux /k; initrd /i }\nmenuentry b { linux /k }\nmenuentry c { linux /none }\n";
        let files = tree(&[("boot/grub/grub.cfg", configuration), ("k", "x"), ("i", "x")]);
        for (name, seconds) in [("k", 1_000), ("i", 2_000)] {
            let file = File::options().write(true).open(files.path().join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }
        let open = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let searched = search(&open, &Context::default(), &|_, search| Ok(search())).unwrap();
        let ages = searched.found.iter().flat_map(Found::entries).map(|entry| entry.modified);
        assert_eq!(ages.collect::<Vec<_>>(), [2_000, 1_000, 0]);
    }

    #[test]
    fn volumes_belong_to_the_disks_that_they_lie_on() {
        let on = |name: &str, beneath: &[&str]| {
            let mut volume = volume(name, FilesystemKind::Ext4);
            volume.device.beneath = beneath.iter().map(|name| (*name).to_owned()).collect();
            volume
        };
        let (a, b, c) = (on("sda1", &[]), on("sdb1", &[]), on("sdc1", &[]));
        let a2 = on("sda2", &[]);
        let array = on("md0", &["sda", "sda1", "sdb", "sdb1"]);
        let image = Volume::in_image(&c, "/x.iso", 9, c.filesystem.clone());
        for (volumes, disks) in [
            (vec![], vec![]),
            (vec![&a, &b, &a2, &c], vec![vec![0, 2], vec![1], vec![3]]),
            (vec![&a, &c, &b, &array], vec![vec![0, 2, 3], vec![1]]),
            (vec![&array, &b, &a], vec![vec![0, 1, 2]]),
            (vec![&a, &image, &c], vec![vec![0], vec![1, 2]]),
        ] {
            let volumes: Vec<Volume> = volumes.into_iter().cloned().collect();
            assert_eq!(by_disk(&volumes), disks, "{volumes:#?}");
        }
    }
}
