//! Commands that only change the screen or the sound: they succeed and do nothing.

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult},
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("echo", nothing),
    ("insmod", insmod),
    ("read", read),
    ("keystatus", keystatus),
    ("acpi", nothing),
    ("all_functional_test", nothing),
    ("background_color", nothing),
    ("background_image", nothing),
    ("badram", nothing),
    ("cbmemc", nothing),
    ("clear", nothing),
    ("cutmem", nothing),
    ("date", nothing),
    ("efi-console", nothing),
    ("gettext", nothing),
    ("gfxmenu", nothing),
    ("help", nothing),
    ("hexdump", nothing),
    ("keymap", nothing),
    ("loadfont", nothing),
    ("ls", nothing),
    ("lsefi", nothing),
    ("lsefimmap", nothing),
    ("lsfonts", nothing),
    ("lsmmap", nothing),
    ("lsmod", nothing),
    ("lspci", nothing),
    ("mouse", nothing),
    ("nativedisk", nothing),
    ("net_ls_addr", nothing),
    ("net_ls_cards", nothing),
    ("net_ls_dns", nothing),
    ("net_ls_routes", nothing),
    ("play", nothing),
    ("rmmod", nothing),
    ("serial", nothing),
    ("setpci", nothing),
    ("sleep", nothing),
    ("spkmodem", nothing),
    ("terminal_input", nothing),
    ("terminal_output", nothing),
    ("terminfo", nothing),
    ("trust", nothing),
    ("usb", nothing),
    ("vbeinfo", nothing),
    ("videoinfo", nothing),
    ("videotest", nothing),
];

fn nothing(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Ok(())
}

fn insmod(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if call.word(0) == Some("regexp") {
        evaluator.wildcards = true;
    }
    Ok(())
}

/// Nobody types an answer here: the variable becomes empty.
fn read(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let name = call.words.iter().find(|word| !word.starts_with('-'));
    if let Some(name) = name {
        evaluator.environment.set(name, "");
    }
    Ok(())
}

/// No key is held down.
fn keystatus(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Err(CommandFailure::no())
}
