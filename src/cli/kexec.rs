//! The `kexec` command, in place of kexec-tools': the same words, the same exit codes, and a reason with every refusal.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    process::ExitCode,
};

use rustix::io::Errno;

use super::kernel_file::take_apart;
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
use crate::{
    formats::kernel_file::KernelFile,
    image::{identify::identify, unwrap::unwrap},
    kexec::multiboot::{self, Module, Told},
};
use crate::{
    formats::text,
    image::apart::ApartError,
    kexec::{
        self, Image, LoadError, Method,
        command::{
            HELP, TYPES, cmdline,
            options::{self, Invocation, Options, Purpose, UsageError},
        },
        reason,
        segments::Wishes,
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
    #[error("no kernel specified; name its file: kexec -l KERNEL …")]
    NoKernel,
    #[error("unsupported kernel type {0}; it may be {types}, or leave -t out", types = TYPES.join(", "))]
    Type(String),
    #[error("{0}: {1}; {remedy}", remedy = reason::remedy_for_file(.1))]
    Unreadable(String, io::Error),
    #[error("{0}: {1}")]
    Apart(String, ApartError),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error(
        "no memory is kept for a crash kernel; start this one with crashkernel=256M on its command line, then try again"
    )]
    NoCrashMemory,
    #[error("nothing has been loaded; load a kernel first: kexec -l KERNEL …")]
    NothingLoaded,
    #[error(
        "the running kernel does not tell what is loaded (/sys/kernel/kexec_loaded is missing); it may lack CONFIG_KEXEC"
    )]
    Untold,
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
    #[cfg(feature = "running-system")]
    #[error("no kernel was named, and this machine's own cannot be loaded: {0}")]
    NoDefault(String),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoFileCall(_) => ExitCode::from(NO_FILE_CALL),
            Self::Usage(_) | Self::NoCrashMemory | Self::NothingLoaded => ExitCode::from(1),
            _ => ExitCode::from(FAILED),
        }
    }
}

/// Runs the command with the arguments behind its name.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    pipe::die_quietly();
    match options::parse(arguments.iter().cloned()).map_err(Failure::from).and_then(act) {
        Ok(code) => code,
        Err(failure) => {
            let mut stderr = io::stderr().lock();
            // Nobody is left to tell if stderr is closed.
            let _ = match failure {
                // It begins with the command's name already.
                Failure::Load(_) | Failure::NoFileCall(_) | Failure::NotReplaced(..) => {
                    writeln!(stderr, "{failure}")
                }
                ref failure => writeln!(stderr, "kexec: {failure}"),
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
    // A second logger is nothing that could happen here.
    let logger = simple_logger::SimpleLogger::new().with_level(level);
    // What goblin has to say of a kernel's headers is pages long.
    let _ = logger.with_module_level("goblin", log::LevelFilter::Warn).init();
    if options.debug {
        for option in &options.without_effect {
            log::debug!("--{option} has no effect here");
        }
    }
    if options.print_crash_size {
        return Ok(print(&format!("{}\n", state::crash_size())));
    }
    if options.status {
        return status(&options);
    }
    if options.purpose == Purpose::Crash && state::crash_size() == 0 {
        return Err(Failure::NoCrashMemory);
    }
    if options.unload {
        kexec::unload_from(slot(options.purpose)).map_err(Failure::Unload)?;
    }
    #[cfg(feature = "running-system")]
    barrier(&options)?;
    if options.load && is_alone(&options) {
        load_default(&options)?;
    } else if options.load {
        let slot = slot(options.purpose);
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
                (failure, _) => failure,
            }
        })?;
    }
    if (options.exec || options.shutdown) && state::loaded(Slot::Boot) == Some(false) {
        return Err(Failure::NothingLoaded);
    }
    if options.shutdown {
        return Err(Failure::Shutdown(shutdown()));
    }
    if options.sync {
        rustix::fs::sync();
    }
    if options.exec {
        if options.interfaces_down {
            take_interfaces_down();
        }
        return Err(Failure::Jump(kexec::jump()));
    }
    Ok(ExitCode::SUCCESS)
}

fn slot(purpose: Purpose) -> Slot {
    match purpose {
        Purpose::Boot => Slot::Boot,
        Purpose::Crash => Slot::Crash,
    }
}

/// Exit code 1 says that a kernel is loaded, 0 that none is.
fn status(options: &Options) -> Result<ExitCode, Failure> {
    let slot = if options.status_of_boot { Slot::Boot } else { Slot::Crash };
    state::loaded(slot).map(|loaded| ExitCode::from(u8::from(loaded))).ok_or(Failure::Untold)
}

fn load(options: &Options) -> Result<(), Failure> {
    let kernel = options.kernel.as_ref().ok_or(Failure::NoKernel)?;
    let wrong = |name: &&String| options.method == Method::Segments && !TYPES.contains(&name.as_str());
    if let Some(name) = options.image_type.as_ref().filter(wrong) {
        return Err(Failure::Type(name.clone()));
    }
    let kernel = open(kernel)?;
    #[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
    if !options.modules.is_empty() || is_multiboot(&kernel) {
        return load_multiboot(options, &kernel);
    }
    let initrds: Vec<Image> = options.initrds.iter().map(open).collect::<Result<_, _>>()?;
    let running = text::decode(&fs::read("/proc/cmdline").unwrap_or_default());
    let (assembled, cmdline) = take_apart(kernel, initrds, &cmdline::cmdline(options, &running))
        .map_err(|(name, reason)| Failure::Apart(name, reason))?;
    let own_tree = assembled.devicetree.filter(|_| cfg!(not(target_arch = "x86_64")));
    let (kernel, initrds) = (assembled.kernel, assembled.initrds);
    let cmdline = text::encode(&cmdline);
    log::debug!(
        "{} with {} initrds and the command line {}",
        kernel.name,
        initrds.len(),
        text::printable(&text::decode(&cmdline))
    );
    let device_tree = options
        .devicetree
        .as_ref()
        .map(|path| fs::read(path).map_err(|error| Failure::Unreadable(path.clone(), error)));
    let limits = options.memory_min..options.memory_max;
    let wishes =
        Wishes { limits, no_efi: options.no_efi, device_tree: device_tree.transpose()?.or(own_tree) };
    // Hiding the firmware and choosing the memory is in the segments' power only.
    let chosen = wishes != Wishes::default() && options.method == Method::Auto;
    let method = if chosen { Method::SegmentsIfAllowed } else { options.method };
    match options.purpose {
        Purpose::Crash => Ok(kexec::load_for_panic(method, &wishes, &kernel, &initrds, &cmdline)?),
        Purpose::Boot => Ok(kexec::load_by(method, &wishes, &kernel, &initrds, &cmdline)?),
    }
}

#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
fn is_multiboot(kernel: &Image) -> bool {
    let format = |file: &File| identify(file).ok().and_then(|identity| identity.format);
    // A vmlinux has no such header.
    let has_header = |format| match format {
        Some(KernelFile::Elf(elf)) => elf.multiboot.is_some(),
        format => matches!(format, Some(KernelFile::Multiboot(_))),
    };
    match unwrap(&kernel.file) {
        Ok(Some(unwrapped)) => has_header(format(&unwrapped)),
        _ => has_header(format(&kernel.file)),
    }
}

/// A multiboot kernel with its modules, each of which is called by the words behind its path.
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
fn load_multiboot(options: &Options, kernel: &Image) -> Result<(), Failure> {
    let running = text::decode(&fs::read("/proc/cmdline").unwrap_or_default());
    // The first word is the file's name.
    let words = cmdline::cmdline(options, &running);
    let cmdline = text::encode(format!("{} {words}", kernel.name).trim_end());
    let module = |module: &String| {
        let path = module.split_once(' ').map_or(module.as_str(), |(path, _)| path).to_owned();
        Ok(Module { image: open(&path)?, words: text::encode(module), as_it_is: true })
    };
    let modules: Vec<Module> = options.modules.iter().map(module).collect::<Result<_, Failure>>()?;
    let version = match options.image_type.as_deref() {
        Some("multiboot-x86") => 1,
        Some("multiboot2-x86") => 2,
        _ => 0,
    };
    let wishes = Wishes { limits: options.memory_min..options.memory_max, ..Wishes::default() };
    let told = Told { version, cmdline: &cmdline, named: true };
    Ok(multiboot::load(options.method, kernel, &modules, &told, &wishes)?)
}

fn open(path: &String) -> Result<Image, Failure> {
    let unreadable = |error| Failure::Unreadable(path.clone(), error);
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    Ok(Image { name: path.clone(), file })
}

fn lacks_call(error: &LoadError, method: Method) -> bool {
    method == Method::File && error.errno() == Some(Errno::NOSYS)
}

/// Neither an action nor a kernel is named, nor anything that would go with one: the machine's own default is meant.
fn is_alone(options: &Options) -> bool {
    let names_nothing = options.kernel.is_none() && options.initrds.is_empty() && options.modules.is_empty();
    cfg!(feature = "running-system") && options.shutdown && names_nothing
}

/// What makes it impossible, found before anything is done.
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

/// Loads what this machine would boot on its own, unless a kernel waits already.
#[cfg(feature = "running-system")]
fn load_default(options: &Options) -> Result<(), Failure> {
    if state::loaded(Slot::Boot) == Some(true) {
        log::warn!("a kernel is loaded already: shutting down into it");
        return Ok(());
    }
    super::boot::load_default(options.append.as_deref(), options.reuse_cmdline)
        .map_err(|failure| Failure::NoDefault(failure.to_string()))
}

#[cfg(not(feature = "running-system"))]
fn load_default(_: &Options) -> Result<(), Failure> {
    Err(Failure::NoKernel)
}

/// Returns only if there is no shutdown to run.
#[cfg(feature = "running-system")]
fn shutdown() -> io::Error {
    crate::running::init_system::Shutdown::of("/".as_ref()).ask()
}

/// Returns only if there is no shutdown to run.
#[cfg(not(feature = "running-system"))]
fn shutdown() -> io::Error {
    use std::os::unix::process::CommandExt;
    std::process::Command::new("/sbin/shutdown").args(["-r", "now"]).exec()
}

/// So that no network card writes into memory that the next kernel uses by then. One that stays up is no reason to stay.
fn take_interfaces_down() {
    let names = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != "lo") {
        if let Err(error) = interfaces::take_down(&name) {
            log::debug!("{name} stays up: {error}");
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
    fn where_no_kernel_can_be_started_the_remedy_is_told_with_kexec_tools_exit_code() {
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
