//! The firmware's tables about serial ports.
#![no_main]

use firstlight::formats::acpi_serial::SerialPort;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = SerialPort::of_console(data);
    let _ = SerialPort::of_debugger(data);
});
