//! `initramfs disk`: a disk image for a USB stick, which UEFI machines and those with a BIOS boot.

use std::path::{Path, PathBuf};

use firstlight::formats::text::printable_json;
use lexopt::{Arg, Parser, ValueExt};

use super::Printed;
use super::flash::size;
use super::uki::with_stub;
use crate::disk::{DiskRecipe, GRUB_DIRECTORY, Grub, architecture, build_disk};
use crate::kernel::Architecture;
use crate::sign::Signer;
use crate::{BuildError, sparse};

const HELP: &str = "\
Usage: initramfs disk --kernel FILE --initramfs FILE [OPTION]… -o OUT
       initramfs disk --kernel FILE --initramfs FILE [OPTION]… --list

Makes the image of a small disk that boots firstlight, for a USB stick: by UEFI, and on PCs with a BIOS by GRUB's first stage.
The same input gives the same bytes, but for what --sign-key signs.

Options:
      --kernel FILE           a kernel with an EFI stub: a bzImage for x86_64, a vmlinuz.efi for aarch64
      --initramfs FILE        the initramfs, as `initramfs build` makes it
      --cmdline TEXT          the kernel's command line
      --arch NAME             x86_64 or aarch64, which the kernel has to be for (default: what it is for)
      --no-bios               for UEFI alone, as it always is on aarch64; needs no GRUB
      --grub-directory DIR    GRUB's files for a BIOS (default: /usr/lib/grub/i386-pc, of the package grub-pc-bin)
      --grub-mkimage FILE     its program (default: grub-mkimage, of the package grub-common)
      --stub FILE             what starts the kernel under UEFI, as of `initramfs uki`
      --sign-key FILE         sign what UEFI starts with this private key (PEM), by sbsign
      --sign-cert FILE        and its certificate (PEM)
      --size BYTES            how large it is (default: as small as can be, 34 MiB or more)
      --list                  print what is on it and what it weighs, in bytes
      --json                  with --list: as one JSON object
  -o, --output OUT            the image
  -h, --help                  this help

Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  initramfs disk --kernel bzImage --initramfs initramfs.img -o stick.img
  initramfs disk --arch aarch64 --kernel vmlinuz.efi --initramfs initramfs.img -o stick.img
  dd if=stick.img of=/dev/sdX bs=1M conv=fsync       everything on the stick /dev/sdX is lost
";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    recipe: DiskRecipe,
    architecture: Option<Architecture>,
    no_bios: bool,
    grub_directory: Option<PathBuf>,
    grub_mkimage: Option<PathBuf>,
    list: bool,
    json: bool,
    output: Option<PathBuf>,
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
    let uki = &mut request.recipe.uki;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("kernel") => uki.kernel = parser.value()?.into(),
            Arg::Long("initramfs") => uki.initramfs = parser.value()?.into(),
            Arg::Long("cmdline") => uki.cmdline = parser.value()?.string()?,
            Arg::Long("arch") => request.architecture = Some(parser.value()?.parse::<Architecture>()?),
            Arg::Long("no-bios") => request.no_bios = true,
            Arg::Long("grub-directory") => request.grub_directory = Some(parser.value()?.into()),
            Arg::Long("grub-mkimage") => request.grub_mkimage = Some(parser.value()?.into()),
            Arg::Long("stub") => uki.stub = parser.value()?.into(),
            Arg::Long("sign-key") => key = Some(parser.value()?.into()),
            Arg::Long("sign-cert") => certificate = Some(parser.value()?.into()),
            Arg::Long("size") => request.recipe.size = Some(size(&parser.value()?.string()?)? as u64),
            Arg::Long("list") => request.list = true,
            Arg::Long("json") => request.json = true,
            Arg::Short('o') | Arg::Long("output") => request.output = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    for (option, path) in [("--kernel", &uki.kernel), ("--initramfs", &uki.initramfs)] {
        if path.as_os_str().is_empty() {
            return Err(format!("{option} is missing").into());
        }
    }
    if request.output.is_none() && !request.list {
        return Err("nothing to do: give -o OUT, --list or both".into());
    }
    if request.json && !request.list {
        return Err("--json goes with --list".into());
    }
    if request.no_bios && (request.grub_directory.is_some() || request.grub_mkimage.is_some()) {
        return Err("--no-bios leaves GRUB out".into());
    }
    request.recipe.signer = Signer::of(key, certificate)?;
    Ok(Some(request))
}

fn execute(request: Request) -> Result<String, BuildError> {
    let Request {
        mut recipe,
        architecture: wanted,
        no_bios,
        grub_directory,
        grub_mkimage,
        list,
        json,
        output,
    } = request;
    let architecture = architecture(&recipe.uki.kernel)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != architecture) {
        return Err(BuildError::unfit(
            &recipe.uki.kernel,
            format!("a kernel for {architecture}, not for {wanted}"),
        ));
    }
    recipe.uki = with_stub(recipe.uki)?;
    let has_bios = architecture == Architecture::X86_64 && !no_bios;
    let directory = || grub_directory.unwrap_or_else(|| Path::new(GRUB_DIRECTORY).to_owned());
    recipe.grub = has_bios.then(|| Grub { directory: directory(), mkimage: grub_mkimage });
    let image = build_disk(&recipe)?;
    let mut text = match (list, json) {
        (false, _) => String::new(),
        (true, false) => image.listing.to_string(),
        (true, true) => printable_json(&serde_json::to_string(&image.listing).unwrap_or_default()) + "\n",
    };
    if let Some(output) = output {
        sparse::write(&output, &image.bytes)?;
        if !list {
            text = format!("{}: {} bytes\n", output.display(), image.bytes.len());
        }
    }
    Ok(text)
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
            "--cmdline=quiet a=b",
            "--arch=x86_64",
            "--grub-directory=d",
            "--grub-mkimage=m",
            "--stub=s",
            "--sign-key=key",
            "--sign-cert=cert",
            "--size=0x8000000",
            "--list",
            "--json",
            "-oOUT",
        ];
        let uki = crate::UkiRecipe {
            stub: "s".into(),
            kernel: "k".into(),
            initramfs: "i".into(),
            cmdline: "quiet a=b".into(),
            ..crate::UkiRecipe::default()
        };
        let signer = Signer { key: "key".into(), certificate: "cert".into(), sbsign: "sbsign".into() };
        let expected = Request {
            recipe: DiskRecipe { uki, signer: Some(signer), grub: None, size: Some(128 << 20) },
            architecture: Some(Architecture::X86_64),
            no_bios: false,
            grub_directory: Some("d".into()),
            grub_mkimage: Some("m".into()),
            list: true,
            json: true,
            output: Some("OUT".into()),
        };
        assert_eq!(parsed(&words), Ok(Some(expected)));
        assert_eq!(parsed(&["--help"]), Ok(None));
    }

    #[test]
    fn wrong_usage_is_reported() {
        for (words, expected) in [
            (&[][..], "--kernel is missing"),
            (&["--kernel=k", "-oOUT"], "--initramfs is missing"),
            (&["--kernel=k", "--initramfs=i"], "nothing to do: give -o OUT, --list or both"),
            (&["--kernel=k", "--initramfs=i", "-oO", "--json"], "--json goes with --list"),
            (
                &["--kernel=k", "--initramfs=i", "-oO", "--no-bios", "--grub-mkimage=m"],
                "--no-bios leaves GRUB out",
            ),
            (
                &["--kernel=k", "--initramfs=i", "-oO", "--sign-cert=c"],
                "--sign-key and --sign-cert go together",
            ),
            (&["--size=x"], "--size x: no number of bytes"),
        ] {
            assert_eq!(parsed(words), Err(expected.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn what_is_refused_leaves_the_output_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let [kernel, initramfs, output] =
            ["kernel", "initramfs", "output"].map(|name| directory.path().join(name));
        for path in [&kernel, &initramfs, &output] {
            std::fs::write(path, "not really").unwrap();
        }
        let words = [("--kernel", &kernel), ("--initramfs", &initramfs), ("--output", &output)]
            .map(|(option, path)| format!("{option}={}", path.display()));
        let done = run(Parser::from_args(words)).map_err(|error| error.message);
        let reason = format!("{}: no kernel that EFI starts (CONFIG_EFI_STUB)", kernel.display());
        assert_eq!(done, Err(reason));
        assert_eq!(std::fs::read_to_string(&output).unwrap(), "not really");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
