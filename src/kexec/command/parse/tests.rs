//! Command lines of callers in the wild, and wrong ones.

use super::{
    super::table::{HAS_TREE, NO_TREE, REAL_MODE},
    *,
};

fn act(line: &[&str]) -> Options {
    match parse(line) {
        Ok(Invocation::Act(options)) => *options,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn load(kernel: &str) -> Options {
    Options { shutdown: false, status_of_boot: true, kernel: Some(kernel.into()), ..Options::default() }
}

/// kexec.md's table of callers: what the words of each mean.
#[test]
fn callers_in_the_wild_are_understood() {
    let exec =
        Options { load: false, exec: true, shutdown: false, interfaces_down: true, ..Options::default() };
    let with = |append: &str, initrd: &str, kernel: &str| Options {
        append: Some(append.into()),
        initrds: vec![initrd.into()],
        ..load(kernel)
    };
    let table: Vec<(&str, &[&str], Options)> = vec![
        ("systemd", &["--load", "/k", "--append", "a b", "--initrd", "/i"], with("a b", "/i", "/k")),
        ("systemd-shutdown", &["-e"], exec.clone()),
        (
            "Debian",
            &["-l", "/k", "--initrd=/i", "--append=root=/dev/sda1"],
            with("root=/dev/sda1", "/i", "/k"),
        ),
        (
            "Arch",
            &["-l", "/k", "--initrd=/i", "--reuse-cmdline"],
            Options { initrds: vec!["/i".into()], reuse_cmdline: true, ..load("/k") },
        ),
        (
            "NixOS",
            &[
                "--load",
                "/k",
                "--kexec-syscall-auto",
                "--initrd=/i",
                "--no-checks",
                "--command-line",
                "init=/x",
            ],
            Options { no_checks: true, ..with("init=/x", "/i", "/k") },
        ),
        (
            "ZFSBootMenu",
            &["-a", "-l", "/k", "--initrd=/i", "--command-line=zfs=x"],
            with("zfs=x", "/i", "/k"),
        ),
        ("ZFSBootMenu's jump", &["-e", "-i"], Options { no_checks: true, ..exec.clone() }),
        (
            "petitboot",
            &["-l", "--debug", "--initrd=/i", "--append=a", "/k"],
            Options { debug: true, ..with("a", "/i", "/k") },
        ),
        (
            "kdumpctl",
            &["-p", "-d", "-s", "--command-line=a", "--initrd=/i", "/k"],
            Options {
                slot: Slot::Crash,
                sync: false,
                debug: true,
                method: Method::File,
                ..with("a", "/i", "/k")
            },
        ),
        (
            "what unloads a crash kernel before it loads one",
            &["-u", "-p", "/k"],
            Options {
                unload: true,
                shutdown: false,
                sync: false,
                slot: Slot::Crash,
                kernel: Some("/k".into()),
                ..Options::default()
            },
        ),
        (
            "kdump-tools unloads",
            &["-p", "-u"],
            Options {
                load: false,
                unload: true,
                shutdown: false,
                sync: false,
                slot: Slot::Crash,
                ..Options::default()
            },
        ),
        (
            "SONiC",
            &["-u", "-a"],
            Options { load: false, unload: true, shutdown: false, sync: false, ..Options::default() },
        ),
        ("no option", &["/k"], Options { kernel: Some("/k".into()), ..Options::default() }),
    ];
    for (caller, line, expected) in table {
        assert_eq!(act(line), expected, "{caller}");
    }
}

#[test]
fn the_last_action_wins_and_side_effects_stick() {
    let both_ways = act(&["-e", "-l", "/k"]);
    assert!(both_ways.load && !both_ways.exec && both_ways.interfaces_down && both_ways.sync);
    let exec_only = act(&["-l", "-e"]);
    assert!(!exec_only.load && exec_only.exec);
    let at_once = act(&["-l", "-f", "/k"]);
    assert!(at_once.load && at_once.exec && !at_once.shutdown);
    let bundled = act(&["-fxy", "/k"]);
    assert!(bundled.exec && !bundled.interfaces_down && !bundled.sync);
}

#[test]
fn status_asks_for_the_crash_image_unless_an_earlier_word_says_boot() {
    for (line, boot) in
        [(&["-S"][..], false), (&["-l", "-S"], true), (&["-d", "-S"], true), (&["-d", "-p", "-S"], false)]
    {
        let options = act(line);
        assert_eq!((options.status, options.status_of_boot), (true, boot), "{line:?}");
    }
}

#[test]
fn long_options_may_be_cut_while_they_stay_unambiguous() {
    assert_eq!(
        act(&["-l", "--app=x", "--ram", "/i", "/k"]),
        Options { append: Some("x".into()), initrds: vec!["/i".into()], ..load("/k") }
    );
    assert_eq!(act(&["--kexec-syscall", "/k"]).method, Method::Segments);
    // kexec-tools knows what each is, and does not guess.
    for line in ["--no", "--console", "--args", "--elf", "--se", "--reuse", "--loa", "--d"] {
        assert!(matches!(parse([line]), Err(UsageError::Ambiguous(..))), "{line}");
    }
    // As version 2.0.25 has them, which knows no --no-cma, --hotplug and --dt-no-old-root.
    assert!(act(&["--no-c", "/k"]).no_checks);
    assert_eq!(parse(["--h"]), Ok(Invocation::Help));
    let tree = if HAS_TREE {
        Ok(Invocation::Act(Box::new(Options { devicetree: Some("/d".into()), ..load("/k") })))
    } else {
        Err(UsageError::Unsupported("dtb", NO_TREE))
    };
    assert_eq!(parse(["-l", "--dt=/d", "/k"]), tree);
    // An option that only one call knows is an error beside the one that chooses the other call.
    if HAS_TREE {
        let line = ["-s", "-l", "--dtb=/d", "/k"];
        assert_eq!(parse(line), Err(UsageError::NotBy("dtb", "kexec_file_load", "-s")));
    }
}

#[test]
fn wrong_usage_names_the_word() {
    let table: &[(&[&str], UsageError)] = &[
        (&["--frobnicate"], UsageError::Unknown("--frobnicate".into())),
        (&["-Z"], UsageError::Unknown("-Z".into())),
        (&["--append"], UsageError::NoValue("--append".into())),
        (&["--load=/k"], UsageError::Value("--load".into())),
        (&["--help=x"], UsageError::Value("--help".into())),
        (&["-e", "--append=x"], UsageError::LoadsNothing("append")),
        (&["--mem-max=1G"], UsageError::Address("--mem-max".into(), "1G".into())),
        (&["-l", "-S", "--initrd=x"], UsageError::LoadsNothing("initrd")),
        (&["-l", "/k", "--real-mode"], UsageError::Unsupported("real-mode", REAL_MODE)),
    ];
    for (line, expected) in table {
        assert_eq!(parse(*line).as_ref(), Err(expected), "{line:?}");
    }
}

#[test]
fn help_and_version_come_before_anything_wrong_after_them() {
    assert_eq!(parse(["-h", "--frobnicate"]), Ok(Invocation::Help));
    assert_eq!(parse(["-l", "--vers"]), Ok(Invocation::Version));
}

#[test]
fn words_after_two_dashes_are_no_options() {
    assert_eq!(act(&["-l", "--", "-k"]).kernel.as_deref(), Some("-k"));
}
