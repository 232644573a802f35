//! The command line that the settings make of an entry's own: words taken from it, and words for this entry put after it.

use super::{entry_pattern, settings::Settings};
use crate::{
    entry::Entry,
    formats::{cmdline::words, glob},
    kexec::cmdline::{self, Firmware},
};

/// The entry's command line without the words that `remove` names, and with those that `append-for` has for it. What follows a
/// `--` is init's, and stays as it is.
#[must_use]
pub fn cmdline(entry: &Entry, settings: &Settings) -> String {
    let own = match settings.remove.as_slice() {
        [] => entry.cmdline.clone(),
        patterns => without(&entry.cmdline, patterns),
    };
    let appended = settings.append_for.iter().filter(|(pattern, _)| entry_pattern::names(pattern, entry));
    let appended: Vec<String> = appended.map(|(_, words)| words.clone()).collect();
    cmdline::complete(&own, &appended, Firmware::default())
}

fn without(cmdline: &str, patterns: &[String]) -> String {
    let (own, for_init) = cmdline.find(" -- ").map_or((cmdline, ""), |end| cmdline.split_at(end));
    let is_kept = |word: &&str| !patterns.iter().any(|pattern| glob::matches(pattern, word));
    let kept: Vec<&str> = words(own).map(|word| word.text).filter(is_kept).collect();
    kept.join(" ") + for_init
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::samples::entry;

    #[test]
    fn words_are_taken_from_a_command_line_and_put_after_it() {
        let own = "root=/dev/sda1 console=tty0 a=\"b console=x\" console=ttyS0,115200 quiet -- console=y";
        for (config, expected) in [
            ("", own),
            ("remove = console=*", "root=/dev/sda1 a=\"b console=x\" quiet -- console=y"),
            ("remove = quiet\nremove = a=*", "root=/dev/sda1 console=tty0 console=ttyS0,115200 -- console=y"),
            (
                "append-for = simp*: debug\nappend-for = other: x\nappend-for = Title of simple: y z",
                "root=/dev/sda1 console=tty0 a=\"b console=x\" console=ttyS0,115200 quiet debug y z -- console=y",
            ),
            ("remove = *\nappend-for = *: console=ttyS1", "console=ttyS1 -- console=y"),
        ] {
            let (settings, mistakes) = Settings::parse(config, "");
            assert_eq!(mistakes, [""; 0]);
            let entry = Entry { cmdline: own.into(), ..entry("simple", "sda1") };
            assert_eq!(cmdline(&entry, &settings), expected, "{config}");
        }
    }
}
