//! The settings: /etc/firstlight.conf, overridden by a file on a volume that it names, and that by `firstlight.key=value` words of
//! the kernel command line.
//!
//! One `key = value` a line, `#` begins a comment line, a repeated key makes a list. docs/config.md holds the same table
//! of keys as [`KEYS`].

mod keys;
pub mod texts;

use log::LevelFilter;

use self::keys::{IMAGE_ONLY, KEYS, Setting, Store};
use super::{nearest::nearest, passwords::OwnPassword};
use crate::{entry::TimeoutStyle, formats::volume_name::VolumeName};

/// The file of settings in the image.
pub const IN_IMAGE: &str = "/etc/firstlight.conf";

/// The file of settings on the volume that `settings-on` names.
pub const ON_VOLUME: &str = "/EFI/firstlight/firstlight.conf";

/// The key whose value is shown to nobody.
const PASSWORD: &str = "password";

/// Maximum number of messages: a file that is no configuration gives one for each line.
const MESSAGE_LIMIT: usize = 32;

/// The time for which the default waits for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    Seconds(u32),
    /// Until a person chooses.
    Person,
}

/// The choice of the entry that boots on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultChoice {
    /// Those that this pattern names.
    Named(String),
    /// The one that GRUB has saved as its default, of the configuration that decides.
    Saved,
    /// The one with the highest version.
    Newest,
}

/// The action when nothing could be booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterFailure {
    /// The menu stays, and a device that appears later is used.
    #[default]
    Menu,
    /// The machine restarts through its firmware.
    Reboot,
    /// The machine powers off.
    PowerOff,
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The time for which the default waits for a key; `None`: as the configuration on the disk says.
    pub timeout: Option<Timeout>,
    /// The appearance of the countdown; `None`: the menu if `timeout` is set, else as the configuration on the disk says.
    pub timeout_style: Option<TimeoutStyle>,
    /// The entry that boots on its own, before what the disks' configurations say.
    pub default: Option<DefaultChoice>,
    /// Patterns of the entries that alone may boot on their own; none: all.
    pub only: Vec<String>,
    /// Patterns of entries that never boot on their own.
    pub never: Vec<String>,
    /// The volume whose file of settings overrides the image's.
    pub settings_on: Option<VolumeName>,
    /// Volumes that must be there before anything boots on its own.
    pub wait: Vec<VolumeName>,
    /// Seconds after the first volume is found in which all devices of the start are probed and searched; what takes longer is
    /// not waited for.
    pub survey_deadline: u32,
    /// Volumes and disks in the order in which their defaults are tried, before all others.
    pub order: Vec<VolumeName>,
    /// Name of the build of GRUB that reads every configuration; `None`: as the system around each says.
    pub grub_flavour: Option<String>,
    /// Words appended to every kernel command line.
    pub append: Vec<String>,
    /// Patterns of entries, and words appended to the command lines of these.
    pub append_for: Vec<(String, String)>,
    /// Patterns of words that are taken from every command line.
    pub remove: Vec<String>,
    /// `nokaslr` may be added to a command line where the next kernel would reset the machine without it.
    pub nokaslr: bool,
    /// Directories, files and patterns of files that are images of live media, on any volume.
    pub iso: Vec<String>,
    /// What the boot loaders themselves would write for their entries is written: GRUB's environment, boot counters.
    pub keeps_state: bool,
    /// The machine's own password, without which a person can do nothing but boot the default.
    pub password: Option<OwnPassword>,
    /// How often everything is tried again when nothing could be booted.
    pub retries: u32,
    /// The action when nothing could be booted then either.
    pub after_failure: AfterFailure,
    /// Seconds before that, in which a key stops it.
    pub failure_delay: u32,
    /// Messages of this level and above are logged.
    pub log_level: LevelFilter,
    /// Print when each stage was reached before the jump.
    pub timing: bool,
    /// Seconds in which the hardware watchdog must be petted; `None` leaves it alone.
    pub watchdog: Option<u32>,
    /// The watchdog runs on over the jump, so that it also guards the next kernel's start; otherwise it is stopped.
    pub watchdog_over_jump: bool,
    /// Deaths of the worker after which it is not started again.
    pub worker_deaths: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: None,
            timeout_style: None,
            default: None,
            only: Vec::new(),
            never: Vec::new(),
            settings_on: None,
            wait: Vec::new(),
            survey_deadline: 10,
            order: Vec::new(),
            grub_flavour: None,
            append: Vec::new(),
            append_for: Vec::new(),
            remove: Vec::new(),
            nokaslr: false,
            iso: Vec::new(),
            keeps_state: true,
            password: None,
            retries: 0,
            after_failure: AfterFailure::Menu,
            failure_delay: 10,
            log_level: LevelFilter::Info,
            timing: false,
            watchdog: None,
            watchdog_over_jump: false,
            worker_deaths: 3,
        }
    }
}

impl Settings {
    /// Reads the settings out of the configuration file's text and the kernel command line. A value that cannot be read
    /// is left as it was, and a message says where and why.
    #[must_use]
    pub fn parse(config: &str, cmdline: &str) -> (Self, Vec<String>) {
        let (settings, _, messages) = Self::trace(&[(IN_IMAGE, config)], cmdline);
        (settings, messages)
    }

    /// The same, with the file of a volume between the two; `name` is what messages call it. Messages are of that file alone.
    #[must_use]
    pub fn parse_with_volume(
        config: &str,
        name: &str,
        on_volume: &str,
        cmdline: &str,
    ) -> (Self, Vec<String>) {
        let (settings, _, mut messages) = Self::trace(&[(IN_IMAGE, config), (name, on_volume)], cmdline);
        messages.retain(|message| message.starts_with(name));
        (settings, messages)
    }

    /// Every key with the values that count and their origin, and the messages of [`Settings::parse`] for a file of this name.
    #[must_use]
    pub fn explain(name: &str, config: &str, cmdline: &str) -> (Vec<Effective>, Vec<String>) {
        let (_, counting, messages) = Self::trace(&[(name, config)], cmdline);
        let effective = |key: &'static Setting| {
            let own: Vec<&Statement> =
                counting.iter().filter(|statement| statement.name == key.name).collect();
            Effective {
                key: key.name,
                values: own
                    .iter()
                    .map(|statement| match key.name {
                        PASSWORD => "(a hash)".to_owned(),
                        _ => statement.value.clone(),
                    })
                    .collect(),
                origins: own.iter().map(|statement| statement.place.clone()).collect(),
                default: key.default,
            }
        };
        (KEYS.iter().map(effective).collect(), messages)
    }

    /// The settings, the statements that count, and a message for each of the others. `files` are the image's and then that of a
    /// volume, each with its name.
    fn trace(files: &[(&str, &str)], cmdline: &str) -> (Self, Vec<Statement>, Vec<String>) {
        let mut settings = Self::default();
        let mut counting: Vec<Statement> = Vec::new();
        let mut messages = Vec::new();
        let mut replaced: Vec<(&str, usize)> = Vec::new();
        let of_files = files.iter().enumerate().flat_map(|(source, (name, text))| lines(name, text, source));
        for statement in of_files.chain(kernel_words(cmdline, files.len()).map(Ok)) {
            let statement = match statement {
                Ok(statement) => statement,
                Err(message) => {
                    messages.push(message);
                    continue;
                }
            };
            let source = statement.source;
            if source > 0
                && let Some(Setting { name, kind: Store::List { empty, .. }, .. }) = key(&statement.name)
                && !replaced.contains(&(name, source))
            {
                empty(&mut settings);
                counting.retain(|other| other.name != *name);
                replaced.push((name, source));
            }
            // To search the nearest key for each costs more than anyone will read.
            if messages.len() > MESSAGE_LIMIT && key(&statement.name).is_none() {
                continue;
            }
            let is_set = if source > 0 && source < files.len() && IMAGE_ONLY.contains(&&*statement.name) {
                Err(Mistake::Key(format!("`{}` counts in the image's own settings only", statement.name)))
            } else {
                settings.set(&statement.name, &statement.value)
            };
            match is_set {
                Err(mistake) => {
                    let (Mistake::Key(message) | Mistake::Value(message)) = &mistake;
                    let (key, value) = statement.columns;
                    let column = if matches!(mistake, Mistake::Key(_)) { key } else { value };
                    let column = column.map_or_else(String::new, |column| format!(":{column}"));
                    messages.push(format!("{}{column}: {message}", statement.place));
                }
                Ok(()) => counting.push(statement),
            }
        }
        // Of a key with one value, the last counts.
        let mut seen: Vec<&str> = Vec::new();
        counting.reverse();
        counting.retain(|statement| match key(&statement.name) {
            Some(Setting { name, kind: Store::One(_), .. }) => {
                let is_last = !seen.contains(name);
                seen.extend(is_last.then_some(name));
                is_last
            }
            _ => true,
        });
        counting.reverse();
        if messages.len() > MESSAGE_LIMIT {
            messages.truncate(MESSAGE_LIMIT);
            messages.push("there are more mistakes in the settings".to_owned());
        }
        (settings, counting, messages)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Mistake> {
        let key = key(name).ok_or_else(|| {
            Mistake::Key(match nearest(name, KEYS.iter().map(|key| key.name)) {
                Some(nearest) => format!("unknown key `{name}`; did you mean `{nearest}`?"),
                None => format!("unknown key `{name}`"),
            })
        })?;
        let (Store::One(store) | Store::List { add: store, .. }) = key.kind;
        store(self, value).ok_or_else(|| {
            Mistake::Value(match name {
                // It may be the password itself.
                PASSWORD => format!("`{name}` takes {}", key.takes),
                _ => format!("`{name}` takes {}, not `{value}`", key.takes),
            })
        })
    }
}

/// What is wrong with a statement, as a message.
enum Mistake {
    Key(String),
    Value(String),
}

/// The values that apply for one key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Effective {
    pub key: &'static str,
    /// The values as they were written; none if nothing was set.
    pub values: Vec<String>,
    /// The origin of each value.
    pub origins: Vec<String>,
    /// The value that applies if nothing was set, in words.
    pub default: &'static str,
}

/// A key with a value, as it was written.
struct Statement {
    place: String,
    /// The columns of key and value in their line, from 1; a word of the command line is its own place.
    columns: (Option<usize>, Option<usize>),
    name: String,
    value: String,
    /// The turn of the file, or of the command line after all files.
    source: usize,
}

fn lines(file: &str, text: &str, source: usize) -> impl Iterator<Item = Result<Statement, String>> {
    let lines = text.lines().zip(1_usize..).map(|(whole, number)| (whole, whole.trim(), number));
    lines.filter(|(_, line, _)| !line.is_empty() && !line.starts_with('#')).map(
        move |(whole, line, number)| {
            let place = format!("{file}:{number}");
            // A part of the line begins after as many bytes as it is shorter than what it ends.
            let column = |rest: &str| {
                let before = whole.get(..whole.len().saturating_sub(rest.trim_start().len()));
                before.map(|before| before.chars().count().saturating_add(1))
            };
            let key = column(whole);
            let Some((name, value)) = whole.split_once('=') else {
                let column = key.unwrap_or(1);
                return Err(format!("{place}:{column}: `{line}` is not of the form key = value"));
            };
            let columns = (key, column(value));
            let value = unquoted(value.trim()).to_owned();
            Ok(Statement { place, columns, name: name.trim().to_owned(), value, source })
        },
    )
}

fn kernel_words(cmdline: &str, source: usize) -> impl Iterator<Item = Statement> {
    words(cmdline).into_iter().filter_map(move |word| {
        let word = word.strip_prefix("firstlight.")?;
        let (name, value) = word.split_once('=').unwrap_or((word, "yes"));
        Some(Statement {
            place: "kernel command line".to_owned(),
            columns: (None, None),
            // The kernel takes `-` and `_` in a parameter's name for the same.
            name: name.replace('_', "-"),
            value: value.to_owned(),
            source,
        })
    })
}

fn key(name: &str) -> Option<&'static Setting> {
    KEYS.iter().find(|key| key.name == name)
}

/// A value without the double quotes around it.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Words of a kernel command line: double quotes keep spaces together and are dropped (as the kernel's `next_arg` has
/// it, there is no other quoting).
fn words(cmdline: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in cmdline.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if character.is_ascii_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_file_is_read_line_by_line() {
        let config = "# comment\n\ntimeout = 5\ntimeout-style = hidden\n default=\"Debian GNU/Linux\"\nonly = debian*\nnever = *-rescue\nsettings-on = LABEL=ESP\nwait = UUID=0a1b\nwait = LABEL=my disk\n\
                      survey-deadline = 20\norder = usb\nappend = quiet splash\nappend-for = a: b: c d\nremove = console=*\nnokaslr = yes\niso = /srv/*.img\nstate = never\npassword = $argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA\ngrub-flavour = suse\nafter-failure = reboot 30\nlog-level = debug\ntiming = yes\n\
                      watchdog = 60\nwatchdog-over-jump = yes\nworker-deaths = 5\nretries = 2\n";
        let expected = Settings {
            timeout: Some(Timeout::Seconds(5)),
            timeout_style: Some(TimeoutStyle::Hidden),
            default: Some(DefaultChoice::Named("Debian GNU/Linux".into())),
            only: vec!["debian*".into()],
            never: vec!["*-rescue".into()],
            settings_on: Some(VolumeName::Label("ESP".into())),
            wait: vec![VolumeName::Uuid("0a1b".into()), VolumeName::Label("my disk".into())],
            survey_deadline: 20,
            order: vec![VolumeName::Transport(crate::entry::Transport::Usb)],
            grub_flavour: Some("suse".into()),
            append: vec!["quiet splash".into()],
            append_for: vec![("a: b".into(), "c d".into())],
            remove: vec!["console=*".into()],
            nokaslr: true,
            iso: vec!["/srv/*.img".into()],
            keeps_state: false,
            password: OwnPassword::parse("$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"),
            after_failure: AfterFailure::Reboot,
            failure_delay: 30,
            log_level: LevelFilter::Debug,
            timing: true,
            watchdog: Some(60),
            watchdog_over_jump: true,
            worker_deaths: 5,
            retries: 2,
        };
        assert_eq!(Settings::parse(config, ""), (expected, vec![]));
    }

    #[test]
    fn the_command_line_overrides_the_file_and_replaces_its_lists() {
        let config = "timeout = 5\nappend = a\nappend = b\norder = sda\n";
        let cmdline = "quiet firstlight.timeout=menu firstlight.append=\"c d\" \"firstlight.append=e f\" \
                       firstlight.after_failure=poweroff firstlight.timing root=/dev/sda1\n";
        let expected = Settings {
            timeout: Some(Timeout::Person),
            append: vec!["c d".into(), "e f".into()],
            order: vec![VolumeName::Device("sda".into())],
            after_failure: AfterFailure::PowerOff,
            timing: true,
            ..Settings::default()
        };
        assert_eq!(Settings::parse(config, cmdline), (expected, vec![]));
    }

    #[test]
    fn a_volumes_file_stands_between_the_images_and_the_command_line() {
        let image =
            "timeout = 5\ndefault = a\nappend = x\nappend = y\norder = sda\nnever = n\npassword = no\n";
        let on_volume = "timeout = 7\nappend = z\nnever = m\nnever = o\nwatchdog = 60\n settings-on = LABEL=x\ntimeuot = 1\n";
        let expected = Settings {
            timeout: Some(Timeout::Seconds(7)),
            default: Some(DefaultChoice::Named("b".into())),
            append: vec!["z".into()],
            order: vec![VolumeName::Device("sda".into())],
            never: vec!["w".into()],
            ..Settings::default()
        };
        let messages = [
            "sda1:/f.conf:5:1: `watchdog` counts in the image's own settings only",
            "sda1:/f.conf:6:2: `settings-on` counts in the image's own settings only",
            "sda1:/f.conf:7:1: unknown key `timeuot`; did you mean `timeout`?",
        ];
        assert_eq!(
            Settings::parse_with_volume(
                image,
                "sda1:/f.conf",
                on_volume,
                "firstlight.default=b firstlight.never=w"
            ),
            (expected, messages.map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn a_wrong_statement_is_reported_with_its_place_and_changes_nothing() {
        let cases = [
            ("timeuot = 5", "", "/etc/firstlight.conf:1:1: unknown key `timeuot`; did you mean `timeout`?"),
            (
                "\n\n  watch-dog = 5",
                "",
                "/etc/firstlight.conf:3:3: unknown key `watch-dog`; did you mean `watchdog`?",
            ),
            ("colour = red", "", "/etc/firstlight.conf:1:1: unknown key `colour`"),
            ("timeout", "", "/etc/firstlight.conf:1:1: `timeout` is not of the form key = value"),
            (
                "timeout = soon",
                "",
                "/etc/firstlight.conf:1:11: `timeout` takes a number of seconds, or menu, not `soon`",
            ),
            (
                "timeout = 4294967296",
                "",
                "/etc/firstlight.conf:1:11: `timeout` takes a number of seconds, or menu, not `4294967296`",
            ),
            (
                "default =",
                "",
                "/etc/firstlight.conf:1:10: `default` takes saved, newest, or an entry's id or title, in which * and ? stand for others, not ``",
            ),
            (
                "after-failure = reboot soon",
                "",
                "/etc/firstlight.conf:1:17: `after-failure` takes menu, reboot or poweroff, the last two also with seconds after them, not `reboot soon`",
            ),
            (
                "password = secret",
                "",
                "/etc/firstlight.conf:1:12: `password` takes what `firstlight config password` prints: $argon2id$v=19$…, with at most 256 MiB",
            ),
            (
                "",
                "firstlight.worker-deaths=0",
                "kernel command line: `worker-deaths` takes a number from 1, not `0`",
            ),
            (
                "",
                "firstlight.defualt=x",
                "kernel command line: unknown key `defualt`; did you mean `default`?",
            ),
        ];
        for (config, cmdline, message) in cases {
            assert_eq!(Settings::parse(config, cmdline), (Settings::default(), vec![message.to_owned()]));
        }
    }

    #[test]
    fn every_key_is_documented() {
        let manual = include_str!("../../docs/config.md");
        for key in KEYS {
            let row = format!("| `{}` |", key.name);
            assert!(manual.lines().any(|line| line.starts_with(&row)), "docs/config.md lacks {row}");
        }
        let rows = manual.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, KEYS.len(), "docs/config.md documents keys that do not exist");
    }

    #[test]
    fn a_file_of_mistakes_gives_a_bounded_number_of_messages() {
        assert_eq!(Settings::parse(&"x\n".repeat(100_000), "").1.len(), MESSAGE_LIMIT + 1);
    }

    proptest! {
        #[test]
        fn any_input_is_read(config: String, cmdline: String) {
            let _ = Settings::parse(&config, &format!("firstlight.{cmdline}"));
        }
    }
}
