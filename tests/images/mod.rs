//! Disk images that the tests make: read as devices are, in a directory of the test's own.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use firstlight::formats::bytes::ReadAt;

/// An image file under test.
pub struct Image(File);

impl Image {
    pub fn open(path: &Path) -> Self {
        Self(File::open(path).unwrap())
    }
}

impl ReadAt for Image {
    fn size(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

/// An empty directory of this test's own.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}
