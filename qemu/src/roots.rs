//! Unpacked Debian roots: programs of a known Debian release, for tests and builds, without installing them.
//!
//! [`Root::unpack`] gives the directory that holds some packages of a suite with everything they depend on, as
//! `mmdebstrap --variant=extract` unpacks them: their files are there, their maintainer scripts have not run. A root
//! takes a few seconds and the network once; it is kept in `~/.cache/firstlight/roots` ([`crate::place::cache`]) by the
//! hash of its recipe, for all checkouts of this machine. Removing that directory costs no more than making it again.
//! The mirror is the one that this machine's apt uses.
//!
//! [`Root::command`] runs a program of the root in it: in a mount name space of its own, whose `/` has the root's files
//! (read-only), this machine's `/dev`, `/proc` and `/sys`, an empty `/tmp`, and the directories that are asked for at
//! their own paths. Not a file of it is this machine's, so that no answer can come from what is installed here. It works
//! as root, and for others where the kernel lets them make user name spaces.
//!
//! ```no_run
//! let directory = std::env::current_dir()?;
//! let root = qemu::roots::Root::unpack("trixie", &["gcc", "libc6-dev"])?;
//! let mut gcc = root.command(&[&directory], "gcc");
//! gcc.current_dir(&directory).args(["-o", "hello", "hello.c"]);
//! println!("gcc {}: {}", root.version("gcc").unwrap_or_default(), qemu::tool::finish(&mut gcc)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same for a shell: `cargo run -q -p qemu --bin debian-root -- trixie gcc,libc6-dev --share "$PWD" -- gcc …`.
//! A program that tests compare with is a row of [`crate::oracles`], which also says which version it must have.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use goblin::elf::Elf;
use initramfs::Tree;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::cache::{self, Recipe};
use crate::error::{Context, Error};
use crate::payload::builder;
use crate::{Result, debian, tool};

/// Runs while the packages' files are still there: the database of what is unpacked, for `dpkg-query --admindir` too.
const NOTE_PACKAGES: &str = r#"cd "$1" && for package in var/cache/apt/archives/*.deb; do
    dpkg-deb --field "$package" && printf 'Status: install ok unpacked\n\n'
done >>var/lib/dpkg/status"#;

/// Files that no program needs, and devices, which only root could make.
const LEFT_OUT: &[&str] =
    &["./dev/*", "./usr/share/doc", "./usr/share/man", "./usr/share/info", "./usr/share/locale"];

/// Links that a package's maintainer script, an alternative or a merged `/usr` would make, where what they lead to is
/// there.
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("usr/bin/sh", "dash"),
    ("usr/bin/awk", "mawk"),
    ("usr/bin/cc", "gcc"),
];

const ENTER: &str = include_str!("../recipes/enter-root.sh");

/// A suite's packages, unpacked.
#[derive(Clone, Debug)]
pub struct Root {
    suite: String,
    directory: PathBuf,
}

/// What a root is made of.
struct Contents<'a> {
    suite: &'a str,
    /// As Debian calls it; `None` is this machine's.
    architecture: Option<&'a str>,
    packages: String,
}

impl Root {
    /// The root with these packages of a suite (`bookworm`, `trixie`, `forky` …) and all that they depend on, made now
    /// if it is not there.
    ///
    /// # Errors
    /// When a program is missing or fails, for want of network, space or rights for instance.
    pub fn unpack(suite: &str, packages: &[&str]) -> Result<Self> {
        Self::unpack_as(suite, packages, "")
    }

    /// The same, made again when `pinned` changes: what must be true of the root.
    pub(crate) fn unpack_as(suite: &str, packages: &[&str], pinned: &str) -> Result<Self> {
        Self::keep(&Contents { suite, architecture: None, packages: packages.join(",") }, pinned)
    }

    /// The same of another architecture (`arm64`): its files can be read, and its programs run in guests only.
    ///
    /// # Errors
    /// As [`Self::unpack`].
    pub fn unpack_for(architecture: &str, suite: &str, packages: &[&str]) -> Result<Self> {
        let contents = Contents { suite, architecture: Some(architecture), packages: packages.join(",") };
        Self::keep(&contents, "")
    }

    fn keep(contents: &Contents<'_>, pinned: &str) -> Result<Self> {
        let Contents { suite, architecture, packages } = contents;
        let mut recipe = Recipe::new(suite)
            .and(packages)
            .and(pinned)
            .and(NOTE_PACKAGES)
            .and(LEFT_OUT.join(" "))
            .and(format!("{LINKS:?}"));
        let mut name = format!("{suite}-{}", packages.split(',').next().unwrap_or_default());
        if let Some(architecture) = architecture {
            recipe = recipe.and(architecture);
            name += &format!("-{architecture}");
        }
        let kept = cache::kept("roots", &name, &recipe, |path| make(&debian::source(suite), contents, path))?;
        Ok(Self { suite: (*suite).to_owned(), directory: kept.join("root") })
    }

    /// The suite that it is of.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// The directory that is its `/`. Not to be written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Where a file of the root is on this machine, all links followed as they lead in there.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn file(&self, path: &str) -> Result<PathBuf> {
        let open = || {
            let directory = fs::File::open(&self.directory)?;
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let path = path.trim_start_matches('/');
            let file = openat2(&directory, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?;
            fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
        };
        open().context(|| format!("{}: {path}", self.directory.display()))
    }

    /// Puts a program into `tree` at `path`, with the shared libraries that it needs.
    ///
    /// # Errors
    /// When there is no such program, or its dynamic linker does not find a library.
    pub fn add_program(&self, tree: &mut Tree, program: &str, path: &str) -> Result<()> {
        let file = self.file(program)?;
        tree.copy(&file, path).map_err(builder)?;
        let bytes = fs::read(&file).context(|| format!("reading {}", file.display()))?;
        let elf = Elf::parse(&bytes).map_err(|error| Error::Other(format!("{}: {error}", file.display())))?;
        // A static program has no dynamic linker.
        let Some(linker) = elf.interpreter else { return Ok(()) };
        let libraries = tool::finish(self.command(&[], linker).args(["--list", program]))?;
        for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
            tree.copy(&self.file(library)?, library).map_err(builder)?;
        }
        Ok(())
    }

    /// The version of one of its packages, as Debian writes it: `2.12-9+deb13u1`.
    #[must_use]
    pub fn version(&self, package: &str) -> Option<String> {
        let status = fs::read_to_string(self.directory.join("var/lib/dpkg/status")).ok()?;
        field(&status, package, "Version").map(str::to_owned)
    }

    /// A command that runs a program of the root in it, found by the `PATH` of a Debian. The program sees each directory
    /// of `shared` at its own absolute path, and may write there; its working directory is the command's, where that is
    /// shared, else `/`. It is not a child of the command but takes its place: signals reach it.
    #[must_use]
    pub fn command(&self, shared: &[&Path], program: impl AsRef<OsStr>) -> Command {
        let mut command = tool::command("unshare");
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["sh", "-euc", ENTER, "enter-root"]).arg(&self.directory);
        command.args(shared).arg("--").arg(program);
        command
    }

    /// Whether programs of roots can be run here.
    ///
    /// # Errors
    /// When they cannot, with the reason.
    pub fn may_enter() -> Result<()> {
        let mut command = tool::command("unshare");
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        tool::finish(command.arg("true")).map(drop)
    }
}

fn make(source: &str, contents: &Contents<'_>, directory: &Path) -> Result<()> {
    let Contents { suite, architecture, packages } = contents;
    let root = directory.join("root");
    // The directory that is `/` inside is put together there.
    let place = root.join("mnt");
    fs::create_dir_all(&place).context(|| format!("making {}", place.display()))?;
    // By way of an archive: whoever makes it then owns every file, and a user's own files can be removed by that user.
    let archive = directory.join("root.tar");
    let mut mmdebstrap = tool::command("mmdebstrap");
    mmdebstrap
        .args(["--variant=extract", &format!("--include={packages}")])
        .args(architecture.map(|architecture| format!("--architectures={architecture}")))
        .arg("--aptopt=Apt::Install-Recommends \"false\"")
        // The testing suite of a mirror that lags is past its date.
        .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .arg(format!("--extract-hook={NOTE_PACKAGES}"))
        .arg(suite)
        .arg(&archive)
        .arg(source);
    let what = format!("unpacking {packages} of {suite}, once");
    tool::finish_logged(&mut mmdebstrap, &format!("root-{suite}"), &what)
        .map_err(|error| reason(error, &format!("{packages} of {suite}")))?;
    let mut tar = tool::command("tar");
    tar.args(["--extract", "--no-same-owner", "--file"]).arg(&archive).arg("--directory").arg(&root);
    tool::finish(tar.args(LEFT_OUT.iter().map(|path| format!("--exclude={path}"))))?;
    fs::remove_file(&archive).context(|| format!("removing {}", archive.display()))?;
    for (link, target) in LINKS {
        let link = root.join(link);
        let leads_somewhere = link.parent().is_some_and(|parent| parent.join(target).exists());
        if leads_somewhere && fs::symlink_metadata(&link).is_err() {
            symlink(target, &link).context(|| format!("making {}", link.display()))?;
        }
    }
    Ok(())
}

/// mmdebstrap's log of a failure is long: its first error is the reason.
fn reason(error: Error, what: &str) -> Error {
    let Error::Tool { output, .. } = &error else { return error };
    match output.lines().find_map(|line| line.strip_prefix("E: ")) {
        Some(reason) => Error::Other(format!("{what}: mmdebstrap: {reason}")),
        None => error,
    }
}

/// A field of a package in dpkg's database.
fn field<'a>(status: &'a str, package: &str, name: &str) -> Option<&'a str> {
    let value = |stanza: &'a str, name: &str| {
        stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let stanza = status.split("\n\n").find(|stanza| value(stanza, "Package") == Some(package))?;
    value(stanza, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pinned, place};

    /// A mirror with one package, whose program is static.
    fn mirror(directory: &Path) -> String {
        let package = directory.join("package");
        for part in ["DEBIAN", "usr/bin", "usr/share/doc/greeter"] {
            fs::create_dir_all(package.join(part)).unwrap();
        }
        let control = "Package: greeter\nVersion: 1:2.5-1\nArchitecture: all\nMaintainer: a <a@example.org>\n\
                       Description: says things\n in two lines\n";
        fs::write(package.join("DEBIAN/control"), control).unwrap();
        let shell = pinned::disks().unwrap().file("/bin/busybox").unwrap();
        fs::copy(shell, package.join("usr/bin/dash")).unwrap();
        fs::write(package.join("usr/share/doc/greeter/readme"), "long").unwrap();
        let file = directory.join("greeter.deb");
        tool::finish(tool::command("dpkg-deb").arg("--build").args([&package, &file])).unwrap();
        let sum = tool::finish(tool::command("sha256sum").arg(&file)).unwrap();
        let size = fs::metadata(&file).unwrap().len();
        let sum = sum.split(' ').next().unwrap();
        let index = format!("{control}Filename: greeter.deb\nSize: {size}\nSHA256: {sum}\n\n");
        let architecture = tool::run("dpkg", ["--print-architecture"]).unwrap();
        let lists = directory.join(format!("dists/sid/main/binary-{}", architecture.trim()));
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("Packages"), &index).unwrap();
        let name = format!("main/binary-{}/Packages", architecture.trim());
        let sum = tool::finish(tool::command("sha256sum").arg(lists.join("Packages"))).unwrap();
        let release = format!(
            "Suite: sid\nCodename: sid\nComponents: main\nArchitectures: {}\n\
             Date: Thu, 01 Jan 2015 00:00:00 UTC\nValid-Until: Fri, 02 Jan 2015 00:00:00 UTC\nSHA256:\n {} {} {name}\n",
            architecture.trim(),
            sum.split(' ').next().unwrap(),
            index.len()
        );
        fs::write(directory.join("dists/sid/Release"), release).unwrap();
        format!("deb [trusted=yes] copy://{} sid main", directory.display())
    }

    #[test]
    fn a_root_has_its_own_programs_its_versions_and_what_is_shared_and_no_more() {
        let directory = tempfile::tempdir_in(place::directory("disks").unwrap()).unwrap();
        let source = mirror(&directory.path().join("mirror"));
        let made = directory.path().join("made");
        let contents = Contents { suite: "sid", architecture: None, packages: "greeter".into() };
        make(&source, &contents, &made).unwrap();
        let root = Root { suite: "sid".into(), directory: made.join("root") };
        assert_eq!(root.version("greeter").as_deref(), Some("1:2.5-1"));
        assert_eq!(root.version("other"), None);
        let shown = ["--showformat=${Package} ${Version} ${Status}", "--show"];
        let admin = format!("--admindir={}", root.path().join("var/lib/dpkg").display());
        assert_eq!(
            tool::run("dpkg-query", [&[admin.as_str()][..], &shown].concat()).unwrap(),
            "greeter 1:2.5-1 install ok unpacked"
        );
        let shared = directory.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::write(shared.join("given"), "x").unwrap();
        let script = "pwd; cat given; ls /usr/bin /usr/share; echo >made; ls -d /etc/os-release; echo >/usr/no; \
                      test -c /dev/null && test -d /proc/self && echo kernel; kill -TERM $$";
        let mut shell = root.command(&[&shared], "/bin/sh");
        let output = shell.current_dir(&shared).args(["-c", script]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{}\nx/usr/bin:\ndash\nsh\n\n/usr/share:\nkernel\n", shared.display()));
        // The signal reached the very process that was started.
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(15));
        assert!(shared.join("made").exists());
    }

    #[test]
    fn a_field_is_that_of_its_own_package() {
        let status = "Package: a\nVersion: 1\nDescription: x\n Package: b\n\nPackage: b\nVersion: 2\n\n";
        assert_eq!(["a", "b", "c"].map(|name| field(status, name, "Version")), [Some("1"), Some("2"), None]);
    }
}
