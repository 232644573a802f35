//! `firstlight list`, `show` and their options as a user meets them: whole answers, exit codes, and hostile trees.

mod hostile;

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

fn firstlight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firstlight")).args(arguments).output().unwrap()
}

/// The JSON that a command prints; it must succeed.
fn answer(arguments: &[&str]) -> Value {
    let output = firstlight(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A directory with files: path and content.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

fn path(tree: &TempDir) -> &str {
    tree.path().to_str().unwrap()
}

const KERNEL: (&str, &str) = ("boot/vmlinuz-6.1", "");
const INITRD: (&str, &str) = ("boot/initrd.img-6.1", "");
const MENU: &str = "set default=0\nset timeout=3\n\
    menuentry 'First' --id first {\n  linux /boot/vmlinuz-6.1 root=/dev/sda2 a=\"b c\"\n  initrd /boot/initrd.img-6.1\n}\n";

/// The answer for [`MENU`] on a volume called `root`.
fn menu_entry() -> Value {
    json!({
        "id": "first",
        "title": "First",
        "path_in_menu": [],
        "kind": "linux",
        "hidden": false,
        "source": {"format": "grub", "volume": "root", "path": "/boot/grub/grub.cfg", "line": 3},
        "kernel": {"volume": "root", "path": "/boot/vmlinuz-6.1"},
        "initrds": [{"volume": "root", "path": "/boot/initrd.img-6.1"}],
        "cmdline": "BOOT_IMAGE=/boot/vmlinuz-6.1 root=/dev/sda2 \"a=b c\"",
        "devicetree": null,
        "version": "6.1",
        "tries_left": null,
        "default": true,
    })
}

/// Titles of all entries.
fn titles(list: &Value) -> Vec<&str> {
    list["entries"].as_array().unwrap().iter().map(|entry| entry["title"].as_str().unwrap()).collect()
}

#[test]
fn a_grub_menu_is_listed_as_grub_would_boot_it() {
    let tree = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let expected = json!({"timeout": 3, "default": "first", "warnings": [], "entries": [menu_entry()]});
    assert_eq!(answer(&["list", "--root", path(&tree), "--json"]), expected);
    assert_eq!(answer(&["show", "first", "--root", path(&tree), "--json"]), menu_entry());
}

#[test]
fn what_grub_asks_a_password_for_is_listed_as_locked() {
    let menu = "set timeout=3\nset superusers=\"root\"\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.AA\n\
                menuentry Mine --id mine {\n linux /boot/vmlinuz-6.1\n}\n\
                menuentry Free --id free --unrestricted {\n linux /boot/vmlinuz-6.1 free\n}\n\
                menuentry Guests --id guests --users guest {\n linux /boot/vmlinuz-6.1 guest\n}\n";
    let tree = tree(&[KERNEL, ("boot/grub/grub.cfg", menu)]);
    let other =
        self::tree(&[KERNEL, ("boot/grub/grub.cfg", "menuentry Other {\n linux /boot/vmlinuz-6.1\n}\n")]);
    let (own, other) = (format!("{},dev=sda1", path(&tree)), format!("{},dev=sdb1", path(&other)));
    let list = answer(&["list", "--volume", &own, "--volume", &other, "--json"]);
    let locked = |list: &Value| {
        let entries = list["entries"].as_array().unwrap().iter();
        entries.map(|entry| (entry["id"].clone(), entry["locked"] == json!(true))).collect::<Vec<_>>()
    };
    let expected =
        [("mine", true), ("free", false), ("guests", true), ("Other", true)].map(|(id, it)| (json!(id), it));
    assert_eq!((&list["default"], &list["locked"]), (&json!("mine"), &json!(true)));
    assert_eq!(locked(&list), expected);
    assert!(list["entries"][0].get("problem").is_none());
    // Where another disk decides, each is as its own loader has it.
    let list = answer(&["list", "--volume", &other, "--volume", &own, "--json"]);
    let expected =
        [("Other", false), ("mine", true), ("free", false), ("guests", true)].map(|(id, it)| (json!(id), it));
    assert_eq!((&list["default"], list.get("locked")), (&json!("Other"), None));
    assert_eq!(locked(&list), expected);
    let text = stdout(&firstlight(&["list", "--root", path(&tree)]));
    assert!(text.contains("locked     it boots only for who gives its boot loader's password\n"), "{text}");
    assert!(
        text.ends_with("The entry marked * is the default and locked: nothing boots on its own.\n"),
        "{text}"
    );
}

#[test]
fn without_a_configuration_kernels_are_paired_by_name() {
    let tree = tree(&[
        KERNEL,
        INITRD,
        ("etc/os-release", "PRETTY_NAME=\"Some Linux\"\n"),
        ("etc/fstab", "UUID=0a-1 / ext4 defaults 0 1\n"),
    ]);
    let expected = json!({
        "timeout": 5,
        "default": "/boot/vmlinuz-6.1",
        "warnings": [],
        "entries": [{
            "id": "/boot/vmlinuz-6.1",
            "title": "Some Linux, with Linux 6.1",
            "path_in_menu": [],
            "kind": "linux",
            "hidden": false,
            "source": {"format": "scan", "volume": "root", "path": "/boot/vmlinuz-6.1", "line": null},
            "kernel": {"volume": "root", "path": "/boot/vmlinuz-6.1"},
            "initrds": [{"volume": "root", "path": "/boot/initrd.img-6.1"}],
            "cmdline": "root=UUID=0a-1 ro",
            "devicetree": null,
            "version": "6.1",
            "tries_left": null,
            "default": true,
        }],
    });
    assert_eq!(answer(&["list", "--root", path(&tree), "--json"]), expected);
}

#[test]
fn entries_of_the_boot_loader_specification_are_listed_as_systemd_boot_shows_them() {
    let arch = "title Arch Linux\nlinux /vmlinuz-linux\ninitrd /intel-ucode.img\n\
                initrd /initramfs-linux.img\noptions root=UUID=0a-1 rw\noptions quiet\n";
    let esp = tree(&[
        ("loader/loader.conf", "timeout 4\ndefault arch.conf\n"),
        ("loader/entries/arch.conf", arch),
        ("EFI/systemd/systemd-bootx64.efi", ""),
        ("vmlinuz-linux", ""),
        ("intel-ucode.img", ""),
        ("initramfs-linux.img", ""),
    ]);
    let volume =
        format!("{},dev=nvme0n1p1,type=vfat,parttype=c12a7328-f81f-11d2-ba4b-00a0c93ec93b", path(&esp));
    let file = |path: &str| json!({"volume": "nvme0n1p1", "path": path});
    let expected = json!({
        "timeout": 4,
        "default": "arch",
        "warnings": [],
        "entries": [{
            "id": "arch",
            "title": "Arch Linux",
            "path_in_menu": [],
            "kind": "linux",
            "hidden": false,
            "source": {"format": "bls", "volume": "nvme0n1p1", "path": "/loader/entries/arch.conf", "line": null},
            "kernel": file("/vmlinuz-linux"),
            "initrds": [file("/intel-ucode.img"), file("/initramfs-linux.img")],
            "cmdline": "initrd=\\intel-ucode.img initrd=\\initramfs-linux.img root=UUID=0a-1 rw quiet",
            "devicetree": null,
            "version": null,
            "tries_left": null,
            "default": true,
        }],
    });
    assert_eq!(answer(&["list", "--json", "--volume", &volume]), expected);
}

#[test]
fn a_stub_on_the_esp_and_the_configuration_itself_lead_to_the_same_entries() {
    let esp = tree(&[(
        "EFI/debian/grub.cfg",
        "search.fs_uuid ab-12 root hd0,gpt2\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n",
    )]);
    let root = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let list = answer(&[
        "list",
        "--json",
        "--volume",
        &format!("{},dev=sda1,type=vfat,uuid=12AB-34CD", path(&esp)),
        "--volume",
        &format!("{},dev=sda2,type=ext4,uuid=AB-12", path(&root)),
    ]);
    let mut entry = menu_entry();
    for place in ["/source/volume", "/kernel/volume", "/initrds/0/volume"] {
        *entry.pointer_mut(place).unwrap() = "sda2".into();
    }
    assert_eq!(list, json!({"timeout": 3, "default": "first", "warnings": [], "entries": [entry]}));
}

#[test]
fn equal_ids_on_two_disks_are_made_unique_and_the_first_disk_decides() {
    let first = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let second = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", &MENU.replace("timeout=3", "timeout=9"))]);
    let list = answer(&[
        "list",
        "--json",
        "--volume",
        &format!("{},dev=sda2", path(&first)),
        "--volume",
        &format!("{},dev=sdb2", path(&second)),
    ]);
    let ids: Vec<&Value> = list["entries"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!(ids, ["first", "first@sdb2"]);
    assert_eq!((&list["default"], &list["timeout"]), (&json!("first"), &json!(3)));
    assert_eq!(list["entries"][1]["default"], json!(true), "it is what its own loader would boot");
}

#[test]
fn a_default_that_cannot_be_booted_is_not_said_to_boot() {
    let gone = MENU.replace("vmlinuz-6.1", "vmlinuz-gone");
    let root = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", &gone)]);
    let text = stdout(&firstlight(&["list", "--root", path(&root)]));
    assert!(text.starts_with("* First\n"), "{text}");
    let last = "\nThe entry marked * is its loader's default and cannot be booted here: no other one can be, either.\n";
    assert!(text.ends_with(last), "{text}");
    let two = format!("{gone}menuentry 'Second' --id second {{\n linux /boot/vmlinuz-6.1\n}}\n");
    let root = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", &two)]);
    let text = stdout(&firstlight(&["list", "--root", path(&root)]));
    let last =
        "\nThe entry marked * is its loader's default and cannot be booted here: “Second” takes its place.\n";
    assert!(text.starts_with("* First\n") && text.ends_with(last), "{text}");
    let list = answer(&["list", "--json", "--root", path(&root)]);
    assert_eq!((&list["default"], &list["instead"]), (&json!("first"), &json!("second")));
}

/// Every loader's files are named, with what was left alone beside them.
#[test]
fn explain_names_each_file_that_was_used() {
    for (files, used) in [
        (&[("boot/grub/grub.cfg", MENU)][..], "used /boot/grub/grub.cfg: "),
        (
            &[("loader/loader.conf", "timeout 3\n"), ("loader/entries/a.conf", "linux /boot/vmlinuz-6.1\n")],
            "used /loader/entries/a.conf: Boot Loader Specification: 1 entry\n",
        ),
        (
            &[("loader/loader.conf", ""), ("loader/entries/a.conf", "linux /k\n")],
            "used /loader/loader.conf: ",
        ),
        (
            &[("boot/extlinux/extlinux.conf", "label a\nlinux ../vmlinuz-6.1\n")],
            "used /boot/extlinux/extlinux.conf: syslinux: 1 entry\n",
        ),
        (
            &[("limine.conf", "/A\nprotocol: linux\npath: boot():/boot/vmlinuz-6.1\n")],
            "used /limine.conf: Limine: 1 entry\n",
        ),
        (&[("kboot.conf", "a='/boot/vmlinuz-6.1'\n")], "used /kboot.conf: kboot.conf: 1 entry\n"),
        (
            &[("etc/lilo.conf", "image=/boot/vmlinuz-6.1\n label=a\n")],
            "used /etc/lilo.conf: lilo.conf: 1 entry\n",
        ),
        (
            &[
                ("limine.conf", "/A\n"),
                ("boot/limine.conf", "/A\nprotocol: linux\npath: boot():/boot/vmlinuz-6.1\n"),
            ],
            "passed over /limine.conf: another Limine: the loader reads /boot/limine.conf before it\n",
        ),
        (
            &[("loader/entries/README", "")],
            "passed over /loader/entries: a directory without an entry that can be read\n",
        ),
    ] {
        let root = tree(&[&[KERNEL, INITRD], files].concat());
        let text = stdout(&firstlight(&["list", "--explain", "--root", path(&root)]));
        assert!(text.contains(&format!("\n  {used}")), "{used}: {text}");
    }
}

#[test]
fn a_menu_of_ten_thousand_entries_is_listed_whole() {
    let entry = |number: u32| {
        format!(
            "menuentry 'Snapshot {number}' --id gnulinux-snapshot-{number} {{\n linux /boot/vmlinuz-6.1 \
             root=UUID=5a3e3f1c-9d52-4b4e-8d0e-4a4cc26c6a0e rootflags=subvol=@/.snapshots/{number}/snapshot quiet\n \
             initrd /boot/initrd.img-6.1\n}}\n"
        )
    };
    let config: String = (0..10_000).map(entry).collect();
    let root = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", &config)]);
    let list = answer(&["list", "--json", "--root", path(&root)]);
    let entries = list["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &list["warnings"]), (10_000, &json!([])));
    assert!(entries.iter().all(|entry| entry["problem"].is_null()));
}

#[test]
fn explain_gives_each_volumes_findings() {
    let empty = tree(&[("boot/vmlinuz-6.1/not-a-kernel", "")]);
    let root = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let volumes = [
        format!("{},dev=sda1,type=vfat,label=ESP", path(&empty)),
        format!("{},dev=sda2,type=ext4", path(&root)),
    ];
    let arguments = ["list", "--explain", "--volume", &volumes[0], "--volume", &volumes[1]];
    let text = stdout(&firstlight(&arguments));
    let explained = text.split_once("\n\nsda1:").unwrap().1;
    assert!(
        explained.starts_with(
            " vfat \"ESP\", no boot configuration, no kernel in /, /boot or another usual place\n  \
             passed over /boot/vmlinuz-6.1: named like a kernel, but no regular file\n\
             sda2: ext4, GRUB configuration: 1 entry\n"
        ),
        "{explained}"
    );
    let json = answer(&[&arguments[..], &["--json"]].concat());
    let searches = json["volumes"][1]["searches"].as_array().unwrap();
    let successful: Vec<_> = searches.iter().filter(|search| search["outcome"] != "nothing").collect();
    assert_eq!(
        successful,
        [&json!({"format": "grub", "outcome": "entries", "count": 1, "repeated": 0})],
        "{searches:?}"
    );
    assert_eq!(json["volumes"][0]["notes"][0]["action"], "passed-over");
    assert_eq!(json["rejected"], json!([]));
}

#[test]
fn nothing_to_boot_is_an_answer_with_a_reason() {
    let empty = tree(&[]);
    let output = firstlight(&["list", "--root", path(&empty)]);
    assert!(output.status.success());
    let expected = "Nothing to boot was found.\n\
                    root: a directory, no boot configuration, no kernel in /, /boot or another usual place\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn exit_codes_and_messages_follow_the_manual() {
    let empty = tree(&[]);
    let root = path(&empty);
    let cases: [(&[&str], i32, &str); 14] = [
        (&["--help"], 0, ""),
        (&["list", "--help"], 0, ""),
        (&["--version"], 0, ""),
        (&["list", "--root", root], 0, ""),
        (
            &["list", "--root", "/nonexistent"],
            1,
            "firstlight: /nonexistent: No such file or directory (os error 2)\n",
        ),
        (
            &["list", "--root", "/dev/null"],
            1,
            "firstlight: /dev/null: not a directory; mount an image file first\n",
        ),
        (
            &["show", "no-such-entry", "--root", root],
            1,
            "firstlight: no entry `no-such-entry`; `firstlight list` tells the ids\n",
        ),
        (&[], 2, "firstlight: no command given; `firstlight --help` lists them\n"),
        (&["lits"], 2, "firstlight: no command `lits`; is `list` meant?\n"),
        (&["list", "--jsn"], 2, "firstlight: no option `--jsn`; is `--json` meant?\n"),
        (&["list", "-x"], 2, "firstlight: no option `-x`; `firstlight list --help` lists them\n"),
        (&["list", "--firmware", "uefi"], 2, "firstlight: --firmware takes efi or bios\n"),
        (&["list", "--root"], 2, "firstlight: missing argument for option '--root'\n"),
        (
            &["list", "--volume", root, "--root", root],
            2,
            "firstlight: --root is the only volume; use --volume for each of several\n",
        ),
    ];
    for (arguments, code, message) in cases {
        let output = firstlight(arguments);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(code), message), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure_of_ours() {
    let tree = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
    let mut child = command
        .args(["list", "--root", path(&tree), "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn nothing_from_a_disk_steers_the_terminal() {
    let menu = "menuentry 'a\x1b[2Jb' {\n  linux /boot/vmlinuz-6.1 x\x07y\n}\nbroken\x1b[0m (\n";
    let tree = tree(&[KERNEL, ("boot/grub/grub.cfg", menu)]);
    let output = firstlight(&["list", "--root", path(&tree), "--explain"]);
    let shown = [output.stdout, output.stderr].concat();
    assert!(
        shown.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\n'),
        "{}",
        String::from_utf8_lossy(&shown)
    );
    assert!(String::from_utf8_lossy(&shown).contains("a?[2Jb"));
}

#[test]
fn an_entry_whose_name_contains_a_zero_byte_is_passed_over_with_a_warning() {
    let hostile: [(&str, &str); 5] = [
        (
            "boot/extlinux/extlinux.conf",
            "label a\0b\n  linux /boot/vmlinuz-6.1\nlabel good\n  linux /boot/vmlinuz-6.1\n",
        ),
        (
            "limine.conf",
            "/a\0b\n  protocol: linux\n  path: boot():/boot/vmlinuz-6.1\n/good\n  protocol: linux\n  path: boot():/boot/vmlinuz-6.1\n",
        ),
        (
            "boot/grub/menu.lst",
            "title a\0b\nkernel /boot/vmlinuz-6.1\ntitle good\nkernel /boot/vmlinuz-6.1\n",
        ),
        ("etc/lilo.conf", "image=/boot/vmlinuz-6.1\n  label=a\0b\nimage=/boot/vmlinuz-6.1\n  label=good\n"),
        ("etc/kboot.conf", "a\0b='/boot/vmlinuz-6.1'\ngood='/boot/vmlinuz-6.1'\n"),
    ];
    for (file, text) in hostile {
        let list = answer(&["list", "--json", "--root", path(&tree(&[KERNEL, (file, text)]))]);
        let titles = titles(&list);
        assert!(titles.iter().all(|title| !title.contains('\0')), "{file}: {titles:?}");
        assert!(titles.contains(&"good"), "{file}: {list}");
        let messages: Vec<&str> =
            list["warnings"].as_array().unwrap().iter().filter_map(|it| it["message"].as_str()).collect();
        assert!(messages.iter().any(|it| it.contains("a zero byte")), "{file}: {messages:?}");
    }
}

#[test]
fn json_has_escapes_in_place_of_what_steers_a_terminal_or_hides() {
    let title = "a\u{7f}\u{9b}2J\u{202e}b\u{200b}\u{2028}\u{e0041}firstlight: @jump é";
    let tree = tree(&[
        KERNEL,
        ("boot/grub/grub.cfg", &format!("menuentry '{title}' {{ linux /boot/vmlinuz-6.1; }}\n")),
    ]);
    let output = firstlight(&["list", "--root", path(&tree), "--json"]);
    let escaped = r"a\u007f\u009b2J\u202eb\u200b\u2028\udb40\udc41firstlight: \u0040jump é";
    assert!(stdout(&output).contains(escaped), "{}", stdout(&output));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["entries"][0]["title"], title);
    let table = stdout(&firstlight(&["list", "--root", path(&tree)]));
    assert!(table.contains("a??2J?b???firstlight: ?jump é"), "{table}");
}

/// The root of a container may read the disks' names, and mount nothing.
#[test]
fn the_right_that_is_missing_is_named() {
    let program = env!("CARGO_BIN_EXE_firstlight");
    let container = ["--user", "--map-root-user", "setpriv", "--bounding-set=-sys_admin", program];
    for command in ["list", "show"] {
        let words = if command == "show" { &["show", "id"][..] } else { &["list"] };
        let output = Command::new("unshare").args(container).args(words).output().unwrap();
        let said = stderr(&output);
        assert!(said.starts_with("firstlight: this process is root's, but lacks CAP_SYS_ADMIN"), "{said}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn settings_are_checked() {
    let files = tree(&[
        ("good", "# here\ntimeout = 3\norder = LABEL=root\n"),
        ("bad", "timeout = soon\ntimeuot = 3\nafter-failure = reboot\n"),
    ]);
    let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let (good, bad, missing) = (file("good"), file("bad"), file("missing"));
    let check = |name: &str| firstlight(&["config", "check", name]);
    let output = check(&good);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.lines().any(|line| line.starts_with("timeout ") && line.contains(" 3 ")), "{text}");
    assert!(text.ends_with("No mistake was found.\n"), "{text}");

    let output = check(&bad);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    for (line, words) in lines.iter().zip(["timeout", "timeuot"]) {
        assert!(line.starts_with(&format!("firstlight: {bad}:")) && line.contains(words), "{line}");
    }
    assert!(stdout(&output).lines().any(|line| line.starts_with("after-failure ")), "{}", stdout(&output));

    let output = check(&missing);
    assert_eq!((output.status.code(), stderr(&output).contains("No such file")), (Some(1), true));
    assert_eq!(firstlight(&["config", "check", &good, &bad]).status.code(), Some(2));
    let output = firstlight(&["config", "chekc"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`config check FILE` checks a file"), "{}", stderr(&output));
    // At what applies here.
    assert_eq!(
        firstlight(&["config", "check", "--cmdline", "firstlight.timeout=soon"]).status.code(),
        Some(1)
    );
}
