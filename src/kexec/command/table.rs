//! The options of kexec-tools (kexec(8), version 2.0.32), and how they are found by their names: a long option may be cut to any
//! unambiguous beginning, as with `getopt_long`.

use super::usage::UsageError;

/// The purpose of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
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

/// An option.
pub(super) struct Row {
    /// Its name, without the dashes.
    pub long: &'static str,
    pub short: Option<char>,
    /// It takes a value.
    pub value: bool,
    pub meaning: Meaning,
}

const fn row(long: &'static str, short: Option<char>, value: bool, meaning: Meaning) -> Row {
    Row { long, short, value, meaning }
}

const JUMP_BACK: &str = "jumping back into a running kernel needs kexec-tools";
const XEN: &str = "this is for Xen hosts; use xl or kexec-tools";
pub(super) const REAL_MODE: &str = "a kernel is never entered in real mode; leave it out";
const ENTRY_32: &str = "a kernel is entered in 32-bit mode where it has no other entry; leave it out";
pub(super) const NO_TREE: &str = "this machine has no device tree";

/// Whether a device tree is handed to the next kernel.
pub(super) const HAS_TREE: bool = cfg!(target_arch = "aarch64");

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

/// Whether an empty value says nothing: a file's name or a type, not the text of a command line.
pub(super) fn needs_value(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Initrd | Meaning::DeviceTree | Meaning::Module | Meaning::Type)
}

/// Whether the option belongs to the image loader, and counts only where something is loaded.
pub(super) fn is_of_loader(meaning: Meaning) -> bool {
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

/// The option with this letter.
///
/// # Errors
/// There is none.
pub(super) fn by_letter(letter: char) -> Result<&'static Row, UsageError> {
    OPTIONS
        .iter()
        .find(|row| row.short == Some(letter))
        .ok_or_else(|| UsageError::Unknown(format!("-{letter}")))
}

/// The option with this name, or with the only name that begins so.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn by_name(name: &str) -> Result<&'static Row, UsageError> {
    let mut beginnings: Vec<&Row> = OPTIONS.iter().filter(|row| row.long.starts_with(name)).collect();
    if let Some(exact) = beginnings.iter().find(|row| row.long == name) {
        return Ok(exact);
    }
    // A name that a script has cut short for one version stays valid: `--no-c`, before there was `--no-cma`.
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
