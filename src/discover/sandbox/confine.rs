//! The restrictions of the finder's process before it reads the first byte of a disk: roots that nothing leads out of
//! ([`super::roots`]), capabilities(7), landlock(7), seccomp(2), setrlimit(2).
//!
//! Afterwards it can read beneath the directories that it was given, use memory and time within limits, and answer on
//! the descriptors that it has. Everything else ends it.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, OwnedFd},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, Signal, getpid, set_parent_process_death_signal, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, gettid,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::roots::shut_in;

/// Which numbers the system calls have.
const ARCHITECTURE: TargetArch = if cfg!(target_arch = "aarch64") {
    TargetArch::aarch64
} else if cfg!(target_arch = "riscv64") {
    TargetArch::riscv64
} else {
    TargetArch::x86_64
};

/// Address space in bytes: a configuration of 1 MiB takes a few MiB to evaluate.
const MEMORY_LIMIT: u64 = 256 << 20;

/// Processor time in seconds.
const TIME_LIMIT: u64 = 15;

/// Resources and their limits. No file is made or grown, and a crash writes none.
const LIMITS: [(Resource, u64); 4] =
    [(Resource::As, MEMORY_LIMIT), (Resource::Cpu, TIME_LIMIT), (Resource::Core, 0), (Resource::Fsize, 0)];

/// System calls that reading directories and files, memory, and the end of a process take.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What it takes beside those to have each disk searched in a process of its own: the process itself, its end, the pipe for its
/// answer, and its own confinement. glibc says where the list of the locks of a new process is, musl what is cleared at its end.
const DIVIDING: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    libc::SYS_clone,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_wait4,
    libc::SYS_pipe2,
    libc::SYS_prctl,
    libc::SYS_seccomp,
];

/// What fcntl(2) is asked for. Others have the kernel send signals to any process.
const FCNTL: [libc::c_int; 5] =
    [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD, libc::F_DUPFD_CLOEXEC];

/// Memory that can be run as code is not asked for.
const EXECUTABLE: u64 = libc::PROT_EXEC as u64;

/// What mmap(2) maps, of its flags' type: memory that nobody else sees. glibc from 2.41 on keeps the state of its random
/// numbers in memory that the kernel may drop.
const PRIVATE: [libc::c_int; 2] = [libc::MAP_PRIVATE, libc::MAP_DROPPABLE];

/// Why a process could not be confined.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    /// Capabilities, limits or the like.
    #[error("{0}: {1}")]
    Kernel(&'static str, Errno),
    /// The list of system calls is wrong for this architecture.
    #[error("seccomp filter: {0}")]
    Filter(#[from] BackendError),
    /// The kernel refused it.
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
    /// The rules are wrong; a kernel without Landlock is no error.
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
}

/// Confines the calling thread, which must be its process's only one, to reading beneath `directories`. Gives what to read
/// them by, and what could not be done. `landlock` is true but in tests. A `divided` process reads no disk itself, and makes a
/// process for each ([`confine_part`]).
pub(super) fn confine(
    directories: Vec<OwnedFd>,
    landlock: bool,
    divided: bool,
) -> Result<(Vec<OwnedFd>, Option<String>), ConfineError> {
    let kernel = |what| move |errno| ConfineError::Kernel(what, errno);
    // Whoever asked is gone: nobody waits for the answer.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(kernel("parent death signal"))?;
    for (resource, limit) in LIMITS {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
            .map_err(kernel("limits"))?;
    }
    let (directories, missing) = shut_in(directories);
    set_no_new_privs(true).map_err(kernel("no_new_privs"))?;
    drop_capabilities().map_err(kernel("capabilities"))?;
    if landlock {
        restrict_files(&directories)?;
    }
    apply_filter(&filter(divided)?)?;
    Ok((directories, missing))
}

/// Takes from a process that a divided one has made what that one could do beyond reading.
pub(super) fn confine_part() -> Result<(), ConfineError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| ConfineError::Kernel("parent death signal", errno))?;
    let mut rules = BTreeMap::new();
    rules.extend(DIVIDING.iter().map(|call| (*call, Vec::new())));
    let filter: Vec<seccompiler::sock_filter> =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, ARCHITECTURE)?
            .try_into()?;
    Ok(apply_filter(&filter)?)
}

fn drop_capabilities() -> Result<(), Errno> {
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // The kernel knows fewer of them, or the process has none to begin with.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(errno) => return Err(errno),
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn restrict_files<D: AsFd>(directories: &[D]) -> Result<(), RulesetError> {
    let abi = ABI::V6;
    let read: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?;
    let mut ruleset = ruleset.create()?;
    for directory in directories {
        ruleset = ruleset.add_rule(PathBeneath::new(directory.as_fd(), read))?;
    }
    ruleset.restrict_self().map(|_| ())
}

fn filter(divided: bool) -> Result<Vec<seccompiler::sock_filter>, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    let is = |argument, how, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let dividing = if divided { DIVIDING } else { &[] };
    rules.extend(ALLOWED.iter().chain(dividing).map(|call| (*call, Vec::new())));
    let not_executable = || is(2, MaskedEq(EXECUTABLE), 0);
    let mappings = PRIVATE.iter().map(|kind| {
        let is_private = is(3, MaskedEq(libc::MAP_TYPE as u64), kind.unsigned_abs().into())?;
        SeccompRule::new(vec![not_executable()?, is_private])
    });
    rules.insert(libc::SYS_mmap, mappings.collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![not_executable()?])?]);
    let commands =
        FCNTL.iter().map(|command| SeccompRule::new(vec![is(1, Eq, command.unsigned_abs().into())?]));
    rules.insert(libc::SYS_fcntl, commands.collect::<Result<_, _>>()?);
    // An abort names itself as one, and reaches nobody else.
    let own = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let thread = u64::from(gettid().as_raw_nonzero().get().unsigned_abs());
    let abort = libc::SIGABRT as u64;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![is(0, Eq, own)?, is(2, Eq, abort)?])?]);
    rules.insert(libc::SYS_tkill, vec![SeccompRule::new(vec![is(0, Eq, thread)?, is(1, Eq, abort)?])?]);
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, ARCHITECTURE)?.try_into()
}
