//! `initramfs flash`: what is in a UEFI firmware image, and the same image with files replaced or taken out.

use std::fs;
use std::path::{Path, PathBuf};

use firstlight::formats::text::printable_json;
use lexopt::{Arg, Parser, ValueExt};

use super::{Printed, flash_payload};
use crate::error::read;
use crate::flash::{self, Changes, FlashError, FlashItem, Replacement};
use crate::{BuildError, binary};

const HELP: &str = "\
Usage: initramfs flash inspect IMAGE [--json]
       initramfs flash edit IMAGE [OPTION]… -o OUT
       initramfs flash payload IMAGE [OPTION]… -o OUT

Looks into a UEFI firmware image (edk2's, a vendor's), or replaces files in it. What is not named keeps its place and its
bytes; IMAGE is only read, and nothing is written where anything is refused.

Options of edit:
      --replace FILE=PROGRAM   put an EFI program in the place of the firmware's FILE, a name or a GUID; repeats
      --drop FILE              take a file out: padding takes its place; repeats
      --drop-unneeded          take edk2's drivers for network, disks, USB and setup screens out: the firmware then starts at
                               once what is in its flash, and can start nothing else
      --drop-tpm               take what looks for a TPM out: on a machine without one OVMF waits 1.5 s for it
      --title TEXT             the name of the replacements (default: firstlight)
      --size BYTES             let the first volume grow so that the image has this many bytes, downwards in memory: for
                               OVMF (8388608, or 0x800000)
      --loader FILE            put firstlight's loader in the place of the firmware's FILE: it starts what
                               `initramfs flash payload` puts into the image (builds it with cargo)
      --area                   make room for that in front of the first volume, which keeps what its files need: for OVMF
  -o, --output OUT             the new image
  -h, --help                   this help

`initramfs flash payload --help` tells the options of payload.
Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  initramfs flash inspect OVMF_CODE_4M.fd
  initramfs flash edit OVMF_CODE_4M.fd --loader Shell --drop-unneeded --area --size 0x800000 -o firmware.fd
  initramfs flash edit OVMF_CODE_4M.fd --replace Shell=firstlight.efi --drop-unneeded --size 0x800000 -o firstlight.fd
";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    image: PathBuf,
    /// Replacements, each a file of the firmware and one of this machine; `None` only looks.
    edit: Option<Edit>,
    json: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Edit {
    replace: Vec<(String, PathBuf)>,
    drop: Vec<String>,
    drop_unneeded: bool,
    drop_tpm: bool,
    title: Option<String>,
    loader: Option<String>,
    area: bool,
    size: Option<usize>,
    output: PathBuf,
}

pub(super) fn run(mut parser: Parser) -> Printed {
    let is_payload =
        parser.try_raw_args().and_then(|mut words| words.next_if(|word| word == "payload")).is_some();
    if is_payload {
        return flash_payload::run(parser);
    }
    match parse(parser)? {
        None => Ok(HELP.to_owned()),
        Some(Request { image, edit: None, json }) => Ok(look(&image, json)?),
        Some(Request { image, edit: Some(edit), .. }) => Ok(change(&image, &edit)?),
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> Result<Option<Request>, lexopt::Error> {
    let mut request = Request::default();
    let mut words = Vec::new();
    let mut edit = Edit::default();
    let mut is_edit = false;
    while let Some(argument) = parser.next()? {
        is_edit |= matches!(
            argument,
            Arg::Long(
                "replace"
                    | "drop"
                    | "drop-unneeded"
                    | "drop-tpm"
                    | "title"
                    | "loader"
                    | "area"
                    | "size"
                    | "output"
            ) | Arg::Short('o')
        );
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("json") => request.json = true,
            Arg::Long("replace") => edit.replace.push(replacement(&parser.value()?.string()?)?),
            Arg::Long("drop") => edit.drop.push(parser.value()?.string()?),
            Arg::Long("drop-unneeded") => edit.drop_unneeded = true,
            Arg::Long("drop-tpm") => edit.drop_tpm = true,
            Arg::Long("title") => edit.title = Some(parser.value()?.string()?),
            Arg::Long("loader") => edit.loader = Some(parser.value()?.string()?),
            Arg::Long("area") => edit.area = true,
            Arg::Long("size") => edit.size = Some(size(&parser.value()?.string()?)?),
            Arg::Short('o') | Arg::Long("output") => edit.output = parser.value()?.into(),
            Arg::Value(word) if words.len() < 2 => words.push(word),
            other => return Err(other.unexpected()),
        }
    }
    let [command, image] = <[_; 2]>::try_from(words)
        .map_err(|_| "an operation (inspect, edit, payload) and an image are wanted")?;
    request.image = image.into();
    match command.to_str() {
        Some("inspect") if !is_edit => {}
        Some("inspect") => return Err("inspect changes nothing: these options are for edit".into()),
        Some("edit") if edit.output.as_os_str().is_empty() => return Err("-o is missing".into()),
        Some("edit") if request.json => return Err("--json goes with inspect".into()),
        Some("edit") if (Edit { output: PathBuf::new(), title: None, ..edit.clone() }) == Edit::default() => {
            return Err(
                "nothing to do: give --replace, --drop, --drop-unneeded, --drop-tpm, --loader, --area or --size".into()
            );
        }
        Some("edit") => request.edit = Some(edit),
        _ => {
            return Err(format!(
                "no operation “{}”: there are inspect, edit and payload",
                command.to_string_lossy()
            )
            .into());
        }
    }
    Ok(Some(request))
}

fn replacement(text: &str) -> Result<(String, PathBuf), String> {
    let parts = text.split_once('=').filter(|(file, program)| !file.is_empty() && !program.is_empty());
    let (file, program) = parts.ok_or_else(|| format!("--replace {text}: want FILE=PROGRAM"))?;
    Ok((file.to_owned(), program.into()))
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("--size {text}: no number of bytes"))
}

fn look(path: &Path, json: bool) -> Result<String, BuildError> {
    let items = flash::inspect(&read(path)?).map_err(|error| BuildError::unfit(path, error.to_string()))?;
    Ok(match json {
        true => printable_json(&serde_json::to_string(&items).unwrap_or_default()) + "\n",
        false => items.iter().map(line).collect(),
    })
}

fn line(item: &FlashItem) -> String {
    let FlashItem { depth, offset, kind, guid, name, size, free, unpacked } = item;
    let guid = guid.as_ref().map(|guid| format!(" ({guid})")).unwrap_or_default();
    let indent = "  ".repeat(*depth as usize);
    let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let free = free.map(|free| format!(", {free} free")).unwrap_or_default();
    let unpacked = unpacked.map(|bytes| format!(", {bytes} unpacked")).unwrap_or_default();
    format!("{offset:>#10x} {indent} {kind}{name}{guid}: {size} bytes{free}{unpacked}\n")
}

fn change(path: &Path, request: &Edit) -> Result<String, BuildError> {
    let Edit { replace, drop, drop_unneeded, drop_tpm, title, loader, area, size, output } = request;
    let unfit = |error: FlashError| BuildError::unfit(path, error.to_string());
    let mut image = read(path)?;
    let title = title.as_deref().unwrap_or("firstlight");
    let replacement = |(file, program): &(String, PathBuf)| {
        Ok(Replacement { file: file.clone(), program: read(program)?, title: title.to_owned() })
    };
    let mut replace = replace.iter().map(replacement).collect::<Result<Vec<_>, BuildError>>()?;
    if let Some(file) = loader {
        let program = binary::build_flash_loader()?;
        replace.push(Replacement { file: file.clone(), program, title: title.to_owned() });
    }
    let mut drop = drop.clone();
    if *drop_unneeded {
        drop.extend(flash::unneeded(&image).map_err(unfit)?);
    }
    if *drop_tpm {
        drop.extend(flash::tpm(&image).map_err(unfit)?);
    }
    let changes = Changes { drop, replace };
    let size = size.unwrap_or(image.len());
    if !area && size != image.len() {
        image = flash::grow(&image, size).map_err(unfit)?;
    }
    let mut edited = flash::edit(&image, &changes).map_err(unfit)?;
    if *area {
        edited.image = flash::with_area(&edited.image, size).map_err(unfit)?;
    }
    fs::write(output, &edited.image).map_err(|error| BuildError::Write { path: output.clone(), error })?;
    Ok(format!(
        "{}: {} bytes; changed: {}\n",
        output.display(),
        edited.image.len(),
        edited.changed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Request>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_reaches_the_request() {
        let words = [
            "edit",
            "in.fd",
            "--replace=Shell=a=b.efi",
            "--drop=Ip4Dxe",
            "--drop-unneeded",
            "--drop-tpm",
            "--title=T",
            "--loader=Shell",
            "--area",
            "--size=0x800000",
            "-oOUT",
        ];
        let edit = Edit {
            replace: vec![("Shell".into(), "a=b.efi".into())],
            drop: vec!["Ip4Dxe".into()],
            drop_unneeded: true,
            drop_tpm: true,
            title: Some("T".into()),
            loader: Some("Shell".into()),
            area: true,
            size: Some(8 << 20),
            output: "OUT".into(),
        };
        let expected = Request { image: "in.fd".into(), edit: Some(edit), json: false };
        assert_eq!(parsed(&words), Ok(Some(expected)));
        let expected = Request { image: "in.fd".into(), edit: None, json: true };
        assert_eq!(parsed(&["inspect", "in.fd", "--json"]), Ok(Some(expected)));
    }

    #[test]
    fn wrong_usage_is_reported() {
        for (words, expected) in [
            (&[][..], "an operation (inspect, edit, payload) and an image are wanted"),
            (&["inspect"], "an operation (inspect, edit, payload) and an image are wanted"),
            (&["look", "a"], "no operation “look”: there are inspect, edit and payload"),
            (&["inspect", "a", "-oO"], "inspect changes nothing: these options are for edit"),
            (&["edit", "a", "--drop=x"], "-o is missing"),
            (
                &["edit", "a", "-oO"],
                "nothing to do: give --replace, --drop, --drop-unneeded, --drop-tpm, --loader, --area or --size",
            ),
            (&["edit", "a", "-oO", "--size=x"], "--size x: no number of bytes"),
            (&["edit", "a", "-oO", "--replace=x"], "--replace x: want FILE=PROGRAM"),
        ] {
            assert_eq!(parsed(words), Err(expected.to_owned()), "{words:?}");
        }
    }
}
