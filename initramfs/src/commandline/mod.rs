//! The builder's command line: what is built is its first word.

mod build;
mod coreboot;
mod disk;
mod flash;
mod flash_payload;
mod uki;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use firstlight::formats::text::printable_lines;
use lexopt::Parser;

use crate::BuildError;

const HELP: &str = "\
Usage: initramfs COMMAND [OPTION]…

Builds what firstlight boots from.

Commands:
  build      the initramfs: firstlight's binary, and modules for a kernel that has its drivers in such
  uki        one EFI program of kernel, initramfs and command line, for an ESP
  disk       a disk image for a USB stick, which UEFI and a BIOS boot
  coreboot   the ROM of a coreboot with firstlight as its payload
  flash      the image of a UEFI firmware: what is in it, the same with files replaced, or with
             firstlight in it

`initramfs COMMAND --help` tells the options and shows examples. scripts/build-kernel.sh builds the kernel.
";

/// A command by its name.
type Run = fn(Parser) -> Printed;

const COMMANDS: [(&str, Run); 5] = [
    ("build", build::run),
    ("uki", uki::run),
    ("disk", disk::run),
    ("coreboot", coreboot::run),
    ("flash", flash::run),
];

/// What a command prints, or why it did not do its work.
type Printed = Result<String, ExitMessage>;

/// An exit code other than 0, and the message.
#[derive(Debug, PartialEq, Eq)]
struct ExitMessage {
    code: u8,
    message: String,
}

impl From<lexopt::Error> for ExitMessage {
    fn from(error: lexopt::Error) -> Self {
        Self { code: 2, message: format!("{error}\n`initramfs --help` tells what there is") }
    }
}

impl From<BuildError> for ExitMessage {
    fn from(error: BuildError) -> Self {
        Self { code: 1, message: error.to_string() }
    }
}

/// Runs the command line: exit code 0 done, 1 failed, 2 wrong usage.
pub fn run(parser: Parser) -> ExitCode {
    let printed = dispatch(parser).and_then(|text| {
        let written = io::stdout().write_all(printable_lines(&text).as_bytes());
        written.map_err(|error| ExitMessage { code: 1, message: format!("cannot write the output: {error}") })
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(ExitMessage { code, message }) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "initramfs: {}", printable_lines(&message));
            ExitCode::from(code)
        }
    }
}

fn dispatch(mut parser: Parser) -> Printed {
    let first = parser.try_raw_args().and_then(|mut words| words.next());
    let known = first.as_ref().and_then(|word| COMMANDS.iter().find(|(name, _)| *word == **name));
    match (known, first) {
        (Some((_, run)), _) => run(parser),
        (None, Some(word)) if word == "--help" || word == "-h" => Ok(HELP.to_owned()),
        // A word of the command `build`, which was once the only one.
        (None, Some(word)) if word == "--help-groups" => build::run(Parser::from_args([word])),
        (None, word) => Err(lexopt::Error::from(no_command(word)).into()),
    }
}

fn no_command(word: Option<OsString>) -> String {
    let names = COMMANDS.map(|(name, _)| name).join(", ");
    match word {
        Some(word) => format!("no command “{}”: there are {names}", word.to_string_lossy()),
        None => format!("no command given: there are {names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_command() {
        let done = |words: &[&str]| dispatch(Parser::from_args(words));
        assert_eq!(done(&["--help"]), Ok(HELP.to_owned()));
        assert!(done(&["uki", "--help"]).unwrap().starts_with("Usage: initramfs uki"));
        assert!(done(&["coreboot", "--help"]).unwrap().starts_with("Usage: initramfs coreboot"));
        assert!(done(&["--help-groups"]).unwrap().contains("nvme"));
        for (words, expected) in [
            (&[][..], "no command given: there are build, uki, disk, coreboot, flash"),
            (&["--list"], "no command “--list”: there are build, uki, disk, coreboot, flash"),
        ] {
            let ExitMessage { code, message } = done(words).unwrap_err();
            assert_eq!((code, message.lines().next()), (2, Some(expected)));
        }
    }
}
