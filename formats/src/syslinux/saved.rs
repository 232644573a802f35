//! The data that SYSLINUX keeps from one boot to the next, in the last two sectors of ldlinux.sys (the Syslinux Project's
//! libinstaller/setadv.c): the choice that the menu remembers, and what is to be booted once.

use crate::{
    bytes::{holds, le32, slice},
    text,
};

/// Files that hold the data at their ends, by their names.
const KEEPERS: [&str; 2] = ["ldlinux.sys", "extlinux.sys"];
/// Length of each of both copies in bytes.
const COPY: usize = 512;
/// Length of both.
pub const LENGTH: usize = COPY * 2;
/// Maximum length of a value in bytes.
pub const VALUE_LIMIT: usize = u8::MAX as usize;
/// Where the records begin in a copy, after its signature and its sum.
const RECORDS: usize = 8;
/// Where they end.
const RECORDS_END: usize = COPY - SIGNATURES.1.len();
/// What a copy begins and ends with.
const SIGNATURES: ([u8; 4], [u8; 4]) = (0x5a2d_2fa5_u32.to_le_bytes(), 0xdd28_bf64_u32.to_le_bytes());
/// The sum of all numbers between them.
const SUM: u32 = 0xa304_1767;
/// What a change to what is booted once is called.
pub const ONCE_NAME: &str = "boot-once";
/// What a change to the choice is called.
pub const CHOICE_NAME: &str = "menu-save";
/// The record of what is booted once.
const ONCE: u8 = 1;
/// The record of the choice.
const CHOICE: u8 = 2;

/// The data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Command line that is booted once (`extlinux --once`).
    pub once: Option<String>,
    /// Label that was chosen last (`MENU SAVE`).
    pub choice: Option<String>,
}

/// The paths at which the data of the configuration in a directory may be: beside it, or in the root, from where SYSLINUX finds its
/// configuration in `/boot/syslinux` or `/syslinux`, too (core/fs/fat/fat.c, core/fs/lib/searchconfig.c).
pub fn keepers(directory: &str) -> impl Iterator<Item = String> {
    let directory = directory.trim_end_matches('/');
    [directory, ""].into_iter().flat_map(|directory| KEEPERS.map(|name| format!("{directory}/{name}")))
}

/// Whether the file with this path holds the data.
#[must_use]
pub fn keeps(path: &str) -> bool {
    KEEPERS.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Reads the end of the file: the first copy whose sum is right.
#[must_use]
pub fn parse(end: &[u8]) -> Option<Saved> {
    let both = slice(end, end.len().checked_sub(LENGTH)?, LENGTH)?;
    both.chunks_exact(COPY).find_map(copy)
}

/// The file with other data at its end: names with their new values, `None` for none. `None` if neither copy is right, a name is not
/// known, or there is no room. Both copies are written then, as the loader does it (core/adv.inc).
#[must_use]
pub fn write(file: &[u8], changes: &[(&str, Option<&str>)]) -> Option<Vec<u8>> {
    let start = file.len().checked_sub(LENGTH)?;
    let (before, both) = file.split_at_checked(start)?;
    let own = both.chunks_exact(COPY).find_map(records)?;
    let mut kept = own.to_vec();
    for (name, value) in changes {
        let tag = match *name {
            ONCE_NAME => ONCE,
            CHOICE_NAME => CHOICE,
            _ => return None,
        };
        let value = value.map(text::encode);
        let others = Records(&kept).filter(|(other, _)| *other != tag);
        let mut after: Vec<u8> = Vec::with_capacity(COPY);
        for (tag, value) in others.chain(value.iter().map(|value| (tag, value.as_slice()))) {
            after.extend([tag, u8::try_from(value.len()).ok()?]);
            after.extend(value);
        }
        if after.len() > own.len() {
            return None;
        }
        kept = after;
    }
    kept.resize(own.len(), 0);
    let sum = SUM.wrapping_sub(sum(&kept)).to_le_bytes();
    let copy = [&SIGNATURES.0[..], &sum, &kept, &SIGNATURES.1].concat();
    Some([before, &copy, &copy].concat())
}

fn copy(copy: &[u8]) -> Option<Saved> {
    let mut saved = Saved::default();
    for (tag, value) in Records(records(copy)?) {
        let value = Some(text::decode(value)).filter(|value| !value.is_empty());
        match tag {
            ONCE => saved.once = value,
            CHOICE => saved.choice = value,
            _ => {}
        }
    }
    Some(saved)
}

/// The records of a copy; `None` if its signatures or its sum are wrong.
fn records(copy: &[u8]) -> Option<&[u8]> {
    let is_right = holds(copy, 0, &SIGNATURES.0)
        && holds(copy, RECORDS_END, &SIGNATURES.1)
        && sum(copy.get(SIGNATURES.0.len()..RECORDS_END)?) == SUM;
    copy.get(RECORDS..RECORDS_END).filter(|_| is_right)
}

fn sum(numbers: &[u8]) -> u32 {
    numbers.chunks_exact(4).filter_map(|word| le32(word, 0)).fold(0, u32::wrapping_add)
}

/// Tags with their values, up to a tag of zero or to a value that does not fit.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag @ 1..=255, length], after) = self.0.split_first_chunk()? else { return None };
        let (value, after) = after.split_at_checked(length.into())?;
        self.0 = after;
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::syslinux::written;

    #[test]
    fn the_first_good_copy_counts() {
        let text = |text: &str| Some(text.to_owned());
        let expected = Saved { once: text("rescue quiet"), choice: text("linux") };
        let mut file = [vec![7; 3000], written(&[(1, "rescue quiet"), (9, "x"), (2, "linux")])].concat();
        assert_eq!(parse(&file), Some(expected.clone()));
        file[3000 + 20] ^= 1;
        assert_eq!(parse(&file), Some(expected));
        file[3512 + 20] ^= 1;
        assert_eq!(parse(&file), None);
        assert_eq!(parse(&written(&[])), Some(Saved::default()));
        assert_eq!(parse(&file[..1000]), None);
    }

    #[test]
    fn what_is_kept_is_changed_as_the_loader_changes_it() {
        let with_once = |file: &[u8], once| write(file, &[("boot-once", once)]);
        let code = vec![7; 3000];
        let file = |values: &[(u8, &str)]| [&code[..], &written(values)].concat();
        let (once, other, choice) = ((1, "rescue quiet"), (9, "x"), (2, "linux"));
        let before = file(&[once, other, choice]);
        assert_eq!(with_once(&before, None), Some(file(&[other, choice])));
        assert_eq!(with_once(&before, Some("b")), Some(file(&[other, choice, (1, "b")])));
        assert_eq!(with_once(&file(&[]), Some("b")), Some(file(&[(1, "b")])));
        // A copy that is broken is mended by the other one.
        let mut broken = before.clone();
        broken[3000 + 20] ^= 1;
        assert_eq!(with_once(&broken, None), Some(file(&[other, choice])));
        broken[3512 + 20] ^= 1;
        assert_eq!(with_once(&broken, None), None);
        // 500 bytes hold two values of at most 255.
        let (long, longest, too_long) = ("x".repeat(243), "x".repeat(255), "x".repeat(256));
        let filled = file(&[(9, &longest)]);
        assert_eq!(with_once(&filled, Some(&long[1..])), None);
        assert_eq!(with_once(&filled, Some(&long[2..])), Some(file(&[(9, &longest), (1, &long[2..])])));
        assert_eq!(with_once(&file(&[]), Some(&too_long)), None);
        assert_eq!(with_once(&before[..1000], None), None);
        // The menu's choice takes the place of the one before it, at the end.
        let saved = |value| ("menu-save", Some(value));
        assert_eq!(write(&before, &[saved("b")]), Some(file(&[once, other, (2, "b")])));
        assert_eq!(write(&before, &[("boot-once", None), saved("b")]), Some(file(&[other, (2, "b")])));
        assert_eq!(write(&before, &[("next_entry", None)]), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_records_end_in_a_result(values: Vec<(u8, String)>, cut in 0..1024_usize) {
            let mut end = vec![0; 8];
            end.extend(values.iter().flat_map(|(tag, value)| [*tag, value.len() as u8].into_iter().chain(value.bytes())));
            end.truncate(cut.max(8));
            let _ = copy(&end);
            let _ = (parse(&end), write(&end, &[(ONCE_NAME, None), (CHOICE_NAME, Some("x"))]));
        }
    }
}
