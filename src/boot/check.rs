//! What a person types in the editor, looked at while it is typed: whether a file can be opened, and how long a command line the
//! kernel takes (Documentation/arch/x86/boot.rst, `cmdline_size`).

use std::{os::unix::fs::FileExt, sync::Arc};

use crate::{
    entry::FileReference,
    formats::bzimage,
    kexec::cmdline,
    storage::OpenVolume,
    ui::menu::{FileVerdict, TypedFile},
};

/// The beginning of a kernel that holds its header, in bytes.
const HEAD: usize = 1024;

/// Looks at a file that was typed; `None` instead of a file where its volume has no such name.
#[must_use]
pub fn look(typed: TypedFile, file: Option<&FileReference>, volumes: &[Arc<OpenVolume>]) -> FileVerdict {
    let volume =
        file.and_then(|file| volumes.iter().find(|open| file.volume.is(&open.volume)).zip(Some(file)));
    let opened = volume.ok_or_else(|| "no volume of that name".to_owned());
    let opened = opened.and_then(|(open, file)| open.open(file).map_err(|reason| reason.to_string()));
    let mut head = [0; HEAD];
    let read = opened.and_then(|file| file.read_at(&mut head, 0).map_err(|error| error.to_string()));
    let fault = match read {
        Ok(0) => Some("the file is empty".to_owned()),
        Ok(_) => None,
        Err(reason) => Some(reason),
    };
    let header = bzimage::parse(&head);
    let limit = (typed.is_kernel && fault.is_none()).then(|| cmdline::limit(header.as_ref()));
    FileVerdict { text: typed.text, fault, cmdline_limit: limit }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        boot::samples::{reference, volume},
        entry::Transport,
        storage::root::Root,
    };

    #[test]
    fn a_file_that_cannot_be_read_has_a_fault_and_a_kernel_says_how_long_its_command_line_may_be() {
        let path = tempfile::tempdir().unwrap();
        // A kernel for x86 of protocol 2.15 that takes 511 bytes, and something that is no kernel.
        let mut kernel = vec![0; HEAD];
        kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        kernel[0x1f1] = 1;
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        kernel[0x238..0x23c].copy_from_slice(&511_u32.to_le_bytes());
        fs::write(path.path().join("kernel"), kernel).unwrap();
        fs::write(path.path().join("other"), "text").unwrap();
        fs::write(path.path().join("empty"), "").unwrap();
        let root = Root::from_directory(path.path()).unwrap();
        let volumes = [Arc::new(OpenVolume { volume: volume("sda1", Transport::Scsi), root })];
        for (file, is_kernel, fault, limit) in [
            (Some(("sda1", "/kernel")), true, None, Some(511 - 31)),
            (Some(("sda1", "/other")), true, None, Some(2047)),
            (Some(("sda1", "/other")), false, None, None),
            (Some(("sda1", "/empty")), true, Some("the file is empty"), None),
            (Some(("sda1", "/gone")), false, Some("no such file"), None),
            (Some(("sdb1", "/kernel")), true, Some("no volume of that name"), None),
            (None, true, Some("no volume of that name"), None),
        ] {
            let typed = TypedFile { text: "typed".into(), is_kernel };
            let file = file.map(|(device, path)| FileReference::new(reference(device), path.into()));
            let expected =
                FileVerdict { text: "typed".into(), fault: fault.map(Into::into), cmdline_limit: limit };
            assert_eq!(look(typed, file.as_ref(), &volumes), expected, "{file:?}");
        }
    }
}
