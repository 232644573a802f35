//! `initramfs build`: the image builder on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    initramfs::commandline::run(lexopt::Parser::from_env())
}
