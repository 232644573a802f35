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
use crate::{Result, payload, place};

/// The guest's init.
pub(crate) const INIT: &str = include_str!("../recipes/workshop.sh");

/// Every disk is on virtio.
const MODULES: &str = "virtio_pci\nvirtio_blk\n";

/// Runs `script` (by busybox's shell, which ends at the first error) with `disks` as /dev/vda, /dev/vdb … to be
/// written, after loading `modules`.
///
/// # Errors
/// When the script fails or does not end within `limit`: then with the end of the guest's console.
pub fn run(
    name: &str,
    debian: &Debian,
    disks: &[&Path],
    modules: &[&str],
    script: &str,
    limit: Duration,
) -> Result<()> {
    let initrd = place::directory("machines")?.join(format!("{name}.initrd"));
    fs::write(&initrd, image(debian, modules, script)?)
        .context(|| format!("writing {}", initrd.display()))?;
    let mut machine = Machine::new(name).firmware(Firmware::None).memory(768).kernel(
        &debian.kernel(),
        &initrd,
        "console=ttyS0 quiet panic=-1",
    );
    for disk in disks {
        machine = machine.disk(Disk::new(*disk).writable());
    }
    let guest = machine.start()?;
    let status = guest.wait("the end of its script", limit, |line| {
        line.text.strip_prefix("workshop: status ").filter(|_| line.whole).map(str::to_owned)
    })?;
    if status != "0" {
        return Err(Error::Other(format!(
            "{name}: its script ended with {status}; {}",
            guest.console().tail()
        )));
    }
    guest.wait_off(limit)
}

fn image(debian: &Debian, modules: &[&str], script: &str) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    payload::add_program(&mut tree, "busybox", "/bin/busybox")?;
    tree.insert("/init", Node::File { bytes: INIT.into(), executable: true }).map_err(payload::builder)?;
    tree.insert("/script", Node::data(script)).map_err(payload::builder)?;
    let names: String = modules.iter().map(|module| format!("{module}\n")).collect();
    tree.insert("/modules", Node::data(format!("{MODULES}{names}"))).map_err(payload::builder)?;
    let source = modules::Source::find(&debian.modules(), None).map_err(payload::builder)?;
    modules::add(&mut tree, &source, Compression::None).map_err(payload::builder)?;
    initramfs::archive(&tree, 0).map_err(payload::builder)
}
