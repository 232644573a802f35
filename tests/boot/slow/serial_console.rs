//! A PC whose firmware has its console on a serial line, and a kernel whose command line names none: firstlight is on that line, and
//! a key on it counts.

use qemu::machine::{Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, debian, initramfs};

/// A table SPCR after its header: a 16550 at the I/O port 0x3f8, 115,200 bits in a second.
fn spcr() -> Vec<u8> {
    let mut table = vec![0; 44];
    // Address space, width in bits, offset, access size.
    table[4..8].copy_from_slice(&[1, 8, 0, 1]);
    table[8..10].copy_from_slice(&0x3f8_u16.to_le_bytes());
    table[22] = 7;
    table
}

#[test]
fn the_serial_line_of_the_firmwares_console_is_one_of_firstlights() {
    let table = payload::write_whole("serial-console.table", &spcr()).unwrap();
    let mut guest = Machine::new("serial-console")
        .firmware(Firmware::None)
        .kernel(&debian().kernel(), initramfs(), "quiet")
        .options(["-acpitable".to_owned(), format!("sig=SPCR,rev=2,data={}", table.display())])
        .start()
        .unwrap();
    guest.wait_for_landmark("explain", &[], LIMIT).unwrap();
    guest.send("r").unwrap();
    guest.wait_for_text("firstlight: rescue console.", LIMIT).unwrap();
}
