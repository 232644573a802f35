//! Files beyond what the standard library does with them: read until a buffer is full, and sealed in memory so that what
//! was looked at is what is loaded (memfd_create(2)).

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use rustix::{
    fs::{
        IFlags, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ioctl_getflags,
        ioctl_setflags, memfd_create, open,
    },
    io::Errno,
};

/// Opens with `open`, which is given the flag that keeps a file's access time as it is where the kernel lets us: it lets
/// the file's owner and who has CAP_FOWNER (open(2), `O_NOATIME`).
///
/// # Errors
///
/// That of `open`.
pub fn without_a_trace<T>(open: impl Fn(OFlags) -> Result<T, Errno>) -> Result<T, Errno> {
    match open(OFlags::NOATIME) {
        Err(Errno::PERM) => open(OFlags::empty()),
        result => result,
    }
}

/// Opens what lies at the path for reading. Nothing is waited for (a fifo's writer, a modem's carrier), no terminal becomes
/// ours, and the access time stays as it is where the kernel lets us.
///
/// # Errors
///
/// The kernel's reason.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(without_a_trace(|more| open(path, flags | more, Mode::empty()))?.into())
}

/// As [`open_at_once`], where a regular file is expected.
///
/// # Errors
///
/// `InvalidInput` if it is something else, or the kernel's reason.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = open_at_once(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Takes away the flag that guards a file against every change (`i` of chattr(1); efivarfs and extlinux set it), and gives whether
/// it had one. All its other flags stay, those included that have no name here: ext4 would convert the file without them.
///
/// # Errors
///
/// The kernel's reason. A file system without flags is no error.
pub fn take_guard(file: &File) -> io::Result<bool> {
    let flags = match ioctl_getflags(file) {
        Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL) => return Ok(false),
        flags => flags?,
    };
    let is_guarded = flags.contains(IFlags::IMMUTABLE);
    if is_guarded {
        ioctl_setflags(file, flags.difference(IFlags::IMMUTABLE))?;
    }
    Ok(is_guarded)
}

/// Gives a file the flag that [`take_guard`] has taken away.
///
/// # Errors
///
/// The kernel's reason.
pub fn give_guard(file: &File) -> io::Result<()> {
    Ok(ioctl_setflags(file, ioctl_getflags(file)?.union(IFlags::IMMUTABLE))?)
}

/// Reads from an offset until the buffer is full or the file ends, and says how many bytes that was.
///
/// # Errors
///
/// The kernel's reason.
pub fn fill(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled: usize = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Up to `length` bytes from an offset of a file: fewer at its end.
///
/// # Errors
///
/// The kernel's reason.
pub fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let filled = fill(file, offset, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The memory that can be filled without others losing theirs, in bytes (`MemAvailable`, proc_meminfo(5)); without limit where
/// the kernel does not say.
#[must_use]
pub fn free_memory() -> u64 {
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let value = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    kib.map_or(u64::MAX, |kib: u64| kib.saturating_mul(1024))
}

/// Content of this size in bytes fits into any memory.
const SMALL: u64 = 1 << 20;

/// A file in memory of what `write` writes to it, which can no longer change; `name` is shown by /proc/PID/maps. About
/// `size` bytes are going to be written: where there is no memory for them and for the copy that the kernel makes of what it
/// loads, nothing is.
///
/// # Errors
///
/// `OutOfMemory`; those of `write`, or the kernel's reason why there is no such file.
pub fn sealed<E: From<io::Error>>(
    name: &str,
    size: u64,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<File, E> {
    if size > SMALL {
        let free = free_memory();
        if size > free / 2 {
            let message =
                format!("{} MiB take twice as much memory, and {} MiB are free", size >> 20, free >> 20);
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, message).into());
        }
    }
    let memory =
        memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).map_err(io::Error::from)?;
    let mut memory = File::from(memory);
    write(&mut memory)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&memory, seals).map_err(io::Error::from)?;
    Ok(memory)
}

/// Whether it is a file of [`sealed`], which is in memory already.
#[must_use]
pub fn is_sealed(file: &File) -> bool {
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::WRITE))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_guard_is_taken_and_given_and_no_other_flag_changes() {
        let path = std::env::temp_dir().join(format!("firstlight-guard-{}", std::process::id()));
        std::fs::write(&path, "content").unwrap();
        let file = &File::open(&path).unwrap();
        let flags = || ioctl_getflags(file).map(|flags| flags.bits());
        let before = flags();
        assert!(!take_guard(file).unwrap());
        // Without the capability for it, or without flags, there is nothing to take.
        if give_guard(file).is_ok() {
            assert_eq!(flags(), before.map(|flags| flags | IFlags::IMMUTABLE.bits()));
            assert!(take_guard(file).unwrap());
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(flags(), before);
    }

    #[test]
    fn reading_leaves_no_trace_and_waits_for_no_writer() {
        use std::os::unix::fs::MetadataExt;
        let directory = std::env::temp_dir().join(format!("firstlight-files-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (file, fifo) = (directory.join("file"), directory.join("fifo"));
        std::fs::write(&file, "content").unwrap();
        // An access time before the modification time is changed by the next read, also with the mount option relatime.
        let long_ago = std::fs::FileTimes::new().set_accessed(std::time::UNIX_EPOCH);
        File::options().write(true).open(&file).unwrap().set_times(long_ago).unwrap();
        assert_eq!(read_at(&open_regular(&file).unwrap(), 0, 16).unwrap(), b"content");
        assert_eq!(std::fs::metadata(&file).unwrap().atime(), 0);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(open_regular(&fifo).unwrap_err().to_string(), "not a regular file");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_sealed_file_holds_what_was_written_and_changes_no_more() {
        let mut memory = sealed("test", 7, |memory| memory.write_all(b"content")).unwrap();
        let mut buffer = [0; 16];
        assert_eq!([is_sealed(&memory), is_sealed(&File::open("/dev/null").unwrap())], [true, false]);
        assert_eq!((fill(&memory, 3, &mut buffer).unwrap(), &buffer[..5]), (4, &b"tent\0"[..]));
        assert_eq!(fill(&memory, 7, &mut buffer).unwrap(), 0);
        assert_eq!(read_at(&memory, 3, 16).unwrap(), b"tent");
        assert_eq!(memory.write(b"x").unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(memory.set_len(1).unwrap_err().raw_os_error(), Some(libc::EPERM));
        let failed = sealed("test", 0, |_| Err(io::Error::from(io::ErrorKind::UnexpectedEof)));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_does_not_fit_into_memory_is_not_begun() {
        let begun = |_: &mut File| -> io::Result<()> { panic!("begun") };
        let refused = sealed("test", 1 << 60, begun).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
        let message = "1099511627776 MiB take twice as much memory, and ";
        assert!(refused.to_string().starts_with(message), "{refused}");
        assert!((1 << 20..1 << 60).contains(&free_memory()));
    }
}
