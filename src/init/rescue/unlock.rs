//! The command that opens an encrypted container with a passphrase.

use std::path::Path;

use super::{
    output::{Failure, Output},
    table::Command,
    terminal::Terminal,
    volumes,
};
use crate::{
    entry::Layer,
    formats::text::printable,
    storage::{luks::Locked, mount::Care, probe::Prober},
};

/// How often a passphrase is asked for.
const TRIES: usize = 3;

pub(super) fn unlock(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let (word, own) = match words {
        [word] => (word, None),
        [word, own] => (word, Some(own)),
        _ => return Err(Command::usage("unlock")),
    };
    if own.is_some_and(|name| name.contains('/') || name.starts_with('.') || name.is_empty()) {
        return Err("the name of an opened container has no slash, and no point at its beginning".into());
    }
    let prober = Prober::at_machine(Care::Alone);
    let name = volumes::find(&prober, word)?;
    let about = |what: &dyn std::fmt::Display| Failure::Said(format!("{}: {what}", printable(&name)));
    let node = Path::new("/dev").join(name.replace('!', "/"));
    let size = prober.sysfs.device(&name).map_or(0, |device| device.size);
    let locked = Locked::read(&node, size).map_err(|error| about(&error))?;
    let id = locked.uuid().replace('-', "");
    let is_it = |other: &String| {
        let layer = prober.sysfs.device(other).and_then(|device| device.layer);
        matches!(layer, Some(Layer::Container { uuid }) if uuid == id)
    };
    if let Some(opened) = prober.sysfs.names().into_iter().find(is_it) {
        return output.line(&format!("{name} is open already, as {opened}"));
    }
    let Some(terminal) = Terminal::standard() else {
        return Err(about(&"a passphrase is typed on a terminal"));
    };
    let own = own.cloned().unwrap_or_else(|| format!("luks-{}", locked.uuid()));
    for _ in 0..TRIES {
        let question = format!("Passphrase of {name} ({}): ", printable(locked.uuid()));
        let Some(typed) = terminal.secret(&question) else { return Err(Failure::Stopped) };
        let begin = |number| terminal.write(&format!("Trying keyslot {number} ...\n"));
        let opened = locked.unlock(typed.text(), &own, begin).map_err(|error| about(&error))?;
        let Some(opened) = opened else {
            output.line("This passphrase opens none of them.")?;
            continue;
        };
        let opened = opened.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let inside = prober
            .identify(&opened)
            .map_or_else(|| "nothing that is known".to_owned(), |it| it.kind.to_string());
        return output
            .line(&format!("{name} is open as /dev/{opened}, {own}: {inside}; `mount {opened}` mounts it"));
    }
    Err(about(&"it stays locked"))
}
