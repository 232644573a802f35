//! Which modules go into an image: a table of groups, each a line of what it is for.

/// Modules that serve one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name in listings and on the command line.
    pub name: &'static str,
    /// Module names; `*` matches any characters, `-` and `_` are the same. One that a kernel does not have, or has
    /// built in, is passed over.
    pub modules: &'static [&'static str],
}

const fn group(name: &'static str, modules: &'static [&'static str]) -> Group {
    Group { name, modules }
}

/// Every group, in the order in which modules that several need are counted.
///
/// Drivers of graphics chips are not here: the firmware's frame buffer and the VGA text screen are enough for a menu, and
/// those drivers take seconds to start and want firmware files. Fibre Channel and network storage come with the network.
pub const GROUPS: &[Group] = &[
    group(
        "virtio",
        &["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "virtio_console", "virtio_input"],
    ),
    group("nvme", &["nvme", "nvme_apple", "vmd"]),
    group(
        "ata",
        &[
            "ahci",
            "ahci_platform",
            "acard_ahci",
            "ata_piix",
            "ata_generic",
            "sata_*",
            "pdc_adma",
            "pata_acpi",
            "pata_ali",
            "pata_amd",
            "pata_atiixp",
            "pata_it821x",
            "pata_jmicron",
            "pata_marvell",
            "pata_oldpiix",
            "pata_sch",
            "pata_serverworks",
            "pata_sis",
            "pata_via",
        ],
    ),
    group("scsi", &["sd_mod", "sr_mod"]),
    group(
        "scsi-controllers",
        &[
            "3w_9xxx",
            "3w_sas",
            "aacraid",
            "aic7xxx",
            "aic79xx",
            "arcmsr",
            "hpsa",
            "ips",
            "isci",
            "megaraid_mbox",
            "megaraid_sas",
            "mpi3mr",
            "mpt3sas",
            "mptsas",
            "mptspi",
            "mvsas",
            "mvumi",
            "pm80xx",
            "smartpqi",
            "sym53c8xx",
            "ufshcd_pci",
        ],
    ),
    group(
        "hypervisors",
        &["hv_storvsc", "hyperv_keyboard", "hid_hyperv", "vmw_pvscsi", "BusLogic", "xen_blkfront"],
    ),
    group("usb-host", &["xhci_pci", "xhci_pci_renesas", "xhci_plat_hcd", "ehci_pci", "ohci_pci", "uhci_hcd"]),
    group("usb-storage", &["usb_storage", "uas"]),
    group("usb-hid", &["usbhid", "hid_generic"]),
    group("mmc", &["mmc_block", "sdhci_pci", "sdhci_acpi", "rtsx_pci_sdmmc", "rtsx_usb_sdmmc"]),
    group(
        "file-systems",
        &["ext4", "xfs", "btrfs", "vfat", "f2fs", "squashfs", "erofs", "isofs", "udf", "exfat", "efivarfs"],
    ),
    // The fat driver asks for its code page and character set by name when it mounts, so no dependency names them.
    group("nls", &["nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"]),
    // The crypto API asks for these by algorithm: crc32c for ext4, xfs, btrfs; the others for btrfs and f2fs.
    group(
        "checksums",
        &[
            "crc32c_generic",
            "crc32c_intel",
            "crc32_generic",
            "crc32_pclmul",
            "xxhash_generic",
            "blake2b_generic",
            "sha256_generic",
            "sha256_ssse3",
        ],
    ),
    group("loop", &["loop"]),
    group("md", &["linear", "raid0", "raid1", "raid10", "raid456"]),
    group(
        "dm",
        &[
            "dm_mod",
            "dm_crypt",
            "dm_mirror",
            "dm_snapshot",
            "dm_raid",
            "dm_thin_pool",
            "dm_cache",
            "dm_cache_smq",
            "dm_verity",
            "dm_integrity",
        ],
    ),
    // Ciphers that dm-crypt asks the crypto API for with the defaults of cryptsetup, now and before 1.6.
    group("encryption", &["aesni_intel", "aes_generic", "aes_ce_blk", "xts", "cbc", "essiv"]),
    group("watchdog", &["iTCO_wdt", "i6300esb", "sp5100_tco", "wdat_wdt"]),
    group("keyboard", &["atkbd", "i8042"]),
    group("framebuffer", &["simpledrm", "simplefb", "efifb", "vesafb"]),
];

impl Group {
    /// Whether one of its patterns names this module, given in its normal form (with `_`).
    #[must_use]
    pub fn takes(&self, module: &str) -> bool {
        self.modules.iter().any(|pattern| matches(pattern.as_bytes(), module.as_bytes()))
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        Some((first, rest)) => {
            name.split_first().is_some_and(|(byte, name)| byte == first && matches(rest, name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_in_the_normal_form_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for pattern in GROUPS.iter().flat_map(|group| group.modules) {
            assert!(!pattern.contains('-'), "{pattern}");
            assert!(seen.insert(pattern), "{pattern} twice");
        }
    }

    #[test]
    fn a_star_matches_any_characters() {
        let group = Group { name: "", modules: &["sata_*", "ahci"] };
        for (module, taken) in [
            ("sata_nv", true),
            ("sata_", true),
            ("ahci", true),
            ("ahci_dwc", false),
            ("libahci", false),
            ("", false),
        ] {
            assert_eq!(group.takes(module), taken, "{module}");
        }
    }
}
