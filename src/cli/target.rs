//! The volumes that a command is about: directories as roots of file systems, or the disks of this machine.

use std::{fs, os::unix::ffi::OsStrExt, path::PathBuf};

use rustix::{
    process::geteuid,
    thread::{CapabilitySet, capabilities},
};

use super::{
    Failure, Opt,
    arguments::{Argument, Arguments},
    volume_option::VolumeOption,
};
use crate::{
    boot::{
        election::{self, Electorate},
        firmware,
        settings::Settings,
    },
    discover::{
        Survey,
        finder::Context,
        sandbox::{self, Conduct, Verdicts},
    },
    entry::{Device, Volume},
    formats::{grub::Flavour, name_table::NameNumbers, sort, text},
    storage::{OpenVolume, mount::Care, rejection::Rejection, root::Root, watch},
};

/// The options that name them, for the tables of the commands.
pub(super) const OPTIONS: [Opt; 7] = [
    Opt { short: None, long: "root", value: "DIR", what: "the one file system to search, mounted at DIR" },
    Opt {
        short: None,
        long: "volume",
        value: "DIR[,key=value]…",
        what: "a file system mounted at DIR, one option for each; keys: uuid, label, partuuid, partlabel, parttype, \
               table=gpt|mbr, type, subvol (btrfs's default subvolume), dev (kernel name, as sda2)",
    },
    Opt {
        short: None,
        long: "iso",
        value: "PATH",
        what: "images of live media on any volume: a directory, or files (* and ? match others); repeats",
    },
    Opt {
        short: None,
        long: "firmware",
        value: "efi|bios",
        what: "what configurations take this machine to boot by (offline: efi where a volume has an EFI directory)",
    },
    Opt {
        short: None,
        long: "board",
        value: "NAME",
        what: "what configurations take this board for, as its device tree has it (raspberrypi,4-model-b)",
    },
    Opt {
        short: None,
        long: "efivars",
        value: "DIR",
        what: "UEFI variables: which loader the firmware starts, what systemd-boot keeps (offline: none)",
    },
    Opt {
        short: None,
        long: "grub-flavour",
        value: "NAME",
        what: "whose GRUB reads all its configurations: upstream, fedora, rhel8 or suse (without it: as each tells)",
    },
];

/// The volumes to search.
pub(super) struct Disks {
    pub open: Vec<OpenVolume>,
    /// Devices that nothing can be read from, with the reason why.
    pub rejected: Vec<(Device, Rejection)>,
    /// The facts that configurations ask for.
    pub context: Context,
    /// Directories are given instead of this machine's disks.
    is_offline: bool,
}

impl Disks {
    /// Searches the volumes, and the image files that have to be mounted for that.
    pub fn search(&mut self) -> Result<Survey, Failure> {
        let survey = if self.is_offline {
            sandbox::survey(&self.open, &self.context)
        } else {
            let mut conduct = Conduct {
                context: &self.context,
                verdicts: &mut Verdicts::default(),
                limit: sandbox::DEADLINE,
                waiting: &|_| {},
                apart: None,
            };
            sandbox::survey_with_images(&mut self.open, &mut conduct)
        };
        survey.map_err(|error| Failure::Failed(error.to_string()))
    }
}

#[derive(Default)]
pub(super) struct Target {
    root: Option<VolumeOption>,
    volumes: Vec<VolumeOption>,
    efi: Option<bool>,
    board: Option<String>,
    efivars: Option<PathBuf>,
    grub_flavour: Option<String>,
    images: Vec<String>,
}

impl Target {
    /// Takes an option if it is one of [`OPTIONS`].
    pub fn take(&mut self, argument: &Argument, arguments: &mut Arguments) -> Result<bool, Failure> {
        match argument {
            Argument::Option(name) if name == "root" => {
                self.root = Some(VolumeOption::bare(arguments.value()?.into(), "root"));
            }
            Argument::Option(name) if name == "volume" => {
                let place = u32::try_from(self.volumes.len()).unwrap_or(u32::MAX).saturating_add(1);
                self.volumes.push(VolumeOption::parse(&arguments.value()?, place)?);
            }
            Argument::Option(name) if name == "iso" => {
                self.images.push(text::decode(arguments.value()?.as_bytes()));
            }
            Argument::Option(name) if name == "firmware" => {
                self.efi = Some(match arguments.value()?.to_str() {
                    Some("efi") => true,
                    Some("bios") => false,
                    _ => return Err(Failure::Usage("--firmware takes efi or bios".into())),
                });
            }
            Argument::Option(name) if name == "board" => {
                self.board = Some(text::decode(arguments.value()?.as_bytes()));
            }
            Argument::Option(name) if name == "efivars" => self.efivars = Some(arguments.value()?.into()),
            Argument::Option(name) if name == "grub-flavour" => {
                let name = arguments.value()?.to_string_lossy().into_owned();
                if Flavour::named(&name).is_none() {
                    return Err(Failure::Usage(
                        "--grub-flavour takes upstream, fedora, rhel8 or suse".into(),
                    ));
                }
                self.grub_flavour = Some(name);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Searches the volumes: what is there, and the devices that nothing can be read from, with the reason why.
    pub fn survey(self) -> Result<(Survey, Vec<(Device, Rejection)>), Failure> {
        let mut disks = self.open()?;
        Ok((disks.search()?, disks.rejected))
    }

    pub fn open(mut self) -> Result<Disks, Failure> {
        let is_offline = self.is_offline();
        let directory = self.efivars.take().or_else(|| (!is_offline).then(|| firmware::VARIABLES.into()));
        let mut context = directory.map(|directory| firmware::context(&directory)).unwrap_or_default();
        context.images = std::mem::take(&mut self.images);
        context.grub_flavour = self.grub_flavour.take();
        if let Some(board) = self.board.take() {
            context.compatible = vec![board];
        }
        if is_offline { self.directories(context) } else { self.machine(context) }
    }

    /// Whether directories are given instead of this machine's disks.
    pub fn is_offline(&self) -> bool {
        self.root.is_some() || !self.volumes.is_empty()
    }

    /// The disks of this machine, in the order in which they are elected.
    fn machine(self, context: Context) -> Result<Disks, Failure> {
        if !geteuid().is_root() {
            let message = "only root can read this machine's disks; use sudo, or name directories with --root or --volume";
            return Err(Failure::Failed(message.into()));
        }
        let rights = capabilities(None).map(|sets| sets.effective).unwrap_or(CapabilitySet::empty());
        if !rights.contains(CapabilitySet::SYS_ADMIN) {
            let message = "this process is root's, but lacks CAP_SYS_ADMIN (as in a container), without which no file system \
                           can be mounted; run it on the host, or name directories with --root or --volume";
            return Err(Failure::Failed(message.into()));
        }
        let (mut open, rejected) = watch::survey(Care::Shared);
        let volumes: Vec<Volume> = open.iter().map(|open| open.volume.clone()).collect();
        let (settings, late, firmware) =
            (Settings::default(), NameNumbers::default(), firmware::partitions(&context));
        let order = election::order(&Electorate {
            settings: &settings,
            volumes: &volumes,
            late: &late,
            firmware: &firmware,
        });
        sort::by_key(&mut open, |open| order.iter().position(|id| *id == open.volume.id));
        let context = Context { efi: self.efi.unwrap_or(context.efi), ..context };
        Ok(Disks { open, rejected, context, is_offline: false })
    }

    fn directories(self, context: Context) -> Result<Disks, Failure> {
        if self.root.is_some() && !self.volumes.is_empty() {
            return Err(Failure::Usage("--root is the only volume; use --volume for each of several".into()));
        }
        let mut open = Vec::new();
        for option in self.root.into_iter().chain(self.volumes) {
            let name = &option.volume.device.name;
            if open.iter().any(|other: &OpenVolume| other.volume.device.name == *name) {
                return Err(Failure::Usage(format!("--volume: two volumes are called dev={name}")));
            }
            open.push(open_directory(option)?);
        }
        let efi = self.efi.unwrap_or_else(|| open.iter().any(has_efi_directory));
        Ok(Disks { open, rejected: Vec::new(), context: Context { efi, ..context }, is_offline: true })
    }
}

fn open_directory(option: VolumeOption) -> Result<OpenVolume, Failure> {
    let directory = &option.directory;
    let failed =
        |reason: &dyn std::fmt::Display| Failure::Failed(format!("{}: {reason}", directory.display()));
    // The kernel's own words; opening tells no more than that there is nothing.
    let status = fs::metadata(directory).map_err(|error| failed(&error))?;
    if !status.is_dir() {
        return Err(failed(&"not a directory; mount an image file first"));
    }
    let root = Root::from_directory(directory).map_err(|error| failed(&error))?;
    let root = root.naming_as(option.volume.filesystem.kind);
    Ok(OpenVolume::new(option.volume, root))
}

fn has_efi_directory(open: &OpenVolume) -> bool {
    ["/EFI", "/boot/efi/EFI", "/efi/EFI"].iter().any(|path| !open.root.list(path).is_empty())
}
