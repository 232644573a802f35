//! `initramfs build`: the image builder on the command line.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    initramfs::commandline::run(lexopt::Parser::from_env())
}
