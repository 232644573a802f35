//! The arguments of a kernel that rEFInd has found: options from refind_linux.conf beside it, and the initrd of its version.

use super::tokens;
use crate::{cmdline, lines::LENGTH_LIMIT};

/// Maximum number of lines that are read: each makes an entry of every kernel.
const LINE_LIMIT: usize = 32;

/// A line of refind_linux.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelOptions {
    /// Title in the menu.
    pub label: String,
    /// The command line, perhaps with `%v` for the version.
    pub options: String,
    /// Its line, from 1.
    pub line: u32,
}

impl KernelOptions {
    /// Reads refind_linux.conf: the first line is the default. A line of less than two tokens ends the file, as it does
    /// for rEFInd.
    #[must_use]
    pub fn parse(text: &str) -> Vec<Self> {
        let lines = (1..).zip(text.split('\n')).filter(|(_, line)| line.len() <= LENGTH_LIMIT);
        let lines = lines.map(|(line, text)| (line, tokens(text))).filter(|(_, tokens)| !tokens.is_empty());
        let lines = lines.map_while(|(line, tokens)| match &tokens[..] {
            [label, options, ..] => Some(Self { label: label.clone(), options: options.clone(), line }),
            _ => None,
        });
        lines.take(LINE_LIMIT).collect()
    }
}

/// Whether a file is named like a kernel.
#[must_use]
pub fn is_kernel(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    ["vmlinuz", "bzimage", "kernel"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a file is named like an initrd.
#[must_use]
pub fn is_initrd(name: &str) -> bool {
    name.starts_with("init") || name.starts_with("booster")
}

/// The initrds that a command line names and the kernel's EFI stub loads from its own volume, from that volume's root.
pub fn initrds(cmdline: &str) -> impl Iterator<Item = String> {
    let values = cmdline::words(cmdline).filter(|word| word.name == "initrd").filter_map(|word| word.value);
    values.map(|path| format!("/{}", path.replace('\\', "/").trim_start_matches('/')))
}

/// Options with the version in place of `%v`; `%%v` stands for `%v` itself.
#[must_use]
pub fn with_version(options: &str, version: Option<&str>) -> String {
    let Some(version) = version else { return options.to_owned() };
    let parts = options.split("%%v").map(|part| part.replace("%v", version));
    let cmdline = parts.collect::<Vec<_>>().join("%v");
    // No kernel takes so much, and there are many kernels.
    if cmdline.len() > LENGTH_LIMIT { options.to_owned() } else { cmdline }
}

/// The version in a file's name: from its first digit to its last, or wider where one of the words is in it.
#[must_use]
pub fn version<'a>(name: &'a str, words: &[String]) -> Option<&'a str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let digits = name.find(is_digit).zip(name.rfind(is_digit));
    let word = words.iter().filter(|word| !word.is_empty());
    let word = word.into_iter().find_map(|word| {
        let start = name.find(word.as_str())?;
        Some((start, start.saturating_add(word.len()).saturating_sub(1)))
    });
    let (start, end) = match (digits, word) {
        (Some((first, last)), Some((start, end))) => (first.min(start), last.max(end)),
        (found, None) | (None, found) => found?,
    };
    name.get(start..=end)
}

/// The initrd of a kernel among the files beside it: one that is named for the same version, of several the one that has
/// more in common with the kernel from the version on, then the one with the shortest name.
#[must_use]
pub fn initrd_for<'a>(
    kernel: &str,
    names: impl Iterator<Item = &'a str>,
    words: &[String],
) -> Option<&'a str> {
    let version_of_kernel = version(kernel, words);
    let after = |name: &str| -> String {
        let at = version_of_kernel.and_then(|version| name.find(version));
        at.and_then(|at| name.get(at..)).unwrap_or_default().to_owned()
    };
    let own = after(kernel);
    let initrds = names.filter(|name| is_initrd(name) && version(name, words) == version_of_kernel);
    initrds.min_by_key(|name| {
        let shared = own.chars().zip(after(name).chars()).take_while(|(one, other)| one == other).count();
        (std::cmp::Reverse(shared), name.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_file_ends_where_refind_stops_reading() {
        let text = "# comment\n\"Boot normally\"   \"ro root=UUID=1 quiet\"\r\n\n\"Single\" \"single %v\"\nlonely\n\"Never\" \"x\"\n";
        let options = |label: &str, options: &str, line| KernelOptions {
            label: label.into(),
            options: options.into(),
            line,
        };
        assert_eq!(
            KernelOptions::parse(text),
            [options("Boot normally", "ro root=UUID=1 quiet", 2), options("Single", "single %v", 4)]
        );
    }

    #[test]
    fn initrds_are_paired_by_version() {
        let debian = ["config-6.1.0-18-amd64", "initrd.img-6.1.0-17-amd64", "initrd.img-6.1.0-18-amd64"];
        let fedora = ["initramfs-6.5.6-300.fc39.x86_64.img", "initramfs-6.5.6-300.fc39.x86_64kdump.img"];
        let arch = [
            "amd-ucode.img",
            "initramfs-linux-fallback.img",
            "initramfs-linux.img",
            "initramfs-linux-lts.img",
        ];
        let suffix = ["initrd-3.3.0-b.img", "initrd-3.3.0-aa.img"];
        for (kernel, names, words, expected) in [
            ("vmlinuz-6.1.0-18-amd64", &debian[..], "", Some("initrd.img-6.1.0-18-amd64")),
            ("vmlinuz-6.1.0-19-amd64", &debian[..], "", None),
            ("vmlinuz-6.5.6-300.fc39.x86_64", &fedora[..], "", Some("initramfs-6.5.6-300.fc39.x86_64.img")),
            ("vmlinuz-linux", &arch[..], "", Some("initramfs-linux.img")),
            ("vmlinuz-linux-lts", &arch[..], "linux-lts,linux", Some("initramfs-linux-lts.img")),
            ("vmlinuz-linux", &arch[..], "linux-lts,linux", Some("initramfs-linux.img")),
            ("bzImage-3.3.0-aa.efi", &suffix[..], "", Some("initrd-3.3.0-aa.img")),
            ("bzImage-3.3.0-bb.efi", &suffix[..], "", Some("initrd-3.3.0-b.img")),
        ] {
            let words: Vec<String> = words.split(',').map(str::to_owned).collect();
            assert_eq!(initrd_for(kernel, names.iter().copied(), &words), expected, "{kernel}");
        }
    }

    #[test]
    fn the_version_is_what_stands_between_the_digits() {
        let words = ["linux".to_owned()];
        for (name, words, expected) in [
            ("foo-3.3.4-7.img", &words[..0], Some("3.3.4-7")),
            ("vmlinuz", &words[..0], None),
            ("initrd7", &words[..0], Some("7")),
            ("vmlinuz-linux", &words[..], Some("linux")),
            ("vmlinuz-linux66", &words[..], Some("linux66")),
            ("vmlinuz-6.1-linuxx", &words[..], Some("6.1-linux")),
        ] {
            assert_eq!(version(name, words), expected, "{name}");
        }
    }

    #[test]
    fn the_version_takes_the_place_of_its_mark() {
        for (options, version, expected) in [
            ("initrd=/boot/initrd-%v.img a", Some("6.1"), "initrd=/boot/initrd-6.1.img a"),
            ("a %%v %v", Some("6.1"), "a %v 6.1"),
            ("a %v", None, "a %v"),
        ] {
            assert_eq!(with_version(options, version), expected);
        }
    }
}
