//! The finder's process: takes its work, gives up everything else, answers, ends.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
};

use super::{
    codec,
    confine::{confine, confine_part},
    divide::{in_own_process, is_divided},
    wire,
};
use crate::{
    discover::{Volumes, finder::Context, search::search},
    entry::Volume,
    formats::lookup::Lookup,
    storage::{OpenVolume, root::Root},
    sys::inherited,
};

/// The first descriptor that is not standard input, output or error.
const FIRST: i32 = 3;

/// The door `firstlight finder`: standard input and output are the socket to whoever started it.
#[must_use]
pub fn run(_arguments: &[OsString]) -> ExitCode {
    ended(take_work(true).and_then(|(context, volumes)| answer(&context, volumes)))
}

/// As [`run`], with `attempt` in place of the search of a disk, and Landlock where that is wanted: for a test that tries what a
/// finder could do that a hostile disk has taken over. It must be its process's only thread.
#[must_use]
pub fn run_probe(landlock: bool, attempt: impl FnOnce(&Context, &[OpenVolume]) -> ExitCode) -> ExitCode {
    let work = take_work(landlock).and_then(|(context, open)| {
        let volumes: Vec<Volume> = open.iter().map(|open| open.volume.clone()).collect();
        if is_divided(&volumes) {
            confine_part().map_err(io::Error::other)?;
        }
        Ok((context, open))
    });
    match work {
        Ok((context, volumes)) => attempt(&context, &volumes),
        Err(error) => ended(Err(error)),
    }
}

fn ended(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if stderr is closed too.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the work, and says to who asked, before the first byte of a disk is read, what of the confinement is missing.
fn take_work(landlock: bool) -> io::Result<(Context, Vec<OpenVolume>)> {
    inherited::close_from(FIRST)?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (request, directories) = wire::receive(&mut socket)?;
    let (directories, missing) = confine(directories, landlock, is_divided(&request.volumes))
        .map_err(|error| io::Error::other(format!("cannot be confined: {error}")))?;
    // As a file: a socket's own system calls are not allowed any more.
    let mut stdout = io::stdout().lock();
    stdout.write_all(&wire::opening(missing.as_deref()))?;
    stdout.flush()?;
    let open = request.volumes.into_iter().zip(directories).map(|(volume, directory)| OpenVolume {
        root: Root::from_fd(directory).naming_as(volume.filesystem.kind),
        volume,
    });
    Ok((request.context, open.collect()))
}

fn answer(context: &Context, volumes: Vec<OpenVolume>) -> io::Result<()> {
    let lookup = Volumes::from(volumes);
    let searched = match is_divided(lookup.volumes()) {
        true => search(&lookup, context, &|places, search| in_own_process(lookup.volumes(), places, search)),
        false => search(&lookup, context, &|_, search| Ok(search())),
    }?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&codec::encode(&searched))?;
    stdout.flush()
}
