//! Every system of the corpus that GRUB boots: grub-emu runs its configuration on disks made of its directories, boots
//! each entry in turn, and hands over what `firstlight list` says of it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use serde_json::Value;

use crate::{
    accepted::{self, System},
    commands::{self, COMMANDS},
    disks::{self, Disks, Volume},
    emulator::Grub,
};

/// GRUB's message once an entry has run without loading a kernel.
const DONE: &str = "Press any key to continue";

/// GRUB's commands for an entry.
#[derive(Debug, Default)]
struct Run {
    /// The path of ids that was chosen.
    chosen: Option<String>,
    /// Each command with the root and its arguments, in order.
    commands: Vec<(String, String, Vec<String>)>,
}

/// The driver: what is wrapped, and where GRUB's core begins.
fn driver(disks: &Disks, device: &str, config: &str, efi: bool) -> String {
    let drive = &disks.volumes.iter().find(|volume| volume.name == device).unwrap().drive;
    let mut text = String::from("insmod regexp\n");
    for command in COMMANDS {
        write!(
            text,
            "function {} {{\n set oracle=\"@@C$chosen@@+{command}@@+$root\"\n for oracle_word in \"$@\"; do\n  \
             set oracle=\"$oracle@@+$oracle_word\"\n done\n tr --set=oracle ' ' '~' \"$oracle\"\n \
             echo \"$oracle@@.\"\n}}\n",
            commands::own(command)
        )
        .unwrap();
    }
    let (platform, cpu) = if efi { ("efi", "x86_64") } else { ("pc", "i386") };
    let (directory, _) = config.rsplit_once('/').unwrap();
    write!(
        text,
        "set grub_platform={platform}\nset grub_cpu={cpu}\nexport grub_platform grub_cpu\nset root={drive}\n\
         set prefix=({drive}){directory}\nexport prefix root\nfunction {} {{\ntrue\nFILES}}\nsource ({drive}){config}\n",
        commands::own("blscfg")
    )
    .unwrap();
    text
}

/// The environment blocks of a system: device and path.
fn blocks(disks: &Disks) -> Vec<(String, String)> {
    fn find(volume: &Volume, directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                find(volume, &entry.path(), found);
            } else if entry.file_name() == "grubenv" {
                let path = entry.path();
                let path = path.strip_prefix(&volume.directory).unwrap();
                found.push((volume.name.clone(), format!("/{}", path.display())));
            }
        }
    }
    let mut found = Vec::new();
    disks.volumes.iter().for_each(|volume| find(volume, &volume.directory, &mut found));
    found
}

/// The menu entry that Fedora's `blscfg`, which Debian's GRUB lacks, makes of an entry file. Their order is ours.
fn entry_file(system: &Path, disks: &Disks, entry: &Value) -> String {
    let source = &entry["source"];
    let volume = disks.volumes.iter().find(|volume| source["volume"] == *volume.name).unwrap();
    let path = source["path"].as_str().unwrap();
    let text = fs::read_to_string(format!("{}{path}", volume.directory.display()))
        .unwrap_or_else(|error| panic!("{}: {path}: {error}", system.display()));
    let values = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.filter(|(name, _)| *name == key).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let name = path.rsplit('/').next().unwrap().strip_suffix(".conf").unwrap();
    format!(
        "menuentry '{}' --id '{name}' {} {{\nif [ \"$save_default\" = true ]; then savedefault; fi\n\
         linux ($root){} {}\ninitrd ($root){}\n}}\n",
        values("title").concat(),
        values("grub_arg").concat(),
        values("linux").concat(),
        values("options").concat(),
        values("initrd").join(" ($root)")
    )
}

/// The content of the environment blocks: block and name, and the value.
fn remembered(disks: &Disks, blocks: &[(String, String)]) -> BTreeMap<(String, String), String> {
    let mut remembered = BTreeMap::new();
    for (volume, path) in blocks {
        let text = disks.read(volume, path);
        for line in String::from_utf8_lossy(&text).lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once('=').unwrap();
            remembered.insert((format!("{volume}:{path}"), name.to_owned()), value.to_owned());
        }
    }
    remembered
}

/// Lets GRUB boot what `choice` makes the default.
fn boot(grub: &Grub, directory: &Path, disks: &Disks, choice: &str) -> Run {
    disks.keep(true);
    fs::write(directory.join("choice"), format!("{choice}\nset timeout=0\nset timeout_style=menu\n"))
        .unwrap();
    let map = format!("--device-map={}", disks.map.display());
    let text = grub.output(directory, &[&map], Some(DONE), &[]);
    let mut run = Run::default();
    for piece in text.split("@@C").skip(1) {
        let Some((record, _)) = piece.split_once("@@.") else { continue };
        let mut words = record.split("@@+").map(|word| word.replace('~', " "));
        let chosen = words.next().unwrap();
        let [command, root] = [words.next().unwrap(), words.next().unwrap()];
        // The keys may have booted it once more.
        let again = run.commands.first().is_some_and(|(first, ..)| *first == command)
            && !matches!(command.as_str(), "initrd" | "module" | "module2");
        if again || run.chosen.as_ref().is_some_and(|known| *known != chosen) {
            break;
        }
        run.chosen = Some(chosen);
        run.commands.push((command, root, words.collect()));
    }
    run
}

/// A file as GRUB names it, as `device:path`.
fn file(disks: &Disks, root: &str, name: &str) -> String {
    let (drive, path) = name.strip_prefix('(').and_then(|rest| rest.split_once(')')).unwrap_or((root, name));
    let volume = disks.volumes.iter().find(|volume| volume.drive == drive);
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    format!("{}:{path}", volume.map_or(drive, |volume| &volume.name))
}

/// A word of the kernel's command line: GRUB quotes what a kernel would split.
fn quoted(word: &str) -> String {
    let escaped: String =
        word.chars().flat_map(|c| if "\\'\"".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    if word.contains(' ') { format!("\"{escaped}\"") } else { escaped }
}

/// Kernel, initrds and command line as GRUB hands them over.
fn handed_over(disks: &Disks, run: &Run) -> (Option<String>, Vec<String>, Option<String>) {
    let (mut kernel, mut cmdline, mut initrds) = (None, None, Vec::new());
    for (command, root, words) in &run.commands {
        let files = || words.iter().map(|word| file(disks, root, word));
        match command.trim_end_matches("efi").trim_end_matches("16") {
            "linux" => {
                kernel = files().next();
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                cmdline = Some(format!("BOOT_IMAGE={}", words.join(" ")));
            }
            "initrd" => initrds = files().collect(),
            "chainloader" | "multiboot" | "multiboot2" | "xen_hypervisor" => kernel = files().next(),
            "module" | "module2" | "xen_module" => {
                initrds.extend(files().find(|file| !file.ends_with(":--nounzip")));
            }
            _ => {}
        }
    }
    (kernel, initrds, cmdline)
}

/// The place of each entry as a default: `1>0` is the first entry of the submenu that is the second entry.
fn places(entries: &[&Value]) -> (Vec<String>, usize) {
    let mut counts = vec![0_usize];
    let mut path: Vec<&str> = Vec::new();
    let places = entries.iter().map(|entry| {
        let titles: Vec<&str> =
            entry["path_in_menu"].as_array().unwrap().iter().map(|title| title.as_str().unwrap()).collect();
        let common = titles.iter().zip(&path).take_while(|(one, other)| one == other).count();
        counts.truncate(common + 1);
        for _ in common..titles.len() {
            *counts.last_mut().unwrap() += 1;
            counts.push(0);
        }
        path = titles;
        *counts.last_mut().unwrap() += 1;
        counts.iter().map(|count| (count - 1).to_string()).collect::<Vec<_>>().join(">")
    });
    let places = places.collect();
    (places, counts[0])
}

/// An entry's id, without what makes it unique among several loaders'.
fn id(entry: &Value) -> &str {
    let id = entry["id"].as_str().unwrap();
    let volume = format!("@{}", entry["source"]["volume"].as_str().unwrap());
    id.rsplit_once(&volume).map_or(id, |(own, _)| own)
}

fn listed(system: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
    command.args(["list", "--json"]).current_dir(system);
    for volume in fs::read_to_string(system.join("volumes")).unwrap().lines() {
        command.args(["--volume", volume]);
    }
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

/// Compares what GRUB makes of a system that it starts as a line of `start` says: the device and path of its
/// configuration, and after them the device whose entries it leads to, where that is not all. Gives how many entries
/// were compared.
fn compare(grub: &Grub, system: &Path, start: &str, wrong: &mut String) -> usize {
    let name = system.file_name().unwrap().to_str().unwrap();
    let words: Vec<&str> = start.split(' ').collect();
    let (device, config) = (words[0], words[1]);
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let disks = disks::make(system, base, &format!("source (host){}/choice\n", base.display()));
    let efi = disks.volumes.iter().any(|volume| volume.directory.join("EFI").is_dir());
    let listed = listed(system);
    let entries: Vec<&Value> = listed["entries"].as_array().unwrap().iter().collect();
    let is_file = |entry: &&&Value| entry["source"]["format"] == "bls";
    let files: String =
        entries.iter().filter(is_file).map(|entry| entry_file(system, &disks, entry)).collect();
    let has_files = !files.is_empty();
    let driver = driver(&disks, device, config, efi).replace("FILES", &commands::renamed(&files));
    fs::write(base.join("grub.cfg"), driver).unwrap();
    let own: Vec<&Value> = entries
        .iter()
        .filter(|entry| (is_file(entry) || entry["source"]["format"] == "grub") && entry["hidden"] == false)
        .filter(|entry| words.get(2).is_none_or(|device| entry["source"]["volume"] == *device))
        .copied()
        .collect();
    let (places, count) = places(&own);
    let mut differs = |what: &str, ours: &str, theirs: &str| {
        let family = if has_files { accepted::ENTRY_FILES } else { name };
        let accepted = [name, family].iter().any(|name| accepted::system(name, what, ours, theirs));
        if ours != theirs && !accepted {
            writeln!(wrong, "{name}: {what}:\n  ours {ours}\n  GRUB {theirs}").unwrap();
        }
    };
    let blocks = blocks(&disks);
    let before = remembered(&disks, &blocks);
    let default = own.iter().find(|entry| entry["default"] == true).map_or("", |entry| id(entry));
    differs("default", default, &boot(grub, base, &disks, "").chosen.unwrap_or_default());
    let mut compared = 0;
    for (entry, place) in own.iter().zip(&places) {
        if entry["kind"] == "firmware" || entry["kernel"].is_null() {
            continue;
        }
        let run = boot(grub, base, &disks, &format!("set default='{place}'"));
        let id = id(entry);
        differs(&format!("entry {place}"), id, run.chosen.as_deref().unwrap_or_default());
        let (kernel, initrds, cmdline) = handed_over(&disks, &run);
        let ours = |value: &Value| match value.as_object() {
            Some(file) => format!("{}:{}", file["volume"].as_str().unwrap(), file["path"].as_str().unwrap()),
            None => String::new(),
        };
        differs(&format!("kernel of {id}"), &ours(&entry["kernel"]), &kernel.unwrap_or_default());
        let own: Vec<String> = entry["initrds"].as_array().unwrap().iter().map(ours).collect();
        differs(&format!("initrds of {id}"), &own.join(" "), &initrds.join(" "));
        let mut after = before.clone();
        for change in entry["changes"].as_array().into_iter().flatten() {
            let name = change["name"].as_str().unwrap().to_owned();
            let key = (ours(&change["block"]), name);
            match change["value"].as_str() {
                Some(value) => after.insert(key, value.to_owned()),
                None => after.remove(&key),
            };
        }
        let written = remembered(&disks, &blocks);
        differs(&format!("what is written by {id}"), &format!("{after:?}"), &format!("{written:?}"));
        if let Some(cmdline) = cmdline {
            differs(&format!("command line of {id}"), entry["cmdline"].as_str().unwrap(), &cmdline);
        }
        compared += 1;
    }
    // One past the end is the first again.
    let [first, past] =
        [0, count].map(|place| boot(grub, base, &disks, &format!("set default='{place}'")).chosen);
    differs("number of entries", &format!("{first:?}"), &format!("{past:?}"));
    compared
}

pub fn every_system(grub: &Grub) {
    let corpus = std::env::var_os("ORACLE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"), Into::into);
    let mut systems: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    systems.retain(|path| path.join("start").is_file());
    systems.sort();
    let only = std::env::var("ORACLE_SYSTEM").ok();
    systems.retain(|path| only.as_ref().is_none_or(|only| path.ends_with(only)));
    let mut wrong = String::new();
    let mut compared = 0;
    for system in &systems {
        let began = Instant::now();
        let before = compared;
        for start in fs::read_to_string(system.join("start")).unwrap().lines() {
            compared += compare(grub, system, start, &mut wrong);
        }
        println!("{}: {} entries in {:.1?}", system.display(), compared - before, began.elapsed());
    }
    println!("{compared} entries of {} systems", systems.len());
    for System { name, what, reason, .. } in accepted::SYSTEMS {
        println!("accepted: {name}: {what}: {reason}");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared > 0);
}
