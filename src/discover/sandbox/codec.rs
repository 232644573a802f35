//! How the finder's process and whoever asked it encode their messages: field after field, numbers as
//! little-endian bytes, what varies in length with its count before it.
//!
//! Both ends are the same binary, so fields have no names and there is no version. JSON, which the commands print,
//! would cost the binary a parser that nothing else needs.

use crate::{
    discover::{
        finder::{Context, Findings, Note, NoteAction},
        merge::Found,
        owner::StartedProgram,
        search::Searched,
    },
    entry::{
        Companion, Device, Entry, EnvironmentChange, FileReference, Filesystem, FilesystemKind, Format, Kind,
        Layer, Lock, LogState, Multiboot, MultibootModule, Origin, Partition, PartitionTable, Password, Role,
        Secret, Source, TimeoutStyle, Transport, Unified, Volume, VolumeId, VolumeReference, Warning,
    },
    formats::{bls::Variables, efi_boot::LoadOption},
};

/// A value that can be encoded.
pub(super) trait Codec: Sized {
    /// Appends it.
    fn put(&self, to: &mut Vec<u8>);

    /// Takes it from the front; `None` if the bytes are no such value. Every value takes a byte or more, so that what is
    /// read stays in proportion to the bytes.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

/// The bytes of one value.
pub(super) fn encode(value: &impl Codec) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.put(&mut bytes);
    bytes
}

/// The value that these bytes are, to the last one.
pub(super) fn decode<T: Codec>(mut bytes: &[u8]) -> Option<T> {
    T::take(&mut bytes).filter(|_| bytes.is_empty())
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Codec for $number {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        }
    )*};
}

/// Structures, with all their fields.
macro_rules! records {
    ($($record:ident { $($field:ident)* })*) => {$(
        impl Codec for $record {
            fn put(&self, to: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.put(to);)*
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Codec::take(from)?),* })
            }
        }
    )*};
}

/// Enumerations, with all their variants.
macro_rules! choices {
    ($($choice:ident { $($variant:ident)* })*) => {$(
        impl Codec for $choice {
            fn put(&self, to: &mut Vec<u8>) {
                to.push(match self { $(Self::$variant => Self::$variant as u8),* });
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                let number = u8::take(from)?;
                [$(Self::$variant),*].into_iter().find(|variant| *variant as u8 == number)
            }
        }
    )*};
}

numbers! { u8 u16 u32 u64 }

records! {
    Companion { role file }
    Context { efi compatible images secure_boot oem_strings system_words loader limine_remembered refind_previous
        boot_options grub_flavour }
    Device { name disk partition size transport removable model path layer beneath }
    Entry {
        id title path_in_menu hotkey kind hidden source led_from kernel initrds cmdline devicetree unified multiboot modified version tries_left
        default lock changes problem
    }
    EnvironmentChange { block name value when_chosen }
    FileReference { volume path inside packed_as sha256 }
    Filesystem { kind uuid label }
    Findings { entries default saved timeout timeout_style fallback lock passwords warnings notes images }
    Found { volume format findings exhausted }
    Lock { passwords }
    LoadOption { active description partition file data number }
    MultibootModule { cmdline as_it_is }
    Multiboot { version modules }
    Note { action volume path message }
    Password { user secret }
    Partition { number table uuid label type_id attributes }
    Searched { found images programs }
    Source { format volume path inside line }
    StartedProgram { turn volume path format is_there }
    Unified { profile companions }
    Variables { after_failure one_shot preferred default saved timeout_one_shot timeout }
    Volume { id origin device filesystem subvolume boot_area log remarks }
    VolumeReference { id name }
    Warning { volume path line message }
}

choices! {
    NoteAction { Used Guessed PassedOver }
    FilesystemKind {
        Ext2 Ext3 Ext4 Vfat Exfat Xfs Btrfs Iso9660 Squashfs F2fs Erofs Ntfs Udf Zfs Luks Lvm2 Raid Swap Swsuspend
        Bitlocker Bare Unknown
    }
    Kind { Linux Uki Multiboot Chainload Firmware }
    LogState { Clean Replayed Unreplayed }
    PartitionTable { Gpt Mbr }
    Role {
        Addon Credential GlobalCredential SystemExtension GlobalSystemExtension ConfigurationExtension
        GlobalConfigurationExtension
    }
    TimeoutStyle { Menu Countdown Hidden }
    Transport { Nvme Scsi Virtio Mmc Other Usb Optical }
}

impl Codec for Format {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self as u8);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Self::ALL.get(usize::from(u8::take(from)?)).copied()
    }
}

impl Codec for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Codec for usize {
    fn put(&self, to: &mut Vec<u8>) {
        u64::try_from(*self).unwrap_or(u64::MAX).put(to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Codec for String {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        to.extend_from_slice(self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let length = usize::take(from)?;
        let (bytes, rest) = from.split_at_checked(length)?;
        *from = rest;
        str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match bool::take(from)? {
            true => T::take(from).map(Some),
            false => Some(None),
        }
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        for value in self {
            value.put(to);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        // Nothing is reserved by a count that may be a lie.
        (0..usize::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, to: &mut Vec<u8>) {
        T::put(self, to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl Codec for VolumeId {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u32::take(from).map(Self)
    }
}

impl Codec for Secret {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => {
                to.push(0);
                text.put(to);
            }
            Self::Pbkdf2 { rounds, salt, hash } => {
                to.push(1);
                rounds.put(to);
                salt.put(to);
                hash.put(to);
            }
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(Self::Plain(Codec::take(from)?)),
            1 => Self::pbkdf2(Codec::take(from)?, Codec::take(from)?, Codec::take(from)?),
            _ => None,
        }
    }
}

impl Codec for Origin {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Device => to.push(0),
            Self::Image { host, path } => {
                to.push(1);
                host.put(to);
                path.put(to);
            }
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(Self::Device),
            1 => Some(Self::Image { host: Codec::take(from)?, path: Codec::take(from)? }),
            _ => None,
        }
    }
}

impl Codec for Layer {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::LogicalVolume { name, group, volume } => {
                to.push(0);
                name.put(to);
                group.put(to);
                volume.put(to);
            }
            Self::Array { uuid, name } => {
                to.push(1);
                uuid.put(to);
                name.put(to);
            }
            Self::Container { uuid } => {
                to.push(2);
                uuid.put(to);
            }
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(Self::LogicalVolume {
                name: Codec::take(from)?,
                group: Codec::take(from)?,
                volume: Codec::take(from)?,
            }),
            1 => Some(Self::Array { uuid: Codec::take(from)?, name: Codec::take(from)? }),
            2 => Some(Self::Container { uuid: Codec::take(from)? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str) -> FileReference {
        FileReference::new("sda2".into(), path.into())
    }

    /// Every field and every form of it that there is.
    fn searched() -> Searched {
        let source = Source {
            format: Format::Bls,
            volume: "sda2".into(),
            path: "/é".into(),
            inside: None,
            line: Some(7),
        };
        let entry = Entry {
            id: "a>b".into(),
            title: "A".into(),
            hotkey: Some("k".into()),
            path_in_menu: vec!["one".into(), "two".into()],
            kind: Kind::Firmware,
            hidden: true,
            source,
            led_from: Some("sdb1".into()),
            kernel: Some(file("/vmlinuz")),
            initrds: vec![file("/a"), file("/b")],
            cmdline: "root=LABEL=x quiet".into(),
            devicetree: None,
            unified: Unified {
                profile: 1,
                companions: vec![Companion { role: Role::Addon, file: file("/a.addon.efi") }],
            },
            multiboot: Multiboot {
                version: 2,
                modules: vec![MultibootModule { cmdline: "root=LABEL=y".into(), as_it_is: true }],
            },
            modified: 1_700_000_000,
            version: Some("6.1".into()),
            tries_left: Some(u32::MAX),
            default: false,
            lock: Some(Lock { passwords: vec![1, 0] }),
            changes: vec![EnvironmentChange {
                block: file("/boot/grub/grubenv"),
                name: "recordfail".into(),
                value: Some("1".into()),
                when_chosen: true,
            }],
            problem: None,
        };
        let warning = Warning { volume: "sda2".into(), path: "/".into(), line: None, message: "lost".into() };
        let note = Note {
            action: NoteAction::PassedOver,
            volume: "sda2".into(),
            path: "/boot".into(),
            message: "empty".into(),
        };
        let findings = Findings {
            entries: vec![entry],
            default: None,
            saved: Some("b".into()),
            timeout: Some(5),
            timeout_style: TimeoutStyle::Hidden,
            fallback: vec!["b".into()],
            lock: Some((3, Lock::default())),
            passwords: vec![
                Password { user: Some("root".into()), secret: Secret::Plain("x".into()) },
                Password { user: None, secret: Secret::pbkdf2(9, vec![1], vec![2, 3]).unwrap() },
            ],
            warnings: vec![warning],
            notes: vec![note],
            images: vec![file("/inner.squashfs")],
        };
        let found = |findings| Found {
            volume: 3,
            format: Format::Scan,
            findings,
            exhausted: Some("4096 files".into()),
        };
        let program = StartedProgram {
            turn: 7,
            volume: 3,
            path: "/EFI/x.efi".into(),
            format: Some(Format::Bls),
            is_there: true,
        };
        Searched {
            found: vec![found(Some(findings)), found(None)],
            images: vec![file("/live.squashfs")],
            programs: vec![program],
        }
    }

    #[test]
    fn what_was_found_comes_back_as_it_was() {
        for searched in [searched(), Searched::default()] {
            assert_eq!(decode(&encode(&searched)), Some(searched));
        }
        for format in Format::ALL {
            assert_eq!(decode(&encode(format)), Some(*format));
        }
    }

    #[test]
    fn a_part_of_it_or_more_than_one_is_none() {
        let bytes = encode(&searched());
        for length in 0..bytes.len() {
            assert_eq!(decode::<Searched>(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(decode::<Searched>(&[&bytes[..], b"\0"].concat()), None);
    }

    #[test]
    fn what_is_no_value_is_none() {
        assert_eq!(decode::<bool>(&[2]), None);
        assert_eq!(decode::<Kind>(&[5]), None);
        assert_eq!(decode::<Format>(&[u8::MAX]), None);
        assert_eq!(decode::<String>(&encode(&vec![0xff_u8])), None);
        assert_eq!(decode::<Vec<String>>(&u64::MAX.to_le_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = decode::<Searched>(&bytes);
            let mut changed = encode(&searched());
            *at.get_mut(&mut changed[..]) = byte;
            let _ = decode::<Searched>(&changed);
        }
    }
}
