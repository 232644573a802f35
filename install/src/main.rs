//! `firstlight-install`: what `firstlight install` runs.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use firstlight::formats::text::printable_lines;

fn main() -> ExitCode {
    let print = |line: &str| {
        // Who closed the output does not want to read it.
        let _ = io::stdout().write_all(printable_lines(line).as_bytes());
    };
    let request = match install::arguments::parse(lexopt::Parser::from_env()) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("firstlight install: {error}; `firstlight install --help` tells the options");
            return ExitCode::from(2);
        }
    };
    match install::run::run(&request, &mut |line| print(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firstlight install: {}", printable_lines(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
