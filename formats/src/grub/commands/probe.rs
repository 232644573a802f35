//! `probe`: what is known of a device (GNU GRUB manual, "probe").

use super::{Call, Handler};
use crate::{
    entry::{FilesystemKind, PartitionTable, Volume},
    grub::{
        device::{is_container, names},
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult, Status},
        options::{Known, Rule, Value, known, parse},
    },
};

pub const COMMANDS: &[(&str, Handler)] = &[("probe", probe)];

const OPTIONS: &[Known] = &[
    known("set", Some('s'), Value::Needed),
    known("driver", Some('d'), Value::None),
    known("partmap", Some('p'), Value::None),
    known("fs", Some('f'), Value::None),
    known("fs-uuid", Some('u'), Value::None),
    known("label", Some('l'), Value::None),
    known("part-uuid", None, Value::None),
];

fn probe(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let device = given.argument(0).ok_or_else(|| CommandFailure::usage("probe takes a device"))?;
    let name = device.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(device);
    let volume = evaluator
        .devices
        .file_volume(evaluator.lookup, name)
        .and_then(|volume| evaluator.lookup.volume(volume))
        .ok_or_else(|| CommandFailure::new(Status::UnknownDevice, format!("probe: no device {device}")))?;
    let question = given.options.iter().map(|(name, _)| *name).find(|name| *name != "set");
    let question = question.ok_or_else(|| CommandFailure::usage("probe lacks what to ask"))?;
    let answer = answer(volume, question, evaluator.facts.efi).ok_or_else(|| {
        CommandFailure::new(Status::NotSupported, format!("probe: {device} has no {question}"))
    })?;
    if let Some(variable) = given.value("set") {
        evaluator.environment.set(variable, &answer);
    }
    Ok(())
}

fn answer(volume: &Volume, question: &str, efi: bool) -> Option<String> {
    let partition = volume.device.partition.as_ref();
    Some(match question {
        "driver" => match names(volume).is_empty() {
            _ if is_container(volume) => "cryptodisk",
            false => "diskfilter",
            true if efi => "efidisk",
            true => "biosdisk",
        }
        .into(),
        "partmap" => match partition.map(|partition| partition.table) {
            Some(PartitionTable::Gpt) => "gpt",
            Some(PartitionTable::Mbr) => "msdos",
            None => "none",
        }
        .into(),
        "fs" => filesystem_name(volume.filesystem.kind)?.into(),
        "fs-uuid" => volume.filesystem.uuid.as_ref()?.to_ascii_lowercase(),
        "label" => volume.filesystem.label.clone().unwrap_or_default(),
        "part-uuid" => {
            partition.and_then(|partition| partition.uuid.clone()).unwrap_or_else(|| "none".into())
        }
        _ => return None,
    })
}

/// GRUB's names of file systems.
fn filesystem_name(kind: FilesystemKind) -> Option<&'static str> {
    Some(match kind {
        FilesystemKind::Ext2 | FilesystemKind::Ext3 | FilesystemKind::Ext4 => "ext2",
        FilesystemKind::Vfat => "fat",
        FilesystemKind::Exfat => "exfat",
        FilesystemKind::Xfs => "xfs",
        FilesystemKind::Btrfs => "btrfs",
        FilesystemKind::Iso9660 => "iso9660",
        FilesystemKind::Squashfs => "squash4",
        FilesystemKind::F2fs => "f2fs",
        FilesystemKind::Erofs => "erofs",
        FilesystemKind::Ntfs => "ntfs",
        FilesystemKind::Udf => "udf",
        FilesystemKind::Zfs => "zfs",
        FilesystemKind::Luks
        | FilesystemKind::Lvm2
        | FilesystemKind::Raid
        | FilesystemKind::Swap
        | FilesystemKind::Swsuspend
        | FilesystemKind::Bitlocker
        | FilesystemKind::Bare
        | FilesystemKind::Unknown => return None,
    })
}
