//! `firstlight config`: the settings that apply, and where each comes from.

use std::{fs, io, os::unix::ffi::OsStrExt, path::PathBuf};

use serde::Serialize;

use super::{
    Command, Failure, JSON, Opt,
    arguments::{Argument, Arguments},
    json,
    named_file::readable,
    own_password,
};
use crate::{
    boot::settings::{Effective, IN_IMAGE, Settings},
    formats::text::{decode, printable},
    kexec::reason::remedy_for_file,
};

/// Maximum size of a file of settings, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

pub(super) const CONFIG: Command = Command {
    name: "config",
    operands: "[check [FILE] | password] [--file FILE] [--cmdline WORDS] [--json]",
    summary: "Show the settings that apply and where each comes from, or check a file with some",
    details: "`config check FILE` looks at that file alone, `config check` at what applies here. Exit code 1 if there is a \
              mistake in them. The keys are in docs/config.md. `config password` reads a password twice and prints the line that \
              locks a machine with it.",
    options: &[
        Opt {
            short: None,
            long: "file",
            value: "FILE",
            what: "read this file instead of /etc/firstlight.conf",
        },
        Opt {
            short: None,
            long: "cmdline",
            value: "WORDS",
            what: "instead of this machine's kernel command line",
        },
        JSON,
    ],
    examples: &[
        ("firstlight config", "what applies here"),
        ("firstlight config check my.conf", "check a file before an image is built with it"),
        ("firstlight config password >>my.conf", "lock the machine with a password"),
    ],
    run: config,
};

#[derive(Serialize)]
struct Answer {
    settings: Vec<Effective>,
    mistakes: Vec<String>,
}

fn config(arguments: &mut Arguments) -> Result<String, Failure> {
    let (mut file, mut cmdline, mut as_json, mut check) = (None, None, false, false);
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) if name == "file" => file = Some(PathBuf::from(arguments.value()?)),
            Argument::Option(name) if name == "cmdline" => {
                cmdline = Some(decode(arguments.value()?.as_bytes()));
            }
            Argument::Option(name) if name == "json" => as_json = true,
            Argument::Operand(word) if !check && word == "check" => check = true,
            Argument::Operand(word) if !check && word == "password" => {
                return match arguments.next()? {
                    None => own_password::line(),
                    Some(argument) => Err(arguments.unknown(&argument)),
                };
            }
            // A file that is named is checked alone.
            Argument::Operand(name) if check && file.is_none() => {
                file = Some(PathBuf::from(name));
                cmdline = cmdline.or(Some(String::new()));
            }
            Argument::Operand(word) if !check => {
                let word = printable(&decode(word.as_bytes()));
                return Err(Failure::Usage(format!(
                    "no word `{word}` here; `config check FILE` checks a file, `config password` makes a password's line"
                )));
            }
            _ => return Err(arguments.unknown(&argument)),
        }
    }
    let text = match &file {
        Some(file) => {
            let name = decode(file.as_os_str().as_bytes());
            let file =
                readable(&name, "check one at a time").map_err(|error| Failure::Failed(error.to_string()))?;
            read(file).map_err(|error| {
                Failure::Failed(format!("{}: {error}; {}", printable(&name), remedy_for_file(&error)))
            })?
        }
        // Without a file every setting has its default.
        None => open(IN_IMAGE).unwrap_or_default(),
    };
    let cmdline = cmdline.unwrap_or_else(|| open("/proc/cmdline").unwrap_or_default());
    let name = file.map_or_else(|| IN_IMAGE.to_owned(), |file| decode(file.as_os_str().as_bytes()));
    let (settings, mistakes) = Settings::explain(&name, &text, &cmdline);
    let failed = (!mistakes.is_empty()).then(|| {
        mistakes.iter().map(|mistake| printable(mistake)).collect::<Vec<_>>().join("\nfirstlight: ")
    });
    let answer = Answer { settings, mistakes };
    let text = if as_json { json(&answer)? } else { table(&answer.settings) };
    match failed {
        None if check && !as_json => Ok(text + "No mistake was found.\n"),
        None => Ok(text),
        Some(mistakes) => Err(Failure::Flawed { text, message: mistakes }),
    }
}

fn open(path: &str) -> io::Result<String> {
    fs::File::open(path).and_then(read)
}

fn read(file: fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, FILE_LIMIT), &mut bytes)?;
    Ok(decode(&bytes))
}

fn table(settings: &[Effective]) -> String {
    let mut text = String::new();
    for setting in settings {
        if setting.values.is_empty() {
            text.push_str(&format!("{:<16} ({})\n", setting.key, setting.default));
        }
        for (value, origin) in setting.values.iter().zip(&setting.origins) {
            text.push_str(&format!("{:<16} {:<24} # {origin}\n", setting.key, printable(value)));
        }
    }
    text
}
