//! What is refused, with its reason, before anything is changed.

use install::arguments::{Action, Options};
use install::plan;

use crate::tree::{DEBIAN, ESP_UUID, Machine, option};

fn refusal(machine: &Machine, options: Options) -> String {
    let before = machine.snapshot();
    let reason = machine.plan(Action::Install, options).unwrap_err();
    assert_eq!(machine.snapshot(), before);
    reason
}

#[test]
fn a_machine_that_leaves_a_doubt_is_refused_with_its_reason() {
    /// What is the matter with a machine.
    type Change = fn(&Machine);
    let cases: [(&str, Change, &str); 9] = [
        (
            "no ESP",
            |it| it.file("dev/sda", vec![0; 4096]),
            "no EFI system partition that could be found: use --recovery",
        ),
        (
            "not mounted",
            |it| it.mounts(&[("8:2", "/", "ext4")]),
            "no ESP is mounted: mount it at /boot/efi or /efi (sda1, not mounted)",
        ),
        ("BIOS", |it| std::fs::remove_dir_all(it.path("sys/firmware")).unwrap(), "started by a BIOS"),
        ("32 bits", |it| it.file("sys/firmware/efi/fw_platform_size", "32\n"), "has 32 bits"),
        ("a boot is ordered", |it| it.variable("BootNext", &[0, 0]), "another boot is already ordered"),
        (
            "two ESPs",
            |it| {
                it.disk("sdb", "pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sdb", (8, 16));
                it.mounts(&[("8:1", "/boot/efi", "vfat"), ("8:17", "/efi", "vfat"), ("8:2", "/", "ext4")]);
                it.variable("Boot0001", &option("debian", None));
            },
            "there are several ESPs, and it is not known from which this machine boots: name one with --esp (sda1 at /boot/efi; sdb1 at /efi)",
        ),
        (
            "an ESP on RAID",
            |it| {
                it.file("sys/devices/virtual/block/md127/size", "409600\n");
                it.file("sys/devices/virtual/block/md127/dev", "9:127\n");
                it.file("sys/devices/virtual/block/md127/md/uuid", "2f1a3b4c-5d6e-7f80-91a2-b3c4d5e6f708\n");
                std::os::unix::fs::symlink(
                    "../../devices/virtual/block/md127",
                    it.path("sys/class/block/md127"),
                )
                .unwrap();
                it.mounts(&[("9:127", "/boot/efi", "vfat"), ("8:2", "/", "ext4")]);
            },
            "the ESP is on the array md127",
        ),
        (
            "a foreign file",
            |it| it.file("boot/efi/EFI/firstlight/a/firstlight.efi", "x"),
            "was not written by firstlight",
        ),
        (
            "no stub",
            |it| std::fs::remove_file(it.path("usr/lib/systemd/boot/efi/linuxx64.efi.stub")).unwrap(),
            "and systemd's by systemd-boot-efi",
        ),
    ];
    for (name, change, expected) in cases {
        let machine = Machine::new(&DEBIAN);
        change(&machine);
        let reason = refusal(&machine, Options::default());
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

#[test]
fn of_two_esps_the_one_that_boots_is_taken_or_the_one_that_is_named() {
    let machine = Machine::new(&DEBIAN);
    machine.disk("sdb", "pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sdb", (8, 16));
    machine.mounts(&[("8:1", "/boot/efi", "vfat"), ("8:17", "/efi", "vfat"), ("8:2", "/", "ext4")]);
    let plan = machine.plan(Action::Install, Options::default()).unwrap();
    assert!(plan.steps.iter().any(|step| step.to_string().starts_with("write /boot/efi/EFI/")), "{plan:?}");
    let named = Options { esp: Some("/efi".into()), ..Options::default() };
    let plan = machine.plan(Action::Install, named).unwrap();
    assert!(plan.steps.iter().any(|step| step.to_string().starts_with("write /efi/EFI/")), "{plan:?}");
    let unknown = Options { esp: Some("/mnt".into()), ..Options::default() };
    assert!(
        refusal(&machine, unknown)
            .contains("no ESP is mounted at /mnt; there are: sda1 at /boot/efi; sdb1 at /efi")
    );
}

#[test]
fn a_full_esp_and_variables_that_cannot_be_written_are_refused() {
    let machine = Machine::new(&DEBIAN);
    let mut facts = machine.facts();
    facts.esps[0].free = 1 << 20;
    let error = plan::install(&machine.system, &facts, &Options::default(), false).unwrap_err().to_string();
    assert!(
        error.starts_with("the ESP at /boot/efi is too full: ") && error.ends_with(" bytes are missing"),
        "{error}"
    );
    let mut facts = machine.facts();
    facts.uefi.as_mut().unwrap().is_read_only = true;
    let error = plan::install(&machine.system, &facts, &Options::default(), false).unwrap_err().to_string();
    assert!(error.contains("mounted read-only"), "{error}");
}

#[test]
fn a_long_order_is_kept_and_restored() {
    let machine = Machine::new(&DEBIAN);
    let numbers: Vec<u16> = (0..50).rev().collect();
    for number in &numbers {
        let path = format!("\\EFI\\{number}.efi");
        machine.variable(&format!("Boot{number:04X}"), &option("x", Some((ESP_UUID, &path))));
    }
    let order: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    machine.variable("BootOrder", &order);
    let before = machine.snapshot();
    machine.run(Action::Install, Options::default());
    let expected = [&order[..], &[50, 0]].concat();
    assert_eq!(machine.system.variable("BootOrder"), Some(expected));
    machine.boot(50);
    machine.run(Action::Confirm, Options::default());
    assert_eq!(machine.system.variable("BootOrder"), Some([&[50, 0], &order[..]].concat()));
    machine.run(Action::Remove, Options::default());
    machine.boot(1);
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn a_number_that_another_program_has_taken_meanwhile_is_left_alone() {
    let machine = Machine::new(&DEBIAN);
    machine.run(Action::Install, Options::default());
    machine.boot(1);
    let other = option("other", Some((ESP_UUID, "\\EFI\\other\\other.efi")));
    machine.variable("Boot0002", &other);
    machine.run(Action::Remove, Options::default());
    assert_eq!(machine.system.variable("Boot0002"), Some(other));
    assert_eq!(machine.system.variable("BootOrder"), Some(vec![1, 0, 0, 0, 2, 0]));
}
