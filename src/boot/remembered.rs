//! What PID 1 remembers of the workers before, for the next one: a sealed file in memory (memfd_create(2)) that the worker
//! finds as file descriptor [`REMEMBERED`]. In an argument, a zero byte of an entry's id could not travel.
//!
//! The file holds packets of [`super::supervision`], each after its length in two little-endian bytes.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{OwnedFd, RawFd},
};

use super::supervision::{PACKET_LIMIT, Request, Task};
use crate::sys::{files, inherited};

/// The file descriptor that the worker finds the file on.
pub const REMEMBERED: RawFd = 4;

/// Maximum size of the file, in bytes.
const SIZE_LIMIT: usize = 256 * PACKET_LIMIT;

/// What the next worker has to know of those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Tasks that a worker died on, and that the next one passes over.
    pub pass_over: Vec<Task>,
    /// A worker died while it searched several volumes: the next one searches one at a time, so that the one to blame is known.
    pub search_apart: bool,
    /// A sentence that says how the last worker or PID 1 died.
    pub died: Option<String>,
}

impl Remembered {
    /// A sealed file with all of it.
    ///
    /// # Errors
    /// The kernel's reason why there is no such file.
    pub fn file(&self) -> io::Result<OwnedFd> {
        files::sealed("remembered", 0, |memory| memory.write_all(&self.encode())).map(OwnedFd::from)
    }

    /// Reads what PID 1 handed over, once in a process's life.
    ///
    /// # Errors
    /// `EBADF` where there is none, or the kernel's reason why it cannot be read.
    pub fn inherited() -> io::Result<Self> {
        let file = File::from(inherited::take(REMEMBERED)?);
        files::read_at(&file, 0, SIZE_LIMIT).map(|bytes| Self::decode(&bytes))
    }

    fn encode(&self) -> Vec<u8> {
        let tasks = self.pass_over.iter().cloned().map(Request::Begin);
        let apart = self.search_apart.then_some(Request::SearchApart);
        let died = self.died.clone().map(Request::Panicked);
        let mut bytes = Vec::new();
        for packet in tasks.chain(apart).chain(died).map(|request| request.encode()) {
            bytes.extend(u16::try_from(packet.len()).unwrap_or(0).to_le_bytes());
            bytes.extend(packet);
        }
        bytes
    }

    /// All that is understood.
    fn decode(mut bytes: &[u8]) -> Self {
        let mut remembered = Self::default();
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let Some((packet, rest)) = rest.split_at_checked(u16::from_le_bytes(*length).into()) else {
                break;
            };
            match Request::decode(packet) {
                Some(Request::Begin(task)) => remembered.pass_over.push(task),
                Some(Request::SearchApart) => remembered.search_apart = true,
                Some(Request::Panicked(how)) => remembered.died = Some(how),
                _ => {}
            }
            bytes = rest;
        }
        remembered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_entrys_id_contains_arrives() {
        let remembered = Remembered {
            pass_over: vec![
                Task::Device("sda".into()),
                Task::Entry("a\0b\nc\u{10ff00} --died".into()),
                Task::Jump(String::new()),
                Task::Search("sda2".into()),
                Task::Firmware,
            ],
            search_apart: true,
            died: Some("the worker died: panicked at a.rs:1:2: \0".into()),
        };
        for remembered in [remembered, Remembered::default()] {
            let file = File::from(remembered.file().unwrap());
            let bytes = files::read_at(&file, 0, SIZE_LIMIT).unwrap();
            assert_eq!(Remembered::decode(&bytes), remembered);
        }
    }

    #[test]
    fn a_long_id_arrives_as_every_packet_has_it() {
        let task = Task::Entry("ä".repeat(1000));
        let remembered = Remembered { pass_over: vec![task.clone()], ..Remembered::default() };
        let Some(Request::Begin(cut)) = Request::decode(&Request::Begin(task).encode()) else { panic!() };
        assert_eq!(Remembered::decode(&remembered.encode()).pass_over, [cut]);
    }

    #[test]
    fn what_is_cut_short_is_left_out() {
        let remembered =
            Remembered { pass_over: vec![Task::Device("sda".into()); 2], ..Remembered::default() };
        let bytes = remembered.encode();
        let decoded = Remembered::decode(&bytes[..bytes.len() - 1]);
        assert_eq!(decoded.pass_over, [Task::Device("sda".into())]);
        assert_eq!(Remembered::decode(&[255, 255, 1]), Remembered::default());
    }
}
