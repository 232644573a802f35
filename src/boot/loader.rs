//! One attempt: an entry's files opened on their volumes, read once, and handed to the kernel.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::before_jump;
use crate::{
    entry::{Entry, FileReference, Kind},
    formats::{lookup::LookupError, text::printable},
    image::{
        self, CompanionFile, KernelFiles, NamedFile, PrepareError, check_room, packed, prepare, verified,
    },
    kexec::{self, BeforeJump, LoadError, LoadOptions, LoadedKernel, cmdline, cmdline::Firmware},
    storage::OpenVolume,
    sys::files::is_sealed,
};

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The entry names no kernel.
    #[error("the entry names no kernel; correct the boot configuration")]
    NoKernel,
    /// The volume of a file is not there.
    #[error("{file}: its volume is not there any more; attach the disk again")]
    VolumeGone { file: String },
    /// A file cannot be opened.
    #[error(
        "{file}: cannot be opened ({reason}); install the kernel package again, or correct the boot configuration"
    )]
    Open {
        file: String,
        /// The kernel's reason.
        reason: LookupError,
    },
    /// A file cannot be read.
    #[error("{file}: cannot be read ({source}); check the disk and its cables")]
    Read {
        file: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The system would start without its initrd.
    #[error("{file}: the initrd is empty; is its file system full? Write it anew, or choose another entry")]
    EmptyInitrd { file: String },
    /// The machine would be reset, and nobody has agreed to what prevents it.
    #[error(
        "the kernel below firstlight cannot hand the firmware's memory map on (CONFIG_EFI_RUNTIME_MAP), and this one would reset the \
         machine; choose the entry by hand, or write `nokaslr = yes` into firstlight.conf, to start it with `nokaslr` and without \
         the firmware's variables"
    )]
    NeedsNokaslr,
    /// No kernel can be made of the files.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Nobody waits for it any more.
    #[error("given up")]
    GivenUp,
    /// There is no thread for it.
    #[error("no thread for it: {0}")]
    NoThread(#[source] io::Error),
    /// The kernel refused it.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The price of the word that the firmware makes necessary.
pub const NOKASLR_ADDED: &str = "`nokaslr` is added to the command line: the system has no access to the firmware's variables, since the \
                             running kernel cannot hand the firmware's memory map on";

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

/// Loads entries: what an attempt needs beside the entry.
#[derive(Clone, Debug)]
pub struct EntryLoader {
    /// The volumes that are there.
    pub volumes: Vec<Arc<OpenVolume>>,
    /// Words appended to every command line.
    pub append: Vec<String>,
    /// The firmware, which may make words on the command line necessary.
    pub firmware: Firmware,
    /// A person or the settings agree to `nokaslr` where the firmware makes it necessary.
    pub nokaslr: bool,
    /// Whose turn it is.
    pub turn: Turn,
    /// Actions to take right before the jump into the kernel, and only then, whichever entry it is.
    pub before_jump: Vec<BeforeJump>,
    /// Whether what the entry's own boot loader would have written is written; `None`: others look after that.
    pub keeps_state: Option<bool>,
}

impl EntryLoader {
    /// Loads the entry, if it is still this number's turn when its files have been read.
    ///
    /// # Errors
    /// [`AttemptError`] names the file that is to blame, why, and what to do.
    pub fn load(&self, number: u64, entry: &Entry) -> Result<LoadedKernel, AttemptError> {
        let files = self.files(entry)?;
        check_room(&files)?;
        let mut prepared = prepare(files)?;
        // The kernel holds its lock for loading while it reads. A disk may hang: it is read before, so that it holds up no
        // other load. Several initrds are joined without that lock.
        if let Some(file) = prepared.empty_initrd() {
            return Err(AttemptError::EmptyInitrd { file: file.to_owned() });
        }
        let doubts = prepared.initrd_doubts().into_iter().map(|(file, doubt)| format!("{file}: {doubt}"));
        let mut warnings: Vec<String> = doubts.inspect(|doubt| log::warn!("{doubt}")).collect();
        if !is_sealed(&prepared.kernel.file) {
            read_through(&prepared.kernel)?;
        }
        let firmware = match prepared.multiboot {
            None => self.firmware,
            // The words that the firmware makes necessary are for Linux only.
            Some(_) => Firmware::default(),
        };
        if let ([_], _) | (_, Some(_)) = (prepared.initrds.as_slice(), &prepared.multiboot) {
            prepared.initrds.iter().try_for_each(read_through)?;
        }
        if firmware.needs_nokaslr(&cmdline::complete(&prepared.cmdline, &self.append, Firmware::default())) {
            if !self.nokaslr {
                return Err(AttemptError::NeedsNokaslr);
            }
            warnings.push(NOKASLR_ADDED.to_owned());
        }
        prepared.cmdline = cmdline::complete(&prepared.cmdline, &self.append, firmware);
        if !self.turn.has(number) {
            return Err(AttemptError::GivenUp);
        }
        let loaded = kexec::load(prepared, &LoadOptions::default())?;
        let mut before_jump = self.before_jump.clone();
        match self.keeps_state {
            Some(true) => before_jump.extend(before_jump::owed_by(entry)),
            Some(false) => {
                let meanings = before_jump::owed_by(entry).into_iter();
                let meanings = meanings.filter_map(|action| before_jump::meaning_of_not_writing(&action));
                warnings.extend(meanings.map(|meaning| format!("`state = never`: {meaning}")));
            }
            None => {}
        }
        Ok(LoadedKernel { before_jump, warnings, ..loaded })
    }

    /// The entry's files, opened.
    fn files(&self, entry: &Entry) -> Result<KernelFiles, AttemptError> {
        let kernel = self.open(entry.kernel.as_ref().ok_or(AttemptError::NoKernel)?)?;
        let initrds = entry.initrds.iter().map(|initrd| self.open(initrd)).collect::<Result<_, _>>()?;
        let companions = entry.unified.companions.iter().map(|companion| {
            let name = companion.file.path.rsplit('/').next().unwrap_or_default().to_owned();
            Ok(CompanionFile { role: companion.role, name, file: self.open(&companion.file)?.file })
        });
        // Machines without device trees are given none.
        let devicetree = entry.devicetree.as_ref().filter(|_| cfg!(not(target_arch = "x86_64")));
        Ok(KernelFiles {
            kernel,
            initrds,
            cmdline: entry.cmdline.clone(),
            devicetree: devicetree.map(|tree| self.open(tree)).transpose()?,
            profile: entry.unified.profile,
            companions: companions.collect::<Result<_, AttemptError>>()?,
            multiboot: (entry.kind == Kind::Multiboot).then(|| entry.multiboot.clone()),
        })
    }

    fn open(&self, reference: &FileReference) -> Result<NamedFile, AttemptError> {
        let file = printable(&format!("{} on {}", reference.full_path(), reference.volume));
        let volume = self.volumes.iter().find(|volume| reference.volume.is(&volume.volume));
        let Some(volume) = volume else { return Err(AttemptError::VolumeGone { file }) };
        let opened = match volume.open(reference) {
            Ok(opened) => opened,
            Err(reason) => return Err(AttemptError::Open { file, reason }),
        };
        let NamedFile { name: file, file: opened } = match &reference.sha256 {
            Some(sha256) => verified(NamedFile { name: file, file: opened }, sha256)?,
            None => NamedFile { name: file, file: opened },
        };
        match &reference.packed_as {
            None => Ok(NamedFile { name: file, file: opened }),
            Some(name) => match packed(&opened, name) {
                Ok(archive) => Ok(NamedFile { name: file, file: archive }),
                Err(source) => Err(AttemptError::Read { file, source }),
            },
        }
    }
}

/// Reads a file into the kernel's page cache.
fn read_through(file: &NamedFile) -> Result<(), AttemptError> {
    image::read_through(&file.file).map_err(|source| AttemptError::Read { file: file.name.clone(), source })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        boot::samples::{entry, reference, volume},
        entry::Transport,
        storage::root::Root,
    };

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("firstlight-loader-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn loader(path: &std::path::Path) -> EntryLoader {
        let open =
            OpenVolume { volume: volume("sda1", Transport::Scsi), root: Root::from_directory(path).unwrap() };
        EntryLoader {
            volumes: vec![Arc::new(open)],
            append: vec![],
            firmware: Firmware::default(),
            nokaslr: false,
            turn: Turn::default(),
            before_jump: vec![],
            keeps_state: None,
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let path = directory("missing");
        let loader = loader(&path);
        let cases = [
            (
                entry("a", "sda1"),
                "/a on sda1: cannot be opened (no such file); install the kernel package again, or correct the boot configuration",
            ),
            (entry("a", "sdb1"), "/a on sdb1: its volume is not there any more; attach the disk again"),
            // Another disk, which was there before and had the same name.
            (
                Entry { kernel: Some(FileReference::new("sda1".into(), "/a".into())), ..entry("a", "sda1") },
                "/a on sda1: its volume is not there any more; attach the disk again",
            ),
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
    fn a_kernel_that_is_longer_than_any_is_refused_before_it_is_read() {
        let path = directory("long");
        let kernel = fs::File::create(path.join("a")).unwrap();
        kernel.set_len(2 << 40).unwrap();
        let message = "/a on sda1: is 2097152 MiB long; no kernel takes more than 4096 MiB with all that goes with it; install it \
                       again";
        assert_eq!(loader(&path).load(0, &entry("a", "sda1")).unwrap_err().to_string(), message);
        fs::remove_dir_all(&path).unwrap();
    }

    /// The digests are sha256sum's.
    #[test]
    fn a_file_that_is_named_by_its_content_is_no_other() {
        let path = directory("content");
        fs::write(path.join("a"), "no kernel").unwrap();
        let named = |sha256: &str| {
            let kernel = entry("a", "sda1").kernel;
            let kernel = kernel.map(|file| FileReference { sha256: Some(sha256.into()), ..file });
            loader(&path).files(&Entry { kernel, ..entry("a", "sda1") })
        };
        let right = named("7ae1ec2e71e85d5ff3ff8fcb88cf886c96c8fde8496996826e99be74e76ec95d").unwrap();
        assert!(is_sealed(&right.kernel.file), "what was checked is what is loaded");
        let message = "/a on sda1: has another content than what names it was made for (SHA-256); install the system's boot files \
                       again";
        let wrong = named("0000000000000000000000000000000000000000000000000000000000000000");
        assert_eq!(wrong.unwrap_err().to_string(), message);
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn an_empty_initrd_is_not_loaded_unless_another_comes_after_it() {
        let path = directory("empty");
        for (name, content) in [("a", "no kernel"), ("none", ""), ("some", "070701")] {
            fs::write(path.join(name), content).unwrap();
        }
        let loader = loader(&path);
        let file = |name: &&str| FileReference::new(reference("sda1"), format!("/{name}"));
        let empty = "/none on sda1: the initrd is empty; is its file system full? Write it anew, or choose another entry";
        for (initrds, is_refused) in
            [(&["some", "none"][..], true), (&["none"], true), (&["none", "some"], false)]
        {
            let entry = Entry { initrds: initrds.iter().map(file).collect(), ..entry("a", "sda1") };
            assert_eq!(loader.load(0, &entry).unwrap_err().to_string() == empty, is_refused, "{initrds:?}");
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

    #[test]
    fn nokaslr_is_added_only_where_somebody_agrees() {
        let path = directory("nokaslr");
        fs::write(path.join("a"), "no kernel").unwrap();
        let firmware = Firmware { lacks_runtime_map: true };
        for (agreed, append, is_refused) in
            [(false, &[][..], true), (false, &["nokaslr".to_owned()], false), (true, &[], false)]
        {
            let loader = EntryLoader { firmware, nokaslr: agreed, append: append.to_vec(), ..loader(&path) };
            let error = loader.load(0, &entry("a", "sda1")).unwrap_err();
            assert_eq!(
                matches!(error, AttemptError::NeedsNokaslr),
                is_refused,
                "{agreed} {append:?} {error}"
            );
        }
        fs::remove_dir_all(&path).unwrap();
    }
}
