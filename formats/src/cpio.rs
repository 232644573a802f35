//! Writes cpio archives in the form that the kernel unpacks ("newc"; Linux
//! Documentation/driver-api/early-userspace/buffer-format.rst), byte for byte as systemd's stub does.

/// The bits of a mode that say what it is.
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;

/// Headers and contents each begin at a multiple of so many bytes.
const ALIGNMENT: usize = 4;

/// Begins an archive whose files all lie in one directory: the directories that lead to it, open for reading to all, and
/// itself with these permissions. Gives the number of the next inode, too.
#[must_use]
pub fn directories(path: &str, permissions: u32) -> (Vec<u8>, u32) {
    let mut bytes = Vec::new();
    let mut inode = 1_u32;
    let parents =
        path.match_indices('/').filter_map(|(at, _)| path.get(..at)).filter(|parent| !parent.is_empty());
    for (path, permissions) in parents.map(|parent| (parent, 0o555)).chain([(path, permissions)]) {
        bytes.extend(header(inode, DIRECTORY | permissions, 0, path));
        inode = inode.saturating_add(1);
    }
    (bytes, inode)
}

/// A directory by itself.
#[must_use]
pub fn directory(permissions: u32, path: &str) -> Vec<u8> {
    header(0, DIRECTORY | permissions, 0, path)
}

/// The header before the content of a file; after the content comes [`padding`].
#[must_use]
pub fn file(inode: u32, permissions: u32, size: u32, path: &str) -> Vec<u8> {
    header(inode, FILE | permissions, size, path)
}

/// The end of an archive.
#[must_use]
pub fn trailer() -> Vec<u8> {
    let mut bytes = header(0, 0, 0, "TRAILER!!!");
    // The one difference in the stub's trailer: this number's digit is a capital.
    if let Some(digit) = bytes.iter_mut().find(|byte| **byte == b'b') {
        *digit = b'B';
    }
    bytes
}

/// The zeros after this number of bytes of content.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; ALIGNMENT];
    let missing = usize::try_from(size.wrapping_neg() & 3).unwrap_or(0);
    ZEROS.get(..missing).unwrap_or_default()
}

fn header(inode: u32, mode: u32, size: u32, path: &str) -> Vec<u8> {
    let name_size = u32::try_from(path.len()).unwrap_or(u32::MAX).saturating_add(1);
    // Inode, mode, user, group, links, time, size, four device numbers, size of the name, check sum.
    let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
    let mut bytes = b"070701".to_vec();
    bytes.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
    bytes.extend(path.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn cpio_unpacks_what_is_written() {
        let (mut archive, mut inode) = directories(".extra/credentials", 0o500);
        for (name, content) in [("a.cred", &b"12345"[..]), ("bc.cred", b""), ("d.cred", b"1234")] {
            archive.extend(file(inode, 0o400, content.len() as u32, &format!(".extra/credentials/{name}")));
            archive.extend(content);
            archive.extend(padding(content.len() as u64));
            inode += 1;
        }
        archive.extend(trailer());
        assert_eq!(archive.len() % 4, 0);
        let mut cpio = Command::new("cpio")
            .args(["-tvn", "--quiet", "-H", "newc"])
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        cpio.stdin.take().unwrap().write_all(&archive).unwrap();
        let listed = String::from_utf8(cpio.wait_with_output().unwrap().stdout).unwrap();
        let listed: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected = [
            "dr-xr-xr-x 0 .extra",
            "dr-x------ 0 .extra/credentials",
            "-r-------- 5 .extra/credentials/a.cred",
            "-r-------- 0 .extra/credentials/bc.cred",
            "-r-------- 4 .extra/credentials/d.cred",
        ];
        let listed: Vec<String> =
            listed.iter().map(|line| format!("{} {} {}", line[0], line[4], line[8])).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn the_trailer_is_the_stubs() {
        let numbers = ["00000000"; 13].concat();
        let mut expected = format!("070701{numbers}TRAILER!!!").into_bytes();
        expected[6 + 4 * 8 + 7] = b'1';
        expected[6 + 11 * 8 + 7] = b'B';
        expected.extend([0; 4]);
        assert_eq!(trailer(), expected);
    }
}
