//! The target's init: says on the serial line what the kernel was given, and powers off.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use probe::{PARTS, PREFIX, Part, Report};
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use sha2::{Digest, Sha256};

fn main() {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        // A missing one shows in the report.
        let _ = fs::create_dir_all(place);
        let _ = mount(kind, place, kind, MountFlags::empty(), None);
    }
    say(&line());
    let _ = reboot(RebootCommand::PowerOff);
    let _ = reboot(RebootCommand::Restart);
}

fn line() -> String {
    let mut others = Vec::new();
    let _ = fs::metadata("/").and_then(|root| files(Path::new("/"), root.dev(), &mut others));
    others.sort_by(|one, other| one.name.cmp(&other.name));
    let loader = text("/proc/sys/kernel/bootloader_type").parse().unwrap_or_default();
    let report = Report {
        release: text("/proc/sys/kernel/osrelease"),
        cmdline: text("/proc/cmdline"),
        parts: parts().unwrap_or_default(),
        files: others,
        loader,
        kexec: loader == 0xd0,
        efi: Path::new("/sys/firmware/efi").exists(),
    };
    match serde_json::to_string(&report) {
        Ok(json) => format!("{PREFIX}{json}\n"),
        Err(error) => format!("probe: {error}\n"),
    }
}

fn text(path: &str) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// Inode numbers of the initramfs grow in the order in which the kernel unpacks it.
fn parts() -> io::Result<Vec<Part>> {
    let mut found = Vec::new();
    for file in fs::read_dir(PARTS)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        found.push((file.metadata()?.ino(), part(name, &file.path())?));
    }
    found.sort_by_key(|(inode, _)| *inode);
    Ok(found.into_iter().map(|(_, part)| part).collect())
}

/// The regular files below `directory` that are on the file system `device`: not what was mounted above.
fn files(directory: &Path, device: u64, found: &mut Vec<Part>) -> io::Result<()> {
    for file in fs::read_dir(directory)? {
        let file = file?;
        let (path, metadata) = (file.path(), file.metadata()?);
        if metadata.dev() != device || path == Path::new(PARTS) || path == Path::new("/init") {
            continue;
        }
        if metadata.is_dir() {
            files(&path, device, found)?;
        } else if metadata.is_file() {
            found.push(part(path.to_string_lossy().into_owned(), &path)?);
        }
    }
    Ok(())
}

fn part(name: String, path: &Path) -> io::Result<Part> {
    let hash = Sha256::digest(fs::read(path)?);
    let sha256 = hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Part { name, sha256 })
}

/// The first serial line whatever the console is: a command line that names no console must be seen too.
fn say(line: &str) {
    let serial = OpenOptions::new().write(true).open("/dev/ttyS0");
    let console = || OpenOptions::new().write(true).open("/dev/console");
    let Ok(mut out): io::Result<File> = serial.or_else(|_| console()) else { return };
    let _ = out.write_all(b"\n").and_then(|()| out.write_all(line.as_bytes()));
    // What the port still holds would be lost at power-off.
    let _ = rustix::termios::tcdrain(&out);
}
