//! Programs that entries start: other loaders, another GRUB, unified images, files in archives.

use super::*;
use crate::entry::{Lock, Secret};

#[test]
fn other_loaders_are_distinguished_from_what_can_be_booted() {
    let text = "menuentry windows { chainloader /EFI/Microsoft/Boot/bootmgfw.efi; }\n\
                menuentry bios { set root=hd0,msdos1; chainloader +1; }\n\
                menuentry xen { multiboot2 /xen.gz placeholder dom0_mem=1G; module2 /vmlinuz root=x; }\n\
                menuentry setup { fwsetup; }\n\
                menuentry iso { loopback loop /a.iso; linux (loop)/vmlinuz; }\n\
                menuentry nothing { echo; }\n";
    let files = [
        ("/grub.cfg", text),
        ("/EFI/Microsoft/Boot/bootmgfw.efi", "MZ"),
        ("/xen.gz", "x"),
        ("/vmlinuz", "k"),
        ("/a.iso", "i"),
    ];
    let table = Table::default().volume("sda1", &files);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    let problems: Vec<_> = menu
        .level
        .flat()
        .into_iter()
        .map(|(_, entry)| (entry.title.as_str(), entry.problem.as_deref()))
        .collect();
    assert_eq!(
        problems,
        [
            ("windows", Some("Windows, which only the firmware can start")),
            ("bios", Some("a boot sector: only the firmware can start it")),
            ("xen", None),
            ("setup", None),
            ("iso", Some("(loop)/vmlinuz: no such device")),
            ("nothing", Some("loads nothing")),
        ]
    );
}

#[test]
fn another_grub_is_followed_to_its_own_menu_and_no_further() {
    let debian = "set secret=1\nset default=1\nmenuentry 'Debian' { linux /k debian; }\n\
                  menuentry 'Fedora' --id f { chainloader (hd0,gpt1)/EFI/fedora/shimx64.efi; }\n\
                  menuentry 'Boot' --id b { chainloader (hd0,gpt1)/EFI/systemd/systemd-bootx64.efi; }\n";
    let fedora = "menuentry 'One' --id one { linux (hd0,gpt2)/k one $secret; }\n\
                  menuentry 'Back' --id back { chainloader /EFI/debian/grubx64.efi; }\n\
                  menuentry 'Two' --id 1 { linux (hd0,gpt2)/k two; }\nset default=1\n";
    let table = Table::default().volume("sda2", &[("/boot/grub/grub.cfg", debian), ("/k", "k")]).volume(
        "sda1",
        &[
            ("/EFI/fedora/shimx64.efi", "MZ"),
            ("/EFI/fedora/grub.cfg", fedora),
            ("/EFI/debian/grubx64.efi", "MZ"),
            ("/EFI/debian/grub.cfg", "configfile (hd0,gpt2)/boot/grub/grub.cfg"),
            ("/EFI/systemd/systemd-bootx64.efi", "MZ"),
        ],
    );
    let menu = menu_of(&table, "/boot/grub/grub.cfg", &UPSTREAM);
    let shown = menu.level.flat().into_iter().map(|(titles, entry)| {
        (titles.join(">"), entry.id.as_str(), entry.problem.as_deref().unwrap_or_default())
    });
    let again = "another GRUB, whose entries are offered where its configuration is";
    let expected = [
        ("", "Debian", ""),
        ("Fedora", "one", ""),
        ("Fedora", "back", again),
        ("Fedora", "1", ""),
        ("", "b", "systemd-boot, whose entries are offered by themselves"),
    ];
    assert_eq!(
        shown.collect::<Vec<_>>(),
        expected.map(|(titles, id, problem)| (titles.to_owned(), id, problem))
    );
    // Fedora's GRUB takes “1” for an id, and boots the entry with it.
    let default = menu.level.default_entry().unwrap();
    assert_eq!((default.id.as_str(), default.file.path.as_str()), ("1", "/EFI/fedora/grub.cfg"));
}

#[test]
fn what_grub_asks_a_password_for_is_locked() {
    const ENTRIES: &str = "menuentry a { linux /k; }\nmenuentry b --unrestricted { linux /k; }\n\
                           menuentry c --users 'x y' { linux /k; }\nmenuentry d --users x --unrestricted { linux /k; }\n\
                           menuentry e --users '' { linux /k; }\nmenuentry f --unrestricted { authenticate; linux /k; }\n\
                           submenu s { menuentry g --unrestricted { linux /k; }\n }\n\
                           submenu t --unrestricted { menuentry h { linux /k; }\nmenuentry i --unrestricted { linux /k; }\n }\n\
                           menuentry j --unrestricted { configfile /other.cfg; }\n";
    // grub-emu 2.12 asks "Enter username:" for just these, with each in turn as the default (grub-core/normal/auth.c,
    // grub-core/commands/menuentry.c): --users counts before --unrestricted, a submenu asks itself, and its entries do where
    // `superusers` is handed down.
    for (head, locks, locked) in [
        ("", false, ""),
        ("set superusers=root; password root x", true, "a c d e f g"),
        ("set superusers=root; export superusers", true, "a c d e f g h o"),
        ("set superusers=''", true, "a c d e f g"),
        ("export superusers", true, "a c d e f g h o"),
        ("set superusers=root; unset superusers", false, ""),
        ("set superusers=root; authenticate root", true, "a b c d e f g h i o"),
        ("authenticate root", false, ""),
        ("password root x", false, ""),
    ] {
        let files = [
            ("/grub.cfg", &*format!("{head}\n{ENTRIES}")),
            ("/other.cfg", "menuentry o { linux /k; }\n"),
            ("/k", "k"),
        ];
        let table = Table::default().volume("sda1", &files);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let found = menu.level.flat().into_iter().filter(|(_, entry)| entry.lock.is_some());
        let found: Vec<&str> = found.map(|(_, entry)| entry.title.as_str()).collect();
        assert_eq!((menu.lock.is_some(), found.join(" ").as_str()), (locks, locked), "{head}");
        assert!(menu.level.flat().iter().all(|(_, entry)| entry.problem.is_none()));
    }
}

#[test]
fn an_entry_is_opened_by_its_users_and_the_superusers() {
    const HASH: &str = "grub.pbkdf2.sha512.10000.00ff.A0b1";
    const ENTRIES: &str = "menuentry a { linux /k; }\nmenuentry b --users 'alice' { linux /k; }\n\
                           menuentry c --users 'bob;nobody' { authenticate alice; linux /k; }\n\
                           submenu s --users bob { password carol x; menuentry d --unrestricted { linux /k; }\n\
                           menuentry e --users carol { linux /k; }\n }\n";
    // grub-core/normal/auth.c; grub_strword() in grub-core/kern/misc.c; tests/oracle/passwords.rs types them.
    for (head, own, expected, warnings) in [
        ("set superusers=root; password root x", "root", "a:root b:root c:root d:root e:root", 0),
        (
            "set superusers='root,eve'; password eve 1; password alice 2; password_pbkdf2 bob HASH; password root 3",
            "eve root",
            "a:eve root b:eve alice root c:eve root d:eve bob root e:eve bob root",
            0,
        ),
        (
            "set superusers=alice; export superusers; password alice 2; password bob 3",
            "alice",
            "a:alice b:alice c:alice d:alice bob e:alice",
            0,
        ),
        ("set superusers=''; password root x; password '' x", "", "a: b: c: d: e:", 0),
        // Who cannot log in, or no longer.
        ("set superusers=root; password root; password_pbkdf2 root x", "", "a: b: c: d: e:", 2),
        ("set superusers=root; password root x; password_pbkdf2 root TOO_LONG", "", "a: b: c: d: e:", 1),
        ("set superusers=root; password_pbkdf2 root grub.pbkdf2.sha512.1.00.", "", "a: b: c: d: e:", 1),
    ] {
        let head = head.replace("HASH", HASH).replace("TOO_LONG", "grub.pbkdf2.sha512.5000001.00.00");
        let files = [("/grub.cfg", &*format!("{head}\n{ENTRIES}")), ("/k", "k")];
        let table = Table::default().volume("sda1", &files);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let users = |lock: &Lock| {
            let users = lock.passwords.iter().map(|place| menu.passwords[*place].user.clone().unwrap());
            users.collect::<Vec<_>>().join(" ")
        };
        let entries = menu.level.flat().into_iter().map(|(_, entry)| entry);
        let locks =
            entries.map(|entry| format!("{}:{}", entry.title, entry.lock.as_ref().map_or("-".into(), users)));
        let found = (menu.lock.as_ref().map(users), locks.collect::<Vec<_>>().join(" "), menu.warnings.len());
        assert_eq!(
            found,
            (Some(own.to_owned()), expected.to_owned(), warnings),
            "{head}: {:?}",
            menu.warnings
        );
    }
    let files = [("/grub.cfg", &*format!("set superusers=a\npassword_pbkdf2 a {HASH}\npassword b {HASH}\n"))];
    let menu = menu_of(&Table::default().volume("sda1", &files), "/grub.cfg", &UPSTREAM);
    let secrets: Vec<Secret> = menu.passwords.into_iter().map(|password| password.secret).collect();
    let hashed = Secret::Pbkdf2 { rounds: 10_000, salt: vec![0, 0xff], hash: vec![0xa0, 0xb1] };
    assert_eq!(secrets, [hashed, Secret::Plain(HASH.into())]);
}

#[test]
fn entries_of_the_boot_loader_specification_are_locked_by_their_users() {
    let snippet = |users: &str| format!("title t\nlinux /k\n{users}grub_arg --unrestricted\n");
    // As expand_val() in Fedora's grub-core/commands/blscfg.c: what is unset is no list of users, what is empty is one.
    for (head, users, locked) in [
        ("", "grub_users $grub_users\n", false),
        ("set grub_users=root", "grub_users $grub_users\n", true),
        ("set grub_users=''", "grub_users $grub_users\n", true),
        ("", "grub_users root\n", true),
        ("", "", false),
    ] {
        let config = format!("set superusers=root\n{head}\nblscfg\n");
        let files = [("/grub.cfg", &*config), ("/loader/entries/a.conf", &*snippet(users)), ("/k", "k")];
        let table = Table::default().volume("sda1", &files);
        let menu = menu_of(&table, "/grub.cfg", &FEDORA);
        let found: Vec<bool> = menu.level.flat().into_iter().map(|(_, entry)| entry.lock.is_some()).collect();
        assert_eq!(found, [locked], "{head} {users}");
    }
}

#[test]
fn a_file_can_come_in_an_archive_under_a_name_of_its_own() {
    let text = "menuentry x { linux /k; initrd /i newc:/etc/key:/secret newc:gone:/nothing /j; }\n";
    let files = [("/grub.cfg", text), ("/k", ""), ("/i", ""), ("/j", ""), ("/secret", "")];
    let table = Table::default().volume("sda2", &files);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(
        lines(&table, &menu),
        ["x: sda2:/k + sda2:/i + sda2:/secret + sda2:/nothing + sda2:/j: BOOT_IMAGE=/k"]
    );
    let EntryAction::Boot(loaded, _) = &menu.level.entries[0].action else { panic!() };
    assert_eq!(loaded.packed, [(1, "etc/key".to_owned()), (2, "gone".to_owned())]);
    assert_eq!(loaded.problem.as_deref(), Some("/nothing: no such file"));
}

#[test]
fn unified_images_are_entries_newest_first() {
    use crate::testing::pe::image;
    let uki = |name: &str, cmdline: &str| {
        let release = format!("ID=x\nPRETTY_NAME=\"{name}\"\n");
        image(&[(b".osrel\0\0", release.as_str()), (b".cmdline", cmdline), (b".linux\0\0", "kernel")])
    };
    let (old, new) = (uki("Old", "root=1 \"a b\""), uki("New", "root=2"));
    let [old, new] = [old, new].map(|bytes| crate::text::decode(&bytes));
    let files =
        [("/EFI/Linux/x-9.efi", old.as_str()), ("/EFI/Linux/x-10.efi", &new), ("/EFI/Linux/none.efi", "MZ")];
    for (command, expected) in [
        ("uki", "x-10.efi New root=2|x-9.efi Old root=1 \"a b\""),
        ("uki --entry x-9.efi", "x-9.efi Old root=1 \"a b\""),
        ("set default=x-9.efi\nuki -n", "x-10.efi New root=2"),
        ("uki --path (hd0,gpt1)/EFI/Nothing", ""),
        ("uki --path /EFI/Nothing --enable-fallback -d", ""),
    ] {
        let config = format!("{command}\n");
        let table = Table::default().volume("sda2", &[("/grub.cfg", &config)]).volume("sda1", &files);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let shown = menu.level.entries.iter().map(|entry| match &entry.action {
            EntryAction::Boot(_, cmdline) => format!("{} {} {cmdline}", entry.id, entry.title),
            action => format!("{action:?}"),
        });
        assert_eq!(shown.collect::<Vec<_>>().join("|"), expected, "{command}");
    }
}

#[test]
fn what_the_configuration_itself_boots_needs_no_menu() {
    let ab = "if [ \"$slot\" = b ]; then linux /kb slot=b; else linux /k slot=a; initrd /i; fi\nboot\nmenuentry later { linux /k; }\n";
    for (text, expected, default) in [
        (
            "linux /k x\ninitrd /i\nboot\n",
            &["/grub.cfg: sda2:/k + sda2:/i: BOOT_IMAGE=/k x"][..],
            Some("/grub.cfg"),
        ),
        (ab, &["/grub.cfg: sda2:/k + sda2:/i: BOOT_IMAGE=/k slot=a"], Some("/grub.cfg")),
        // It goes to GRUB's own prompt.
        ("linux /k x\n", &[], None),
        ("boot\nmenuentry a { linux /k; }\n", &["a: sda2:/k: BOOT_IMAGE=/k"], Some("a")),
        // The entries from before are never shown.
        (
            "set default=1\nset timeout=9\nmenuentry a { linux /k; }\nlinux /k x\nboot\n",
            &["/grub.cfg: sda2:/k: BOOT_IMAGE=/k x", "a: sda2:/k: BOOT_IMAGE=/k"],
            Some("/grub.cfg"),
        ),
    ] {
        let table =
            Table::default().volume("sda2", &[("/grub.cfg", text), ("/k", ""), ("/kb", ""), ("/i", "")]);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        assert_eq!(lines(&table, &menu), expected, "{text}");
        let id = menu.level.default_entry().map(|entry| entry.id.as_str());
        assert_eq!(id, default, "{text}");
        let itself = default == Some("/grub.cfg");
        assert_eq!(menu.timeout, if itself { Some(0) } else { None }, "{text}");
    }
}
