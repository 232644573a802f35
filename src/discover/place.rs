//! The directory that a configuration's paths count from: what every finder of plain files does with it.

use crate::{
    entry::{Entry, FileReference, Format, Source, VolumeReference, Warning},
    formats::{
        lookup::{Beginning, CONFIG_LIMIT, Lookup, LookupError, MENU_LIMIT, too_large},
        text,
    },
};

/// A directory on a volume.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub lookup: &'a dyn Lookup,
    pub volume: usize,
    /// Kernel name of the volume's device.
    #[cfg(feature = "other-loaders")]
    pub device: &'a str,
    /// Empty for the volume's root.
    pub directory: &'a str,
}

impl<'a> Place<'a> {
    /// The directory of a file.
    pub fn of(lookup: &'a dyn Lookup, volume: usize, file: &'a str) -> Option<Self> {
        #[cfg(feature = "other-loaders")]
        let device = &lookup.volumes().get(volume)?.device.name;
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        Some(Self {
            lookup,
            volume,
            #[cfg(feature = "other-loaders")]
            device,
            directory,
        })
    }

    /// The volume, as entries refer to it.
    pub fn on(&self) -> VolumeReference {
        self.lookup.volume_reference(self.volume)
    }

    /// A path from the root of the volume: what does not begin there counts from the directory.
    pub fn path(&self, path: &str) -> String {
        let base = if path.starts_with('/') { "" } else { self.directory };
        let mut parts: Vec<&str> = Vec::new();
        for part in base.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// A file on the volume.
    pub fn reference(&self, path: &str) -> FileReference {
        FileReference::new(self.on(), self.path(path))
    }

    /// Whether there is such a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.lookup.is_file(self.volume, &self.path(path))
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> Result<String, LookupError> {
        let content = self.lookup.read(self.volume, &self.path(path), CONFIG_LIMIT)?;
        Ok(text::decode(&content))
    }

    /// The text of a configuration that lists entries. The warning is of one that is too large: that is only its beginning.
    pub fn menu(&self, path: &str) -> Result<(String, Option<Warning>), LookupError> {
        let Beginning { bytes, is_cut } =
            self.lookup.read_beginning(self.volume, &self.path(path), MENU_LIMIT)?;
        let text = text::decode_owned(bytes);
        let last = u32::try_from(text.lines().count()).ok();
        let warning = is_cut.then(|| self.warning(path, last, too_large(MENU_LIMIT)));
        Ok((text, warning))
    }

    pub fn source(&self, format: Format, path: &str, line: Option<u32>) -> Source {
        Source { format, volume: self.on(), path: self.path(path), inside: None, line }
    }

    pub fn warning(&self, path: &str, line: Option<u32>, message: String) -> Warning {
        Warning { volume: self.on(), path: self.path(path), line, message }
    }

    /// Notes in an entry that one of its files is not there, where no other problem is known.
    pub fn check(&self, entry: &mut Entry) {
        let own = self.on();
        let mut files = entry.kernel.iter().chain(&entry.initrds).chain(&entry.devicetree);
        let missing = files.find(|file| file.volume == own && !self.is_file(&file.path));
        if let (None, Some(file)) = (&entry.problem, missing) {
            entry.problem = Some(format!("there is no {}", file.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    #[test]
    fn paths_count_from_the_directory_of_the_file() {
        let files = tree(&[("boot/extlinux/extlinux.conf", "x")]);
        let open = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let place = Place::of(&open, 0, "/boot/extlinux/extlinux.conf").unwrap();
        for (path, expected) in [
            ("vmlinuz", "/boot/extlinux/vmlinuz"),
            ("../vmlinuz", "/boot/vmlinuz"),
            ("/vmlinuz", "/vmlinuz"),
            ("../../../../x/./y//z", "/x/y/z"),
        ] {
            assert_eq!(place.path(path), expected, "{path}");
        }
        assert_eq!(place.read("extlinux.conf").as_deref(), Ok("x"));
        assert_eq!(place.read("gone"), Err(LookupError::Missing));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem() {
        let files = tree(&[("vmlinuz", "")]);
        let open = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let place = Place::of(&open, 0, "/menu").unwrap();
        let mut entry = Entry::new("a", place.source(Format::Syslinux, "/menu", None));
        entry.kernel = Some(place.reference("vmlinuz"));
        place.check(&mut entry);
        assert_eq!(entry.problem, None);
        entry.initrds.push(place.reference("initrd"));
        place.check(&mut entry);
        assert_eq!(entry.problem.as_deref(), Some("there is no /initrd"));
    }
}
