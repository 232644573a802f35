//! Firmware images of edk2's OVMF, as UEFITool reads them, before and after files are replaced in them.

use std::fs;
use std::path::PathBuf;

use initramfs::binary;
use initramfs::flash::{Changes, Kind, Payload, Replacement, edit, grow, inspect, put, unneeded, with_area};
use initramfs::kernel::Architecture;
use qemu::oracles::{UEFITOOL, available};
use qemu::roots::Root;
use qemu::{pinned, place, tool};

/// A row of UEFITool's report.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    subtype: String,
    size: usize,
    checksum: String,
    /// A file's GUID, in small letters.
    name: String,
    title: Option<String>,
}

/// What UEFITool finds in an image, and what it complains of.
fn report(root: &Root, image: &[u8], name: &str) -> (Vec<Row>, Vec<String>) {
    let directory = place::directory("firmware-images").unwrap();
    let path = directory.join(name);
    fs::write(&path, image).unwrap();
    let mut uefiextract = root.command(&[&directory], "uefiextract");
    let said = tool::finish(uefiextract.arg(&path).arg("report")).unwrap();
    let text = fs::read_to_string(directory.join(format!("{name}.report.txt"))).unwrap();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [kind, subtype, _, size, checksum, name, title @ ..] = &columns[..] else { return None };
        Some(Row {
            kind: (*kind).to_owned(),
            subtype: (*subtype).to_owned(),
            size: usize::from_str_radix(size, 16).ok()?,
            checksum: (*checksum).to_owned(),
            name: name.trim_start_matches('-').trim().to_lowercase(),
            title: title.first().map(|title| (*title).to_owned()),
        })
    };
    (text.lines().filter_map(row).collect(), said.lines().map(str::to_owned).collect())
}

/// The files but padding.
fn files(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| row.kind == "File" && row.subtype != "Pad").collect()
}

fn ovmf(name: &str) -> PathBuf {
    pinned::disks().unwrap().file(&format!("/usr/share/OVMF/{name}")).unwrap()
}

fn uefitool() -> Option<Root> {
    available(&UEFITOOL, UEFITOOL.root())
}

#[test]
fn the_files_of_ovmf_are_those_that_uefitool_finds() {
    let Some(root) = uefitool() else { return };
    for name in ["OVMF_CODE_4M.fd", "OVMF_CODE_4M.secboot.fd", "OVMF_CODE.fd"] {
        let image = fs::read(ovmf(name)).unwrap();
        let (rows, _) = report(&root, &image, name);
        // UEFITool calls the PEI core's own files by names that it knows; these are in no image.
        let is_named = |row: &Row| row.title.clone().filter(|title| !title.contains(' '));
        let theirs: Vec<_> =
            files(&rows).iter().map(|row| (row.name.clone(), row.size, is_named(row))).collect();
        let items = inspect(&image).unwrap();
        let ours: Vec<_> = items
            .iter()
            .filter(|item| !item.kind.starts_with("volume") || item.kind == "volume image")
            .map(|item| (item.guid.clone().unwrap(), item.size, item.name.clone()))
            .collect();
        assert!(ours.len() > 100, "{name}: {}", ours.len());
        assert_eq!(ours, theirs, "{name}");
    }
}

/// An EFI program of about this many bytes that no compression makes smaller.
fn program(size: usize) -> Vec<u8> {
    let mut bytes = fs::read(stub()).unwrap();
    let mut state = 1_u32;
    bytes.resize_with(size, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    bytes
}

fn stub() -> PathBuf {
    pinned::tests().unwrap().file("/usr/lib/systemd/boot/efi/linuxx64.efi.stub").unwrap()
}

#[test]
fn the_shell_of_ovmf_becomes_a_program_and_every_other_file_is_what_it_was() {
    let Some(root) = uefitool() else { return };
    let dropped = ["Ip4Dxe", "TcpDxe", "TlsDxe", "LogoDxe"];
    for (name, size, program_size) in [
        ("OVMF_CODE_4M.fd", None, 300 << 10),
        ("OVMF_CODE_4M.fd", Some(8 << 20), 5 << 20),
        ("OVMF_CODE.fd", None, 200 << 10),
    ] {
        let original = fs::read(ovmf(name)).unwrap();
        let (before, warnings_before) = report(&root, &original, &format!("before-{name}"));
        let program = program(program_size);
        let known = |name: &&&str| before.iter().any(|row| row.title.as_deref() == Some(**name));
        let changes = Changes {
            drop: match size {
                Some(_) => unneeded(&original).unwrap(),
                None => dropped.iter().filter(known).map(|name| (*name).to_owned()).collect(),
            },
            replace: vec![Replacement {
                file: "Shell".into(),
                program: program.clone(),
                title: "firstlight".into(),
            }],
        };
        assert!(changes.drop.len() > 2, "{name}: {changes:?}");
        let image = size.map_or_else(|| original.clone(), |size| grow(&original, size).unwrap());
        let edited = edit(&image, &changes).unwrap();
        assert_eq!(edited.image.len(), size.unwrap_or(original.len()));
        assert_eq!(edited.changed.len(), changes.drop.len() + 1, "{name}");

        let (after, warnings_after) = report(&root, &edited.image, &format!("after-{name}"));
        assert_eq!(warnings_after.len(), warnings_before.len(), "{name}: {warnings_after:?}");
        let is_new = |row: &&&Row| row.title.as_deref() == Some("firstlight");
        let is_gone = |row: &Row| {
            row.title.as_ref().is_some_and(|title| *title == "Shell" || changes.drop.contains(title))
        };
        // The file that holds all this, compressed, is another one; beside it, nothing has changed.
        let is_outer = |row: &Row| row.subtype == "Volume image";
        let kept: Vec<_> = files(&before).into_iter().filter(|row| !is_gone(row) && !is_outer(row)).collect();
        let files_after = files(&after);
        let same: Vec<_> = files_after.iter().filter(|row| !is_new(row) && !is_outer(row)).copied().collect();
        assert_eq!(same, kept, "{name}");
        let [new] = files_after.iter().filter(is_new).collect::<Vec<_>>()[..] else {
            panic!("{files_after:?}")
        };
        assert_eq!(new.name, "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1");
        let is_program = |row: &Row| row.subtype == "PE32 image" && row.size == program.len() + 4;
        assert!(after.iter().any(is_program), "{name}");
    }
}

/// An image with this kernel and initramfs.
fn with_payload(image: &[u8], kernel: &[u8], initramfs: &[u8]) -> Vec<u8> {
    let part = |kind, content: &[u8]| Payload { kind, content: content.to_vec() };
    put(image, &[part(Kind::Kernel, kernel), part(Kind::Initramfs, initramfs)]).unwrap()
}

#[test]
fn a_payload_leaves_every_byte_of_the_firmware_alone_and_is_changed_without_it() {
    let Some(root) = uefitool() else { return };
    let original = fs::read(ovmf("OVMF_CODE_4M.fd")).unwrap();
    let changes = Changes {
        drop: unneeded(&original).unwrap(),
        replace: vec![Replacement { file: "Shell".into(), program: program(9000), title: "x".into() }],
    };
    let edited = edit(&original, &changes).unwrap().image;
    let firmware = with_area(&edited, 8 << 20).unwrap();
    // `full` takes five MiB.
    let (first, second, initramfs) = (program(6_000_000), program(5_000_000), program(800_000));
    let image = with_payload(&firmware, &first, &initramfs);
    assert!(with_payload(&firmware, &first, &initramfs) == image, "the same input gives the same bytes");

    let warnings = |name: &str, image: &[u8]| {
        let (rows, warnings) = report(&root, image, name);
        let files: Vec<Row> =
            files(&rows).into_iter().filter(|row| row.subtype != "Volume image").cloned().collect();
        (files, warnings.len())
    };
    // UEFITool looks at volumes, and passes over what is between them.
    assert_eq!(warnings("payload.fd", &image), warnings("area.fd", &edited));
    let first_volume = FLASH - volumes(&edited);
    assert!(image[first_volume..] == firmware[first_volume..]);
    // The firmware's last bytes are those of the code that runs first.
    assert!(image.ends_with(&original[original.len() - 0x34000..]));

    let swapped = put(&image, &[Payload { kind: Kind::Kernel, content: second.clone() }]).unwrap();
    assert!(swapped[first_volume..] == firmware[first_volume..]);
    let parts = |image: &[u8]| {
        let items = inspect(image).unwrap().into_iter().filter(|item| item.kind == "payload");
        items.map(|item| (item.name.unwrap(), item.size)).collect::<Vec<_>>()
    };
    let expected = |kernel: usize| [("kernel".to_owned(), kernel), ("initramfs".to_owned(), 800_000)];
    assert_eq!((parts(&image), parts(&swapped)), (expected(6_000_000).into(), expected(5_000_000).into()));
}

const FLASH: usize = 8 << 20;

/// Bytes of the volumes when the first one has only what it needs.
fn volumes(edited: &[u8]) -> usize {
    let smallest = with_area(edited, edited.len()).unwrap();
    smallest.len() - smallest.iter().position(|byte| *byte != 0xff).unwrap()
}

#[test]
fn no_efi_program_holds_the_time_of_its_build() {
    let Some(tools) = pinned::for_test() else { return };
    let path = place::directory("firmware-images").unwrap().join("loader.efi");
    let stub = fs::read(binary::build_stub(Architecture::X86_64).unwrap()).unwrap();
    for program in [binary::build_flash_loader().unwrap(), stub] {
        fs::write(&path, program).unwrap();
        let said = tools.run("objdump", ["-p".as_ref(), path.as_os_str()]).unwrap();
        assert!(said.contains("This is a reproducible build file hash, not a timestamp"), "{said}");
    }
}

#[test]
fn a_payload_that_does_not_fit_is_refused_with_the_bytes_that_are_missing() {
    let original = fs::read(ovmf("OVMF_CODE_4M.fd")).unwrap();
    let area = with_area(&original, 8 << 20).unwrap();
    let kernel = |size| [Payload { kind: Kind::Kernel, content: vec![1; size] }];
    let error = put(&area, &kernel(7 << 20)).unwrap_err().to_string();
    assert!(
        error.starts_with("the kernel needs 7344128 bytes") && error.ends_with("bytes are missing"),
        "{error}"
    );
    for length in [0, 100, 0x1000, area.len() - 0x10_0000, area.len() - 1] {
        assert!(put(&area[..length], &kernel(100)).is_err(), "{length}");
    }
    // Without an area there is no room at all.
    assert!(put(&original, &kernel(100)).unwrap_err().to_string().contains("there is room for 0"));
}

#[test]
fn what_does_not_fit_is_refused_with_the_bytes_that_are_missing() {
    let image = fs::read(ovmf("OVMF_CODE_4M.fd")).unwrap();
    let replace = |size| Changes {
        drop: Vec::new(),
        replace: vec![Replacement { file: "Shell".into(), program: program(size), title: "x".into() }],
    };
    let error = edit(&image, &replace(4 << 20)).unwrap_err().to_string();
    assert!(error.contains("bytes are missing"), "{error}");
    for length in [0, 100, 0x1000, image.len() / 2, image.len() - 1] {
        assert!(edit(&image[..length], &replace(1 << 10)).is_err(), "{length}");
    }
}
