//! Secure Boot: what is signed by whom, and which step is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use install::arguments::{Action, Options};
use qemu::kernel;
use qemu::oracles::{UKIFY, available};
use qemu::roots::Root;

use crate::tree::{DEBIAN, Machine, texts};

/// A machine with Secure Boot, and a key with its certificate in a place of its own.
fn machine() -> (Machine, Options, Vec<u8>) {
    let machine = Machine::new(&DEBIAN);
    machine.variable("SecureBoot", &[1]);
    let (key, certificate) = kernel::test_key().unwrap();
    let bytes = fs::read(certificate).unwrap();
    machine.file("keys/key.pem", fs::read(key).unwrap());
    machine.file("keys/certificate.pem", &bytes);
    let options = Options {
        sign_key: Some(machine.path("keys/key.pem")),
        sign_cert: Some(machine.path("keys/certificate.pem")),
        ..Options::default()
    };
    (machine, options, der(&bytes))
}

/// By openssl's own decoder, as far as base64(1) is one.
fn der(pem: &[u8]) -> Vec<u8> {
    let script = "sed '/-----/d' \"$1\" | base64 -d";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pem");
    fs::write(&file, pem).unwrap();
    Command::new("sh").args(["-c", script, "sh"]).arg(&file).output().unwrap().stdout
}

/// A list of signatures with one certificate (UEFI specification 2.10, 32.4.1).
fn list(certificate: &[u8]) -> Vec<u8> {
    let size = u32::try_from(certificate.len() + 16).unwrap();
    let head =
        [[0xa5_u8; 16].to_vec(), (size + 28).to_le_bytes().to_vec(), vec![0; 4], size.to_le_bytes().to_vec()];
    [head.concat(), vec![7; 16], certificate.to_vec()].concat()
}

/// A directory with an `sbsign` that is the root's.
fn signer(root: &Root, machine: &Machine) -> PathBuf {
    let command = root.command(&[machine.directory.path()], "sbsign");
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''")));
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", quoted.collect::<Vec<_>>().join(" "));
    machine.file("signer/sbsign", script);
    let path = machine.path("signer");
    fs::set_permissions(path.join("sbsign"), fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs the program, which finds `sbsign` in a directory.
fn install(machine: &Machine, options: &Options, signer: &Path) -> std::process::Output {
    let scratch = machine.path("scratch");
    fs::create_dir_all(&scratch).unwrap();
    let path = format!("{}:{}", signer.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight-install"));
    command.env("PATH", path).env("TMPDIR", scratch).arg("--root").arg(machine.directory.path());
    command.arg("--sign-key").arg(options.sign_key.as_ref().unwrap());
    command.arg("--sign-cert").arg(options.sign_cert.as_ref().unwrap()).arg("--boots-unsigned");
    command.output().unwrap()
}

#[test]
fn the_step_that_is_missing_is_named() {
    let (machine, options, der) = machine();
    let refusal = |options: &Options| machine.plan(Action::Install, options.clone()).unwrap_err();
    assert!(refusal(&Options::default()).contains("no key to sign with was found: make keys with sbctl"));
    assert!(
        refusal(&options)
            .contains("certificate.pem is not enrolled: enroll it in the firmware (`sbctl enroll-keys -m`)")
    );
    machine.file("var/lib/dkms/mok.key", "key");
    machine.file("var/lib/dkms/mok.pub", &der);
    assert!(refusal(&Options::default()).contains("mok.pub is not enrolled: run `mokutil --import"));
    machine.variable("db", &[]);
    let db = machine.system.efivars.join("db-d719b2cb-3d3a-4596-a3bc-dad00e67656f");
    fs::write(db, [vec![7, 0, 0, 0], list(&der)].concat()).unwrap();
    let reason = refusal(&options);
    assert!(
        reason.contains("does not enforce signatures by itself")
            && reason.contains("--boots-unsigned signs this one"),
        "{reason}"
    );
}

#[test]
fn the_firmwares_key_signs_the_image_and_the_owners_key_has_shim_start_it() {
    let Some(root) = available(&UKIFY, UKIFY.root()) else { return };
    for (variable, program, files) in [
        ("db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", "firstlight.efi", &["firstlight.efi"][..]),
        (
            "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23",
            "shimx64.efi",
            &["shimx64.efi", "mmx64.efi", "grubx64.efi"],
        ),
    ] {
        let (machine, options, der) = machine();
        machine.file("boot/efi/EFI/debian/mmx64.efi", "the manager");
        fs::write(machine.system.efivars.join(variable), [vec![7, 0, 0, 0], list(&der)].concat()).unwrap();
        let output = install(&machine, &options, &signer(&root, &machine));
        let printed = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        for file in files {
            assert!(printed.contains(&format!("write /boot/efi/EFI/firstlight/a/{file} (")), "{printed}");
        }
        assert!(printed.contains(&format!("firstlight, \\EFI\\firstlight\\a\\{program}\n")), "{printed}");
        assert!(printed.contains("whoever can write to this machine's disks boots any kernel"), "{printed}");
        let image = machine.path(&format!("boot/efi/EFI/firstlight/a/{}", files.last().unwrap()));
        let mut verify = root.command(&[machine.directory.path()], "sbverify");
        let verified =
            verify.arg("--cert").arg(machine.path("keys/certificate.pem")).arg(&image).output().unwrap();
        let said = String::from_utf8(verified.stdout).unwrap();
        assert!(verified.status.success() && said.contains("OK"), "{said}");
        let plan = machine.run(Action::Remove, Options::default());
        assert!(texts(&plan).contains(&"remove the boot option Boot0002".to_owned()));
    }
}
