//! Says on the serial line what the kernel was given. As the target's init it then powers off.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use probe::{PARTS, PREFIX, Part, Platform, Range, Report};
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use sha2::{Digest, Sha256};

fn main() {
    if std::process::id() != 1 {
        // The rest of the initramfs is then what its init brings.
        say(&line(Vec::new()));
        return;
    }
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        // A missing one shows in the report.
        let _ = fs::create_dir_all(place);
        let _ = mount(kind, place, kind, MountFlags::empty(), None);
    }
    let mut others = Vec::new();
    let _ = fs::metadata("/").and_then(|root| files(Path::new("/"), root.dev(), &mut others));
    others.sort_by(|one, other| one.name.cmp(&other.name));
    say(&line(others));
    let _ = reboot(RebootCommand::PowerOff);
    let _ = reboot(RebootCommand::Restart);
}

fn line(files: Vec<Part>) -> String {
    let loader = text("/proc/sys/kernel/bootloader_type").parse().unwrap_or_default();
    let report = Report {
        release: text("/proc/sys/kernel/osrelease"),
        cmdline: text("/proc/cmdline"),
        parts: parts().unwrap_or_default(),
        files,
        loader,
        kexec: loader == 0xd0,
        efi: Path::new("/sys/firmware/efi").exists(),
        platform: platform(),
    };
    match serde_json::to_string(&report) {
        Ok(json) => format!("{PREFIX}{json}\n"),
        Err(error) => format!("probe: {error}\n"),
    }
}

fn platform() -> Platform {
    Platform {
        processors: text("/sys/devices/system/cpu/online"),
        memory: memory(),
        acpi: names("/sys/firmware/acpi/tables"),
        efi_variables: names("/sys/firmware/efi/efivars"),
        framebuffers: text("/proc/fb"),
    }
}

/// A kernel that took data from its loader cuts the range that these lay in.
fn memory() -> Vec<Range> {
    let range = |number: String| {
        let value = |key| text(&format!("/sys/firmware/memmap/{number}/{key}"));
        let address = |key| u64::from_str_radix(value(key).trim_start_matches("0x"), 16).ok();
        Some(Range { first: address("start")?, last: address("end")?, kind: value("type") })
    };
    let mut ranges: Vec<Range> = names("/sys/firmware/memmap").into_iter().filter_map(range).collect();
    ranges.sort_by_key(|range| range.first);
    ranges.dedup_by(|next, range| {
        let same = next.kind == range.kind && range.last.checked_add(1) == Some(next.first);
        if same {
            range.last = next.last;
        }
        same
    });
    ranges
}

/// The sorted names in a directory; none where there is no such directory.
fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
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

/// The first serial line whatever the console is: a command line that names no console must be seen too. Xen keeps that
/// line to itself, and the console leads to it.
fn say(line: &str) {
    for device in ["/dev/ttyS0", "/dev/console"] {
        let Ok(mut out) = OpenOptions::new().write(true).open(device) else { continue };
        if out.write_all(format!("\n{line}").as_bytes()).is_ok() {
            // Bytes that the port still holds would be lost at power-off.
            let _ = rustix::termios::tcdrain(&out);
            return;
        }
    }
}
