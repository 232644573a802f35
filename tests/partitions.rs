//! Partition tables as sfdisk writes them, read as sfdisk and blkid read them.

mod images;

use std::{
    fs::File,
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
};

use firstlight::{
    entry::{Partition, PartitionTable},
    formats::partition::{self, Slot},
    storage::misread::TableFault,
};
use images::{Image, scratch};
use qemu::pinned;
use serde_json::Value;

/// A name and a script for sfdisk, on a disk of 64 MiB.
const TABLES: &[(&str, &str)] = &[
    (
        "gpt",
        "label: gpt\n\
         1: size=8M, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, name=\"EFI System Größe\"\n\
         3: size=8M, type=bc13c2ff-59e6-4262-a352-b275fd6f7172\n\
         128: size=8M, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, attrs=\"RequiredPartition GUID:59,63\"\n",
    ),
    ("gpt of 256 entries", "label: gpt\ntable-length: 256\n200: size=8M, name=far\n"),
    ("empty gpt", "label: gpt\n"),
    (
        "mbr",
        "label: dos\nlabel-id: 0x1234abcd\n\
         1: size=8M, type=ef, bootable\n2: size=8M, type=ea\n3: size=8M, type=83\n4: size=8M, type=7\n",
    ),
    (
        "mbr with logical partitions",
        "label: dos\nlabel-id: 0xdeadbeef\n\
         1: size=8M, type=83\n2: size=40M, type=5\n\
         5: size=4M, type=83\n6: size=4M, type=82\n7: size=4M, type=8e\n",
    ),
    ("mbr with an empty extended partition", "label: dos\n1: size=8M, type=83\n4: size=8M, type=f\n"),
    ("mbr without partitions", "label: dos\n"),
];

#[test]
fn tables_read_as_sfdisk_reads_them() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("partitions");
    for (name, script) in TABLES {
        let image = directory.join(name.replace(' ', "-"));
        sfdisk(&image, script);
        assert_eq!(partition::read(&Image::open(&image)).unwrap(), expected(&image), "{name}");
    }
}

#[test]
fn a_gpt_whose_first_header_or_array_is_damaged_is_read_from_the_backup() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("damaged");
    for (name, offset) in [("header", 512 + 40), ("array", 1024 + 60), ("signature", 512)] {
        let image = directory.join(name);
        sfdisk(&image, TABLES[0].1);
        let expected = expected(&image);
        let file = File::options().write(true).open(&image).unwrap();
        file.write_all_at(b"damage", offset).unwrap();
        assert_eq!(partition::read(&Image::open(&image)).unwrap(), expected, "{name}");
        let fault = TableFault::find(&Image::open(&image), 512);
        assert_eq!(fault, Some((TableFault::Damaged, expected)), "{name}");
    }
}

#[test]
fn what_keeps_the_kernel_from_reading_a_table_is_told() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("faults");
    let (other, lost) = (TableFault::OtherSectors { table: 512, disk: 4096 }, TableFault::Lost);
    let end = (64 << 20) - 512;
    let cases: [(usize, u32, &[u64], _); 6] = [
        (0, 512, &[], None),
        (0, 4096, &[], Some((other, true))),
        (0, 512, &[512, end], Some((lost, false))),
        (0, 512, &[510], Some((TableFault::Unprotected, false))),
        // Tables of the older kind.
        (4, 512, &[], None),
        (4, 512, &[510], None),
    ];
    for (number, (table, sector, damage, fault)) in cases.into_iter().enumerate() {
        let image = directory.join(number.to_string());
        sfdisk(&image, TABLES[table].1);
        let expected = expected(&image);
        let file = File::options().write(true).open(&image).unwrap();
        damage.iter().for_each(|offset| file.write_all_at(b"dm", *offset).unwrap());
        let fault = fault.map(|(fault, has_slots)| (fault, if has_slots { expected } else { Vec::new() }));
        assert_eq!(TableFault::find(&Image::open(&image), sector), fault, "{number}");
    }
}

/// sfdisk takes a file's sectors for 512 bytes, so the table of a 4096-byte disk is rewritten from one of those: the same
/// sectors, eight times as far apart.
#[test]
fn a_gpt_of_a_disk_with_4096_byte_sectors_is_read() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("large-sectors");
    let small = directory.join("small");
    sfdisk(&small, TABLES[0].1);
    let image = directory.join("image");
    let (from, to) = (File::open(&small).unwrap(), File::create(&image).unwrap());
    let sectors = from.metadata().unwrap().len() / 512;
    to.set_len(sectors * 4096).unwrap();
    let mut sector = [0; 512];
    for number in [0, 1] {
        from.read_exact_at(&mut sector, number * 512).unwrap();
        to.write_all_at(&sector, number * 4096).unwrap();
    }
    let mut array = vec![0; 128 * 128];
    from.read_exact_at(&mut array, 2 * 512).unwrap();
    to.write_all_at(&array, 2 * 4096).unwrap();
    let expected: Vec<Slot> = expected(&small)
        .into_iter()
        .map(|slot| Slot { start: slot.start * 8, size: slot.size * 8, ..slot })
        .collect();
    assert_eq!(partition::read(&Image::open(&image)).unwrap(), expected);
    assert_eq!(TableFault::find(&Image::open(&image), 4096), None);
}

#[test]
fn a_file_system_on_a_whole_disk_is_no_partition_table() {
    if pinned::for_test().is_none() {
        return;
    }
    let image = scratch("whole").join("image");
    File::create(&image).unwrap().set_len(32 << 20).unwrap();
    run(pinned("mkfs.vfat").arg(&image), "");
    assert_eq!(partition::read(&Image::open(&image)).unwrap(), []);
}

/// sfdisk's answer about the table, in our form.
fn expected(image: &Path) -> Vec<Slot> {
    let json = run(pinned("sfdisk").arg("--json").arg(image), "");
    let table = &serde_json::from_str::<Value>(&json).unwrap()["partitiontable"];
    let gpt = table["label"] == "gpt";
    let signature = table["id"].as_str().unwrap().trim_start_matches("0x").to_lowercase();
    let prefix = image.to_str().unwrap();
    let partitions = table["partitions"].as_array().cloned().unwrap_or_default();
    partitions
        .iter()
        .map(|partition| {
            let text = |key: &str| partition[key].as_str().map(str::to_lowercase);
            // After a name that ends with a digit, a p comes before the number.
            let number = partition["node"].as_str().unwrap().strip_prefix(prefix).unwrap();
            let number = number.trim_start_matches('p').parse().unwrap();
            Slot {
                partition: Partition {
                    number,
                    table: if gpt { PartitionTable::Gpt } else { PartitionTable::Mbr },
                    uuid: Some(text("uuid").unwrap_or_else(|| format!("{signature}-{number:02x}"))),
                    label: partition["name"].as_str().map(str::to_owned),
                    type_id: text("type").map(|kind| if gpt { kind } else { format!("{kind:0>2}") }),
                    attributes: text("attrs").map_or(0, |names| attributes(&names)),
                },
                start: partition["start"].as_u64().unwrap() * 512,
                size: partition["size"].as_u64().unwrap() * 512,
            }
        })
        .collect()
}

/// The bits that sfdisk names.
fn attributes(names: &str) -> u64 {
    names.split(' ').fold(0, |bits, name| {
        bits | match name {
            "requiredpartition" => 1,
            "noblockioprotocol" => 2,
            "legacybiosbootable" => 4,
            name => name
                .strip_prefix("guid:")
                .unwrap()
                .split(',')
                .map(|bit| 1 << bit.parse::<u32>().unwrap())
                .sum(),
        }
    })
}

/// Partitions a new disk.
fn sfdisk(image: &Path, script: &str) {
    File::create(image).unwrap().set_len(64 << 20).unwrap();
    run(pinned("sfdisk").arg("-q").arg(image), script);
}

fn pinned(program: &str) -> Command {
    pinned::tests().unwrap().command(program)
}

fn run(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}
