//! The root of one file system, as a directory handle that nothing leads out of (openat2(2), `RESOLVE_IN_ROOT`); or a
//! partition without a file system, as if there were one with a single file in it ([`BARE_FILE`]).
//!
//! It is one file system: what is mounted on its directories is another volume and is not entered.
//! Its content is hostile: a fifo or a device node is never opened for reading, sizes and lists are capped, and
//! every loop ends. Paths are in the text form of [`crate::formats::text`], from the root; a leading `/` may be left out.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat2, readlinkat, statat,
    },
    io::Errno,
};

use crate::{
    entry::FilesystemKind,
    formats::{
        lookup::{BARE_FILE, DirectoryEntry, FileKind, FileStatus, LookupError},
        sort, text,
    },
    sys::files,
};

/// Maximum number of names that are read from a directory.
pub const LIST_LIMIT: usize = 100_000;

/// Maximum number of components in a path that is looked up without regard to case; FAT paths are at most 260 characters long.
const COMPONENT_LIMIT: usize = 130;

/// openat2 answers EAGAIN when a rename raced with `..`; a file system that is never still is given up.
const RACE_LIMIT: usize = 16;

/// A file system's root directory.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    fold_case: bool,
    is_bare: bool,
}

impl Root {
    /// Opens a directory that stands for a file system's root.
    ///
    /// # Errors
    /// [`LookupError`] holds the kernel's reason.
    pub fn from_directory(path: &Path) -> Result<Self, LookupError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::from_fd(open(path, flags, Mode::empty()).map_err(reason)?))
    }

    /// Takes a directory handle; one of `O_PATH` or a detached mount will do.
    #[must_use]
    pub fn from_fd(directory: OwnedFd) -> Self {
        Self { directory, fold_case: false, is_bare: false }
    }

    /// The handle itself.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Where no file has exactly the name asked for, takes one that differs in case only, as file systems of this kind
    /// do: the kernel knows no case on FAT, but does on ISO 9660, NTFS, and a directory that stands for any of them. Of a
    /// partition without a file system the handle is that of its device, open for reading.
    #[must_use]
    pub fn naming_as(mut self, kind: FilesystemKind) -> Self {
        use FilesystemKind::{Bare, Exfat, Iso9660, Ntfs, Vfat};
        self.is_bare = kind == Bare;
        self.fold_case = matches!(kind, Vfat | Exfat | Iso9660 | Ntfs);
        self
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn open_file(&self, path: &str) -> Result<File, LookupError> {
        let (file, _) = self.open_regular(path, OFlags::RDONLY)?;
        match self.is_bare {
            // With a position of its own: several may read at a time.
            true => File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(failed),
            false => Ok(file),
        }
    }

    /// Opens a regular file for reading and writing.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be written: most of all, where the file system is mounted read-only.
    pub fn open_to_write(&self, path: &str) -> Result<File, LookupError> {
        let (file, _) = self.open_regular(path, OFlags::RDWR)?;
        Ok(file)
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be opened.
    pub fn open_directory(&self, path: &str) -> Result<OwnedFd, LookupError> {
        let path = if path.is_empty() { "/" } else { path };
        self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK).map_err(reason)
    }

    /// Reads a whole regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let (file, size) = self.open_regular(path, OFlags::RDONLY)?;
        // The read ends at the limit, too: the size is only what the file system says.
        let capacity = usize::try_from(size).ok().filter(|size| *size <= limit);
        let mut content = Vec::with_capacity(capacity.ok_or(LookupError::TooLarge(limit))?);
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(bound).read_to_end(&mut content).map_err(failed)?;
        if content.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(content) }
    }

    /// Reads up to `length` bytes from `offset` of a regular file: fewer at its end.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn read_at(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let (file, size) = self.open_regular(path, OFlags::RDONLY)?;
        let there = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX).min(length);
        let mut content = vec![0; there];
        let filled = files::fill(&file, offset, &mut content).map_err(failed)?;
        content.truncate(filled);
        Ok(content)
    }

    /// Status of what the path leads to, following a final link if `follow`; `None` if there is nothing.
    #[must_use]
    pub fn status(&self, path: &str, follow: bool) -> Option<FileStatus> {
        if self.is_bare {
            let (_, size) = self.open_regular(path, OFlags::RDONLY).ok()?;
            return Some(FileStatus { kind: FileKind::File, size, modified: 0 });
        }
        let flags = if follow { OFlags::PATH } else { OFlags::PATH | OFlags::NOFOLLOW };
        let status = fstat(self.resolve(path, flags).ok()?).ok()?;
        Some(FileStatus {
            kind: kind(FileType::from_raw_mode(status.st_mode)),
            size: size(&status),
            modified: status.st_mtime,
        })
    }

    /// Target of a symbolic link; `None` if it is none.
    #[must_use]
    pub fn link(&self, path: &str) -> Option<String> {
        let link = self.resolve(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = readlinkat(link, "", Vec::new()).ok()?;
        Some(text::decode(target.to_bytes())).filter(|target| !target.is_empty())
    }

    /// Names in a directory, sorted by byte value, at most [`LIST_LIMIT`]; empty if it is missing or no directory.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<DirectoryEntry> {
        let mut names = self.names(path);
        sort::by(&mut names, |(one, _), (other, _)| one.cmp(other));
        names.into_iter().map(|(name, kind)| DirectoryEntry { name: text::decode(&name), kind }).collect()
    }

    /// Opens a regular file and tells its size in bytes.
    fn open_regular(&self, path: &str, access: OFlags) -> Result<(File, u64), LookupError> {
        if self.is_bare {
            if (path, access) != (BARE_FILE, OFlags::RDONLY) {
                return Err(LookupError::Missing);
            }
            let mut file = File::from(self.directory.try_clone().map_err(failed)?);
            let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
            file.rewind().map_err(failed)?;
            return Ok((file, size));
        }
        // Opening a device node for reading can already do something; opening its path cannot.
        let place = self.resolve(path, OFlags::PATH).map_err(reason)?;
        regular(&fstat(place).map_err(reason)?)?;
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.resolve(path, flags).map_err(reason)?;
        let status = fstat(&file).map_err(reason)?;
        regular(&status)?;
        Ok((File::from(file), size(&status)))
    }

    fn names(&self, path: &str) -> Vec<(Vec<u8>, FileKind)> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let Ok(directory) = self.resolve(path, flags) else {
            return Vec::new();
        };
        // Not read_from, which opens the directory again by name: a confined finder may open nothing without openat2.
        let Ok(mut stream) = Dir::new(directory) else {
            return Vec::new();
        };
        // A directory that breaks off with an error keeps the names before it.
        let entries = stream.by_ref().map_while(Result::ok).take(LIST_LIMIT.saturating_add(2));
        let entries: Vec<rustix::fs::DirEntry> = entries.collect();
        let names = entries.iter().filter(|entry| !matches!(entry.file_name().to_bytes(), b"." | b".."));
        let with_kind = |entry: &rustix::fs::DirEntry| {
            let file_type = match (entry.file_type(), stream.fd()) {
                (FileType::Unknown, Ok(directory)) => {
                    statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                        .map_or(FileType::Unknown, |status| FileType::from_raw_mode(status.st_mode))
                }
                (known, _) => known,
            };
            (entry.file_name().to_bytes().to_vec(), kind(file_type))
        };
        names.take(LIST_LIMIT).map(with_kind).collect()
    }

    fn resolve(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        if self.is_bare {
            return Err(Errno::NOENT);
        }
        match self.resolve_exactly(&text::encode(path), flags) {
            Err(Errno::NOENT) if self.fold_case => {
                self.resolve_exactly(&self.true_path(path).ok_or(Errno::NOENT)?, flags)
            }
            result => result,
        }
    }

    fn resolve_exactly(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let mut result = Err(Errno::AGAIN);
        for _ in 0..RACE_LIMIT {
            let open =
                |more| openat2(&self.directory, path, flags | more | OFlags::CLOEXEC, Mode::empty(), inside);
            // A path alone touches nothing, and takes no such flag.
            result = if flags.contains(OFlags::PATH) {
                open(OFlags::empty())
            } else {
                files::without_a_trace(open)
            };
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }

    /// The path as its directories spell it; the file systems concerned have no links, so `..` is a matter of text.
    fn true_path(&self, path: &str) -> Option<Vec<u8>> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        for (count, component) in path.split('/').filter(|name| !matches!(*name, "" | ".")).enumerate() {
            if count >= COMPONENT_LIMIT {
                return None;
            }
            if component == ".." {
                found.pop();
                continue;
            }
            let wanted = component.to_ascii_lowercase();
            let parent = text::decode(&joined(&found));
            let names = self.names(&parent).into_iter().map(|(name, _)| name);
            let same = |name: &Vec<u8>| text::decode(name).to_ascii_lowercase() == wanted;
            // The exact name first, else the least, so that the answer never depends on the directory's order.
            found.push(
                names.filter(same).min_by_key(|name| (*name != text::encode(component), name.clone()))?,
            );
        }
        Some(joined(&found))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

fn joined(components: &[Vec<u8>]) -> Vec<u8> {
    [b"/".as_slice(), &components.join(&b'/')].concat()
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    }
}

fn regular(status: &Stat) -> Result<(), LookupError> {
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(LookupError::Failed("is a directory".to_owned())),
        _ => Err(LookupError::Failed("not a regular file".to_owned())),
    }
}

fn size(status: &Stat) -> u64 {
    u64::try_from(status.st_size).unwrap_or(0)
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err passes")]
fn failed(error: std::io::Error) -> LookupError {
    LookupError::Failed(error.to_string())
}

fn reason(error: Errno) -> LookupError {
    match error {
        Errno::NOENT | Errno::NOTDIR => LookupError::Missing,
        other => LookupError::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    };

    use rustix::fs::{CWD, mknodat};
    use tempfile::TempDir;

    use super::*;

    /// A directory beside a secret that must never be reached.
    fn cage() -> (TempDir, Root) {
        let outside = TempDir::new().unwrap();
        fs::write(outside.path().join("secret"), "outside").unwrap();
        let inside = outside.path().join("root");
        fs::create_dir_all(inside.join("boot/grub")).unwrap();
        fs::write(inside.join("boot/vmlinuz"), "kernel").unwrap();
        fs::write(inside.join("secret"), "inside").unwrap();
        let root = Root::from_directory(&inside).unwrap();
        (outside, root)
    }

    fn inside(cage: &TempDir, path: &str) -> std::path::PathBuf {
        cage.path().join("root").join(path)
    }

    #[test]
    fn links_and_parents_stay_inside() {
        let (cage, root) = cage();
        symlink("/boot/vmlinuz", inside(&cage, "absolute")).unwrap();
        symlink("../../../../secret", inside(&cage, "boot/upwards")).unwrap();
        symlink("grub", inside(&cage, "boot/directory")).unwrap();
        for (path, content) in [
            ("/boot/vmlinuz", "kernel"),
            ("boot/vmlinuz", "kernel"),
            ("//boot/./grub/../vmlinuz", "kernel"),
            ("/absolute", "kernel"),
            ("/../secret", "inside"),
            ("/boot/../../../secret", "inside"),
            ("/boot/upwards", "inside"),
            ("/boot/directory/../vmlinuz", "kernel"),
        ] {
            assert_eq!(root.read(path, 100).as_deref(), Ok(content.as_bytes()), "{path}");
        }
    }

    #[test]
    fn magic_links_of_proc_do_not_lead_out() {
        let root = Root::from_directory(Path::new("/proc")).unwrap();
        assert!(matches!(root.open_file("/self/exe"), Err(LookupError::Failed(_))));
        assert_eq!(root.list("/self/root"), []);
    }

    #[test]
    fn a_partition_without_a_file_system_is_a_single_file() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("sda2");
        fs::write(&path, "ANDROID!").unwrap();
        let root = Root::from_fd(File::open(&path).unwrap().into()).naming_as(FilesystemKind::Bare);
        assert_eq!(root.read(BARE_FILE, 8).as_deref(), Ok(&b"ANDROID!"[..]));
        assert_eq!(root.read(BARE_FILE, 7), Err(LookupError::TooLarge(7)));
        assert_eq!(root.read_at(BARE_FILE, 3, 9).as_deref(), Ok(&b"ROID!"[..]));
        let status = FileStatus { kind: FileKind::File, size: 8, modified: 0 };
        assert_eq!(root.status(BARE_FILE, true), Some(status));
        let (mut one, mut other) = (root.open_file(BARE_FILE).unwrap(), root.open_file(BARE_FILE).unwrap());
        let mut text = String::new();
        one.read_to_string(&mut text).unwrap();
        other.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ANDROID!ANDROID!");
        assert_eq!(root.list("/"), []);
        for path in ["/", "", "/boot/grub/grub.cfg", "/partition/x"] {
            assert_eq!(root.read(path, 8), Err(LookupError::Missing), "{path}");
            assert_eq!(root.status(path, true), None, "{path}");
        }
        assert!(root.open_to_write(BARE_FILE).is_err());
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let (cage, root) = cage();
        symlink("nowhere", inside(&cage, "dangling")).unwrap();
        for path in ["/nothing", "/boot/vmlinuz/below", "/dangling", ""] {
            assert_eq!(root.read(path, 100), Err(LookupError::Missing), "{path}");
            assert_eq!(root.status(path, true), None, "{path}");
        }
        assert_eq!(root.status("/dangling", false).map(|status| status.kind), Some(FileKind::Link));
    }

    #[test]
    fn only_regular_files_are_read_and_nothing_blocks() {
        let (cage, root) = cage();
        mknodat(CWD, inside(&cage, "fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _listener = UnixListener::bind(inside(&cage, "socket")).unwrap();
        symlink("loop", inside(&cage, "loop")).unwrap();
        for path in ["/fifo", "/socket", "/loop", "/boot", "/"] {
            assert!(matches!(root.read(path, 100), Err(LookupError::Failed(_))), "{path}");
            assert!(matches!(root.read_at(path, 0, 1), Err(LookupError::Failed(_))), "{path}");
            assert!(root.open_file(path).is_err(), "{path}");
        }
        let kinds = ["/fifo", "/boot", "/secret"].map(|path| root.status(path, true).unwrap().kind);
        assert_eq!(kinds, [FileKind::Other, FileKind::Directory, FileKind::File]);
    }

    #[test]
    fn sizes_are_bounded() {
        let (cage, root) = cage();
        let huge = File::create(inside(&cage, "huge")).unwrap();
        huge.set_len(1 << 40).unwrap();
        assert_eq!(root.read("/huge", 1 << 20), Err(LookupError::TooLarge(1 << 20)));
        assert_eq!(root.status("/huge", true).unwrap().size, 1 << 40);
        assert_eq!(root.read_at("/huge", (1 << 40) - 3, 8), Ok(vec![0; 3]));
        assert_eq!(root.read_at("/huge", u64::MAX, 8), Ok(vec![]));
        assert_eq!(root.read("/secret", 6).as_deref(), Ok(&b"inside"[..]));
        assert_eq!(root.read("/secret", 5), Err(LookupError::TooLarge(5)));
        assert_eq!(root.read_at("/secret", 2, 3).as_deref(), Ok(&b"sid"[..]));
    }

    #[test]
    fn a_file_without_a_stated_size_is_read_to_its_end_and_no_further_than_the_limit() {
        let root = Root::from_directory(Path::new("/proc")).unwrap();
        let version = fs::read("/proc/version").unwrap();
        assert_eq!(root.read("/version", 4096), Ok(version));
        assert_eq!(root.read("/version", 5), Err(LookupError::TooLarge(5)));
    }

    #[test]
    fn overlong_paths_are_errors() {
        let (_cage, root) = cage();
        for path in ["x".repeat(256), "x".repeat(4096), "/boot".repeat(2000), "a\0b".to_owned()] {
            assert!(root.read(&path, 1).is_err());
            assert_eq!(root.status(&path, true), None);
            assert_eq!(root.list(&path), []);
            let folding = Root::from_directory(Path::new("/")).unwrap().naming_as(FilesystemKind::Vfat);
            assert_eq!(folding.status(&path, true), None);
        }
    }

    #[test]
    fn names_come_in_byte_order_with_their_kind() {
        let (cage, root) = cage();
        let names: [&[u8]; 3] = [b"Zwei", b"eins", b"gr\xf6\xdfe"];
        for name in names {
            fs::write(inside(&cage, "boot/grub").join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        symlink("eins", inside(&cage, "boot/grub/drei")).unwrap();
        let listed: Vec<_> = root
            .list("/boot/grub")
            .into_iter()
            .map(|entry| (text::encode(&entry.name), entry.kind))
            .collect();
        let expected: [(&[u8], _); 4] = [
            (b"Zwei", FileKind::File),
            (b"drei", FileKind::Link),
            (b"eins", FileKind::File),
            (b"gr\xf6\xdfe", FileKind::File),
        ];
        assert_eq!(listed, expected.map(|(name, kind)| (name.to_vec(), kind)));
        assert_eq!(root.list("/boot/vmlinuz"), []);
        assert_eq!(root.list("/nothing"), []);
    }

    #[test]
    fn stray_bytes_in_a_name_find_the_file() {
        let (cage, root) = cage();
        fs::write(inside(&cage, "").join(std::ffi::OsStr::from_bytes(b"gr\xf6\xdfe")), "x").unwrap();
        assert_eq!(root.read(&text::decode(b"/gr\xf6\xdfe"), 9), Ok(b"x".to_vec()));
    }

    #[test]
    fn case_matters_except_where_the_file_system_says_otherwise() {
        let (cage, root) = cage();
        fs::create_dir_all(inside(&cage, "EFI/Boot")).unwrap();
        fs::write(inside(&cage, "EFI/Boot/BOOTX64.EFI"), "upper").unwrap();
        fs::write(inside(&cage, "EFI/Boot/bootx64.efi"), "lower").unwrap();
        assert_eq!(root.read("/efi/boot/bootx64.efi", 9), Err(LookupError::Missing));
        let root = root.naming_as(FilesystemKind::Vfat);
        for (path, content) in [
            ("/EFI/Boot/bootx64.efi", "lower"),
            ("/efi/BOOT/bootx64.efi", "lower"),
            ("/efi/boot/BootX64.efi", "upper"),
            ("efi//./boot/../boot/BootX64.efi", "upper"),
            ("/../efi/boot/BootX64.efi", "upper"),
        ] {
            assert_eq!(root.read(path, 9).as_deref(), Ok(content.as_bytes()), "{path}");
        }
        assert_eq!(root.list("/efi").len(), 1);
        assert_eq!(root.read("/efi/missing", 9), Err(LookupError::Missing));
    }
}
