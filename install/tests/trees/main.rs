//! `firstlight install` on trees of Debian, Ubuntu, Fedora and Arch: the plan, the files and the variables, compared whole.

mod apart;
mod killed;
mod refused;
mod signed;
mod tree;

use std::collections::BTreeMap;

use firstlight::formats::efi_boot::{load_option, order};
use initramfs::{binary::build_stub, kernel::Architecture};
use install::arguments::{Action, Options};
use tree::{ARCH, ARCH_BOOT, DEBIAN, ESP_UUID, FEDORA, Machine, UBUNTU, texts};

/// What efibootmgr 17 of Debian 12 wrote for `--create --disk /dev/loop0 --part 1 --label firstlight --loader
/// '\EFI\firstlight\a\firstlight.efi'` on such a disk, after the four bytes of attributes.
const OPTION: &str = "\
    010000007400660069007200730074006c006900670068007400000004012a00010000000008000000000000004006000000\
    0000167125f10000004080000000000000010202040446005c004500460049005c00660069007200730074006c0069006700\
    680074005c0061005c00660069007200730074006c0069006700680074002e0065006600690000007fff0400";

fn expected_steps(esp: &str, has_efi: bool) -> Vec<String> {
    let efi = (!has_efi).then(|| format!("make the directory {esp}/EFI"));
    let rest = [
        "write /var/lib/firstlight/install.json".to_owned(),
        format!("make the directory {esp}/EFI/firstlight"),
        format!("make the directory {esp}/EFI/firstlight/a"),
        format!("write {esp}/EFI/firstlight/a/firstlight.efi"),
        r"make the boot option Boot0002: firstlight, \EFI\firstlight\a\firstlight.efi".into(),
        "put 0002 at the end of BootOrder".into(),
        "set BootNext to 0002: the next boot tries it, once".into(),
        "write /var/lib/firstlight/install.json".into(),
    ];
    efi.into_iter().chain(rest).collect()
}

#[test]
fn each_distribution_gets_an_entry_is_confirmed_and_is_restored() {
    for distribution in [DEBIAN, UBUNTU, FEDORA, ARCH, ARCH_BOOT] {
        let machine = Machine::new(&distribution);
        let esp = distribution.esp;
        let before = machine.snapshot();
        let variables = machine.variables();

        let plan = machine.run(Action::Install, Options::default());
        assert_eq!(texts(&plan), expected_steps(esp, true), "{}", distribution.id);
        let mut expected: BTreeMap<String, String> = variables.clone();
        let own = machine.variables()["Boot0002"].clone();
        expected.insert("Boot0002".into(), own);
        expected.insert("BootOrder".into(), "010000000200".into());
        expected.insert("BootNext".into(), "0200".into());
        assert_eq!(machine.variables(), expected);
        let mut added: Vec<String> =
            machine.snapshot().into_keys().filter(|path| !before.contains_key(path)).collect();
        added.retain(|path| !path.starts_with("sys/"));
        let esp = &esp[1..];
        let image = format!("{esp}/EFI/firstlight/a/firstlight.efi");
        let mut files = vec![
            format!("{esp}/EFI/firstlight"),
            format!("{esp}/EFI/firstlight/a"),
            image.clone(),
            "var/lib/firstlight".into(),
            "var/lib/firstlight/install.json".into(),
        ];
        firstlight::formats::sort::ascending(&mut files);
        assert_eq!(added, files);

        // Before its boot it is not the default; after it, the loader that was there comes next.
        assert_eq!(texts(&machine.run(Action::Confirm, Options::default())), Vec::<String>::new());
        machine.boot(2);
        let plan = machine.run(Action::Confirm, Options::default());
        let confirmed = ["put 0002 at the beginning of BootOrder", "write /var/lib/firstlight/install.json"];
        assert_eq!(texts(&plan), confirmed);
        assert_eq!(machine.variables()["BootOrder"], "020001000000");

        machine.boot(1);
        machine.run(Action::Remove, Options::default());
        assert_eq!(machine.snapshot(), before, "{}", distribution.id);
        assert_eq!(machine.variables(), variables);
    }
}

#[test]
fn the_boot_option_is_what_efibootmgr_writes() {
    let machine = Machine::new(&DEBIAN);
    machine.run(Action::Install, Options::default());
    assert_eq!(machine.variables()["Boot0002"], OPTION);
}

#[test]
fn the_image_holds_just_what_the_machine_needs() {
    let machine = Machine::new(&DEBIAN);
    machine.run(Action::Install, Options::default());
    let image = std::fs::read(machine.path("/boot/efi/EFI/firstlight/a/firstlight.efi")).unwrap();
    let sections = sections(&image);
    assert_eq!(sections[".cmdline"], b"console=ttyS0,115200 quiet");
    let sbat = String::from_utf8(sections[".sbat"].clone()).unwrap();
    assert!(
        sbat.starts_with("sbat,1,") && sbat.contains("\nsystemd,") && sbat.contains("\nfirstlight,1,"),
        "{sbat}"
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("initrd.zst"), &sections[".initrd"]).unwrap();
    let list = std::process::Command::new("sh")
        .current_dir(directory.path())
        .args(["-c", "zstd -dcq initrd.zst | cpio --quiet -t"])
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let modules: Vec<&str> =
        list.lines().filter_map(|path| path.strip_suffix(".ko")?.rsplit('/').next()).collect();
    assert_eq!(modules, ["ahci", "atkbd", "ext4", "libahci", "sd_mod", "vfat"]);
}

#[test]
fn an_image_begins_with_firstlights_own_stub_where_that_is_installed() {
    let machine = Machine::new(&DEBIAN);
    let stub = std::fs::read(build_stub(Architecture::X86_64).unwrap()).unwrap();
    machine.file("usr/lib/firstlight/stub.efi", &stub);
    std::fs::remove_file(machine.path("usr/lib/systemd/boot/efi/linuxx64.efi.stub")).unwrap();
    machine.run(Action::Install, Options::default());
    let image = std::fs::read(machine.path("boot/efi/EFI/firstlight/a/firstlight.efi")).unwrap();
    let (image, own) = (sections(&image), sections(&stub));
    assert_eq!(image[".text"], own[".text"]);
    let expected = [&own[".sbat"][..], b"firstlight,1,firstlight,firstlight,0.1.0,-\n"].concat();
    assert_eq!(String::from_utf8_lossy(&image[".sbat"]), String::from_utf8_lossy(&expected));
    assert!([".cmdline", ".initrd", ".linux"].iter().all(|name| image.contains_key(*name)));
}

/// Names and contents of an image's sections, none of which lies on another one in memory.
fn sections(image: &[u8]) -> BTreeMap<String, Vec<u8>> {
    use firstlight::formats::bytes::{le16, le32};
    let pe = le32(image, 0x3c).unwrap() as usize;
    let count = le16(image, pe + 6).unwrap();
    let table = pe + 24 + usize::from(le16(image, pe + 20).unwrap());
    let section = |number: usize| {
        let at = table + number * 40;
        let name: Vec<u8> = image[at..at + 8].iter().copied().take_while(|byte| *byte != 0).collect();
        let [size, place] = [8, 20].map(|field| le32(image, at + field).unwrap() as usize);
        (String::from_utf8(name).unwrap(), image[place..place + size].to_vec())
    };
    let in_memory = |number: usize| [12, 8].map(|field| le32(image, table + number * 40 + field).unwrap());
    let mut places: Vec<[u32; 2]> = (0..count.into()).map(in_memory).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0][0] + pair[0][1] <= pair[1][0]), "{places:x?}");
    (0..count.into()).map(section).collect()
}

#[test]
fn a_new_kernel_is_tried_beside_the_one_that_boots() {
    let machine = Machine::new(&DEBIAN);
    let before = machine.snapshot();
    machine.run(Action::Install, Options::default());
    machine.boot(2);
    machine.run(Action::Confirm, Options::default());
    let nothing = machine.run(Action::Update, Options::default());
    assert_eq!((nothing.steps.len(), nothing.notes), (0, vec!["what is installed is up to date".to_owned()]));

    let stub = std::fs::read(machine.path("usr/lib/systemd/boot/efi/linuxx64.efi.stub")).unwrap();
    machine.file("boot/vmlinuz-6.1.0-20-amd64", [&stub[..], b"newer"].concat());
    machine.modules("6.1.0-20-amd64");
    let plan = machine.run(Action::Update, Options::default());
    let expected = [
        "write /var/lib/firstlight/install.json",
        "make the directory /boot/efi/EFI/firstlight",
        "make the directory /boot/efi/EFI/firstlight/b",
        "write /boot/efi/EFI/firstlight/b/firstlight.efi",
        r"make the boot option Boot0003: firstlight, \EFI\firstlight\b\firstlight.efi",
        "put 0003 at the end of BootOrder",
        "set BootNext to 0003: the next boot tries it, once",
        "write /var/lib/firstlight/install.json",
    ];
    assert_eq!(texts(&plan), expected);
    assert_eq!(machine.variables()["BootOrder"], "0200010000000300");
    machine.boot(3);
    let plan = machine.run(Action::Confirm, Options::default());
    let expected = [
        "put 0003 at the beginning of BootOrder",
        "remove BootNext where it is 0002",
        "take 0002 out of BootOrder",
        "remove the boot option Boot0002",
        "remove /boot/efi/EFI/firstlight/a/firstlight.efi",
        "remove the directory /boot/efi/EFI/firstlight/a, if it is empty",
        "write /var/lib/firstlight/install.json",
    ];
    assert_eq!(texts(&plan), expected);
    assert_eq!(machine.variables()["BootOrder"], "030001000000");
    machine.boot(1);
    machine.run(Action::Remove, Options::default());
    let mut after = machine.snapshot();
    after.retain(|path, _| !path.contains("6.1.0-20-amd64"));
    assert_eq!(after, before);
}

#[test]
fn a_trial_that_does_not_come_up_leaves_the_default_as_it_was() {
    let machine = Machine::new(&DEBIAN);
    machine.run(Action::Install, Options::default());
    machine.boot(1);
    let plan = machine.run(Action::Confirm, Options::default());
    assert_eq!(texts(&plan), ["write /var/lib/firstlight/install.json"]);
    assert!(plan.notes[0].contains("did not start this system"), "{plan:?}");
    assert_eq!(machine.variables()["BootOrder"], "010000000200");
    // A second try takes the first one's place.
    machine.run(Action::Install, Options::default());
    assert_eq!(
        (machine.variables()["BootOrder"].as_str(), machine.variables()["BootNext"].as_str()),
        ("010000000200", "0200")
    );
}

#[test]
fn a_recovery_entry_stands_beside_the_loaders_own() {
    for (distribution, expected) in [
        (DEBIAN, "etc/grub.d/42_firstlight"),
        (FEDORA, "boot/loader/entries/f1257116547000000000000000000001-0-firstlight.conf"),
        (ARCH, "efi/loader/entries/f1257116547000000000000000000001-0-firstlight.conf"),
    ] {
        let machine = Machine::new(&distribution);
        std::fs::remove_dir_all(machine.path("sys/firmware")).unwrap();
        let before = machine.snapshot();
        let options = Options { recovery: true, ..Options::default() };
        machine.run(Action::Install, options);
        let entry = std::fs::read_to_string(machine.path(expected)).unwrap();
        let path = if distribution.id == "fedora" { "/boot/firstlight/a" } else { "/firstlight/a" };
        if distribution.id == "debian" {
            assert!(entry.contains("directory='/boot/firstlight/a'"), "{entry}");
        } else {
            let lines = format!(
                "title firstlight\nversion 0-firstlight\nlinux {path}/vmlinuz\ninitrd {path}/initramfs.img\noptions \
                 console=ttyS0,115200 quiet\n"
            );
            assert_eq!(entry, lines);
        }
        machine.run(Action::Remove, Options::default());
        assert_eq!(machine.snapshot(), before, "{}", distribution.id);
    }
}

/// What the firmware boots: the first option of its order that is there, with its file whole.
fn boots(machine: &Machine, esp: &str) -> Option<String> {
    let system = &machine.system;
    let next = system.variable("BootNext").map(|value| order(&value)).unwrap_or_default();
    next.into_iter().chain(system.order().unwrap_or_default()).find_map(|number| {
        let option = load_option(&system.variable(&format!("Boot{number:04X}"))?)?;
        let file = option.file.filter(|_| option.partition.as_deref() == Some(ESP_UUID))?.replace('\\', "/");
        std::fs::read(machine.path(&format!("{esp}{file}"))).ok().map(|_| file)
    })
}

#[test]
fn every_option_of_the_help_is_known() {
    let commands = firstlight::cli::reference::commands();
    let command = commands.iter().find(|command| command.name == "install").unwrap();
    for option in &command.options {
        let name = format!("--{}", option.long);
        let mut words = vec![name.clone()];
        if !option.value.is_empty() {
            words.push("x".into());
        }
        if option.long.starts_with("sign-") {
            words.extend(["--sign-key", "k", "--sign-cert", "c"].map(str::to_owned));
        }
        assert!(install::arguments::parse(lexopt::Parser::from_args(&words)).is_ok(), "{name}");
    }
    let wrong = |words: &[&str]| {
        install::arguments::parse(lexopt::Parser::from_args(words))
            .map_err(|error| error.to_string())
            .unwrap_err()
    };
    assert_eq!(wrong(&["--confirm", "--remove"]), "--confirm, --update and --remove exclude each other");
    assert_eq!(wrong(&["--sign-key", "k"]), "--sign-key and --sign-cert go together");
}

#[test]
fn a_dry_run_lists_each_change_and_makes_none() {
    let machine = Machine::new(&DEBIAN);
    let before = machine.snapshot();
    for (words, expected) in [
        (&["--dry-run"][..], "would set BootNext to 0002: the next boot tries it, once\n"),
        (&["--dry-run", "--json"], "\"change\": \"boot-next\",\n      \"number\": 2\n"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_firstlight-install"));
        let output = command.args(words).arg("--root").arg(machine.directory.path()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && printed.contains(expected), "{printed}");
        assert_eq!(machine.snapshot(), before);
    }
}
