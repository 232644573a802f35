//! The titles of rEFInd's menu, and what a part of one means (rEFInd, configfile.html: `default_selection`).

use super::{super::place::Place, locate};
use crate::{
    entry::{Entry, FilesystemKind, Kind, Volume},
    formats::menu::Choice,
};

/// Names of partitions that tell nothing.
const NO_NAMES: [&str; 3] = ["Microsoft basic data", "Linux filesystem", "Apple HFS/HFS+"];

/// The end of rEFInd's title for a volume without a name, after its size and file system.
const NAMELESS: &str = " volume";

/// The entry on the first screen that one word of `default_selection` means: its number, the letter that chooses it in the
/// menu, or a part of its title with a space after it.
pub(super) fn meant<'e, I: Iterator<Item = &'e Entry>>(
    first_screen: impl Fn() -> I,
    word: &str,
) -> Option<&'e Entry> {
    let mut characters = word.chars();
    if let (first, None) = (characters.next()?, characters.next()) {
        return match first.to_digit(10) {
            Some(number) => first_screen().nth(usize::try_from(number).ok()?.checked_sub(1)?),
            None if first.eq_ignore_ascii_case(&'l') => {
                first_screen().find(|entry| entry.kind == Kind::Linux)
            }
            None => None,
        };
    }
    let word = word.to_ascii_lowercase();
    let title = |entry: &Entry| format!("{} ", entry.title.to_ascii_lowercase());
    first_screen().find(|entry| title(entry).contains(&word)).or_else(|| {
        // A volume without a name goes by its size, as the driver in the firmware counts it.
        let (program, volume) = word.rsplit_once(" from ")?;
        let is_nameless = |title: &str| title.trim_end().ends_with(NAMELESS);
        first_screen().filter(|_| is_nameless(volume)).find(|entry| {
            is_nameless(&entry.title)
                && title(entry).rsplit_once(" from ").is_some_and(|(own, _)| own == program)
        })
    })
}

/// The name of a volume in titles: its label, or its partition's, or its size and file system.
pub(super) fn shown_name(volume: &Volume) -> String {
    let partition = volume.device.partition.as_ref().and_then(|partition| partition.label.as_deref());
    let partition = partition.filter(|name| !NO_NAMES.contains(name));
    let mut names = volume.filesystem.label.as_deref().into_iter().chain(partition);
    if let Some(name) = names.find(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let mut size = volume.device.size;
    let mut units = "KMGTPE".chars();
    let mut unit = "-byte".to_owned();
    while size > 1024 {
        let Some(next) = units.next() else { break };
        size >>= 10;
        unit = format!(" {next}iB");
    }
    let filesystem = match volume.filesystem.kind {
        FilesystemKind::Vfat => "FAT",
        FilesystemKind::Ext2 => "ext2",
        FilesystemKind::Ext3 => "ext3",
        FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Btrfs => "Btrfs",
        FilesystemKind::Xfs => "XFS",
        FilesystemKind::Iso9660 => "ISO-9660",
        FilesystemKind::Ntfs => "NTFS",
        _ => "unknown",
    };
    if size == 0 { format!("{filesystem}{NAMELESS}") } else { format!("{size}{unit} {filesystem}{NAMELESS}") }
}

/// Titles of stanzas as they are shown, with the volume of their program; those of submenus stay.
pub(super) fn put_volumes_into_titles(place: &Place<'_>, stanzas: &mut [Choice]) {
    let mut shown = String::new();
    for stanza in stanzas {
        match stanza.path_in_menu.first_mut() {
            Some(above) => above.clone_from(&shown),
            None => {
                let volume = locate(place, &stanza.kernel).map_or(place.volume, |(volume, _)| volume);
                let volume = place.lookup.volumes().get(volume).map(shown_name).unwrap_or_default();
                stanza.title = format!("Boot {} from {volume}", stanza.title);
                shown.clone_from(&stanza.title);
            }
        }
    }
}
