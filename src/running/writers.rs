//! Who still writes: processes with files of a file system open for writing (proc_pid_fdinfo(5), proc_pid_maps(5)).

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use rustix::fs::{major, minor, stat};

use crate::formats::{
    sort,
    text::{decode, printable},
};

/// Maximum number of processes that are named.
const LIMIT: usize = 16;

/// A process that can write to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Number of the process.
    pub process: u32,
    pub name: String,
    /// The first such file.
    pub file: String,
}

impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (process {}, {})", printable(&self.name), self.process, printable(&self.file))
    }
}

/// The processes that can write to files of the file system with the given number, each with the first file found, in the
/// order of their numbers. `proc` is /proc.
#[must_use]
pub fn writers(proc: &Path, number: (u32, u32)) -> Vec<Writer> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let mut processes: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    sort::ascending(&mut processes);
    let writer = |process: u32| {
        let directory = proc.join(process.to_string());
        let file = open_file(&directory, number).or_else(|| mapped_file(&directory, number))?;
        let name = decode(fs::read(directory.join("comm")).unwrap_or_default().trim_ascii_end());
        Some(Writer { process, name, file })
    };
    processes.into_iter().filter_map(writer).take(LIMIT).collect()
}

fn open_file(process: &Path, number: (u32, u32)) -> Option<String> {
    let entries = fs::read_dir(process.join("fd")).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|link| can_write(process, link) && is_on(link, number)).map(
        |link| {
            let target = fs::read_link(link).unwrap_or_else(|_| PathBuf::from("?"));
            decode(target.as_os_str().as_encoded_bytes())
        },
    )
}

/// The access mode is the lowest two bits of the octal number after `flags:`; 0 reads only.
fn can_write(process: &Path, link: &Path) -> bool {
    let Some(name) = link.file_name() else { return false };
    let info = fs::read_to_string(process.join("fdinfo").join(name)).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 3 != 0)
}

fn is_on(path: &Path, number: (u32, u32)) -> bool {
    stat(path).is_ok_and(|status| (major(status.st_dev), minor(status.st_dev)) == number)
}

/// A file that is mapped writable and shared: `start-end rw-s offset fd:01 inode path`, the numbers in hexadecimal.
fn mapped_file(process: &Path, number: (u32, u32)) -> Option<String> {
    let maps = decode(&fs::read(process.join("maps")).ok()?);
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let rights = fields.nth(1)?.as_bytes();
        let (major, minor) = fields.nth(1)?.split_once(':')?;
        let number_of = |digits| u32::from_str_radix(digits, 16).ok();
        let wanted = rights.get(1) == Some(&b'w') && rights.get(3) == Some(&b's');
        let here = (number_of(major)?, number_of(minor)?) == number;
        let path: Vec<&str> = fields.skip(1).collect();
        (wanted && here && !path.is_empty()).then(|| path.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_file_open_for_writing_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("being written");
        let status = stat(directory.path()).unwrap();
        let number = (major(status.st_dev), minor(status.st_dev));
        let me = std::process::id();
        let mine = |path: &Path| {
            let process = PathBuf::from(format!("/proc/{me}"));
            let links = fs::read_dir(process.join("fd")).unwrap().flatten().map(|entry| entry.path());
            links.filter(|link| fs::read_link(link).is_ok_and(|target| target == *path)).any(|link| {
                can_write(&process, &link) && is_on(&link, number) && !is_on(&link, (number.0, u32::MAX))
            })
        };
        let file = fs::File::create(&path).unwrap();
        assert!(mine(&path));
        drop(file);
        let file = fs::File::open(&path).unwrap();
        assert!(!mine(&path), "it is open for reading only");
        drop(file);
        assert!(writers(Path::new("/proc"), (0, u32::MAX)).is_empty());
    }

    #[test]
    fn a_shared_writable_mapping_counts_and_others_do_not() {
        let process = tempfile::TempDir::new().unwrap();
        fs::write(
            process.path().join("maps"),
            "7f00-7f10 r--s 00000000 fd:01 17 /var/read\n\
             7f10-7f20 rw-p 00000000 fd:01 18 /var/private\n\
             7f20-7f30 rw-s 00000000 fd:02 19 /elsewhere\n\
             7f30-7f40 rw-s 00000000 fd:01 20 /var/lib/data base\n",
        )
        .unwrap();
        assert_eq!(mapped_file(process.path(), (0xfd, 1)).as_deref(), Some("/var/lib/data base"));
        assert_eq!(mapped_file(process.path(), (0xfd, 3)), None);
    }
}
