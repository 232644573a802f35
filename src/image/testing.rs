//! Files in memory, for the tests of this room and of those above.

use std::{fs::File, io::Write};

use rustix::fs::{MemfdFlags, memfd_create};

/// A file with this content, its offset at the end.
pub fn file(content: &[u8]) -> File {
    let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(content).unwrap();
    file
}
