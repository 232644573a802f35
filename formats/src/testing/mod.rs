//! Devices and sample files for the tests of this package and of those that use it (feature `testing`): no stable interface.

pub mod chromeos;
pub mod fit;
pub mod iso9660;
pub mod pe;
pub mod syslinux;

use crate::entry::{Device, Partition, PartitionTable, Transport, VolumeId, VolumeReference};

/// A volume of a table in a test, none of which has an identity: their names are distinct.
impl From<&str> for VolumeReference {
    fn from(name: &str) -> Self {
        Self { id: VolumeId::default(), name: name.into() }
    }
}

/// Partition `name` (`sda2`) of a disk with a GPT; its UUID is `part-NAME`.
pub fn device(name: &str) -> Device {
    let number = name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    Device {
        disk: name.trim_end_matches(|c: char| c.is_ascii_digit()).into(),
        partition: Some(Partition {
            number,
            table: PartitionTable::Gpt,
            uuid: Some(format!("part-{name}")),
            label: None,
            type_id: None,
            attributes: 0,
        }),
        size: 1 << 30,
        transport: Transport::Scsi,
        ..Device::new(name)
    }
}
