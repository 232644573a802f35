//! The serial port that a firmware has its console on, or its debugger (Microsoft, Serial Port Console Redirection Table, revision 4,
//! and Debug Port Table 2; ACPI 6.5, 5.2.3.2).

use super::bytes::{le16, le32, le64};

/// The debug port is a serial one.
const SERIAL: u16 = 0x8000;
/// Maximum number of debug ports that are read.
const DEVICE_LIMIT: usize = 16;

/// A serial port by its place in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialPort {
    /// The address counts I/O ports, as on PCs, instead of memory.
    pub is_io: bool,
    /// Where its registers begin.
    pub address: u64,
    /// Bits in a second.
    pub speed: u32,
}

impl SerialPort {
    /// That of the console, as a table SPCR has it; `None` where the firmware has no console on one.
    #[must_use]
    pub fn of_console(table: &[u8]) -> Option<Self> {
        let speed = match table.get(58)? {
            3 => 9600,
            4 => 19_200,
            6 => 57_600,
            // As the firmware has left it, which no driver does.
            _ => 115_200,
        };
        Self::at(table, 40, speed)
    }

    /// The first one for a debugger, as a table DBG2 has it.
    #[must_use]
    pub fn of_debugger(table: &[u8]) -> Option<Self> {
        let mut at = usize::try_from(le32(table, 36)?).ok()?;
        for _ in 0..DEVICE_LIMIT {
            let device = table.get(at..)?;
            if le16(device, 12)? == SERIAL {
                return Self::at(device, le16(device, 18)?.into(), 115_200);
            }
            at = at.checked_add(le16(device, 1)?.into())?;
        }
        None
    }

    /// The one at a generic address of ACPI's.
    fn at(table: &[u8], at: usize, speed: u32) -> Option<Self> {
        let is_io = match table.get(at)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let address = le64(table, at.checked_add(4)?).filter(|address| *address != 0)?;
        Some(Self { is_io, address, speed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of QEMU's machine `virt`: a PL011 in memory.
    const SPCR: &[u8] =
        b"SPCRP\0\0\0\x02\xb1BOCHS\x20BXPC\x20\x20\x20\x20\x01\0\0\0BXPC\x01\0\0\0\x03\0\0\0\0\x20\0\x03\0\0\
          \0\x09\0\0\0\0\x08\0!\0\0\0\x03\0\x01\x02\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0";
    const DBG2: &[u8] =
        b"DBG2W\0\0\0\0\xb5BOCHS\x20BXPC\x20\x20\x20\x20\x01\0\0\0BXPC\x01\0\0\0,\0\0\0\x01\0\0\0\0+\0\x01\
          \x05\0&\0\0\0\0\0\0\x80\x03\0\0\0\x16\0\x22\0\0\x20\0\x03\0\0\0\x09\0\0\0\0\0\x10\0\0COM0\
          \0";

    const PL011: SerialPort = SerialPort { is_io: false, address: 0x900_0000, speed: 9600 };

    /// A table with other bytes at some places.
    fn with(table: &[u8], changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut table = table.to_vec();
        for (at, bytes) in changes {
            table[*at..][..bytes.len()].copy_from_slice(bytes);
        }
        table
    }

    #[test]
    fn the_console_is_where_the_table_says_at_its_speed() {
        let io = [(40, &b"\x01\x08\0\x01\xf8\x03\0\0"[..])];
        for (table, expected) in [
            (SPCR.to_vec(), Some(PL011)),
            (with(SPCR, &io), Some(SerialPort { is_io: true, address: 0x3f8, speed: 9600 })),
            (with(SPCR, &[(58, b"\x07")]), Some(SerialPort { speed: 115_200, ..PL011 })),
            (with(SPCR, &[(58, b"\0")]), Some(SerialPort { speed: 115_200, ..PL011 })),
            // No console, and one on a PCI device's configuration space.
            (with(SPCR, &[(44, &[0; 8])]), None),
            (with(SPCR, &[(40, b"\x02")]), None),
            (SPCR[..58].to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(SerialPort::of_console(&table), expected, "{table:x?}");
        }
    }

    #[test]
    fn the_debuggers_port_is_the_first_serial_one() {
        let device = &DBG2[44..];
        let usb = with(device, &[(12, &0x8003_u16.to_le_bytes())]);
        let expected = SerialPort { speed: 115_200, ..PL011 };
        for (table, expected) in [
            (DBG2.to_vec(), Some(expected)),
            ([&DBG2[..44], &usb, device].concat(), Some(expected)),
            ([&DBG2[..44], &usb].concat(), None),
            // Devices that are nowhere, and one after which comes itself.
            (with(DBG2, &[(36, &[0xff; 4])]), None),
            (with(DBG2, &[(45, &[0; 2]), (56, &0x8003_u16.to_le_bytes())]), None),
            (DBG2[..60].to_vec(), None),
        ] {
            assert_eq!(SerialPort::of_debugger(&table), expected, "{table:x?}");
        }
    }
}
