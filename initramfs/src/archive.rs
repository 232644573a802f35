//! Packs a tree as a `newc` archive (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).

use crate::{BuildError, Node, Tree};
use cpio::newc::{self, ModeFileType};
use std::io::Write;

/// The archive of a tree: owners root, all times `modified` (seconds since 1970), inode numbers counted from 1, so that
/// the same tree always gives the same bytes. Its length is a multiple of 4: another archive may follow it.
///
/// # Errors
/// A file is larger than the format allows.
pub fn archive(tree: &Tree, modified: u32) -> Result<Vec<u8>, BuildError> {
    let mut out = Vec::new();
    for ((path, node), inode) in tree.nodes().zip(1..) {
        let header = newc::Builder::new(path).ino(inode).mtime(modified);
        let (header, content): (_, &[u8]) = match node {
            Node::Directory => (header.mode(0o755).set_mode_file_type(ModeFileType::Directory).nlink(2), &[]),
            Node::File { bytes, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                (header.mode(mode).set_mode_file_type(ModeFileType::Regular), bytes)
            }
            Node::Link(target) => {
                (header.mode(0o777).set_mode_file_type(ModeFileType::Symlink), target.as_bytes())
            }
            Node::CharacterDevice(major, minor) => {
                let header = header.mode(0o600).set_mode_file_type(ModeFileType::Char);
                (header.rdev_major(*major).rdev_minor(*minor), &[])
            }
        };
        let too_large = || BuildError::TooLarge { path: path.to_owned(), size: content.len() };
        let size = u32::try_from(content.len()).map_err(|_| too_large())?;
        let mut writer = header.write(&mut out, size);
        writer.write_all(content).and_then(|()| writer.finish()).map_err(|_| too_large())?;
    }
    // Writing to memory cannot fail.
    let _ = newc::trailer(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    fn sample() -> Tree {
        let mut tree = Tree::default();
        tree.insert("/init", Node::File { bytes: b"\x7fELF!".to_vec(), executable: true }).unwrap();
        tree.insert("/dev/console", Node::CharacterDevice(5, 1)).unwrap();
        tree.insert("/bin/firstlight", Node::Link("/init".to_owned())).unwrap();
        tree.insert("/etc/firstlight.conf", Node::data("timeout = 5\n")).unwrap();
        tree
    }

    #[test]
    fn reads_back_as_it_was_packed() {
        let bytes = archive(&sample(), 7).unwrap();
        let mut rest = bytes.as_slice();
        let mut seen = Vec::new();
        loop {
            let mut reader = newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let entry = reader.entry().clone();
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            rest = reader.finish().unwrap();
            let owner = (entry.uid(), entry.gid(), entry.mtime());
            assert_eq!(owner, (0, 0, 7));
            let device = (entry.rdev_major(), entry.rdev_minor());
            seen.push((entry.name().to_owned(), entry.ino(), entry.mode(), device, content));
        }
        // Modes as in POSIX stat(2): 0100000 regular, 0040000 directory, 0120000 link, 0020000 character device.
        let expected = [
            ("bin", 1, 0o040_755, (0, 0), &b""[..]),
            ("bin/firstlight", 2, 0o120_777, (0, 0), b"/init"),
            ("dev", 3, 0o040_755, (0, 0), b""),
            ("dev/console", 4, 0o020_600, (5, 1), b""),
            ("etc", 5, 0o040_755, (0, 0), b""),
            ("etc/firstlight.conf", 6, 0o100_644, (0, 0), b"timeout = 5\n"),
            ("init", 7, 0o100_755, (0, 0), b"\x7fELF!"),
        ];
        assert_eq!(seen, expected.map(|(a, b, c, d, e)| (a.to_owned(), b, c, d, e.to_owned())));
    }

    #[test]
    fn another_archive_may_follow() {
        assert_eq!(archive(&sample(), 0).unwrap().len() % 4, 0);
    }

    #[test]
    fn gnu_cpio_lists_it() {
        let mut child = Command::new("cpio")
            .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cpio is installed by scripts/setup.sh");
        child.stdin.take().unwrap().write_all(&archive(&sample(), 0).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected = [
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
            "lrwxrwxrwx 1 0 0 5 Jan 1 1970 bin/firstlight -> /init",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
            "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc",
            "-rw-r--r-- 1 0 0 12 Jan 1 1970 etc/firstlight.conf",
            "-rwxr-xr-x 1 0 0 5 Jan 1 1970 init",
        ];
        assert_eq!(lines, expected.map(|line| line.split_whitespace().collect::<Vec<_>>()));
    }
}
