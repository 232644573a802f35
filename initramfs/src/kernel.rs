//! The configuration of the kernel below firstlight: fragments by what they are for (`kernel/*.config`), and the profiles
//! that are made of them.
//!
//! A fragment is set on top of `make allnoconfig` (the kernel's Documentation/kbuild/kconfig.rst, `KCONFIG_ALLCONFIG`).

use std::{fmt, str::FromStr};

use crate::{Compression, pe};

/// A processor architecture that the kernel is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// PCs.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The architecture of the machine that builds, where it is one of these.
    pub const HOST: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// That of the machine that an EFI program is for, where it is one of these (Microsoft's PE format, "Machine Types").
    #[must_use]
    pub fn of_program(program: &[u8]) -> Option<Self> {
        match pe::machine(program)? {
            0x8664 => Some(Self::X86_64),
            0xaa64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// As Rust and Debian's compilers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As the kernel calls it (`ARCH=`).
    #[must_use]
    pub fn kbuild(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "arm64",
        }
    }

    /// The Rust target that a static program for it is built for.
    #[must_use]
    pub fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// What UEFI calls the loader of a disk for which it has no boot option (UEFI 2.10, 3.5.1.1).
    #[must_use]
    pub fn removable_loader(self) -> &'static str {
        match self {
            Self::X86_64 => "/EFI/BOOT/BOOTX64.EFI",
            Self::Aarch64 => "/EFI/BOOT/BOOTAA64.EFI",
        }
    }

    /// What `make` builds: the image that EFI starts.
    #[must_use]
    pub fn image(self) -> &'static str {
        match self {
            Self::X86_64 => "bzImage",
            Self::Aarch64 => "vmlinuz.efi",
        }
    }

    /// The image that other firmware starts, and that `make` builds along: on aarch64 it is not compressed.
    #[must_use]
    pub fn plain_image(self) -> &'static str {
        match self {
            Self::X86_64 => "bzImage",
            Self::Aarch64 => "Image",
        }
    }
}

/// A purpose that a kernel is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KernelProfile {
    /// Everything, for a flash of 8 MiB.
    #[default]
    Full,
    /// For a flash of 4 MiB: without network, btrfs, and the arrays and volumes that `/boot` is seldom on.
    Slim,
    /// `Full`, with what a developer of the kernel wants.
    Debug,
}

impl KernelProfile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Slim, Self::Debug];

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Slim => "slim",
            Self::Debug => "debug",
        }
    }

    /// The fragments beside the architecture's.
    fn fragments(self) -> impl Iterator<Item = &'static Fragment> {
        COMMON.iter().chain(LARGE.iter().filter(move |_| self != Self::Slim)).chain(match self {
            Self::Debug => &DEBUG[..],
            Self::Full | Self::Slim => &[],
        })
    }
}

/// Names of a table's values, for an error message and the help.
macro_rules! named {
    ($($type:ty)*) => {$(
        impl FromStr for $type {
            type Err = String;

            fn from_str(name: &str) -> Result<Self, String> {
                let known = Self::ALL.into_iter().find(|it| it.name() == name);
                known.ok_or_else(|| {
                    format!("“{name}” is none of {}", Self::ALL.map(|it| it.name()).join(", "))
                })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.name())
            }
        }
    )*};
}

named! { Architecture KernelProfile }

/// Options for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Name of its file without the ending.
    pub name: &'static str,
    /// The text of the file.
    pub text: &'static str,
}

macro_rules! fragments {
    ($($name:literal)*) => {
        [$(Fragment { name: $name, text: include_str!(concat!("../kernel/", $name, ".config")) }),*]
    };
}

const COMMON: [Fragment; 10] =
    fragments! { "base" "boot" "storage" "filesystems" "xfs" "usb" "console" "tpm" "watchdog" "sandbox" };
const LARGE: [Fragment; 3] = fragments! { "arrays" "btrfs" "net" };
const DEBUG: [Fragment; 1] = fragments! { "debug" };
const ARCHITECTURES: [Fragment; 2] = fragments! { "x86_64" "aarch64" };
const ENFORCE: [Fragment; 1] = fragments! { "enforce" };

/// What the kernel is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelConfig {
    /// The machine's architecture.
    pub architecture: Architecture,
    /// What it is for.
    pub profile: KernelProfile,
    /// The compression of its image: zstd, which costs half a MiB and is unpacked eight times as fast, or xz. A kernel
    /// is never without; `None` is gzip.
    pub compression: Compression,
    /// It loads no kernel that is not signed.
    pub enforce: bool,
}

impl Default for KernelConfig {
    fn default() -> Self {
        Self {
            architecture: Architecture::HOST,
            profile: KernelProfile::default(),
            compression: Compression::default(),
            enforce: false,
        }
    }
}

impl KernelConfig {
    /// The fragments of which its configuration consists.
    pub fn fragments(&self) -> impl Iterator<Item = &'static Fragment> {
        let architecture = ARCHITECTURES.iter().filter(|it| it.name == self.architecture.name());
        self.profile.fragments().chain(architecture).chain(ENFORCE.iter().filter(|_| self.enforce))
    }

    /// The configuration, to be set on top of `make allnoconfig`: the settings of the fragments, sorted and without their comments,
    /// so that neither other words nor another order make another kernel.
    #[must_use]
    pub fn configuration(&self) -> String {
        let compression = match self.compression {
            Compression::Zstd => "CONFIG_KERNEL_ZSTD=y\n",
            Compression::Xz => "CONFIG_KERNEL_XZ=y\n",
            Compression::None => "CONFIG_KERNEL_GZIP=y\n",
        };
        let lines = self.fragments().flat_map(|fragment| fragment.text.lines());
        let lines: Vec<&str> = lines.filter(|line| is_setting(line)).collect();
        // A later fragment may set what an earlier one sets otherwise.
        let is_last = |(place, line): &(usize, &&str)| {
            !lines.iter().skip(place.saturating_add(1)).any(|later| option_of(later) == option_of(line))
        };
        let mut lasting: Vec<&str> =
            lines.iter().enumerate().filter(is_last).map(|(_, line)| *line).collect();
        lasting.sort_by_key(|line| option_of(line));
        lasting.into_iter().flat_map(|line| [line, "\n"]).chain([compression]).collect()
    }

    /// Its name among others of the same source: `full-x86_64-zstd`.
    #[must_use]
    pub fn name(&self) -> String {
        let enforce = if self.enforce { "-enforcing" } else { "" };
        format!("{}-{}-{}{enforce}", self.profile, self.architecture, self.compression.name())
    }
}

/// The option that a line is about.
fn option_of(line: &str) -> &str {
    let line = line.strip_prefix("# ").unwrap_or(line);
    line.split(['=', ' ']).next().unwrap_or_default()
}

/// Whether a line sets an option, or keeps one from being set.
fn is_setting(line: &str) -> bool {
    line.starts_with("CONFIG_") || unset(line).is_some()
}

/// The beginning of the lines that would set an option which this line keeps from being set.
fn unset(line: &str) -> Option<String> {
    Some(line.strip_prefix("# ")?.strip_suffix(" is not set")?.to_owned() + "=")
}

/// The lines of a configuration that a kernel's `.config` does not have. Kconfig itself is silent about an option that does not
/// exist, or that something else keeps from being set.
pub fn not_taken<'a>(configuration: &'a str, config: &'a str) -> impl Iterator<Item = &'a str> {
    let is_taken = move |line: &str| match unset(line) {
        // An option that cannot be set at all is not in the configuration.
        Some(option) => !config.lines().any(|other| other.starts_with(&option)),
        None => config.lines().any(|other| other == line),
    };
    let settings = configuration.lines().map(str::trim_end);
    settings.filter(|line| is_setting(line)).filter(move |line| !is_taken(line))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Of a .config that Linux 6.12 wrote.
    const CONFIG: &str = "\
CONFIG_CC_VERSION_TEXT=\"gcc (Debian 14.2.0-19) 14.2.0\"
CONFIG_LOCALVERSION=\"-firstlight\"
# CONFIG_LOCALVERSION_AUTO is not set
CONFIG_USB_HID=y
CONFIG_USB_HIDDEV=y
# CONFIG_SMP is not set
";

    #[test]
    fn a_line_that_is_not_taken_is_named() {
        let configuration = "\
# A sentence about what is not set
CONFIG_LOCALVERSION=\"-firstlight\"
# CONFIG_SMP is not set
# CONFIG_MODULES is not set
CONFIG_USB_HID=y
";
        assert_eq!(not_taken(configuration, CONFIG).count(), 0);
        for (lines, expected) in [
            ("CONFIG_HID=y", &["CONFIG_HID=y"][..]),
            ("CONFIG_SMP=y", &["CONFIG_SMP=y"]),
            ("CONFIG_LOCALVERSION=\"-first\"", &["CONFIG_LOCALVERSION=\"-first\""]),
            ("# CONFIG_USB_HID is not set", &["# CONFIG_USB_HID is not set"]),
            ("CONFIG_A=y\nCONFIG_USB_HID=y\nCONFIG_B=y", &["CONFIG_A=y", "CONFIG_B=y"]),
        ] {
            let lines = format!("{configuration}{lines}\n");
            assert_eq!(not_taken(&lines, CONFIG).collect::<Vec<_>>(), expected, "{lines}");
        }
    }

    #[test]
    fn no_option_is_twice_in_a_configuration() {
        for architecture in Architecture::ALL {
            for profile in KernelProfile::ALL {
                let options =
                    KernelConfig { architecture, profile, enforce: true, ..KernelConfig::default() };
                let text = options.configuration();
                assert!(text.lines().all(is_setting), "{text}");
                let names: Vec<&str> = text.lines().map(option_of).collect();
                let different: HashSet<&str> = names.iter().copied().collect();
                assert!(names.len() > 100, "{names:?}");
                assert_eq!(names.len(), different.len(), "{}: {names:?}", options.name());
            }
        }
    }

    #[test]
    fn every_fragment_says_what_it_is_for() {
        let all = [&COMMON[..], &LARGE, &DEBUG, &ARCHITECTURES, &ENFORCE].concat();
        for Fragment { name, text } in all {
            assert!(text.starts_with("# ") && text.ends_with('\n'), "{name}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let options = KernelConfig { profile: "slim".parse().unwrap(), ..KernelConfig::default() };
        assert_eq!(options.name(), format!("slim-{}-zstd", Architecture::HOST));
        assert_eq!("tiny".parse::<KernelProfile>(), Err("“tiny” is none of full, slim, debug".to_owned()));
    }
}
