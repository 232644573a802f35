//! `--volume DIR[,key=value]…`: a directory that is the root of a file system, and what the system that it
//! belongs to knows of the disk underneath.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use serde::{Deserialize, de::IntoDeserializer, de::value::Error as NameError};

use super::Failure;
use crate::{
    boot::nearest::nearest,
    entry::{FilesystemKind, Partition, PartitionTable, Transport, Volume},
};

/// Keys after the directory.
const KEYS: [&str; 9] =
    ["uuid", "label", "partuuid", "partlabel", "parttype", "table", "type", "subvol", "dev"];

/// The value of the option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VolumeOption {
    pub directory: PathBuf,
    pub volume: Volume,
}

impl VolumeOption {
    /// A file system of which nothing more is known.
    pub fn bare(directory: PathBuf, name: &str) -> Self {
        Self { directory, volume: volume(name) }
    }

    /// Reads the option's value; `place` counts the volumes from 1 and names those without `dev`.
    pub fn parse(value: &OsStr, place: u32) -> Result<Self, Failure> {
        let mut parts = value.as_bytes().split(|byte| *byte == b',');
        let directory = PathBuf::from(OsStr::from_bytes(parts.next().unwrap_or_default()));
        let mut words = Vec::new();
        for part in parts {
            let part = String::from_utf8_lossy(part);
            let (key, value) = part.split_once('=').unwrap_or((&part, ""));
            if !KEYS.contains(&key) {
                let advice = nearest(key, KEYS).map_or_else(
                    || format!("known are {}", KEYS.join(", ")),
                    |near| format!("is `{near}` meant?"),
                );
                return Err(Failure::Usage(format!("--volume: no key `{key}`; {advice}")));
            }
            words.push((key.to_owned(), value.to_owned()));
        }
        let get = |name: &str| {
            words
                .iter()
                .rev()
                .find(|(key, value)| key == name && !value.is_empty())
                .map(|(_, value)| value.clone())
        };
        let mut volume = volume(&get("dev").unwrap_or_else(|| format!("volume{place}")));
        volume.filesystem.uuid = get("uuid");
        volume.filesystem.label = get("label");
        if let Some(kind) = get("type") {
            volume.filesystem.kind = filesystem_kind(&kind)?;
        }
        let subvolume = get("subvol").map(|path| path.trim_matches('/').to_owned());
        volume.subvolume = subvolume.map(|path| if path.is_empty() { path } else { format!("/{path}") });
        let table = match get("table").as_deref() {
            None | Some("gpt") => PartitionTable::Gpt,
            Some("mbr") => PartitionTable::Mbr,
            Some(other) => {
                return Err(Failure::Usage(format!(
                    "--volume: no partition table `{other}`; known are gpt, mbr"
                )));
            }
        };
        let named = ["partuuid", "partlabel", "parttype"].map(get);
        // A partition that is known by its UUID only has a number all the same; any will do.
        let partition = volume.device.partition.get_or_insert(numbered(place));
        partition.table = table;
        let [uuid, label, type_id] = named.clone();
        partition.uuid = uuid.map(|uuid| uuid.to_ascii_lowercase());
        partition.label = label;
        partition.type_id = type_id.map(|type_id| type_id.to_ascii_lowercase());
        if get("dev").is_none_or(|name| split_name(&name).1.is_none()) && named.iter().all(Option::is_none) {
            volume.device.partition = None;
        }
        Ok(Self { directory, volume })
    }
}

fn filesystem_kind(name: &str) -> Result<FilesystemKind, Failure> {
    let kind: Result<_, NameError> = FilesystemKind::deserialize(name.into_deserializer());
    kind.map_err(|_| {
        Failure::Usage(format!("--volume: no file system type `{name}`; it is named as blkid names it"))
    })
}

fn volume(name: &str) -> Volume {
    let (disk, number) = split_name(name);
    let mut volume = Volume::named(name);
    volume.device.disk = disk.to_owned();
    volume.device.partition = number.map(numbered);
    volume.device.transport = transport(disk);
    volume
}

fn numbered(number: u32) -> Partition {
    Partition { number, table: PartitionTable::Gpt, uuid: None, label: None, type_id: None, attributes: 0 }
}

/// Splits a partition's kernel name into its disk's and its number: `sda2`, and with a `p` between where the disk's own
/// name ends with a digit (`nvme0n1p3`).
fn split_name(name: &str) -> (&str, Option<u32>) {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.get(base.len()..).and_then(|digits| digits.parse().ok());
    let is_letters = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    match base.strip_suffix('p') {
        Some(disk) if disk.ends_with(|c: char| c.is_ascii_digit()) => (disk, number),
        _ if ["sd", "hd", "vd", "xvd"]
            .iter()
            .any(|start| base.strip_prefix(start).is_some_and(is_letters)) =>
        {
            (if number.is_some() { base } else { name }, number)
        }
        _ => (name, None),
    }
}

fn transport(disk: &str) -> Transport {
    let known = [
        ("nvme", Transport::Nvme),
        ("sd", Transport::Scsi),
        ("vd", Transport::Virtio),
        ("mmcblk", Transport::Mmc),
        ("sr", Transport::Optical),
    ];
    known
        .iter()
        .find(|(start, _)| disk.starts_with(start))
        .map_or(Transport::Other, |(_, transport)| *transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Device, Filesystem};

    fn parsed(value: &str) -> Result<VolumeOption, String> {
        VolumeOption::parse(OsStr::new(value), 7).map_err(|failure| failure.to_string())
    }

    #[test]
    fn device_names_split_into_disk_and_partition() {
        for (name, disk, number) in [
            ("sda2", "sda", Some(2)),
            ("sda", "sda", None),
            ("sdaa15", "sdaa", Some(15)),
            ("vda1", "vda", Some(1)),
            ("xvda1", "xvda", Some(1)),
            ("nvme0n1p3", "nvme0n1", Some(3)),
            ("nvme0n1", "nvme0n1", None),
            ("mmcblk0p1", "mmcblk0", Some(1)),
            ("mmcblk0", "mmcblk0", None),
            ("md127p1", "md127", Some(1)),
            ("md127", "md127", None),
            ("dm-0", "dm-0", None),
            ("sr0", "sr0", None),
            ("loop7p2", "loop7", Some(2)),
            ("sda99999999999", "sda99999999999", None),
            ("root", "root", None),
            ("", "", None),
        ] {
            assert_eq!(split_name(name), (disk, number), "{name}");
        }
    }

    #[test]
    fn every_key_finds_its_place() {
        let option = parsed(
            "/mnt/root,uuid=0a-1,label=my root,partuuid=AB-CD,partlabel=Linux,type=ext4,dev=nvme0n1p2,\
             parttype=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,table=mbr,subvol=@/",
        );
        let expected = VolumeOption {
            directory: "/mnt/root".into(),
            volume: Volume {
                subvolume: Some("/@".into()),
                ..Volume::new(
                    Device {
                        disk: "nvme0n1".into(),
                        partition: Some(Partition {
                            number: 2,
                            table: PartitionTable::Mbr,
                            uuid: Some("ab-cd".into()),
                            label: Some("Linux".into()),
                            type_id: Some("4f68bce3-e8cd-4db1-96e7-fbcaf984b709".into()),
                            attributes: 0,
                        }),
                        transport: Transport::Nvme,
                        ..Device::new("nvme0n1p2")
                    },
                    Filesystem {
                        kind: FilesystemKind::Ext4,
                        uuid: Some("0a-1".into()),
                        label: Some("my root".into()),
                    },
                )
            },
        };
        assert_eq!(option, Ok(expected));
    }

    #[test]
    fn a_bare_directory_is_a_disk_of_its_own() {
        let option = parsed("dir").unwrap();
        assert_eq!((option.volume.device.name.as_str(), option.volume.device.partition), ("volume7", None));
        assert_eq!(parsed("dir,partuuid=x").unwrap().volume.device.partition.unwrap().number, 7);
    }

    #[test]
    fn wrong_keys_and_values_are_wrong_usage() {
        for (value, message) in [
            ("d,uid=1", "--volume: no key `uid`; is `uuid` meant?"),
            (
                "d,qqqqqq",
                "--volume: no key `qqqqqq`; known are uuid, label, partuuid, partlabel, parttype, table, type, subvol, dev",
            ),
            ("d,type=etx4", "--volume: no file system type `etx4`; it is named as blkid names it"),
            ("d,table=apple", "--volume: no partition table `apple`; known are gpt, mbr"),
        ] {
            assert_eq!(parsed(value), Err(message.into()), "{value}");
        }
    }
}
