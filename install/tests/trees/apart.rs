//! Two runs at once: one after the other.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::tree::{DEBIAN, Machine};

#[test]
fn a_second_run_waits_for_the_end_of_the_first_and_a_dry_run_does_not() {
    let machine = Machine::new(&DEBIAN);
    std::fs::create_dir(machine.path("run")).unwrap();
    let first = machine.system.lock(|| panic!("nobody else is there")).unwrap();
    let before = machine.snapshot();
    let install = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight-install"));
        command.arg("--root").arg(machine.directory.path());
        command
    };
    assert!(install().arg("--dry-run").output().unwrap().status.success());
    let mut second = install().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(second.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "firstlight install: another run is at work; this one waits for its end\n");
    assert_eq!(machine.snapshot(), before);
    drop(first);
    assert!(second.wait().unwrap().success());
    assert!(machine.path("boot/efi/EFI/firstlight/a/firstlight.efi").exists());
}
