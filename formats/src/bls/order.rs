//! The order of entries in the menu: systemd-boot's, and that of `blscfg`.

use std::cmp::{Ordering, Reverse};

use super::{BlsEntry, EntryName};
use crate::version;

/// systemd-boot: what has failed to boot last, entries with a sort key first, then newest first.
#[must_use]
pub fn compare_systemd_boot(a: (&EntryName, &BlsEntry), b: (&EntryName, &BlsEntry)) -> Ordering {
    let ((name_a, a), (name_b, b)) = (a, b);
    let by_key = || match (&a.sort_key, &b.sort_key) {
        (Some(key_a), Some(key_b)) => {
            let version = |entry: &BlsEntry| entry.version.clone().unwrap_or_default();
            key_a
                .cmp(key_b)
                .then_with(|| a.machine_id.cmp(&b.machine_id))
                .then_with(|| version::uapi(&version(b), &version(a)))
        }
        _ => b.sort_key.is_some().cmp(&a.sort_key.is_some()),
    };
    let by_tries = || match (name_a.tries_left, name_b.tries_left) {
        (Some(left_a), Some(left_b)) => {
            (Reverse(left_a), name_a.tries_done).cmp(&(Reverse(left_b), name_b.tries_done))
        }
        _ => Ordering::Equal,
    };
    (name_a.tries_left == Some(0))
        .cmp(&(name_b.tries_left == Some(0)))
        .then_with(by_key)
        .then_with(|| version::uapi(&name_b.systemd_boot_id(), &name_a.systemd_boot_id()))
        .then_with(|| a.profile.cmp(&b.profile))
        .then_with(by_tries)
}

/// `blscfg`: newest first by the file's name alone. Of files that compare equal GRUB keeps the first that it reads.
#[must_use]
pub fn compare_grub(a: &EntryName, b: &EntryName) -> Ordering {
    version::entry_file(b.grub_id(), a.grub_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bls::{Reading, entry_name};

    #[test]
    fn systemd_boot_sorts_by_key_then_newest_first_and_failures_last() {
        // In the expected order.
        let files = [
            ("b.conf", "sort-key arch\nversion 6.1.10"),
            ("a.conf", "sort-key arch\nversion 6.1.9"),
            ("m2.conf", "sort-key debian\nversion 7"),
            ("z.conf", "sort-key debian\nmachine-id 01\nversion 6.1.10"),
            ("m1.conf", "sort-key debian\nmachine-id 02\nversion 6.1.9"),
            ("linux-6.10.conf", "version 1"),
            ("linux-6.9.conf", "version 2"),
            ("linux-6.8+3-0.conf", ""),
            ("linux-6.8+2-1.conf", ""),
            ("windows+0-1.conf", "sort-key arch"),
        ];
        let mut entries: Vec<_> = files
            .iter()
            .rev()
            .map(|(file, text)| {
                (entry_name(file, ".conf").unwrap(), BlsEntry::parse(text, Reading::SystemdBoot))
            })
            .collect();
        entries.sort_by(|a, b| compare_systemd_boot((&a.0, &a.1), (&b.0, &b.1)));
        assert_eq!(
            entries.iter().map(|(name, _)| name.file.as_str()).collect::<Vec<_>>(),
            files.map(|(file, _)| file)
        );
    }

    #[test]
    fn grub_sorts_by_file_name_alone() {
        let mut names: Vec<_> = ["x-5.9-1.conf", "x-0-rescue.conf", "x-5.10-1.conf"]
            .iter()
            .map(|file| entry_name(file, ".conf").unwrap())
            .collect();
        names.sort_by(compare_grub);
        let files: Vec<_> = names.iter().map(|name| name.file.as_str()).collect();
        assert_eq!(files, ["x-5.10-1.conf", "x-5.9-1.conf", "x-0-rescue.conf"]);
    }
}
