//! The command `modprobe`: the kernel runs it when it wants a module itself, as `modprobe -q -- fs-ext4` (request_module in
//! kernel/module/kmod.c), and people may do so from a shell.

use std::{ffi::OsString, process::ExitCode};

use log::LevelFilter;

use super::loader::{ModuleLoader, Tables};
use crate::{formats::text::printable, sys::kmsg};

/// Loads the module or alias that the arguments (without the program's own name) name: exit code 0 if it is there now.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    kmsg::install("modprobe", LevelFilter::Info, printable);
    let Some((name, parameters)) = request(arguments) else { return ExitCode::FAILURE };
    let loaded = load_by_name(&name, &parameters);
    log::debug!("{name}: {}", if loaded { "there" } else { "not there" });
    if loaded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loads what a name or an alias means, with these parameters; whether all of it is there now.
pub fn load_by_name(name: &str, parameters: &str) -> bool {
    Tables::read()
        .is_some_and(|tables| ModuleLoader::new(&tables).for_kernel().load_by_name(name, parameters))
}

/// The name and the parameters after it; `None` if there is no name, or something other than loading is asked for.
fn request(arguments: &[OsString]) -> Option<(String, String)> {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let first = words.iter().position(|word| !word.starts_with('-'))?;
    let (options, rest) = words.split_at_checked(first)?;
    let (name, parameters) = rest.split_first()?;
    let removes = options.iter().any(|option| option == "-r" || option == "--remove");
    (!removes).then(|| (name.clone(), parameters.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_and_a_persons_requests_are_read() {
        let some = |name: &str, parameters: &str| Some((name.to_owned(), parameters.to_owned()));
        for (line, expected) in [
            ("-q -- fs-ext4", some("fs-ext4", "")),
            ("-q -- crypto-crc32c", some("crypto-crc32c", "")),
            ("loop max_loop=8 max_part=1", some("loop", "max_loop=8 max_part=1")),
            ("-r loop", None),
            ("-q --", None),
            ("", None),
        ] {
            let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(request(&arguments), expected, "{line}");
        }
    }
}
