//! From what each finder made of each volume to one list: entries once and under unique ids, one default, one timeout.

use super::{finder::Findings, owner::Owner};
use crate::{
    entry::{
        Discovery, Entry, FileReference, Format, Kind, Lock, Password, Source, TimeoutStyle, Volume,
        VolumeReference, Warning,
    },
    formats::name_table::NameNumbers,
};

/// The result of one finder on one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The volume's place in the order of search.
    pub volume: usize,
    /// The finder's format.
    pub format: Format,
    /// The findings; `None` where there is nothing of its family.
    pub findings: Option<Findings>,
    /// The limit that cut its search short.
    pub exhausted: Option<String>,
}

impl Found {
    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        self.findings.as_ref().map_or(&[], |findings| &findings.entries)
    }
}

/// The results of all finders together, and how much of each was there already.
pub(super) struct Merged {
    pub discovery: Discovery,
    /// For each [`Found`]: how many of its entries another way had led to already.
    pub repeated: Vec<usize>,
}

/// The entry that one loader would boot on its own.
struct Candidate {
    volume: usize,
    format: Format,
    /// Its place in the list.
    entry: usize,
    timeout: Option<u32>,
    timeout_style: TimeoutStyle,
    /// The place of the one that it has saved as its default.
    saved: Option<usize>,
    /// Places of what it would boot when that fails.
    fallback: Vec<usize>,
    /// Which entries, by their places, are its own, where it asks for a password before its command line, and that lock.
    lock: Option<(Vec<bool>, Lock)>,
    /// Another of its own entries can take the default's place.
    has_other: bool,
}

/// Joins findings in their order.
pub(super) fn merge(volumes: &[Volume], found: Vec<Found>, owners: &[Owner]) -> Merged {
    let mut merging = Merging::default();
    let mut repeated = Vec::new();
    let kept: Vec<usize> = (0..volumes.len())
        .map(|volume| {
            let own = found.iter().filter(|found| found.volume == volume);
            own.filter_map(|found| found.findings.as_ref()).map(|findings| findings.entries.len()).sum()
        })
        .collect();
    for found in found {
        if let (Some(limit), Some(volume)) = (&found.exhausted, volumes.get(found.volume)) {
            let kept = kept.get(found.volume).copied().unwrap_or_default();
            merging.warn(Warning {
                volume: volume.reference(),
                path: "/".into(),
                line: None,
                message: format!(
                    "the search of this volume was cut short after {limit}; {kept} entries were found until then"
                ),
            });
        }
        repeated.push(merging.add(found));
    }
    let Merging { mut entries, passwords, warnings, mut candidates, .. } = merging;
    make_ids_unique(volumes, &mut entries);
    candidates.extend(owners.iter().filter_map(|owner| started(volumes, &entries, owner)));
    let elected = elect(volumes, &candidates, &entries, owners);
    let default = elected.and_then(|candidate| entries.get(candidate.entry)).map(|entry| entry.id.clone());
    let saved = elected.and_then(|candidate| entries.get(candidate.saved?)).map(|entry| entry.id.clone());
    let (timeout, timeout_style, fallback, own) = match elected {
        Some(Candidate { timeout, timeout_style, fallback, lock, .. }) => {
            (*timeout, *timeout_style, fallback.as_slice(), lock.as_ref())
        }
        None => Default::default(),
    };
    let fallback =
        fallback.iter().filter_map(|place| entries.get(*place)).map(|entry| entry.id.clone()).collect();
    if let Some((own, lock)) = own {
        // Whoever has no password gets at nothing but what this loader offers, on whatever disk. Whoever has one gets at
        // everything, as with this loader's own command line.
        let others = entries.iter_mut().enumerate().filter(|(place, _)| own.get(*place) != Some(&true));
        others.for_each(|(_, entry)| entry.lock = Some(lock.clone()));
    }
    let lock = own.map(|(_, lock)| lock.clone());
    let discovery =
        Discovery { timeout, timeout_style, default, saved, fallback, lock, passwords, warnings, entries };
    Merged { discovery, repeated }
}

#[derive(Default)]
struct Merging {
    entries: Vec<Entry>,
    passwords: Vec<Password>,
    warnings: Vec<Warning>,
    known_warnings: NameNumbers,
    candidates: Vec<Candidate>,
    /// Where each entry went, by the place where it is written: two ways that lead there (the stub on the ESP, the
    /// configuration itself) lead to one entry.
    places: NameNumbers,
    /// The volumes that configurations led from to other disks.
    leading: Vec<VolumeReference>,
}

/// Names the place where an entry is written, and the volume of another disk whose configuration led there.
fn place_name(source: &Source, led_from: Option<&VolumeReference>) -> String {
    let line = source.line.unwrap_or_default().to_string();
    let led_from = led_from.map_or("", |volume| &volume.name);
    let inside = source.inside.as_deref().unwrap_or_default();
    [&*source.volume.name, &source.path, inside, &line, led_from].join("\0")
}

impl Merging {
    /// Takes what is new and tells how many entries were not.
    fn add(&mut self, found: Found) -> usize {
        let Findings {
            entries,
            default,
            saved,
            timeout,
            timeout_style,
            fallback,
            warnings,
            lock,
            mut passwords,
            ..
        } = found.findings.unwrap_or_default();
        let (before, count) = (self.passwords.len(), passwords.len());
        self.passwords.append(&mut passwords);
        let mut repeated = 0_usize;
        let mut new_places: Vec<(String, usize)> = Vec::new();
        let (mut default_place, mut saved_place) = (None, None);
        // Of several entries with one id, the finder may have said which it means.
        let is_marked = entries.iter().any(|entry| entry.default && default.as_deref() == Some(&entry.id));
        let mut fallback_places = vec![None; fallback.len()];
        let mut own: Vec<bool> = Vec::new();
        let mut has_other = false;
        for (number, mut entry) in entries.into_iter().enumerate() {
            if entry.id.contains('\0') {
                self.warn(Warning {
                    volume: entry.source.volume,
                    path: entry.source.path,
                    line: entry.source.line,
                    message: "an entry is passed over: its name contains a zero byte, which no argument or variable can hold"
                        .into(),
                });
                continue;
            }
            entry.lock = entry.lock.map(|lock| lock.moved(count, before));
            let is_new = |volume: &&VolumeReference| !self.leading.contains(volume);
            let new = entry.led_from.as_ref().filter(is_new).cloned();
            self.leading.extend(new);
            let as_saved = saved.as_ref() == Some(&entry.id);
            let as_fallback = fallback.iter().position(|id| *id == entry.id);
            let is_default = default_place.is_none()
                && default.as_deref() == Some(&entry.id)
                && (entry.default || !is_marked);
            let origin = place_name(&entry.source, entry.led_from.as_ref());
            let place = match self.known(&origin, &entry) {
                Some(place) => {
                    repeated = repeated.saturating_add(1);
                    if let Some(known) = self.entries.get_mut(place) {
                        known.lock = known.lock.take().or(entry.lock);
                        known.led_from = known.led_from.take().and(entry.led_from);
                    }
                    place
                }
                None => {
                    // One statement in a loop makes many entries: they are no repetition of each other.
                    new_places.push((origin, self.entries.len()));
                    entry.default = is_default;
                    self.entries.push(entry);
                    self.entries.len().saturating_sub(1)
                }
            };
            if lock.as_ref().is_some_and(|(count, _)| number < *count) {
                own.resize(own.len().max(place.saturating_add(1)), false);
                own.get_mut(place).into_iter().for_each(|is_own| *is_own = true);
            }
            if is_default {
                default_place = Some(place);
            }
            if as_saved {
                saved_place.get_or_insert(place);
            }
            has_other |= self.entries.get(place).is_some_and(can_take_a_place);
            if let Some(slot) = as_fallback.and_then(|at| fallback_places.get_mut(at)) {
                slot.get_or_insert(place);
            }
        }
        // The first one that is written at a place is the one that others repeat.
        for (name, place) in new_places.into_iter().rev() {
            self.places.insert(name, place);
        }
        self.candidates.extend(default_place.map(|entry| Candidate {
            volume: found.volume,
            format: found.format,
            entry,
            timeout,
            timeout_style,
            saved: saved_place,
            fallback: fallback_places.into_iter().flatten().collect(),
            lock: lock.map(|(_, lock)| (own, lock.moved(count, before))),
            has_other,
        }));
        for warning in warnings {
            self.warn(warning);
        }
        repeated
    }

    /// The place of the entry that another way had led to already. What another disk says of an entry counts as the same entry
    /// only where it says the same.
    fn known(&self, origin: &str, entry: &Entry) -> Option<usize> {
        let says_the_same = |place: &usize| {
            let plain = |it: &Entry| Entry { default: false, lock: None, led_from: None, ..it.clone() };
            self.entries.get(*place).is_some_and(|known| plain(known) == plain(entry))
        };
        let others = self.leading.iter().map(Some).chain([None]);
        let mut others = others
            .filter(|other| *other != entry.led_from.as_ref())
            .filter_map(|other| self.places.get(&place_name(&entry.source, other)));
        self.places.get(origin).or_else(|| others.find(says_the_same))
    }

    /// Keeps a warning once; two ways to one file give it twice.
    fn warn(&mut self, warning: Warning) {
        let Warning { volume, path, line, message } = &warning;
        let line = line.unwrap_or_default();
        if self.known_warnings.is_new(format!("{volume}\0{path}\0{line}\0{message}")) {
            self.warnings.push(warning);
        }
    }
}

/// The first disk with a default that can be booted, or with something that can take its place, decides, and on it the loader that the firmware starts, then a
/// configuration before a guess. One that asks for passwords decides even where its default cannot be booted: nothing else
/// takes its place. Where none can be booted, what its loader would have tried is still named, with its timeout; the boot
/// room starts no such entry.
fn elect<'a>(
    volumes: &[Volume],
    candidates: &'a [Candidate],
    entries: &[Entry],
    owners: &[Owner],
) -> Option<&'a Candidate> {
    let disk = |volume: usize| volumes.get(volume).map(|volume| volume.device.disk.as_str());
    let rank = |candidate: &&Candidate| {
        let own = disk(candidate.volume);
        let first = (0..volumes.len()).find(|volume| disk(*volume) == own);
        let entry = entries.get(candidate.entry);
        let broken = candidate.lock.is_none()
            && !candidate.has_other
            && entry.is_none_or(|entry| entry.problem.is_some() && entry.lock.is_none());
        let owner = owners.iter().find(|owner| disk(owner.volume) == own);
        let foreign = owner.map(|owner| {
            let kernel = entry.and_then(|entry| entry.kernel.as_ref());
            let is_started = kernel.is_some_and(|kernel| owner.is(&kernel.path));
            (candidate.format != owner.format, !is_started, candidate.volume != owner.volume)
        });
        (broken, first, foreign, candidate.format.is_guess())
    };
    candidates.iter().min_by_key(rank)
}

/// The entry of an image that the firmware starts by itself.
fn started(volumes: &[Volume], entries: &[Entry], owner: &Owner) -> Option<Candidate> {
    let volume = volumes.get(owner.volume)?;
    let is_it = |file: &FileReference| file.volume.is(volume) && owner.is(&file.path);
    // An image may be an entry that boots the files which it names.
    let is_its_file = |entry: &Entry| entry.source.volume.is(volume) && owner.is(&entry.source.path);
    let is_started = |entry: &Entry| is_its_file(entry) || entry.kernel.as_ref().is_some_and(is_it);
    let entry = entries.iter().position(is_started)?;
    Some(Candidate {
        volume: owner.volume,
        format: owner.format,
        entry,
        timeout: Some(0),
        timeout_style: TimeoutStyle::Hidden,
        saved: None,
        fallback: Vec::new(),
        lock: None,
        has_other: false,
    })
}

/// Whether it boots where a default cannot be booted.
fn can_take_a_place(entry: &Entry) -> bool {
    entry.problem.is_none()
        && !entry.hidden
        && entry.lock.is_none()
        && matches!(entry.kind, Kind::Linux | Kind::Uki)
        && entry.tries_left != Some(0)
}

/// The ids of those entries that stand on copies of one disk alike, by their places.
fn ids_of_copies(volumes: &[Volume], entries: &[Entry]) -> Vec<(usize, String)> {
    let mut copies: Vec<(&VolumeReference, Vec<&Volume>)> = Vec::new();
    let references: Vec<_> = volumes.iter().map(Volume::reference).collect();
    for (reference, volume) in references.iter().zip(volumes) {
        let others: Vec<_> = volumes.iter().filter(|other| volume.is_copy_of(other)).collect();
        if !others.is_empty() {
            copies.push((reference, others));
        }
    }
    let others = |volume: &VolumeReference| {
        copies.iter().find(|(copy, _)| *copy == volume).map(|(_, others)| others.as_slice())
    };
    let on_copies = entries.iter().enumerate().filter(|(_, entry)| others(&entry.source.volume).is_some());
    let name = |volume: &VolumeReference, entry: &Entry| format!("{volume}\0{}", entry.id);
    let known: NameNumbers = on_copies.clone().map(|(_, entry)| name(&entry.source.volume, entry)).collect();
    let is_twice = |entry: &Entry| {
        let others = others(&entry.source.volume).unwrap_or_default().iter();
        others.map(|other| other.reference()).any(|other| known.contains(&name(&other, entry)))
    };
    let twice = on_copies.filter(|(_, entry)| is_twice(entry));
    twice.map(|(place, entry)| (place, format!("{}@{}", entry.id, entry.source.volume))).collect()
}

/// The first keeps its id; later ones get the volume's name after it, and a count where even that is not enough. Of copies of
/// one disk none is the first.
fn make_ids_unique(volumes: &[Volume], entries: &mut [Entry]) {
    for (place, id) in ids_of_copies(volumes, entries) {
        if let Some(entry) = entries.get_mut(place) {
            entry.id = id;
        }
    }
    let mut taken = NameNumbers::default();
    // Thousands of equal ids must not each be counted up from the beginning.
    let mut counts = NameNumbers::default();
    for entry in entries {
        if taken.is_new(entry.id.clone()) {
            continue;
        }
        let on_volume = format!("{}@{}", entry.id, entry.source.volume);
        loop {
            let before = counts.count(on_volume.clone());
            let number = before.saturating_add(1);
            entry.id = if before == 0 { on_volume.clone() } else { format!("{on_volume}#{number}") };
            if taken.is_new(entry.id.clone()) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::{
            discover,
            finder::Context,
            testing::{self, tree, volume},
        },
        entry::{FilesystemKind, Kind, Secret},
    };

    /// An entry written on `line` of `file` on `device`.
    fn entry(id: &str, device: &str, file: &str, line: u32) -> Entry {
        Entry {
            id: id.into(),
            title: id.into(),
            kind: Kind::Linux,
            source: Source {
                format: Format::Grub,
                volume: device.into(),
                path: file.into(),
                inside: None,
                line: Some(line),
            },
            ..Entry::default()
        }
    }

    fn found(volume: usize, entries: &[Entry], default: &str, timeout: u32) -> Found {
        let findings = Findings {
            entries: entries.to_vec(),
            default: Some(default.into()),
            timeout: Some(timeout),
            ..Findings::default()
        };
        Found { volume, format: Format::Grub, findings: Some(findings), exhausted: None }
    }

    fn volumes(names: &[&str]) -> Vec<Volume> {
        names.iter().map(|name| volume(name, FilesystemKind::Ext4)).collect()
    }

    /// Ids, default ones in brackets; the elected default; the timeout.
    fn merged(names: &[&str], found: Vec<Found>) -> (String, Option<String>, Option<u32>) {
        let Discovery { entries, default, timeout, .. } = merge(&volumes(names), found, &[]).discovery;
        let shown = entries.iter().map(|entry| match entry.default {
            true => format!("[{}]", entry.id),
            false => entry.id.clone(),
        });
        (shown.collect::<Vec<_>>().join(" "), default, timeout)
    }

    fn expected(ids: &str, default: &str, timeout: u32) -> (String, Option<String>, Option<u32>) {
        (ids.into(), Some(default.into()), Some(timeout))
    }

    #[test]
    fn two_ways_to_one_configuration_give_its_entries_once() {
        let own = [entry("a", "sda2", "/grub.cfg", 3), entry("b", "sda2", "/grub.cfg", 9)];
        let more = [own[0].clone(), own[1].clone(), entry("c", "sda2", "/custom.cfg", 1)];
        let found = vec![found(0, &own, "b", 5), found(1, &more, "a", 7)];
        let merged_twice = merge(&volumes(&["sda1", "sda2"]), found, &[]);
        assert_eq!(merged_twice.repeated, [0, 2]);
        let ids: Vec<_> = merged_twice.discovery.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert_eq!(merged_twice.discovery.default.as_deref(), Some("b"));
    }

    #[test]
    fn another_disk_adds_to_an_entry_only_what_its_own_disk_says_as_well() {
        let own = entry("a", "sda2", "/grub.cfg", 3);
        let led = |cmdline: &str| Entry {
            led_from: Some("sdb1".into()),
            cmdline: cmdline.into(),
            default: true,
            ..own.clone()
        };
        let names = ["sda2", "sdb1"];
        let own_first = |led| vec![found(0, std::slice::from_ref(&own), "a", 5), found(1, &[led], "a", 1)];
        let own_last = |led| vec![found(0, &[led], "a", 1), found(1, std::slice::from_ref(&own), "a", 5)];
        for (found, ids, led_from) in [
            (own_first(led("")), "[a]", vec![None]),
            (own_last(led("")), "[a]", vec![None]),
            (own_first(led("init=/evil")), "[a] [a@sda2]", vec![None, Some("sdb1".into())]),
            (own_last(led("init=/evil")), "[a] [a@sda2]", vec![Some("sdb1".into()), None]),
        ] {
            let entries = merge(&volumes(&names), found.clone(), &[]).discovery.entries;
            assert_eq!(entries.into_iter().map(|entry| entry.led_from).collect::<Vec<_>>(), led_from);
            assert_eq!(merged(&names, found).0, ids);
        }
    }

    #[test]
    fn a_loop_makes_many_entries_on_one_line() {
        let own = [entry("a", "sda2", "/grub.cfg", 3), entry("b", "sda2", "/grub.cfg", 3)];
        assert_eq!(merged(&["sda2"], vec![found(0, &own, "a", 5)]), expected("[a] b", "a", 5));
    }

    #[test]
    fn copies_of_one_disk_have_ids_that_neither_had_alone() {
        let found = |names: &[&str]| {
            let found = names.iter().enumerate().map(|(place, name)| {
                found(place, &[entry("a", name, "/grub.cfg", 1), entry(name, name, "/grub.cfg", 2)], "a", 5)
            });
            let mut volumes = volumes(names);
            volumes.iter_mut().for_each(|volume| volume.filesystem.uuid = Some("one".into()));
            let discovery = merge(&volumes, found.collect(), &[]).discovery;
            let ids: Vec<String> = discovery.entries.into_iter().map(|entry| entry.id).collect();
            (ids.join(" "), discovery.default.unwrap())
        };
        assert_eq!(found(&["sda1"]), ("a sda1".into(), "a".into()));
        assert_eq!(found(&["sda1", "sdb1"]), ("a@sda1 sda1 a@sdb1 sdb1".into(), "a@sda1".into()));
        assert_eq!(found(&["sdb1", "sda1"]), ("a@sdb1 sdb1 a@sda1 sda1".into(), "a@sdb1".into()));
    }

    #[test]
    fn ids_are_made_unique_and_the_default_keeps_pointing_at_its_entry() {
        let first = [entry("a", "sda2", "/grub.cfg", 1), entry("a", "sda2", "/grub.cfg", 2)];
        let second = [entry("a", "sdb1", "/grub.cfg", 1), entry("a@sdb1", "sdb1", "/grub.cfg", 2)];
        assert_eq!(
            merged(&["sdb1", "sda2"], vec![found(0, &second, "a@sdb1", 1), found(1, &first, "a", 2)]),
            expected("a [a@sdb1] [a@sda2] a@sda2#2", "a@sdb1", 1)
        );
    }

    #[test]
    fn the_first_disk_decides_and_on_it_a_configuration_before_a_guess() {
        let scan = |volume, id: &str, device| Found {
            format: Format::Scan,
            ..found(volume, &[entry(id, device, id, 0)], id, 5)
        };
        let config = |volume, id: &str, device| found(volume, &[entry(id, device, id, 0)], id, 9);
        let names = ["sda1", "sda2", "sdb1"];
        for (found, default, timeout) in [
            (vec![scan(0, "s", "sda1"), config(1, "c", "sda2"), config(2, "d", "sdb1")], "c", 9),
            (vec![scan(0, "s", "sda1"), config(2, "d", "sdb1")], "s", 5),
            (vec![config(1, "c", "sda2"), config(2, "d", "sdb1")], "c", 9),
        ] {
            let (_, elected, seconds) = merged(&names, found);
            assert_eq!((elected.as_deref(), seconds), (Some(default), Some(timeout)));
        }
    }

    #[test]
    fn on_a_disk_the_loader_that_the_firmware_starts_decides() {
        let names = ["sda1", "sda2", "sdb1"];
        let bls = |volume, id: &str, device| {
            let mut entry = entry(id, device, id, 0);
            entry.kernel = Some(FileReference::new(device.into(), format!("/EFI/Linux/{id}.efi")));
            let mut other = entry.clone();
            other.id = format!("{id}2");
            other.source.path = other.id.clone();
            other.kernel = Some(FileReference::new(device.into(), format!("/EFI/Linux/{id}2.efi")));
            Found { format: Format::Bls, ..found(volume, &[entry, other], id, 3) }
        };
        let config = |volume, id: &str, device| found(volume, &[entry(id, device, id, 0)], id, 9);
        let all = || {
            vec![
                config(0, "stub", "sda1"),
                bls(0, "b", "sda1"),
                config(1, "g", "sda2"),
                config(2, "d", "sdb1"),
            ]
        };
        let owner = |volume, format, program: &str| Owner { volume, format, program: program.into() };
        for (owners, default, timeout) in [
            (vec![], "stub", 9),
            (vec![owner(0, Format::Bls, "/EFI/systemd/systemd-bootx64.efi")], "b", 3),
            (vec![owner(0, Format::Bls, "/efi/linux/B2.EFI")], "b2", 0),
            (vec![owner(1, Format::Grub, "/EFI/x/grubx64.efi")], "g", 9),
            // The order of disks is the election's; here it only counts on each disk.
            (vec![owner(2, Format::Bls, "/EFI/x/x.efi"), owner(0, Format::Bls, "/EFI/x/x.efi")], "b", 3),
        ] {
            let discovery = merge(&volumes(&names), all(), &owners).discovery;
            assert_eq!(
                (discovery.default.as_deref(), discovery.timeout),
                (Some(default), Some(timeout)),
                "{owners:?}"
            );
        }
    }

    fn password(user: &str) -> Password {
        Password { user: Some(user.to_owned()), secret: Secret::Plain("x".to_owned()) }
    }

    #[test]
    fn a_loader_that_asks_for_passwords_locks_what_it_does_not_offer_itself() {
        let own = [entry("a", "sda1", "/grub.cfg", 1), entry("b", "sda1", "/grub.cfg", 2)];
        let more = [own.to_vec(), vec![entry("c", "sda1", "/old.cfg", 1)]].concat();
        let guarded = |first: &Entry| {
            let mut found = found(0, &[std::slice::from_ref(first), &more[1..]].concat(), "a", 5);
            let findings = found.findings.as_mut().unwrap();
            findings.passwords = vec![password("root"), password("alice")];
            // Places that are none open nothing, least of all with another's password.
            findings.lock = Some((2, Lock { passwords: vec![0, 7] }));
            found
        };
        let other = || {
            let mut found = found(1, &[entry("d", "sdb1", "/grub.cfg", 1)], "d", 5);
            found.findings.as_mut().unwrap().passwords = vec![password("bob")];
            found
        };
        let locks = |found: Vec<Found>, names: &[&str]| {
            let discovery = merge(&volumes(names), found, &[]).discovery;
            let users = |lock: &Lock| {
                let users =
                    lock.passwords.iter().map(|place| discovery.passwords[*place].user.clone().unwrap());
                users.collect::<Vec<_>>().join(",")
            };
            let locked = discovery.entries.iter().filter_map(|entry| Some((&entry.id, entry.lock.as_ref()?)));
            let locked: Vec<String> = locked.map(|(id, lock)| format!("{id}:{}", users(lock))).collect();
            (discovery.lock.as_ref().map(users), discovery.default, locked.join(" "))
        };
        let expected = |lock: Option<&str>, default: &str, ids: &str| {
            (lock.map(str::to_owned), Some(default.to_owned()), ids.to_owned())
        };
        let sda_first = ["sda1", "sdb1"];
        assert_eq!(
            locks(vec![guarded(&own[0]), other()], &sda_first),
            expected(Some("root"), "a", "c:root d:root")
        );
        // It decides even where its default cannot be booted.
        let broken = Entry { problem: Some("gone".into()), ..own[0].clone() };
        assert_eq!(
            locks(vec![guarded(&broken), other()], &sda_first),
            expected(Some("root"), "a", "c:root d:root")
        );
        // Another disk decides: only what is locked itself is.
        let locked = Entry { lock: Some(Lock { passwords: vec![1, 0] }), ..own[0].clone() };
        let second = || vec![Found { volume: 0, ..other() }, Found { volume: 1, ..guarded(&locked) }];
        assert_eq!(locks(second(), &["sdb1", "sda1"]), expected(None, "d", "a:alice,root"));
    }

    #[test]
    fn what_cannot_be_booted_is_not_elected() {
        let mut windows = entry("windows", "sda1", "/grub.cfg", 1);
        windows.problem = Some("chainloading takes firmware".into());
        let linux = [entry("linux", "sdb1", "/grub.cfg", 1)];
        assert_eq!(
            merged(
                &["sda1", "sdb1"],
                vec![found(0, &[windows.clone()], "windows", 3), found(1, &linux, "linux", 4)]
            ),
            expected("[windows] [linux]", "linux", 4)
        );
        // Something else of its own loader can.
        let own = [windows, entry("mint", "sda1", "/grub.cfg", 2)];
        assert_eq!(
            merged(&["sda1", "sdb1"], vec![found(0, &own, "windows", 3), found(1, &linux, "linux", 4)]),
            expected("[windows] mint [linux]", "windows", 3)
        );
    }

    #[test]
    fn a_search_that_was_cut_short_is_a_warning() {
        let mut found = found(0, &[entry("a", "sda1", "/grub.cfg", 1)], "a", 1);
        found.exhausted = Some("64 MiB were read".into());
        let warnings = merge(&volumes(&["sda1"]), vec![found], &[]).discovery.warnings;
        assert_eq!(
            warnings[0].message,
            "the search of this volume was cut short after 64 MiB were read; 1 entries were found until then"
        );
    }

    const CONFIG: &str = "set timeout=7\nmenuentry 'A' --id a {\n linux /vmlinuz-NAME\n}\n";

    #[test]
    fn a_disk_that_can_boot_its_default_comes_before_one_that_cannot_and_none_still_names_one() {
        let broken = tree(&[("boot/grub/grub.cfg", &CONFIG.replace("NAME", "gone"))]);
        let whole = tree(&[("boot/grub/grub.cfg", &CONFIG.replace("NAME", "1")), ("vmlinuz-1", "")]);
        let [first, second] =
            [("sda1", FilesystemKind::Ext4), ("sdb1", FilesystemKind::Ext4)].map(|(n, k)| volume(n, k));
        let context = Context::default();
        let alone = discover(&testing::volumes(&[(&broken, first.clone())]), &context);
        assert_eq!((alone.default.as_deref(), alone.timeout), (Some("a"), Some(7)));
        assert_eq!(alone.entries[0].problem.as_deref(), Some("/vmlinuz-gone: no such file"));
        let both = discover(&testing::volumes(&[(&broken, first), (&whole, second)]), &context);
        assert_eq!((both.default.as_deref(), both.timeout), (Some("a@sdb1"), Some(7)));
    }
}
