//! The next start through the firmware: an entry that the boot loader takes once (GRUB's `next_entry`, GNU GRUB manual,
//! "grub-reboot"; systemd-boot's LoaderEntryOneShot, <https://systemd.io/BOOT_LOADER_INTERFACE>; what `extlinux --once` writes), or
//! the firmware itself (`BootNext`).

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::mounts;
use crate::{
    boot::boot_next::{self, BootNextError, write_variable},
    discover::environment::{self, Access, EnvironmentError},
    entry::{Entry, EnvironmentChange, FileReference, Format, Volume, VolumeReference},
    formats::{bls, syslinux::saved, text},
    storage::{OpenVolume, root::Root},
    sys::files,
};

/// Vendor of systemd-boot's variables.
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Attributes of a variable that lasts: non-volatile, and there while booting and running (UEFI specification, 8.2).
const LASTING: [u8; 4] = [7, 0, 0, 0];
/// Maximum size of an environment block or configuration, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// Why the next start cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// No loader that knows such a thing.
    #[error("{0} entries cannot be chosen for one start; boot it without --once, which starts it now")]
    NoSuchThing(String),
    /// A loader whose own program alone can write what it reads.
    #[error("only LILO's own program can choose an entry for one start: lilo -R {0}")]
    OwnProgram(String),
    /// It belongs to a configuration that another one leads to.
    #[error(
        "SYSLINUX knows the labels of its first configuration only; boot it without --once, which starts it now"
    )]
    NotItsLabel,
    /// SYSLINUX itself is not there, as where U-Boot reads its configuration.
    #[error(
        "there is no ldlinux.sys for {0}, which alone could keep it; boot it without --once, which starts it now"
    )]
    NoKeeper(PathBuf),
    /// The firmware does not take it.
    #[error(transparent)]
    Firmware(#[from] BootNextError),
    /// The loader that would read it is not the one that started this machine.
    #[error(
        "this machine was not started by systemd-boot, which alone takes an entry for one start; boot it without --once"
    )]
    OtherLoader,
    /// The configuration never looks.
    #[error("{0} does not look at next_entry; write it anew with grub-mkconfig (update-grub)")]
    NotAsked(PathBuf),
    /// GRUB cannot write there, and would boot the entry for ever.
    #[error(
        "GRUB cannot write to {0}, so it would boot the entry for ever; boot it without --once, or move /boot to a plain partition"
    )]
    NotWritable(String),
    /// The volume is gone.
    #[error("{0} is not there any more; attach the disk again")]
    VolumeGone(String),
    /// The volume is not mounted.
    #[error("{0} is not mounted; mount it, and try again")]
    NotMounted(String),
    /// The block cannot be changed.
    #[error(transparent)]
    Block(#[from] EnvironmentError),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Failed(PathBuf, #[source] io::Error),
}

/// The change that has the boot loader take an entry once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// `next_entry` in an environment block.
    Grub {
        /// Where the volume is mounted so that it can be written to.
        point: PathBuf,
        volume: Box<Volume>,
        /// The block on it.
        block: FileReference,
        /// GRUB's name for the entry.
        entry: String,
    },
    /// What SYSLINUX boots once, in its own file.
    Syslinux {
        /// Where the volume is mounted so that it can be written to.
        point: PathBuf,
        volume: Box<Volume>,
        /// The file on it.
        block: FileReference,
        /// The label.
        label: String,
    },
    /// `BootNext`.
    Firmware {
        /// The entry for a program that the firmware starts.
        entry: Box<Entry>,
        /// The volume that its program is on.
        volume: Box<Volume>,
        /// The directory of variables.
        variables: PathBuf,
    },
    /// systemd-boot's variable.
    SystemdBoot {
        /// The variable, as efivarfs shows it.
        variable: PathBuf,
        /// The loader's name for the entry.
        entry: String,
    },
}

impl Once {
    /// Finds the change for the entry's loader. Its volumes are among `volumes`; `efivars` is the directory of variables.
    ///
    /// # Errors
    /// [`OnceError`] says why it cannot be.
    pub fn find(entry: &Entry, volumes: &[&Volume], efivars: &Path) -> Result<Self, OnceError> {
        Self::find_with(entry, volumes, efivars, &point)
    }

    /// The same; `point` tells where a device is mounted so that it can be written to.
    fn find_with(
        entry: &Entry,
        volumes: &[&Volume],
        efivars: &Path,
        point: &dyn Fn(&str) -> Result<PathBuf, OnceError>,
    ) -> Result<Self, OnceError> {
        let source = &entry.source;
        let volume = |of: &VolumeReference| {
            let found = volumes.iter().find(|volume| of.is(volume));
            found.copied().ok_or_else(|| OnceError::VolumeGone(of.name.clone()))
        };
        // GRUB's own way works without a UEFI, too.
        if source.format != Format::Grub
            && boot_next::is_for_firmware(entry)
            && let Some(kernel) = &entry.kernel
        {
            // A machine without it is refused before anything is shown as if it would be done.
            fs::read_dir(efivars).map_err(|_| BootNextError::NoUefi)?;
            let volume = Box::new(volume(&kernel.volume)?.clone());
            return Ok(Self::Firmware {
                entry: Box::new(entry.clone()),
                volume,
                variables: efivars.to_owned(),
            });
        }
        let volume = volume(&source.volume)?;
        // We add a suffix to entries of the same name on several disks.
        let suffix = format!("@{}", source.volume);
        let name = entry.id.strip_suffix(&suffix).unwrap_or(&entry.id).to_owned();
        let directory = source.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        match source.format {
            Format::Grub => {
                let device = &volume.device.name;
                let virtual_disk = ["dm-", "md"].iter().any(|start| device.starts_with(start));
                let kind = volume.filesystem.kind.to_string();
                if virtual_disk || ["btrfs", "zfs_member"].contains(&kind.as_str()) {
                    return Err(OnceError::NotWritable(format!("{device} ({kind})")));
                }
                let point = point(device)?;
                let configuration = point.join(source.path.trim_start_matches('/'));
                let known = read(&configuration)?;
                if !known.windows(10).any(|word| word == b"next_entry") {
                    return Err(OnceError::NotAsked(configuration));
                }
                let block = FileReference::new(volume.reference(), format!("{directory}/grubenv"));
                Ok(Self::Grub { point, volume: Box::new(volume.clone()), block, entry: name })
            }
            Format::Bls | Format::Uki => {
                let info = fs::read(efivars.join(format!("LoaderInfo-{LOADER}"))).unwrap_or_default();
                // firstlight obeys the variable, too.
                let info = utf16(info.get(4..).unwrap_or_default());
                if !(info.starts_with("systemd-boot") || info.starts_with("firstlight ")) {
                    return Err(OnceError::OtherLoader);
                }
                let file = entry.source.path.rsplit('/').next().unwrap_or_default();
                let variable = efivars.join(format!("LoaderEntryOneShot-{LOADER}"));
                Ok(Self::SystemdBoot { variable, entry: without_counter(file) })
            }
            Format::Syslinux => {
                let point = point(&volume.device.name)?;
                let is_there = |path: &String| point.join(path.trim_start_matches('/')).is_file();
                let keeper = saved::keepers(directory).find(is_there);
                let keeper = keeper.ok_or_else(|| OnceError::NoKeeper(source.path.clone().into()))?;
                if name.contains('>') {
                    return Err(OnceError::NotItsLabel);
                }
                let block = FileReference::new(volume.reference(), keeper);
                Ok(Self::Syslinux { point, volume: Box::new(volume.clone()), block, label: name })
            }
            Format::Lilo => Err(OnceError::OwnProgram(name)),
            other => Err(OnceError::NoSuchThing(other.to_string())),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`OnceError`] names the file.
    pub fn set(&self) -> Result<(), OnceError> {
        match self {
            Self::Grub { point, volume, block, entry } => {
                let change = EnvironmentChange::new(block.clone(), "next_entry", Some(entry.clone()));
                change_on(point, volume, change)
            }
            Self::Syslinux { point, volume, block, label } => {
                let change = EnvironmentChange::new(block.clone(), saved::ONCE_NAME, Some(label.clone()));
                // Its installer guards the file by a flag, which extlinux takes away for that time, too.
                let path = point.join(block.path.trim_start_matches('/'));
                let file =
                    files::open_regular(&path).map_err(|error| OnceError::Failed(path.clone(), error))?;
                let failed = |error| OnceError::Failed(path.clone(), error);
                let is_guarded = files::take_guard(&file).map_err(failed)?;
                let changed = change_on(point, volume, change);
                let guarded = if is_guarded { files::give_guard(&file) } else { Ok(()) };
                changed.and_then(|()| guarded.map_err(failed))
            }
            Self::Firmware { entry, volume, variables } => {
                Ok(boot_next::set(entry, volume, variables, Path::new("/sys"))?)
            }
            Self::SystemdBoot { variable, entry } => {
                let units = entry.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
                let content: Vec<u8> = LASTING.into_iter().chain(units).collect();
                write_variable(variable, &content).map_err(|error| OnceError::Failed(variable.clone(), error))
            }
        }
    }

    /// The change, in words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Grub { block, entry, .. } => {
                format!("set next_entry={entry} in {}:{}", block.volume, block.path)
            }
            Self::Syslinux { block, label, .. } => {
                format!("have SYSLINUX boot {label} once, in {}:{}", block.volume, block.path)
            }
            Self::Firmware { entry, .. } => format!("set the firmware's BootNext to {}", entry.title),
            Self::SystemdBoot { entry, .. } => format!("set LoaderEntryOneShot to {entry}"),
        }
    }
}

/// Where a device is mounted so that it can be written to.
fn point(device: &str) -> Result<PathBuf, OnceError> {
    let not_mounted = || OnceError::NotMounted(device.to_owned());
    let number = number(device).ok_or_else(not_mounted)?;
    let table = text::decode(&fs::read("/proc/self/mountinfo").unwrap_or_default());
    mounts::point(&table, number).ok_or_else(not_mounted)
}

/// Makes a change on a volume that is mounted there.
fn change_on(point: &Path, volume: &Volume, change: EnvironmentChange) -> Result<(), OnceError> {
    let root = Root::from_directory(point)
        .map_err(|error| OnceError::Failed(point.to_owned(), io::Error::other(error.to_string())))?;
    let open = OpenVolume { volume: volume.clone(), root };
    Ok(environment::write(&[open], &[change], Access::Mounted)?)
}

/// systemd-boot's name of an entry: its file's, without the counters of boot counting (`name+3-1.conf`).
fn without_counter(file: &str) -> String {
    let suffix = file.rfind('.').and_then(|dot| file.get(dot..)).unwrap_or_default();
    bls::entry_name(file, suffix).map_or_else(|| file.to_owned(), |name| name.id + suffix)
}

fn number(device: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string(Path::new("/sys/class/block").join(device).join("dev")).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn read(path: &Path) -> Result<Vec<u8>, OnceError> {
    let mut content = Vec::new();
    files::open_regular(path)
        .and_then(|file| file.take(FILE_LIMIT).read_to_end(&mut content))
        .map_err(|error| OnceError::Failed(path.to_owned(), error))?;
    Ok(content)
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::samples,
        entry::{Kind, Source, Transport},
        formats::testing::syslinux::written,
    };

    #[test]
    fn syslinux_finds_the_label_in_its_own_file() {
        let directory = tempfile::TempDir::new().unwrap();
        let block = directory.path().join("boot/extlinux/ldlinux.sys");
        fs::create_dir_all(block.parent().unwrap()).unwrap();
        let file = |values: &[(u8, &str)]| [vec![7; 70_000], written(values)].concat();
        fs::write(&block, file(&[(2, "linux")])).unwrap();
        let once = Once::Syslinux {
            point: directory.path().to_owned(),
            volume: Box::new(samples::volume("sda1", Transport::Scsi)),
            block: FileReference::new(samples::reference("sda1"), "/boot/extlinux/ldlinux.sys".into()),
            label: "rescue".into(),
        };
        assert_eq!(once.text(), "have SYSLINUX boot rescue once, in sda1:/boot/extlinux/ldlinux.sys");
        once.set().unwrap();
        assert!(fs::read(&block).unwrap() == file(&[(2, "linux"), (1, "rescue")]));
    }

    #[test]
    fn syslinux_takes_a_label_of_its_first_configuration_where_it_is_installed() {
        let directory = tempfile::TempDir::new().unwrap();
        let volume = samples::volume("sda1", Transport::Scsi);
        let point = |device: &str| match device {
            "sda1" => Ok(directory.path().to_owned()),
            other => Err(OnceError::NotMounted(other.to_owned())),
        };
        let find = |id: &str, path: &str| {
            let entry = Entry { id: id.into(), ..entry(Format::Syslinux, path) };
            let found = Once::find_with(&entry, &[&volume], Path::new("/nowhere"), &point);
            found.map(|once| once.text()).map_err(|error| error.to_string())
        };
        let beside = "/boot/extlinux/extlinux.conf";
        let none = "there is no ldlinux.sys for /boot/extlinux/extlinux.conf, which alone could keep it; boot it without --once, which starts it now";
        assert_eq!(find("a", beside), Err(none.to_owned()));
        let keep = |path: &str| {
            let file = directory.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, written(&[])).unwrap();
        };
        keep("ldlinux.sys");
        keep("boot/extlinux/ldlinux.sys");
        for (id, path, expected) in [
            ("a", beside, Ok("have SYSLINUX boot a once, in sda1:/boot/extlinux/ldlinux.sys")),
            ("a@sda1", beside, Ok("have SYSLINUX boot a once, in sda1:/boot/extlinux/ldlinux.sys")),
            ("a", "/syslinux/syslinux.cfg", Ok("have SYSLINUX boot a once, in sda1:/ldlinux.sys")),
            ("a", "/syslinux.cfg", Ok("have SYSLINUX boot a once, in sda1:/ldlinux.sys")),
            (
                "menu>a",
                beside,
                Err(
                    "SYSLINUX knows the labels of its first configuration only; boot it without --once, which starts it now",
                ),
            ),
        ] {
            assert_eq!(find(id, path), expected.map(str::to_owned).map_err(str::to_owned), "{id} {path}");
        }
    }

    #[test]
    fn a_program_for_the_firmware_is_its_next_whoever_lists_it() {
        let efivars = tempfile::TempDir::new().unwrap();
        let volume = samples::volume("sda1", Transport::Scsi);
        let program =
            FileReference::new(samples::reference("sda1"), "/EFI/Microsoft/Boot/bootmgfw.efi".into());
        for format in [Format::Bls, Format::Limine, Format::Refind] {
            let entry = Entry { kind: Kind::Chainload, kernel: Some(program.clone()), ..entry(format, "/x") };
            let find = |variables: &Path| Once::find(&entry, &[&volume], variables);
            assert_eq!(
                find(efivars.path()).unwrap().text(),
                "set the firmware's BootNext to Title of a",
                "{format}"
            );
            let none = find(&efivars.path().join("none"));
            assert!(matches!(none, Err(OnceError::Firmware(BootNextError::NoUefi))), "{format}: {none:?}");
        }
    }

    fn entry(format: Format, path: &str) -> Entry {
        let entry = samples::entry("a", "sda1");
        Entry { source: Source { format, path: path.into(), ..entry.source.clone() }, ..entry }
    }

    #[test]
    fn grub_finds_the_entry_in_its_environment_block() {
        let directory = tempfile::TempDir::new().unwrap();
        let block = directory.path().join("boot/grub/grubenv");
        fs::create_dir_all(block.parent().unwrap()).unwrap();
        let mut content = b"# GRUB Environment Block\nsaved_entry=x\n".to_vec();
        content.resize(1024, b'#');
        fs::write(&block, &content).unwrap();
        let once = Once::Grub {
            point: directory.path().to_owned(),
            volume: Box::new(samples::volume("sda1", Transport::Scsi)),
            block: FileReference::new(samples::reference("sda1"), "/boot/grub/grubenv".into()),
            entry: "advanced>debian".into(),
        };
        assert_eq!(once.text(), "set next_entry=advanced>debian in sda1:/boot/grub/grubenv");
        once.set().unwrap();
        let mut expected = b"# GRUB Environment Block\nsaved_entry=x\nnext_entry=advanced>debian\n".to_vec();
        expected.resize(1024, b'#');
        assert_eq!(fs::read(&block).unwrap(), expected);
    }

    #[test]
    fn systemd_boot_finds_the_entry_in_its_variable() {
        let efivars = tempfile::TempDir::new().unwrap();
        let volume = samples::volume("sda1", Transport::Scsi);
        let entry = entry(Format::Bls, "/loader/entries/debian+3-1.conf");
        let found = Once::find(&entry, &[&volume], efivars.path());
        assert!(matches!(found, Err(OnceError::OtherLoader)));
        let path = efivars.path().join(format!("LoaderInfo-{LOADER}"));
        let find = |loader: &str| {
            let info: Vec<u8> = loader.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            fs::write(&path, [&[6, 0, 0, 0], &info[..]].concat()).unwrap();
            Once::find(&entry, &[&volume], efivars.path())
        };
        assert!(matches!(find("GRUB 2.12"), Err(OnceError::OtherLoader)));
        assert!(find("firstlight 0.1.0").is_ok());
        let once = find("systemd-boot 252").unwrap();
        assert_eq!(once.text(), "set LoaderEntryOneShot to debian.conf");
        once.set().unwrap();
        let written = fs::read(efivars.path().join(format!("LoaderEntryOneShot-{LOADER}"))).unwrap();
        assert_eq!((&written[..4], utf16(&written[4..]).as_str()), (&LASTING[..], "debian.conf\0"));
    }

    #[test]
    fn counters_are_no_part_of_a_name() {
        for (file, name) in [
            ("a.conf", "a.conf"),
            ("a+3.conf", "a.conf"),
            ("a+3-1.efi", "a.efi"),
            ("a+b.conf", "a+b.conf"),
            ("a+.conf", "a+.conf"),
            ("6.1.0+deb12.conf", "6.1.0+deb12.conf"),
        ] {
            assert_eq!(without_counter(file), name);
        }
    }

    #[test]
    fn where_grub_cannot_write_nothing_is_set() {
        let mut volume = samples::volume("dm-0", Transport::Other);
        let mut entry = entry(Format::Grub, "/boot/grub/grub.cfg");
        entry.source.volume = volume.reference();
        let found = Once::find(&entry, &[&volume], Path::new("/nowhere"));
        assert!(matches!(found, Err(OnceError::NotWritable(place)) if place == "dm-0 (ext4)"));
        volume.device.name = "no such disk".into();
        let found = Once::find(&entry, &[&volume], Path::new("/nowhere"));
        assert!(matches!(found, Err(OnceError::VolumeGone(name)) if name == "dm-0"));
        entry.source.volume = volume.reference();
        let found = Once::find(&entry, &[&volume], Path::new("/nowhere"));
        assert!(matches!(found, Err(OnceError::NotMounted(_))));
    }
}
