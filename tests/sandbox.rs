//! The finder's confinement, tried from inside: a process in the finder's place tries what one that a hostile disk has taken over
//! would, as root and as nobody, with and without Landlock.
//!
//! This test is its own harness: a process that shuts itself in must have one thread only, and the usual harness has more.

use std::{
    collections::HashSet,
    env,
    fs::{self, File, Permissions},
    io::Write,
    net::UdpSocket,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            fs::{PermissionsExt, symlink},
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{Command, ExitCode, Output},
    thread,
};

use firstlight::{
    discover::{
        finder::Context,
        sandbox::{self, Probed},
    },
    entry::{Device, Filesystem, FilesystemKind, Volume},
    formats::lookup::BARE_FILE,
    storage::{OpenVolume, root::Root},
    sys::{child::Program, inherited, signal},
};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, fcntl_setfl, openat2, statat},
    process::{Signal, Uid, geteuid, getppid, kill_process},
    thread::set_thread_uid,
};
use serde_json::Value;
use tempfile::TempDir;

/// How an attempt must end.
enum End {
    /// It returns true.
    Holds,
    /// As above, where the process could be shut in: it leads out of the volumes.
    HoldsInside,
    /// The kernel ends the process by this signal.
    Signal(i32),
}

use End::{Holds, HoldsInside};

/// A descriptor that the starter forgot to close.
const FORGOTTEN: i32 = 9;

const NOBODY: u32 = 65534;

type Attempt = fn(&[OpenVolume]) -> bool;

const ATTEMPTS: &[(&str, End, Attempt)] = &[
    ("read beneath a volume", Holds, |all| all[0].root.read("/marker", 9).as_deref() == Ok(b"here")),
    ("read a partition", Holds, |all| all[1].root.read_at(BARE_FILE, 1, 9).as_deref() == Ok(b"ere")),
    ("list a directory", Holds, |all| all[0].root.list("/").len() == 2),
    ("use some memory", Holds, |_| vec![1_u8; 32 << 20].iter().all(|byte| *byte == 1)),
    ("draw random numbers", Holds, |_| HashSet::from([1, 2]).contains(&2)),
    ("use too much memory", Holds, |_| Vec::<u8>::new().try_reserve_exact(512 << 20).is_err()),
    ("use the starter's descriptors", Holds, |_| inherited::take(FORGOTTEN).is_err()),
    ("read the console's keys", Holds, |_| rustix::io::read(std::io::stderr(), &mut [0; 9]).is_err()),
    ("write to the console", Holds, |_| std::io::stderr().write_all(b"\x1b[2J").is_ok()),
    ("read beside a volume", HoldsInside, |all| open(&all[0], "../secret", OFlags::RDONLY).is_err()),
    ("look beside a volume", HoldsInside, |all| open(&all[0], "../secret", OFlags::PATH).is_err()),
    ("climb to the top", HoldsInside, |all| {
        let mut top = open(&all[0], ".", OFlags::PATH).unwrap();
        for _ in 0..32 {
            top = free(top.as_fd(), "..", OFlags::PATH).unwrap();
        }
        statat(&top, "etc", AtFlags::empty()).is_err() && statat(&top, "secret", AtFlags::empty()).is_err()
    }),
    ("follow a link out of a volume", HoldsInside, |all| open(&all[0], "link", OFlags::RDONLY).is_err()),
    ("read elsewhere", HoldsInside, |_| {
        ["/etc/passwd", "../etc/passwd", "/proc/self/exe", "/../etc/passwd"]
            .iter()
            .all(|path| free(CWD, path, OFlags::RDONLY).is_err())
    }),
    ("look elsewhere", HoldsInside, |_| free(CWD, "/etc/passwd", OFlags::PATH).is_err()),
    ("write beneath a volume", HoldsInside, |all| {
        let ways = [
            ("marker", OFlags::WRONLY),
            ("marker", OFlags::RDWR),
            ("marker", OFlags::RDONLY | OFlags::TRUNC),
            ("new", OFlags::WRONLY | OFlags::CREATE),
            (".", OFlags::WRONLY | OFlags::TMPFILE),
        ];
        ways.iter().all(|(path, flags)| open(&all[0], path, *flags).is_err())
    }),
    ("write beside a volume", HoldsInside, |all| {
        open(&all[0], "../secret", OFlags::RDONLY | OFlags::TRUNC).is_err()
            && open(&all[0], "../new", OFlags::WRONLY | OFlags::CREATE).is_err()
    }),
    ("abort", End::Signal(libc::SIGABRT), |_| std::process::abort()),
    ("open a file as programs do", KILLED, |_| fs::read("/etc/passwd").is_ok()),
    ("talk to the network", KILLED, |_| UdpSocket::bind("127.0.0.1:0").is_ok()),
    ("start a process", KILLED, |_| Command::new("/bin/true").status().is_ok()),
    ("make a copy of itself", KILLED, |_| firstlight::sys::fork::fork().is_ok()),
    ("start a thread", KILLED, |_| thread::Builder::new().spawn(|| ()).is_ok()),
    ("kill its parent", KILLED, |_| kill_process(getppid().unwrap(), Signal::KILL).is_ok()),
    ("abort its parent", KILLED, |_| signal::send_to_first_thread(getppid().unwrap(), libc::SIGABRT).is_ok()),
    ("have its parent signalled by a socket", KILLED, |_| {
        signal::set_owner(std::io::stdin().as_fd(), getppid().unwrap()).is_ok()
    }),
    ("choose a socket's signal", KILLED, |_| {
        signal::set_signal(std::io::stdin().as_fd(), libc::SIGSEGV).is_ok()
    }),
    ("have a socket send signals", KILLED, |_| {
        fcntl_setfl(std::io::stdin(), OFlags::from_bits_retain(libc::O_ASYNC.cast_unsigned())).is_ok()
    }),
    ("regain privilege", KILLED, |_| set_thread_uid(Uid::ROOT).is_ok()),
    ("leave by another root", KILLED, |_| rustix::process::chroot(".").is_ok()),
];

/// The kernel ends a process that makes a system call that no finder needs.
const KILLED: End = End::Signal(libc::SIGSYS);

/// Opens a path as it is, without the restrictions that the finder asks for itself.
fn free(from: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let creates = flags.intersects(OFlags::CREATE | OFlags::TMPFILE);
    let mode = if creates { Mode::from_raw_mode(0o600) } else { Mode::empty() };
    openat2(from, path, flags, mode, ResolveFlags::empty())
}

fn open(volume: &OpenVolume, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    free(volume.root.as_fd(), path, flags)
}

/// In the finder's place: the attempt that the request names.
fn attempt(context: &Context, volumes: &[OpenVolume]) -> ExitCode {
    let name = context.grub_flavour.as_deref().unwrap_or_default();
    let (_, _, attempt) = ATTEMPTS.iter().find(|(known, ..)| *known == name).unwrap();
    if attempt(volumes) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A volume and a partition, beside a secret.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    let volume = tree.path().join("volume");
    fs::create_dir(&volume).unwrap();
    for path in [&tree.path().join("secret"), &tree.path().join("partition"), &volume.join("marker")] {
        fs::write(path, "here").unwrap();
    }
    symlink(tree.path().join("secret"), volume.join("link")).unwrap();
    tree
}

/// On one disk, or on two of them.
fn volumes(tree: &Path, disks: usize) -> Vec<OpenVolume> {
    let open = |name: &str, kind, root: Root| OpenVolume {
        volume: Volume::new(
            Device { disk: if disks == 1 { "sda" } else { name }.into(), ..Device::new(name) },
            Filesystem { kind, uuid: None, label: None },
        ),
        root: root.naming_as(kind),
    };
    let partition = File::open(tree.join("partition")).unwrap();
    vec![
        open("sda1", FilesystemKind::Ext4, Root::from_directory(&tree.join("volume")).unwrap()),
        open("sda2", FilesystemKind::Bare, Root::from_fd(partition.into())),
    ]
}

fn probe(tree: &Path, name: &str, landlock: bool, disks: usize) -> Probed {
    let words = ["sandbox", if landlock { "probe" } else { "probe-without-landlock" }];
    let forgotten = OwnedFd::from(File::open("/etc/passwd").unwrap());
    let program = Program::new(env::current_exe().unwrap().as_os_str(), &words).unwrap();
    let context = Context { grub_flavour: Some(name.to_owned()), ..Context::default() };
    let volumes = volumes(tree, disks);
    let volumes: Vec<&OpenVolume> = volumes.iter().collect();
    sandbox::probe(program.hand(&forgotten, FORGOTTEN).unwrap(), &volumes, &context).unwrap()
}

/// All attempts. Gives what could not be done to shut the process in.
fn all_attempts() -> Option<String> {
    let mut missing = None;
    for (landlock, disks) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let tree = tree();
        for (name, end, _) in ATTEMPTS {
            let Probed { status, unconfined, said } = probe(tree.path(), name, landlock, disks);
            let status = status.unwrap();
            let must_hold = match end {
                HoldsInside => unconfined.is_none(),
                Holds | End::Signal(_) => true,
            };
            let expected = if let End::Signal(signal) = end { Some(*signal) } else { None };
            let ended = (status.signal(), status.success() || expected.is_some());
            assert!(
                !must_hold || ended == (expected, true),
                "{name} (Landlock: {landlock}, {disks} disks): {status}: {said}"
            );
            assert_eq!(said.contains("\x1b[2J"), *name == "write to the console", "{name}: {said}");
            missing = unconfined;
        }
        if missing.is_none() {
            let content = |path: &str| fs::read_to_string(tree.path().join(path)).unwrap();
            assert_eq!([content("secret"), content("volume/marker")], ["here", "here"]);
            let names = |path: &Path| fs::read_dir(path).unwrap().count();
            assert_eq!((names(tree.path()), names(&tree.path().join("volume"))), (3, 2));
        }
    }
    missing
}

fn as_root() {
    if geteuid().is_root() {
        assert_eq!(all_attempts(), None);
    } else {
        println!("skipped: only root can try this as root");
    }
}

/// Nobody gets a user namespace of its own here, or the finder says that it got none.
fn as_nobody() {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--mount", "true"]);
    let has_namespaces = by_nobody(&mut unshare).status().is_ok_and(|status| status.success());
    let copy = copy();
    let mut suite = Command::new(copy.path().join("sandbox"));
    suite.args(["attempts", if has_namespaces { "" } else { WITHOUT }]);
    assert!(by_nobody(&mut suite).status().unwrap().success());
}

/// What the finder says where the kernel has no user namespaces for it.
const WITHOUT: &str = "it gets no namespaces of its own (No space left on device (os error 28))";

/// A user namespace in which there can be no other, and no privilege over this machine's mounts.
fn within_limits(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg("echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"");
    command.arg(program).args(arguments);
    command
}

fn where_it_cannot_be_shut_in_it_says_so() {
    let own = env::current_exe().unwrap();
    assert!(within_limits(&own, &["attempts", WITHOUT]).status().unwrap().success());
    let tree = tree();
    let root = tree.path().to_str().unwrap();
    let firstlight = Path::new(env!("CARGO_BIN_EXE_firstlight"));
    let arguments = ["list", "--explain", "--root", root];
    let explained = |output: Output| String::from_utf8(output.stdout).unwrap();
    let message = format!("The finder is not confined: {WITHOUT}.\n");
    let limited = explained(within_limits(firstlight, &arguments).output().unwrap());
    assert!(limited.ends_with(&message), "{limited}");
    let json: Value = serde_json::from_slice(
        &within_limits(firstlight, &[&arguments[..], &["--json"]].concat()).output().unwrap().stdout,
    )
    .unwrap();
    assert_eq!(json["unconfined"], WITHOUT);
    let free = explained(Command::new(firstlight).args(arguments).output().unwrap());
    assert!(!geteuid().is_root() || !free.contains("not confined"), "{free}");
}

fn by_nobody(command: &mut Command) -> &mut Command {
    if geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// A copy of this program that anybody may run.
fn copy() -> TempDir {
    let directory = TempDir::new().unwrap();
    let program = directory.path().join("sandbox");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    for path in [directory.path(), &program] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

const TESTS: [(&str, fn()); 3] = [
    ("as_root", as_root),
    ("as_nobody", as_nobody),
    ("where_it_cannot_be_shut_in_it_says_so", where_it_cannot_be_shut_in_it_says_so),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["probe"] => return sandbox::run_probe(true, attempt),
        ["probe-without-landlock"] => return sandbox::run_probe(false, attempt),
        ["attempts", expected] => {
            assert_eq!(all_attempts().as_deref().unwrap_or_default(), expected);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    // As cargo-nextest asks a harness.
    if words.contains(&"--list") {
        let tests = TESTS.iter().filter(|_| !words.contains(&"--ignored"));
        tests.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let named: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    for (name, test) in TESTS.iter().filter(|(name, _)| named.is_empty() || named.contains(&name)) {
        println!("{name}");
        test();
    }
    ExitCode::SUCCESS
}
