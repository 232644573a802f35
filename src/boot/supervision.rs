//! Messages between the worker and PID 1: one a packet over a SOCK_SEQPACKET pair, whose worker's end is file descriptor
//! [`WORKER_END`].
//!
//! The worker reports its current tasks, so that PID 1 can pass over them when the worker dies, and sends requests. PID 1 never
//! trusts a packet: an unknown one is logged and dropped.

use std::os::fd::RawFd;

/// The file descriptor that the worker finds its end of the pair on.
pub const WORKER_END: RawFd = 3;

/// Maximum length of a packet, in bytes.
pub const PACKET_LIMIT: usize = 1024;

/// Maximum length of a name or another text in a packet, in bytes; a longer one is cut, in every packet at the same place.
const TEXT_LIMIT: usize = 480;

/// A task of the worker. After its death, the next worker passes over the tasks that were not finished.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Probing and mounting a device, by its kernel name.
    Device(String),
    /// Searching the volume on a device, by its kernel name, until its entries are on the screen.
    Search(String),
    /// Loading an entry, by its id.
    Entry(String),
    /// What is due right before the jump into an entry, by its id.
    Jump(String),
    /// Reading the firmware's variables.
    Firmware,
    /// Handling a key, or drawing the menu.
    Menu,
}

impl Task {
    /// Its kind and the name of its object, as a packet has them.
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Device(name) => ("device", name),
            Self::Search(name) => ("search", name),
            Self::Entry(id) => ("entry", id),
            Self::Jump(id) => ("jump", id),
            Self::Firmware => ("firmware", ""),
            Self::Menu => ("menu", ""),
        }
    }

    fn from_words(kind: &str, name: String) -> Option<Self> {
        Some(match kind {
            "device" => Self::Device(name),
            "search" => Self::Search(name),
            "entry" => Self::Entry(name),
            "jump" => Self::Jump(name),
            "firmware" => Self::Firmware,
            "menu" => Self::Menu,
            _ => return None,
        })
    }

    /// The name of its object: a device's, an entry's id, `firmware` or `menu`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.words() {
            (kind, "") => kind,
            (_, name) => name,
        }
    }
}

/// From the worker to PID 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// This task begins.
    Begin(Task),
    /// This task ended, with whatever result.
    End(Task),
    /// A kernel is loaded: unmount, sync and jump into it.
    Jump {
        /// Id of the entry that is loaded.
        entry: String,
        title: String,
    },
    /// Unmount, sync and restart the machine through its firmware.
    Reboot,
    /// Unmount, sync and power off.
    PowerOff,
    /// The person asks for the rescue console.
    Rescue,
    /// The worker panicked and is about to abort: where, why and in which thread.
    Panicked(String),
    /// In what PID 1 remembers: a worker died while it searched several volumes.
    SearchApart,
    /// Whether the rescue console is locked, since the loader that decides asks for a password before its own.
    Lock(bool),
}

/// From PID 1 to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The modules for all hardware that was there at the start are loaded: the kernel shows all of its devices.
    ModulesLoaded,
    /// The jump failed and PID 1 is still here: choose something else.
    JumpFailed,
}

impl Request {
    /// Encodes it as a packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ((verb, object), texts): ((&str, &str), [&str; 2]) = match self {
            Self::Begin(task) => (("begin", task.words().0), [task.words().1, ""]),
            Self::End(task) => (("end", task.words().0), [task.words().1, ""]),
            Self::Jump { entry, title } => (("jump", "to"), [entry, title]),
            Self::Reboot => (("reboot", "now"), ["", ""]),
            Self::PowerOff => (("power", "off"), ["", ""]),
            Self::Rescue => (("rescue", "console"), ["", ""]),
            Self::Panicked(line) => (("worker", "panicked"), [line, ""]),
            Self::SearchApart => (("search", "apart"), ["", ""]),
            Self::Lock(true) => (("lock", "rescue"), ["", ""]),
            Self::Lock(false) => (("unlock", "rescue"), ["", ""]),
        };
        let [first, second] = texts.map(|text| text.as_bytes().get(..TEXT_LIMIT).unwrap_or(text.as_bytes()));
        let separator: &[u8] = if matches!(self, Self::Jump { .. }) { b"\0" } else { b"" };
        [verb.as_bytes(), b" ", object.as_bytes(), b" ", first, separator, second].concat()
    }

    /// Decodes a packet; `None` for an unknown one.
    #[must_use]
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(packet);
        let mut words = text.splitn(3, ' ');
        let (verb, object) = (words.next()?, words.next()?);
        let name = words.next().unwrap_or_default().to_owned();
        Some(match (verb, object) {
            ("begin", kind) => Self::Begin(Task::from_words(kind, name)?),
            ("end", kind) => Self::End(Task::from_words(kind, name)?),
            ("jump", "to") => {
                // A title is shown before it is sent, so it holds no zero; an id may.
                let (entry, title) = name.rsplit_once('\0').unwrap_or((&name, ""));
                Self::Jump { entry: entry.to_owned(), title: title.to_owned() }
            }
            ("reboot", "now") => Self::Reboot,
            ("power", "off") => Self::PowerOff,
            ("rescue", "console") => Self::Rescue,
            ("worker", "panicked") => Self::Panicked(name),
            ("search", "apart") => Self::SearchApart,
            ("lock", "rescue") => Self::Lock(true),
            ("unlock", "rescue") => Self::Lock(false),
            _ => return None,
        })
    }
}

impl Notice {
    /// Encodes it as a packet.
    #[must_use]
    pub fn encode(self) -> &'static [u8] {
        match self {
            Self::ModulesLoaded => b"modules loaded",
            Self::JumpFailed => b"jump failed",
        }
    }

    /// Decodes a packet; `None` for an unknown one.
    #[must_use]
    pub fn decode(packet: &[u8]) -> Option<Self> {
        [Self::ModulesLoaded, Self::JumpFailed].into_iter().find(|notice| notice.encode() == packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_decoded_as_it_was_encoded() {
        for request in [
            Request::Begin(Task::Device("nvme0n1p2".into())),
            Request::Begin(Task::Entry("sda2:gnulinux simple, with spaces".into())),
            Request::End(Task::Device("sda".into())),
            Request::End(Task::Entry("e".into())),
            Request::Begin(Task::Search("sda2".into())),
            Request::End(Task::Jump("with\0zero".into())),
            Request::Begin(Task::Firmware),
            Request::End(Task::Menu),
            Request::SearchApart,
            Request::Jump { entry: "with\0zero".into(), title: "T".into() },
            Request::Jump { entry: "sda2:gnulinux simple".into(), title: "Debian GNU/Linux".into() },
            Request::Jump { entry: "e".into(), title: String::new() },
            Request::Reboot,
            Request::PowerOff,
            Request::Rescue,
            Request::Panicked("at a.rs:1:2".into()),
            Request::Lock(true),
            Request::Lock(false),
        ] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
    }

    #[test]
    fn unknown_packets_are_dropped() {
        for packet in [&b""[..], b"\xff\xff", b"begin", b"begin x y", b"jump"] {
            assert_eq!(Request::decode(packet), None, "{packet:?}");
        }
        assert_eq!(Notice::decode(b"modules"), None);
        assert_eq!(Notice::decode(Notice::JumpFailed.encode()), Some(Notice::JumpFailed));
    }

    #[test]
    fn a_long_name_is_cut_in_every_packet_at_the_same_place() {
        let long = "x".repeat(4096);
        let decoded = |request: &Request| {
            let packet = request.encode();
            assert!(packet.len() <= PACKET_LIMIT);
            Request::decode(&packet)
        };
        let cut = "x".repeat(TEXT_LIMIT);
        let begun = decoded(&Request::Begin(Task::Entry(long.clone())));
        assert_eq!(begun, Some(Request::Begin(Task::Entry(cut.clone()))));
        let jump = decoded(&Request::Jump { entry: long.clone(), title: long });
        assert_eq!(jump, Some(Request::Jump { entry: cut.clone(), title: cut }));
    }
}
