//! The finder's process: takes its work, gives up everything else, answers, ends.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
};

use super::{codec, confine::confine, wire};
use crate::{
    discover::{Volumes, survey},
    storage::{OpenVolume, root::Root},
};

/// The door `firstlight finder`: standard input and output are the socket to whoever started it.
#[must_use]
pub fn run(_arguments: &[OsString]) -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if stderr is closed too.
            let _ = writeln!(io::stderr(), "firstlight: finder: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (request, directories) = wire::receive(&mut socket)?;
    confine(&directories).map_err(|error| io::Error::other(format!("cannot be confined: {error}")))?;
    let open = request.volumes.into_iter().zip(directories).map(|(volume, directory)| OpenVolume {
        root: Root::from_fd(directory).naming_as(volume.filesystem.kind),
        volume,
    });
    let volumes = Volumes::from(open.collect::<Vec<_>>());
    let survey = survey(&volumes, &request.context);
    let mut stdout = io::stdout().lock();
    stdout.write_all(&codec::encode(&survey))?;
    stdout.flush()
}
