//! The drivers of edk2's firmware that a machine needs to find another loader than the one in its flash, and its setup screens.
//!
//! Names are those of edk2's modules (`BASE_NAME` in their .inf files; OvmfPkg/OvmfPkgX64.dsc has most of them).

use super::{FlashError, inspect};

const NETWORK: &[&str] = &[
    "DpcDxe",
    "SnpDxe",
    "VlanConfigDxe",
    "MnpDxe",
    "ArpDxe",
    "Dhcp4Dxe",
    "Ip4Dxe",
    "Udp4Dxe",
    "Mtftp4Dxe",
    "Dhcp6Dxe",
    "Ip6Dxe",
    "Udp6Dxe",
    "Mtftp6Dxe",
    "TcpDxe",
    "UefiPxeBcDxe",
    "TlsDxe",
    "TlsAuthConfigDxe",
    "DnsDxe",
    "HttpDxe",
    "HttpUtilitiesDxe",
    "HttpBootDxe",
    "IScsiDxe",
    "VirtioNetDxe",
];

const DISKS: &[&str] = &[
    "VirtioBlkDxe",
    "VirtioScsiDxe",
    "ScsiBus",
    "ScsiDisk",
    "SataController",
    "AtaAtapiPassThruDxe",
    "AtaBusDxe",
    "NvmExpressDxe",
    "RamDiskDxe",
    "PartitionDxe",
    "Fat",
    "UdfDxe",
    "VirtioFsDxe",
];

/// With the disks that hang on it; firstlight's own kernel drives the keyboard.
const USB: &[&str] = &["UhciDxe", "EhciDxe", "XhciDxe", "UsbBusDxe", "UsbKbDxe", "UsbMassStorageDxe"];

const SCREENS: &[&str] = &[
    "UiApp",
    "SetupBrowser",
    "DisplayEngine",
    "SecureBootConfigDxe",
    "DriverHealthManagerDxe",
    "LogoDxe",
    "tftpDynamicCommand",
    "httpDynamicCommand",
    "LinuxInitrdDynamicShellCommand",
];

/// What looks for a TPM and measures into it.
const TPM: &[&str] = &[
    "Tcg2ConfigPei",
    "TcgPei",
    "Tcg2Pei",
    "Tcg2PlatformPei",
    "TcgDxe",
    "Tcg2Dxe",
    "Tcg2PlatformDxe",
    "Tcg2ConfigDxe",
];

/// Those of them that an image has, by their names. Without them the firmware starts at once what is in its flash, and can start
/// nothing else.
///
/// # Errors
/// As [`inspect`].
pub fn unneeded(image: &[u8]) -> Result<Vec<String>, FlashError> {
    named(image, &[NETWORK, DISKS, USB, SCREENS])
}

/// What an image has for a TPM. On a machine without one OVMF waits one and a half seconds for it, in steps of 750 ms (edk2:
/// `TIS_TIMEOUT_A`).
///
/// # Errors
/// As [`inspect`].
pub fn tpm(image: &[u8]) -> Result<Vec<String>, FlashError> {
    named(image, &[TPM])
}

fn named(image: &[u8], groups: &[&[&str]]) -> Result<Vec<String>, FlashError> {
    let names = inspect(image)?.into_iter().filter_map(|item| item.name);
    Ok(names.filter(|name| groups.iter().any(|group| group.contains(&name.as_str()))).collect())
}
