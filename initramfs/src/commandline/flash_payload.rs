//! `initramfs flash payload`: a kernel, an initramfs and a command line in the payload area of a firmware image.

use std::fs;
use std::path::PathBuf;

use flash_payload::{COMMAND_LINE_LIMIT, Kind};
use lexopt::{Arg, Parser, ValueExt};

use super::Printed;
use crate::BuildError;
use crate::error::read;
use crate::flash::{self, Payload};

const HELP: &str = "\
Usage: initramfs flash payload IMAGE [OPTION]… -o OUT

Puts a kernel, an initramfs and a command line into the payload area of a UEFI firmware image, which is what lies outside of
its volumes; the loader in the flash (`initramfs flash edit --loader`) finds them there. Each takes the place of the one that
is there, and what is not given stays; the firmware does not change by a byte. The same input gives the same bytes.

Options:
      --kernel FILE      a kernel with an EFI stub
      --initramfs FILE   the initramfs, as `initramfs build` makes it
      --cmdline TEXT     the kernel's command line
  -o, --output OUT       the new image
  -h, --help             this help

Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  initramfs flash payload firmware.fd --kernel bzImage --initramfs initramfs.img --cmdline quiet -o firstlight.fd
  initramfs flash payload firstlight.fd --kernel bzImage-new -o new.fd
  initramfs flash payload VARS.fd --kernel bzImage -o VARS-firstlight.fd     the parts may lie in two flashes
";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    image: PathBuf,
    kernel: Option<PathBuf>,
    initramfs: Option<PathBuf>,
    cmdline: Option<String>,
    output: PathBuf,
}

pub(super) fn run(parser: Parser) -> Printed {
    match parse(parser)? {
        None => Ok(HELP.to_owned()),
        Some(request) => Ok(execute(&request)?),
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> Result<Option<Request>, lexopt::Error> {
    let mut request = Request::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("kernel") => request.kernel = Some(parser.value()?.into()),
            Arg::Long("initramfs") => request.initramfs = Some(parser.value()?.into()),
            Arg::Long("cmdline") => request.cmdline = Some(parser.value()?.string()?),
            Arg::Short('o') | Arg::Long("output") => request.output = parser.value()?.into(),
            Arg::Value(image) if request.image.as_os_str().is_empty() => request.image = image.into(),
            other => return Err(other.unexpected()),
        }
    }
    for (what, path) in [("an image", &request.image), ("-o", &request.output)] {
        if path.as_os_str().is_empty() {
            return Err(format!("{what} is missing").into());
        }
    }
    let Request { kernel, initramfs, cmdline, .. } = &request;
    if let (None, None, None) = (kernel, initramfs, cmdline) {
        return Err("nothing to do: give --kernel, --initramfs or --cmdline".into());
    }
    if let Some(length) = cmdline.as_ref().map(String::len).filter(|length| *length > COMMAND_LINE_LIMIT) {
        return Err(
            format!("--cmdline: it has {length} bytes, and at most {COMMAND_LINE_LIMIT} are taken").into()
        );
    }
    Ok(Some(request))
}

fn execute(request: &Request) -> Result<String, BuildError> {
    let Request { image, kernel, initramfs, cmdline, output } = request;
    let file = |kind, path: &PathBuf| Ok::<_, BuildError>(Payload { kind, content: read(path)? });
    let kernel = kernel.as_ref().map(|path| file(Kind::Kernel, path)).transpose()?;
    let initramfs = initramfs.as_ref().map(|path| file(Kind::Initramfs, path)).transpose()?;
    let cmdline =
        cmdline.as_ref().map(|text| Payload { kind: Kind::CommandLine, content: text.clone().into() });
    let payload: Vec<Payload> = [kernel, initramfs, cmdline].into_iter().flatten().collect();
    let new = flash::put(&read(image)?, &payload);
    let new = new.map_err(|error| BuildError::unfit(image, error.to_string()))?;
    fs::write(output, &new).map_err(|error| BuildError::Write { path: output.clone(), error })?;
    let parts: Vec<String> =
        payload.iter().map(|part| format!("{} {} bytes", part.kind.name(), part.content.len())).collect();
    Ok(format!("{}: {} bytes; {}\n", output.display(), new.len(), parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Request>, String> {
        parse(Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_reaches_the_request() {
        let words = ["in.fd", "--kernel=k", "--initramfs=i", "--cmdline", "quiet a=b", "-oOUT"];
        let expected = Request {
            image: "in.fd".into(),
            kernel: Some("k".into()),
            initramfs: Some("i".into()),
            cmdline: Some("quiet a=b".into()),
            output: "OUT".into(),
        };
        assert_eq!(parsed(&words), Ok(Some(expected)));
        assert_eq!(parsed(&["--help"]), Ok(None));
    }

    #[test]
    fn wrong_usage_is_reported() {
        let long = "x".repeat(COMMAND_LINE_LIMIT + 1);
        for (words, expected) in [
            (&["-oO"][..], "an image is missing"),
            (&["i", "--kernel=k"], "-o is missing"),
            (&["i", "-oO"], "nothing to do: give --kernel, --initramfs or --cmdline"),
            (&["i", "j", "-oO"], "unexpected argument \"j\""),
            (&["i", "-oO", "--cmdline", &long], "--cmdline: it has 4033 bytes, and at most 4032 are taken"),
        ] {
            assert_eq!(parsed(words), Err(expected.to_owned()), "{words:?}");
        }
    }
}
