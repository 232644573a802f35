//! The payloads that machines boot: firstlight's initramfs, and initrds whose init is the probe.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use initramfs::kernel::Architecture;
use initramfs::{Addition, Compression, Node, Recipe, Tree, binary, modules};
use probe::PARTS;

use crate::debian::Debian;
use crate::debian_kernel::DebianKernel;
use crate::error::{Context, Error};
use crate::roots::Root;
use crate::{Result, oracles, pinned, place};

/// The static programs that run in guests.
struct Programs {
    firstlight: PathBuf,
    probe: PathBuf,
    kill_worker: PathBuf,
}

/// Built by cargo in release mode, once in this process; cargo does nothing when they are up to date.
fn programs() -> Result<&'static Programs> {
    static BUILT: OnceLock<std::result::Result<Programs, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let firstlight =
            binary::build(&binary::Options::default()).map_err(|error| error.to_string())?.program;
        let probe = binary::build_release("probe", binary::TARGET).map_err(|error| error.to_string())?;
        let beside = |name| probe.with_file_name(name);
        Ok(Programs { firstlight, probe: beside("probe"), kill_worker: beside("kill-worker") })
    });
    built.as_ref().map_err(|error| Error::Other(error.clone()))
}

/// firstlight's initramfs with the modules of Debian's kernel.
///
/// # Errors
/// When cargo fails or a file cannot be written.
pub fn firstlight(debian: &Debian) -> Result<PathBuf> {
    build_firstlight("firstlight.initrd", &programs()?.firstlight, Some(debian), Vec::new())
}

/// firstlight's initramfs with the modules of another kernel of Debian's.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_for(kernel: &DebianKernel) -> Result<PathBuf> {
    let name = format!("firstlight-{}.initrd", kernel.release());
    build_with_modules(&name, &programs()?.firstlight, Some(kernel.modules()?), Vec::new())
}

/// firstlight's initramfs for a kernel that has its drivers built in.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_without_modules() -> Result<PathBuf> {
    build_firstlight("firstlight-bare.initrd", &programs()?.firstlight, None, Vec::new())
}

/// The same for a machine of an architecture.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_without_modules_for(architecture: Architecture) -> Result<PathBuf> {
    build_firstlight(
        &format!("firstlight-bare-{architecture}.initrd"),
        &program(architecture)?,
        None,
        Vec::new(),
    )
}

/// The same, which opens encrypted containers.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_with_luks() -> Result<PathBuf> {
    let mut options = binary::Options::default();
    options.features.push("luks".to_owned());
    let program = binary::build(&options).map_err(builder)?.program;
    build_firstlight("firstlight-luks.initrd", &program, None, Vec::new())
}

/// The smallest, for small flash.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_small() -> Result<PathBuf> {
    let options = binary::Options { small: true, ..binary::Options::default() };
    let program = binary::build(&options).map_err(builder)?.program;
    build_firstlight("firstlight-small.initrd", &program, None, Vec::new())
}

/// firstlight's initramfs with the modules of a kernel of Debian's for arm64.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_on_arm64(kernel: &DebianKernel) -> Result<PathBuf> {
    let name = format!("firstlight-{}.initrd", kernel.release());
    build_with_modules(&name, &program(Architecture::Aarch64)?, Some(kernel.modules()?), Vec::new())
}

/// The binary of an image.
fn program(architecture: Architecture) -> Result<PathBuf> {
    let options = binary::Options { target: architecture.target().to_owned(), ..binary::Options::default() };
    Ok(binary::build(&options).map_err(builder)?.program)
}

/// firstlight's initramfs with the modules of Debian's kernel, but for those of one group.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_without_group(debian: &Debian, left_out: &str) -> Result<PathBuf> {
    let source = modules::Source::find(&debian.modules(), None).map_err(builder)?;
    let groups = modules::GROUPS.iter().map(|group| group.name.to_owned()).filter(|name| name != left_out);
    let modules = Some(modules::Source { groups: Some(groups.collect()), ..source });
    let name = format!("firstlight-without-{left_out}.initrd");
    build_with_modules(&name, &programs()?.firstlight, modules, Vec::new())
}

/// The same with `/kill-worker`, for machines that boot with `rdinit=/kill-worker`.
///
/// # Errors
/// As [`firstlight`].
pub fn firstlight_with_killer(debian: &Debian) -> Result<PathBuf> {
    let source = programs()?.kill_worker.clone();
    build_firstlight(
        "firstlight-killer.initrd",
        &programs()?.firstlight,
        Some(debian),
        vec![Addition { source, destination: "/kill-worker".into() }],
    )
}

/// Not compressed: that would take longer than the guest saves.
fn build_firstlight(
    name: &str,
    program: &Path,
    modules_of: Option<&Debian>,
    additions: Vec<Addition>,
) -> Result<PathBuf> {
    let modules = modules_of.map(|debian| modules::Source::find(&debian.modules(), None).map_err(builder));
    build_with_modules(name, program, modules.transpose()?, additions)
}

fn build_with_modules(
    name: &str,
    program: &Path,
    modules: Option<modules::Source>,
    additions: Vec<Addition>,
) -> Result<PathBuf> {
    let recipe = Recipe {
        binary: program.to_owned(),
        config: None,
        modules,
        additions,
        compression: Compression::None,
        modified: 0,
    };
    let image = initramfs::build(&recipe).map_err(builder)?;
    write_whole(name, &image.bytes)
}

/// A file for machines. Another test may be starting one with the same file: it is replaced as a whole.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(name: &str, bytes: &[u8]) -> Result<PathBuf> {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let path = place::directory("machines")?.join(name);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{}-{number}", std::process::id()));
    fs::write(&unfinished, bytes).context(|| format!("writing {}", unfinished.display()))?;
    fs::rename(&unfinished, &path).context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// An initrd whose init is the probe, with a marker named `part` that the probe reports.
///
/// # Errors
/// When cargo fails.
pub fn probe_initrd(part: &str) -> Result<Vec<u8>> {
    let path = &programs()?.probe;
    let bytes = fs::read(path).context(|| format!("reading {}", path.display()))?;
    pack(part, Some(Node::File { bytes, executable: true }))
}

/// The program as it is installed on a running system.
///
/// # Errors
/// When cargo fails.
pub fn installed() -> Result<Vec<u8>> {
    let path = installed_program()?;
    fs::read(&path).context(|| format!("reading {}", path.display()))
}

/// Where that is.
///
/// # Errors
/// When cargo fails.
pub fn installed_program() -> Result<PathBuf> {
    binary::build_release("firstlight", binary::TARGET).map_err(builder)
}

/// The init of [`hops`].
const HOPS: &str = include_str!("../recipes/hops.sh");

/// An initrd whose init reports and then goes on into `debian`'s kernel with firstlight's `kexec`, as often as the word
/// `hops=METHOD,METHOD…` of its command line says, with itself as the initrd: a method is the letter of a `kexec` option,
/// `s` for `kexec_file_load` and `c` for `kexec_load`. The last kernel writes on the screen and stays.
///
/// # Errors
/// When cargo fails or a file cannot be written.
pub fn hops(debian: &Debian) -> Result<PathBuf> {
    let programs = programs()?;
    let mut tree = Tree::default();
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    let efivarfs = debian.modules().join("kernel/fs/efivarfs/efivarfs.ko");
    for (source, path) in [
        (&installed_program()?, "/bin/kexec"),
        (&programs.probe, "/bin/probe"),
        (&efivarfs, "/efivarfs.ko"),
        (&debian.kernel(), "/kernel"),
    ] {
        tree.copy(source, path).map_err(builder)?;
    }
    tree.insert("/init", Node::File { bytes: HOPS.into(), executable: true }).map_err(builder)?;
    write_whole("hops.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// The init of [`side_by_side`].
const SIDE_BY_SIDE: &str = include_str!("../recipes/side-by-side.sh");

/// An initrd whose init gives words to kexec-tools' `kexec` and to firstlight's. `rows` has `NAME|BEFORE|WORDS` a line,
/// `jumps` has `PROGRAM|WORDS`; `files` are in the directory that it runs in, beside the kernel, `vmlinuz`.
///
/// # Errors
/// When `theirs`, a root with kexec-tools, lacks it, cargo fails or a file cannot be written.
pub fn side_by_side(
    debian: &Debian,
    theirs: &Root,
    rows: &str,
    jumps: &str,
    files: &[(&str, Vec<u8>)],
) -> Result<PathBuf> {
    let mut tree = Tree::default();
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    theirs.add_program(&mut tree, "/sbin/kexec", "/theirs/kexec")?;
    tree.copy(&installed_program()?, "/ours/kexec").map_err(builder)?;
    tree.copy(&debian.kernel(), "/files/vmlinuz").map_err(builder)?;
    for (name, bytes) in files {
        tree.insert(&format!("/files/{name}"), Node::data(bytes.clone())).map_err(builder)?;
    }
    for (path, text) in [("/rows", rows), ("/jumps", jumps)] {
        tree.insert(path, Node::data(text)).map_err(builder)?;
    }
    for (path, text) in [("/init", SIDE_BY_SIDE), ("/sbin/shutdown", "#!/bin/busybox sh\n")] {
        tree.insert(path, Node::File { bytes: text.into(), executable: true }).map_err(builder)?;
    }
    write_whole("side-by-side.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// The init of [`jump`].
const JUMP: &str = include_str!("../recipes/jump.sh");

/// An initrd whose init gives `words` to firstlight's `kexec`, in a directory with `files`, and jumps.
///
/// # Errors
/// When cargo fails or a file cannot be written.
pub fn jump(name: &str, words: &str, files: &[(&str, Vec<u8>)]) -> Result<PathBuf> {
    let mut tree = Tree::default();
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    tree.copy(&installed_program()?, "/bin/kexec").map_err(builder)?;
    for (file, bytes) in files {
        tree.insert(&format!("/files/{file}"), Node::data(bytes.clone())).map_err(builder)?;
    }
    tree.insert("/words", Node::data(words)).map_err(builder)?;
    tree.insert("/init", Node::File { bytes: JUMP.into(), executable: true }).map_err(builder)?;
    write_whole(&format!("jump-{name}.initrd"), &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// The init of [`crash`].
const CRASH: &str = include_str!("../recipes/crash.sh");

/// An initrd whose init loads `debian`'s kernel with firstlight's `kexec` for the case of a panic, as its command line says,
/// and panics.
///
/// # Errors
/// When cargo fails or a file cannot be written.
pub fn crash(debian: &Debian) -> Result<PathBuf> {
    let mut tree = Tree::default();
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    tree.copy(&installed_program()?, "/bin/kexec").map_err(builder)?;
    tree.copy(&debian.kernel(), "/kernel").map_err(builder)?;
    tree.insert("/init", Node::File { bytes: CRASH.into(), executable: true }).map_err(builder)?;
    write_whole("crash.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// The init of [`bench_kexec`].
const BENCH_KEXEC: &str = include_str!("../recipes/bench-kexec.sh");

/// An initrd whose init loads `debian`'s kernel by kexec-tools' `kexec` or by firstlight's, as its command line says, and
/// jumps into it.
///
/// # Errors
/// When `theirs`, a root with kexec-tools, lacks it, cargo fails or a file cannot be written.
pub fn bench_kexec(debian: &Debian, theirs: &Root) -> Result<PathBuf> {
    let mut tree = Tree::default();
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    theirs.add_program(&mut tree, "/sbin/kexec", "/theirs/kexec")?;
    tree.copy(&installed_program()?, "/ours/kexec").map_err(builder)?;
    tree.copy(&debian.kernel(), "/kernel").map_err(builder)?;
    tree.insert("/init", Node::File { bytes: BENCH_KEXEC.into(), executable: true }).map_err(builder)?;
    write_whole("bench-kexec.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// The init of [`bench_load`].
const BENCH_LOAD: &str = include_str!("../recipes/bench-load.sh");

/// An initrd whose init loads the kernel on the first disk by kexec-tools' `kexec`.
///
/// # Errors
/// When kexec-tools cannot be had, or a file cannot be written.
pub fn bench_load() -> Result<PathBuf> {
    let root = oracles::KEXEC_TOOLS.root()?;
    let mut tree = Tree::default();
    root.add_program(&mut tree, "/bin/busybox", "/bin/busybox")?;
    root.add_program(&mut tree, "/sbin/kexec", "/bin/kexec")?;
    pinned::tests()?.add_program(&mut tree, "addpart", "/bin/addpart")?;
    tree.insert("/init", Node::File { bytes: BENCH_LOAD.into(), executable: true }).map_err(builder)?;
    write_whole("bench-load.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)
}

/// One more part of the probe's initrd: nothing but a marker.
///
/// # Errors
/// When `part` is no file name.
pub fn initrd_part(part: &str) -> Result<Vec<u8>> {
    pack(part, None)
}

fn pack(part: &str, init: Option<Node>) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    tree.insert(&format!("{PARTS}/{part}"), Node::data(format!("the part {part}\n"))).map_err(builder)?;
    if let Some(init) = init {
        tree.insert("/init", init).map_err(builder)?;
    }
    initramfs::archive(&tree, 0).map_err(builder)
}

#[expect(clippy::needless_pass_by_value, reason = "it is an argument of map_err")]
pub(crate) fn builder(error: initramfs::BuildError) -> Error {
    Error::Other(format!("building an initramfs: {error}"))
}
