//! Kernels on partitions without a file system, on disks that sfdisk has partitioned: what is found there, and in which order
//! ChromeOS's firmware and Android's loaders would try it.

mod images;

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{FileExt, symlink},
    path::Path,
    process::Stdio,
};

use firstlight::{
    discover::{Volumes, discover, finder::Context},
    entry::{Discovery, Entry, FileReference},
    formats::partition,
    image::{KernelFiles, NamedFile, prepare},
    storage::{
        OpenVolume,
        mount::Care,
        probe::{ProbeOutcome, ProbeRequest, Prober},
        sysfs::Sysfs,
    },
};
use images::{Image, scratch};
use qemu::{pinned, tool};

/// A partitioned disk, its partitions as files of their own, and the tree that describes them as the kernel does.
fn volumes(name: &str, table: &str, contents: &[(u32, Vec<u8>)]) -> Vec<OpenVolume> {
    let directory = scratch(name);
    let (sys, nodes) = (directory.join("sys"), directory.join("dev"));
    fs::create_dir_all(&nodes).unwrap();
    fs::create_dir_all(sys.join("class/block")).unwrap();
    let disk = nodes.join("sda");
    sfdisk(&disk, table);
    let describe = |path: &str, attributes: &[(&str, String)]| {
        let device = sys.join("devices/pci/block").join(path);
        fs::create_dir_all(&device).unwrap();
        for (name, value) in attributes {
            fs::write(device.join(name), value).unwrap();
        }
        symlink(&device, sys.join("class/block").join(device.file_name().unwrap())).unwrap();
    };
    describe("sda", &[("size", (64 << 11).to_string())]);
    let slots = partition::read(&Image::open(&disk)).unwrap();
    for slot in &slots {
        let number = slot.partition.number;
        let content = contents.iter().find(|(own, _)| *own == number).map_or(&[][..], |(_, content)| content);
        let node = File::create(nodes.join(format!("sda{number}"))).unwrap();
        node.set_len(slot.size).unwrap();
        node.write_all_at(content, 0).unwrap();
        let attributes = [("size", (slot.size / 512).to_string()), ("partition", number.to_string())];
        describe(&format!("sda/sda{number}"), &attributes);
    }
    let prober = Prober { sysfs: Sysfs::at(&sys), nodes, care: Care::Shared };
    let probe = |number| {
        prober.probe(&ProbeRequest { name: format!("sda{number}"), ..ProbeRequest::default() }).outcome
    };
    let opened = slots.iter().filter_map(|slot| match probe(slot.partition.number) {
        ProbeOutcome::Opened(open) => Some(open),
        _ => None,
    });
    opened.collect()
}

fn sfdisk(image: &Path, script: &str) {
    File::create(image).unwrap().set_len(64 << 20).unwrap();
    let mut command = pinned::tests().unwrap().command("sfdisk");
    command.arg("-q").arg(image).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Kernel and initrds of an entry as they are loaded, each without the zeros after it, and the command line.
fn loaded(open: &[OpenVolume], entry: &Entry) -> (Vec<String>, String) {
    let part = |reference: &FileReference| {
        // These are the same partitions, opened once more: only their names are the same.
        let named = |open: &&OpenVolume| open.volume.device.name == reference.volume.name;
        let volume = open.iter().find(named).unwrap();
        NamedFile { name: reference.volume.to_string(), file: volume.open(reference).unwrap() }
    };
    let initrds = entry.initrds.iter().map(part).collect();
    let kernel = KernelFiles::new(part(entry.kernel.as_ref().unwrap()));
    let prepared = prepare(KernelFiles { initrds, cmdline: entry.cmdline.clone(), ..kernel }).unwrap();
    let text = |part: &NamedFile| {
        let mut content = vec![0; usize::try_from(part.file.metadata().unwrap().len()).unwrap()];
        part.file.read_exact_at(&mut content, 0).unwrap();
        String::from_utf8(content).unwrap().trim_end_matches('\0').to_owned()
    };
    let parts = prepared.files().map(text).collect();
    (parts, prepared.cmdline)
}

/// Id, volume, initrds, command line and tries of each entry.
fn shown(found: &Discovery) -> Vec<String> {
    let entries = found.entries.iter().map(|entry| {
        let kernel = entry.kernel.as_ref().unwrap();
        assert_eq!(kernel.path, "/partition");
        let initrds: Vec<_> = entry.initrds.iter().map(|file| file.volume.name.as_str()).collect();
        let tries = entry.tries_left.map_or(String::new(), |tries| format!(" ({tries} tries)"));
        let problem = entry.problem.as_deref().unwrap_or_default();
        format!("{} {} {initrds:?}{tries} {problem}| {}", entry.id, kernel.volume, entry.cmdline)
    });
    entries.collect()
}

/// A key block without keys, a preamble without signatures, and a body of three pages: kernel, command line, parameters.
fn chromeos(cmdline: &str) -> Vec<u8> {
    let mut image = vec![0; 4096 * 4];
    image[..8].copy_from_slice(b"CHROMEOS");
    let mut put = |at: usize, value: u64| image[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(16, 64);
    // Size of the preamble, its version, addresses of body and boot loader, size of the body.
    for (at, value) in [(0, 4096 - 64), (32, 2), (48, 0x10_0000), (56, 0x10_3000), (88, 0x3000)] {
        put(64 + at, value);
    }
    image[4096..4102].copy_from_slice(b"kernel");
    image[8192..8192 + cmdline.len()].copy_from_slice(cmdline.as_bytes());
    image
}

#[test]
fn chromeos_kernels_are_in_the_order_in_which_the_firmware_tries_them() {
    if pinned::for_test().is_none() {
        return;
    }
    let kernel = "type=fe3a2a5d-4f32-41a7-b725-accc3285a309, size=1M";
    let table = format!(
        "label: gpt\n\
         2: {kernel}, name=KERN-A, uuid=11111111-0000-4000-8000-00000000000A, attrs=\"GUID:48,56\"\n\
         4: {kernel}, name=KERN-B, uuid=22222222-0000-4000-8000-00000000000B, attrs=\"GUID:49,52,53\"\n\
         6: {kernel}, name=KERN-C, attrs=\"GUID:48,49,50,51\"\n\
         7: {kernel}, name=KERN-D, attrs=\"GUID:48,56\"\n\
         8: size=1M, name=OTHER\n\
         9: {kernel}, name=KERN-E, attrs=\"GUID:48,49,50,51,56\"\n"
    );
    let image = || chromeos("console= root=PARTUUID=%U/PARTNROFF=1 kern_guid=%U \n");
    // KERN-E holds nothing; OTHER is no kernel partition.
    let contents = [2, 4, 6, 7, 8].map(|number| (number, image()));
    let open = volumes("chromeos", &table, &contents);
    let opened: Vec<_> = open.iter().map(|open| open.volume.device.name.as_str()).collect();
    assert_eq!(opened, ["sda2", "sda4", "sda6", "sda7", "sda8"]);
    let found = discover(&Volumes::from(open), &Context::default());
    let lines = shown(&found);
    // KERN-B: priority 2, 3 tries; A and D: priority 1, successful; C: priority 15, no tries left.
    let cmdline =
        |uuid: &str| format!("| cros_secure console= root=PARTUUID={uuid}/PARTNROFF=1 kern_guid={uuid}");
    assert_eq!(
        lines[0],
        format!("KERN-B sda4 [] (3 tries) {}", cmdline("22222222-0000-4000-8000-00000000000b"))
    );
    assert_eq!(lines[1], format!("KERN-A sda2 [] {}", cmdline("11111111-0000-4000-8000-00000000000a")));
    assert!(lines[2].starts_with("KERN-D sda7 [] | "));
    assert!(lines[3].starts_with("KERN-C sda6 [] (0 tries) | "));
    assert_eq!(lines.len(), 4);
    assert_eq!((found.default.as_deref(), found.timeout), (Some("KERN-B"), Some(0)));
    assert_eq!(found.fallback, ["KERN-A", "KERN-D"]);
    assert_eq!(found.warnings, []);
    let entry = &found.entries[0];
    let open = volumes("chromeos-loaded", &table, &contents);
    assert_eq!(loaded(&open, entry), (vec!["kernel".to_owned()], entry.cmdline.clone()));
}

/// An image as mkbootimg makes it.
fn mkbootimg(directory: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    for file in ["kernel", "initrd", "dtb"] {
        fs::write(directory.join(file), file).unwrap();
    }
    let mut mkbootimg = pinned::tests().unwrap().command("mkbootimg");
    tool::finish(mkbootimg.current_dir(directory).args(arguments)).unwrap();
    fs::read(directory.join(name)).unwrap()
}

/// The record of the slots in `misc`: two bytes for each.
fn misc(slots: &[u8]) -> Vec<u8> {
    let mut record = [b"a\0\0\0BCAB\x01\x02\0\0", slots].concat();
    record.resize(28, 0);
    let sum = crc32(&record);
    [&vec![0; 2048][..], &record, &sum.to_le_bytes()].concat()
}

/// ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

const ANDROID: &str = "label: gpt\n\
                       1: size=1M, name=misc\n2: size=1M, name=boot_a ATTRIBUTES\n3: size=1M, name=boot_b\n\
                       4: size=1M, name=vendor_boot_a\n5: size=1M, name=vendor_boot_b\n6: size=1M, name=recovery\n";

#[test]
fn androids_slots_are_in_the_order_in_which_its_loader_tries_them() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = scratch("mkbootimg");
    let boot = ["--kernel", "kernel", "--ramdisk", "initrd", "--cmdline", "own=1"];
    let boot3 =
        mkbootimg(&directory, "boot", &[&boot[..], &["--header_version", "3", "-o", "boot"]].concat());
    let vendor =
        ["--header_version", "3", "--vendor_ramdisk", "dtb", "--vendor_cmdline", "vendor=1", "--dtb", "dtb"];
    let vendor = mkbootimg(&directory, "vendor", &[&vendor[..], &["--vendor_boot", "vendor"]].concat());
    let recovery = mkbootimg(&directory, "recovery", &[&boot[..], &["-o", "recovery"]].concat());
    let entry = |slot: &str, volume: u32, tries: &str| {
        format!(
            "boot_{slot} sda{volume} [\"sda{}\"] {tries}| androidboot.slot_suffix=_{slot} androidboot.force_normal_boot=1 \
             androidboot.verifiedbootstate=orange own=1 vendor=1",
            volume + 2
        )
    };
    let rescue = "recovery sda6 [] | androidboot.verifiedbootstate=orange own=1".to_owned();
    // Priority 14, successful, 1 try; priority 15, 7 tries; corrupted.
    for (name, record, attributes, order, default, fallback) in [
        (
            "by-record",
            Some(misc(&[0x9e, 0, 0x7f, 0])),
            "",
            [("b", "(7 tries) "), ("a", "")],
            Some("boot_b"),
            &["boot_a"][..],
        ),
        ("corrupted", Some(misc(&[0x9e, 0, 0xff, 1])), "", [("a", ""), ("b", "")], Some("boot_a"), &[]),
        (
            "none-left",
            Some(misc(&[0x0e, 0, 0x0f, 0])),
            "",
            [("b", "(0 tries) "), ("a", "(0 tries) ")],
            None,
            &[],
        ),
        // Qualcomm's: not to be started.
        ("by-attributes", None, ", attrs=\"GUID:55\"", [("b", ""), ("a", "(0 tries) ")], Some("boot_b"), &[]),
        ("no-record", None, "", [("a", ""), ("b", "")], Some("boot_a"), &["boot_b"]),
    ] {
        let mut contents = vec![
            (2, boot3.clone()),
            (3, boot3.clone()),
            (4, vendor.clone()),
            (5, vendor.clone()),
            (6, recovery.clone()),
        ];
        contents.extend(record.map(|record| (1, record)));
        let table = ANDROID.replace(" ATTRIBUTES", attributes);
        let open = volumes(name, &table, &contents);
        let found = discover(&Volumes::from(open), &Context::default());
        let mut expected =
            order.map(|(slot, tries)| entry(slot, if slot == "a" { 2 } else { 3 }, tries)).to_vec();
        expected.push(rescue.clone());
        assert_eq!(shown(&found), expected, "{name}");
        assert_eq!(
            (found.default.as_deref(), &found.fallback[..]),
            (default, &fallback.iter().map(|&id| id.to_owned()).collect::<Vec<_>>()[..]),
            "{name}"
        );
        // The vendor's initrd comes before the system's.
        let open = volumes(&format!("{name}-loaded"), &table, &contents);
        let parts = ["kernel", "dtb", "initrd"].map(str::to_owned).to_vec();
        assert_eq!(loaded(&open, &found.entries[0]), (parts, found.entries[0].cmdline.clone()));
    }
    let open = volumes("no-vendor", "label: gpt\n1: size=1M, name=boot\n", &[(1, boot3)]);
    let found = discover(&Volumes::from(open), &Context::default());
    assert_eq!(found.entries[0].problem.as_deref(), Some("there is no image on the partition vendor_boot"));
    // The loader of the phone would try it, so it is the default; that it boots nothing is the entry's problem.
    assert_eq!(found.default.as_deref(), Some("boot"));
}
