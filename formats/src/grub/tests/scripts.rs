//! The script itself: words, bad statements, and what never ends.

use super::*;

#[test]
fn words_are_quoted_expanded_and_split_as_grub_does() {
    // As grub-emu 2.06 answers.
    let cases: [(&str, &[&str]); 14] = [
        ("$e \"$e\" end", &["", "end"]),
        ("x${v}y", &["xa", "b", "cy"]),
        ("\"x${v}y\"", &["xa b  cy"]),
        ("$lead", &["a"]),
        ("x$lead", &["xa"]),
        ("'$v' \\$v", &["$v", "$v"]),
        ("\"\\a\\$\\\"\\\\\"", &["\\a$\"\\"]),
        ("a#b #c", &["a#b"]),
        ("$\"hello\"", &["hello"]),
        ("\"a\\\nb\" e\\\nf", &["ab", "ef"]),
        ("'a\nb'", &["a\nb"]),
        ("if then !", &["if", "then", "!"]),
        ("a;linux /k b", &["b"]),
        ("luks\\x2dfoo", &["luksx2dfoo"]),
    ];
    for (words, expected) in cases {
        let text = format!("menuentry a {{ set e=; set v=\"a b  c\"; set lead=\" a\"; linux /k {words}\n }}");
        let table = Table::default().volume("sda2", &[("/grub.cfg", &text)]);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let EntryAction::Boot(loaded, _) = &menu.level.entries[0].action else { panic!("{words}: {menu:?}") };
        assert_eq!(loaded.arguments[1..], *expected, "{words}");
    }
}

#[test]
fn ubuntu_keeps_the_graphics_mode_on_both_platforms() {
    let text = "if [ ${grub_platform} != pc ]; then mode=keep\n\
                elif hwmatch ${prefix}/gfxblacklist.txt 3; then if [ ${match} = 0 ]; then mode=keep; else mode=text; fi\n\
                else mode=text; fi\n\
                function gfxmode {\nif [ \"${1}\" = keep ]; then set vt_handoff=vt.handoff=7; fi\n}\n\
                menuentry a { gfxmode $mode; linux /k quiet $vt_handoff; }\n";
    let table = Table::default()
        .volume("sda2", &[("/boot/grub/grub.cfg", text), ("/boot/grub/gfxblacklist.txt", "x")]);
    for efi in [true, false] {
        let menu = read(&table, 0, "/boot/grub/grub.cfg", Facts { efi, ..FACTS }, &UPSTREAM).unwrap();
        assert_eq!(lines(&table, &menu), ["a: sda2:/k: BOOT_IMAGE=/k quiet vt.handoff=7"], "efi: {efi}");
    }
}

#[test]
fn commands_that_read_fail_where_there_is_nothing_to_read() {
    // As grub-emu 2.06 answers, but that its own file system has another number for a file that is not there.
    for (command, status) in [
        ("cat /none", 5),
        ("cat /file", 0),
        ("cat --dos /file", 0),
        ("cat (hd7)/file", 5),
        ("cat", 18),
        ("cat /file /file", 18),
        ("cmp /file", 18),
        // As since 2.12.
        ("cmp /none /file", 1),
        ("cmp /file /none", 1),
        ("cmp /file /longer", 1),
        ("cmp /file /other", 1),
        ("cmp /file /copy", 0),
        ("cmp /empty /empty", 0),
        ("sha256sum", 0),
        ("sha256sum --check /none", 5),
        ("sha256sum /file /none", 5),
        ("testload /none", 5),
        ("legacy_configfile /none", 5),
        ("legacy_configfile /file", 0),
        ("syslinux_source /none", 5),
        ("syslinux_source", 18),
        ("list_env --file /none", 5),
        ("list_env --file /file", 0),
        ("net_ls_addr", 0),
        ("net_bootp", 1),
        ("tr --set=u --upcase abc", 0),
        ("tr --set=u --upcase a b", 18),
        ("tr --set=u ab xyz abc", 18),
    ] {
        let text = format!("true\n{command}\nmenuentry $? {{ linux /k; }}\n");
        let files = [
            ("/grub.cfg", &*text),
            ("/file", "x"),
            ("/copy", "x"),
            ("/other", "y"),
            ("/longer", "xy"),
            ("/empty", ""),
            ("/k", ""),
        ];
        let table = Table::default().volume("sda2", &files);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        assert_eq!(menu.level.entries[0].title, status.to_string(), "{command}");
    }
}

#[test]
fn a_bad_statement_loses_itself_alone() {
    let text =
        "menuentry a { linux /a }\nif true; then echo x && y\nfi\nset timeout=3\nmenuentry b { linux /b }\n";
    let table = Table::default().volume("sda2", &[("/grub.cfg", text)]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), ["a: sda2:/a: BOOT_IMAGE=/a", "b: sda2:/b: BOOT_IMAGE=/b"]);
    let warnings: Vec<_> = menu.warnings.iter().map(|it| (it.line, it.message.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (Some(2), "syntax error: “&” has no meaning here; lines 2 to 2 dropped"),
            (Some(3), "syntax error: unexpected “fi”; lines 3 to 3 dropped"),
        ]
    );
}

#[test]
fn a_script_without_end_ends() {
    let cases = [
        "while true; do true; done",
        "function f { f; f; }\nf",
        "set a=x\nwhile true; do set a=$a$a; done",
        "source /grub.cfg\nsource /grub.cfg",
        "menuentry a { while true; do true; done; }",
        "submenu a { configfile /grub.cfg }",
        "eval 'while true; do eval true; done'",
    ];
    for text in cases {
        let table = Table::default().volume("sda2", &[("/grub.cfg", text)]);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        assert!(
            !menu.warnings.is_empty() || menu.level.flat().iter().all(|(_, entry)| entry.problem.is_some()),
            "{text}"
        );
    }
}

#[test]
fn entries_are_kept_that_stand_before_a_loop_without_end() {
    let text = "menuentry a { linux /k a; }\nset default=1\nmenuentry b { linux /k b; }\nwhile true; do true; done\n";
    let table = Table::default().volume("sda2", &[("/grub.cfg", text), ("/k", "k")]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), ["a: sda2:/k: BOOT_IMAGE=/k a", "b: sda2:/k: BOOT_IMAGE=/k b"]);
    assert_eq!(menu.level.default_entry().unwrap().id, "b");
    assert_eq!(
        menu.warnings[0].message,
        "this runs too long and was cut off here; the 2 entries before it are kept"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_much(text in "([a-z ;\n{}$\"'\\\\]|if |then |fi\n|menuentry a \\{|linux /k |set a=|done\n|do |while |for a in |\\[ |submenu b \\{|\\}\n){0,60}") {
        let table = Table::default().volume("sda2", &[("/grub.cfg", &text)]);
        menu_of(&table, "/grub.cfg", &UPSTREAM);
    }

    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>) {
        let table = Table::default().volume("sda2", &[("/grub.cfg", &crate::text::decode(&bytes))]);
        menu_of(&table, "/grub.cfg", &FEDORA);
    }
}
