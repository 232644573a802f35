//! An entry, one bootable choice, and its parts: inert data, the common currency of every stage after discovery.

mod device;
mod discovery;
mod environment;
mod format;
mod lock;
mod multiboot;
mod reference;
mod unified;

use std::fmt;

pub use device::{
    Device, Filesystem, FilesystemKind, Layer, LogState, Origin, Partition, PartitionTable, Transport,
    Volume, VolumeId,
};
pub use discovery::{Discovery, TimeoutStyle, Warning};
pub use environment::EnvironmentChange;
pub use format::Format;
pub use lock::{Lock, Password, ROUND_LIMIT, Secret};
pub use multiboot::{Multiboot, MultibootModule};
use reference::full_path;
pub use reference::{FileReference, VolumeReference};
use serde::Serialize;
pub use unified::{Companion, Role, Unified};

/// The kind of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A Linux kernel with its initrds and command line.
    #[default]
    Linux,
    /// A unified kernel image.
    Uki,
    /// A multiboot kernel with modules (Xen).
    Multiboot,
    /// Another boot loader or EFI program.
    Chainload,
    /// The firmware itself: its setup, a restart or power-off.
    Firmware,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// The place where an entry is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Source {
    /// The configuration's format.
    pub format: Format,
    /// The volume that it is on.
    pub volume: VolumeReference,
    /// Path of the configuration file on that volume, or of the image file that holds it.
    pub path: String,
    /// Path of the configuration file inside an image file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// Line on which the entry begins, from 1.
    pub line: Option<u32>,
}

impl Source {
    /// The path, and after it the one inside an image file: `/debian.iso:/boot/grub/loopback.cfg`.
    #[must_use]
    pub fn full_path(&self) -> String {
        full_path(&self.path, self.inside.as_deref())
    }
}

/// One bootable choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Unique within a [`Discovery`], stable from boot to boot.
    pub id: String,
    /// Title in the loader's menu.
    pub title: String,
    /// Titles of the submenus that lead to it, outermost first.
    pub path_in_menu: Vec<String>,
    /// The key that boots it in its loader's menu, by its name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hotkey: Option<String>,
    /// Its kind.
    pub kind: Kind,
    /// Its loader does not show it in the menu.
    pub hidden: bool,
    /// The place where it is written.
    pub source: Source,
    /// The volume whose configuration led there, where that is on another disk and the disk of the source does not offer it.
    #[serde(skip)]
    pub led_from: Option<VolumeReference>,
    /// The kernel, or the file to chainload.
    pub kernel: Option<FileReference>,
    /// Initrds in the order in which they are joined; of a multiboot kernel, its modules.
    pub initrds: Vec<FileReference>,
    /// Exactly what the kernel will be given, in the text form of [`crate::text`].
    pub cmdline: String,
    /// Device tree to hand over.
    pub devicetree: Option<FileReference>,
    /// The parts of a unified kernel image beside the image itself.
    #[serde(skip_serializing_if = "Unified::is_plain")]
    pub unified: Unified,
    /// Arguments of a multiboot kernel beside its command line.
    #[serde(skip_serializing_if = "Multiboot::is_plain")]
    pub multiboot: Multiboot,
    /// When the newest of its kernel and initrds was changed, in seconds since 1970; 0 where that is not known.
    #[serde(skip)]
    pub modified: u64,
    /// Kernel or system version, where the configuration tells.
    pub version: Option<String>,
    /// Boot counting: tries left, `None` where nothing is counted.
    pub tries_left: Option<u32>,
    /// It is what its loader would boot on its own.
    pub default: bool,
    /// Its loader asks for a password before it boots it, or the loader that decides would before it let anybody get at it.
    #[serde(rename = "locked", skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The changes that its loader would have written by the time it starts the entry, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<EnvironmentChange>,
    /// Why it cannot be booted here; such an entry is shown and never chosen automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Entry {
    /// A Linux entry of which nothing is known but its name and its place.
    #[must_use]
    pub fn new(id: impl Into<String>, source: Source) -> Self {
        let id = id.into();
        Self { title: id.clone(), id, source, ..Self::default() }
    }
}
