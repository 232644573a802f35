//! `initramfs coreboot`: a coreboot ROM with firstlight as its payload.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use super::Printed;
use crate::coreboot::{CorebootRecipe, PayloadRoom, build_coreboot};

const HELP: &str = "\
Usage: initramfs coreboot --rom FILE --kernel FILE --initramfs FILE [OPTION]… -o OUT

Puts a kernel and an initramfs into a coreboot ROM in the place of its payload; all else stays as it is. The ROM is not
rebuilt: coreboot's own cbfstool (package coreboot-utils) does it in an instant.

Options:
      --rom FILE         the ROM, which is only read
      --kernel FILE      a bzImage
      --initramfs FILE   the initramfs, as `initramfs build` makes it
      --cmdline TEXT     the kernel's command line
      --cbfstool FILE    the program (default: cbfstool)
  -o, --output OUT       the new ROM
  -h, --help             this help

Exit code: 0 done, 1 failed, 2 wrong usage.

Example:
  initramfs coreboot --rom coreboot.rom --kernel bzImage --initramfs initramfs.img --cmdline console=ttyS0 -o new.rom
";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    recipe: CorebootRecipe,
    output: PathBuf,
}

pub(super) fn run(parser: Parser) -> Printed {
    let Some(Request { recipe, output }) = parse(parser)? else {
        return Ok(HELP.to_owned());
    };
    let PayloadRoom { available, taken } = build_coreboot(&recipe, &output)?;
    Ok(format!("{}: the payload has {taken} of {available} bytes\n", output.display()))
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> Result<Option<Request>, lexopt::Error> {
    let mut request = Request::default();
    let recipe = &mut request.recipe;
    recipe.cbfstool = "cbfstool".into();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("rom") => recipe.rom = parser.value()?.into(),
            Arg::Long("kernel") => recipe.kernel = parser.value()?.into(),
            Arg::Long("initramfs") => recipe.initramfs = parser.value()?.into(),
            Arg::Long("cmdline") => recipe.cmdline = parser.value()?.string()?,
            Arg::Long("cbfstool") => recipe.cbfstool = parser.value()?.into(),
            Arg::Short('o') | Arg::Long("output") => request.output = parser.value()?.into(),
            other => return Err(other.unexpected()),
        }
    }
    for (option, path) in [
        ("--rom", &request.recipe.rom),
        ("--kernel", &request.recipe.kernel),
        ("--initramfs", &request.recipe.initramfs),
        ("-o", &request.output),
    ] {
        if path.as_os_str().is_empty() {
            return Err(format!("{option} is missing").into());
        }
    }
    Ok(Some(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_reach_the_request_and_what_is_missing_is_named() {
        let parsed = |words: &[&str]| parse(Parser::from_args(words)).map_err(|error| error.to_string());
        let all = ["--rom=r", "--kernel=k", "--initramfs=i", "--cmdline=c", "--cbfstool=t", "-oO"];
        let expected = Request {
            recipe: CorebootRecipe {
                rom: "r".into(),
                kernel: "k".into(),
                initramfs: "i".into(),
                cmdline: "c".into(),
                cbfstool: "t".into(),
            },
            output: "O".into(),
        };
        assert_eq!(parsed(&all), Ok(Some(expected)));
        assert_eq!(parsed(&all[1..]), Err("--rom is missing".to_owned()));
        assert_eq!(parsed(&all[..5]), Err("-o is missing".to_owned()));
    }
}
