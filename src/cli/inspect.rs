//! `firstlight inspect`: what a kernel file is, and whether it can be booted.

use super::{
    Command, Failure, Opt,
    arguments::{Argument, Arguments},
    named_file::open,
};
use crate::formats::{
    sort,
    text::{decode, printable},
};
use crate::image::{
    NamedFile, PrepareError, UnpackError,
    identify::{Identity, identify},
    unpack_identified,
};
use serde::Serialize;
use serde_json::Value;
use std::{ffi::OsString, os::unix::ffi::OsStrExt};

pub(super) const INSPECT: Command = Command {
    name: "inspect",
    operands: "FILE [--json]",
    summary: "Tell what a kernel file is: its format, version, and what is in it",
    details: "Knows Linux for x86 (bzImage), arm64 and RISC-V (Image), compressed and EFI forms of them, unified kernel \
              images, ELF, multiboot, U-Boot's, Android's and ChromeOS's images.",
    options: &[Opt { short: None, long: "json", value: "", what: "print JSON" }],
    examples: &[("firstlight inspect /boot/vmlinuz", "which version of Linux this is")],
    run,
};

/// `--json`: the identity, with the name of the file, and what is in it if it is wrapped.
#[derive(Serialize)]
struct Inspected<'a> {
    file: &'a str,
    #[serde(flatten)]
    identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<Identity>,
}

/// The fields that come first for a reader; the others follow by name.
const FIRST: [&str; 3] = ["file", "kind", "version"];

fn run(arguments: &mut Arguments) -> Result<String, Failure> {
    let (mut as_json, mut path) = (false, None::<OsString>);
    while let Some(argument) = arguments.next()? {
        match argument {
            Argument::Option(name) if name == "json" => as_json = true,
            Argument::Operand(value) if path.is_none() => path = Some(value),
            argument => return Err(arguments.unknown(&argument)),
        }
    }
    let path = path.ok_or_else(|| Failure::Usage("inspect which file?".into()))?;
    let name = decode(path.as_bytes());
    let failed = |reason: &dyn std::fmt::Display| Failure::Failed(format!("{}: {reason}", printable(&name)));
    let file = open(&name, "inspect one at a time").map_err(|error| Failure::Failed(error.to_string()))?.file;
    let identity = identify(&file).map_err(|error| failed(&error))?;
    if identity.format.is_none() {
        return Err(failed(&"no kernel in any format that is known here"));
    }
    let inside = match unpack_identified(NamedFile { name: String::new(), file }, identity.clone(), 0, &[]) {
        Ok(unpacked) => Some(unpacked.identity).filter(|inside| *inside != identity),
        Err(PrepareError {
            reason: reason @ (UnpackError::Decompress(_) | UnpackError::TooDeep), ..
        }) => {
            return Err(failed(&reason));
        }
        // A file for another machine, which cannot be unpacked here, is described all the same.
        Err(_) => None,
    };
    let value = serde_json::to_value(Inspected { file: &name, identity, inside });
    let value = value.map_err(|error| failed(&error))?;
    Ok(if as_json { format!("{value:#}\n") } else { lines(&value, "") })
}

/// The fields as people read them: a line for each, sections and the like as lists; what is inside is indented.
fn lines(value: &Value, indent: &str) -> String {
    let mut fields: Vec<_> = value.as_object().into_iter().flatten().collect();
    sort::by_key(&mut fields, |(name, _)| {
        FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len())
    });
    let line = |(name, value): (&String, &Value)| match value {
        Value::Null => String::new(),
        inside @ Value::Object(_) => format!("{indent}{name}\n{}", lines(inside, "  ")),
        value => format!("{indent}{:<14} {}\n", name.replace('_', " "), words(value)),
    };
    fields.into_iter().map(line).collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let lines: Vec<_> = text.lines().map(printable).collect();
            lines.join(&format!("\n{:<15}", ""))
        }
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields.values().map(words).collect::<Vec<_>>().join(" "),
    }
}
