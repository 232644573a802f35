//! The serial line that the firmware has its console on (ACPI's SPCR and DBG2), where the kernel's command line names no console:
//! on PCs the kernel itself uses it only as the command line says.

use std::{fs, os::fd::OwnedFd, path::Path};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::formats::{acpi_serial::SerialPort, cmdline::words};

/// Its name in /dev, and how fast it is. `root` is `/`.
pub(super) fn find(root: &Path) -> Option<(String, u32)> {
    let read = |path: &str| fs::read(root.join(path)).unwrap_or_default();
    if words(&String::from_utf8_lossy(&read("proc/cmdline"))).any(|word| word.is("console")) {
        return None;
    }
    let port = SerialPort::of_console(&read("sys/firmware/acpi/tables/SPCR"))
        .or_else(|| SerialPort::of_debugger(&read("sys/firmware/acpi/tables/DBG2")))?;
    // Documentation/ABI/testing/sysfs-tty
    let file = if port.is_io { "port" } else { "iomem_base" };
    let address = format!("0x{:X}\n", port.address);
    let terminals = fs::read_dir(root.join("sys/class/tty")).ok()?;
    terminals.flatten().find_map(|terminal| {
        let is_it = fs::read(terminal.path().join(file)).is_ok_and(|text| text == address.as_bytes());
        Some((terminal.file_name().into_string().ok().filter(|_| is_it)?, port.speed))
    })
}

/// Nobody else has set its speed.
pub(super) fn set_speed(terminal: &OwnedFd, speed: u32) {
    let Ok(mut modes) = tcgetattr(terminal) else { return };
    // A speed that the port does not have leaves it as it is.
    let _ = modes.set_speed(speed);
    let _ = tcsetattr(terminal, OptionalActions::Now, &modes);
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A table whose part from `at` on is `part`.
    fn table(at: usize, part: &[u8]) -> Vec<u8> {
        let mut table = vec![0; at];
        table.extend(part);
        table.resize(96, 0);
        table
    }

    #[test]
    fn the_firmwares_serial_line_is_one_that_the_kernel_knows_unless_the_command_line_names_a_console() {
        // An I/O port, 16550, and a speed of 57,600; memory, for a debugger.
        let spcr = table(40, b"\x01\x08\0\x01\xf8\x02\0\0\0\0\0\0\0\0\0\0\0\0\x06");
        let elsewhere = table(40, b"\x01\x08\0\x01\xe8\x03\0\0\0\0\0\0\0\0\0\0\0\0\x06");
        let device =
            b"\0\x28\0\x01\0\0\0\0\0\0\0\0\0\x80\x01\0\0\0\x16\0\0\0\0\x20\0\x03\0\0\xb0\xfe\0\0\0\0";
        let dbg2 = table(36, &[&b"\x2c\0\0\0\x01\0\0\0"[..], device].concat());
        type Files<'a> = &'a [(&'a str, &'a [u8])];
        let (spcr_path, dbg2_path, cmdline) =
            ("sys/firmware/acpi/tables/SPCR", "sys/firmware/acpi/tables/DBG2", "proc/cmdline");
        let cases: [(Files<'_>, Option<(&str, u32)>); 7] = [
            (&[], None),
            (&[(spcr_path, &spcr)], Some(("ttyS1", 57_600))),
            (&[(spcr_path, &spcr), (cmdline, b"quiet panic=1\n")], Some(("ttyS1", 57_600))),
            (&[(spcr_path, &spcr), (cmdline, b"quiet console=tty0\n")], None),
            (&[(spcr_path, &elsewhere)], None),
            (&[(dbg2_path, &dbg2)], Some(("ttyS4", 115_200))),
            (&[(spcr_path, &spcr), (dbg2_path, &dbg2)], Some(("ttyS1", 57_600))),
        ];
        for (files, expected) in cases {
            let root = TempDir::new().unwrap();
            let ports: Files<'_> = &[
                ("sys/class/tty/tty0/active", b"tty1\n"),
                ("sys/class/tty/ttyS0/port", b"0x3F8\n"),
                ("sys/class/tty/ttyS0/iomem_base", b"0x0\n"),
                ("sys/class/tty/ttyS1/port", b"0x2F8\n"),
                ("sys/class/tty/ttyS1/iomem_base", b"0x0\n"),
                ("sys/class/tty/ttyS4/port", b"0x0\n"),
                ("sys/class/tty/ttyS4/iomem_base", b"0xFEB00000\n"),
            ];
            for (path, content) in ports.iter().chain(files) {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            let expected = expected.map(|(name, speed)| (name.to_owned(), speed));
            assert_eq!(
                find(root.path()),
                expected,
                "{:?}",
                files.iter().map(|file| file.0).collect::<Vec<_>>()
            );
        }
    }
}
