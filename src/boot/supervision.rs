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
    /// Loading an entry, by its id.
    Entry(String),
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
        /// Its title.
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
        let (words, texts): (&str, [&str; 2]) = match self {
            Self::Begin(Task::Device(name)) => ("begin device", [name, ""]),
            Self::Begin(Task::Entry(name)) => ("begin entry", [name, ""]),
            Self::End(Task::Device(name)) => ("end device", [name, ""]),
            Self::End(Task::Entry(name)) => ("end entry", [name, ""]),
            Self::Jump { entry, title } => ("jump to", [entry, title]),
            Self::Reboot => ("reboot now", ["", ""]),
            Self::PowerOff => ("power off", ["", ""]),
            Self::Rescue => ("rescue console", ["", ""]),
            Self::Panicked(line) => ("worker panicked", [line, ""]),
            Self::Lock(true) => ("lock rescue", ["", ""]),
            Self::Lock(false) => ("unlock rescue", ["", ""]),
        };
        let [first, second] = texts.map(|text| text.as_bytes().get(..TEXT_LIMIT).unwrap_or(text.as_bytes()));
        let separator: &[u8] = if second.is_empty() { b"" } else { b"\0" };
        [words.as_bytes(), b" ", first, separator, second].concat()
    }

    /// Decodes a packet; `None` for an unknown one.
    #[must_use]
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(packet);
        let mut words = text.splitn(3, ' ');
        let (verb, object) = (words.next()?, words.next()?);
        let name = words.next().unwrap_or_default().to_owned();
        Some(match (verb, object) {
            ("begin", "device") => Self::Begin(Task::Device(name)),
            ("begin", "entry") => Self::Begin(Task::Entry(name)),
            ("end", "device") => Self::End(Task::Device(name)),
            ("end", "entry") => Self::End(Task::Entry(name)),
            ("jump", "to") => {
                let (entry, title) = name.split_once('\0').unwrap_or((&name, ""));
                Self::Jump { entry: entry.to_owned(), title: title.to_owned() }
            }
            ("reboot", "now") => Self::Reboot,
            ("power", "off") => Self::PowerOff,
            ("rescue", "console") => Self::Rescue,
            ("worker", "panicked") => Self::Panicked(name),
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
