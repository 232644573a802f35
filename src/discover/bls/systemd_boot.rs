//! systemd-boot's menu: which entries it shows, under which titles and in which order, and what it would boot.

use std::env::consts::ARCH;

use super::{
    EntryFile,
    automatic::{self, FIRMWARE_ONLY},
    empty, entries, type2, warning,
};
use crate::{
    discover::{
        finder::{Context, Findings, Note, NoteAction},
        unified::{UnifiedImage, from_host},
    },
    entry::{Companion, Entry, FileReference, Format, Kind, Role, Source, Warning},
    formats::{
        bls::{LoaderConf, Program, Reading, compare_systemd_boot},
        cmdline,
        kernel_file::{HEAD_LENGTH, KernelFile, recognise},
        lookup::{CONFIG_LIMIT, Lookup},
        name_table::NameNumbers,
        sort, text,
        uki::Profile,
    },
};

/// EFI's names of the architectures, as entries write them.
pub(super) const ARCHITECTURES: &[(&str, &str)] = &[
    ("x86_64", "x64"),
    ("x86", "ia32"),
    ("aarch64", "aa64"),
    ("arm", "arm"),
    ("riscv64", "riscv64"),
    ("loongarch64", "loongarch64"),
];

/// Seconds for which systemd-boot shows its menu where there is nothing that it would boot on its own.
const NOTHING_TO_BOOT: u32 = 10;

/// Reads the menu whose loader.conf is at `home`, with the entries of all `places`; `None` where there is no entry.
pub(super) fn find(
    lookup: &dyn Lookup,
    context: &Context,
    home: (usize, &str),
    places: &[(usize, &'static str)],
) -> Option<Findings> {
    let mut findings = Findings::default();
    let mut files: Vec<EntryFile> = Vec::new();
    for place in places {
        files.extend(type2::entries(lookup, *place, &mut findings));
        files.extend(entries(lookup, *place, Reading::SystemdBoot, &mut findings));
    }
    sort::by(&mut files, |a, b| compare_systemd_boot((&a.name, &a.entry), (&b.name, &b.entry)));
    // systemd-boot cannot choose an entry that it does not show.
    let mut shown: Vec<Shown> = Vec::new();
    for file in &files {
        match entry(lookup, context, file, &mut findings.warnings) {
            Ok(entry) => {
                if !entry.hidden {
                    shown.push(Shown::of(findings.entries.len(), &entry, Some(file)));
                }
                findings.entries.push(entry);
            }
            Err(message) => findings.warnings.push(warning(lookup, file.volume, &file.path, message)),
        }
    }
    let is_menu = !findings.entries.is_empty();
    let loader = loader(lookup, home, &mut findings);
    if is_menu && !loader.no_automatic_entries {
        for entry in automatic::entries(lookup, home) {
            shown.push(Shown::of(findings.entries.len(), &entry, None));
            findings.entries.push(entry);
        }
    }
    make_titles_unique(&shown, &mut findings.entries);
    let has_failed = |place: usize| findings.entries.get(place).is_some_and(|it| it.tries_left == Some(0));
    let candidates: Vec<_> = shown.iter().map(|it| (it.name.as_str(), has_failed(it.place))).collect();
    let chosen = loader.choice(&context.loader, &candidates).and_then(|place| shown.get(place));
    // It chooses none of those by itself that it makes by itself (src/boot/boot.c, `LOADER_TYPE_MAY_AUTO_SELECT`). What it
    // chooses is its default, be it for the firmware alone to start.
    let chosen = chosen.or_else(|| shown.iter().find(|it| !it.is_automatic));
    findings.default = chosen.and_then(|it| findings.entries.get(it.place)).map(|entry| entry.id.clone());
    findings.timeout = loader.seconds(&context.loader);
    if findings.default.is_none() && findings.timeout == Some(0) {
        findings.timeout = Some(NOTHING_TO_BOOT);
    }
    for (volume, base) in places.iter().filter(|_| !is_menu) {
        findings.notes.extend(empty(lookup, *volume, base));
    }
    (is_menu || !(findings.warnings.is_empty() && findings.notes.is_empty())).then_some(findings)
}

fn loader(lookup: &dyn Lookup, (volume, base): (usize, &str), findings: &mut Findings) -> LoaderConf {
    let path = format!("{base}/loader/loader.conf");
    if !lookup.is_file(volume, &path) {
        return LoaderConf::default();
    }
    match lookup.read(volume, &path, CONFIG_LIMIT) {
        Ok(content) => {
            findings.notes.push(Note {
                action: NoteAction::Used,
                volume: lookup.volume_reference(volume),
                path,
                message: "systemd-boot's settings".into(),
            });
            LoaderConf::parse(&text::decode(&content))
        }
        Err(error) => {
            let message = format!("{error}: default and timeout are lost");
            findings.warnings.push(warning(lookup, volume, &path, message));
            LoaderConf::default()
        }
    }
}

/// An entry that the menu shows.
struct Shown {
    /// Its place among all entries.
    place: usize,
    /// The name by which the default is found.
    name: String,
    version: Option<String>,
    machine_id: Option<String>,
    is_automatic: bool,
}

impl Shown {
    fn of(place: usize, entry: &Entry, file: Option<&EntryFile>) -> Self {
        Self {
            place,
            name: file.map_or_else(|| entry.id.clone(), systemd_boot_id),
            version: file.and_then(|file| file.entry.version.clone()),
            machine_id: file.and_then(|file| file.entry.machine_id.clone()),
            is_automatic: file.is_none(),
        }
    }
}

/// Makes titles different by version, machine and name as far as they must be: of the entries that are in the menu, those that it
/// makes by itself among them, and no others (systemd, src/boot/boot.c: `config_load_all_entries` drops what is not shown and adds
/// the others, and then comes `generate_boot_entry_titles`).
fn make_titles_unique(shown: &[Shown], entries: &mut [Entry]) {
    let differences: [fn(&Shown) -> Option<String>; 3] = [
        |it| it.version.clone(),
        |it| it.machine_id.as_ref().map(|id| id.chars().take(8).collect()),
        |it| Some(it.name.clone()),
    ];
    for difference in differences {
        let titles = shown.iter().filter_map(|it| entries.get(it.place)).map(|entry| entry.title.clone());
        let counts: NameNumbers = titles.collect();
        for it in shown {
            let entry = entries.get_mut(it.place);
            let entry = entry.filter(|entry| counts.get(&entry.title).is_some_and(|count| count > 1));
            if let (Some(entry), Some(difference)) = (entry, difference(it)) {
                entry.title.push_str(&format!(" ({difference})"));
            }
        }
    }
}

/// The text after an image's name in the name of one of its further profiles.
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
    file.name.systemd_boot_id() + &variant(file).to_ascii_lowercase()
}

/// Makes the entry, or says why systemd-boot drops the file.
fn entry(
    lookup: &dyn Lookup,
    context: &Context,
    file: &EntryFile,
    warnings: &mut Vec<Warning>,
) -> Result<Entry, String> {
    let source = Source {
        format: if file.profile.is_some() { Format::Uki } else { Format::Bls },
        volume: lookup.volume_reference(file.volume),
        path: file.path.clone(),
        inside: None,
        line: None,
    };
    let mut entry = Entry {
        title: file.entry.title.clone().unwrap_or_else(|| systemd_boot_id(file)),
        cmdline: file.entry.options.clone().unwrap_or_default(),
        version: file.entry.version.clone(),
        tries_left: file.name.tries_left,
        ..Entry::new(format!("{}{}", file.name.id, variant(file)), source)
    };
    let (kind, path) = match &file.entry.program {
        Some(Program::Linux(path)) => (Kind::Linux, path),
        Some(Program::Uki(path)) => (Kind::Uki, path),
        Some(Program::Efi(path)) => (Kind::Chainload, path),
        Some(Program::UkiUrl(url)) => {
            let problem = format!("{url} is an image on the network; download it to EFI/Linux to boot it");
            return Ok(Entry { kind: Kind::Uki, problem: Some(problem), ..entry });
        }
        None => {
            return Err(
                "it has none of linux, efi and uki, or contradicting ones: systemd-boot drops it".into()
            );
        }
    };
    let kernel = file.reference(lookup, path);
    let problem = problem(lookup, file, &kernel);
    (entry.kind, entry.hidden) = (kind, problem.is_some());
    entry.problem = problem;
    // Nobody has signed a device tree.
    entry.devicetree = file
        .entry
        .devicetree
        .as_ref()
        .filter(|_| !context.secure_boot)
        .map(|path| file.reference(lookup, path));
    entry.unified.profile = file.entry.profile.unwrap_or(0);
    if kind == Kind::Linux && !file.entry.initrds.is_empty() {
        entry.initrds = file.entry.initrds.iter().map(|path| file.reference(lookup, path)).collect();
        entry.cmdline = with_initrds(file);
    }
    entry.unified.companions =
        file.entry.extras.iter().filter_map(|path| extra(file.reference(lookup, path))).collect();
    let image = UnifiedImage { lookup, volume: file.volume, base: file.base, path: &kernel.path };
    // Kernels are not read to be listed: an image among them shows in its name.
    let may_be_image = kind != Kind::Linux || kernel.path.to_ascii_lowercase().ends_with(".efi");
    let is_image = may_be_image && image.complete(context, &mut entry, warnings);
    match entry.kind {
        Kind::Chainload if is_linux(lookup, file.volume, &kernel.path) => entry.kind = Kind::Linux,
        Kind::Chainload => entry.problem = entry.problem.or_else(|| Some(FIRMWARE_ONLY.into())),
        Kind::Uki if entry.problem.is_none() && !is_image => {
            entry.problem = Some(format!("{} is no unified kernel image", kernel.path));
        }
        _ => {}
    }
    if let (Kind::Linux, Some(Program::Linux(_)), Some(words)) =
        (entry.kind, &file.entry.program, from_host(context, "io.systemd.boot.kernel-cmdline-extra="))
    {
        let space = if entry.cmdline.is_empty() { "" } else { " " };
        entry.cmdline = format!("{}{space}{words}", entry.cmdline);
    }
    if entry.kind == Kind::Linux && entry.initrds.is_empty() {
        // The kernel's EFI stub loads what its command line names.
        let words =
            cmdline::words(&entry.cmdline).filter(|word| word.name == "initrd").filter_map(|word| word.value);
        entry.initrds = words.map(|path| file.reference(lookup, path)).collect();
    }
    let companions = entry.unified.companions.iter().map(|companion| &companion.file);
    let missing =
        entry.initrds.iter().chain(companions).find(|part| !lookup.is_file(file.volume, &part.path));
    if let (None, Some(missing)) = (&entry.problem, missing) {
        entry.problem = Some(format!("there is no {}", missing.path));
    }
    entry.kernel.get_or_insert(kernel);
    Ok(entry)
}

/// `extra`: what it is for shows in its name.
fn extra(file: FileReference) -> Option<Companion> {
    let suffixes = [
        (".cred", Role::Credential),
        (".sysext.raw", Role::SystemExtension),
        (".confext.raw", Role::ConfigurationExtension),
    ];
    let role = suffixes.into_iter().find(|(suffix, _)| file.path.ends_with(suffix))?.1;
    Some(Companion { role, file })
}

/// Why systemd-boot does not show an entry.
fn problem(lookup: &dyn Lookup, file: &EntryFile, kernel: &FileReference) -> Option<String> {
    let own = ARCHITECTURES.iter().find(|(name, _)| *name == ARCH).map_or(ARCH, |(_, name)| name);
    match &file.entry.architecture {
        Some(architecture) if !architecture.eq_ignore_ascii_case(own) => {
            Some(format!("it is for {architecture}, this is {own}"))
        }
        _ if !lookup.is_file(file.volume, &kernel.path) => Some(format!("there is no {}", kernel.path)),
        _ => None,
    }
}

/// systemd-boot names the initrds on the command line too, as EFI writes paths.
fn with_initrds(file: &EntryFile) -> String {
    let mut words: Vec<String> = Vec::new();
    for initrd in &file.entry.initrds {
        let mut path = initrd.replace('/', "\\");
        while path.contains("\\\\") {
            path = path.replace("\\\\", "\\");
        }
        words.push(format!("initrd={path}"));
    }
    // Options that are there but empty leave the space.
    words.extend(file.entry.options.clone());
    words.join(" ")
}

/// Whether an EFI program is a kernel that can be loaded without the firmware.
fn is_linux(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    let size = lookup.status(volume, path, true).map_or(0, |status| status.size);
    let head = lookup.read_at(volume, path, 0, HEAD_LENGTH).unwrap_or_default();
    let is_kernel = |file: &KernelFile| {
        matches!(file, KernelFile::Bzimage(_) | KernelFile::Image(_) | KernelFile::EfiZboot(_))
    };
    recognise(&head, size).as_ref().is_some_and(is_kernel)
}
