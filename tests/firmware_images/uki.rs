//! Unified kernel images, as objdump, ukify and sbverify read them.

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::kernel::Architecture;
use initramfs::{UkiRecipe, binary, build_uki};
use qemu::oracles::{UKIFY, available};
use qemu::roots::Root;
use qemu::{kernel, pinned, place, tool};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Our own, and those of two releases of systemd: objcopy has linked the older one, and its headers have less room.
fn stubs(root: &Root) -> [PathBuf; 3] {
    let path = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
    let own = binary::build_stub(Architecture::X86_64).unwrap();
    [own, pinned::tests().unwrap().file(path).unwrap(), root.file(path).unwrap()]
}

/// Images in a directory of their own, since tests run side by side.
fn built(root: &Root, directory: &Path) -> Vec<(PathBuf, UkiRecipe)> {
    let initramfs = directory.join("initramfs");
    fs::write(&initramfs, b"070701 not really").unwrap();
    let sbat = directory.join("sbat.csv");
    fs::write(&sbat, "sbat,1,SBAT Version,sbat,1,https://example.org\n").unwrap();
    let build = |(number, stub): (usize, PathBuf)| {
        let recipe = UkiRecipe {
            // Any EFI program is a kernel to whoever puts it in.
            kernel: stub.clone(),
            stub,
            initramfs: initramfs.clone(),
            cmdline: "console=ttyS0 quiet".into(),
            uname: Some("6.12.0-firstlight".into()),
            sections: vec![(".splash".into(), sbat.clone())],
            os_release: None,
        };
        let image = directory.join(format!("uki-{number}.efi"));
        fs::write(&image, build_uki(&recipe).unwrap()).unwrap();
        assert!(build_uki(&recipe).unwrap() == fs::read(&image).unwrap(), "the same bytes again");
        (image, recipe)
    };
    stubs(root).into_iter().enumerate().map(build).collect()
}

/// Names of sections with their sizes and hashes.
fn expected(recipe: &UkiRecipe) -> Vec<(&'static str, Vec<u8>)> {
    let read = |path: &Path| fs::read(path).unwrap();
    vec![
        (".cmdline", recipe.cmdline.clone().into_bytes()),
        (".uname", recipe.uname.clone().unwrap().into_bytes()),
        (".splash", read(&recipe.sections[0].1)),
        (".initrd", read(&recipe.initramfs)),
        (".linux", read(&recipe.kernel)),
    ]
}

#[test]
fn ukify_finds_every_section_with_its_content() {
    let Some(root) = available(&UKIFY, UKIFY.root()) else { return };
    let directory = place::directory("firmware-images/ukify").unwrap();
    for (image, recipe) in built(&root, &directory) {
        let mut ukify = root.command(&[&directory], "python3");
        ukify.args(["/usr/lib/systemd/ukify", "inspect"]).arg(&image).arg("--json=short");
        let found: Value = serde_json::from_str(&tool::finish(&mut ukify).unwrap()).unwrap();
        for (name, content) in expected(&recipe) {
            let section = &found[name];
            assert_eq!(
                (section["size"].as_u64(), section["sha256"].as_str()),
                (Some(content.len() as u64), Some(hash(&content).as_str())),
                "{name} of {}: {found}",
                image.display()
            );
        }
        let text = found[".osrel"]["text"].as_str().unwrap_or_default();
        assert!(text.contains("ID=firstlight"), "{found}");
    }
}

#[test]
fn objdump_finds_sections_that_do_not_overlap() {
    let Some(root) = available(&UKIFY, UKIFY.root()) else { return };
    let directory = place::directory("firmware-images/objdump").unwrap();
    for (image, recipe) in built(&root, &directory) {
        let mut objdump = root.command(&[&directory], "objdump");
        let listing = tool::finish(objdump.arg("-h").arg(&image)).unwrap();
        // Idx Name Size VMA LMA File off Algn
        let sections: Vec<(&str, u64, u64)> = listing
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [number, name, size, address, ..] = words[..] else { return None };
                number.parse::<u32>().ok()?;
                let hex = |text| u64::from_str_radix(text, 16).ok();
                Some((name, hex(size)?, hex(address)?))
            })
            .collect();
        for (name, content) in expected(&recipe) {
            assert!(
                sections.iter().any(|(found, size, _)| *found == name && *size == content.len() as u64),
                "{name}: {listing}"
            );
        }
        let mut places: Vec<(u64, u64)> =
            sections.iter().map(|(_, size, address)| (*address, address + size)).collect();
        firstlight::formats::sort::ascending(&mut places);
        assert!(places.array_windows().all(|[one, next]| one.1 <= next.0), "{listing}");
    }
}

#[test]
fn sbverify_takes_a_signed_image_and_refuses_a_changed_one() {
    let Some(root) = available(&UKIFY, UKIFY.root()) else { return };
    let directory = place::directory("firmware-images/sbverify").unwrap();
    let (key, certificate) = kernel::test_key().unwrap();
    let here = |file: &Path, name: &str| {
        let path = directory.join(name);
        fs::copy(file, &path).unwrap();
        path
    };
    let (key, certificate) = (here(&key, "key.pem"), here(&certificate, "certificate.pem"));
    for (image, _) in built(&root, &directory) {
        let signed = image.with_extension("signed");
        let mut sbsign = root.command(&[&directory], "sbsign");
        sbsign.arg("--key").arg(&key).arg("--cert").arg(&certificate);
        let said = tool::finish(sbsign.arg("--output").arg(&signed).arg(&image)).unwrap();
        assert!(!said.contains("warning"), "{said}");
        let verify = |image: &Path| {
            let mut sbverify = root.command(&[&directory], "sbverify");
            tool::finish(sbverify.arg("--cert").arg(&certificate).arg(image))
        };
        assert!(verify(&signed).unwrap().contains("OK"));
        let mut bytes = fs::read(&signed).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&signed, bytes).unwrap();
        assert!(verify(&signed).is_err());
    }
}
