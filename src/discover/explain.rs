//! The searches of each volume and their results: as data for `--json`, as text for people.

use serde::Serialize;

use super::{
    finder::{Context, Findings, Note, NoteAction},
    merge::{Found, merge},
    owner::{StartedProgram, owners, unknown_first},
};
use crate::{
    entry::{
        Discovery, Entry, FileReference, Filesystem, FilesystemKind, Format, LogState, Volume,
        VolumeReference,
    },
    formats::{
        name_table::{NameNumbers, NameTable},
        text::printable,
    },
};

/// The reason where no finder found its loader's configuration.
pub const NO_CONFIGURATION: &str = match cfg!(feature = "other-loaders") {
    true => "no boot configuration",
    false => {
        "no boot configuration of GRUB, systemd-boot or SYSLINUX (this firstlight was built without other loaders)"
    }
};

/// The entries of a set of volumes, and how they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The entries.
    pub discovery: Discovery,
    /// How it came about: one report for each volume, in the order of search.
    pub volumes: Vec<Report>,
    /// Image files that have to be mounted to be read.
    #[serde(skip)]
    pub images: Vec<FileReference>,
    /// What could not be done to confine the process that searched.
    #[serde(skip)]
    pub unconfined: Option<String>,
}

/// The result of one finder's search of one volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The family has no configuration there.
    Nothing,
    /// There is a configuration, and no entry in it.
    Empty,
    /// It led to entries.
    Entries {
        /// How many.
        count: usize,
        /// How many of them another way had led to already.
        repeated: usize,
    },
    /// The search ended badly and its results are lost.
    Died {
        /// How it ended.
        reason: String,
    },
}

/// One finder's search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Search {
    /// The format that was searched; `None` for all at once.
    pub format: Option<Format>,
    /// The result.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The report on one volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub volume: VolumeReference,
    pub filesystem: Filesystem,
    /// Whether what waits in the file system's log was taken into account.
    pub log: LogState,
    /// What a person should know about how it is read.
    pub remarks: Vec<String>,
    /// Every finder's search, in their order.
    pub searches: Vec<Search>,
    /// The files that were used, guessed from and passed over.
    pub notes: Vec<Note>,
}

/// Maximum number of files of one finder that are named as used.
const USED_LIMIT: usize = 256;

/// Notes each file that entries are written in, unless the finder has noted it itself.
pub(super) fn note_used(findings: &mut Findings) {
    let name = |volume: &VolumeReference, path: &str| [&*volume.name, path].join("\0");
    let used = findings.notes.iter().filter(|note| note.action != NoteAction::PassedOver);
    let known: NameNumbers = used.map(|note| name(&note.volume, &note.path)).collect();
    // The first entry of each file, and how many there are.
    let mut files: NameTable<(&Entry, usize)> = NameTable::default();
    for entry in &findings.entries {
        let name = name(&entry.source.volume, &entry.source.full_path());
        match files.get_mut(&name) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => files.insert(name, (entry, 1)),
        }
    }
    let notes = files.values().iter().filter_map(|(entry, count)| {
        let (volume, path) = (entry.source.volume.clone(), entry.source.full_path());
        let message = format!("{}: {}", entry.source.format.title(), entries(*count));
        let is_new = !known.contains(&name(&volume, &path));
        is_new.then_some(Note { action: NoteAction::Used, volume, path, message })
    });
    let notes = notes.take(USED_LIMIT);
    let notes: Vec<Note> = notes.collect();
    findings.notes.extend(notes);
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// Merges what was found and tells for each volume what came of it. `programs` are those that the firmware starts, in its
/// order.
pub(super) fn report(
    volumes: &[Volume],
    context: &Context,
    mut found: Vec<Found>,
    programs: &[StartedProgram],
) -> Survey {
    let mut reports: Vec<Report> = volumes.iter().map(Report::new).collect();
    let searches: Vec<_> = found.iter().map(|found| (found.volume, found.format, outcome(found))).collect();
    for found in &mut found {
        if let (Some(report), Some(findings)) = (reports.get_mut(found.volume), &mut found.findings) {
            report.notes.append(&mut findings.notes);
        }
    }
    for program in unknown_first(programs) {
        let title = context.boot_options.get(program.turn).map_or("", |option| &option.description);
        if let Some(report) = reports.get_mut(program.volume) {
            report.notes.push(Note {
                action: NoteAction::PassedOver,
                volume: report.volume.clone(),
                path: program.path.clone(),
                message: format!(
                    "the firmware starts this program first (“{title}”): a loader whose entries are not read here"
                ),
            });
        }
    }
    let owners = owners(programs);
    for owner in &owners {
        if let Some(report) = reports.get_mut(owner.volume) {
            report.notes.push(Note {
                action: NoteAction::Used,
                volume: report.volume.clone(),
                path: owner.program.clone(),
                message: format!("the firmware starts this program ({})", owner.format.title()),
            });
        }
    }
    let merged = merge(volumes, found, &owners);
    for ((volume, format, mut outcome), again) in searches.into_iter().zip(merged.repeated) {
        if let Outcome::Entries { repeated, .. } = &mut outcome {
            *repeated = again;
        }
        if let Some(report) = reports.get_mut(volume) {
            report.searches.push(Search { format: Some(format), outcome });
        }
    }
    Survey { discovery: merged.discovery, volumes: reports, images: Vec::new(), unconfined: None }
}

fn outcome(found: &Found) -> Outcome {
    match &found.findings {
        None => Outcome::Nothing,
        Some(findings) if !findings.entries.is_empty() => {
            Outcome::Entries { count: findings.entries.len(), repeated: 0 }
        }
        // Without a configuration there is none that could be empty.
        Some(_) if found.format == Format::Scan => Outcome::Nothing,
        Some(_) => Outcome::Empty,
    }
}

impl Report {
    /// A report with nothing in it yet.
    #[must_use]
    pub fn new(volume: &Volume) -> Self {
        Self {
            volume: volume.reference(),
            filesystem: volume.filesystem.clone(),
            log: volume.log,
            remarks: volume.remarks.clone(),
            searches: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// One line fit for a terminal: `sda2: ext4 "root", no boot configuration, no kernel by name`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = match self.filesystem.kind {
            FilesystemKind::Unknown => format!("{}: a directory", printable(&self.volume.name)),
            kind => format!("{}: {kind}", printable(&self.volume.name)),
        };
        if let Some(label) = &self.filesystem.label {
            line.push_str(&format!(" \"{}\"", printable(label)));
        }
        let nothing =
            |search: &Search| search.format != Some(Format::Scan) && search.outcome == Outcome::Nothing;
        if self.searches.iter().all(|search| nothing(search) || search.format == Some(Format::Scan)) {
            line.push_str(", ");
            line.push_str(NO_CONFIGURATION);
        }
        let is_found = self.searches.iter().any(|search| matches!(search.outcome, Outcome::Entries { .. }));
        let is_shown =
            |search: &&Search| !(nothing(search) || is_found && search.outcome == Outcome::Nothing);
        for search in self.searches.iter().filter(is_shown) {
            line.push_str(&search.text());
        }
        line
    }

    /// The summary, and below it each note: all fit for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.summary();
        text.push('\n');
        if self.log == LogState::Replayed {
            text.push_str("  its log was replayed in memory; the disk is as it was\n");
        }
        for remark in &self.remarks {
            text.push_str(&format!("  {}\n", printable(remark)));
        }
        for note in &self.notes {
            let action = match note.action {
                NoteAction::Used => "used",
                NoteAction::Guessed => "guessed from",
                NoteAction::PassedOver => "passed over",
            };
            let place = match note.volume == self.volume {
                true => printable(&note.path),
                false => format!("{}:{}", printable(&note.volume.name), printable(&note.path)),
            };
            text.push_str(&format!("  {action} {place}: {}\n", printable(&note.message)));
        }
        text
    }
}

impl Search {
    /// A clause of the summary.
    fn text(&self) -> String {
        let what = self.format.map_or("search", Format::title);
        match &self.outcome {
            Outcome::Nothing => ", no kernel in /, /boot or another usual place".into(),
            Outcome::Empty => format!(", {what}: no entry in it"),
            Outcome::Entries { count, repeated } => {
                format!(", {what}: {}{}", entries(*count), known(*count, *repeated))
            }
            Outcome::Died { reason } => format!(", {what} lost: {}", printable(reason)),
        }
    }
}

fn known(count: usize, repeated: usize) -> String {
    match repeated {
        0 => String::new(),
        _ if repeated == count => " (found another way already)".into(),
        _ => format!(" ({repeated} found another way already)"),
    }
}
