//! From what each finder made of each volume to one list: entries once and under unique ids, one default, one timeout.

use std::collections::{HashMap, HashSet};

use super::finder::Findings;
use crate::entry::{Discovery, Entry, Format, Volume, Warning};

/// No more entries are kept: a menu that long serves nobody, and a loop in a script can make any number.
const ENTRY_LIMIT: usize = 4096;

/// No more warnings are kept.
const WARNING_LIMIT: usize = 1024;

/// What one finder made of one volume.
pub(super) struct Found {
    /// The volume's place in the order of search.
    pub volume: usize,
    /// The finder's format.
    pub format: Format,
    /// What it made; `None` where there is nothing of its family.
    pub findings: Option<Findings>,
    /// The limit that cut its search short.
    pub exhausted: Option<String>,
}

/// What finders found, and how much of it was not there already.
pub(super) struct Merged {
    pub discovery: Discovery,
    /// For each [`Found`]: how many of its entries another way had led to already.
    pub repeated: Vec<usize>,
}

/// What one loader would boot on its own.
struct Candidate {
    volume: usize,
    format: Format,
    /// Its place in the list.
    entry: usize,
    timeout: Option<u32>,
}

/// Joins findings in their order.
pub(super) fn merge(volumes: &[Volume], found: Vec<Found>) -> Merged {
    let mut merging = Merging::default();
    let mut repeated = Vec::new();
    for found in found {
        if let (Some(limit), Some(volume)) = (&found.exhausted, volumes.get(found.volume)) {
            merging.warn(Warning {
                volume: volume.device.name.clone(),
                path: "/".into(),
                line: None,
                message: format!(
                    "the search of this volume was cut short after {limit}; entries may be missing"
                ),
            });
        }
        repeated.push(merging.add(found));
    }
    let Merging { mut entries, warnings, candidates, .. } = merging;
    make_ids_unique(&mut entries);
    let elected = elect(volumes, &candidates, &entries);
    let default = elected.and_then(|candidate| entries.get(candidate.entry)).map(|entry| entry.id.clone());
    let timeout = elected.and_then(|candidate| candidate.timeout);
    Merged { discovery: Discovery { timeout, default, warnings, entries }, repeated }
}

#[derive(Default)]
struct Merging {
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
    known_warnings: HashSet<Warning>,
    candidates: Vec<Candidate>,
    /// Where each entry went, by where it stands written: two ways that lead there (the stub on the ESP, the
    /// configuration itself) lead to one entry.
    places: HashMap<(String, String, Option<u32>), usize>,
}

impl Merging {
    /// Takes what is new and tells how many entries were not.
    fn add(&mut self, found: Found) -> usize {
        let Findings { entries, default, timeout, warnings, .. } = found.findings.unwrap_or_default();
        let mut repeated = 0_usize;
        let mut new_places = HashMap::new();
        let mut default_place = None;
        for mut entry in entries {
            let origin = (entry.source.volume.clone(), entry.source.path.clone(), entry.source.line);
            let is_default = default_place.is_none() && default.as_deref() == Some(&entry.id);
            let place = match self.places.get(&origin) {
                Some(place) => {
                    repeated = repeated.saturating_add(1);
                    *place
                }
                None if self.entries.len() >= ENTRY_LIMIT => {
                    self.warn(Warning {
                        volume: entry.source.volume,
                        path: entry.source.path,
                        line: entry.source.line,
                        message: format!("only the first {ENTRY_LIMIT} entries are kept; this one and all after it are lost"),
                    });
                    break;
                }
                None => {
                    // One statement in a loop makes many entries: they are no repetition of each other.
                    new_places.entry(origin).or_insert(self.entries.len());
                    entry.default = is_default;
                    self.entries.push(entry);
                    self.entries.len().saturating_sub(1)
                }
            };
            if is_default {
                default_place = Some(place);
            }
        }
        self.places.extend(new_places);
        self.candidates.extend(default_place.map(|entry| Candidate {
            volume: found.volume,
            format: found.format,
            entry,
            timeout,
        }));
        for warning in warnings {
            self.warn(warning);
        }
        repeated
    }

    /// Keeps a warning once; two ways to one file give it twice.
    fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < WARNING_LIMIT && self.known_warnings.insert(warning.clone()) {
            self.warnings.push(warning);
        }
    }
}

/// The first disk with a default that can be booted decides, and on it a configuration before a guess. Where none can be
/// booted, what its loader would have tried is still named, with its timeout; the boot room starts no such entry.
fn elect<'a>(volumes: &[Volume], candidates: &'a [Candidate], entries: &[Entry]) -> Option<&'a Candidate> {
    let disk = |volume: usize| volumes.get(volume).map(|volume| volume.device.disk.as_str());
    let rank = |candidate: &&Candidate| {
        let first = (0..volumes.len()).find(|volume| disk(*volume) == disk(candidate.volume));
        let broken = entries.get(candidate.entry).is_none_or(|entry| entry.problem.is_some());
        (broken, first, candidate.format == Format::Scan)
    };
    candidates.iter().min_by_key(rank)
}

/// The first keeps its id; later ones get the volume's name behind it, and a count where even that is not enough.
fn make_ids_unique(entries: &mut [Entry]) {
    let mut taken = HashSet::new();
    for entry in entries {
        let mut id = entry.id.clone();
        let mut count = 1_usize;
        while !taken.insert(id.clone()) {
            id = match count {
                1 => format!("{}@{}", entry.id, entry.source.volume),
                _ => format!("{}@{}#{count}", entry.id, entry.source.volume),
            };
            count = count.saturating_add(1);
        }
        entry.id = id;
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        discover::{
            discover,
            finder::Context,
            testing::{tree, volume, volumes},
        },
        entry::FilesystemKind,
    };

    const CONFIG: &str = "set timeout=7\nmenuentry 'A' --id a {\n linux /vmlinuz-NAME\n}\n";

    #[test]
    fn a_disk_that_can_boot_its_default_comes_before_one_that_cannot_and_none_still_names_one() {
        let broken = tree(&[("boot/grub/grub.cfg", &CONFIG.replace("NAME", "gone"))]);
        let whole = tree(&[("boot/grub/grub.cfg", &CONFIG.replace("NAME", "1")), ("vmlinuz-1", "")]);
        let [first, second] =
            [("sda1", FilesystemKind::Ext4), ("sdb1", FilesystemKind::Ext4)].map(|(n, k)| volume(n, k));
        let context = Context { efi: false };
        let alone = discover(&volumes(&[(&broken, first.clone())]), &context);
        assert_eq!((alone.default.as_deref(), alone.timeout), (Some("a"), Some(7)));
        assert_eq!(alone.entries[0].problem.as_deref(), Some("/vmlinuz-gone: no such file"));
        let both = discover(&volumes(&[(&broken, first), (&whole, second)]), &context);
        assert_eq!((both.default.as_deref(), both.timeout), (Some("a@sdb1"), Some(7)));
    }
}
