//! The kernel's events of devices that come, change and go: NETLINK_KOBJECT_UEVENT (lib/kobject_uevent.c).

use std::{io, os::fd::AsFd};

use rustix::{
    fd::{BorrowedFd, OwnedFd},
    io::Errno,
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, netlink, recvfrom, socket_with, sockopt},
};

use crate::formats::text;

/// The multicast group of the kernel; group 2 is udev's.
const KERNEL_GROUP: u32 = 1;

/// Room for events that wait, in bytes; the memory is only taken while they do. A machine with thousands of disks
/// sends some megabytes at once.
const BUFFER: usize = 16 << 20;

/// Maximum size of a packet, in bytes: the kernel's UEVENT_BUFFER_SIZE is 2048, and the header repeats the path.
const PACKET_LIMIT: usize = 8192;

/// The kind of a uevent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UeventAction {
    /// It is there.
    Add,
    /// Something about it changed: a medium, a size, a table.
    Change,
    /// It is gone.
    Remove,
    /// Anything else: move, online, offline, bind, unbind.
    Other,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// Its kind.
    pub action: UeventAction,
    /// Path of the device below /sys, with a leading `/`.
    pub devpath: String,
    /// Its subsystem: `block`, `pci`, `usb` …
    pub subsystem: String,
    /// Name of its node below /dev.
    pub devname: Option<String>,
    /// The text that module aliases match.
    pub modalias: Option<String>,
    /// The drive says that its medium changed (`DISK_MEDIA_CHANGE=1`).
    pub medium_changed: bool,
    /// Number of the disk or medium, counted over all that the kernel ever saw (`DISKSEQ`, since Linux 5.15).
    pub disk_sequence: Option<u64>,
}

impl Uevent {
    /// Reads a packet of the kernel; `None` if it is none.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let mut lines = packet.split(|byte| *byte == 0);
        // The header; packets of udev begin with `libudev` instead.
        lines.next().filter(|header| header.contains(&b'@'))?;
        let (mut action, mut devpath, mut subsystem) = (None, None, None);
        let (mut devname, mut modalias, mut medium_changed, mut disk_sequence) = (None, None, false, None);
        for line in lines {
            let Some(end) = line.iter().position(|byte| *byte == b'=') else { continue };
            let Some((name, [_, value @ ..])) = line.split_at_checked(end) else { continue };
            match name {
                b"ACTION" => {
                    action = Some(match value {
                        b"add" => UeventAction::Add,
                        b"change" => UeventAction::Change,
                        b"remove" => UeventAction::Remove,
                        _ => UeventAction::Other,
                    });
                }
                b"DEVPATH" => devpath = Some(text::decode(value)),
                b"SUBSYSTEM" => subsystem = Some(text::decode(value)),
                b"DEVNAME" => devname = Some(text::decode(value)),
                b"MODALIAS" => modalias = Some(text::decode(value)),
                b"DISK_MEDIA_CHANGE" => medium_changed = value == b"1",
                b"DISKSEQ" => disk_sequence = text::decode(value).parse().ok(),
                _ => {}
            }
        }
        let (action, devpath, subsystem) = (action?, devpath?, subsystem?);
        Some(Self { action, devpath, subsystem, devname, modalias, medium_changed, disk_sequence })
    }

    /// Name of the device in its class: the last part of its path.
    #[must_use]
    pub fn kernel_name(&self) -> &str {
        self.devpath.rsplit('/').next().unwrap_or_default()
    }
}

/// A message from a [`Socket`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UeventMessage {
    Event(Uevent),
    /// More events came than the socket could hold, and some were lost: look at /sys again.
    Lost,
}

/// A socket that receives the kernel's events from the moment it is opened.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Opens it; needs no privilege.
    ///
    /// # Errors
    /// The kernel's reason: out of file descriptors or memory, or no netlink in this kernel.
    pub fn open() -> io::Result<Self> {
        let protocol = Some(netlink::KOBJECT_UEVENT);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, protocol)?;
        // Past the system's limit only with CAP_NET_ADMIN; without it, take what is given: a loss is noticed.
        sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&socket, BUFFER))?;
        bind(&socket, &netlink::SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// The kernel's reason; the socket is of no more use then.
    pub fn receive(&self) -> io::Result<UeventMessage> {
        loop {
            if let Some(message) = self.take(RecvFlags::empty())? {
                return Ok(message);
            }
        }
    }

    /// Takes the next message if one is waiting, for use in a poll loop.
    ///
    /// # Errors
    /// The kernel's reason; the socket is of no more use then.
    pub fn receive_waiting(&self) -> io::Result<Option<UeventMessage>> {
        self.take(RecvFlags::DONTWAIT)
    }

    /// `None` if there is nothing now, or only something that the kernel did not say.
    fn take(&self, flags: RecvFlags) -> io::Result<Option<UeventMessage>> {
        let mut packet = [0; PACKET_LIMIT];
        loop {
            match recvfrom(&self.0, &mut packet, flags) {
                // Any process may send to this socket; only the kernel has port 0.
                Ok((_, length, Some(sender))) if from_kernel(&sender) => {
                    let event = packet.get(..length).and_then(Uevent::parse);
                    if let Some(event) = event {
                        return Ok(Some(UeventMessage::Event(event)));
                    }
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => return Ok(Some(UeventMessage::Lost)),
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn from_kernel(sender: &rustix::net::SocketAddrAny) -> bool {
    netlink::SocketAddrNetlink::try_from(sender.clone()).is_ok_and(|address| address.pid() == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(lines: &[&str]) -> Vec<u8> {
        lines.iter().flat_map(|line| [line.as_bytes(), b"\0"].concat()).collect()
    }

    #[test]
    fn a_partition_that_appears() {
        let bytes = packet(&[
            "add@/devices/pci0000:00/0000:00:05.0/virtio2/block/vda/vda1",
            "ACTION=add",
            "DEVPATH=/devices/pci0000:00/0000:00:05.0/virtio2/block/vda/vda1",
            "SUBSYSTEM=block",
            "MAJOR=254",
            "MINOR=1",
            "DEVNAME=vda1",
            "DEVTYPE=partition",
            "DISKSEQ=9",
            "PARTN=1",
            "PARTNAME=ESP",
            "SEQNUM=1290",
        ]);
        let event = Uevent {
            action: UeventAction::Add,
            devpath: "/devices/pci0000:00/0000:00:05.0/virtio2/block/vda/vda1".to_owned(),
            subsystem: "block".to_owned(),
            devname: Some("vda1".to_owned()),
            modalias: None,
            medium_changed: false,
            disk_sequence: Some(9),
        };
        assert_eq!(Uevent::parse(&bytes), Some(event.clone()));
        assert_eq!(event.kernel_name(), "vda1");
    }

    #[test]
    fn a_medium_that_changes_and_a_controller_that_wants_a_module() {
        let medium = packet(&[
            "change@/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sr0",
            "ACTION=change",
            "DEVPATH=/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sr0",
            "SUBSYSTEM=block",
            "DISK_MEDIA_CHANGE=1",
            "DEVNAME=sr0",
        ]);
        let event = Uevent::parse(&medium).unwrap();
        assert_eq!((event.action, event.medium_changed), (UeventAction::Change, true));
        let controller = packet(&[
            "add@/devices/pci0000:00/0000:00:06.0",
            "ACTION=add",
            "DEVPATH=/devices/pci0000:00/0000:00:06.0",
            "SUBSYSTEM=pci",
            "MODALIAS=pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
        ]);
        let event = Uevent::parse(&controller).unwrap();
        assert_eq!(event.modalias.as_deref(), Some("pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"));
        assert_eq!(event.devname, None);
    }

    #[test]
    fn what_the_kernel_did_not_say_is_no_event() {
        for bytes in [
            packet(&[]),
            packet(&["libudev", "ACTION=add", "DEVPATH=/devices/x", "SUBSYSTEM=block"]),
            packet(&["add@/devices/x"]),
            packet(&["add@/devices/x", "ACTION=add", "SUBSYSTEM=block"]),
            packet(&["add@/devices/x", "DEVPATH=/devices/x", "SUBSYSTEM=block"]),
        ] {
            assert_eq!(Uevent::parse(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_quiet_socket_does_not_block_the_poll_loop() {
        let socket = Socket::open().unwrap();
        // The machine that the test runs on may be saying something: read that away, boundedly.
        assert!((0..10_000).any(|_| socket.receive_waiting().unwrap().is_none()));
    }

    proptest! {
        #[test]
        fn no_packet_is_too_strange(bytes: Vec<u8>, lines in strange_lines()) {
            let _ = Uevent::parse(&bytes);
            let lines: Vec<&str> = std::iter::once("add@/x").chain(lines.iter().map(String::as_str)).collect();
            let _ = Uevent::parse(&packet(&lines));
        }
    }

    fn strange_lines() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("(ACTION|DEVPATH|SUBSYSTEM|X)?=?.{0,9}", 0..9)
    }
}
