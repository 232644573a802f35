//! Unpacked Debian roots for scripts: prints where one is, or runs a command in it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use qemu::coreboot::Coreboot;
use qemu::firmware_kernel::FirmwareKernel;
use qemu::roots::Root;
use qemu::{Error, Result, oracles};

const HELP: &str = "\
Usage: debian-root SUITE PACKAGE[,PACKAGE]… [--share DIR]… [-- COMMAND [ARGUMENT]…]
       debian-root --tests

Unpacks packages of a Debian suite with all that they depend on, once, in ~/.cache/firstlight/roots, and prints the
directory; with a COMMAND, runs it in there instead. Nothing is installed on this machine.

Options:
      --share DIR  the command sees this directory, at its own path, and may write there; the working directory is
                   kept if it is in one of them
      --tests      make the roots of all programs that tests compare with, and the firmware kernel and coreboot that
                   tests start (ten minutes, once), and stop
  -h, --help       this help

Exit code: the command's; 1 the root cannot be made, 2 wrong usage.

Example:
  debian-root trixie gcc,libc6-dev --share \"$PWD\" -- gcc -o hello hello.c
";

enum Request {
    Tests,
    Root(Wanted),
}

struct Wanted {
    suite: String,
    packages: String,
    shared: Vec<PathBuf>,
    command: Vec<std::ffi::OsString>,
}

fn main() -> ExitCode {
    let request = match parse(Parser::from_env()) {
        Ok(Some(request)) => request,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("debian-root: {error}; --help tells the options");
            return ExitCode::from(2);
        }
    };
    let done = match &request {
        Request::Tests => oracles::prepare()
            .and_then(|()| FirmwareKernel::build())
            .and_then(|_| Coreboot::build())
            .map(drop),
        Request::Root(wanted) => run(wanted),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("debian-root: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> std::result::Result<Option<Request>, lexopt::Error> {
    let (mut words, mut shared) = (Vec::new(), Vec::new());
    let mut command = Vec::new();
    loop {
        // After the two names, "--" ends what is ours: what follows may begin with a hyphen.
        if words.len() == 2 && parser.try_raw_args().is_some_and(|args| args.peek() == Some("--".as_ref())) {
            command.extend(parser.raw_args()?.skip(1));
            break;
        }
        match parser.next()? {
            Some(Arg::Long("share")) => shared.push(parser.value()?.into()),
            Some(Arg::Long("tests")) if words.is_empty() => return Ok(Some(Request::Tests)),
            Some(Arg::Long("help") | Arg::Short('h')) => return Ok(None),
            Some(Arg::Value(word)) if words.len() < 2 => words.push(word.string()?),
            Some(other) => return Err(other.unexpected()),
            None => break,
        }
    }
    let [suite, packages] = <[String; 2]>::try_from(words).map_err(|_| "a suite and packages are wanted")?;
    Ok(Some(Request::Root(Wanted { suite, packages, shared, command })))
}

fn run(wanted: &Wanted) -> Result<()> {
    let packages: Vec<&str> = wanted.packages.split(',').collect();
    let root = Root::unpack(&wanted.suite, &packages)?;
    let Some((program, arguments)) = wanted.command.split_first() else {
        println!("{}", root.path().display());
        return Ok(());
    };
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| Error::Other(format!("{}: {error}", path.display())))
    };
    let shared: Vec<PathBuf> = wanted.shared.iter().map(absolute).collect::<Result<_>>()?;
    let shared: Vec<&Path> = shared.iter().map(PathBuf::as_path).collect();
    let source = root.command(&shared, program).args(arguments).exec();
    Err(Error::Start { program: "unshare".into(), source })
}
