//! One disk with three systems and their loaders: which of them counts, as the firmware's variables say it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

const ESP: &str = "12345678-0000-4000-8000-0123456789ab";
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

fn write(directory: &TempDir, path: &str, content: &[u8]) {
    let path = directory.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A variable's file: four bytes of attributes, then the value.
fn variable(directory: &TempDir, name: &str, vendor: &str, value: &[u8]) {
    write(directory, &format!("{name}-{vendor}"), &[&[7, 0, 0, 0], value].concat());
}

/// A boot option (UEFI specification 2.10, 3.1.3) for a program on the ESP.
fn option(program: &str) -> Vec<u8> {
    let node = |kind: [u8; 2], content: &[u8]| {
        let length = u16::try_from(content.len() + 4).unwrap().to_le_bytes();
        [&kind[..], &length, content].concat()
    };
    let digits: Vec<u8> = ESP.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut guid: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    guid[0..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    let disk = [&1_u32.to_le_bytes()[..], &[0; 16], &guid, &[2, 2]].concat();
    let path = [node([4, 1], &disk), node([4, 4], &text(program)), node([0x7f, 0xff], &[])].concat();
    let length = u16::try_from(path.len()).unwrap().to_le_bytes();
    [&1_u32.to_le_bytes()[..], &length, &text("a system"), &path].concat()
}

fn grub(uuid: &str, name: &str) -> String {
    format!(
        "set default=0\nset fallback=1\nset timeout=4\nsearch --fs-uuid --set=root {uuid}\n\
         menuentry '{name}' --id {name} {{ linux /vmlinuz {name} }}\n\
         menuentry 'old' --id {name}-old {{ linux /vmlinuz {name} old }}\n"
    )
}

#[test]
fn the_loader_that_the_firmware_starts_first_decides_what_boots() {
    let [esp, debian, fedora, variables] = [(); 4].map(|()| TempDir::new().unwrap());
    for (system, name) in [(&debian, "debian"), (&fedora, "fedora")] {
        write(system, "boot/grub/grub.cfg", grub(&format!("uuid-{name}"), name).as_bytes());
        write(system, "vmlinuz", b"");
        let stub = format!("search --fs-uuid --set=root uuid-{name}\nconfigfile /boot/grub/grub.cfg\n");
        write(&esp, &format!("EFI/{name}/grub.cfg"), stub.as_bytes());
        write(&esp, &format!("EFI/{name}/shimx64.efi"), b"");
    }
    write(&esp, "EFI/systemd/systemd-bootx64.efi", b"");
    for name in ["arch", "arch-lts"] {
        write(
            &esp,
            &format!("loader/entries/{name}.conf"),
            format!("title {name}\nlinux /{name}\n").as_bytes(),
        );
        write(&esp, name, b"");
    }
    let programs =
        ["\\EFI\\debian\\shimx64.efi", "\\EFI\\fedora\\shimx64.efi", "\\EFI\\systemd\\systemd-bootx64.efi"];
    for (number, program) in programs.iter().enumerate() {
        variable(&variables, &format!("Boot{number:04X}"), GLOBAL, &option(program));
    }
    variable(&variables, "LoaderEntryDefault", LOADER, &text("arch-lts.conf"));
    let list = |arguments: &[&str]| -> Value {
        let path = |directory: &TempDir| directory.path().display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
        command.args(["list", "--json", "--firmware", "efi"]);
        command.args(["--volume", &format!("{},dev=sda1,type=vfat,partuuid={ESP}", path(&esp))]);
        for (number, (system, name)) in [(&debian, "debian"), (&fedora, "fedora")].iter().enumerate() {
            let volume = format!("{},dev=sda{},type=ext4,uuid=uuid-{name}", path(system), number + 2);
            command.args(["--volume", &volume]);
        }
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let directory = variables.path().display().to_string();
    let with = ["--efivars", &directory];
    for (order, arguments, default, fallback, timeout) in [
        ([0, 1, 2], &[][..], "debian", Some("debian-old"), 4),
        ([0, 1, 2], &with[..], "debian", Some("debian-old"), 4),
        ([1, 0, 2], &with[..], "fedora", Some("fedora-old"), 4),
        ([2, 1, 0], &with[..], "arch-lts", None, 0),
    ] {
        let order: Vec<u8> = order.into_iter().flat_map(u16::to_le_bytes).collect();
        variable(&variables, "BootOrder", GLOBAL, &order);
        let list = list(arguments);
        let fallback: Vec<&str> = fallback.into_iter().collect();
        let listed = list.get("fallback").cloned().unwrap_or_else(|| Value::Array(vec![]));
        assert_eq!(
            (&list["default"], &listed, &list["timeout"]),
            (&default.into(), &fallback.into(), &timeout.into())
        );
        let mut ids: Vec<&str> =
            list["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["arch", "arch-lts", "debian", "debian-old", "fedora", "fedora-old"]);
    }
    assert!(Path::new(&directory).join(format!("LoaderEntryDefault-{LOADER}")).exists());
}
