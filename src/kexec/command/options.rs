//! The command line of kexec-tools (kexec(8), version 2.0.32): its options, their side effects on each other, and the
//! words that systemd, Debian, Arch, NixOS and kdump call it with.
//!
//! As with `getopt_long`, options and words may stand in any order, short options bundle, a long option may be cut to
//! any unambiguous beginning, and its value stands behind `=` or in the next word.

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use lexopt::{Arg, Parser};

use super::address;
use crate::{
    formats::text::{decode, printable},
    kexec::Method,
};

/// Where the image is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Purpose {
    /// The next boot.
    #[default]
    Boot,
    /// When this kernel panics: `-p`.
    Crash,
}

/// What is done, in this order: status, unload, load, then sync, interfaces, and the jump or a shutdown. Paths and command
/// lines are text as in [`crate::formats::text`], so that every byte of them survives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Options {
    /// Ask whether something is loaded, and nothing else.
    pub status: bool,
    /// Unload what is loaded.
    pub unload: bool,
    /// Load the named kernel.
    pub load: bool,
    /// Jump into what is loaded.
    pub exec: bool,
    /// Leave the jump to `shutdown -r now`: no action was named.
    pub shutdown: bool,
    /// Write back dirty data after loading or before the jump.
    pub sync: bool,
    /// Take network interfaces down before the jump.
    pub interfaces_down: bool,
    /// Which system call loads.
    pub method: Method,
    /// Boot or crash image.
    pub purpose: Purpose,
    /// `--status` asks for the image of the next boot, not for the crash image as it does by default.
    pub status_of_boot: bool,
    /// Say what is done.
    pub debug: bool,
    /// Leave the digest of the segments out: `-i`.
    pub no_checks: bool,
    /// `--type`: the image type that the caller insists on.
    pub image_type: Option<String>,
    /// `--append` or `--command-line`; the last one counts.
    pub append: Option<String>,
    /// `--reuse-cmdline`: begin with the running kernel's command line.
    pub reuse_cmdline: bool,
    /// `--initrd` or `--ramdisk`; several are joined in order.
    pub initrds: Vec<String>,
    /// `--dtb`: device tree to hand over.
    pub devicetree: Option<String>,
    /// `--module`: multiboot modules with their command lines.
    pub modules: Vec<String>,
    /// `--noefi`: hide the EFI firmware from the next kernel.
    pub no_efi: bool,
    /// `--mem-min`: lowest physical address for segments.
    pub memory_min: u64,
    /// `--mem-max`: highest physical address for segments.
    pub memory_max: u64,
    /// `--print-ckr-size`: print the size of the crash kernel's reservation, and nothing else.
    pub print_crash_size: bool,
    /// `--hotplug`: the kernel keeps the description of a crash kernel's memory true when memory and processors come and go.
    pub hotplug: bool,
    /// Options that are accepted and have nothing to act on here.
    pub without_effect: Vec<&'static str>,
    /// The kernel: the first word that is no option.
    pub kernel: Option<String>,
}

/// What the words on the command line ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// Do something.
    Act(Box<Options>),
}

/// Wrong usage; kexec-tools prints its help and exits with 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// No option of this name.
    #[error("unrecognized option '{0}'")]
    Unknown(String),
    /// The beginning of more than one option.
    #[error("option '{0}' is ambiguous; it may be {1}")]
    Ambiguous(String, String),
    /// The value is missing.
    #[error("option '{0}' requires an argument")]
    NoValue(String),
    /// The option takes no value.
    #[error("option '{0}' does not allow an argument")]
    Value(String),
    /// The value is empty where that means nothing: a script's variable was not set.
    #[error("option '{0}' has an empty value; is a variable unset? Leave the option out, or give it a value")]
    Empty(String),
    /// A second word that is no option.
    #[error("'{second}' is one word too many: the kernel is '{first}'{hint}")]
    SecondKernel {
        /// The word that is taken for the kernel.
        first: String,
        /// The next one.
        second: String,
        /// What may have been meant.
        hint: &'static str,
    },
    /// A kernel is named beside an action that loads none.
    #[error("'{kernel}' is named, and {action} loads no kernel; -l loads it, -f loads and starts it")]
    KernelNotLoaded {
        /// The kernel.
        kernel: String,
        /// The action that counts, the last one.
        action: &'static str,
    },
    /// A crash kernel is started by a panic only.
    #[error("option '{0}' does not go with -p: a crash kernel starts when this one panics")]
    CrashStarts(&'static str),
    /// The system call that was chosen has no way to do it.
    #[error("option '{0}' cannot be honoured by {1}; leave {2} out")]
    NotBy(&'static str, &'static str, &'static str),
    /// No number.
    #[error("option '{0}': '{1}' is not an address; write it as 0x1000000, 4096 or 010")]
    Address(String, String),
    /// Understood, and not possible.
    #[error("option '{0}' is not supported: {1}")]
    Unsupported(&'static str, &'static str),
    /// A loader's option beside an action that loads nothing.
    #[error("option '{0}' goes with --load")]
    LoadsNothing(&'static str),
    /// Anything else that the arguments' own syntax forbids.
    #[error("{0}")]
    Syntax(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Help,
    Version,
    Debug,
    Force,
    Load,
    Unload,
    Exec,
    Panic,
    Status,
    NoInterfacesDown,
    NoSync,
    NoChecks,
    File,
    Segments,
    Auto,
    PrintCrashSize,
    Type,
    MemoryMin,
    MemoryMax,
    Hotplug,
    /// Of the image loader from here on: only where something is loaded.
    Append,
    ReuseCmdline,
    Initrd,
    DeviceTree,
    Module,
    NoEfi,
    LoaderWithoutEffect,
    /// Of later versions, or of other machines.
    WithoutEffect,
    Unsupported(&'static str),
}

struct Row {
    long: &'static str,
    short: Option<char>,
    value: bool,
    meaning: Meaning,
}

const fn row(long: &'static str, short: Option<char>, value: bool, meaning: Meaning) -> Row {
    Row { long, short, value, meaning }
}

const JUMP_BACK: &str = "jumping back into a running kernel needs kexec-tools";
const XEN: &str = "this is for Xen hosts; use xl or kexec-tools";
const REAL_MODE: &str = "a kernel is never entered in real mode; leave it out";
const ENTRY_32: &str = "a kernel is entered in 32-bit mode where it has no other entry; leave it out";
const NO_TREE: &str = "this machine has no device tree";

/// Whether a device tree is handed to the next kernel.
const HAS_TREE: bool = cfg!(target_arch = "aarch64");

/// Every option, in the order of kexec(8).
static OPTIONS: &[Row] = &[
    row("help", Some('h'), false, Meaning::Help),
    row("version", Some('v'), false, Meaning::Version),
    row("debug", Some('d'), false, Meaning::Debug),
    row("force", Some('f'), false, Meaning::Force),
    row("no-checks", Some('i'), false, Meaning::NoChecks),
    row("no-ifdown", Some('x'), false, Meaning::NoInterfacesDown),
    row("no-sync", Some('y'), false, Meaning::NoSync),
    row("load", Some('l'), false, Meaning::Load),
    row("unload", Some('u'), false, Meaning::Unload),
    row("exec", Some('e'), false, Meaning::Exec),
    row("load-panic", Some('p'), false, Meaning::Panic),
    row("status", Some('S'), false, Meaning::Status),
    row("type", Some('t'), true, Meaning::Type),
    row("kexec-file-syscall", Some('s'), false, Meaning::File),
    row("kexec-syscall", Some('c'), false, Meaning::Segments),
    row("kexec-syscall-auto", Some('a'), false, Meaning::Auto),
    row("mem-min", None, true, Meaning::MemoryMin),
    row("mem-max", None, true, Meaning::MemoryMax),
    row("print-ckr-size", None, false, Meaning::PrintCrashSize),
    row("append", None, true, Meaning::Append),
    row("command-line", None, true, Meaning::Append),
    row("reuse-cmdline", None, false, Meaning::ReuseCmdline),
    row("initrd", None, true, Meaning::Initrd),
    row("ramdisk", None, true, Meaning::Initrd),
    row("dtb", None, true, if HAS_TREE { Meaning::DeviceTree } else { Meaning::Unsupported(NO_TREE) }),
    row("module", None, true, Meaning::Module),
    row("noefi", None, false, Meaning::NoEfi),
    row("reuse-video-type", None, false, Meaning::LoaderWithoutEffect),
    row("pass-memmap-cmdline", None, false, Meaning::LoaderWithoutEffect),
    row("reset-vga", None, false, Meaning::LoaderWithoutEffect),
    row("console-vga", None, false, Meaning::LoaderWithoutEffect),
    row("console-serial", None, false, Meaning::LoaderWithoutEffect),
    row("serial", None, true, Meaning::LoaderWithoutEffect),
    row("serial-baud", None, true, Meaning::LoaderWithoutEffect),
    row("args-linux", None, false, Meaning::LoaderWithoutEffect),
    row("args-elf", None, false, Meaning::LoaderWithoutEffect),
    row("args-none", None, false, Meaning::LoaderWithoutEffect),
    row("elf32-core-headers", None, false, Meaning::LoaderWithoutEffect),
    row("elf64-core-headers", None, false, Meaning::LoaderWithoutEffect),
    row("dt-no-old-root", None, false, Meaning::WithoutEffect),
    row("hotplug", None, false, Meaning::Hotplug),
    row("no-cma", None, false, Meaning::WithoutEffect),
    row("force-dtb", None, false, Meaning::Unsupported(NO_TREE)),
    row("real-mode", None, false, Meaning::Unsupported(REAL_MODE)),
    row("entry-32bit", None, false, Meaning::Unsupported(ENTRY_32)),
    row("reuseinitrd", None, false, Meaning::Unsupported("this architecture does not keep its initrd")),
    row("load-preserve-context", None, false, Meaning::Unsupported(JUMP_BACK)),
    row("load-jump-back-helper", None, false, Meaning::Unsupported(JUMP_BACK)),
    row("entry", None, true, Meaning::Unsupported(JUMP_BACK)),
    row("load-live-update", None, false, Meaning::Unsupported(XEN)),
    row("exec-live-update", None, false, Meaning::Unsupported(XEN)),
];

/// Every option's letter, name without dashes, and whether it takes a value: for shell completions.
pub fn names() -> impl Iterator<Item = (Option<char>, &'static str, bool)> {
    OPTIONS.iter().map(|row| (row.short, row.long, row.value))
}

impl Default for Options {
    /// What `kexec KERNEL` without any option does: load, then a clean shutdown into it.
    fn default() -> Self {
        Self {
            status: false,
            unload: false,
            load: true,
            exec: false,
            shutdown: true,
            sync: true,
            interfaces_down: false,
            method: Method::Auto,
            purpose: Purpose::Boot,
            status_of_boot: false,
            debug: false,
            no_checks: false,
            image_type: None,
            append: None,
            reuse_cmdline: false,
            initrds: Vec::new(),
            devicetree: None,
            modules: Vec::new(),
            no_efi: false,
            memory_min: 0,
            memory_max: u64::MAX,
            print_crash_size: false,
            hotplug: false,
            without_effect: Vec::new(),
            kernel: None,
        }
    }
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// [`UsageError`] names the word that is wrong.
pub fn parse<I>(arguments: I) -> Result<Invocation, UsageError>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString>,
{
    let mut parser = Parser::from_args(arguments);
    parser.set_short_equals(false);
    let mut options = Options::default();
    let mut keep = Keep::default();
    let mut of_loader = None;
    let mut valued = None;
    while let Some(argument) = parser.next().map_err(|error| UsageError::Syntax(error.to_string()))? {
        let (row, written) = match argument {
            Arg::Value(word) => {
                options.take_kernel(decode(word.as_bytes()), valued)?;
                continue;
            }
            Arg::Short(letter) => (by_letter(letter)?, format!("-{letter}")),
            Arg::Long(name) => {
                let (row, written) = (by_name(name)?, format!("--{name}"));
                if !row.value && parser.optional_value().is_some() {
                    return Err(UsageError::Value(written));
                }
                (row, written)
            }
        };
        let value = if row.value {
            let value: OsString = parser.value().map_err(|_| UsageError::NoValue(written.clone()))?;
            decode(value.as_bytes())
        } else {
            String::new()
        };
        if row.value && value.is_empty() && needs_value(row.meaning) {
            return Err(UsageError::Empty(written));
        }
        valued = row.value.then_some(row.meaning);
        match row.meaning {
            Meaning::Help => return Ok(Invocation::Help),
            Meaning::Version => return Ok(Invocation::Version),
            Meaning::Unsupported(why) => return Err(UsageError::Unsupported(row.long, why)),
            meaning if is_of_loader(meaning) => {
                of_loader.get_or_insert(row.long);
                options.take_loader_option(row, value)?;
            }
            _ => options.take(row, &mut keep),
        }
    }
    if keep.interfaces {
        options.interfaces_down = false;
    }
    if keep.dirty_data {
        options.sync = false;
    }
    match of_loader {
        Some(long) if !options.load || options.status => Err(UsageError::LoadsNothing(long)),
        _ => options.check().map(|()| Invocation::Act(Box::new(options))),
    }
}

/// `-x` and `-y`, which hold wherever they stand.
#[derive(Default)]
struct Keep {
    interfaces: bool,
    dirty_data: bool,
}

impl Options {
    /// The kernel is the first word that is no option, and the only one. `valued` is what the option before it takes a value
    /// for.
    fn take_kernel(&mut self, word: String, valued: Option<Meaning>) -> Result<(), UsageError> {
        let Some(first) = &self.kernel else {
            self.kernel = Some(word);
            return Ok(());
        };
        let hint = match valued {
            Some(Meaning::Append) => "; put the whole command line into quotes",
            Some(Meaning::Initrd) => "; write --initrd once for each file",
            _ => "",
        };
        Err(UsageError::SecondKernel { first: printable(first), second: printable(&word), hint })
    }

    /// What the words together leave no way to honour.
    fn check(&self) -> Result<(), UsageError> {
        let loads = self.load && !self.status;
        if let Some(kernel) = self.kernel.as_deref().filter(|_| !loads && !self.print_crash_size) {
            let action = match () {
                () if self.status => "--status",
                () if self.exec => "--exec",
                () => "--unload",
            };
            return Err(UsageError::KernelNotLoaded { kernel: printable(kernel), action });
        }
        if self.purpose == Purpose::Crash && self.exec {
            return Err(UsageError::CrashStarts(if self.load { "force" } else { "exec" }));
        }
        let by_file = [
            ("dtb", self.devicetree.is_some()),
            ("noefi", self.no_efi),
            ("mem-min", self.memory_min > 0),
            ("mem-max", self.memory_max < u64::MAX),
            ("module", !self.modules.is_empty()),
        ];
        match by_file.into_iter().find(|(_, given)| *given && loads && self.method == Method::File) {
            Some((long, _)) => Err(UsageError::NotBy(long, "kexec_file_load", "-s")),
            None if self.hotplug && loads && self.method == Method::Segments => {
                Err(UsageError::NotBy("hotplug", "kexec_load", "-c"))
            }
            None => Ok(()),
        }
    }

    /// The last action named decides what is loaded and executed; what an earlier one switched on beside that (sync,
    /// interfaces, unload) stays on, as in kexec-tools.
    fn take(&mut self, row: &Row, keep: &mut Keep) {
        match row.meaning {
            Meaning::Debug => {
                self.debug = true;
                self.status_of_boot = true;
            }
            Meaning::Force => {
                (self.load, self.exec, self.shutdown) = (true, true, false);
                (self.sync, self.interfaces_down) = (true, true);
            }
            Meaning::Load => {
                (self.load, self.exec, self.shutdown) = (true, false, false);
                self.status_of_boot = true;
            }
            Meaning::Unload => {
                (self.load, self.exec, self.shutdown) = (false, false, false);
                (self.sync, self.unload) = (false, true);
            }
            Meaning::Exec => {
                (self.load, self.exec, self.shutdown) = (false, true, false);
                (self.sync, self.interfaces_down) = (true, true);
            }
            Meaning::Panic => {
                (self.load, self.exec, self.shutdown, self.sync) = (true, false, false, false);
                (self.purpose, self.status_of_boot) = (Purpose::Crash, false);
            }
            Meaning::Status => self.status = true,
            Meaning::NoInterfacesDown => keep.interfaces = true,
            Meaning::NoSync => keep.dirty_data = true,
            Meaning::NoChecks => self.no_checks = true,
            Meaning::File => self.method = Method::File,
            Meaning::Segments => self.method = Method::Segments,
            Meaning::Auto => self.method = Method::Auto,
            Meaning::PrintCrashSize => self.print_crash_size = true,
            Meaning::Hotplug => self.hotplug = true,
            _ => self.without_effect.push(row.long),
        }
    }

    fn take_loader_option(&mut self, row: &Row, value: String) -> Result<(), UsageError> {
        match row.meaning {
            Meaning::Type => self.image_type = Some(value),
            Meaning::MemoryMin => self.memory_min = bound(row.long, value)?,
            Meaning::MemoryMax => self.memory_max = bound(row.long, value)?,
            Meaning::Append => self.append = Some(value),
            Meaning::ReuseCmdline => self.reuse_cmdline = true,
            Meaning::Initrd => self.initrds.push(value),
            Meaning::DeviceTree => self.devicetree = Some(value),
            Meaning::Module => self.modules.push(value),
            Meaning::NoEfi => self.no_efi = true,
            _ => self.without_effect.push(row.long),
        }
        Ok(())
    }
}

/// Whether an empty value says nothing: a file's name or a type, not the text of a command line.
fn needs_value(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Initrd | Meaning::DeviceTree | Meaning::Module | Meaning::Type)
}

fn is_of_loader(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Type
            | Meaning::MemoryMin
            | Meaning::MemoryMax
            | Meaning::Append
            | Meaning::ReuseCmdline
            | Meaning::Initrd
            | Meaning::DeviceTree
            | Meaning::Module
            | Meaning::NoEfi
            | Meaning::LoaderWithoutEffect
    )
}

fn by_letter(letter: char) -> Result<&'static Row, UsageError> {
    OPTIONS
        .iter()
        .find(|row| row.short == Some(letter))
        .ok_or_else(|| UsageError::Unknown(format!("-{letter}")))
}

fn by_name(name: &str) -> Result<&'static Row, UsageError> {
    let mut beginnings: Vec<&Row> = OPTIONS.iter().filter(|row| row.long.starts_with(name)).collect();
    if let Some(exact) = beginnings.iter().find(|row| row.long == name) {
        return Ok(exact);
    }
    // What a script has cut short for one version stays valid: `--no-c`, before there was `--no-cma`.
    let is_new = |row: &&Row| matches!(row.meaning, Meaning::WithoutEffect | Meaning::Hotplug);
    if !beginnings.iter().all(is_new) {
        beginnings.retain(|row| !is_new(row));
    }
    match beginnings.as_slice() {
        [] => Err(UsageError::Unknown(format!("--{name}"))),
        [only] => Ok(only),
        [first, rest @ ..] => {
            // Two names for the same thing are not ambiguous.
            let does_nothing = first.meaning == Meaning::LoaderWithoutEffect;
            if !does_nothing && rest.iter().all(|row| row.meaning == first.meaning) {
                return Ok(first);
            }
            let names: Vec<String> = beginnings.iter().map(|row| format!("--{}", row.long)).collect();
            Err(UsageError::Ambiguous(format!("--{name}"), names.join(" ")))
        }
    }
}

fn bound(long: &str, value: String) -> Result<u64, UsageError> {
    address::parse(&value).ok_or_else(|| UsageError::Address(format!("--{long}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

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
                    purpose: Purpose::Crash,
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
                    purpose: Purpose::Crash,
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
                    purpose: Purpose::Crash,
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
        // What only one call can do is an error beside the option that chooses the other.
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
    fn help_and_version_come_before_anything_wrong_behind_them() {
        assert_eq!(parse(["-h", "--frobnicate"]), Ok(Invocation::Help));
        assert_eq!(parse(["-l", "--vers"]), Ok(Invocation::Version));
    }

    #[test]
    fn words_behind_two_dashes_are_no_options() {
        assert_eq!(act(&["-l", "--", "-k"]).kernel.as_deref(), Some("-k"));
    }
}
