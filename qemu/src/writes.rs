//! A disk at any moment of what a guest wrote to it, as a power cut at that moment leaves it: QEMU logs each write in its order
//! (driver blklogwrites; the kernel's Documentation/admin-guide/device-mapper/log-writes.rst has the format).

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Context, Error};
use crate::{Result, place};

/// Unit of the log and of the places in it, in bytes.
const SECTOR: u64 = 512;

const MAGIC: u64 = 0x6a_7366_7773_6872;

/// An entry that has no data after it.
const DISCARD: u64 = 4;

/// A disk whose writes are logged.
#[derive(Clone, Debug)]
pub struct LoggedDisk {
    /// The disk as it was before.
    before: PathBuf,
    /// The one that the guest writes to.
    disk: PathBuf,
    log: PathBuf,
}

/// A write: where on the disk, how much, and where its bytes lie in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LoggedWrite {
    start: u64,
    length: u64,
    data: u64,
}

impl LoggedDisk {
    /// Prepares a log for a guest that writes to a copy of the disk.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn of(before: &Path, name: &str) -> Result<Self> {
        let directory = place::directory("disks")?;
        let (disk, log) =
            (directory.join(format!("{name}.logged")), directory.join(format!("{name}.writes")));
        fs::copy(before, &disk).context(|| format!("writing {}", disk.display()))?;
        File::create(&log).context(|| format!("writing {}", log.display()))?;
        Ok(Self { before: before.to_owned(), disk, log })
    }

    /// QEMU's options that attach it on virtio.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let file = |path: &Path| path.display().to_string().replace(',', ",,");
        let (disk, log) = (file(&self.disk), file(&self.log));
        let log =
            format!("driver=blklogwrites,node-name=logged,file=plain,log.driver=file,log.filename={log}");
        let options = [
            "-blockdev",
            &format!("driver=file,node-name=plain,filename={disk}"),
            "-blockdev",
            &log,
            "-device",
            "virtio-blk-pci,drive=logged",
        ];
        options.map(str::to_owned).to_vec()
    }

    fn writes(&self) -> Result<Vec<LoggedWrite>> {
        let mut log = File::open(&self.log).context(|| format!("reading {}", self.log.display()))?;
        read_log(&mut log).ok_or_else(|| Error::Other(format!("{}: no log of writes", self.log.display())))
    }

    /// How many writes there were, once the guest is off.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn count(&self) -> Result<usize> {
        Ok(self.writes()?.len())
    }

    /// Makes the disk as it was after its first `count` writes.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn after(&self, count: usize, to: &Path) -> Result<()> {
        let writes = self.writes()?;
        let make = || -> std::io::Result<()> {
            fs::copy(&self.before, to)?;
            let (mut log, mut disk) = (File::open(&self.log)?, OpenOptions::new().write(true).open(to)?);
            for write in writes.iter().take(count) {
                log.seek(SeekFrom::Start(write.data))?;
                disk.seek(SeekFrom::Start(write.start))?;
                std::io::copy(&mut (&mut log).take(write.length), &mut disk)?;
            }
            disk.flush()
        };
        make().context(|| format!("writing {}", to.display()))
    }
}

impl Drop for LoggedDisk {
    fn drop(&mut self) {
        // The next test makes them anew.
        let _ = fs::remove_file(&self.disk);
        let _ = fs::remove_file(&self.log);
    }
}

fn read_log(log: &mut (impl Read + Seek)) -> Option<Vec<LoggedWrite>> {
    let mut numbers = |at: u64| -> Option<[u64; 4]> {
        let mut bytes = [0; 32];
        log.seek(SeekFrom::Start(at)).ok()?;
        log.read_exact(&mut bytes).ok()?;
        let number = |place: usize| bytes.get(place..place + 8)?.try_into().ok().map(u64::from_le_bytes);
        Some([number(0)?, number(8)?, number(16)?, number(24)?])
    };
    let [magic, _, entries, _] = numbers(0)?;
    if magic != MAGIC {
        return None;
    }
    let (mut at, mut writes) = (SECTOR, Vec::new());
    for _ in 0..entries {
        let [start, sectors, flags, _] = numbers(at)?;
        at += SECTOR;
        if flags & DISCARD != 0 || sectors == 0 {
            continue;
        }
        writes.push(LoggedWrite { start: start * SECTOR, length: sectors * SECTOR, data: at });
        at += sectors * SECTOR;
    }
    Some(writes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn writes_are_read_in_their_order() {
        let sector = |numbers: [u64; 4]| {
            let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            bytes.resize(512, 0);
            bytes
        };
        let data = vec![7; 1024];
        let log = [
            sector([MAGIC, 1, 4, 512]),
            sector([8, 2, 0, 0]),
            data.clone(),
            sector([0, 0, 1, 0]),
            sector([100, 50, DISCARD, 0]),
            sector([9, 1, 2, 0]),
            data[..512].to_vec(),
        ]
        .concat();
        let writes = [
            LoggedWrite { start: 4096, length: 1024, data: 1024 },
            LoggedWrite { start: 4608, length: 512, data: 3584 },
        ];
        assert_eq!(read_log(&mut Cursor::new(log)), Some(writes.to_vec()));
        assert_eq!(read_log(&mut Cursor::new(vec![0; 512])), None);
    }
}
