//! The command line that the next kernel is given: what must be added to it, and how long it may be.

use std::path::Path;

use crate::formats::{bzimage::Header, cmdline::words};

/// Command line length of a kernel that does not say it (`COMMAND_LINE_SIZE` 2048 with the NUL, on most machines).
const USUAL_SIZE: u32 = 2047;

/// kexec_file_load(2) on x86 keeps room for `elfcorehdr=0x…`, also for kernels that take over no crash
/// (`MAX_ELFCOREHDR_STR_LEN` in arch/x86/kernel/kexec-bzimage64.c).
const CRASH_ROOM: u32 = 30;

/// How this machine was started, as far as the next kernel's command line depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// UEFI, and the running kernel cannot hand the firmware's memory map on (`CONFIG_EFI_RUNTIME_MAP` is off). The next
    /// kernel's KASLR would divide by the size of a descriptor that it does not know, and reset the machine without a message.
    pub lacks_runtime_map: bool,
}

impl Firmware {
    /// The firmware of the running machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let efi = Path::new("/sys/firmware/efi");
        let lacks_runtime_map =
            cfg!(target_arch = "x86_64") && efi.is_dir() && !efi.join("runtime-map").is_dir();
        Self { lacks_runtime_map }
    }

    /// Whether a kernel with this command line resets the machine unless `nokaslr` is added. With it the kernel starts, and has none of
    /// the firmware's runtime services.
    #[must_use]
    pub fn needs_nokaslr(self, cmdline: &str) -> bool {
        self.lacks_runtime_map && !cmdline.split_whitespace().any(|word| word == "nokaslr")
    }
}

/// An entry's command line with the settings' words, and what the firmware makes necessary, at its end, before a `--` that
/// hands the rest to init. Text as in [`crate::formats::text`].
#[must_use]
pub fn complete(cmdline: &str, append: &[String], firmware: Firmware) -> String {
    let necessary = firmware.needs_nokaslr(cmdline).then_some("nokaslr");
    let (cmdline, for_init) = match cmdline.find(" -- ") {
        Some(end) => cmdline.split_at(end),
        None => (cmdline, ""),
    };
    let mut complete = cmdline.to_owned();
    for words in append.iter().map(String::as_str).chain(necessary) {
        if !complete.is_empty() && !complete.ends_with(' ') {
            complete.push(' ');
        }
        complete.push_str(words);
    }
    complete + for_init
}

/// The running kernel's command line without what its own boot loader added to it.
#[must_use]
pub fn reusable(running: &str) -> String {
    crate::formats::cmdline::without(running, &["BOOT_IMAGE", "initrd"])
}

/// The command line with each word only at its last place. The words after a `--` are init's, and stay as they are.
#[must_use]
pub fn keep_last(cmdline: &str) -> String {
    let (own, for_init) = cmdline.find(" -- ").map_or((cmdline, ""), |end| cmdline.split_at(end));
    let all: Vec<&str> = words(own).map(|word| word.text).collect();
    let is_last = |(place, word): &(usize, &&str)| {
        !all.iter().skip(place.saturating_add(1)).any(|later| later == *word)
    };
    let kept: Vec<&str> = all.iter().enumerate().filter(is_last).map(|(_, word)| *word).collect();
    kept.join(" ") + for_init
}

/// The longest command line, in bytes without its NUL, that kexec_file_load(2) lets a kernel have. `header` is that of an
/// x86 kernel.
#[must_use]
pub fn limit(header: Option<&Header>) -> usize {
    // The kernel compares the length with the NUL: length + 1 + 30 > cmdline_size is refused.
    let limit = match header {
        Some(header) => header.cmdline_size.saturating_sub(CRASH_ROOM).saturating_sub(1),
        None => USUAL_SIZE,
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::text;

    #[test]
    fn words_are_added_at_the_end() {
        let good = Firmware::default();
        let bad = Firmware { lacks_runtime_map: true };
        let cases: [(&str, &[&str], Firmware, &str); 8] = [
            ("root=/dev/sda1 quiet", &[], good, "root=/dev/sda1 quiet"),
            ("root=/dev/sda1 ", &["a b", "c"], good, "root=/dev/sda1 a b c"),
            ("", &["a"], good, "a"),
            ("", &[], good, ""),
            ("quiet", &["a"], bad, "quiet a nokaslr"),
            ("quiet nokaslr x", &[], bad, "quiet nokaslr x"),
            ("quiet -- single", &["a"], bad, "quiet a nokaslr -- single"),
            ("quiet  x", &[], good, "quiet  x"),
        ];
        for (cmdline, append, firmware, expected) in cases {
            let append: Vec<String> = append.iter().map(|words| (*words).to_owned()).collect();
            assert_eq!(complete(cmdline, &append, firmware), expected);
        }
    }

    #[test]
    fn of_repeated_words_the_last_stays() {
        for (cmdline, expected) in [
            ("quiet ro quiet", "ro quiet"),
            ("console=tty0 console=ttyS0 console=tty0", "console=ttyS0 console=tty0"),
            ("a \"b c\" a \"b c\" -- a a", "a \"b c\" -- a a"),
            ("", ""),
        ] {
            assert_eq!(keep_last(cmdline), expected);
        }
        assert_eq!(reusable("BOOT_IMAGE=/k root=x initrd=\\i quiet"), "root=x quiet");
    }

    #[test]
    fn stray_bytes_reach_the_kernel() {
        let cmdline = text::decode(b"name=gr\xf6\xdfe");
        let complete = complete(&cmdline, &["x".into()], Firmware::default());
        assert_eq!(text::encode(&complete), b"name=gr\xf6\xdfe x");
    }

    #[test]
    fn the_limit_is_what_file_mode_leaves() {
        // bzImage64_load refuses 2017 characters for a header that says 2047.
        let header = Header { protocol: 0x20f, cmdline_size: 2047, length: 0, setup: 0, long_mode: None };
        assert_eq!(limit(Some(&header)), 2016);
        assert_eq!(limit(Some(&Header { cmdline_size: 10, ..header })), 0);
        assert_eq!(limit(None), 2047);
    }
}
