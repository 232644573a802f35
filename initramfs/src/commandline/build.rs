//! `initramfs build`: the archive that a kernel starts from.

use super::Printed;
use crate::{Addition, BuildError, Compression, Image, Recipe, binary, build, modules};
use firstlight::formats::text::printable_json;
use lexopt::{Arg, Parser, ValueExt};
use std::{env, ffi::OsString, fs, path::PathBuf};

const HELP: &str = "\
Usage: initramfs build [OPTION]… -o OUT
       initramfs build [OPTION]… --list

Builds the initramfs that firstlight boots from. The same input gives the same bytes.

Options:
  -o, --output OUT         the image
      --list               print what goes in and what it weighs, in bytes
      --json               with --list: as one JSON object
      --modules-from DIR   take kernel modules from below DIR: a root directory, a directory of module trees,
                           or one module tree (default with --kernel-version: /)
      --kernel-version V   the kernel that they are for; not needed where DIR has only one
      --groups A,B,…       only these groups of modules; --help-groups lists them
      --compress METHOD    zstd (default), xz (smallest) or none
      --config FILE        /etc/firstlight.conf of the image
      --add SRC:DST        put a file or directory into the image; repeats, and replaces what is there
      --binary FILE        the static binary to take as /init (default: build it with cargo)
      --target TRIPLE      what to build it for
      --without FEATURE    build it without `multiboot` (Xen) or `other-loaders` (rEFInd, LILO …); repeats
      --with FEATURE       build it with `command-line`: `firstlight list`, `kexec` … for scripts in the image; or with
                           `luks`: the rescue console's `unlock`, for encrypted containers; repeats
      --small              build it with a standard library built for size, without `multiboot` and `other-loaders`:
                           for flash of 4 MiB, takes longer
      --debug-file FILE    write the same binary with symbols and lines to FILE, so that `addr2line -e FILE ADDRESS`
                           gives the line of an address that PID 1 reports
  -h, --help               this help

SOURCE_DATE_EPOCH is the modification time of every file (default 0).
Exit code: 0 done, 1 failed, 2 wrong usage.

Examples:
  initramfs build -o initramfs.img                                       for a kernel with its drivers built in
  initramfs build --kernel-version $(uname -r) -o initramfs.img          for the running kernel
  initramfs build --modules-from disk/ --compress xz --list              what a disk's only kernel would need
";

/// The request of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    output: Option<PathBuf>,
    list: bool,
    json: bool,
    modules_from: Option<PathBuf>,
    kernel_version: Option<String>,
    groups: Option<Vec<String>>,
    compression: Compression,
    config: Option<PathBuf>,
    additions: Vec<Addition>,
    binary: Option<PathBuf>,
    target: Option<String>,
    without: Vec<String>,
    with: Vec<String>,
    small: bool,
    debug_file: Option<PathBuf>,
    modified: u32,
}

pub(super) fn run(parser: Parser) -> Printed {
    let request = match parse(parser, env::var_os("SOURCE_DATE_EPOCH"))? {
        Command::Answer(text) => return Ok(text),
        Command::Build(request) => request,
    };
    Ok(execute(&request)?)
}

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Build(Box<Request>),
    Answer(String),
}

fn parse(mut parser: Parser, epoch: Option<OsString>) -> Result<Command, lexopt::Error> {
    let mut request = Request::default();
    if let Some(epoch) = epoch {
        let seconds = epoch.to_str().and_then(|text| text.parse().ok());
        request.modified = seconds.ok_or("SOURCE_DATE_EPOCH is no number of seconds since 1970")?;
    }
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Answer(HELP.to_owned())),
            Arg::Long("help-groups") => return Ok(Command::Answer(groups())),
            Arg::Short('o') | Arg::Long("output") => request.output = Some(parser.value()?.into()),
            Arg::Long("list") => request.list = true,
            Arg::Long("json") => request.json = true,
            Arg::Long("modules-from") => request.modules_from = Some(parser.value()?.into()),
            Arg::Long("kernel-version") => request.kernel_version = Some(parser.value()?.string()?),
            Arg::Long("groups") => {
                let names = parser.value()?.string()?;
                request.groups = Some(names.split(',').map(str::to_owned).collect());
            }
            Arg::Long("compress") => request.compression = parser.value()?.string()?.parse()?,
            Arg::Long("config") => request.config = Some(parser.value()?.into()),
            Arg::Long("add") => request.additions.push(addition(&parser.value()?.string()?)?),
            Arg::Long("binary") => request.binary = Some(parser.value()?.into()),
            Arg::Long("target") => request.target = Some(parser.value()?.string()?),
            Arg::Long("without") => {
                request.without.push(feature("without", &binary::FEATURES, parser.value()?.string()?)?);
            }
            Arg::Long("with") => {
                request.with.push(feature("with", &binary::FURTHER, parser.value()?.string()?)?);
            }
            Arg::Long("small") => request.small = true,
            Arg::Long("debug-file") => request.debug_file = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    if request.output.is_none() && !request.list {
        return Err("nothing to do: give -o OUT, --list or both".into());
    }
    if request.json && !request.list {
        return Err("--json goes with --list".into());
    }
    if request.binary.is_some() {
        for (option, given) in [
            ("--target", request.target.is_some()),
            ("--without", !request.without.is_empty()),
            ("--with", !request.with.is_empty()),
            ("--small", request.small),
            ("--debug-file", request.debug_file.is_some()),
        ] {
            if given {
                return Err(format!("{option} is for a binary that is built, and --binary names one").into());
            }
        }
    }
    Ok(Command::Build(Box::new(request)))
}

fn feature(option: &str, all: &[&str], name: String) -> Result<String, String> {
    if all.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!("--{option} {name}: an image can be built {option} {}", all.join(", ")))
}

fn addition(text: &str) -> Result<Addition, String> {
    let parts = text
        .rsplit_once(':')
        .filter(|(source, destination)| !source.is_empty() && destination.starts_with('/'));
    let (source, destination) =
        parts.ok_or_else(|| format!("--add {text}: want SRC:DST, and DST begins with a slash"))?;
    Ok(Addition { source: source.into(), destination: destination.to_owned() })
}

fn groups() -> String {
    modules::GROUPS.iter().map(|group| format!("{:<18}{}\n", group.name, group.modules.join(" "))).collect()
}

fn execute(request: &Request) -> Result<String, BuildError> {
    let binary = match &request.binary {
        Some(binary) => binary.clone(),
        None => {
            let mut options = binary::Options { small: request.small, ..binary::Options::default() };
            options.features.retain(|feature| !request.without.contains(feature));
            options.features.extend(request.with.iter().cloned());
            if let Some(target) = &request.target {
                options.target.clone_from(target);
            }
            let built = binary::build(&options)?;
            if let Some(path) = &request.debug_file {
                fs::copy(&built.debug, path)
                    .map_err(|error| BuildError::Write { path: path.clone(), error })?;
            }
            built.program
        }
    };
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| BuildError::Read { path: path.clone(), error })
    };
    let recipe = Recipe {
        binary,
        config: request.config.as_ref().map(read).transpose()?,
        modules: sources(request)?,
        additions: request.additions.clone(),
        compression: request.compression,
        modified: request.modified,
    };
    let Image { bytes, listing } = build(&recipe)?;
    if let Some(path) = &request.output {
        fs::write(path, bytes).map_err(|error| BuildError::Write { path: path.clone(), error })?;
    }
    Ok(match (request.list, request.json) {
        (false, _) => String::new(),
        (true, false) => listing.to_string(),
        (true, true) => printable_json(&serde_json::to_string(&listing).unwrap_or_default()) + "\n",
    })
}

/// The module tree that the options mean; none of them means no modules.
fn sources(request: &Request) -> Result<Option<modules::Source>, BuildError> {
    let version = request.kernel_version.as_deref();
    let from = match (&request.modules_from, version, &request.groups) {
        (None, None, None) => return Ok(None),
        (from, ..) => from.clone().unwrap_or_else(|| PathBuf::from("/")),
    };
    let source = modules::Source::find(&from, version)?;
    Ok(Some(modules::Source { groups: request.groups.clone(), ..source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        parse(Parser::from_args(words), None).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_reaches_the_request() {
        let words = [
            "--modules-from",
            "/disk",
            "--kernel-version=6.1",
            "--groups",
            "nvme,ata",
            "--compress",
            "xz",
            "--config",
            "c",
            "--add",
            "a:b:/etc/a",
            "--add=d:/d",
            "--binary",
            "init",
            "--list",
            "--json",
            "-oOUT",
        ];
        let expected = Request {
            output: Some("OUT".into()),
            list: true,
            json: true,
            modules_from: Some("/disk".into()),
            kernel_version: Some("6.1".to_owned()),
            groups: Some(vec!["nvme".to_owned(), "ata".to_owned()]),
            compression: Compression::Xz,
            config: Some("c".into()),
            additions: vec![
                Addition { source: "a:b".into(), destination: "/etc/a".to_owned() },
                Addition { source: "d".into(), destination: "/d".to_owned() },
            ],
            binary: Some("init".into()),
            ..Request::default()
        };
        assert_eq!(parsed(&words), Ok(Command::Build(Box::new(expected))));
    }

    #[test]
    fn how_the_binary_is_built_reaches_the_request() {
        let words = ["-oOUT", "--without=multiboot", "--small", "--target=t", "--debug-file", "D"];
        let expected = Request {
            output: Some("OUT".into()),
            target: Some("t".to_owned()),
            without: vec!["multiboot".to_owned()],
            small: true,
            debug_file: Some("D".into()),
            ..Request::default()
        };
        assert_eq!(parsed(&words), Ok(Command::Build(Box::new(expected))));
    }

    #[test]
    fn wrong_usage_is_reported() {
        for (words, expected) in [
            (&[][..], "nothing to do: give -o OUT, --list or both"),
            (&["build"], "unexpected argument \"build\""),
            (&["-o", "x", "--json"], "--json goes with --list"),
            (&["-o"], "missing argument for option '-o'"),
            (&["--frobnicate"], "invalid option '--frobnicate'"),
            (&["--compress", "lzo", "--list"], "`lzo` is none of zstd, xz, none"),
            (&["--add", "x", "--list"], "--add x: want SRC:DST, and DST begins with a slash"),
            (&["--add", "x:y", "--list"], "--add x:y: want SRC:DST, and DST begins with a slash"),
            (
                &["--binary", "a", "--target", "b", "--list"],
                "--target is for a binary that is built, and --binary names one",
            ),
            (
                &["--small", "--binary=a", "--list"],
                "--small is for a binary that is built, and --binary names one",
            ),
            (
                &["--without=running-system", "--list"],
                "--without running-system: an image can be built without multiboot, other-loaders",
            ),
            (
                &["--with=multiboot", "--list"],
                "--with multiboot: an image can be built with command-line, luks",
            ),
        ] {
            assert_eq!(parsed(words), Err(expected.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn the_time_of_all_files_comes_from_source_date_epoch() {
        let epoch = |text: &str| parse(Parser::from_args(["--list"]), Some(text.into()));
        let Ok(Command::Build(request)) = epoch("1700000000") else { panic!("not a build") };
        assert_eq!(request.modified, 1_700_000_000);
        let error = epoch("yesterday").unwrap_err().to_string();
        assert_eq!(error, "SOURCE_DATE_EPOCH is no number of seconds since 1970");
    }
}
