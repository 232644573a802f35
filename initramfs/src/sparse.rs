//! Writes an image that is mostly zeros: the file gets holes there, and is in its place only when it is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::BuildError;

/// What is either a hole or written, in bytes.
const BLOCK: usize = 64 << 10;

/// Writes an image to a file.
///
/// # Errors
/// When the file cannot be written, or is none: a device would keep its old content in the holes.
pub(crate) fn write(output: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if fs::metadata(output).is_ok_and(|there| !there.is_file()) {
        return Err(BuildError::unfit(
            output,
            "no file: write the image to one, and that with dd to a device",
        ));
    }
    let mut name = OsString::from(output);
    name.push(".unfinished");
    let unfinished = Path::new(&name);
    let done = holed(unfinished, bytes).and_then(|()| fs::rename(unfinished, output));
    done.map_err(|error| {
        // What was not finished is of no use; the error says why.
        let _ = fs::remove_file(unfinished);
        BuildError::Write { path: output.to_owned(), error }
    })
}

fn holed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = File::create(path)?;
    file.set_len(bytes.len() as u64)?;
    let zeros = [0; BLOCK];
    let mut offset = 0;
    for block in bytes.chunks(BLOCK) {
        if zeros.get(..block.len()) != Some(block) {
            file.write_all_at(block, offset)?;
        }
        offset = offset.saturating_add(block.len() as u64);
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_become_holes_and_what_is_no_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        let mut bytes = vec![0; 40 * BLOCK + 17];
        bytes[3] = 1;
        bytes[40 * BLOCK + 16] = 2;
        fs::write(&path, "an older one").unwrap();
        write(&path, &bytes).unwrap();
        assert!(fs::read(&path).unwrap() == bytes);
        let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&path).unwrap());
        assert!(blocks * 512 <= 3 * BLOCK as u64, "{blocks}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let error = write(directory.path(), &bytes).unwrap_err().to_string();
        assert!(error.ends_with("no file: write the image to one, and that with dd to a device"), "{error}");
    }
}
