//! `initramfs uki`: one EFI program of kernel, initramfs and command line.

use std::fs;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use super::Printed;
use crate::binary::build_stub;
use crate::disk::architecture;
use crate::sign::Signer;
use crate::{BuildError, UkiRecipe, build_uki, default_stub};

const HELP: &str = "\
Usage: initramfs uki --kernel FILE --initramfs FILE [OPTION]… -o OUT

Puts a kernel, an initramfs and a command line into one EFI program, which firmware starts from an ESP and whose signature
covers all of it. The same input gives the same bytes.

Options:
      --kernel FILE         a kernel with an EFI stub: a bzImage for x86_64, a vmlinuz.efi for aarch64
      --initramfs FILE      the initramfs, as `initramfs build` makes it
      --cmdline TEXT        the kernel's command line
      --stub FILE           what starts the kernel: systemd's stub, for instance (default: firstlight's own, after which
                            bootctl knows the boot loader; systemd's where --section adds what that alone reads)
      --os-release FILE     what boot menus show (default: firstlight and its version)
      --uname TEXT          the kernel's release (default: what its header says)
      --section NAME:FILE   one more section, such as .sbat or .splash; repeats
      --sign-key FILE       sign it with this private key (PEM), by sbsign
      --sign-cert FILE      and its certificate (PEM)
  -o, --output OUT          the image
  -h, --help                this help

Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  initramfs uki --kernel bzImage --initramfs initramfs.img -o /boot/efi/EFI/BOOT/BOOTX64.EFI
  initramfs uki --kernel bzImage --initramfs initramfs.img --sign-key db.key --sign-cert db.pem -o firstlight.efi
";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    recipe: UkiRecipe,
    os_release: Option<PathBuf>,
    signer: Option<Signer>,
    output: PathBuf,
}

pub(super) fn run(parser: Parser) -> Printed {
    match parse(parser)? {
        None => Ok(HELP.to_owned()),
        Some(request) => Ok(execute(request)?),
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> Result<Option<Request>, lexopt::Error> {
    let mut request = Request::default();
    let (mut key, mut certificate) = (None, None);
    let recipe = &mut request.recipe;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("kernel") => recipe.kernel = parser.value()?.into(),
            Arg::Long("initramfs") => recipe.initramfs = parser.value()?.into(),
            Arg::Long("cmdline") => recipe.cmdline = parser.value()?.string()?,
            Arg::Long("stub") => recipe.stub = parser.value()?.into(),
            Arg::Long("os-release") => request.os_release = Some(parser.value()?.into()),
            Arg::Long("uname") => recipe.uname = Some(parser.value()?.string()?),
            Arg::Long("section") => recipe.sections.push(section(&parser.value()?.string()?)?),
            Arg::Long("sign-key") => key = Some(parser.value()?.into()),
            Arg::Long("sign-cert") => certificate = Some(parser.value()?.into()),
            Arg::Short('o') | Arg::Long("output") => request.output = parser.value()?.into(),
            other => return Err(other.unexpected()),
        }
    }
    for (option, path) in [
        ("--kernel", &request.recipe.kernel),
        ("--initramfs", &request.recipe.initramfs),
        ("-o", &request.output),
    ] {
        if path.as_os_str().is_empty() {
            return Err(format!("{option} is missing").into());
        }
    }
    request.signer = Signer::of(key, certificate)?;
    Ok(Some(request))
}

fn section(text: &str) -> Result<(String, PathBuf), String> {
    let parts = text.split_once(':').filter(|(name, path)| !name.is_empty() && !path.is_empty());
    let (name, path) = parts.ok_or_else(|| format!("--section {text}: want NAME:FILE"))?;
    Ok((name.to_owned(), path.into()))
}

fn execute(request: Request) -> Result<String, BuildError> {
    let Request { recipe, os_release, signer, output } = request;
    let mut recipe = with_stub(recipe)?;
    if let Some(path) = os_release {
        let text = fs::read_to_string(&path).map_err(|error| BuildError::Read { path, error })?;
        recipe.os_release = Some(text);
    }
    let mut image = build_uki(&recipe)?;
    if let Some(signer) = signer {
        image = signer.sign(&image)?;
    }
    fs::write(&output, &image).map_err(|error| BuildError::Write { path: output.clone(), error })?;
    Ok(format!("{}: {} bytes\n", output.display(), image.len()))
}

/// The recipe with a stub, where it names none: firstlight's own, or this machine's of systemd, which reads further sections.
pub(super) fn with_stub(mut recipe: UkiRecipe) -> Result<UkiRecipe, BuildError> {
    if !recipe.stub.as_os_str().is_empty() {
        return Ok(recipe);
    }
    if recipe.sections.iter().all(|(name, _)| name == ".sbat") {
        recipe.stub = build_stub(architecture(&recipe.kernel)?)?;
        return Ok(recipe);
    }
    recipe.stub = default_stub(&recipe.kernel)?;
    if !recipe.stub.exists() {
        let reason = "missing: install systemd-boot-efi, or name another stub with --stub";
        return Err(BuildError::unfit(&recipe.stub, reason));
    }
    Ok(recipe)
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
            "--kernel=k",
            "--initramfs=i",
            "--cmdline",
            "quiet a=b",
            "--stub=s",
            "--os-release=r",
            "--uname=6.12",
            "--section=.sbat:sbat.csv",
            "--sign-key=key",
            "--sign-cert=cert",
            "-oOUT",
        ];
        let expected = Request {
            recipe: UkiRecipe {
                stub: "s".into(),
                kernel: "k".into(),
                initramfs: "i".into(),
                cmdline: "quiet a=b".into(),
                os_release: None,
                uname: Some("6.12".into()),
                sections: vec![(".sbat".into(), "sbat.csv".into())],
            },
            os_release: Some("r".into()),
            signer: Some(Signer { key: "key".into(), certificate: "cert".into(), sbsign: "sbsign".into() }),
            output: "OUT".into(),
        };
        assert_eq!(parsed(&words), Ok(Some(expected)));
    }

    #[test]
    fn wrong_usage_is_reported() {
        for (words, expected) in [
            (&[][..], "--kernel is missing"),
            (&["--kernel=k", "-oOUT"], "--initramfs is missing"),
            (&["--kernel=k", "--initramfs=i"], "-o is missing"),
            (
                &["--kernel=k", "--initramfs=i", "-oO", "--sign-key=k"],
                "--sign-key and --sign-cert go together",
            ),
            (&["--section", ".sbat"], "--section .sbat: want NAME:FILE"),
        ] {
            assert_eq!(parsed(words), Err(expected.to_owned()), "{words:?}");
        }
    }
}
