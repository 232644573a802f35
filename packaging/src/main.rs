//! `packaging stage DIR --binary FILE` lays firstlight out below a directory; `packaging deb FILE --binary FILE` makes a
//! Debian package.
#![forbid(unsafe_code)]

use std::{path::PathBuf, process::ExitCode};

use lexopt::prelude::*;

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
    let (mut words, mut binary) = (Vec::new(), None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("binary") => binary = Some(PathBuf::from(parser.value()?)),
            Value(word) => words.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    let binary = binary.ok_or("--binary names the program")?;
    match words.as_slice() {
        [word, place] if word == "stage" => {
            for file in packaging::tree::stage(place.as_ref(), &binary)? {
                println!("{}", PathBuf::from(place).join(file).display());
            }
        }
        [word, output] if word == "deb" => packaging::deb::build(&binary, output.as_ref())?,
        _ => return Err("stage DIR or deb FILE".into()),
    }
    Ok(())
}
