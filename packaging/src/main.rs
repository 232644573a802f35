//! `packaging stage DIR --binary FILE --install FILE --init FILE --stub FILE` lays firstlight out below a directory; `packaging deb FILE` with
//! the same options makes a Debian package.
#![forbid(unsafe_code)]

use std::{path::PathBuf, process::ExitCode};

use lexopt::prelude::*;
use packaging::tree::Programs;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("packaging: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut parser = lexopt::Parser::from_env();
    let mut words = Vec::new();
    let [mut binary, mut install, mut init, mut stub] = [const { None }; 4];
    while let Some(argument) = parser.next()? {
        match argument {
            Long("binary") => binary = Some(PathBuf::from(parser.value()?)),
            Long("install") => install = Some(PathBuf::from(parser.value()?)),
            Long("init") => init = Some(PathBuf::from(parser.value()?)),
            Long("stub") => stub = Some(PathBuf::from(parser.value()?)),
            Value(word) => words.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    let programs = Programs {
        firstlight: binary.ok_or("--binary names the program")?,
        install: install.ok_or("--install names the installer")?,
        init: init.ok_or("--init names the program for images")?,
        stub: stub.ok_or("--stub names the EFI program that begins an image")?,
    };
    match words.as_slice() {
        [word, place] if word == "stage" => {
            for file in packaging::tree::stage(place.as_ref(), &programs)? {
                println!("{}", PathBuf::from(place).join(file).display());
            }
        }
        [word, output] if word == "deb" => packaging::deb::build(&programs, output.as_ref())?,
        _ => return Err("stage DIR or deb FILE".into()),
    }
    Ok(())
}
