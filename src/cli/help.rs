//! The text of `--help`, generated from the tables of commands and options, so that it always agrees with them.

use super::{COMMANDS, Command, Opt, arguments::COMMON};

/// `firstlight --help`.
pub(super) fn overview() -> String {
    let mut text = String::from(
        "firstlight finds every installed system on this machine's disks as its own boot loader would.\n\n\
         Usage: firstlight COMMAND [OPTION]…\n\nCommands:\n",
    );
    for command in COMMANDS {
        text.push_str(&format!("  {:<10} {}\n", command.name, command.summary));
    }
    text.push_str("\nOptions of every command:\n");
    push_options(&mut text, COMMON);
    text.push_str(
        "\n`firstlight COMMAND --help` tells more, with examples.\n\
         Exit code: 0 done, 1 failed, 2 wrong usage.\n",
    );
    text
}

/// `firstlight COMMAND --help`.
pub(super) fn of(command: &'static Command) -> String {
    let mut text =
        format!("Usage: firstlight {} {}\n\n{}.\n", command.name, command.operands, command.summary);
    if !command.details.is_empty() {
        text.push('\n');
        push_wrapped(&mut text, "", command.details);
    }
    text.push_str("\nOptions:\n");
    push_options(&mut text, command.options);
    push_options(&mut text, COMMON);
    text.push_str("\nExamples:\n");
    for (line, what) in command.examples {
        text.push_str(&format!("  {line}\n          {what}\n"));
    }
    text
}

fn push_options(text: &mut String, options: &[Opt]) {
    for option in options {
        let short = option.short.map_or_else(|| "    ".into(), |letter| format!("-{letter}, "));
        let value = if option.value.is_empty() { String::new() } else { format!(" {}", option.value) };
        text.push_str(&format!("  {short}--{}{value}\n", option.long));
        push_wrapped(text, "          ", option.what);
    }
}

/// Words in lines of at most 78 columns.
fn push_wrapped(text: &mut String, indent: &str, words: &str) {
    let mut column = 0_usize;
    for word in words.split_whitespace() {
        let width = word.chars().count().saturating_add(1);
        if column == 0 || column.saturating_add(width) > 78 {
            text.push_str(if column == 0 { "" } else { "\n" });
            text.push_str(indent);
            column = indent.len();
        } else {
            text.push(' ');
        }
        text.push_str(word);
        column = column.saturating_add(width);
    }
    text.push('\n');
}
