//! Images: every file that can be come by, a few links and levels deep.
#![no_main]

use firstlight::formats::{iso9660::Iso9660, lookup::FileKind};
use fuzz::{Sparse, fuzz_target};

/// Files that are looked at.
const FILES: usize = 200;

fuzz_target!(|data: &[u8]| {
    let Some(image) = Iso9660::open(Box::new(Sparse::new(data))) else { return };
    let mut paths = vec![String::new()];
    let mut at = 0;
    while at < paths.len().min(FILES) {
        for entry in image.list(&paths[at]).into_iter().take(FILES) {
            let path = format!("{}/{}", paths[at], entry.name);
            let status = image.status(&path, true);
            if entry.kind == FileKind::Directory {
                paths.push(path);
            } else if let Ok(content) = image.read_at(&path, 1, 4096) {
                assert!(status.is_some() && content.len() <= 4096);
            }
        }
        at += 1;
    }
});
