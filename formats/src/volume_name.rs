//! How a setting names a volume: by what is on it, by its partition, by its device, or by how it is attached.

use crate::entry::{Device, Transport, Volume};

/// Names one volume or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeName {
    /// UUID of the file system, in the form that blkid prints.
    Uuid(String),
    /// Label of the file system.
    Label(String),
    /// UUID of the partition.
    PartitionUuid(String),
    /// GPT name of the partition.
    PartitionLabel(String),
    /// Kernel name of a partition or of a whole disk with all that is on it.
    Device(String),
    /// All disks that are attached this way.
    Transport(Transport),
}

/// Words for the ways in which a disk is attached.
const TRANSPORTS: [(&str, Transport); 6] = [
    ("nvme", Transport::Nvme),
    ("scsi", Transport::Scsi),
    ("virtio", Transport::Virtio),
    ("mmc", Transport::Mmc),
    ("usb", Transport::Usb),
    ("optical", Transport::Optical),
];

impl VolumeName {
    /// Reads a name: `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…` as in fstab(5), a device with or without `/dev/`,
    /// or a word for how disks are attached. `None` if it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = match text.split_once('=') {
            Some((_, "")) => return None,
            Some(("UUID", value)) => Self::Uuid(value.to_owned()),
            Some(("LABEL", value)) => Self::Label(value.to_owned()),
            Some(("PARTUUID", value)) => Self::PartitionUuid(value.to_owned()),
            Some(("PARTLABEL", value)) => Self::PartitionLabel(value.to_owned()),
            Some(_) => return None,
            None => match TRANSPORTS.iter().find(|(word, _)| *word == text) {
                Some((_, transport)) => Self::Transport(*transport),
                None => Self::device(text)?,
            },
        };
        Some(name)
    }

    fn device(text: &str) -> Option<Self> {
        let name = text.strip_prefix("/dev/").unwrap_or(text);
        (!name.is_empty() && !name.contains('/')).then(|| Self::Device(name.to_owned()))
    }

    /// Whether it names this volume. UUIDs match without regard to case, as in fstab(5).
    #[must_use]
    pub fn names(&self, volume: &Volume) -> bool {
        let device = &volume.device;
        let partition = device.partition.as_ref();
        match self {
            Self::Uuid(uuid) => {
                volume.filesystem.uuid.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(uuid))
            }
            Self::Label(label) => volume.filesystem.label.as_ref() == Some(label),
            Self::PartitionUuid(uuid) => {
                partition.and_then(|it| it.uuid.as_ref()).is_some_and(|it| it.eq_ignore_ascii_case(uuid))
            }
            Self::PartitionLabel(label) => partition.and_then(|it| it.label.as_ref()) == Some(label),
            Self::Device(name) => device.name == *name || device.disk == *name,
            Self::Transport(transport) => device.transport == *transport,
        }
    }

    /// Whether it names a device that this one is made of or lies on.
    #[must_use]
    pub fn names_beneath(&self, device: &Device) -> bool {
        matches!(self, Self::Device(name) if device.beneath.contains(name))
    }
}

impl std::fmt::Display for VolumeName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uuid(value) => write!(formatter, "UUID={value}"),
            Self::Label(value) => write!(formatter, "LABEL={value}"),
            Self::PartitionUuid(value) => write!(formatter, "PARTUUID={value}"),
            Self::PartitionLabel(value) => write!(formatter, "PARTLABEL={value}"),
            Self::Device(name) => formatter.write_str(name),
            Self::Transport(transport) => {
                let word =
                    TRANSPORTS.iter().find(|(_, it)| it == transport).map_or("other", |(word, _)| word);
                formatter.write_str(word)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Filesystem, FilesystemKind, Partition, PartitionTable};

    fn volume() -> Volume {
        Volume::new(
            Device {
                disk: "nvme0n1".into(),
                partition: Some(Partition {
                    number: 2,
                    table: PartitionTable::Gpt,
                    uuid: Some("4f68bce3-e8cd-4db1-96e7-fbcaf984b709".into()),
                    label: Some("root".into()),
                    type_id: None,
                    attributes: 0,
                }),
                size: 1 << 30,
                transport: Transport::Nvme,
                path: "pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1".into(),
                ..Device::new("nvme0n1p2")
            },
            Filesystem {
                kind: FilesystemKind::Vfat,
                uuid: Some("1A2B-3C4D".into()),
                label: Some("EFI SYSTEM".into()),
            },
        )
    }

    #[test]
    fn a_volume_answers_to_each_of_its_names_and_to_no_other() {
        let cases = [
            ("UUID=1a2b-3c4d", true),
            ("UUID=1A2B-3C4E", false),
            ("LABEL=EFI SYSTEM", true),
            ("LABEL=efi system", false),
            ("PARTUUID=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", true),
            ("PARTLABEL=root", true),
            ("/dev/nvme0n1p2", true),
            ("nvme0n1", true),
            ("nvme0n1p1", false),
            ("nvme", true),
            ("usb", false),
        ];
        for (name, expected) in cases {
            assert_eq!(VolumeName::parse(name).unwrap().names(&volume()), expected, "{name}");
        }
    }

    #[test]
    fn every_name_is_shown_as_it_is_written() {
        for name in ["UUID=1A2B-3C4D", "LABEL=a=b", "PARTUUID=x", "PARTLABEL=y", "sda2", "virtio"] {
            assert_eq!(VolumeName::parse(name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "UUID=", "NAME=x", "/dev/", "/dev/disk/by-label/x"] {
            assert_eq!(VolumeName::parse(text), None, "{text}");
        }
    }
}
