//! The trait that every boot-loader family implements: a new format is one file with its finder and one line of the table of
//! finders.

use serde::Serialize;

use crate::{
    entry::{Entry, FileReference, Format, Lock, Password, TimeoutStyle, VolumeReference, Warning},
    formats::{bls, efi_boot::LoadOption, lookup::Lookup},
};

/// Facts about this machine that configurations ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Booted by UEFI (GRUB's `grub_platform` is `efi`).
    pub efi: bool,
    /// Names of this machine in its device tree, the most special first; empty without one.
    pub compatible: Vec<String>,
    /// Where image files of live media lie beside the usual places: directories, files, or patterns of files.
    pub images: Vec<String>,
    /// The firmware starts only what is signed.
    pub secure_boot: bool,
    /// Texts from the host of a virtual machine (SMBIOS type 11).
    pub oem_strings: Vec<String>,
    /// Words about the machine that SYSLINUX would know, each at the place of its bit ([`crate::formats::syslinux::words`]).
    pub system_words: Vec<String>,
    /// Variables of the Boot Loader Interface, which systemd-boot and Limine read.
    pub loader: bls::Variables,
    /// Limine's own variable: path of the entry that it booted last.
    pub limine_remembered: Option<String>,
    /// rEFInd's own variable: title of what it booted last.
    pub refind_previous: Option<String>,
    /// The boot options that the firmware tries on its own, in its order.
    pub boot_options: Vec<LoadOption>,
    /// Name of the build of GRUB that reads every configuration; `None`: each is read as the system around it says.
    pub grub_flavour: Option<String>,
}

/// The use that a finder made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteAction {
    /// Entries, a default or settings were taken from it.
    Used,
    /// Something that no file says outright was concluded from it.
    Guessed,
    /// It was seen and left alone.
    PassedOver,
}

/// One step of a finder's way to its entries, for `--explain`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Note {
    /// The use.
    pub action: NoteAction,
    /// The volume that the file is on.
    pub volume: VolumeReference,
    /// Path of the file or directory on that volume.
    pub path: String,
    /// The result, and why.
    pub message: String,
}

/// The result of one finder on one volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Entries in the loader's own order; ids are the loader's own and need not be unique across volumes.
    pub entries: Vec<Entry>,
    /// Id of the entry that the loader would boot on its own.
    pub default: Option<String>,
    /// Id of the entry that the loader has saved as its default, whether or not that is the default.
    pub saved: Option<String>,
    /// Seconds until it does; `None` waits for a person.
    pub timeout: Option<u32>,
    /// How the menu shows itself meanwhile.
    pub timeout_style: TimeoutStyle,
    /// Ids of the entries that the loader tries when the default fails, in order.
    pub fallback: Vec<String>,
    /// Where the loader asks for a password before its own command line: its lock. So many entries, from the first, are its own;
    /// all others can be reached by that command line only.
    pub lock: Option<(usize, Lock)>,
    /// The passwords to which the locks refer.
    pub passwords: Vec<Password>,
    /// Parts that could not be read, each with its place.
    pub warnings: Vec<Warning>,
    /// How it came about, where the entries do not say so themselves.
    pub notes: Vec<Note>,
    /// Image files that have to be mounted to be read.
    pub images: Vec<FileReference>,
}

/// Reads the configurations of one boot-loader family.
pub trait Finder: Sync {
    /// The format of the entries that it finds.
    fn format(&self) -> Format;

    /// Looks for the family's configuration on one volume (its files may lead to other volumes); `None` where there is
    /// none.
    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings>;
}
