//! The search of one disk in a process of its own, made by the confined process, which reads no disk itself then: fork(2).
//!
//! The process is confined once more. What it answers is about the volumes that it was made for, or it is no answer.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::WaitOptions,
};

use super::{ANSWER_LIMIT, codec, confine::confine_part};
use crate::{
    discover::search::{Searched, by_disk},
    entry::Volume,
    sys::{
        child::wait,
        fork::{fork, leave},
    },
};

/// Whether the volumes are searched in more than one process.
pub(super) fn is_divided(volumes: &[Volume]) -> bool {
    by_disk(volumes).len() > 1
}

/// Makes a process, which must be a copy of one with a single thread, and has it search these volumes.
///
/// # Errors
/// No process, or none that gave an answer about these volumes.
pub(super) fn in_own_process(
    volumes: &[Volume],
    places: &[usize],
    search: &dyn Fn() -> Searched,
) -> io::Result<Searched> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let Some(child) = fork()? else {
        drop(reader);
        let answer = || {
            confine_part().map_err(io::Error::other)?;
            File::from(writer).write_all(&codec::encode(&search()))
        };
        // The process is a copy in the middle of another one's work: nothing of that is to be done twice.
        leave(if answer().is_ok() { 0 } else { 1 });
    };
    drop(writer);
    let mut answer = Vec::new();
    let limit = u64::try_from(ANSWER_LIMIT).unwrap_or(u64::MAX);
    let read = File::from(reader).take(limit).read_to_end(&mut answer);
    let status = wait(child, WaitOptions::empty())?;
    let name = || {
        let names = places.iter().filter_map(|place| volumes.get(*place));
        names.map(|volume| volume.device.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    read?;
    if let Some(status) = status.filter(|status| !status.success()) {
        return Err(io::Error::other(format!("the search of {} ended badly ({status})", name())));
    }
    codec::decode(&answer)
        .filter(|searched: &Searched| searched.is_about(places, volumes))
        .ok_or_else(|| io::Error::other(format!("the answer about {} makes no sense", name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::{merge::Found, owner::StartedProgram, testing::volume},
        entry::{FileReference, FilesystemKind, Format},
    };

    #[test]
    fn a_disk_speaks_for_its_own_volumes_only() {
        let volumes = ["sda1", "sda2", "sdb1"].map(|name| volume(name, FilesystemKind::Ext4));
        let found = |volume| Found { volume, format: Format::Grub, findings: None, exhausted: None };
        let program =
            |volume| StartedProgram { turn: 0, volume, path: "/x.efi".into(), format: None, is_there: true };
        let image = |name: &str| FileReference::new(name.into(), "/x.squashfs".into());
        let answer = |found, images, programs| Searched { found, images, programs };
        let own = answer(vec![found(0), found(1)], vec![image("sda2")], vec![program(1)]);
        let search = |answer: &Searched| {
            in_own_process(&volumes, &[0, 1], &|| answer.clone()).map_err(|error| error.to_string())
        };
        assert_eq!(search(&own), Ok(own.clone()));
        for stranger in [
            answer(vec![found(0), found(2)], vec![], vec![]),
            answer(vec![], vec![image("sdb1")], vec![]),
            answer(vec![], vec![], vec![program(2)]),
            answer(vec![], vec![], vec![program(7)]),
        ] {
            assert_eq!(search(&stranger), Err("the answer about sda1, sda2 makes no sense".to_owned()));
        }
    }

    #[test]
    fn a_search_that_ends_its_process_gives_no_answer() {
        let volumes = [volume("sda1", FilesystemKind::Ext4)];
        let search = |search: fn() -> Searched| {
            in_own_process(&volumes, &[0], &search).map_err(|error| error.to_string())
        };
        let message = |status: &str| Err(format!("the search of sda1 ended badly ({status})"));
        assert_eq!(search(|| std::process::abort()), message("signal: 6 (SIGABRT)"));
        assert_eq!(search(|| leave(3)), message("exit status: 3"));
        // It makes no process of its own.
        assert_eq!(search(|| fork().map(|_| Searched::default()).unwrap()), message("signal: 31 (SIGSYS)"));
    }
}
