//! Explanations for people: why nothing on a device boots, and the parts of an entry.

use super::{failures::Failures, natural};
use crate::{
    discover::NO_CONFIGURATION,
    entry::{Device, Discovery, Entry, FileReference, LogState, Volume},
    formats::sort,
    storage::{controllers::Controller, rejection::Rejection},
};

/// How soon a person can do something about a device, soonest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// It waits for its key.
    Locked,
    /// Something about it failed.
    Failed,
    /// It holds nothing to boot.
    Nothing,
    /// Nothing is expected of it.
    Aside,
}

/// Devices, each with the reason why nothing on it boots: first those about which a person can do something, each kind in the
/// order of the kernel's names. One path to a disk that has several is not worth a line.
#[must_use]
pub fn explain(
    volumes: &[Volume],
    rejected: &[(Device, Rejection)],
    discovery: &Discovery,
    failures: &Failures,
) -> Vec<(String, String)> {
    let rejected = rejected.iter().filter(|(_, rejection)| *rejection != Rejection::OnePath);
    let mut lines: Vec<(Turn, String, String)> = rejected
        .map(|(device, rejection)| (turn(rejection), device.name.clone(), rejection.to_string()))
        .collect();
    for volume in volumes {
        let name = &volume.device.name;
        let kind = volume.filesystem.kind;
        let mut own = discovery.entries.iter().filter(|entry| entry.source.volume.is(volume)).peekable();
        let count = own.clone().count();
        let warning = discovery.warnings.iter().find(|warning| warning.volume.is(volume));
        let (turn, reason) = if own.peek().is_some() {
            let failure = |entry: &Entry| failures.get(&entry.id).map(ToString::to_string);
            let why = own.find_map(|entry| entry.problem.clone().or_else(|| failure(entry)));
            (
                Turn::Failed,
                why.unwrap_or_else(|| {
                    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
                }),
            )
        } else if let Some(warning) = warning {
            let line = warning.line.map_or_else(String::new, |line| format!(":{line}"));
            (Turn::Failed, format!("no entry; {}{line}: {}", warning.path, warning.message))
        } else {
            (Turn::Nothing, format!("{NO_CONFIGURATION}, no kernel in / or /boot"))
        };
        let replayed = (volume.log == LogState::Replayed).then_some("its log was replayed in memory");
        let remarks = replayed.into_iter().chain(volume.remarks.iter().map(String::as_str));
        let remarks: String = remarks.flat_map(|remark| ["; ", remark]).collect();
        lines.push((turn, name.clone(), format!("{kind}, {reason}{remarks}")));
    }
    sort::by_cached_key(&mut lines, |(turn, name, _)| (*turn, natural::key(name)));
    lines.into_iter().map(|(_, name, reason)| (name, reason)).collect()
}

fn turn(rejection: &Rejection) -> Turn {
    match rejection {
        Rejection::Locked(_) => Turn::Locked,
        Rejection::Unrecognised => Turn::Nothing,
        Rejection::Empty
        | Rejection::DriveBusy
        | Rejection::Floppy
        | Rejection::BootArea
        | Rejection::OnePath
        | Rejection::LoopOfMount
        | Rejection::MemberOf(_)
        | Rejection::Partitioned(_)
        | Rejection::Outdated { .. }
        | Rejection::Swap
        | Rejection::HibernatedSwap
        | Rejection::ReadThrough { .. } => Turn::Aside,
        _ => Turn::Failed,
    }
}

/// The reasons where the kernel shows no block device at all.
#[must_use]
pub fn no_device(controllers: &[Controller]) -> Vec<(String, String)> {
    let none = match controllers {
        [] => {
            "none: the kernel shows no disk, and no storage controller that lacks a driver; check the cables and the \
             firmware's settings, or put this machine's storage driver into the image"
        }
        _ => "none: the kernel shows no disk",
    };
    let line = |controller: &Controller| {
        let Controller { place, ids, module } = controller;
        let remedy = match module {
            Some(module) => format!("put the module {module} into the image"),
            None => "put its driver into the image".to_owned(),
        };
        (place.clone(), format!("a storage controller ({ids}) without a driver: {remedy}"))
    };
    std::iter::once(("disks".to_owned(), none.to_owned())).chain(controllers.iter().map(line)).collect()
}

/// Names and values of an entry's parts: where it is written, and what booting it does, with this command line.
#[must_use]
pub fn details(entry: &Entry, cmdline: String) -> Vec<(&'static str, String)> {
    let file = |file: &FileReference| format!("{} {}", file.volume, file.full_path());
    let source = &entry.source;
    let line = source.line.map_or_else(String::new, |line| format!(", line {line}"));
    let mut details = vec![("id", entry.id.clone())];
    details.push(("written in", format!("{} {}{line}", source.volume, source.full_path())));
    details.extend(entry.version.iter().map(|version| ("version", version.clone())));
    details.extend(entry.kernel.iter().map(|kernel| ("kernel", file(kernel))));
    details.extend(entry.initrds.iter().map(|initrd| ("initrd", file(initrd))));
    details.extend(entry.unified.companions.iter().map(|companion| ("with", file(&companion.file))));
    details.extend(entry.devicetree.iter().map(|tree| ("device tree", file(tree))));
    details.push(("command line", cmdline));
    details.extend(entry.tries_left.map(|tries| ("tries left", tries.to_string())));
    if entry.lock.is_some() {
        details.push(("locked", "its boot loader asks for a password".to_owned()));
    }
    details.extend(entry.problem.iter().map(|problem| ("problem", problem.clone())));
    details
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        boot::samples::{entry, reference, volume},
        entry::{Transport, Warning},
        storage::rejection::Encryption,
    };

    #[test]
    fn every_device_is_explained_by_its_content_and_the_reason() {
        let names = ["sda1", "sda2", "sda3", "sda4", "sda6", "sda10"];
        let mut volumes = names.map(|name| volume(name, Transport::Scsi));
        volumes[0].log = LogState::Replayed;
        volumes[4].remarks = ["its log was not replayed", "old"].map(str::to_owned).to_vec();
        let rejected = [
            ("sda", Rejection::Partitioned(vec!["sda1".into()])),
            ("sda5", Rejection::Swap),
            ("nvme0c0n1", Rejection::OnePath),
            ("sda11", Rejection::Unrecognised),
            ("sdaa", Rejection::Late(Duration::from_secs(10))),
            ("sdb", Rejection::Locked(Encryption::Luks)),
        ];
        let rejected = rejected.map(|(name, rejection)| (volume(name, Transport::Scsi).device, rejection));
        let warning = Warning {
            volume: reference("sda2"),
            path: "/boot/grub/grub.cfg".into(),
            line: Some(7),
            message: "the file ends within a quotation".into(),
        };
        let broken = Entry { problem: Some("no such file: /vmlinuz".into()), ..entry("broken", "sda3") };
        let discovery = Discovery {
            warnings: vec![warning],
            entries: vec![broken, entry("failed", "sda4")],
            ..Discovery::default()
        };
        let failures = Failures::of_earlier_workers(vec!["failed".to_owned()]);
        let expected = [
            ("sdb", "an encrypted container (crypto_LUKS) that is locked"),
            ("sda2", "ext4, no entry; /boot/grub/grub.cfg:7: the file ends within a quotation"),
            ("sda3", "ext4, no such file: /vmlinuz"),
            ("sda4", "ext4, the worker died while loading it"),
            ("sdaa", "no answer within 10 s; not waited for"),
            ("sda1", "ext4, no boot configuration, no kernel in / or /boot; its log was replayed in memory"),
            ("sda6", "ext4, no boot configuration, no kernel in / or /boot; its log was not replayed; old"),
            ("sda10", "ext4, no boot configuration, no kernel in / or /boot"),
            ("sda11", "no file system that is known"),
            ("sda", "a partitioned disk (sda1)"),
            ("sda5", "swap space"),
        ];
        let expected = expected.map(|(device, reason)| (device.to_owned(), reason.to_owned()));
        assert_eq!(explain(&volumes, &rejected, &discovery, &failures), expected);
    }

    #[test]
    fn details_name_every_part() {
        let mut entry = entry("simple", "sda2");
        entry.initrds =
            ["/ucode.img", "/initrd.img"].map(|path| FileReference::new("sda2".into(), path.into())).to_vec();
        entry.tries_left = Some(2);
        let expected = [
            ("id", "simple"),
            ("written in", "sda2 /boot/grub/grub.cfg, line 1"),
            ("kernel", "sda2 /simple"),
            ("initrd", "sda2 /ucode.img"),
            ("initrd", "sda2 /initrd.img"),
            ("command line", "simple"),
            ("tries left", "2"),
        ];
        assert_eq!(
            details(&entry, entry.cmdline.clone()),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }
}
