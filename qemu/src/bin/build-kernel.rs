//! Builds the kernel below firstlight: `scripts/build-kernel.sh`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use initramfs::Compression;
use initramfs::kernel::{Architecture, KernelConfig, KernelProfile};
use lexopt::{Arg, Parser, ValueExt};
use qemu::kernel::{self, KernelSource, SizeReport, WantedKernel};
use qemu::{Error, Result};

const HELP: &str = "\
Usage: scripts/build-kernel.sh [OPTION]…

Builds the kernel below firstlight, with its drivers built in, and prints where it is and what weighs how much in it. It is
built once, some seven minutes on two processors, and kept in ~/.cache/firstlight/kernels for all checkouts.

Options:
      --arch NAME       x86_64 or aarch64 (default: this machine's)
      --profile NAME    full (default, for a flash of 8 MiB), slim (4 MiB: without network, btrfs, RAID 4-6 and LVM's rarer volumes) or debug
      --compress NAME   zstd (default) or, for x86_64, xz, which is half a MiB smaller and unpacked an eighth as fast
      --source DIR      a kernel tree of yours, which is only read (default: Debian's linux-source-6.12)
      --enforce         it loads only kernels that are signed by a key of the firmware (db), of the machine's owner (MOK)
                        or of --trust
      --trust FILE      certificates in PEM to build in; with --enforce
  -o, --output FILE     copy the kernel to FILE; for aarch64, vmlinuz.efi to FILE and Image, for other firmware, to FILE.Image
      --json            print the report as one JSON object
  -h, --help            this help

The configuration is what initramfs/kernel/*.config say on top of `make allnoconfig`; a line that the kernel does not take is
an error.

Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  scripts/build-kernel.sh -o vmlinuz                              for a PC's flash, with Debian's source
  scripts/build-kernel.sh --profile slim --compress xz            the smallest
  scripts/build-kernel.sh --arch aarch64 --source ~/linux         of a tree of yours, for ARM
";

#[derive(Debug, Default)]
struct Request {
    config: KernelConfig,
    source: Option<PathBuf>,
    trust: Option<PathBuf>,
    output: Option<PathBuf>,
    json: bool,
}

fn main() -> ExitCode {
    let request = match parse(Parser::from_env()) {
        Ok(Some(request)) => request,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("build-kernel: {error}; --help tells the options");
            return ExitCode::from(2);
        }
    };
    match run(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("build-kernel: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> std::result::Result<Option<Request>, lexopt::Error> {
    let mut request = Request::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("arch") => request.config.architecture = parser.value()?.parse::<Architecture>()?,
            Arg::Long("profile") => request.config.profile = parser.value()?.parse::<KernelProfile>()?,
            Arg::Long("compress") => match parser.value()?.parse()? {
                Compression::None => return Err("a kernel is compressed: zstd or xz".into()),
                compression => request.config.compression = compression,
            },
            Arg::Long("source") => request.source = Some(parser.value()?.into()),
            Arg::Long("enforce") => request.config.enforce = true,
            Arg::Long("trust") => request.trust = Some(parser.value()?.into()),
            Arg::Short('o') | Arg::Long("output") => request.output = Some(parser.value()?.into()),
            Arg::Long("json") => request.json = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    let KernelConfig { architecture, compression, .. } = request.config;
    if (architecture, compression) == (Architecture::Aarch64, Compression::Xz) {
        return Err("the image for aarch64 decompresses itself from zstd only (EFI_ZBOOT)".into());
    }
    if request.trust.is_some() && !request.config.enforce {
        return Err("--trust goes with --enforce: without it, unsigned kernels are loaded too".into());
    }
    Ok(Some(request))
}

fn run(request: Request) -> Result<()> {
    let Request { config, source, trust, output, json } = request;
    let source = source.map_or(Ok(KernelSource::Debian), |path| KernelSource::tree(&path))?;
    let trusted = trust.as_deref().map(read).transpose()?;
    let built = kernel::build(&source, &[WantedKernel { config, trusted }])?;
    for kernel in built {
        if let Some(output) = &output {
            let copy = |from: PathBuf, to: &Path| fs::copy(from, to).map_err(|error| io(to, &error));
            copy(kernel.image(), output)?;
            if kernel.plain_image() != kernel.image() {
                copy(kernel.plain_image(), &with_ending(output, ".Image"))?;
            }
        }
        let sizes = kernel.sizes()?;
        let image = output.clone().unwrap_or_else(|| kernel.image());
        print!("{}", if json { as_json(&image, &kernel.config(), &sizes)? } else { as_text(&image, &sizes) });
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| io(path, &error))
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::Other(format!("{}: {error}", path.display()))
}

fn as_json(image: &Path, config: &Path, sizes: &SizeReport) -> Result<String> {
    let report = serde_json::json!({ "kernel": image, "config": config, "sizes": sizes });
    serde_json::to_string(&report)
        .map(|text| text + "\n")
        .map_err(|error| Error::Other(format!("the report: {error}")))
}

fn as_text(image: &Path, sizes: &SizeReport) -> String {
    let all: u64 = sizes.groups.iter().map(|group| group.bytes).sum();
    let mut text = format!("{}: {} bytes\n{:>10}  before compression\n", image.display(), sizes.image, all);
    for group in &sizes.groups {
        let share = group.bytes.saturating_mul(1000) / all.max(1);
        text += &format!("{:>10}  {:>3}.{} %  {}\n", group.bytes, share / 10, share % 10, group.name);
    }
    text
}
