//! The commands that boot: an entry of the boot loader's list, or a kernel that is named by hand, as in GRUB's command line.

use std::{env, path::Path, sync::Arc};

use rustix::fd::OwnedFd;

use super::{
    files::path,
    output::{Failure, Output, about},
    shell::{self, Next, Shell},
    table::Command,
    volumes::{detach_all, survey},
};
use crate::{
    boot::{
        before_jump, choice,
        election::{self, Electorate},
        firmware,
        loader::{EntryLoader, Turn},
        settings::{Settings, texts::SettingsTexts},
        supervision::Request,
    },
    discover::{
        finder::Context,
        sandbox::{self, Conduct, Verdicts},
    },
    entry::{Discovery, Entry, Kind, Volume},
    formats::{
        name_table::NameNumbers,
        sort,
        text::{decode, printable},
    },
    image::{KernelFiles, NamedFile, check_room, prepare},
    kexec::{
        self, LoadOptions, LoadedKernel,
        cmdline::{self, Firmware},
        consoles,
    },
    storage::OpenVolume,
    sys::files::open_regular,
};

/// The mark of a kernel that is named by hand, in the words that `boot` is given.
const BY_HAND: &str = "--kernel";

/// A kernel that is named by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ByHand {
    kernel: String,
    cmdline: String,
    initrds: Vec<String>,
}

/// What the boot loader would offer, with the volumes that it is on.
struct Offer {
    discovery: Discovery,
    volumes: Vec<Arc<OpenVolume>>,
    settings: Settings,
}

fn offer() -> Result<Offer, Failure> {
    let texts = SettingsTexts::read();
    let (in_image, _) = texts.settings();
    let (mut volumes, _) = survey();
    let all: Vec<Volume> = volumes.iter().map(|open| open.volume.clone()).collect();
    let context = firmware::context(Path::new(firmware::VARIABLES));
    let (late, firmware) = (NameNumbers::default(), firmware::partitions(&context));
    let electorate = |settings| Electorate { settings, volumes: &all, late: &late, firmware: &firmware };
    let named =
        in_image.settings_on.as_ref().and_then(|name| election::first_of_name(name, &electorate(&in_image)));
    let named = volumes.iter().find(|open| named == Some(open.volume.id));
    let settings = named.and_then(|open| texts.with_volume(open).0).unwrap_or(in_image.clone());
    let context =
        Context { grub_flavour: settings.grub_flavour.clone(), images: settings.iso.clone(), ..context };
    let order = election::order(&electorate(&settings));
    sort::by_key(&mut volumes, |open| order.iter().position(|id| *id == open.volume.id));
    let mut conduct = Conduct {
        context: &context,
        verdicts: &mut Verdicts::default(),
        limit: sandbox::DEADLINE,
        waiting: &|_| {},
        apart: None,
    };
    match sandbox::survey_with_images(&mut volumes, &mut conduct) {
        Ok(survey) => Ok(Offer { discovery: survey.discovery, volumes, settings }),
        Err(error) => Err(Failure::Said(error.to_string())),
    }
}

pub(super) fn entries(_: &[String], output: &mut Output) -> Result<(), Failure> {
    let Offer { discovery, volumes, .. } = offer()?;
    if discovery.entries.is_empty() {
        let count = volumes.len();
        return Err(Failure::Said(format!(
            "nothing to boot on {count} volumes; `devices` says what lies where, `linux` takes a kernel by hand"
        )));
    }
    choice::shown(&discovery.entries)
        .try_for_each(|(number, entry)| output.line(&row(number, entry, discovery.default.as_deref())))
}

fn row(number: usize, entry: &Entry, default: Option<&str>) -> String {
    let mark = if default == Some(entry.id.as_str()) { '*' } else { ' ' };
    let path: String = entry.path_in_menu.iter().map(|title| format!("{title} > ")).collect();
    let why = match &entry.problem {
        Some(problem) => format!("; cannot be booted: {problem}"),
        None if entry.lock.is_some() => "; asks for a password".to_owned(),
        None => String::new(),
    };
    let (volume, title, id) = (&entry.source.volume.name, &entry.title, &entry.id);
    format!("{mark}{number:>3}  {path}{title}  ({volume}, {id}{why})")
}

pub(super) fn linux(shell: &mut Shell, words: &[String]) -> Result<Next, Failure> {
    let Some((kernel, words)) = words.split_first() else { return Err(Command::usage("linux")) };
    let kernel = absolute(kernel)?;
    shell.by_hand = Some(ByHand { kernel, cmdline: words.join(" "), initrds: Vec::new() });
    Ok(Next::Prompt)
}

pub(super) fn initrd(shell: &mut Shell, words: &[String]) -> Result<Next, Failure> {
    if words.is_empty() {
        return Err(Command::usage("initrd"));
    }
    let initrds = words.iter().map(|word| absolute(word)).collect::<Result<_, _>>()?;
    match &mut shell.by_hand {
        Some(by_hand) => by_hand.initrds = initrds,
        None => return Err("you need to name the kernel first: `linux KERNEL [WORD]…`".into()),
    }
    Ok(Next::Prompt)
}

/// The path of a file that is there, from the root.
fn absolute(word: &str) -> Result<String, Failure> {
    let at = env::current_dir().unwrap_or_default().join(path(word));
    open_regular(&at).map_err(|error| about(word, &error))?;
    Ok(decode(at.as_os_str().as_encoded_bytes()))
}

/// Without words: the kernel that was named by hand, or the boot loader.
pub(super) fn boot_here(shell: &mut Shell, words: &[String]) -> Result<Next, Failure> {
    let name = ["boot".to_owned()].into_iter();
    let words: Vec<String> = match (words, &shell.by_hand) {
        ([], None) => return Ok(Next::Leave),
        ([], Some(ByHand { kernel, cmdline, initrds })) => {
            let by_hand = [BY_HAND.to_owned(), kernel.clone(), cmdline.clone()];
            name.chain(by_hand).chain(initrds.iter().cloned()).collect()
        }
        _ => name.chain(words.iter().cloned()).collect(),
    };
    shell.run_apart(&words)?;
    Ok(Next::Prompt)
}

pub(super) fn boot(words: &[String], output: &mut Output, init: Option<&OwnedFd>) -> Result<(), Failure> {
    let (id, title, kernel, volumes) = match words {
        [mark, kernel, cmdline, initrds @ ..] if mark == BY_HAND => {
            let loaded = load_by_hand(kernel, cmdline, initrds)?;
            (kernel.clone(), kernel.clone(), loaded, Vec::new())
        }
        [word] => {
            // What its boot loader keeps on its disk is written there, past a file system that is mounted.
            if let Some(sentence) = detach_all().into_iter().next() {
                return Err(Failure::Said(sentence));
            }
            let Offer { discovery, volumes, settings } = offer()?;
            let chosen = choice::choose(&discovery.entries, None, Some(word));
            let entry = chosen.map_err(|error| Failure::Said(format!("{error}; `entries` shows them")))?;
            let loaded = load(entry, &volumes, &settings)?;
            (entry.id.clone(), entry.title.clone(), loaded, volumes)
        }
        _ => return Err(Command::usage("boot")),
    };
    let failures = before_jump::perform_in_time(&kernel, volumes);
    let active = if kernel.is_linux { consoles::active() } else { String::new() };
    let silent = consoles::silent(&active, &kernel.cmdline);
    kernel.warnings.iter().chain(&failures).chain(&silent).try_for_each(|warning| output.line(warning))?;
    output.line(&format!("Starting {title} ..."))?;
    output.line(&format!("  {}", kernel.name))?;
    output.line(&format!("  {}", kernel.cmdline))?;
    shell::ask(init, &Request::Jump { entry: id, title: printable(&title) })
}

fn load(entry: &Entry, volumes: &[Arc<OpenVolume>], settings: &Settings) -> Result<LoadedKernel, Failure> {
    let title = printable(&entry.title);
    if let Some(problem) = &entry.problem {
        return Err(Failure::Said(format!("{title}: {problem}")));
    }
    if entry.lock.is_some() {
        return Err(Failure::Said(format!(
            "{title}: its boot loader asks for a password; `boot` opens the menu"
        )));
    }
    if matches!(entry.kind, Kind::Chainload | Kind::Firmware) {
        return Err(Failure::Said(format!(
            "{title}: only the firmware starts it; `boot` opens the menu, which has it do so"
        )));
    }
    let loader = EntryLoader {
        volumes: volumes.to_vec(),
        append: settings.append.clone(),
        firmware: Firmware::of_this_machine(),
        // A person has chosen it.
        nokaslr: true,
        turn: Turn::default(),
        before_jump: firmware::one_shots(Path::new(firmware::VARIABLES)),
        keeps_state: Some(settings.keeps_state),
    };
    loader.load(0, entry).map_err(|error| Failure::Said(format!("{title}: {error}")))
}

fn load_by_hand(kernel: &str, words: &str, initrds: &[String]) -> Result<LoadedKernel, Failure> {
    let open = |word: &str| {
        let file = open_regular(&path(word)).map_err(|error| about(word, &error))?;
        Ok(NamedFile { name: word.to_owned(), file })
    };
    let files = KernelFiles {
        initrds: initrds.iter().map(|word| open(word)).collect::<Result<_, Failure>>()?,
        cmdline: words.to_owned(),
        ..KernelFiles::new(open(kernel)?)
    };
    let said = |error: &dyn std::fmt::Display| Failure::Said(error.to_string());
    check_room(&files).map_err(|error| said(&error))?;
    let mut prepared = prepare(files).map_err(|error| said(&error))?;
    prepared.cmdline = cmdline::complete(&prepared.cmdline, &[], Firmware::of_this_machine());
    kexec::load(prepared, &LoadOptions::default()).map_err(|error| said(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boot::samples::entry, entry::Lock};

    #[test]
    fn a_row_names_number_title_volume_and_id() {
        let plain = entry("debian", "sda2");
        let nested =
            Entry { title: "Recovery".into(), path_in_menu: vec!["Advanced".into()], ..plain.clone() };
        let broken = Entry { problem: Some("no kernel".into()), ..plain.clone() };
        let locked = Entry { lock: Some(Lock::default()), ..plain.clone() };
        for (entry, default, expected) in [
            (&plain, Some("debian"), "*  1  Title of debian  (sda2, debian)"),
            (&nested, None, "   1  Advanced > Recovery  (sda2, debian)"),
            (&broken, None, "   1  Title of debian  (sda2, debian; cannot be booted: no kernel)"),
            (&locked, None, "   1  Title of debian  (sda2, debian; asks for a password)"),
        ] {
            assert_eq!(row(1, entry, default), expected);
        }
    }

    #[test]
    fn a_kernel_is_named_before_its_initrds_and_both_are_there() {
        let directory = tempfile::TempDir::new().unwrap();
        let name = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        for file in ["vmlinuz", "initrd"] {
            std::fs::write(name(file), "x").unwrap();
        }
        let mut shell = Shell::default();
        assert!(initrd(&mut shell, &[name("initrd")]).is_err());
        assert!(linux(&mut shell, &[name("none")]).is_err());
        linux(&mut shell, &[name("vmlinuz"), "root=/dev/sda2".into(), "ro".into()]).unwrap();
        initrd(&mut shell, &[name("initrd")]).unwrap();
        let expected = ByHand {
            kernel: name("vmlinuz"),
            cmdline: "root=/dev/sda2 ro".into(),
            initrds: vec![name("initrd")],
        };
        assert_eq!(shell.by_hand, Some(expected));
        assert_eq!(boot_here(&mut Shell::default(), &[]), Ok(Next::Leave));
    }
}
