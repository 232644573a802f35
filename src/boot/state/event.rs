//! What happens, and what the worker does about it.

use std::time::Duration;

#[cfg(doc)]
use super::WorkerState;
use crate::{
    boot::{
        loader::AttemptError,
        passwords::{Answer, Question},
        settings::Settings,
        supervision::{Notice, Request},
    },
    entry::{Device, Discovery, Entry, FileReference, Volume, VolumeId, VolumeReference},
    kexec::LoadedKernel,
    storage::{controllers::Controller, rejection::Rejection},
    ui::{
        keys::Key,
        menu::{FileVerdict, TypedFile},
        secret::SecretText,
    },
};

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// The probe of the device with this kernel name begins.
    Probing(String),
    /// A volume can be read.
    Found(Volume),
    /// Nothing can be read from a device, for this reason.
    Rejected(Device, Rejection),
    /// The device of this kernel name is gone.
    Gone(String),
    /// The firmware's boot order names these partitions, by their UUIDs.
    BootOrder(Vec<String>),
    /// These devices were there at the start and are still being probed.
    Awaited(Vec<Device>),
    /// Every device that was there at the start has been probed.
    KnownProbed,
    /// The discovery that runs has met with trouble, and waits for these volumes alone.
    Searching(Vec<VolumeReference>),
    /// The discovery that runs ends without some volumes, which may be searched again with more time.
    VolumesLate,
    /// Discovery of the volumes ended, which [`WorkerAction::Discover`] began.
    Discovered(Result<Discovery, String>),
    /// The load with this number ended.
    Loaded(u64, Result<LoadedKernel, AttemptError>),
    /// The storage controllers without a driver, which [`WorkerAction::FindControllers`] asked for.
    Controllers(Vec<Controller>),
    /// What is known of a file in the editor, which [`WorkerAction::LookAt`] asked for.
    Judged(FileVerdict),
    /// Disks of which the kernel shows no block device yet, which [`WorkerAction::LookAgain`] asked for.
    Starting(Vec<String>),
    Key(Key),
    /// PID 1 has sent a notice.
    Notice(Notice),
    /// What came of the try with this number, which [`WorkerAction::CheckPassword`] asked for.
    PasswordChecked(u64, Answer),
    /// The firmware does not do, for this reason, what [`WorkerAction::StartByFirmware`] or [`WorkerAction::EnterSetup`] asked for.
    FirmwareRefused(String),
    /// The settings with those of the volume, which [`WorkerAction::ReadSettings`] asked for, and messages about that.
    Settings(Option<Box<Settings>>, Vec<String>),
    /// A moment that [`WorkerState::next_moment`] named has come.
    Moment,
}

/// An action that the worker carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerAction {
    /// Find the entries of all volumes that are there.
    Discover(Patience),
    /// Load this entry; the number comes back with the result.
    Load {
        number: u64,
        entry: Box<Entry>,
        /// `nokaslr` may be added to its command line where the firmware makes it necessary.
        nokaslr: bool,
    },
    Unload,
    /// Carry out the actions that were left until the jump, and have PID 1 jump.
    Jump {
        /// Id of the entry.
        entry: String,
        title: String,
        /// Its kernel, which is loaded.
        kernel: LoadedKernel,
    },
    /// Check a password; the number comes back with the answer.
    CheckPassword {
        number: u64,
        question: Box<Question>,
        /// The name that was typed before it.
        user: String,
        typed: SecretText,
    },
    /// Have the firmware start this entry's program, after a reset.
    StartByFirmware(Box<Entry>),
    /// Restart into the firmware's setup.
    EnterSetup,
    /// Send this request to PID 1.
    Ask(Request),
    /// Look whether these files can be read, which a person has typed; none where no volume has such a name.
    LookAt(Vec<(TypedFile, Option<FileReference>)>),
    /// Find the storage controllers without a driver: the kernel shows no disk.
    FindControllers,
    /// Read the file of settings on this volume.
    ReadSettings(VolumeId),
    /// Look at all devices again: something is waited for, and nobody knows what.
    LookAgain,
    /// Write a landmark for tests and fleet tools.
    Landmark(&'static str, Vec<(&'static str, String)>),
    Redraw,
}

/// How long a discovery may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until this time.
    Until(Duration),
    /// As long as the volumes that were late before may need.
    ForLate,
}
