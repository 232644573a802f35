//! `firstlight boot`: restarts a running system into one of this machine's entries, without the firmware.

use std::{
    convert::Infallible,
    env, fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;

use super::{
    Command, Failure, JSON, Opt,
    arguments::{Argument, Arguments},
    countdown, json, print, table,
    target::{self, Disks, Target},
};
use crate::{
    boot::{
        before_jump, choice, firmware,
        loader::{EntryLoader, NOKASLR_ADDED, Turn},
    },
    entry::{Discovery, Entry, Kind, Volume},
    formats::text::{self, printable, printable_lines},
    kexec::{
        self, LoadedKernel,
        cmdline::{self, Firmware},
        consoles,
        dangers::dangers,
        reason,
        state::{self, Slot},
    },
    running::{
        detach, guards,
        init_system::Shutdown,
        once::Once,
        read_only::{self, Rest},
    },
};

pub(super) const BOOT: Command = Command {
    name: "boot",
    operands: "[ENTRY] [--now | --load | --once] [--append WORDS] [--cmdline-from entry|running] [--dry-run] [--json]",
    summary: "Restart this running system into an entry, without going through the firmware",
    details: "ENTRY is an id, a title, a number of the list, or the beginning of an id or a title that no other has; \
              without it, the entry that this machine would boot. The kernel is loaded, and the system shut down cleanly \
              into it, as its init system does it. It goes on when the terminal or the ssh connection ends.",
    options: &{
        let [root, volume, iso, firmware, board, efivars, flavour] = target::OPTIONS;
        [
            Opt {
                short: None,
                long: "now",
                value: "",
                what: "stop no services: write everything back, make the file systems read-only, and jump",
            },
            Opt {
                short: Some('l'),
                long: "load",
                value: "",
                what: "load the kernel and stop there: the next restart, whoever asks for it, starts it",
            },
            Opt {
                short: None,
                long: "once",
                value: "",
                what: "start nothing now: have the boot loader (GRUB, systemd-boot, SYSLINUX) or the firmware take the entry at the next \
                       start only",
            },
            Opt { short: None, long: "append", value: "WORDS", what: "add words to the command line" },
            Opt {
                short: None,
                long: "cmdline-from",
                value: "entry|running",
                what: "take the entry's command line or that of the running kernel; of words that occur twice, the last \
                       one is kept",
            },
            Opt {
                short: Some('n'),
                long: "dry-run",
                value: "",
                what: "show everything that would be done, and change nothing",
            },
            Opt {
                short: Some('f'),
                long: "force",
                value: "",
                what: "do it although a program asks not to shut down",
            },
            root,
            volume,
            iso,
            firmware,
            board,
            efivars,
            flavour,
            JSON,
        ]
    },
    examples: &[
        ("firstlight boot", "restart into what this machine boots on its own"),
        ("firstlight boot 2 --dry-run", "show what restarting into the second entry would do"),
        ("firstlight boot --now --append single", "jump at once, into a single-user system"),
        ("firstlight boot --once memtest", "let the boot loader start the entry at the next start"),
    ],
    run: boot,
};

/// This process has left the terminal's session already.
static DETACHED: AtomicBool = AtomicBool::new(false);

/// Says to who started this process that it is there, before it does anything.
///
/// # Errors
/// It was not started by [`detach::run`].
pub(super) fn join_session() -> std::io::Result<()> {
    detach::report()?;
    DETACHED.store(true, Ordering::Relaxed);
    Ok(())
}

#[derive(Default)]
struct RestartOptions {
    entry: Option<String>,
    append: Vec<String>,
    from: Option<From>,
    now: bool,
    load: bool,
    once: bool,
    dry_run: bool,
    force: bool,
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Entry,
    Running,
}

/// Everything that is going to be done.
#[derive(Serialize)]
struct Plan<'a> {
    /// The entry, with the command line that its kernel gets.
    entry: &'a Entry,
    /// Reasons against it.
    warnings: Vec<String>,
    /// The steps, in order.
    steps: Vec<String>,
}

fn boot(arguments: &mut Arguments) -> Result<String, Failure> {
    let (options, target) = read(arguments)?;
    arguments.start_log();
    if !options.dry_run {
        if target.is_offline() {
            return Err(Failure::Usage("--root and --volume go with --dry-run".into()));
        }
        if let Some(barrier) = guards::barrier(Path::new("/")).filter(|_| !options.once) {
            return Err(failed(&barrier));
        }
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::Failed("only root can restart this machine; use sudo".into()));
        }
        if !options.once && !options.load && !DETACHED.load(Ordering::Relaxed) {
            let again: Vec<_> = env::args_os().skip(1).collect();
            let status = detach::run(&again).map_err(|error| failed(&error))?;
            return Err(Failure::Reported(
                status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
            ));
        }
    }
    let mut disks = target.open()?;
    let discovery = disks.search()?.discovery;
    let default = discovery.default.as_deref();
    let chosen = choice::choose(&discovery.entries, default, options.entry.as_deref()).map_err(|error| {
        print(&list(&discovery));
        failed(&error)
    })?;
    let entry = Entry { cmdline: command_line(chosen, &options, &running()), ..chosen.clone() };
    let once = if options.once { Some(find_once(&entry, &disks)?) } else { None };
    if once.is_none() {
        bootable(&entry)?;
    }
    let (warnings, blocked) = warnings(&options, &entry);
    let plan = Plan { entry: &entry, warnings, steps: steps(&options, once.as_ref()) };
    let list = if options.entry.is_none() { list(&discovery) } else { String::new() };
    let shown = if options.json { json(&plan)? } else { list + &plan.text() };
    if options.dry_run {
        return Ok(shown);
    }
    print(&shown);
    if blocked && !options.force {
        return Err(Failure::Failed(BLOCKED.into()));
    }
    match once {
        Some(once) => once.set().map(|()| String::new()).map_err(|error| failed(&error)),
        None if options.load => load(&entry, disks).map(|_| String::new()),
        None => leave(&entry, disks, options.now),
    }
}

const BLOCKED: &str = "a program asks not to shut down (above); let it finish, or use --force";

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(printable(&error.to_string()))
}

fn read(arguments: &mut Arguments) -> Result<(RestartOptions, Target), Failure> {
    let (mut options, mut target) = (RestartOptions::default(), Target::default());
    while let Some(argument) = arguments.next()? {
        match argument {
            Argument::Operand(word) if options.entry.is_none() => {
                options.entry = Some(text::decode(word.as_encoded_bytes()));
            }
            argument if target.take(&argument, arguments)? => {}
            Argument::Option(ref name) => match name.as_str() {
                "now" => options.now = true,
                "load" => options.load = true,
                "once" => options.once = true,
                "dry-run" => options.dry_run = true,
                "force" => options.force = true,
                "json" => options.json = true,
                "append" => options.append.push(text::decode(arguments.value()?.as_encoded_bytes())),
                "cmdline-from" => {
                    options.from = Some(match arguments.value()?.to_str() {
                        Some("entry") => From::Entry,
                        Some("running") => From::Running,
                        _ => return Err(Failure::Usage("--cmdline-from takes entry or running".into())),
                    });
                }
                _ => return Err(arguments.unknown(&argument)),
            },
            argument => return Err(arguments.unknown(&argument)),
        }
    }
    if [options.now, options.load, options.once].into_iter().filter(|chosen| *chosen).count() > 1 {
        let message =
            "--now starts the entry now, --load at the next restart, --once through the firmware: choose one";
        return Err(Failure::Usage(message.into()));
    }
    if options.once && (!options.append.is_empty() || options.from.is_some()) {
        let message =
            "--once leaves the entry as the boot loader knows it; --append and --cmdline-from go without it";
        return Err(Failure::Usage(message.into()));
    }
    Ok((options, target))
}

fn running() -> String {
    text::decode(fs::read("/proc/cmdline").unwrap_or_default().trim_ascii_end())
}

/// The command line that the options make of the entry's own.
fn command_line(entry: &Entry, options: &RestartOptions, running: &str) -> String {
    let reused;
    let base = match options.from {
        Some(From::Running) => {
            reused = cmdline::reusable(running);
            &reused
        }
        Some(From::Entry) | None => &entry.cmdline,
    };
    let firmware =
        if entry.kind == Kind::Multiboot { Firmware::default() } else { Firmware::of_this_machine() };
    let line = cmdline::complete(base, &options.append, firmware);
    if options.from.is_some() { cmdline::keep_last(&line) } else { line }
}

/// Whether a kernel can be made of it at all.
fn bootable(entry: &Entry) -> Result<(), Failure> {
    let title = printable(&entry.title);
    if let Some(problem) = &entry.problem {
        return Err(Failure::Failed(format!("{title}: {}", printable(problem))));
    }
    let what = match entry.kind {
        // An entry that cannot be started has a problem of its own.
        Kind::Linux | Kind::Uki | Kind::Multiboot => return Ok(()),
        Kind::Chainload => "another boot loader",
        Kind::Firmware => "the firmware itself",
    };
    let remedy = "only the firmware and its boot loader start it: firstlight boot --once, then reboot";
    Err(Failure::Failed(format!("{title}: this is {what}; {remedy}")))
}

fn find_once(entry: &Entry, disks: &Disks) -> Result<Once, Failure> {
    let volumes: Vec<&Volume> = disks.open.iter().map(|open| &open.volume).collect();
    Once::find(entry, &volumes, Path::new(firmware::VARIABLES)).map_err(|error| failed(&error))
}

/// Reasons against starting the entry, and whether any of them forbids it.
fn warnings(options: &RestartOptions, entry: &Entry) -> (Vec<String>, bool) {
    if options.once {
        return (Vec::new(), false);
    }
    // Xen has words of its own for its consoles.
    let is_linux = entry.kind != Kind::Multiboot;
    let mut silent =
        if is_linux { consoles::silent(&consoles::active(), &entry.cmdline) } else { Vec::new() };
    let is_added = is_linux && Firmware::of_this_machine().lacks_runtime_map;
    silent.extend((is_added && entry.cmdline.contains("nokaslr")).then(|| NOKASLR_ADDED.to_owned()));
    if options.load {
        return (silent, false);
    }
    let (mut warnings, blocked) = obstacles(options.now);
    warnings.extend(silent);
    warnings.extend(dangers(Path::new("/"), true));
    if state::loaded(Slot::Boot) == Some(true) {
        warnings.push("a kernel is loaded already; this one takes its place".to_owned());
    }
    (warnings, blocked)
}

/// Reasons against a restart now, and whether any of them forbids it.
fn obstacles(now: bool) -> (Vec<String>, bool) {
    let mut warnings = Vec::new();
    if guards::graphical_session() {
        warnings.push("this is a graphical session; save your work in it".to_owned());
    }
    let inhibitors = guards::inhibitors();
    warnings.extend(inhibitors.iter().map(ToString::to_string));
    let shutdown = Shutdown::of(Path::new("/"));
    if !now && shutdown.through_firmware {
        let init = shutdown.init;
        warnings.push(format!(
            "nothing was found that has {init} start a loaded kernel at the end of a shutdown; the machine may restart \
             through its firmware (--now does without {init})"
        ));
    }
    (warnings, inhibitors.iter().any(|inhibitor| inhibitor.blocks))
}

fn steps(options: &RestartOptions, once: Option<&Once>) -> Vec<String> {
    if let Some(once) = once {
        return vec![once.text(), "nothing else: the next start of this machine boots the entry".to_owned()];
    }
    let load = "load the kernel with its initrds".to_owned();
    if options.load {
        return vec![load, "nothing else: the next restart starts it".to_owned()];
    }
    if !options.now {
        return vec![load, format!("shut down into it: {}", Shutdown::of(Path::new("/")).text())];
    }
    let mut steps = vec![load, "write back everything that is not on the disks yet".to_owned()];
    let mounts = read_only::writable();
    steps.extend(mounts.iter().map(|mount| {
        format!("make {} ({}) read-only, or freeze it if it is in use", printable(&mount.point), mount.source)
    }));
    steps.push("jump into the kernel".to_owned());
    steps
}

impl Plan<'_> {
    fn text(&self) -> String {
        table::entry(self.entry) + &notes(&self.warnings, &self.steps)
    }
}

fn notes(warnings: &[String], steps: &[String]) -> String {
    let warnings = warnings.iter().map(|warning| format!("warning: {}\n", printable(warning)));
    let steps = (1..).zip(steps).map(|(number, step)| format!("{number}. {}\n", printable(step)));
    warnings.chain(steps).collect()
}

/// The menu in short: numbers, titles, ids.
fn list(discovery: &Discovery) -> String {
    let mut text = String::new();
    for (number, entry) in choice::shown(&discovery.entries) {
        let mark = if discovery.default.as_deref() == Some(&entry.id) { '*' } else { ' ' };
        text.push_str(&format!("{mark}{number:>3}  {}  [{}]\n", table::title(entry), printable(&entry.id)));
    }
    text.push('\n');
    text
}

/// Seconds in which a key stops `kexec`.
const SECONDS: u64 = 5;

/// `kexec` without a word, typed on a terminal: shows what restarting into this machine's own default will do, counts down,
/// and does it. A kernel that is loaded already is kept.
pub(super) fn restart_by_hand() -> ExitCode {
    super::log::start("kexec", log::LevelFilter::Warn);
    let Err(failure) = by_hand();
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(io::stderr(), "kexec: {}", printable_lines(&failure.to_string()));
    ExitCode::from(u8::MAX)
}

fn by_hand() -> Result<Infallible, Failure> {
    let root = Path::new("/");
    if let Some(barrier) = guards::barrier(root) {
        return Err(failed(&barrier));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::Failed("only root can restart this machine; use sudo".into()));
    }
    let (options, shutdown) = (RestartOptions::default(), Shutdown::of(root));
    let (shown, blocked, prepared) = if state::loaded(Slot::Boot) == Some(true) {
        let (warnings, blocked) = obstacles(false);
        let steps = vec![format!("shut down into it: {}", shutdown.text())];
        (format!("A kernel is loaded already.\n{}", notes(&warnings, &steps)), blocked, None)
    } else {
        let mut disks = Target::default().open()?;
        let discovery = disks.search()?.discovery;
        let entry = choice::choose(&discovery.entries, discovery.default.as_deref(), None)
            .map_err(|error| failed(&error))?;
        bootable(entry)?;
        let entry = Entry { cmdline: command_line(entry, &options, &running()), ..entry.clone() };
        let (warnings, blocked) = warnings(&options, &entry);
        let plan = Plan { entry: &entry, warnings, steps: steps(&options, None) };
        (plan.text(), blocked, Some((entry, disks)))
    };
    print(&shown);
    if blocked {
        return Err(Failure::Failed(BLOCKED.replace("use --force", "use `firstlight boot --force`")));
    }
    let passed = countdown::passes(io::stdin(), SECONDS, &mut |left| {
        // Over itself: these words are ours, and they may steer the terminal.
        let mut stdout = io::stdout();
        let _ = write!(stdout, "\rThis system shuts down in {left} s. Any key stops it. ");
        let _ = stdout.flush();
    });
    print("\n");
    if !passed.map_err(|error| failed(&error))? {
        return Err(Failure::Failed("stopped; nothing was changed".into()));
    }
    if let Some((entry, disks)) = prepared {
        load(&entry, disks)?;
    }
    Err(not_shut_down(&shutdown.ask()))
}

/// Loads the entry and leaves this system for it; returns only if that fails.
fn leave(entry: &Entry, disks: Disks, now: bool) -> Result<String, Failure> {
    let kernel = load(entry, disks)?;
    if now {
        return jump(&kernel);
    }
    Err(not_shut_down(&Shutdown::of(Path::new("/")).ask()))
}

fn not_shut_down(error: &io::Error) -> Failure {
    Failure::Failed(format!(
        "the kernel is loaded, but no shutdown could be run ({error}); restart this system as usual, or use `firstlight boot \
         --now`"
    ))
}

/// Loads the entry; our own mounts are gone when that is done.
fn load(entry: &Entry, disks: Disks) -> Result<LoadedKernel, Failure> {
    let loader = EntryLoader {
        volumes: disks.open.into_iter().map(Arc::new).collect(),
        append: Vec::new(),
        firmware: Firmware::default(),
        // The command line is complete.
        nokaslr: false,
        turn: Turn::default(),
        before_jump: Vec::new(),
        // The file systems are the running system's.
        keeps_state: None,
    };
    let before = state::loaded(Slot::Boot);
    loader.load(0, entry).map_err(|error| {
        let after = state::after_failure(before, state::loaded(Slot::Boot));
        Failure::Failed(printable(&format!("{error}{after}")))
    })
}

fn jump(kernel: &LoadedKernel) -> Result<String, Failure> {
    before_jump::perform(kernel, &[]);
    let (mut rest, busy) = Rest::begin();
    for busy in &busy {
        let writers: Vec<String> = busy.writers.iter().map(ToString::to_string).collect();
        let who = if writers.is_empty() { "the kernel itself".to_owned() } else { writers.join(", ") };
        log::warn!("{}: still written to by {who}; it is frozen", printable(&busy.mount.point));
    }
    print("Jumping into the next kernel.\n");
    rest.freeze(&busy).map_err(|error| failed(&error))?;
    let error = kexec::jump();
    drop(rest);
    Err(Failure::Failed(format!("cannot jump: {}; the system goes on as it was", reason::of_jump(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::samples::entry;

    #[test]
    fn the_command_line_comes_from_where_the_options_say() {
        let running = "BOOT_IMAGE=/vmlinuz root=/dev/vda1 quiet ro quiet initrd=\\x";
        let entry =
            Entry { cmdline: "BOOT_IMAGE=/k root=/dev/sda1 quiet -- quiet".into(), ..entry("a", "sda1") };
        let cases: [(Option<From>, &[&str], &str); 5] = [
            (None, &[], "BOOT_IMAGE=/k root=/dev/sda1 quiet -- quiet"),
            (None, &["quiet single"], "BOOT_IMAGE=/k root=/dev/sda1 quiet quiet single -- quiet"),
            (Some(From::Entry), &["quiet single"], "BOOT_IMAGE=/k root=/dev/sda1 quiet single -- quiet"),
            (Some(From::Running), &[], "root=/dev/vda1 ro quiet"),
            (Some(From::Running), &["ro", "x"], "root=/dev/vda1 quiet ro x"),
        ];
        for (from, append, expected) in cases {
            let append = append.iter().map(|words| (*words).to_owned()).collect();
            let options = RestartOptions { from, append, ..RestartOptions::default() };
            let line = command_line(&entry, &options, running);
            // A machine whose firmware asks for it gets one word more.
            assert_eq!(line.replace(" nokaslr", ""), expected, "{from:?}");
        }
    }

    #[test]
    fn what_no_kernel_can_be_made_of_says_what_to_do() {
        let said = |entry: Entry| bootable(&entry).unwrap_err().to_string();
        assert!(bootable(&entry("a", "sda1")).is_ok());
        let windows = Entry { kind: Kind::Chainload, ..entry("a", "sda1") };
        assert_eq!(
            said(windows),
            "Title of a: this is another boot loader; only the firmware and its boot loader start it: firstlight boot \
             --once, then reboot"
        );
        let broken = Entry { problem: Some("no kernel".into()), ..entry("a", "sda1") };
        assert_eq!(said(broken), "Title of a: no kernel");
    }
}
