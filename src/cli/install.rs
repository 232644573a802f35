//! `firstlight install`: a program of its own, so that nothing of the image builder is in this one.

use std::{env, ffi::OsString, os::unix::process::CommandExt, path::PathBuf, process};

use super::{
    Command, Failure, JSON, Opt,
    arguments::{Argument, Arguments},
};

const fn flag(long: &'static str, what: &'static str) -> Opt {
    Opt { short: None, long, value: "", what }
}

const fn value(long: &'static str, value: &'static str, what: &'static str) -> Opt {
    Opt { short: None, long, value, what }
}

pub(super) const INSTALL: Command = Command {
    name: "install",
    operands: "[--confirm | --update | --remove] [OPTION]…",
    summary: "Put firstlight on the ESP as a boot entry of its own, and take it away again",
    details: "The next boot tries firstlight, once; it becomes the default when that boot has come up, and the loader that was \
              there stays the next one. The image is made of the running distribution's kernel with the modules that this machine's \
              disks, keyboards and consoles need, or of a firmware kernel (--kernel). Where there is a doubt, it refuses and says \
              why; nothing is changed then.",
    options: &[
        flag("confirm", "make firstlight the default, if it has started this system (a unit does this)"),
        flag("update", "build the image again where its kernel has changed, and try it (hooks do this)"),
        flag("remove", "restore boot entries and files"),
        flag("dry-run", "list each change and make none"),
        value("kernel", "FILE", "a firmware kernel, as scripts/build-kernel.sh makes it"),
        value("config", "FILE", "settings of the image (default: /etc/firstlight.conf, where there is one)"),
        value("cmdline", "WORDS", "more words for its kernel's command line"),
        flag(
            "recovery",
            "an entry in the menu of the loader that is installed, for machines with BIOS or without free boot entries",
        ),
        value("esp", "DIR", "the ESP that is mounted there, where there are several"),
        value(
            "sign-key",
            "FILE",
            "sign for Secure Boot with this private key (default: sbctl's, or the machine owner's)",
        ),
        value("sign-cert", "FILE", "and its certificate, in PEM or DER"),
        flag(
            "boots-unsigned",
            "sign a kernel that does not enforce signatures: then any kernel boots although Secure Boot is on",
        ),
        value("stub", "FILE", "systemd's stub (default: the installed one)"),
        value("init", "FILE", "firstlight's program for images (default: the installed one)"),
        value("root", "DIR", "work on the system in this directory"),
        value("efivars", "DIR", "take the firmware's variables from there"),
        JSON,
    ],
    examples: &[
        ("firstlight install --dry-run", "what would be changed?"),
        ("firstlight install", "install, to be tried at the next boot"),
        ("firstlight install --kernel bzImage", "the same with a firmware kernel"),
        ("firstlight install --recovery", "an entry in GRUB's menu"),
        ("firstlight install --remove", "everything as it was"),
    ],
    run: install,
};

/// Where packages have the program, seen from the directory of this one.
const INSTALLED: &str = "../lib/firstlight/install";

/// Where cargo puts it.
const BUILT: &str = "firstlight-install";

fn install(arguments: &mut Arguments) -> Result<String, Failure> {
    let mut words: Vec<OsString> = Vec::new();
    while let Some(argument) = arguments.next()? {
        let known = match &argument {
            Argument::Option(name) => INSTALL.options.iter().find(|option| option.long == name),
            Argument::Operand(_) => None,
        };
        let Some(option) = known else { return Err(arguments.unknown(&argument)) };
        words.push(format!("--{}", option.long).into());
        if !option.value.is_empty() {
            words.push(arguments.value()?);
        }
    }
    let own = env::current_exe().map_err(|error| Failure::Failed(format!("/proc/self/exe: {error}")))?;
    let directory = own.parent().map(PathBuf::from).unwrap_or_default();
    // Only a program that could not be started comes back.
    let start = |name: &str| process::Command::new(directory.join(name)).args(&words).exec();
    start(BUILT);
    let error = start(INSTALLED);
    Err(Failure::Failed(format!(
        "/usr/lib/firstlight/install: {error}; scripts/install.sh and the package install it"
    )))
}
