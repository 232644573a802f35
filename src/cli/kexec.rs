//! The `kexec` command, in place of kexec-tools': the same words, the same exit codes, and a reason with every refusal.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    process::ExitCode,
};

use rustix::io::Errno;

use super::{
    kernel_file::{self, Unpacked},
    named_file::{NamedFileError, open, open_filled},
};
use crate::{
    formats::text,
    image::{PrepareError, UnpackedKernel},
    kexec::{
        self, LoadError, LoadOptions, Method,
        command::{self, HELP, Invocation, Options, UsageError, cmdline, types},
        consoles, reason,
        state::{self, Slot},
    },
    sys::{interfaces, pipe},
};

/// kexec-tools' exit code for everything that is no wrong usage: -1.
const FAILED: u8 = 255;
/// kexec-tools' exit code where kexec_file_load is asked for alone (`-s`) and the kernel lacks it: -3.
const NO_FILE_CALL: u8 = 253;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(#[from] UsageError),
    #[error(
        "no kernel specified; name its file: kexec -l KERNEL … (`firstlight boot` restarts into what this machine boots on \
         its own)"
    )]
    NoKernel,
    #[error("unsupported kernel type {0}; it may be {types}, or leave -t out", types = types())]
    Type(String),
    #[error("{0}: wrong kernel type {1}: the file is {2}; leave -t out, or name another file")]
    WrongType(String, String, String),
    #[error("{0}")]
    File(#[from] NamedFileError),
    /// The kernel's protocol has no place for an option.
    #[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
    #[error("{kernel}: this is a multiboot kernel, and option '{option}' cannot be honoured: {remedy}")]
    Multiboot { kernel: String, option: &'static str, remedy: &'static str },
    #[cfg(not(all(feature = "multiboot", target_arch = "x86_64")))]
    #[error("option 'module' is not supported: this firstlight was built without multiboot")]
    NoMultiboot,
    #[error("{0}")]
    NotOpened(NamedFileError),
    #[error("{0}{1}")]
    Unprepared(PrepareError, &'static str),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error(
        "no memory is kept for a crash kernel; start this one with crashkernel=256M on its command line, then try again"
    )]
    NoCrashMemory,
    #[error("nothing has been loaded; load a kernel first: kexec -l KERNEL …")]
    NothingLoaded,
    #[error(
        "the running kernel does not say what is loaded (/sys/kernel/kexec_loaded is missing); it may lack CONFIG_KEXEC"
    )]
    UnknownState,
    #[error("cannot unload: {}", reason::of_call(.0))]
    Unload(io::Error),
    #[error("cannot jump: {}", reason::of_jump(.0))]
    Jump(io::Error),
    #[error("cannot run /sbin/shutdown ({0}); the kernel is loaded, and kexec -e jumps into it at once")]
    Shutdown(io::Error),
    /// Asked for alone, and not there.
    #[error("{0}")]
    NoFileCall(LoadError),
    /// The call that would do, and what becomes of the kernel that was loaded before.
    #[error("{0}{1}{2}")]
    NotReplaced(LoadError, &'static str, &'static str),
    #[cfg(feature = "running-system")]
    #[error("{0}")]
    Barrier(#[from] crate::running::guards::Barrier),
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::Unprepared(error, "")
    }
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoFileCall(_) => ExitCode::from(NO_FILE_CALL),
            Self::Usage(_) | Self::NoCrashMemory | Self::NothingLoaded | Self::File(_) => ExitCode::from(1),
            _ => ExitCode::from(FAILED),
        }
    }

    /// With kexec_file_load alone kexec-tools takes a file that it cannot open for a failed load.
    fn by(self, method: Method) -> Self {
        match self {
            Self::File(error @ (NamedFileError::Open(..) | NamedFileError::NoName))
                if method == Method::File =>
            {
                Self::NotOpened(error)
            }
            other => other,
        }
    }
}

/// Runs the command with the arguments after its name.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    pipe::die_quietly();
    #[cfg(feature = "running-system")]
    if arguments.is_empty() && super::countdown::is_terminal() {
        return super::boot::restart_by_hand();
    }
    match command::parse(arguments.iter().cloned()).map_err(Failure::from).and_then(act) {
        Ok(code) => code,
        Err(failure) => {
            let mut stderr = io::stderr().lock();
            let message = text::printable(&failure.to_string());
            // Nobody is left to tell if stderr is closed.
            let _ = match failure {
                // It begins with the command's name already.
                Failure::Load(_) | Failure::NoFileCall(_) | Failure::NotReplaced(..) => {
                    writeln!(stderr, "{message}")
                }
                _ => writeln!(stderr, "kexec: {message}"),
            };
            if matches!(failure, Failure::Usage(_) | Failure::NoKernel) {
                let _ = writeln!(stderr, "kexec: `kexec --help` lists the options");
            }
            failure.exit_code()
        }
    }
}

fn act(invocation: Invocation) -> Result<ExitCode, Failure> {
    let options = match invocation {
        Invocation::Help => return Ok(print(HELP)),
        Invocation::Version => {
            return Ok(print(concat!("kexec-tools 2.0.32 (firstlight ", env!("CARGO_PKG_VERSION"), ")\n")));
        }
        Invocation::Act(options) => *options,
    };
    let level = if options.debug { log::LevelFilter::Debug } else { log::LevelFilter::Warn };
    super::log::start("kexec", level);
    for option in &options.without_effect {
        log::warn!("--{option} has no effect here");
    }
    if options.print_crash_size {
        return Ok(print(&format!("{}\n", state::crash_size())));
    }
    if options.status {
        return status(&options);
    }
    if options.load && options.slot == Slot::Crash && state::crash_size() == 0 {
        return Err(Failure::NoCrashMemory);
    }
    if options.unload {
        kexec::unload_from(options.slot).map_err(Failure::Unload)?;
    }
    if options.load && options.kernel.is_none() {
        return Err(Failure::NoKernel);
    }
    #[cfg(feature = "running-system")]
    barrier(&options)?;
    if options.load {
        let slot = options.slot;
        let before = state::loaded(slot);
        load(&options).map_err(|failure| {
            match (failure, state::after_failure(before, state::loaded(slot))) {
                (Failure::Load(error @ LoadError::Refused { .. }), _)
                    if lacks_call(&error, options.method) =>
                {
                    Failure::NoFileCall(error)
                }
                (Failure::Load(error), note) => {
                    let other = error.other_call();
                    Failure::NotReplaced(error, other, note)
                }
                (Failure::Unprepared(error, _), note) => Failure::Unprepared(error, note),
                (failure, _) => failure.by(options.method),
            }
        })?;
    }
    if (options.exec || options.shutdown) && state::loaded(Slot::Boot) == Some(false) {
        return Err(Failure::NothingLoaded);
    }
    if options.shutdown {
        return shutdown().map(|()| ExitCode::SUCCESS).map_err(Failure::Shutdown);
    }
    if options.sync {
        rustix::fs::sync();
    }
    if options.exec {
        let down = if options.interfaces_down { take_interfaces_down() } else { Vec::new() };
        let error = kexec::jump();
        put_interfaces_up(&down);
        return Err(Failure::Jump(error));
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 1 says that a kernel is loaded, 0 that none is.
fn status(options: &Options) -> Result<ExitCode, Failure> {
    let slot = if options.status_of_boot { Slot::Boot } else { Slot::Crash };
    state::loaded(slot).map(|loaded| ExitCode::from(u8::from(loaded))).ok_or(Failure::UnknownState)
}

fn load(options: &Options) -> Result<(), Failure> {
    let kernel = options.kernel.as_ref().ok_or(Failure::NoKernel)?;
    if options.slot == Slot::Crash && options.method == Method::Segments && !kexec::MAKES_CRASH_HEADERS {
        return Err(UsageError::NotBy("load-panic", "kexec_load on this machine", "-c").into());
    }
    if let Some(name) = options.image_type.as_ref().filter(|name| !types::names().any(|known| known == *name))
    {
        return Err(Failure::Type(name.clone()));
    }
    let kernel = open_filled(kernel, "name the kernel alone")?;
    let running = text::decode(&fs::read("/proc/cmdline").unwrap_or_default());
    let cmdline = cmdline::cmdline(options, &running);
    let unpacked = kernel_file::unpack(kernel, &cmdline)?;
    check_type(options, &unpacked.kernel)?;
    let format = unpacked.kernel.identity.format.as_ref();
    if !options.modules.is_empty() || format.is_some_and(|format| types::is("multiboot-x86", format)) {
        return load_multiboot(options, unpacked.kernel, &cmdline);
    }
    load_linux(options, unpacked)
}

fn load_linux(options: &Options, unpacked: Unpacked) -> Result<(), Failure> {
    let initrd = |name: &String| open(name, "write --initrd once for each");
    let initrds = options.initrds.iter().map(initrd).collect::<Result<_, _>>()?;
    let tree = |name: &String| open_filled(name, "a kernel takes one device tree");
    let devicetree = options.devicetree.as_ref().map(tree).transpose()?;
    let prepared = unpacked.with_initrds(initrds, devicetree.as_ref())?;
    log::debug!(
        "{} with {} initrds and the command line {}",
        text::printable(&prepared.kernel.name),
        prepared.initrds.len(),
        text::printable(&prepared.cmdline)
    );
    for (name, doubt) in prepared.initrd_doubts() {
        log::warn!("{}: {doubt}", text::printable(name));
    }
    let limits = options.memory_min..options.memory_max;
    let usual = LoadOptions::default();
    let has_tree = cfg!(not(target_arch = "x86_64")) && prepared.devicetree.is_some();
    // Only kexec_load hides the firmware and chooses the memory; only kexec_file_load has the kernel keep a crash kernel's
    // headers true.
    let method = match options.method {
        Method::Auto if limits != usual.limits || options.no_efi || has_tree => Method::SegmentsIfAllowed,
        Method::Auto if options.hotplug => Method::File,
        method => method,
    };
    let silent = consoles::silent(&consoles::active(), &prepared.cmdline);
    kexec::load(prepared, &LoadOptions { method, slot: options.slot, limits, no_efi: options.no_efi })?;
    for console in silent {
        log::warn!("{console}");
    }
    Ok(())
}

/// The type that was asked for is that of the file or of the kernel in it.
fn check_type(options: &Options, unpacked: &UnpackedKernel) -> Result<(), Failure> {
    let (outer, inner) = (&unpacked.outer.format, &unpacked.identity.format);
    let matches = |name: &String| outer.iter().chain(inner).any(|format| types::is(name, format));
    match (options.image_type.as_ref().filter(|name| !matches(name)), inner.as_ref().or(outer.as_ref())) {
        // That it is no kernel at all is said where it is loaded.
        (Some(wrong), Some(known)) => {
            let name = types::of(known).unwrap_or("something else");
            Err(Failure::WrongType(unpacked.kernel.name.clone(), wrong.clone(), name.to_owned()))
        }
        _ => Ok(()),
    }
}

fn types() -> String {
    types::names().collect::<Vec<_>>().join(", ")
}

/// A multiboot kernel with its modules. The first word of each is its path.
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
fn load_multiboot(options: &Options, kernel: UnpackedKernel, words: &str) -> Result<(), Failure> {
    use crate::entry::{Multiboot, MultibootModule};
    use crate::image::NamedFile;
    let name = kernel.kernel.name.clone();
    for (given, option, remedy) in [
        (options.method == Method::File, "kexec-file-syscall", "only kexec_load starts one; leave -s out"),
        (options.slot == Slot::Crash, "load-panic", "name a Linux kernel for the case of a panic"),
        (!options.initrds.is_empty(), "initrd", "hand the initrd over as a module: --module=\"FILE WORDS\""),
    ] {
        if given {
            return Err(Failure::Multiboot { kernel: name, option, remedy });
        }
    }
    let open_module = |words: &String| {
        let path = words.split_once(' ').map_or(words.as_str(), |(path, _)| path);
        open(path, "write --module once for each")
    };
    let files: Vec<NamedFile> = options.modules.iter().map(open_module).collect::<Result<_, _>>()?;
    let version = match options.image_type.as_deref() {
        Some("multiboot-x86") => 1,
        Some("multiboot2-x86") => 2,
        _ => 0,
    };
    let module = |words: &String| MultibootModule { cmdline: words.clone(), as_it_is: true };
    let multiboot = Multiboot { version, modules: options.modules.iter().map(module).collect() };
    // The first word is the file's name.
    let cmdline = format!("{name} {words}").trim_end().to_owned();
    let prepared = kernel.with_modules(files, &multiboot, true, cmdline)?;
    let limits = options.memory_min..options.memory_max;
    kexec::load(prepared, &LoadOptions { method: options.method, limits, ..LoadOptions::default() })?;
    Ok(())
}

#[cfg(not(all(feature = "multiboot", target_arch = "x86_64")))]
fn load_multiboot(_: &Options, _: UnpackedKernel, _: &str) -> Result<(), Failure> {
    Err(Failure::NoMultiboot)
}

fn lacks_call(error: &LoadError, method: Method) -> bool {
    method == Method::File && error.errno() == Some(Errno::NOSYS)
}

/// The obstacle that makes it impossible, found before anything is done.
#[cfg(feature = "running-system")]
fn barrier(options: &Options) -> Result<(), Failure> {
    use crate::running::guards::{self, Barrier};
    match guards::barrier("/".as_ref()) {
        // Loading is a matter of privileges only.
        Some(Barrier::Container) if !options.exec && !options.shutdown => Ok(()),
        Some(barrier) if options.load || options.exec => Err(barrier.into()),
        _ => Ok(()),
    }
}

/// Becomes the shutdown; returns only if there is none to run.
#[cfg(feature = "running-system")]
fn shutdown() -> io::Result<()> {
    Err(crate::running::init_system::Shutdown::of("/".as_ref()).ask())
}

/// Runs the shutdown of the system that an image's program was copied to.
#[cfg(not(feature = "running-system"))]
fn shutdown() -> io::Result<()> {
    use crate::sys::child::{Program, wait};
    let words = ["shutdown", "-r", "now"];
    let child = Program::new("/sbin/shutdown".as_ref(), &words)?.spawn()?;
    match wait(child, rustix::process::WaitOptions::empty())? {
        Some(status) if !status.success() => Err(io::Error::other(format!("/sbin/shutdown: {status}"))),
        _ => Ok(()),
    }
}

/// So that no network card writes into memory that the next kernel uses by then. One that stays up is no reason to stay.
/// Gives the names of those that were up.
fn take_interfaces_down() -> Vec<String> {
    let names = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != "lo");
    names
        .filter(|name| match interfaces::set_up(name, false) {
            Ok(was_up) => was_up,
            Err(error) => {
                log::debug!("{name} stays up: {error}");
                false
            }
        })
        .collect()
}

/// The jump has not happened: the system must go on.
fn put_interfaces_up(names: &[String]) {
    for name in names {
        if let Err(error) = interfaces::set_up(name, true) {
            log::error!("{name} stays down: {error}; put it up with `ip link set {name} up`");
        }
    }
}

fn print(answer: &str) -> ExitCode {
    match io::stdout().lock().write_all(answer.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

#[cfg(all(test, feature = "running-system"))]
mod tests {
    use super::*;
    use crate::running::guards::Barrier;

    #[test]
    fn where_no_kernel_can_be_started_the_message_has_a_remedy_and_kexec_tools_exit_code() {
        for (barrier, remedy) in [
            (Barrier::Xen, "use Xen's own kexec-tools on a host, and on a guest restart it with xl reboot"),
            (Barrier::Container, "run it on the host"),
        ] {
            let failure = Failure::from(barrier);
            assert!(failure.to_string().ends_with(remedy), "{failure}");
            assert_eq!(format!("{:?}", failure.exit_code()), format!("{:?}", ExitCode::from(FAILED)));
        }
    }
}
