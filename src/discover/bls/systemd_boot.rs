//! systemd-boot's menu: which entries it shows, under which titles and in which order, and what it would boot.

use std::{collections::HashMap, env::consts::ARCH};

use super::{EntryFile, device, entries, type2, warning};
use crate::{
    discover::finder::Findings,
    entry::{Entry, FileReference, Format, Kind, Source},
    formats::{
        bls::{Loader, Program, Reading, compare_systemd_boot},
        bzimage, cmdline,
        lookup::{CONFIG_LIMIT, Lookup},
        text,
        uki::Profile,
    },
};

/// EFI's names of the architectures, as entries write them.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("x86_64", "x64"),
    ("x86", "ia32"),
    ("aarch64", "aa64"),
    ("arm", "arm"),
    ("riscv64", "riscv64"),
    ("loongarch64", "loongarch64"),
];

/// Seconds for which systemd-boot shows its menu where there is nothing that it would boot on its own.
const NOTHING_TO_BOOT: u32 = 10;

/// Reads the menu whose loader.conf stands at `home`, with the entries of all `places`; `None` where there is no entry.
pub(super) fn find(
    lookup: &dyn Lookup,
    home: (usize, &str),
    places: &[(usize, &'static str)],
) -> Option<Findings> {
    let mut findings = Findings::default();
    let mut files: Vec<EntryFile> = Vec::new();
    for place in places {
        files.extend(type2::entries(lookup, *place, &mut findings));
        files.extend(entries(lookup, *place, Reading::SystemdBoot, &mut findings));
    }
    files.sort_by(|a, b| compare_systemd_boot((&a.name, &a.entry), (&b.name, &b.entry)));
    let titles = titles(&files);
    let mut names = Vec::new();
    for (file, title) in files.iter().zip(titles) {
        match entry(lookup, file, title) {
            Ok(entry) => {
                // What systemd-boot does not show it cannot choose either.
                if !entry.hidden {
                    names.push(systemd_boot_id(file));
                }
                findings.entries.push(entry);
            }
            Err(message) => findings.warnings.push(warning(lookup, file.volume, &file.path, message)),
        }
    }
    let loader = loader(lookup, home, &mut findings);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut shown = findings.entries.iter().filter(|entry| !entry.hidden);
    let chosen = loader.default_of(&names).and_then(|place| shown.nth(place));
    let chosen = chosen.filter(|entry| entry.problem.is_none());
    let chosen = chosen.or_else(|| findings.entries.iter().find(|entry| entry.problem.is_none()));
    findings.default = chosen.map(|entry| entry.id.clone());
    findings.timeout = loader.seconds();
    if findings.default.is_none() && findings.timeout == Some(0) {
        findings.timeout = Some(NOTHING_TO_BOOT);
    }
    (!findings.entries.is_empty() || !findings.warnings.is_empty()).then_some(findings)
}

fn loader(lookup: &dyn Lookup, (volume, base): (usize, &str), findings: &mut Findings) -> Loader {
    let path = format!("{base}/loader/loader.conf");
    if !lookup.is_file(volume, &path) {
        return Loader::default();
    }
    match lookup.read(volume, &path, CONFIG_LIMIT) {
        Ok(content) => Loader::parse(&text::decode(&content)),
        Err(error) => {
            let message = format!("{error}: default and timeout are lost");
            findings.warnings.push(warning(lookup, volume, &path, message));
            Loader::default()
        }
    }
}

/// Titles, told apart by version, machine and file name as far as they must be.
fn titles(files: &[EntryFile]) -> Vec<String> {
    let mut titles: Vec<String> =
        files.iter().map(|file| file.entry.title.clone().unwrap_or_else(|| systemd_boot_id(file))).collect();
    let differences: [fn(&EntryFile) -> Option<String>; 3] = [
        |file| file.entry.version.clone(),
        |file| file.entry.machine_id.as_ref().map(|id| id.chars().take(8).collect()),
        |file| Some(systemd_boot_id(file)),
    ];
    for difference in differences {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for title in &titles {
            let count = counts.entry(title.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for (title, file) in titles.iter_mut().zip(files) {
            if counts.get(title.as_str()).is_some_and(|&count| count > 1)
                && let Some(difference) = difference(file)
            {
                title.push_str(&format!(" ({difference})"));
            }
        }
    }
    titles
}

/// What follows the name of an image in the name of one of its further profiles.
fn variant(file: &EntryFile) -> String {
    match &file.profile {
        Some(Profile { number, id, .. }) if *number > 0 => {
            format!("@{}", id.clone().unwrap_or_else(|| number.to_string()))
        }
        _ => String::new(),
    }
}

/// The name by which the default is found.
fn systemd_boot_id(file: &EntryFile) -> String {
    file.name.systemd_boot_id() + &variant(file).to_lowercase()
}

/// Makes the entry, or says why systemd-boot drops the file.
fn entry(lookup: &dyn Lookup, file: &EntryFile, title: String) -> Result<Entry, String> {
    let options = file.entry.options.clone().unwrap_or_default();
    let (kind, path) = match &file.entry.program {
        Some(Program::Linux(path)) => (Kind::Linux, path),
        Some(Program::Uki(path)) => (Kind::Uki, path),
        Some(Program::Efi(path)) => (Kind::Chainload, path),
        Some(Program::UkiUrl(url)) => {
            return Err(format!(
                "{url} is an image on the network, which is not fetched: this entry is lost"
            ));
        }
        None => {
            return Err(
                "it has none of linux, efi and uki, or contradicting ones: systemd-boot drops it".into()
            );
        }
    };
    let kernel = file.reference(lookup, path);
    let mut problem = problem(lookup, file, &kernel);
    let mut kind = kind;
    let mut initrds: Vec<FileReference> =
        file.entry.initrds.iter().map(|path| file.reference(lookup, path)).collect();
    let mut cmdline = options;
    if kind == Kind::Uki && file.entry.options.is_none() {
        // Nothing from the loader: the image's own command line counts.
        let profile = file.entry.profile.unwrap_or(0);
        let profiles = type2::profiles(lookup, file.volume, &kernel.path).unwrap_or_default();
        let profile = profiles.into_iter().find(|candidate| candidate.number == profile);
        cmdline = profile.and_then(|profile| profile.cmdline).unwrap_or_default();
    }
    let has_own_parts =
        file.profile.as_ref().is_some_and(|profile| profile.number > 0 && profile.has_own_parts);
    if has_own_parts && problem.is_none() {
        let message =
            "this profile has a kernel, initrd or device tree of its own, which is not loaded".into();
        problem = Some(Problem { hides: false, message });
    }
    if kind == Kind::Chainload && is_linux(lookup, file.volume, &kernel.path) {
        kind = Kind::Linux;
        initrds.clear();
    }
    if kind == Kind::Linux && initrds.is_empty() {
        // The kernel's EFI stub loads what its command line names.
        let words =
            cmdline::words(&cmdline).filter(|word| word.name == "initrd").filter_map(|word| word.value);
        initrds = words.map(|path| file.reference(lookup, path)).collect();
    } else if kind == Kind::Linux {
        cmdline = with_initrds(file, &cmdline);
    }
    let missing = initrds.iter().find(|initrd| !lookup.is_file(file.volume, &initrd.path));
    if let (None, Some(missing)) = (&problem, missing) {
        problem = Some(Problem { hides: false, message: format!("there is no initrd {}", missing.path) });
    }
    Ok(Entry {
        id: format!("{}{}", file.name.id, variant(file)),
        title,
        kind,
        hidden: problem.as_ref().is_some_and(|problem| problem.hides),
        source: Source {
            format: if file.profile.is_some() { Format::Uki } else { Format::Bls },
            volume: device(lookup, file.volume),
            path: file.path.clone(),
            inside: None,
            line: None,
        },
        kernel: Some(kernel),
        initrds,
        cmdline,
        devicetree: file.entry.devicetree.as_ref().map(|path| file.reference(lookup, path)),
        version: file.entry.version.clone(),
        tries_left: file.name.tries_left,
        problem: problem.map(|problem| problem.message),
        ..Entry::default()
    })
}

/// Why an entry cannot be booted.
struct Problem {
    /// systemd-boot does not show it.
    hides: bool,
    message: String,
}

fn problem(lookup: &dyn Lookup, file: &EntryFile, kernel: &FileReference) -> Option<Problem> {
    let own = ARCHITECTURES.iter().find(|(name, _)| *name == ARCH).map_or(ARCH, |(_, name)| name);
    match &file.entry.architecture {
        Some(architecture) if !architecture.eq_ignore_ascii_case(own) => {
            return Some(Problem {
                hides: true,
                message: format!("it is for {architecture}, this is {own}"),
            });
        }
        _ => {}
    }
    (!lookup.is_file(file.volume, &kernel.path))
        .then(|| Problem { hides: true, message: format!("there is no {}", kernel.path) })
}

/// systemd-boot names the initrds on the command line too, as EFI writes paths.
fn with_initrds(file: &EntryFile, options: &str) -> String {
    let mut cmdline = String::new();
    for initrd in &file.entry.initrds {
        let mut path = initrd.replace('/', "\\");
        while path.contains("\\\\") {
            path = path.replace("\\\\", "\\");
        }
        cmdline.push_str(&format!("initrd={path} "));
    }
    // Options that are there but empty leave the blank.
    if file.entry.options.is_none() {
        cmdline.truncate(cmdline.trim_end().len());
    }
    cmdline + options
}

/// Whether an EFI program is a kernel that can be loaded without the firmware.
fn is_linux(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    let head = lookup.read_at(volume, path, 0, bzimage::HEADER_LENGTH);
    head.is_ok_and(|head| bzimage::parse(&head).is_some())
}
