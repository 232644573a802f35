//! Scripts and what they boot, with the files that they read in a table.

use proptest::prelude::*;

use super::*;

struct Table<'a>(&'a [(&'a str, &'a str)]);

impl Files for Table<'_> {
    fn is_file(&self, (_, path): &File) -> bool {
        self.0.iter().any(|(known, _)| known == path)
    }

    fn read(&self, (_, path): &File) -> Option<String> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, text)| (*text).to_owned())
    }

    fn partition_uuid(&self, number: u32) -> Option<String> {
        Some(format!("1234-0{number}"))
    }
}

/// In the manner of Armbian's boot.cmd.
const SCRIPT: &str = "# comment; not run\nsetenv rootdev \"/dev/mmcblk0p1\"\nsetenv console \"both\"\n\
    if test -e ${devtype} ${devnum} ${prefix}env.txt; then\n\tload ${devtype} ${devnum} ${load_addr} ${prefix}env.txt\n\
    \tenv import -t ${load_addr} ${filesize}\nfi\n\
    if test \"${console}\" = \"display\" || test \"${console}\" = \"both\"; then setenv args \"console=tty1\"; fi\n\
    if test \"${console}\" = \"serial\" || test \"${console}\" = \"both\"; then setenv args \"console=ttyS2,1500000 ${args}\"; else setenv args \"no\"; fi\n\
    if test \"${devtype}\" = \"mmc\"; then part uuid mmc ${devnum}:1 partuuid; fi\n\
    setenv bootargs \"root=${rootdev} ${args} \\\n  ubootpart=${partuuid} ${extraargs} ${gone}end\"\n\
    for o in ${overlays}; do\n if load a b c ${o}.dtbo; then booti c; fi\ndone\n\
    load ${devtype} ${devnum} ${ramdisk_addr_r} ${prefix}uInitrd\nload ${devtype} ${devnum} ${kernel_addr_r} ${prefix}Image\n\
    load ${devtype} ${devnum} ${fdt_addr_r} ${prefix}dtb/${fdtfile}\n\
    booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}\nsetenv bootargs late\n";

#[test]
fn a_script_boots_what_its_settings_say() {
    let files = Table(&[
        ("/boot/env.txt", "rootdev=UUID=1\n# x\nextraargs=a=1 b\noverlays=x y\nfdtfile=board.dtb\n"),
        ("/boot/uInitrd", ""),
        ("/boot/Image", ""),
        ("/boot/dtb/board.dtb", ""),
    ]);
    let variables = [("prefix", "/boot/"), ("devtype", "mmc"), ("devnum", "0")];
    let expected = Boot {
        kernel: (0, "/boot/Image".into()),
        initrd: Some((0, "/boot/uInitrd".into())),
        devicetree: Some((0, "/boot/dtb/board.dtb".into())),
        cmdline: "root=UUID=1 console=ttyS2,1500000 console=tty1   ubootpart=1234-01 a=1 b end".into(),
    };
    assert_eq!(run(SCRIPT, &variables, &files).boot, Some(expected));
    assert_eq!(run(SCRIPT, &variables, &Table(&[])).boot, None);
}

#[test]
fn conditions_choose_and_commands_are_joined() {
    let files = Table(&[("/a", ""), ("/b", "")]);
    for (text, kernel) in [
        (
            "if false; then load x y 1 a; elif test -n x; then load x y 1 b; else load x y 1 a; fi; bootz 1",
            Some("/b"),
        ),
        ("load x y 1 gone || load x y 1 a && true; bootm 1 - 3", Some("/a")),
        ("setenv go 'load x y 1 b; bootz 1 -'; run go", Some("/b")),
        ("if test -n \"$x\" -o -z ''; then load x y ${loadaddr} /a; fi\nbootz $loadaddr", Some("/a")),
        ("setenv loop 'run loop'; run loop", None),
        ("if true; then if false; then true; else load x y 1 a; fi; bootz 1; fi", Some("/a")),
        ("bootz 1", None),
    ] {
        assert_eq!(run(text, &[], &files).boot.map(|boot| boot.kernel.1).as_deref(), kernel, "{text}");
    }
}

#[test]
fn loops_are_run_to_the_end_that_they_have() {
    let files = Table(&[("/a", ""), ("/b", "")]);
    for (text, kernel, passed_over) in [
        ("for n in gone a b; do if load x y 1 ${n}; then bootz 1; fi; done", Some("/a"), None),
        // Quotes do not keep words together.
        ("for n in \"gone b\"; do if load x y 1 ${n}; then bootz 1; fi; done", Some("/b"), None),
        (
            "l=\"gone b\"\nfor t in mmc\ndo for n in ${l}\n do\n load x y 1 $n && bootz 1\n done\ndone",
            Some("/b"),
            None,
        ),
        ("for n in gone; do bootz 1; done; load x y 1 a; bootz 1", Some("/a"), None),
        (
            "if false; then for n in a; do load x y 1 ${n}; bootz 1; done; fi; load x y 1 b; bootz 1",
            Some("/b"),
            None,
        ),
        ("n=x; while test ${n} != xxxx; do n=x${n}; done; load x y 1 a; bootz 1", Some("/a"), None),
        ("until load x y 1 b; do true; done; bootz 1", Some("/b"), None),
        ("for n in a; do load x y 1 $n; exit; done; bootz 1", None, None),
        ("if printenv no; then exit; fi; load x y 1 a; bootz 1", Some("/a"), None),
        (
            "if load x y 1 a; false; then true; elif load x y 1 b; then bootz 1; else exit; fi",
            Some("/b"),
            None,
        ),
        ("while true; do true; done", None, Some("what comes after 10000 statements")),
        ("while ; do ; done", None, Some("what comes after 10000 statements")),
        ("load x y 1 a; bootefi 1 2", None, Some("“bootefi 1 2”")),
        (
            "for t in ${boot_targets}; do run bootcmd_${t}; done",
            None,
            Some("the loop “for t in ${boot_targets}”, whose words the board's own environment has"),
        ),
    ] {
        let outcome = run(text, &[], &files);
        let found = (outcome.boot.map(|boot| boot.kernel.1), outcome.passed_over);
        assert_eq!((found.0.as_deref(), found.1.as_deref()), (kernel, passed_over), "{text}");
    }
    let deep = "if true; then ".repeat(10_000);
    let passed_over = run(&deep, &[], &files).passed_over;
    assert_eq!(passed_over.as_deref(), Some("what is more than 32 conditions and loops deep"));
}

#[test]
fn what_a_script_makes_of_its_variables_is_bounded() {
    let long = "x".repeat(VALUE_LIMIT);
    let shell = Shell::new(&[("a", &long)], &Table(&[]));
    for text in [" $a", "\"$a$a\""].map(|text| text.repeat(100)) {
        let length: usize = shell.words(&text).iter().map(String::len).sum();
        assert!(length <= 2 * VALUE_LIMIT, "{length}");
    }
    let text: String = (0..2 * VARIABLE_LIMIT).map(|number| format!("setenv a{number} 1\n")).collect();
    let mut shell = Shell::new(&[], &Table(&[]));
    shell.run(&format!("{text}setenv a0 2"), 0);
    assert_eq!(
        (shell.variables.values().len(), shell.variables.get("a0").unwrap().as_str()),
        (VARIABLE_LIMIT, "2")
    );
}

#[test]
fn conditions_are_joined_and_turned_round() {
    let shell = Shell::new(&[], &Table(&[]));
    for (text, holds) in [
        ("x", true),
        ("! x", false),
        ("! ! x", true),
        ("! x -o y", true),
        ("x -a ! y", false),
        ("x -a y -o ! z", true),
        ("1 -gt 2 -o 2 -lt 1", false),
    ] {
        assert_eq!(shell.test(&text.split(' ').collect::<Vec<_>>()), holds, "{text}");
    }
    assert!(!shell.test(&vec!["!"; 2 * VALUE_LIMIT]), "an even number of turns, and no call deep");
}

#[test]
fn a_script_is_taken_out_of_its_image() {
    let mut image = b"\x27\x05\x19\x56".to_vec();
    image.resize(64, 0);
    image[30] = 6;
    image.extend(b"\0\0\0\x04\0\0\0\0echorest");
    assert_eq!(unwrap(&image), Some(&b"echo"[..]));
    assert_eq!(unwrap(&image[..70]), None);
    assert_eq!(unwrap(b"setenv"), None);
}

proptest! {
    // A loop without end takes all the statements that there are.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_odd(text in "(if |then |else |fi|for a in |while |do |done|a=b|source 3|setenv a |\\$\\{a\\}\\$a|run a|load 1 2 3 a|booti 3|[;\n\"'\\\\ #&|a])*") {
        let _ = run(&text, &[], &Table(&[("/a", "")]));
    }
}
