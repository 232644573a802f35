//! The probe's report to the rig: one line on the serial console, [`PREFIX`] and a [`Report`] in JSON.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// The beginning of a report's line.
pub const PREFIX: &str = "firstlight-probe ";

/// The directory that every part of the probe's initrd leaves one marker file in.
pub const PARTS: &str = "/firstlight-parts";

/// Everything that a kernel got from the loader that booted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The kernel's release, as `uname -r` prints it.
    pub release: String,
    /// `/proc/cmdline` without its newline.
    pub cmdline: String,
    /// The marker of each part of the initrd, in the order in which the kernel unpacked them.
    pub parts: Vec<Part>,
    /// The files in the initramfs, beside its init: files and their paths, in the order of these. Stubs of unified
    /// kernel images put some there.
    pub files: Vec<Part>,
    /// The kernel's `type_of_loader` (`/proc/sys/kernel/bootloader_type`), 0 where it has none.
    pub loader: u32,
    /// Whether the kernel came by kexec: both the kernel's own loader and kexec-tools leave 0xD0 there.
    pub kexec: bool,
    /// Whether the kernel has UEFI's runtime services.
    pub efi: bool,
    /// The kernel's knowledge of the machine.
    pub platform: Platform,
}

/// A kernel's knowledge of its machine from the loader that booted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The processors that run, as `/sys/devices/system/cpu/online` lists them.
    pub processors: String,
    /// The memory map as it was handed over: ranges in order, and neighbours of the same type as one.
    pub memory: Vec<Range>,
    /// Names of ACPI's tables, sorted.
    pub acpi: Vec<String>,
    /// Names of UEFI's variables, sorted; none where efivarfs is not mounted.
    pub efi_variables: Vec<String>,
    /// `/proc/fb`: the framebuffers.
    pub framebuffers: String,
}

/// A range of physical memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Its first byte.
    pub first: u64,
    /// Its last byte.
    pub last: u64,
    /// Its type, in the kernel's words.
    pub kind: String,
}

/// A file of the initramfs: the marker of one part, or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name; with its whole path where it is no marker.
    pub name: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl Report {
    /// Reads a console line that contains a report, whatever text comes before it.
    #[must_use]
    pub fn parse(console_line: &str) -> Option<Self> {
        let (_, json) = console_line.split_once(PREFIX)?;
        serde_json::from_str(json.trim()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_after_a_time_stamp() {
        let report = Report {
            release: "6.1.0-50-amd64".into(),
            cmdline: "root=\"a b\" quiet".into(),
            parts: vec![Part { name: "1".into(), sha256: "00".into() }],
            files: Vec::new(),
            loader: 0xd0,
            kexec: true,
            efi: false,
            platform: Platform::default(),
        };
        let line = format!("[    1.2] {PREFIX}{}\r", serde_json::to_string(&report).unwrap());
        assert_eq!(Report::parse(&line), Some(report));
        assert_eq!(Report::parse("firstlight-probe {}"), None);
    }
}
