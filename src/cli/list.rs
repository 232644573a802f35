//! `firstlight list` and `firstlight show`: what the volumes offer to boot.

use std::os::unix::ffi::OsStrExt;

use serde::Serialize;

use super::{
    Command, Failure, JSON, Opt,
    arguments::{Argument, Arguments},
    json, table,
    target::{self, Disks, Target},
};
use crate::{
    boot::{
        election::{self, Electorate},
        firmware,
        nearest::nearest,
        settings::Settings,
    },
    discover::{Report, Survey},
    entry::{Discovery, Entry, Volume, Warning},
    formats::{
        name_table::NameNumbers,
        text::{decode, printable},
    },
};

pub(super) const LIST: Command = Command {
    name: "list",
    operands: "[--root DIR | --volume DIR[,key=value]…] [--explain] [--json]",
    summary: "List what can be booted, in the order and with the default of the loader that owns it",
    details: "Without --root or --volume it searches the disks of this machine, which takes root; with them it needs no \
              privilege. Nothing is ever written.",
    options: &{
        let [root, volume, iso, firmware, board, efivars, flavour] = target::OPTIONS;
        [
            root,
            volume,
            iso,
            firmware,
            board,
            efivars,
            flavour,
            Opt {
                short: None,
                long: "explain",
                value: "",
                what: "tell for each volume what was looked for and what came of it",
            },
            JSON,
        ]
    },
    examples: &[
        ("firstlight list", "what this machine would boot"),
        ("firstlight list --root /mnt --json", "what the system mounted at /mnt would boot, as JSON"),
        (
            "firstlight list --volume /mnt/esp,dev=sda1,type=vfat,uuid=12AB-34CD --volume /mnt/root,dev=sda2,type=ext4",
            "a disk of two file systems, whose names and UUIDs configurations refer to",
        ),
        ("firstlight list --explain", "why an entry is there or is missing"),
    ],
    run: list,
};

pub(super) const SHOW: Command = Command {
    name: "show",
    operands: "ID [--root DIR | --volume DIR[,key=value]…] [--json]",
    summary: "Show one entry: what booting it does and where it is written",
    details: "",
    options: &{
        let [root, volume, iso, firmware, board, efivars, flavour] = target::OPTIONS;
        [root, volume, iso, firmware, board, efivars, flavour, JSON]
    },
    examples: &[(
        "firstlight show /boot/vmlinuz-6.1.0-18-amd64",
        "the entry with this id, which `firstlight list` tells",
    )],
    run: show,
};

/// `--json`: the discovery's fields, and what boots where its default cannot.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    discovery: &'a Discovery,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<&'a str>,
}

/// `--json --explain`: those fields, and the reports beside them.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    listed: Listed<'a>,
    volumes: &'a [Report],
    /// Devices that nothing can be read from.
    rejected: Vec<Rejected<'a>>,
    /// What could not be done to confine the process that searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    unconfined: Option<String>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    device: &'a str,
    reason: String,
}

fn list(arguments: &mut Arguments) -> Result<String, Failure> {
    let (mut target, mut explain, mut as_json) = (Target::default(), false, false);
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) if name == "explain" => explain = true,
            Argument::Option(name) if name == "json" => as_json = true,
            _ if target.take(&argument, arguments)? => {}
            _ => return Err(arguments.unknown(&argument)),
        }
    }
    arguments.start_log();
    let mut disks = target.open()?;
    let Survey { discovery, volumes, unconfined, .. } = disks.search()?;
    let instead = instead(&discovery, &disks);
    let rejected = &disks.rejected;
    let listed = Listed { discovery: &discovery, instead: instead.map(|entry| entry.id.as_str()) };
    if as_json && explain {
        let rejected = rejected
            .iter()
            .map(|(device, rejection)| Rejected { device: &device.name, reason: rejection.to_string() });
        let rejected = rejected.collect();
        return json(&Explained { listed, volumes: &volumes, rejected, unconfined });
    }
    if as_json {
        return json(&listed);
    }
    warn(&discovery.warnings);
    let mut text = table::menu(&discovery, instead);
    if explain {
        text.push('\n');
        text.extend(volumes.iter().map(Report::text));
    } else if discovery.entries.is_empty() {
        text.extend(volumes.iter().map(|report| format!("{}\n", report.summary())));
    }
    if explain || discovery.entries.is_empty() {
        let lines = rejected
            .iter()
            .map(|(device, rejection)| (printable(&device.name), printable(&rejection.to_string())));
        text.extend(lines.map(|(device, reason)| format!("{device}: {reason}\n")));
    }
    if let (true, Some(missing)) = (explain, unconfined) {
        text.push_str(&format!("The finder is not confined: {missing}.\n"));
    }
    Ok(text)
}

/// What takes the place of a default that cannot be booted.
fn instead<'a>(discovery: &'a Discovery, disks: &Disks) -> Option<&'a Entry> {
    let default = discovery.entries.iter().find(|entry| discovery.default.as_ref() == Some(&entry.id))?;
    if default.problem.is_none() || default.lock.is_some() {
        return None;
    }
    let volumes: Vec<Volume> = disks.open.iter().map(|open| open.volume.clone()).collect();
    let firmware = firmware::partitions(&disks.context);
    let electorate = Electorate {
        settings: &Settings::default(),
        volumes: &volumes,
        late: &NameNumbers::default(),
        firmware: &firmware,
    };
    election::first(&election::attempts(discovery, &electorate), |_| false)
        .filter(|entry| entry.lock.is_none())
}

fn show(arguments: &mut Arguments) -> Result<String, Failure> {
    let (mut target, mut as_json, mut id) = (Target::default(), false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Argument::Option(name) if name == "json" => as_json = true,
            Argument::Operand(value) if id.is_none() => id = Some(decode(value.as_bytes())),
            argument if target.take(&argument, arguments)? => {}
            argument => return Err(arguments.unknown(&argument)),
        }
    }
    let id = id.ok_or_else(|| Failure::Usage("which entry? `firstlight list` tells the ids".into()))?;
    arguments.start_log();
    let (Survey { discovery, .. }, _) = target.survey()?;
    let Some(entry) = discovery.entries.iter().find(|entry| entry.id == id) else {
        let advice = nearest(&id, discovery.entries.iter().map(|entry| entry.id.as_str())).map_or_else(
            || "`firstlight list` tells the ids".into(),
            |near| format!("is `{}` meant?", printable(near)),
        );
        return Err(Failure::Failed(format!("no entry `{id}`; {advice}")));
    };
    if as_json { json(entry) } else { Ok(table::entry(entry)) }
}

fn warn(warnings: &[Warning]) {
    for warning in warnings {
        let place = warning.line.map_or_else(String::new, |line| format!(":{line}"));
        let (volume, path, message) =
            (printable(&warning.volume.name), printable(&warning.path), printable(&warning.message));
        log::warn!("{volume}:{path}{place}: {message}");
    }
}
