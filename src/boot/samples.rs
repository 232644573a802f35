//! Volumes and entries for the tests of this room.

use crate::entry::{
    Device, Entry, FileReference, Filesystem, FilesystemKind, Format, Kind, Partition, PartitionTable,
    Source, Transport, Volume, VolumeId, VolumeReference,
};

/// An ext4 volume; what is not given is made of its name.
pub fn volume(name: &str, transport: Transport) -> Volume {
    let number = name.bytes().last().filter(u8::is_ascii_digit).map_or(0, |digit| u32::from(digit - b'0'));
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let disk = disk.strip_suffix('p').unwrap_or(disk);
    let device = Device {
        disk: disk.into(),
        partition: Some(Partition {
            number,
            table: PartitionTable::Gpt,
            uuid: Some(format!("uuid-of-{name}")),
            label: None,
            type_id: None,
            attributes: 0,
        }),
        size: 1 << 30,
        transport,
        path: format!("pci0000:00/{disk}"),
        ..Device::new(name)
    };
    let filesystem = Filesystem {
        kind: FilesystemKind::Ext4,
        uuid: Some(format!("fs-of-{name}")),
        label: Some(format!("label-of-{name}")),
    };
    Volume { id: id(name), ..Volume::new(device, filesystem) }
}

/// The id of the volume with this name.
pub fn id(name: &str) -> VolumeId {
    VolumeId(name.bytes().fold(0, |id, byte| id * 31 % 0xff_ffff + u32::from(byte)))
}

/// The volume with this name as entries refer to it.
pub fn reference(name: &str) -> VolumeReference {
    VolumeReference { id: id(name), name: name.into() }
}

/// A bootable entry of GRUB's, not the default; kernel and command line are named after it.
pub fn entry(id: &str, volume: &str) -> Entry {
    Entry {
        id: id.into(),
        title: format!("Title of {id}"),
        kind: Kind::Linux,
        source: Source {
            format: Format::Grub,
            volume: reference(volume),
            path: "/boot/grub/grub.cfg".into(),
            inside: None,
            line: Some(1),
        },
        kernel: Some(FileReference::new(reference(volume), format!("/{id}"))),
        cmdline: id.into(),
        ..Entry::default()
    }
}
