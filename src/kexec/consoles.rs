//! Consoles that fall silent at the jump: the running kernel uses them, and the next one's command line does not name them (Linux,
//! Documentation/admin-guide/serial-console.rst).

use std::fs;

use crate::formats::cmdline::words;

/// Where the running kernel says which consoles it uses.
const ACTIVE: &str = "/sys/class/tty/console/active";

/// The consoles of the running kernel, one word for each; empty where it does not say.
#[must_use]
pub fn active() -> String {
    fs::read_to_string(ACTIVE).unwrap_or_default()
}

/// A warning for each console in `active` that the next kernel, given this command line, does not use.
#[must_use]
pub fn silent(active: &str, cmdline: &str) -> Vec<String> {
    // The words after `--` are init's.
    let own = words(cmdline).take_while(|word| word.text != "--");
    let given: Vec<&str> = own.filter(|word| word.is("console")).filter_map(|word| word.value).collect();
    // The caller asked for no console.
    let none = given.iter().any(|value| value.is_empty() || *value == "null");
    // Without the word, a machine with a device tree or SPCR takes the console that the firmware names.
    if none || (given.is_empty() && cfg!(not(target_arch = "x86_64"))) {
        return Vec::new();
    }
    let heard = |console: &str| match given.as_slice() {
        [] => is_screen(console),
        given => given.iter().any(|value| is_console(value, console)),
    };
    active
        .split_whitespace()
        .filter(|console| !heard(console))
        .map(|console| {
            format!(
                "the console {console} falls silent at the jump: the next kernel's command line has no console={console}"
            )
        })
        .collect()
}

/// The screen and keyboard, whichever of their terminals it is.
fn is_screen(console: &str) -> bool {
    console.strip_prefix("tty").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the value of `console=` is this console: its name, with options after a comma, or the address of a serial port.
fn is_console(value: &str, console: &str) -> bool {
    let name = value.split(',').next().unwrap_or_default();
    name == console
        || (is_screen(name) && is_screen(console))
        || (name.starts_with("uart") && console.starts_with("ttyS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_that_the_command_line_leaves_out_is_named() {
        for (active, cmdline, expected) in [
            ("tty0", "root=/dev/sda1 ro quiet", &[][..]),
            ("tty0", "console=tty1 ro", &[]),
            ("ttyS0", "ro console=ttyS0,115200n8", &[]),
            ("ttyS0", "console=uart8250,io,0x3f8,115200", &[]),
            ("tty0 ttyS0", "console=tty0 console=ttyS0", &[]),
            ("tty0 ttyS0", "ro console=ttyS0", &["tty0"]),
            ("tty0 ttyS0", "console=tty0 -- console=ttyS0", &["ttyS0"]),
            ("tty0 hvc0", "x=\"console=hvc0\" console=ttyS0", &["tty0", "hvc0"]),
            ("ttyS1", "console=ttyS0", &["ttyS1"]),
            ("ttyS0", "console=null", &[]),
            ("", "console=ttyS0", &[]),
        ] {
            let named: Vec<String> = expected
                .iter()
                .map(|console| {
                    format!(
                        "the console {console} falls silent at the jump: the next kernel's command line has no \
                         console={console}"
                    )
                })
                .collect();
            assert_eq!(silent(active, cmdline), named, "{active}: {cmdline}");
        }
        let without = silent("ttyS0", "ro quiet");
        assert_eq!(without.len(), usize::from(cfg!(target_arch = "x86_64")), "{without:?}");
    }
}
