//! One attempt: an entry's files opened on their volumes, read once, and handed to the kernel.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    entry::{Entry, FileReference, Kind},
    formats::{lookup::LookupError, text::printable},
    image::{
        apart::{ApartError, Companion, assemble, whole},
        packed,
    },
    kexec::{self, Image, LoadError, Method, cmdline, cmdline::Firmware, segments::Wishes},
    storage::OpenVolume,
};

/// So much is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The entry names no kernel.
    #[error("the entry names no kernel; correct the boot configuration")]
    NoKernel,
    /// The volume of a file is not there.
    #[error("{file}: its volume is not there any more; attach the disk again")]
    VolumeGone {
        /// The file.
        file: String,
    },
    /// A file cannot be opened.
    #[error(
        "{file}: cannot be opened ({reason}); install the kernel package again, or correct the boot configuration"
    )]
    Open {
        /// The file.
        file: String,
        /// The kernel's reason.
        reason: LookupError,
    },
    /// A file cannot be read.
    #[error("{file}: cannot be read ({source}); check the disk and its cables")]
    Read {
        /// The file.
        file: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A file that holds more than a kernel cannot be taken apart.
    #[error("{file}: {reason}")]
    Apart {
        /// The file.
        file: String,
        /// What is wrong, and what to do.
        reason: ApartError,
    },
    /// Nobody waits for it any more.
    #[error("given up")]
    GivenUp,
    /// The kernel refused it.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The number of the one load that may still put a kernel in place.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<AtomicU64>);

impl Turn {
    /// Gives the turn to this load and takes it from the one before.
    pub fn give(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    fn has(&self, number: u64) -> bool {
        self.0.load(Ordering::Acquire) == number
    }
}

/// What an attempt needs beside the entry.
#[derive(Clone, Debug)]
pub struct Loader {
    /// The volumes that are there.
    pub volumes: Vec<Arc<OpenVolume>>,
    /// Words appended to every command line.
    pub append: Vec<String>,
    /// What the firmware makes necessary.
    pub firmware: Firmware,
    /// Whose turn it is.
    pub turn: Turn,
}

impl Loader {
    /// Loads the entry, if it is still this number's turn when its files have been read.
    ///
    /// # Errors
    /// [`AttemptError`] names the file that is to blame, why, and what to do.
    pub fn load(&self, number: u64, entry: &Entry) -> Result<(), AttemptError> {
        let kernel = self.open(entry.kernel.as_ref().ok_or(AttemptError::NoKernel)?)?;
        let initrds = entry.initrds.iter().map(|initrd| self.open(initrd)).collect::<Result<Vec<_>, _>>()?;
        if entry.kind == Kind::Multiboot {
            return self.load_multiboot(number, entry, &kernel, initrds);
        }
        let companions = entry.unified.companions.iter().map(|companion| {
            let name = companion.file.path.rsplit('/').next().unwrap_or_default().to_owned();
            Ok(Companion { role: companion.role, name, file: self.open(&companion.file)?.file })
        });
        let companions = companions.collect::<Result<Vec<_>, AttemptError>>()?;
        // The kernel holds its lock for loading while it reads. So what may hang, a disk, is read beforehand: it holds up
        // no other load then. Several initrds are joined without that lock.
        read_through(&kernel)?;
        let assembled = assemble(kernel, initrds, entry.unified.profile, &companions)
            .map_err(|(file, reason)| AttemptError::Apart { file, reason })?;
        if let [initrd] = assembled.initrds.as_slice() {
            read_through(initrd)?;
        }
        let cmdline = cmdline::complete(&assembled.cmdline(&entry.cmdline), &self.append, self.firmware);
        let device_tree = self.device_tree(entry, assembled.devicetree)?;
        if !self.turn.has(number) {
            return Err(AttemptError::GivenUp);
        }
        let wishes = Wishes { device_tree, ..Wishes::default() };
        Ok(kexec::load_by(Method::Auto, &wishes, &assembled.kernel, &assembled.initrds, &cmdline)?)
    }

    /// A kernel that is started by multiboot. Its files hang up no other load: they are read outside of the kernel's lock.
    #[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
    fn load_multiboot(
        &self,
        number: u64,
        entry: &Entry,
        kernel: &Image,
        files: Vec<Image>,
    ) -> Result<(), AttemptError> {
        use crate::{
            formats::text::encode,
            kexec::multiboot::{self, Module, Told},
        };
        let mut words = entry.multiboot.modules.iter();
        let module = |image| {
            read_through(&image)?;
            let (words, as_it_is) = words
                .next()
                .map_or_else(Default::default, |module| (encode(&module.cmdline), module.as_it_is));
            Ok(Module { image, words, as_it_is })
        };
        let modules = files.into_iter().map(module).collect::<Result<Vec<_>, AttemptError>>()?;
        // What the firmware makes necessary is for Linux only.
        let cmdline = cmdline::complete(&entry.cmdline, &self.append, Firmware::default());
        if !self.turn.has(number) {
            return Err(AttemptError::GivenUp);
        }
        let told = Told { version: entry.multiboot.version, cmdline: &cmdline, named: false };
        Ok(multiboot::load(Method::Auto, kernel, &modules, &told, &Wishes::default())?)
    }

    /// What the finders say of such an entry, should one come here all the same.
    #[cfg(not(all(feature = "multiboot", target_arch = "x86_64")))]
    fn load_multiboot(&self, _: u64, _: &Entry, kernel: &Image, _: Vec<Image>) -> Result<(), AttemptError> {
        Err(LoadError::NoKernel { kernel: kernel.name.clone() }.into())
    }

    /// The device tree that the entry names, else the one that came with the kernel. Machines without device trees are
    /// given none.
    fn device_tree(&self, entry: &Entry, own: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, AttemptError> {
        let named = entry.devicetree.as_ref().filter(|_| cfg!(not(target_arch = "x86_64")));
        let read = |reference| {
            let Image { name, file } = self.open(reference)?;
            whole(&file).map_err(|source| AttemptError::Read { file: name, source })
        };
        Ok(named.map(read).transpose()?.or(own.filter(|_| cfg!(not(target_arch = "x86_64")))))
    }

    fn open(&self, reference: &FileReference) -> Result<Image, AttemptError> {
        let file = printable(&format!("{} on {}", reference.full_path(), reference.volume));
        let volume = self.volumes.iter().find(|volume| volume.volume.device.name == reference.volume);
        let Some(volume) = volume else { return Err(AttemptError::VolumeGone { file }) };
        let opened = match volume.open(reference) {
            Ok(opened) => opened,
            Err(reason) => return Err(AttemptError::Open { file, reason }),
        };
        match &reference.packed_as {
            None => Ok(Image { name: file, file: opened }),
            Some(name) => match packed(&opened, name) {
                Ok(archive) => Ok(Image { name: file, file: archive }),
                Err(source) => Err(AttemptError::Read { file, source }),
            },
        }
    }
}

/// Reads a file into the kernel's page cache.
fn read_through(image: &Image) -> Result<(), AttemptError> {
    read_all(&image.file).map_err(|source| AttemptError::Read { file: image.name.clone(), source })
}

fn read_all(file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut offset = 0_u64;
    loop {
        match file.read_at(&mut chunk, offset) {
            Ok(0) => return Ok(()),
            Ok(count) => offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        boot::samples::{entry, volume},
        entry::Transport,
        storage::root::Root,
    };

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("firstlight-loader-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn loader(path: &std::path::Path) -> Loader {
        let open =
            OpenVolume { volume: volume("sda1", Transport::Scsi), root: Root::from_directory(path).unwrap() };
        Loader {
            volumes: vec![Arc::new(open)],
            append: vec![],
            firmware: Firmware::default(),
            turn: Turn::default(),
        }
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let path = directory("missing");
        let loader = loader(&path);
        let cases = [
            (
                entry("a", "sda1"),
                "/a on sda1: cannot be opened (no such file); install the kernel package again, or correct the boot configuration",
            ),
            (entry("a", "sdb1"), "/a on sdb1: its volume is not there any more; attach the disk again"),
            (
                Entry { kernel: None, ..entry("a", "sda1") },
                "the entry names no kernel; correct the boot configuration",
            ),
        ];
        for (entry, message) in cases {
            assert_eq!(loader.load(0, &entry).unwrap_err().to_string(), message);
        }
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_load_whose_turn_is_over_puts_nothing_in_place() {
        let path = directory("turn");
        fs::write(path.join("a"), "no kernel").unwrap();
        let loader = loader(&path);
        loader.turn.give(2);
        assert!(matches!(loader.load(1, &entry("a", "sda1")), Err(AttemptError::GivenUp)));
        // In its turn it comes as far as the kernel's own refusal.
        assert!(matches!(loader.load(2, &entry("a", "sda1")), Err(AttemptError::Load(_))));
        fs::remove_dir_all(&path).unwrap();
    }
}
