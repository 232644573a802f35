//! The boot loaders' formats that entries are read from: a table of one line each, which also names their finders.

use std::fmt;

use serde::{Serialize, Serializer};

/// Hands the table to a macro: the format, its name, its title and its finders (of [`crate::discover`]), a row each. Where one
/// volume holds several configurations, the default of the upper one counts: first what an administrator wrote for a loader
/// like this one, then what a distribution keeps up to date, then what older installations have left behind.
macro_rules! formats {
    ($rows:ident) => {
        $rows! {
            /// petitboot.conf, petitboot's own format.
            Petitboot "petitboot" "petitboot.conf" [petitboot::PETITBOOT],
            /// kboot.conf, as petitboot reads it.
            Kboot "kboot" "kboot.conf" [kboot::KBOOT],
            /// GRUB 2 script.
            Grub "grub" "GRUB configuration" [grub::Grub],
            /// Boot Loader Specification, type 1.
            Bls "bls" "Boot Loader Specification" [bls::Bls],
            /// Unified kernel image: Boot Loader Specification, type 2.
            Uki "uki" "unified kernel image" [],
            /// SYSLINUX, EXTLINUX, ISOLINUX, or U-Boot's reading of their configuration.
            Syslinux "syslinux" "syslinux" [syslinux::Syslinux],
            /// U-Boot's boot.scr, with Armbian's armbianEnv.txt and its like.
            UbootScript "u-boot-script" "U-Boot script" [u_boot_script::UbootScript],
            /// Firmware of the Raspberry Pi: config.txt.
            RaspberryPi "raspberrypi" "Raspberry Pi configuration" [raspberry_pi::RaspberryPi],
            /// Kernel partitions of ChromeOS.
            Chromeos "chromeos" "ChromeOS kernel partitions" [chromeos::Chromeos],
            /// Boot partitions of Android.
            Android "android" "Android boot partitions" [android::Android],
            /// limine.conf, and limine.cfg of older releases.
            Limine "limine" "Limine" [limine::LIMINE, limine::LIMINE_CFG],
            /// rEFInd: stanzas of refind.conf, and kernels with refind_linux.conf beside them.
            Refind "refind" "rEFInd" [refind::Refind],
            /// yaboot.conf, of PowerPC machines.
            Yaboot "yaboot" "yaboot.conf" [lilo::YABOOT],
            /// elilo.conf, of EFI machines.
            Elilo "elilo" "elilo.conf" [lilo::ELILO],
            /// lilo.conf.
            Lilo "lilo" "lilo.conf" [lilo::LILO],
            /// menu.lst or grub.conf of GRUB Legacy.
            GrubLegacy "grub-legacy" "GRUB Legacy menu" [grub_legacy::GRUB_LEGACY],
            /// An image file of a live medium, in which one of the others was found.
            Live "live" "image files of live media" [],
            /// Profiles of NixOS.
            Nixos "nixos" "generations of NixOS" [],
            /// Profiles of Guix System.
            Guix "guix" "generations of Guix" [],
            /// No configuration: kernels paired with initrds by their names.
            #[default]
            Scan "scan" "kernels by name" [],
        }
    };
}
pub(crate) use formats;

macro_rules! declare {
    ($($(#[$doc:meta])* $format:ident $name:literal $title:literal [$($finder:path),*],)*) => {
        /// Which boot loader's configuration an entry was read from.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$format),*];

            /// Its name in commands and in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$format => $name),* }
            }

            /// What a person would call it.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$format => $title),* }
            }
        }
    };
}
formats!(declare);

impl Format {
    /// Nobody has written down that it shall be booted.
    #[must_use]
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::Nixos | Self::Guix | Self::Scan)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
