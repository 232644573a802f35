//! The boot loaders' formats that entries are read from, one row each.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! declare {
    ($($(#[$doc:meta])* $format:ident $name:literal $title:literal,)*) => {
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

            /// Its name for a person.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$format => $title),* }
            }
        }
    };
}
declare! {
    /// petitboot.conf, petitboot's own format.
    Petitboot "petitboot" "petitboot.conf",
    /// kboot.conf, as petitboot reads it.
    Kboot "kboot" "kboot.conf",
    /// GRUB 2 script.
    Grub "grub" "GRUB configuration",
    /// Boot Loader Specification, type 1.
    Bls "bls" "Boot Loader Specification",
    /// Unified kernel image: Boot Loader Specification, type 2.
    Uki "uki" "unified kernel image",
    /// SYSLINUX, EXTLINUX, ISOLINUX, or U-Boot's reading of their configuration.
    Syslinux "syslinux" "syslinux",
    /// U-Boot's boot.scr, with Armbian's armbianEnv.txt and its like.
    UbootScript "u-boot-script" "U-Boot script",
    /// Firmware of the Raspberry Pi: config.txt.
    RaspberryPi "raspberrypi" "Raspberry Pi configuration",
    /// Kernel partitions of ChromeOS.
    Chromeos "chromeos" "ChromeOS kernel partitions",
    /// Boot partitions of Android.
    Android "android" "Android boot partitions",
    /// limine.conf, and limine.cfg of older releases.
    Limine "limine" "Limine",
    /// rEFInd: stanzas of refind.conf, and kernels with refind_linux.conf beside them.
    Refind "refind" "rEFInd",
    /// yaboot.conf, of PowerPC machines.
    Yaboot "yaboot" "yaboot.conf",
    /// elilo.conf, of EFI machines.
    Elilo "elilo" "elilo.conf",
    /// lilo.conf.
    Lilo "lilo" "lilo.conf",
    /// menu.lst or grub.conf of GRUB Legacy.
    GrubLegacy "grub-legacy" "GRUB Legacy menu",
    /// A boot option of the firmware that starts a kernel itself.
    BootOption "boot-option" "firmware boot option",
    /// An image file of a live medium, in which one of the others was found.
    Live "live" "image files of live media",
    /// Profiles of NixOS.
    Nixos "nixos" "generations of NixOS",
    /// Profiles of Guix System.
    Guix "guix" "generations of Guix",
    /// No configuration: kernels paired with initrds by their names.
    #[default]
    Scan "scan" "kernels by name",
}

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
