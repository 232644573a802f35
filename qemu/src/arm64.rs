//! What arm64 machines are made of beside the others: Debian's kernel and busybox, UEFI firmware, all unpacked,
//! and an initrd that goes from kernel to kernel.

use std::path::PathBuf;

use initramfs::kernel::Architecture;
use initramfs::{Node, Tree, binary};

use crate::Result;
use crate::debian::Release;
use crate::debian_kernel::DebianKernel;
use crate::machine::Machine;
use crate::payload::{builder, write_whole};
use crate::roots::Root;

/// A kernel with few drivers, which the guest that makes its initrd is glad of.
pub(crate) const KERNEL: &str = "linux-image-cloud-arm64";

/// Debian's kernel for arm64, with busybox beside it.
///
/// # Errors
/// As [`Root::unpack`].
pub fn kernel(of: Release) -> Result<DebianKernel> {
    DebianKernel::in_root(Root::unpack_for("arm64", of.suite(), &[KERNEL, "busybox-static"])?, KERNEL)
}

/// The UEFI firmware of QEMU's machine.
fn firmware_root() -> Result<Root> {
    Root::unpack_for("arm64", Release::default().suite(), &["qemu-efi-aarch64"])
}

/// AAVMF's code.
///
/// # Errors
/// As [`Root::unpack`].
pub(crate) fn firmware() -> Result<PathBuf> {
    firmware_root()?.file("/usr/share/AAVMF/AAVMF_CODE.fd")
}

/// Its empty variable store.
///
/// # Errors
/// As [`Root::unpack`].
pub(crate) fn variables() -> Result<PathBuf> {
    firmware_root()?.file("/usr/share/AAVMF/AAVMF_VARS.fd")
}

/// The init.
const HOPS: &str = include_str!("../recipes/hops-arm64.sh");

/// A machine whose init prints its command line and goes on into the same kernel with firstlight's `kexec`, as often as
/// `hops`, letters of `kexec`'s options with commas between them, says.
///
/// # Errors
/// When mmdebstrap or cargo fails, for want of network for instance.
pub fn hops(name: &str, hops: &str) -> Result<Machine> {
    let debian = kernel(Release::default())?;
    let (busybox, kernel) = (debian.root().file("/bin/busybox")?, debian.image()?);
    let program = binary::build_release("firstlight", Architecture::Aarch64.target()).map_err(builder)?;
    let mut tree = Tree::default();
    for (source, path) in [(&busybox, "/bin/busybox"), (&program, "/bin/kexec"), (&kernel, "/kernel")] {
        tree.copy(source, path).map_err(builder)?;
    }
    tree.insert("/init", Node::File { bytes: HOPS.into(), executable: true }).map_err(builder)?;
    let initrd = write_whole("hops-arm64.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)?;
    Ok(Machine::new(name).arm64().kernel(&kernel, &initrd, &format!("console=ttyAMA0 quiet hops={hops}")))
}
