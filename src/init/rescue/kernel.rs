//! The commands about the kernel: its log and its modules.

use std::fs;

use super::{
    kernel_log,
    output::{Failure, Output, about},
    table::Command,
};
use crate::{
    formats::text::{decode_owned, printable},
    init::modules,
};

pub(super) fn dmesg(words: &[String], output: &mut Output) -> Result<(), Failure> {
    show_log("dmesg", words, |_| true, output)
}

pub(super) fn log(words: &[String], output: &mut Output) -> Result<(), Failure> {
    show_log("log", words, |line| line.contains("] firstlight"), output)
}

fn show_log(
    name: &str,
    words: &[String],
    wanted: fn(&str) -> bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let count = match words {
        [] => usize::MAX,
        [option, count] if option == "-n" => count.parse().map_err(|_| Command::usage(name))?,
        _ => return Err(Command::usage(name)),
    };
    let lines = kernel_log::last_lines(count, wanted).map_err(|error| about("/dev/kmsg", &error))?;
    output.lines(&lines)
}

pub(super) fn lsmod(_: &[String], output: &mut Output) -> Result<(), Failure> {
    let table = fs::read("/proc/modules").map_err(|error| about("/proc/modules", &error))?;
    for line in decode_owned(table).lines() {
        // Name, size, number of users, their names (fs/proc in kernel/module/procfs.c).
        let mut fields = line.split(' ');
        let [name, size, _, users] = [(); 4].map(|()| fields.next().unwrap_or_default());
        let users = users.trim_matches(['-', ',']);
        output.line(format!("  {name:<24}{size:>10}  {users}").trim_end())?;
    }
    Ok(())
}

pub(super) fn modprobe(words: &[String], _: &mut Output) -> Result<(), Failure> {
    let Some((name, parameters)) = words.split_first().filter(|(name, _)| !name.starts_with('-')) else {
        return Err(Command::usage("modprobe"));
    };
    if modules::load_by_name(name, &parameters.join(" ")) {
        return Ok(());
    }
    Err(Failure::Said(format!(
        "{}: not loaded; `dmesg -n 20` says why, and `ls -l /lib/modules/*` whether the image has it",
        printable(name)
    )))
}
