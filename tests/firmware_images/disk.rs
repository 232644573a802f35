//! Images of sticks, as sgdisk, sfdisk, fsck.fat and mtools read them.

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::{DiskRecipe, Grub, UkiRecipe, build_disk, build_uki};
use qemu::firmware_images::grub;
use qemu::oracles::{SGDISK, available};
use qemu::{pinned, place, tool};
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

/// Any EFI program is a kernel to whoever puts it in.
fn recipe(directory: &Path) -> DiskRecipe {
    let stub = pinned::tests().unwrap().file("/usr/lib/systemd/boot/efi/linuxx64.efi.stub").unwrap();
    let initramfs = directory.join("initramfs");
    let content: Vec<u8> = (0..3_000_001_u32).map(|number| (number % 251) as u8).collect();
    fs::write(&initramfs, content).unwrap();
    let uki = UkiRecipe {
        kernel: stub.clone(),
        stub,
        initramfs,
        cmdline: "console=ttyS0,115200 quiet".into(),
        ..UkiRecipe::default()
    };
    DiskRecipe { uki, grub: Some(grub().unwrap()), ..DiskRecipe::default() }
}

fn scratch(name: &str) -> PathBuf {
    place::directory(&format!("firmware-images/disk-{name}")).unwrap()
}

#[test]
fn partitions_and_files_are_what_the_real_tools_find() {
    let Some(root) = available(&SGDISK, SGDISK.root()) else { return };
    let tools = pinned::tests().unwrap();
    let directory = scratch("whole");
    let recipe = recipe(&directory);
    let sized = DiskRecipe { size: Some(100 * MIB as u64), ..recipe.clone() };
    let for_uefi = DiskRecipe { grub: None, ..recipe.clone() };
    for (name, recipe, esp_sectors) in
        [("hybrid", &recipe, 34 * 2048), ("sized", &sized, 97 * 2048), ("uefi", &for_uefi, 34 * 2048)]
    {
        let built = build_disk(recipe).unwrap();
        assert!(built.bytes == build_disk(recipe).unwrap().bytes, "{name}: the same bytes again");
        let image = directory.join(format!("{name}.img"));
        fs::write(&image, &built.bytes).unwrap();

        let mut sgdisk = root.command(&[&directory], "sgdisk");
        let said = tool::finish(sgdisk.arg("--verify").arg(&image)).unwrap();
        assert!(said.contains("No problems found") && !said.contains("Caution"), "{name}: {said}");
        let mut sfdisk = tools.command("sfdisk");
        let said = tool::finish(sfdisk.arg("--verify").arg(&image)).unwrap();
        assert!(said.contains("No errors detected"), "{name}: {said}");
        let mut sfdisk = tools.command("sfdisk");
        let table: Value =
            serde_json::from_str(&tool::finish(sfdisk.arg("--json").arg(&image)).unwrap()).unwrap();
        let partitions: Vec<Value> = table["partitiontable"]["partitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|partition| {
                json!([partition["name"], partition["type"], partition["start"], partition["size"]])
            })
            .collect();
        let mut expected =
            vec![json!(["firstlight", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 2048, esp_sectors])];
        if recipe.grub.is_some() {
            expected.push(json!(["GRUB", "21686148-6449-6E6F-744E-656564454649", 2048 + esp_sectors, 2048]));
        }
        assert_eq!(partitions, expected, "{name}");

        let esp = directory.join(format!("{name}.esp"));
        fs::write(&esp, &built.bytes[MIB..][..esp_sectors * 512]).unwrap();
        let said = tool::finish(tools.command("fsck.fat").arg("-nv").arg(&esp)).unwrap();
        assert!(!said.contains("differ") && !said.contains("dirty"), "{name}: {said}");
        let (kernel, initramfs) =
            (fs::read(&recipe.uki.kernel).unwrap(), fs::read(&recipe.uki.initramfs).unwrap());
        let mut files = vec![("::/EFI/BOOT/BOOTX64.EFI", build_uki(&recipe.uki).unwrap())];
        if recipe.grub.is_some() {
            files.extend([("::/EFI/BOOT/INITRD", initramfs), ("::/EFI/BOOT/KERNEL", kernel)]);
        }
        let mut mdir = tools.command("mdir");
        let listing = tool::finish(mdir.args(["-/", "-b", "-i"]).arg(&esp).arg("::/")).unwrap();
        let mut found: Vec<&str> = listing.lines().filter(|line| !line.ends_with('/')).collect();
        firstlight::formats::sort::ascending(&mut found);
        files.sort_by_key(|(path, _)| *path);
        assert_eq!(found, files.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "{name}");
        for (path, content) in files {
            let copy = directory.join("copy");
            let mut mcopy = tools.command("mcopy");
            tool::finish(mcopy.args(["-n", "-o", "-i"]).arg(&esp).arg(path).arg(&copy)).unwrap();
            assert!(fs::read(&copy).unwrap() == content, "{name}: {path}");
        }
    }
}

#[test]
fn a_disk_for_aarch64_has_its_own_program_and_nothing_for_a_bios() {
    let directory = scratch("aarch64");
    let mut recipe = recipe(&directory);
    // The header says which machine a program is for, and no more is asked of it here.
    let mut program = fs::read(&recipe.uki.stub).unwrap();
    let header = u32::from_le_bytes(program[0x3c..0x40].try_into().unwrap()) as usize;
    program[header + 4..header + 6].copy_from_slice(&0xaa64_u16.to_le_bytes());
    recipe.uki.stub = directory.join("stub");
    recipe.uki.kernel = recipe.uki.stub.clone();
    fs::write(&recipe.uki.stub, program).unwrap();
    assert!(build_disk(&recipe).unwrap_err().to_string().contains("--no-bios"));
    let built = build_disk(&DiskRecipe { grub: None, ..recipe }).unwrap();
    assert_eq!(built.bytes[..446], [0; 446]);
    let names: Vec<_> =
        built.listing.groups.iter().flat_map(|group| &group.items).map(|item| &item.path).collect();
    assert_eq!(names, ["/EFI/BOOT/BOOTAA64.EFI"]);
}

#[test]
fn another_content_has_other_identifiers() {
    let directory = scratch("identifiers");
    let one = recipe(&directory);
    let mut other = one.clone();
    other.uki.cmdline = "quiet".into();
    // The disk's and the ESP's GUID, and the file system's serial number.
    let identifiers = |recipe: &DiskRecipe| {
        let bytes = build_disk(recipe).unwrap().bytes;
        [&bytes[512 + 56..][..16], &bytes[1024 + 16..][..16], &bytes[MIB + 0x43..][..4]].map(<[u8]>::to_vec)
    };
    let (one, other) = (identifiers(&one), identifiers(&other));
    assert!(one.iter().zip(&other).all(|(one, other)| one != other), "{one:?} {other:?}");
    assert_ne!(one[0], one[1]);
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let directory = scratch("refused");
    let recipe = recipe(&directory);
    let reason = |recipe: DiskRecipe| build_disk(&recipe).unwrap_err().to_string();
    let grub = recipe.grub.clone().unwrap();
    let without_files = Grub { directory: directory.join("nothing"), ..grub.clone() };
    let without_program = Grub { mkimage: Some(directory.join("nothing")), ..grub };
    let mut quoted = recipe.clone();
    quoted.uki.cmdline = "dyndbg=\"file a.c +p\"".into();
    let mut no_kernel = recipe.clone();
    no_kernel.uki.kernel = recipe.uki.initramfs.clone();
    for (recipe, expected) in [
        (DiskRecipe { grub: Some(without_files), ..recipe.clone() }, "grub-pc-bin"),
        (DiskRecipe { grub: Some(without_program), ..recipe.clone() }, "grub-common"),
        (quoted, "GRUB hands no quotes"),
        (no_kernel, "no kernel that EFI starts"),
        (
            DiskRecipe { size: Some(36 * MIB as u64), ..recipe },
            "a disk of 37748736 bytes is too small: 38797312 are needed, 1048576 bytes are missing",
        ),
    ] {
        let reason = reason(recipe);
        assert!(reason.contains(expected), "{reason}");
    }
}
