//! `--reuse-cmdline` and `--append`: the command line that the options make, as kexec-tools makes it.

use super::Options;
use crate::{formats::cmdline::words, kexec::state::Slot};

/// The command line for the next kernel. `running` is /proc/cmdline, of which only the first line counts.
///
/// Of the running kernel's words only `BOOT_IMAGE=…` goes, and for a crash kernel `crashkernel=…`: everything else is the
/// caller's business. Without either option it is empty.
#[must_use]
pub fn cmdline(options: &Options, running: &str) -> String {
    let append = options.append.as_deref();
    if !options.reuse_cmdline {
        return append.unwrap_or_default().to_owned();
    }
    let line = running.split(['\n', '\r']).next().unwrap_or_default();
    let reused = without(line, "BOOT_IMAGE");
    let reused = match options.slot {
        Slot::Crash => without(&reused, "crashkernel"),
        Slot::Boot => reused,
    };
    match append {
        Some(append) if !reused.is_empty() => format!("{reused} {append}"),
        Some(append) => append.to_owned(),
        None => reused,
    }
}

/// The line without the words of this name that have a value. A quoted space ends no word, and the other spaces stay as they
/// are.
fn without(line: &str, name: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            is_space(c) && !quoted
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (spaces, next) = after.split_at(after.find(|c| !is_space(c)).unwrap_or(after.len()));
        let is_named = |word: crate::formats::cmdline::Word<'_>| word.name == name && word.value.is_some();
        if !words(word).next().is_some_and(is_named) {
            kept.push_str(word);
            kept.push_str(spaces);
        }
        rest = next;
    }
    kept
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_from_where_the_options_say() {
        let running = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro crashkernel=64M initrd=\\x quiet\n";
        let options = |reuse_cmdline, append: Option<&str>, slot| Options {
            reuse_cmdline,
            append: append.map(Into::into),
            slot,
            ..Options::default()
        };
        for (options, expected) in [
            (options(false, None, Slot::Boot), ""),
            (options(false, Some("a b"), Slot::Boot), "a b"),
            (options(true, None, Slot::Boot), "root=/dev/sda1 ro crashkernel=64M initrd=\\x quiet"),
            (options(true, Some("1"), Slot::Boot), "root=/dev/sda1 ro crashkernel=64M initrd=\\x quiet 1"),
            (options(true, Some("1"), Slot::Crash), "root=/dev/sda1 ro initrd=\\x quiet 1"),
        ] {
            assert_eq!(cmdline(&options, running), expected, "{options:?}");
        }
    }

    #[test]
    fn only_words_of_that_name_go() {
        for (line, expected) in [
            ("xBOOT_IMAGE=1 BOOT_IMAGE=2  a\tBOOT_IMAGES b", "xBOOT_IMAGE=1 a\tBOOT_IMAGES b"),
            ("BOOT_IMAGE=x", ""),
            ("BOOT_IMAGE_OF=x BOOT_IMAGE boot_image=y", "BOOT_IMAGE_OF=x BOOT_IMAGE boot_image=y"),
            ("x=\"a BOOT_IMAGE=b c\" BOOT_IMAGE=\"d e\" f", "x=\"a BOOT_IMAGE=b c\" f"),
            ("\"BOOT_IMAGE=d e\" f", "f"),
            ("BOOT_IMAGE=(hd0,gpt2)/vmlinuz ro -- BOOT_IMAGE=y", "ro -- "),
        ] {
            assert_eq!(without(line, "BOOT_IMAGE"), expected, "{line}");
        }
    }
}
