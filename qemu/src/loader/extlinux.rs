//! extlinux on a disk with an MBR, by its own installer, which wants the file system mounted: in the workshop.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::cached;
use crate::debian::{self, Debian};
use crate::disk::{Filesystem, Image, Volume};
use crate::error::Context;
use crate::workshop::{self, Job};
use crate::{Result, pinned};

/// The MBR's code, which starts the active partition (Debian's package extlinux).
const CODE: &str = "/usr/lib/EXTLINUX/mbr.bin";

/// mke2fs leaves holes in the kernel where it is zero; extlinux fails on them with an I/O error, and on a file whose later
/// pieces lie before its first.
const SCRIPT: &str = "\
mount -t ext4 /dev/vda1 /mnt
cp /mnt/boot/vmlinuz /mnt/boot/whole
mv /mnt/boot/whole /mnt/boot/vmlinuz
extlinux --install /mnt/boot/extlinux
";

const LIMIT: Duration = Duration::from_secs(120);

/// A disk with extlinux and these files on ext4, the kernel's among them, made once. Not to be written. At its first start
/// it boots `once`, a label and words, where that is given.
///
/// # Errors
/// When a program is missing or fails, or the workshop guest does.
pub fn disk(debian: &Debian, name: &str, files: &[(&str, &[u8])], once: Option<&str>) -> Result<PathBuf> {
    let once = once.map(|once| format!("extlinux --once='{once}' /mnt/boot/extlinux\n")).unwrap_or_default();
    let script = format!("{SCRIPT}{once}umount /mnt\n");
    let mut recipe = debian::recipe().and("4 KiB blocks").and(&script).and(workshop::INIT);
    let mut volume =
        Volume::new(Filesystem::Ext4, name).with_large_blocks().file("/boot/vmlinuz", debian.kernel());
    for (path, bytes) in files {
        recipe = recipe.and(path).and(bytes);
        volume = volume.file(path, bytes.to_vec());
    }
    cached(name, &recipe, |image| {
        let built = Image::mbr().volume(volume).build(name)?;
        fs::rename(built, image).context(|| format!("writing {}", image.display()))?;
        let code = fs::read(pinned::tests()?.file(CODE)?).context(|| format!("reading {CODE}"))?;
        write_code(image, &code)?;
        let job = Job {
            // Two disks may be made at once.
            name: &format!("workshop-{name}"),
            disks: &[image],
            sources: &[],
            modules: &["ext4"],
            programs: &["extlinux"],
            script: &script,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}

fn write_code(image: &Path, code: &[u8]) -> Result<()> {
    let disk = File::options().write(true).open(image);
    disk.and_then(|disk| disk.write_all_at(code, 0)).context(|| format!("writing {}", image.display()))
}
