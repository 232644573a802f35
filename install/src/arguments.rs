//! The command line; its options are the table of `firstlight install --help` (`firstlight::cli::reference`).

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Install, or install anew with other options.
    #[default]
    Install,
    /// Make what has booted the default.
    Confirm,
    /// Build the image again where what it is made of has changed.
    Update,
    /// Take everything away.
    Remove,
}

/// How the image is made: it is kept for updates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// A firmware kernel; else the distribution's.
    pub kernel: Option<PathBuf>,
    /// Settings that go into the image.
    pub config: Option<PathBuf>,
    /// More words for the kernel's command line.
    pub cmdline: Option<String>,
    /// A private key to sign with, in PEM.
    pub sign_key: Option<PathBuf>,
    /// Its certificate, in PEM or DER.
    pub sign_cert: Option<PathBuf>,
    /// Sign a kernel that starts unsigned kernels.
    pub boots_unsigned: bool,
    /// The mount point of the ESP.
    pub esp: Option<String>,
    /// An entry of the existing loader instead of one of the firmware's.
    pub recovery: bool,
    /// firstlight's program for images.
    pub init: Option<PathBuf>,
    /// systemd's stub.
    pub stub: Option<PathBuf>,
}

/// The request of the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub action: Action,
    /// How.
    pub options: Options,
    /// Change nothing.
    pub dry_run: bool,
    /// Print JSON.
    pub json: bool,
    /// The system's root directory: `/` where it is none else.
    pub root: Option<PathBuf>,
    /// The directory of the firmware's variables, where it is not the one below the root.
    pub efivars: Option<PathBuf>,
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it.
pub fn parse(mut parser: Parser) -> Result<Request, lexopt::Error> {
    let mut request = Request::default();
    let mut actions = 0_u8;
    while let Some(argument) = parser.next()? {
        let options = &mut request.options;
        match argument {
            Arg::Long("confirm") => (request.action, actions) = (Action::Confirm, actions.saturating_add(1)),
            Arg::Long("update") => (request.action, actions) = (Action::Update, actions.saturating_add(1)),
            Arg::Long("remove") => (request.action, actions) = (Action::Remove, actions.saturating_add(1)),
            Arg::Long("kernel") => options.kernel = Some(parser.value()?.into()),
            Arg::Long("config") => options.config = Some(parser.value()?.into()),
            Arg::Long("cmdline") => options.cmdline = Some(parser.value()?.string()?),
            Arg::Long("sign-key") => options.sign_key = Some(parser.value()?.into()),
            Arg::Long("sign-cert") => options.sign_cert = Some(parser.value()?.into()),
            Arg::Long("boots-unsigned") => options.boots_unsigned = true,
            Arg::Long("esp") => {
                options.esp = Some(parser.value()?.string()?.trim_end_matches('/').to_owned());
            }
            Arg::Long("recovery") => options.recovery = true,
            Arg::Long("init") => options.init = Some(parser.value()?.into()),
            Arg::Long("stub") => options.stub = Some(parser.value()?.into()),
            Arg::Long("dry-run") => request.dry_run = true,
            Arg::Long("json") => request.json = true,
            Arg::Long("root") => request.root = Some(parser.value()?.into()),
            Arg::Long("efivars") => request.efivars = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    if actions > 1 {
        return Err("--confirm, --update and --remove exclude each other".into());
    }
    if request.options.sign_key.is_some() != request.options.sign_cert.is_some() {
        return Err("--sign-key and --sign-cert go together".into());
    }
    Ok(request)
}
