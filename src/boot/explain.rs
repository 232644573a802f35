//! Explanations for people: why nothing on a device boots, and the parts of an entry.

use super::failures::Failures;
use crate::{
    entry::{Device, Discovery, Entry, FileReference, Volume},
    storage::rejection::Rejection,
};

/// Maximum number of devices that are explained.
const DEVICE_LIMIT: usize = 32;

/// Devices, each with the reason why nothing on it boots, in the order of their names.
#[must_use]
pub fn explain(
    volumes: &[Volume],
    rejected: &[(Device, Rejection)],
    discovery: &Discovery,
    failures: &Failures,
) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> =
        rejected.iter().map(|(device, rejection)| (device.name.clone(), rejection.to_string())).collect();
    for volume in volumes {
        let name = &volume.device.name;
        let kind = volume.filesystem.kind;
        let mut own = discovery.entries.iter().filter(|entry| entry.source.volume.is(volume)).peekable();
        let warning = discovery.warnings.iter().find(|warning| warning.volume.is(volume));
        let reason = if own.peek().is_some() {
            let failure = |entry: &Entry| failures.get(&entry.id).map(ToString::to_string);
            let why = own.find_map(|entry| entry.problem.clone().or_else(|| failure(entry)));
            why.unwrap_or_else(|| "no entry that boots on its own".to_owned())
        } else if let Some(warning) = warning {
            let line = warning.line.map_or_else(String::new, |line| format!(":{line}"));
            format!("no entry; {}{line}: {}", warning.path, warning.message)
        } else {
            "no boot configuration, no kernel in / or /boot".to_owned()
        };
        lines.push((name.clone(), format!("{kind}, {reason}")));
    }
    lines.sort();
    lines.truncate(DEVICE_LIMIT);
    lines
}

/// Names and values of an entry's parts: where it is written, and what booting it does.
#[must_use]
pub fn details(entry: &Entry) -> Vec<(&'static str, String)> {
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
    details.push(("command line", entry.cmdline.clone()));
    details.extend(entry.tries_left.map(|tries| ("tries left", tries.to_string())));
    if entry.locked {
        details.push(("locked", "its boot loader asks for a password".to_owned()));
    }
    details.extend(entry.problem.iter().map(|problem| ("problem", problem.clone())));
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::samples::{entry, reference, volume},
        entry::{Transport, Warning},
    };

    #[test]
    fn every_device_is_explained_by_its_content_and_the_reason() {
        let names = ["sda1", "sda2", "sda3", "sda4"];
        let volumes = names.map(|name| volume(name, Transport::Scsi));
        let rejected = [(volume("sda5", Transport::Scsi).device, Rejection::Swap)];
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
            ("sda1", "ext4, no boot configuration, no kernel in / or /boot"),
            ("sda2", "ext4, no entry; /boot/grub/grub.cfg:7: the file ends within a quotation"),
            ("sda3", "ext4, no such file: /vmlinuz"),
            ("sda4", "ext4, the worker died while loading it"),
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
        assert_eq!(details(&entry), expected.map(|(name, value)| (name, value.to_owned())));
    }
}
