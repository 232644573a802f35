//! `firstlight config`: the settings that apply, and where each comes from.

use std::{fs, io, path::PathBuf};

use serde::Serialize;

use super::{
    Command, Failure, JSON, Opt,
    arguments::{Argument, Arguments},
    json,
};
use crate::{
    boot::settings::{Effective, Settings},
    formats::text::{decode, printable},
};

/// Settings larger than this, in bytes, are none.
const FILE_LIMIT: u64 = 1 << 20;

pub(super) const CONFIG: Command = Command {
    name: "config",
    operands: "[--file FILE] [--cmdline WORDS] [--json]",
    summary: "Show the settings that apply and where each comes from",
    details: "Exit code 1 if there is a mistake in them. The keys are in docs/config.md.",
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
        ("firstlight config --file my.conf --cmdline ''", "check a file before an image is built with it"),
    ],
    run: config,
};

/// The whole answer.
#[derive(Serialize)]
struct Answer {
    settings: Vec<Effective>,
    mistakes: Vec<String>,
}

fn config(arguments: &mut Arguments) -> Result<String, Failure> {
    let (mut file, mut cmdline, mut as_json) = (None, None, false);
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) if name == "file" => file = Some(PathBuf::from(arguments.value()?)),
            Argument::Option(name) if name == "cmdline" => {
                cmdline = Some(arguments.value()?.to_string_lossy().into_owned());
            }
            Argument::Option(name) if name == "json" => as_json = true,
            _ => return Err(arguments.unknown(&argument)),
        }
    }
    let text = match &file {
        Some(file) => read(file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?,
        // Without a file everything stands at its default.
        None => read("/etc/firstlight.conf".as_ref()).unwrap_or_default(),
    };
    let cmdline = cmdline.unwrap_or_else(|| read("/proc/cmdline".as_ref()).unwrap_or_default());
    let (settings, mut mistakes) = Settings::explain(&text, &cmdline);
    if let Some(file) = file {
        let name = file.to_string_lossy();
        mistakes = mistakes.iter().map(|mistake| mistake.replace("/etc/firstlight.conf", &name)).collect();
    }
    let failed = (!mistakes.is_empty()).then(|| printable(&mistakes.join("; ")));
    let answer = Answer { settings, mistakes };
    let text = if as_json { json(&answer)? } else { table(&answer.settings) };
    match failed {
        None => Ok(text),
        Some(mistakes) => Err(Failure::Flawed { text, message: mistakes }),
    }
}

fn read(path: &std::path::Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, FILE_LIMIT), &mut bytes)?;
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
