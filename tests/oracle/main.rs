//! The GRUB evaluator beside GRUB itself: random scripts and menus run by both, with the same answer.
//!
//! Every test runs against each GRUB of [`qemu::oracles::GRUBS`]. They share the number of random scripts: each version gets
//! others. Where the versions differ, [`versions`] says which one is followed.
//!
//! `ORACLE_SCRIPTS=N` runs another number of scripts, `ORACLE_SEED=N` repeats a run; `ORACLE_CORPUS=DIR` compares other systems
//! than those of the corpus, `ORACLE_SYSTEM=NAME` one of them.

mod accepted;
mod commands;
mod corpus;
mod disks;
mod emulator;
mod host;
mod loopback;
mod memory;
mod menus;
mod ours;
mod passwords;
mod script;
mod versions;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::{
    strategy::{Strategy as _, ValueTree},
    test_runner::{Config, RngAlgorithm, RngSeed, TestRunner},
};
use qemu::oracles::GRUBS;

use emulator::Grub;

/// The tests, against one GRUB each.
macro_rules! against {
    ($($module:ident: $grub:literal)*) => {$(
        mod $module {
            fn grub(test: fn(&crate::emulator::Grub)) {
                let oracle = qemu::oracles::GRUBS.iter().find(|oracle| oracle.version == $grub).unwrap();
                if let Some(grub) = crate::emulator::Grub::of(oracle) {
                    test(&grub);
                }
            }

            #[test]
            fn random_scripts_do_what_grub_does_with_them() {
                grub(crate::random_scripts);
            }

            #[test]
            fn what_is_remembered_decides_as_it_does_with_grub() {
                grub(crate::remembered);
            }

            #[test]
            fn a_failing_default_gives_way_to_what_grub_falls_back_to() {
                grub(crate::fallbacks);
            }

            #[test]
            fn random_menus_boot_what_grub_boots() {
                grub(crate::random_menus);
            }

            #[test]
            fn every_system_of_the_corpus_boots_what_grub_boots() {
                grub(crate::corpus::every_system);
            }

            #[test]
            fn it_does_what_the_table_of_versions_says() {
                grub(crate::versions::table);
            }

            #[test]
            fn a_password_is_asked_for_the_same_entries() {
                grub(crate::passwords::table);
            }

            #[test]
            fn the_same_people_are_let_in() {
                grub(crate::passwords::answers);
            }

            #[test]
            fn images_are_what_grub_makes_of_them() {
                grub(crate::loopback::images);
            }
        }
    )*};
}

against! {
    grub_2_06: "2.06"
    grub_2_12: "2.12"
    grub_2_14: "2.14"
}

/// Scripts that one grub-emu process runs.
const BATCH: usize = 250;

/// Time spent on making a counter-example small.
const MINIMAL_TIME: Duration = Duration::from_secs(40);

/// The beginning and end of every script: a record of its commands' arguments, in `log`.
const PROLOGUE: &str = r#"
function emit { log="$log|$#:"; for w in "$@"; do log="$log<$w>"; done; }
function f { emit f "$@"; }
function g { emit g "$@"; }
insmod regexp
set log=
set a=1
set b="x y"
set c=" lead  and trail "
set d=
set empty=
set list="a b  c"
"#;
const EPILOGUE: &str = r#"
emit end "$a" "$b" "$c" "$d" "$empty" "$list" "$x"
"#;

/// Spaces do not survive the terminal's line breaks.
const ENCODE: &str = "tr --set=log ' ' '~' \"$log\"\ntr --set=log '\n' '^' \"$log\"\n";

fn variable(name: &str, default: usize) -> usize {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The number that random scripts for a GRUB begin with: each version gets others.
fn seed(grub: &Grub) -> u64 {
    let place = GRUBS.iter().position(|oracle| oracle.version == grub.version).unwrap();
    variable("ORACLE_SEED", 1 + place) as u64
}

/// Runs scripts in one grub-emu and in the evaluator, and gives what each recorded.
fn answers(grub: &Grub, directory: &Path, scripts: &[String]) -> Vec<(Option<String>, Option<String>)> {
    let base = directory.display().to_string();
    fs::create_dir_all(directory.join("tree")).unwrap();
    fs::write(directory.join("tree/file"), "x").unwrap();
    fs::write(directory.join("tree/empty"), "").unwrap();
    let mut driver = String::new();
    let mut configurations: Vec<PathBuf> = Vec::new();
    for (number, script) in scripts.iter().enumerate() {
        fs::write(directory.join(format!("{number}.cfg")), script).unwrap();
        let start = format!("set base=(host){base}\n{PROLOGUE}source $base/{number}.cfg\n{EPILOGUE}");
        fs::write(
            directory.join(format!("{number}.emu")),
            format!("{start}{ENCODE}echo \"@@{number}:$log@@.\"\n"),
        )
        .unwrap();
        let configuration = directory.join(format!("{number}.ours"));
        fs::write(&configuration, format!("{start}menuentry x {{ linux /k \"$log\"; }}\n")).unwrap();
        configurations.push(configuration);
        writeln!(driver, "configfile (host){base}/{number}.emu").unwrap();
    }
    driver.push_str("halt\n");
    fs::write(directory.join("grub.cfg"), driver).unwrap();
    let theirs = grub.run(directory, scripts.len());
    let ours =
        configurations.iter().map(|path| ours::menu(path).level.default_entry().and_then(ours::argument));
    theirs.into_iter().zip(ours).collect()
}

fn random_scripts(grub: &Grub) {
    let (seed, mut runner) = runner(grub);
    let count = variable("ORACLE_SCRIPTS", 750);
    let directory = tempfile::tempdir().unwrap();
    let (mut done, mut skipped) = (0, 0);
    while done < count {
        let trees: Vec<_> = (0..BATCH).map(|_| script::script().new_tree(&mut runner).unwrap()).collect();
        let texts: Vec<String> = trees.iter().map(|tree| script::text(&tree.current())).collect();
        let answers = answers(grub, directory.path(), &texts);
        for ((tree, text), (theirs, ours)) in trees.iter().zip(&texts).zip(answers) {
            if accepted::find(grub.version, &tree.current()).is_some() {
                skipped += 1;
            } else if theirs != ours {
                let text = minimal(grub, directory.path(), text);
                let answers = self::answers(grub, directory.path(), std::slice::from_ref(&text));
                panic!(
                    "ORACLE_SEED={seed}: this script\n\n{text}\n\nGRUB {}: {:?}\nours: {:?}",
                    grub.version, answers[0].0, answers[0].1
                );
            }
        }
        done += BATCH;
    }
    println!("{done} scripts, {skipped} of them with an accepted difference");
    for difference in accepted::DIFFERENCES {
        println!("accepted: {}: {}", difference.name, difference.reason);
    }
}

/// Shows a menu in grub-emu and in the evaluator, and gives what the entry that boots on its own recorded.
fn booted(grub: &Grub, directory: &Path, menu: &str) -> (Option<String>, Option<String>) {
    let configuration = |name: &str, end: &str| {
        let path = directory.join(name);
        fs::write(&path, format!("{PROLOGUE}function go {{ emit \"$@\"; {end}; }}\n{menu}")).unwrap();
        path
    };
    configuration("grub.cfg", &format!("{ENCODE}echo \"@@0:$log@@.\"; halt"));
    let theirs = grub.run(directory, 1).remove(0);
    let ours = configuration("ours.cfg", "linux /k \"$log\"");
    let menu = ours::menu(&ours);
    let tried = menu.level.default_entry().into_iter().chain(menu.fallback_entries());
    (theirs, tried.filter_map(ours::argument).next())
}

fn runner(grub: &Grub) -> (u64, TestRunner) {
    let seed = seed(grub);
    let config =
        Config { rng_seed: RngSeed::Fixed(seed), rng_algorithm: RngAlgorithm::ChaCha, ..Config::default() };
    (seed, TestRunner::new(config))
}

fn remembered(grub: &Grub) {
    let (seed, mut runner) = runner(grub);
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..variable("ORACLE_BLOCKS", 25) {
        let block = memory::block().new_tree(&mut runner).unwrap().current();
        let (theirs, ours) = memory::remembered(grub, directory.path(), &block);
        assert_eq!(
            ours, theirs,
            "ORACLE_SEED={seed}: ours, GRUB {}'s, for this block:\n\n{block}",
            grub.version
        );
    }
}

fn fallbacks(grub: &Grub) {
    let (seed, mut runner) = runner(grub);
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..variable("ORACLE_FALLBACKS", 20) {
        let menu = memory::failing().new_tree(&mut runner).unwrap().current();
        let (theirs, ours) = booted(grub, directory.path(), &menu);
        assert_eq!(
            ours, theirs,
            "ORACLE_SEED={seed}: ours, GRUB {}'s, for this menu:\n\n{menu}",
            grub.version
        );
    }
}

fn random_menus(grub: &Grub) {
    let (seed, mut runner) = runner(grub);
    let count = variable("ORACLE_MENUS", 120);
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..count {
        let text = menus::text(&menus::menu().new_tree(&mut runner).unwrap().current());
        let (theirs, ours) = booted(grub, directory.path(), &text);
        assert_eq!(
            ours, theirs,
            "ORACLE_SEED={seed}: ours, GRUB {}'s, for this menu:\n\n{text}",
            grub.version
        );
    }
}

/// The smallest script on which the two still differ: pieces of it are left out as long as that is so.
fn minimal(grub: &Grub, directory: &Path, script: &str) -> String {
    let mut smallest = script.to_owned();
    let start = Instant::now();
    while start.elapsed() < MINIMAL_TIME {
        let lines = without_parts(&smallest, '\n');
        let words = without_parts(&smallest, ' ');
        let mut candidates: Vec<String> =
            lines.into_iter().chain(words).filter(|candidate| candidate.len() < smallest.len()).collect();
        candidates.sort_by_key(String::len);
        candidates.dedup();
        // Leaving out what counts a loop's turns makes it endless: ours says so, GRUB would not.
        let smaller = candidates.chunks(BATCH).find_map(|candidates| {
            let candidates: Vec<String> =
                candidates.iter().filter(|candidate| ends(directory, candidate)).cloned().collect();
            let answers = answers(grub, directory, &candidates);
            let mut both = candidates.into_iter().zip(answers);
            both.find(|(_, (theirs, ours))| theirs.is_some() && theirs != ours)
                .map(|(candidate, _)| candidate)
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => break,
        }
    }
    smallest
}

/// The text without each run of its parts, of all lengths that are powers of two.
fn without_parts(text: &str, separator: char) -> Vec<String> {
    let parts: Vec<&str> = text.split(separator).collect();
    let lengths =
        std::iter::successors(Some(1), |length| Some(length * 2)).take_while(|length| *length < parts.len());
    let runs = lengths
        .flat_map(|length| (0..parts.len().saturating_sub(length - 1)).map(move |from| (from, length)));
    runs.map(|(from, length)| [&parts[..from], &parts[from + length..]].concat().join(&separator.to_string()))
        .collect()
}

fn ends(directory: &Path, script: &str) -> bool {
    let path = directory.join("ends.cfg");
    fs::write(&path, format!("{PROLOGUE}{script}")).unwrap();
    ours::menu(&path).warnings.iter().all(|warning| !warning.message.contains("cut off"))
}
