//! The workshop: a guest with Debian's kernel that runs a shell script against disks, for what needs a kernel feature or
//! a right that this machine lacks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use initramfs::modules;
use initramfs::{Compression, Node, Tree};

use crate::debian::Debian;
use crate::debian_kernel::DebianKernel;
use crate::error::{Context, Error};
use crate::machine::{Disk, Firmware, Machine};
use crate::{Result, payload, pinned, place};

/// The guest's init.
pub(crate) const INIT: &str = include_str!("../recipes/workshop.sh");

/// Every disk is on virtio.
const MODULES: &str = "virtio_pci\nvirtio_blk\n";

/// The steps.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The guest's name.
    pub name: &'a str,
    /// The disks, as /dev/vda, /dev/vdb …, to be written.
    pub disks: &'a [&'a Path],
    /// After them, disks on which nothing that is written stays.
    pub sources: &'a [&'a Path],
    /// Kernel modules to load.
    pub modules: &'a [&'a str],
    /// Programs of [`pinned::tests`], in /bin beside busybox's.
    pub programs: &'a [&'a str],
    /// For busybox's shell, which ends at the first error.
    pub script: &'a str,
    /// How long it may take.
    pub limit: Duration,
}

/// Does `job` in a guest that is switched off when it is done.
///
/// # Errors
/// When the script fails or does not end in time: then with the end of the guest's console.
pub fn run(debian: &Debian, job: &Job) -> Result<()> {
    finish(&machine(debian, job, &[])?.firmware(Firmware::None).memory(768), job)
}

/// The same in an arm64 guest, with a kernel for it that lies beside busybox.
///
/// # Errors
/// As [`run`].
pub fn run_on_arm64(kernel: &DebianKernel, job: &Job) -> Result<()> {
    let mut tree = Tree::default();
    kernel.root().add_program(&mut tree, "/bin/busybox", "/bin/busybox")?;
    let initrd = image(tree, &kernel.modules()?, job)?;
    let machine = attach(Machine::new(job.name).arm64(), &kernel.image()?, "ttyAMA0", &initrd, job)?;
    finish(&machine.memory(1024).processors(2), job)
}

fn finish(machine: &Machine, job: &Job) -> Result<()> {
    let name = job.name;
    let guest = machine.start()?;
    let status = guest.wait("the end of its script", job.limit, |line| {
        line.text.strip_prefix("workshop: status ").filter(|_| line.whole).map(str::to_owned)
    })?;
    if status != "0" {
        return Err(Error::Other(format!(
            "{name}: its script ended with {status}; {}",
            guest.console().tail()
        )));
    }
    guest.wait_off(job.limit)
}

/// The guest, not started, with more files of this machine and their paths in it.
///
/// # Errors
/// When a program or a file is missing.
pub fn machine(debian: &Debian, job: &Job, files: &[(&Path, &str)]) -> Result<Machine> {
    let mut tree = Tree::default();
    for (file, path) in files {
        tree.copy(file, path).map_err(payload::builder)?;
    }
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    for program in job.programs {
        pinned::tests()?.add_program(&mut tree, program, &format!("/bin/{program}"))?;
    }
    let source = modules::Source::find(&debian.modules(), None).map_err(payload::builder)?;
    attach(Machine::new(job.name), &debian.kernel(), "ttyS0", &image(tree, &source, job)?, job)
}

fn attach(machine: Machine, kernel: &Path, console: &str, initrd: &[u8], job: &Job) -> Result<Machine> {
    let file = place::directory("machines")?.join(format!("{}.initrd", job.name));
    fs::write(&file, initrd).context(|| format!("writing {}", file.display()))?;
    let mut machine = machine.kernel(kernel, &file, &format!("console={console} quiet panic=-1"));
    for disk in job.disks {
        machine = machine.disk(Disk::new(*disk).writable());
    }
    for disk in job.sources {
        machine = machine.disk(Disk::new(*disk));
    }
    Ok(machine)
}

fn image(mut tree: Tree, source: &modules::Source, job: &Job) -> Result<Vec<u8>> {
    tree.insert("/init", Node::File { bytes: INIT.into(), executable: true }).map_err(payload::builder)?;
    tree.insert("/script", Node::data(job.script)).map_err(payload::builder)?;
    let names: String = job.modules.iter().map(|module| format!("{module}\n")).collect();
    tree.insert("/modules", Node::data(format!("{MODULES}{names}"))).map_err(payload::builder)?;
    modules::add(&mut tree, source, Compression::None).map_err(payload::builder)?;
    initramfs::archive(&tree, 0).map_err(payload::builder)
}
