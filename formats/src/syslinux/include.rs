//! Files that a configuration includes, in both dialects. SYSLINUX and U-Boot limit how deep files include each other.

use crate::lookup::Include;

/// Maximum depth of files that include each other, and of menus in each other.
pub(super) const DEPTH_LIMIT: usize = 16;
/// Maximum number of included files: two that include each other twice would double with each level.
const FILE_LIMIT: usize = 64;

/// The files that are being read, each including the next.
pub(super) struct Includes<'a> {
    read: Include<'a>,
    open: Vec<String>,
    files: usize,
}

impl<'a> Includes<'a> {
    pub fn new(read: Include<'a>) -> Self {
        Self { read, open: Vec::new(), files: 0 }
    }

    /// Notes that a file's lines come next.
    pub fn enter(&mut self, file: &str) {
        self.open.push(file.to_owned());
    }

    /// Notes the end of the file that was entered last.
    pub fn leave(&mut self) {
        self.open.pop();
    }

    /// The text of an included file, or the warning of its loss.
    pub fn read(&mut self, path: &str) -> Result<String, String> {
        self.files = self.files.saturating_add(1);
        let reason = if self.open.iter().any(|open| open == path) {
            "it includes itself".into()
        } else if self.open.len() > DEPTH_LIMIT || self.files > FILE_LIMIT {
            format!("more than {DEPTH_LIMIT} deep, or more than {FILE_LIMIT} files")
        } else {
            match (self.read)(path) {
                Ok(text) => return Ok(text),
                Err(error) => error.to_string(),
            }
        };
        Err(format!("{path}: {reason}: the file's entries are lost"))
    }
}
