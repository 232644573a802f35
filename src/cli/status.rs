//! `firstlight status`: what this kernel says of loading another one.

use std::{fs, path::Path};

use serde::Serialize;

use super::{
    Command, Failure, JSON,
    arguments::{Argument, Arguments},
    json,
};
use crate::kexec::dangers::dangers;

pub(super) const STATUS: Command = Command {
    name: "status",
    operands: "[--json]",
    summary: "Show what this machine says of loading another kernel",
    details: "Whether a kernel is loaded and waiting, what prevents loading one, what of the firmware's it will be given, and why it \
              might not start.",
    options: &[JSON],
    examples: &[("firstlight status", "is a kernel loaded?")],
    run: status,
};

/// What tells the firmware, and its name.
const FIRMWARE: [(&str, &str); 2] = [("sys/firmware/efi", "efi"), ("sys/firmware/devicetree", "device tree")];

/// What tells that the running kernel can hand something over, and its name.
const HANDED_OVER: [(&str, &str); 5] = [
    ("sys/firmware/acpi/tables", "ACPI tables"),
    ("sys/firmware/dmi/tables", "SMBIOS tables"),
    ("sys/firmware/efi/runtime-map", "EFI runtime services"),
    ("sys/firmware/fdt", "device tree"),
    ("sys/class/graphics/fb0", "framebuffer"),
];

/// Facts from the kernel; `None` where it gives none.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Status {
    /// Release of the running kernel.
    kernel: Option<String>,
    /// The way the machine was started.
    firmware: &'static str,
    /// What of the firmware's the next kernel is given.
    hands_over: Vec<&'static str>,
    /// Why the next kernel would not start.
    dangers: Vec<String>,
    /// A kernel is loaded and waits for the jump.
    loaded: Option<bool>,
    crash_loaded: Option<bool>,
    /// Loading is switched off until the next boot (sysctl kernel.kexec_load_disabled).
    disabled: Option<bool>,
    /// Lockdown mode: none, integrity or confidentiality.
    lockdown: Option<String>,
}

fn status(arguments: &mut Arguments) -> Result<String, Failure> {
    let mut as_json = false;
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) if name == "json" => as_json = true,
            _ => return Err(arguments.unknown(&argument)),
        }
    }
    let status = read(Path::new("/"));
    if as_json { json(&status) } else { Ok(table(&status)) }
}

/// Reads it below `root`.
fn read(root: &Path) -> Status {
    let text = |path: &str| fs::read_to_string(root.join(path)).ok().map(|text| text.trim().to_owned());
    let flag = |path: &str| text(path).map(|text| text != "0");
    let is_there = |path: &str| root.join(path).exists();
    Status {
        kernel: text("proc/sys/kernel/osrelease"),
        firmware: FIRMWARE.iter().find(|(path, _)| is_there(path)).map_or("bios", |(_, name)| name),
        hands_over: HANDED_OVER.iter().filter(|(path, _)| is_there(path)).map(|(_, name)| *name).collect(),
        dangers: dangers(root, false),
        loaded: flag("sys/kernel/kexec_loaded"),
        crash_loaded: flag("sys/kernel/kexec_crash_loaded"),
        disabled: flag("proc/sys/kernel/kexec_load_disabled"),
        // The chosen one is in brackets: "none [integrity] confidentiality".
        lockdown: text("sys/kernel/security/lockdown")
            .and_then(|modes| Some(modes.split_once('[')?.1.split_once(']')?.0.to_owned())),
    }
}

fn table(status: &Status) -> String {
    let yes_or_no = |flag: Option<bool>, yes: &str, no: &str| match flag {
        Some(true) => yes.to_owned(),
        Some(false) => no.to_owned(),
        None => "this kernel does not say (CONFIG_KEXEC is not set?)".to_owned(),
    };
    let lines = [
        ("running kernel", status.kernel.clone().unwrap_or_else(|| "unknown (is /proc mounted?)".into())),
        ("firmware", status.firmware.to_owned()),
        ("loaded kernel", yes_or_no(status.loaded, "waiting for the jump", "none")),
        ("crash kernel", yes_or_no(status.crash_loaded, "loaded", "none")),
        (
            "loading",
            yes_or_no(
                status.disabled,
                "switched off until the next boot (kernel.kexec_load_disabled)",
                "allowed",
            ),
        ),
        ("lockdown", status.lockdown.clone().unwrap_or_else(|| "this kernel does not say".into())),
        (
            "handed over",
            if status.hands_over.is_empty() { "nothing".into() } else { status.hands_over.join(", ") },
        ),
    ];
    let dangers = status.dangers.iter().map(|danger| ("danger", danger.clone()));
    let lines: Vec<(&str, String)> = lines.into_iter().chain(dangers).collect();
    lines.iter().map(|(name, value)| format!("{name:<16} {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn machine(files: &[(&str, &str)]) -> TempDir {
        let root = TempDir::new().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn the_kernels_facts_are_shown() {
        let root = machine(&[
            ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
            ("proc/sys/kernel/kexec_load_disabled", "0\n"),
            ("sys/kernel/kexec_loaded", "1\n"),
            ("sys/kernel/kexec_crash_loaded", "0\n"),
            ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
            ("sys/firmware/efi/fw_platform_size", "64\n"),
            ("sys/firmware/efi/runtime-map/0/type", "0\n"),
            ("sys/firmware/acpi/tables/FACP", ""),
        ]);
        let expected = Status {
            kernel: Some("6.1.0-18-amd64".into()),
            firmware: "efi",
            hands_over: vec!["ACPI tables", "EFI runtime services"],
            dangers: vec![],
            loaded: Some(true),
            crash_loaded: Some(false),
            disabled: Some(false),
            lockdown: Some("integrity".into()),
        };
        assert_eq!(read(root.path()), expected);
    }

    #[test]
    fn a_silent_kernel_is_no_error() {
        let root = machine(&[]);
        assert_eq!(read(root.path()), Status { firmware: "bios", ..Status::default() });
        assert!(table(&read(root.path())).contains("CONFIG_KEXEC"));
    }
}
