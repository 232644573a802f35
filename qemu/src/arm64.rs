//! An arm64 machine beside the others: Debian's kernel and busybox for it, unpacked, and an initrd that goes from kernel to
//! kernel.

use std::fs;
use std::path::PathBuf;

use initramfs::{Node, Tree, binary};

use crate::cache::{Recipe, cached};
use crate::error::{Context, Error};
use crate::machine::Machine;
use crate::payload::{builder, write_whole};
use crate::{Result, debian, tool};

const SUITE: &str = "bookworm";
const PACKAGES: &str = "linux-image-cloud-arm64,busybox-static";
const TARGET: &str = "aarch64-unknown-linux-musl";

/// The init.
const HOPS: &str = include_str!("../recipes/hops-arm64.sh");

/// A machine whose init prints its command line and goes on into the same kernel with firstlight's `kexec`, as often as
/// `hops`, letters of `kexec`'s options with commas between them, says.
///
/// # Errors
/// When mmdebstrap or cargo fails, for want of network for instance.
pub fn hops(name: &str, hops: &str) -> Result<Machine> {
    let root = cached("arm64", &Recipe::new(SUITE).and(PACKAGES), |directory| {
        let mut mmdebstrap = tool::command("mmdebstrap");
        mmdebstrap
            .args(["--variant=extract", "--architectures=arm64", &format!("--include={PACKAGES}")])
            .arg("--aptopt=Apt::Install-Recommends \"false\"")
            .arg(SUITE)
            .arg(directory)
            .arg(debian::source(SUITE));
        tool::finish_logged(&mut mmdebstrap, "arm64", "unpacking a kernel for arm64, once")
    })?;
    let kernel = kernel(&root.join("boot"))?;
    let program = binary::build_release("firstlight", TARGET).map_err(builder)?;
    let mut tree = Tree::default();
    for (source, path) in
        [(&root.join("bin/busybox"), "/bin/busybox"), (&program, "/bin/kexec"), (&kernel, "/kernel")]
    {
        tree.copy(source, path).map_err(builder)?;
    }
    tree.insert("/init", Node::File { bytes: HOPS.into(), executable: true }).map_err(builder)?;
    let initrd = write_whole("hops-arm64.initrd", &initramfs::archive(&tree, 0).map_err(builder)?)?;
    Ok(Machine::new(name).arm64().kernel(&kernel, &initrd, &format!("console=ttyAMA0 quiet hops={hops}")))
}

fn kernel(boot: &std::path::Path) -> Result<PathBuf> {
    let files = fs::read_dir(boot).context(|| format!("reading {}", boot.display()))?;
    let kernel =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"));
    let found = files.flatten().map(|file| file.path()).find(kernel);
    found.ok_or_else(|| Error::Other(format!("{}: no kernel", boot.display())))
}
