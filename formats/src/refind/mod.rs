//! refind.conf, its stanzas and what it includes (rEFInd, configfile.html), and refind_linux.conf (linux.html).

mod kernel;
mod stanza;

pub use kernel::{KernelOptions, initrd_for, initrds, is_initrd, is_kernel, version, with_version};
use stanza::Open;

use super::{
    lines::{LENGTH_LIMIT, TOO_LONG},
    menu::Choice,
};
use crate::lookup::Include;

/// The GUID of the variables that rEFInd keeps.
pub const VENDOR: &str = "36d08fa7-cf0b-42f5-8f14-68df73ed3740";

/// The variable, or the file in [`VARIABLES`], with the title of what was booted last.
pub const PREVIOUS: &str = "PreviousBoot";

/// The directory beside rEFInd where it keeps variables that are not in the firmware.
pub const VARIABLES: &str = "vars";

/// Maximum number of names in a list.
const LIST_LIMIT: usize = 64;

/// The settings of refind.conf, as far as Linux is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Seconds until the default boots; `None` waits for a person.
    pub timeout: Option<u32>,
    /// Which entry boots on its own, in order of preference: parts of titles, numbers from 1, or `+`, what was booted last.
    pub default: Vec<String>,
    /// The title of what was booted last is kept in the firmware, not in a file beside rEFInd.
    pub uses_firmware: bool,
    /// Kernels are looked for.
    pub finds_kernels: bool,
    /// The stanzas are shown, and before the kernels that were found.
    pub shows_stanzas: bool,
    /// The stanzas come before the kernels that were found.
    pub stanzas_first: bool,
    /// Directories with kernels, beside the top one and those in `/EFI`.
    pub directories: Vec<String>,
    /// Directories, files and volumes that are not looked at.
    pub passed_over: Vec<String>,
    /// Older kernels of a directory stand below its newest one.
    pub folds: bool,
    /// Words that tell a version as digits do (`linux-lts`).
    pub version_words: Vec<String>,
    /// The stanzas.
    pub stanzas: Vec<Choice>,
    /// Warnings: line and message.
    pub lost: Vec<(u32, String)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Some(20),
            default: vec!["+".into()],
            uses_firmware: true,
            finds_kernels: true,
            shows_stanzas: true,
            stanzas_first: false,
            directories: vec!["boot".into(), "@/boot".into()],
            passed_over: Vec::new(),
            folds: true,
            version_words: Vec::new(),
            stanzas: Vec::new(),
            lost: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a configuration; `include` gives the files that it names, which include no further ones.
    #[must_use]
    pub fn parse(text: &str, include: Include<'_>) -> Self {
        let mut config = Self::default();
        config.read(None, text, Some(include));
        config
    }

    fn read(&mut self, file: Option<&str>, text: &str, mut include: Option<Include<'_>>) {
        let mut open: Option<Open> = None;
        for (line, text) in (1..).zip(text.split('\n')) {
            if text.len() > LENGTH_LIMIT {
                self.lost.push((line, TOO_LONG.into()));
                open.iter_mut().for_each(|stanza| stanza.lose(line));
                continue;
            }
            let tokens = tokens(text);
            let Some((keyword, values)) = tokens.split_first() else { continue };
            if let Some(stanza) = &mut open {
                if stanza.take(line, keyword, values) {
                    open.take().into_iter().for_each(|stanza| stanza.finish(&mut self.stanzas));
                }
                continue;
            }
            match (&*keyword.to_ascii_lowercase(), values) {
                ("menuentry", [title, ..]) => open = Some(Open::new(title, file, line)),
                ("include", [name]) => {
                    let Some(read) = include.as_deref_mut() else { continue };
                    let name = name.replace('\\', "/");
                    match read(&name) {
                        Ok(text) => self.read(Some(&name), &text, None),
                        Err(error) => self.lost.push((line, format!("{name}: {error}"))),
                    }
                }
                (keyword, values) => self.set(line, keyword, values),
            }
        }
        open.into_iter().for_each(|stanza| stanza.finish(&mut self.stanzas));
    }

    fn set(&mut self, line: u32, keyword: &str, values: &[String]) {
        let paths = || values.iter().map(|value| value.replace('\\', "/"));
        let is_on = || values.first().is_none_or(|value| matches!(value.as_str(), "1" | "true" | "on"));
        match (keyword, values) {
            ("timeout", [value]) => {
                self.timeout = match value.parse::<i64>().unwrap_or_default() {
                    0 => None,
                    seconds => Some(u32::try_from(seconds).unwrap_or_default()),
                };
            }
            ("default_selection", [_, from, until]) if from.contains(':') && until.contains(':') => {
                self.lost.push((line, "a default for a time of the day is passed over".into()));
            }
            ("default_selection", values) => {
                let names = values.iter().flat_map(|value| value.split(','));
                self.default = names.map(|name| name.trim().to_owned()).collect();
            }
            ("scanfor", values) => {
                let place = |letters: &[char]| values.iter().position(|value| value.starts_with(letters));
                let (kernels, stanzas) = (place(&['i', 'e', 'o']), place(&['m']));
                self.finds_kernels = kernels.is_some();
                self.shows_stanzas = stanzas.is_some();
                self.stanzas_first = stanzas < kernels;
            }
            ("also_scan_dirs", values) => {
                if values.first().is_none_or(|value| value != "+") {
                    self.directories.clear();
                }
                self.directories.extend(paths().filter(|path| path != "+"));
            }
            (
                "dont_scan_dirs" | "don't_scan_dirs" | "dont_scan_files" | "don't_scan_files"
                | "dont_scan_volumes" | "don't_scan_volumes",
                _,
            ) => self.passed_over.extend(paths().map(|path| path.trim_matches('/').to_owned())),
            ("scan_all_linux_kernels", _) => self.finds_kernels &= is_on(),
            ("fold_linux_kernels", _) => self.folds = is_on(),
            ("use_nvram", _) => self.uses_firmware = is_on(),
            ("extra_kernel_version_strings", values) => {
                let words = values.iter().flat_map(|value| value.split(','));
                self.version_words = words.map(|word| word.trim().to_owned()).collect();
            }
            _ => {}
        }
        // Patterns are counted: each is compared with every file.
        self.default.truncate(LIST_LIMIT);
        self.directories.truncate(LIST_LIMIT);
        self.passed_over.truncate(LIST_LIMIT);
        self.version_words.truncate(LIST_LIMIT);
    }
}

/// Cuts a line as rEFInd does: at spaces, commas and equals signs; quotes hold a token together, two of them are one that
/// is meant; outside quotes slashes turn into backslashes and `#` begins a comment.
fn tokens(line: &str) -> Vec<String> {
    let is_between = |c: char| matches!(c, ' ' | '\t' | '\r' | '=' | ',');
    let mut tokens = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(is_between);
        if rest.is_empty() || rest.starts_with('#') {
            return tokens;
        }
        let inner = rest.strip_prefix('"');
        let is_quoted = inner.is_some();
        let mut characters = inner.unwrap_or(rest).chars().peekable();
        let mut token = String::new();
        while let Some(c) = characters.next_if(|c| is_quoted || (!is_between(*c) && *c != '#')) {
            match c {
                '"' if characters.next_if_eq(&'"').is_some() => token.push('"'),
                '"' => break,
                '/' if !is_quoted => token.push('\\'),
                c => token.push(c),
            }
        }
        tokens.push(token);
        let left: usize = characters.map(char::len_utf8).fold(0, usize::saturating_add);
        rest = rest.get(rest.len().saturating_sub(left)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{entry::Kind, lookup::LookupError};

    #[test]
    fn lines_are_cut_as_refind_cuts_them() {
        for (line, expected) in [
            ("timeout 5 # seconds", &["timeout", "5"][..]),
            (
                "\"Boot normally\"  \"ro root=UUID=1 a=\"\"b c\"\"\"",
                &["Boot normally", "ro root=UUID=1 a=\"b c\""],
            ),
            ("loader /boot/vmlinuz", &["loader", "\\boot\\vmlinuz"]),
            ("options=\"root=/dev/sda1\"", &["options", "root=/dev/sda1"]),
            ("scanfor internal,manual", &["scanfor", "internal", "manual"]),
            ("initrd \"\"", &["initrd", ""]),
            ("a\"b c", &["a", "b", "c"]),
            ("  # nothing", &[]),
            ("\"open", &["open"]),
        ] {
            assert_eq!(tokens(line), expected, "{line}");
        }
    }

    #[test]
    fn a_stanza_that_lost_a_line_is_not_booted() {
        let text =
            format!("menuentry a {{\nloader /k\noptions {}\n}}\nmenuentry b {{\n}}\n", "x".repeat(5000));
        let config = Config::parse(&text, &mut |_| Err(LookupError::Missing));
        let problems: Vec<_> = config.stanzas.iter().map(|choice| choice.problem.as_deref()).collect();
        assert_eq!(problems, [Some("line 3 of it is lost: it is longer than 4096 bytes"), None]);
    }

    #[test]
    fn settings_replace_their_defaults() {
        let text = "timeout -1\ndefault_selection \"+,Arch,1\"\nscanfor manual,internal\nalso_scan_dirs +,@root/boot\n\
                    dont_scan_dirs ESP:/EFI/boot,EFI/Dell\nfold_linux_kernels false\nextra_kernel_version_strings linux-lts,linux\n\
                    include theme.conf\ninclude gone.conf\n";
        let mut include = |name: &str| match name {
            "theme.conf" => Ok("timeout 7\ninclude more.conf\n".to_owned()),
            _ => Err(LookupError::Missing),
        };
        let expected = Config {
            timeout: Some(7),
            default: vec!["+".into(), "Arch".into(), "1".into()],
            stanzas_first: true,
            directories: vec!["boot".into(), "@/boot".into(), "@root/boot".into()],
            passed_over: vec!["ESP:/EFI/boot".into(), "EFI/Dell".into()],
            folds: false,
            version_words: vec!["linux-lts".into(), "linux".into()],
            lost: vec![(9, "gone.conf: no such file".into())],
            ..Config::default()
        };
        assert_eq!(Config::parse(text, &mut include), expected);
        for (text, timeout) in
            [("", Some(20)), ("timeout 0", None), ("timeout -1", Some(0)), ("timeout 9", Some(9))]
        {
            assert_eq!(Config::parse(text, &mut include).timeout, timeout, "{text}");
        }
    }

    #[test]
    fn stanzas_hand_down_to_their_submenus() {
        let text = "menuentry \"Arch Linux\" {\n\ticon /EFI/refind/icons/os_arch.png\n\tvolume \"ARCH\"\n\tloader /boot/vmlinuz-linux\n\
                    \tinitrd /boot/amd-ucode.img\n\tinitrd /boot/initramfs-linux.img\n\toptions \"root=PARTUUID=5 rw\"\n\
                    \tsubmenuentry \"Fallback\" {\n\t\tinitrd /boot/initramfs-linux-fallback.img\n\t}\n\
                    \tsubmenuentry Terminal {\n\t\tadd_options systemd.unit=multi-user.target\n\t\tinitrd\n\t}\n}\n\
                    menuentry Off {\nloader \\k\ndisabled\n}\n\
                    menuentry Windows {\n loader \\EFI\\Microsoft\\Boot\\bootmgfw.efi\n}\n\
                    menuentry Many {\n loader vmlinuz\n options \"root=LABEL=x initrd=\\ucode.img initrd=/initrd.img\"\n}\n";
        let choice =
            |line, path: &[&str], title: &str, kernel: &str, initrds: &[&str], cmdline: &str| Choice {
                title: title.into(),
                path_in_menu: path.iter().map(|&title| title.into()).collect(),
                kernel: kernel.into(),
                initrds: initrds.iter().map(|&path| path.into()).collect(),
                cmdline: cmdline.into(),
                line,
                ..Choice::default()
            };
        let expected = [
            choice(
                1,
                &[],
                "Arch Linux",
                "ARCH:/boot/vmlinuz-linux",
                &["ARCH:/boot/initramfs-linux.img"],
                "root=PARTUUID=5 rw initrd=\\boot\\initramfs-linux.img",
            ),
            choice(
                8,
                &["Arch Linux"],
                "Fallback",
                "ARCH:/boot/vmlinuz-linux",
                &["ARCH:/boot/initramfs-linux-fallback.img"],
                "root=PARTUUID=5 rw initrd=\\boot\\initramfs-linux-fallback.img",
            ),
            // An equals sign outside quotes ends the token.
            choice(
                11,
                &["Arch Linux"],
                "Terminal",
                "ARCH:/boot/vmlinuz-linux",
                &[],
                "root=PARTUUID=5 rw systemd.unit",
            ),
            Choice {
                kind: Kind::Chainload,
                ..choice(20, &[], "Windows", "/EFI/Microsoft/Boot/bootmgfw.efi", &[], "")
            },
            choice(
                23,
                &[],
                "Many",
                "/vmlinuz",
                &["/ucode.img", "/initrd.img"],
                "root=LABEL=x initrd=\\ucode.img initrd=/initrd.img",
            ),
        ];
        assert_eq!(Config::parse(text, &mut |_| Err(LookupError::Missing)).stanzas, expected);
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in "[a\"#=, /\\\\{}\t]{0,40}", text in "(menuentry|submenuentry|loader|options|initrd|\\}|\n| |a|\"){0,40}") {
            let _ = tokens(&line);
            let _ = Config::parse(&text, &mut |_| Ok(text.clone()));
        }
    }
}
