//! How the finder's process gets its work: over a Unix stream socket, the length of the request as eight bytes, the
//! request itself, then one byte with one descriptor for each volume, its directory.
//!
//! Its answer begins with what could not be done to confine it, a byte with the length of that text and the text. It says so
//! before it reads the first byte of a disk.

use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use super::codec::{self, Codec};
use crate::{discover::finder::Context, entry::Volume};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Maximum size of a request, in bytes.
const REQUEST_LIMIT: u64 = 16 << 20;

/// A request to the finder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FinderRequest {
    pub context: Context,
    pub volumes: Vec<Volume>,
}

impl Codec for FinderRequest {
    fn put(&self, to: &mut Vec<u8>) {
        self.context.put(to);
        self.volumes.put(to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self { context: Codec::take(from)?, volumes: Codec::take(from)? })
    }
}

/// Sends a request and the directories of its volumes.
pub(super) fn send(
    socket: &UnixStream,
    request: &FinderRequest,
    directories: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = codec::encode(request);
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    send_all(socket, &length.to_le_bytes())?;
    send_all(socket, &bytes)?;
    for directory in directories {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [*directory];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(socket, &[IoSlice::new(b"v")], &mut control, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// The beginning of an answer.
pub(super) fn opening(missing: Option<&str>) -> Vec<u8> {
    let missing = missing.unwrap_or_default();
    let missing = missing.get(..missing.floor_char_boundary(u8::MAX.into())).unwrap_or_default();
    let length = u8::try_from(missing.len()).unwrap_or_default();
    [&[length], missing.as_bytes()].concat()
}

/// What could not be done to confine the process, and the rest of its answer; `None` if the answer is cut short.
pub(super) fn split_opening(answer: &[u8]) -> Option<(Option<String>, &[u8])> {
    let (length, rest) = answer.split_first()?;
    let (missing, rest) = rest.split_at_checked((*length).into())?;
    let missing = str::from_utf8(missing).ok()?;
    Some((Some(missing.to_owned()).filter(|missing| !missing.is_empty()), rest))
}

/// The end of a process at the other end is an error here, and no signal.
fn send_all(socket: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Receives a request and the directories of its volumes.
pub(super) fn receive(socket: &mut UnixStream) -> io::Result<(FinderRequest, Vec<OwnedFd>)> {
    let mut length = [0; 8];
    socket.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > REQUEST_LIMIT {
        return Err(io::Error::other("the request is too long"));
    }
    let mut bytes = Vec::new();
    socket.take(length).read_to_end(&mut bytes)?;
    let request: FinderRequest =
        codec::decode(&bytes).ok_or_else(|| io::Error::other("the request makes no sense"))?;
    let directories = request.volumes.iter().map(|_| receive_directory(socket)).collect::<io::Result<_>>()?;
    Ok((request, directories))
}

fn receive_directory(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    descriptor.ok_or_else(|| io::Error::other("a volume came without its directory"))
}
