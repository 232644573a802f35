//! The workshop: a guest with Debian's kernel that runs a shell script against disks, for what needs a kernel feature or
//! a right that this machine lacks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use initramfs::modules;
use initramfs::{Compression, Node, Tree};

use crate::debian::Debian;
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
    let name = job.name;
    let guest = machine(debian, job, &[])?.firmware(Firmware::None).memory(768).start()?;
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
    let name = job.name;
    let initrd = place::directory("machines")?.join(format!("{name}.initrd"));
    fs::write(&initrd, image(debian, job, files)?).context(|| format!("writing {}", initrd.display()))?;
    let words = "console=ttyS0 quiet panic=-1";
    let mut machine = Machine::new(name).kernel(&debian.kernel(), &initrd, words);
    for disk in job.disks {
        machine = machine.disk(Disk::new(*disk).writable());
    }
    for disk in job.sources {
        machine = machine.disk(Disk::new(*disk));
    }
    Ok(machine)
}

fn image(debian: &Debian, job: &Job, files: &[(&Path, &str)]) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    for (file, path) in files {
        tree.copy(file, path).map_err(payload::builder)?;
    }
    pinned::disks()?.add_program(&mut tree, "busybox", "/bin/busybox")?;
    for program in job.programs {
        pinned::tests()?.add_program(&mut tree, program, &format!("/bin/{program}"))?;
    }
    tree.insert("/init", Node::File { bytes: INIT.into(), executable: true }).map_err(payload::builder)?;
    tree.insert("/script", Node::data(job.script)).map_err(payload::builder)?;
    let names: String = job.modules.iter().map(|module| format!("{module}\n")).collect();
    tree.insert("/modules", Node::data(format!("{MODULES}{names}"))).map_err(payload::builder)?;
    let source = modules::Source::find(&debian.modules(), None).map_err(payload::builder)?;
    modules::add(&mut tree, &source, Compression::None).map_err(payload::builder)?;
    initramfs::archive(&tree, 0).map_err(payload::builder)
}
