//! The worker's end of the connection to PID 1.

use std::{io, os::fd::OwnedFd, sync::Arc};

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

use super::supervision::{Notice, PACKET_LIMIT, Request, WORKER_END};
use crate::sys::{self, panics, threads};

/// The connection to PID 1; clones use the same one.
#[derive(Clone, Debug)]
pub struct Link {
    socket: Arc<OwnedFd>,
}

impl Link {
    /// Takes the end that PID 1 handed over, once in a process's life.
    ///
    /// # Errors
    /// `EBADF` where the process was not started by PID 1.
    pub fn inherited() -> io::Result<Self> {
        sys::inherited::take(WORKER_END).map(Self::over)
    }

    fn over(socket: OwnedFd) -> Self {
        Self { socket: Arc::new(socket) }
    }

    /// Sends a request. Where PID 1 does not receive any more, this process is about to be ended, and nothing is lost.
    pub fn ask(&self, request: &Request) {
        while send(&self.socket, &request.encode(), SendFlags::NOSIGNAL) == Err(Errno::INTR) {}
    }

    /// From now on a panic of this process is reported to PID 1 and to the kernel's log.
    pub fn report_panics(&self) {
        let link = self.clone();
        panics::on_panic(move |line| {
            log::error!("the worker {line}");
            link.ask(&Request::Panicked(line.to_owned()));
        });
    }

    /// Gives every notice to `sink`, from a thread of its own, and calls `end` when PID 1 has hung up.
    ///
    /// # Errors
    /// The kernel's reason why there is no thread.
    pub fn listen(
        &self,
        sink: impl Fn(Notice) + Send + 'static,
        end: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let socket = Arc::clone(&self.socket);
        let listen = move || {
            let mut packet = [0_u8; PACKET_LIMIT];
            loop {
                match recv(&socket, &mut packet, RecvFlags::empty()) {
                    Ok((length @ 1.., _)) => match Notice::decode(packet.get(..length).unwrap_or_default()) {
                        Some(notice) => sink(notice),
                        None => log::warn!("PID 1 sent an unknown notice"),
                    },
                    Err(Errno::INTR) => {}
                    Ok(_) | Err(_) => break,
                }
            }
            end();
        };
        threads::start("pid1", None, Box::new(listen))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    #[test]
    fn requests_go_out_notices_come_in_and_the_end_is_noticed() {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let link = Link::over(ours);
        link.ask(&Request::Rescue);
        let mut packet = [0_u8; PACKET_LIMIT];
        let (length, _) = recv(&theirs, &mut packet, RecvFlags::empty()).unwrap();
        assert_eq!(Request::decode(&packet[..length]), Some(Request::Rescue));

        let (sender, heard) = mpsc::channel();
        let at_end = sender.clone();
        link.listen(move |notice| sender.send(Some(notice)).unwrap(), move || at_end.send(None).unwrap())
            .unwrap();
        for packet in [&b"nonsense"[..], Notice::ModulesLoaded.encode()] {
            send(&theirs, packet, SendFlags::empty()).unwrap();
        }
        drop(theirs);
        assert_eq!([heard.recv(), heard.recv()], [Ok(Some(Notice::ModulesLoaded)), Ok(None)]);
        link.ask(&Request::Reboot);
    }
}
