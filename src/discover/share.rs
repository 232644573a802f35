//! Each volume's share of the answer: what one volume offers beyond it costs the others nothing.

use super::{finder::Findings, merge::Found};
use crate::{
    entry::{Entry, FileReference, Volume, Warning},
    formats::sort,
};

/// Maximum number of entries of all volumes together.
const ENTRY_LIMIT: usize = 16_384;

/// Maximum number of bytes that the texts of entries, and those of warnings and notes, of all volumes take together.
const BYTE_LIMIT: usize = 10 << 20;
const REMARK_LIMIT: usize = 2 << 20;

/// Maximum number of warnings and notes of all volumes together.
const REMARK_COUNT: usize = 4096;

/// Size of an entry without its texts, in bytes, as the answer holds it.
const ENTRY_SIZE: usize = 256;

/// Size of a warning or note without its texts.
const REMARK_SIZE: usize = 64;

/// Amounts of one volume, of which there is a limit for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    count: usize,
    bytes: usize,
}

/// Drops what a volume offers beyond its share: the last entries, but not the one that is its default, and the last warnings
/// and notes. A warning says how many entries were kept.
pub(super) fn limit(volumes: &[Volume], found: &mut [Found]) {
    let sum = |weigh: &dyn Fn(&Findings) -> Amount| -> Vec<Amount> {
        (0..volumes.len()).map(|volume| total(found, volume, weigh)).collect()
    };
    let entries = sum(&|findings| Amount::of(findings.entries.iter().map(entry_size)));
    let remarks = sum(&|findings| Amount::of(remark_sizes(findings)));
    let entry_share = Amount::share(&entries, Amount { count: ENTRY_LIMIT, bytes: BYTE_LIMIT });
    let remark_share = Amount::share(&remarks, Amount { count: REMARK_COUNT, bytes: REMARK_LIMIT });
    for (volume, own) in volumes.iter().enumerate() {
        let is_past = |amounts: &[Amount], share: Amount| {
            amounts.get(volume).is_some_and(|amount| amount.count > share.count || amount.bytes > share.bytes)
        };
        if is_past(&remarks, remark_share) {
            let mut left = remark_share;
            for findings in findings_of(found, volume) {
                findings.warnings.retain(|warning| left.take(warning_size(warning)));
                findings.notes.retain(|note| left.take(REMARK_SIZE + note.path.len() + note.message.len()));
            }
        }
        if is_past(&entries, entry_share) {
            let (mut left, mut kept) = (entry_share, 0_usize);
            for findings in findings_of(found, volume) {
                let default = findings.default.take();
                findings.entries.retain(|entry| {
                    let is_kept = left.take(entry_size(entry)) || default.as_ref() == Some(&entry.id);
                    kept = kept.saturating_add(usize::from(is_kept));
                    is_kept
                });
                findings.default = default;
            }
            let all = entries.get(volume).map_or(0, |amount| amount.count);
            let message = format!(
                "{all} entries are more than this volume's share of the list; {kept} of them are kept"
            );
            let warning = Warning { volume: own.reference(), path: "/".into(), line: None, message };
            if let Some(findings) = findings_of(found, volume).next() {
                findings.warnings.insert(0, warning);
            }
        }
    }
}

fn findings_of(found: &mut [Found], volume: usize) -> impl Iterator<Item = &mut Findings> {
    found.iter_mut().filter(move |found| found.volume == volume).filter_map(|found| found.findings.as_mut())
}

fn total(found: &[Found], volume: usize, weigh: &dyn Fn(&Findings) -> Amount) -> Amount {
    let own = found.iter().filter(|found| found.volume == volume).filter_map(|found| found.findings.as_ref());
    own.map(weigh).fold(Amount::default(), |one, other| Amount {
        count: one.count.saturating_add(other.count),
        bytes: one.bytes.saturating_add(other.bytes),
    })
}

impl Amount {
    fn of(sizes: impl Iterator<Item = usize>) -> Self {
        sizes.fold(Self::default(), |sum, size| Self {
            count: sum.count.saturating_add(1),
            bytes: sum.bytes.saturating_add(size),
        })
    }

    /// The largest amount for each that keeps all of them together within the limit.
    fn share(amounts: &[Self], limit: Self) -> Self {
        let share = |amount: fn(&Self) -> usize, limit| level(amounts.iter().map(amount).collect(), limit);
        Self {
            count: share(|amount| amount.count, limit.count),
            bytes: share(|amount| amount.bytes, limit.bytes),
        }
    }

    /// Takes one item of a size from what is left; `false` if that is not enough, and from then on.
    fn take(&mut self, size: usize) -> bool {
        let left = self.count.checked_sub(1).zip(self.bytes.checked_sub(size));
        let left = left.map(|(count, bytes)| Self { count, bytes });
        *self = left.unwrap_or_default();
        left.is_some()
    }
}

/// The highest level to which all amounts can be cut so that their sum is within the limit.
fn level(mut amounts: Vec<usize>, limit: usize) -> usize {
    sort::ascending(&mut amounts);
    let (mut left, mut others) = (limit, amounts.len());
    for amount in amounts {
        // Whoever takes less than an equal part leaves the rest to the others.
        let part = left.checked_div(others).unwrap_or(left);
        if amount > part {
            return part;
        }
        left = left.saturating_sub(amount);
        others = others.saturating_sub(1);
    }
    usize::MAX
}

fn entry_size(entry: &Entry) -> usize {
    let file = |file: &FileReference| {
        let named = [&file.inside, &file.packed_as, &file.sha256].map(Option::as_deref);
        let texts = named.into_iter().chain([Some(file.path.as_str()), Some(file.volume.name.as_str())]);
        REMARK_SIZE + texts.flatten().map(str::len).sum::<usize>()
    };
    let files = entry.kernel.iter().chain(&entry.initrds).chain(&entry.devicetree);
    let companions = entry.unified.companions.iter().map(|companion| &companion.file);
    let texts = [
        Some(&entry.id),
        Some(&entry.title),
        Some(&entry.cmdline),
        Some(&entry.source.path),
        entry.source.inside.as_ref(),
        entry.version.as_ref(),
        entry.problem.as_ref(),
    ];
    let changes = entry
        .changes
        .iter()
        .map(|change| file(&change.block) + change.name.len() + change.value.as_ref().map_or(0, String::len));
    let modules = entry.multiboot.modules.iter().map(|module| REMARK_SIZE + module.cmdline.len());
    ENTRY_SIZE
        + texts.into_iter().flatten().map(String::len).sum::<usize>()
        + entry.path_in_menu.iter().map(|title| 8 + title.len()).sum::<usize>()
        + files.chain(companions).map(file).sum::<usize>()
        + changes.sum::<usize>()
        + modules.sum::<usize>()
}

fn warning_size(warning: &Warning) -> usize {
    REMARK_SIZE + warning.path.len() + warning.message.len()
}

fn remark_sizes(findings: &Findings) -> impl Iterator<Item = usize> {
    let notes = findings.notes.iter().map(|note| REMARK_SIZE + note.path.len() + note.message.len());
    findings.warnings.iter().map(warning_size).chain(notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing,
        entry::{FilesystemKind, Format},
    };

    #[test]
    fn who_takes_less_than_an_equal_part_leaves_the_rest_to_the_others() {
        for (amounts, limit, expected) in [
            (&[][..], 10, usize::MAX),
            (&[3, 4], 10, usize::MAX),
            (&[3, 4, 100], 10, 3),
            (&[1, 2, 100], 10, 7),
            (&[50, 100, 1], 11, 5),
        ] {
            assert_eq!(level(amounts.to_vec(), limit), expected, "{amounts:?}");
        }
    }

    #[test]
    fn a_volume_with_too_many_entries_loses_the_last_of_its_own_but_not_its_default() {
        let volumes = ["sda1", "sdb1"].map(|name| testing::volume(name, FilesystemKind::Ext4));
        let entries = |volume: &Volume, count: usize, text: &str| -> Findings {
            let entry = |number| Entry {
                cmdline: text.into(),
                ..Entry::new(format!("{}-{number}", volume.device.name), Default::default())
            };
            let last = format!("{}-{}", volume.device.name, count - 1);
            Findings { entries: (0..count).map(entry).collect(), default: Some(last), ..Findings::default() }
        };
        let kept = |first: Findings, second: Findings| {
            let found = |volume, findings| Found {
                volume,
                format: Format::Grub,
                findings: Some(findings),
                exhausted: None,
            };
            let mut found = [found(0, first), found(1, second)];
            limit(&volumes, &mut found);
            found.map(|found| found.findings.unwrap())
        };
        let [bad, good] = kept(entries(&volumes[0], 20_000, ""), entries(&volumes[1], 3, ""));
        assert_eq!((bad.entries.len(), good.entries.len()), (ENTRY_LIMIT - 3 + 1, 3));
        assert_eq!(bad.entries.last().unwrap().id, "sda1-19999");
        assert_eq!(
            (bad.warnings.len(), bad.warnings[0].message.as_str()),
            (1, "20000 entries are more than this volume's share of the list; 16382 of them are kept")
        );
        assert!(good.warnings.is_empty());
        // Few entries, but of more bytes than there is room for.
        let [bad, good] =
            kept(entries(&volumes[0], 200, &"x".repeat(100 << 10)), entries(&volumes[1], 3, ""));
        assert!((90..110).contains(&bad.entries.len()), "{}", bad.entries.len());
        assert_eq!(good.entries.len(), 3);
    }
}
