//! From a kernel into the next one and on into a third, by both of the kernel's ways of loading: each finds the machine
//! as the first one was given it.

use qemu::machine::{Firmware, Machine};
use qemu::{Report, payload, place};

use crate::{LIMIT, debian};

/// A line of text in the consoles' fonts, in lines of pixels.
const TEXT_LINE: usize = 16;

fn three_kernels(name: &str, firmware: Firmware, processors: u32, methods: &str) {
    // A translated processor on a busy machine is too slow for the kernel's check whether timer interrupts come.
    let words = "console=tty0 console=ttyS0 quiet no_timer_check";
    let initrd = payload::hops(debian()).unwrap();
    let mut guest = Machine::new(name)
        .firmware(firmware)
        .processors(processors)
        .kernel(&debian().kernel(), &initrd, &format!("{words} hops={methods}"))
        .start()
        .unwrap();
    let report = |hops: &str| {
        let word = format!("hops={hops}");
        let mine = |report: &Report| report.cmdline.split(' ').any(|other| other == word);
        guest.wait(&word, LIMIT, |line| Report::parse(&line.text).filter(mine)).unwrap()
    };
    let first = report(methods);
    let (_, last_method) = methods.split_once(',').unwrap();
    for hops in [last_method, ""] {
        let cmdline = format!("{words} hops={hops}");
        assert_eq!(report(hops), Report { cmdline, kexec: true, loader: 0xd0, ..first.clone() });
    }
    let processor_list = if processors == 1 { "0".to_owned() } else { format!("0-{}", processors - 1) };
    assert_eq!((first.kexec, first.platform.processors), (false, processor_list));
    assert_eq!(first.efi, firmware == Firmware::Uefi);
    assert_eq!(first.platform.efi_variables.is_empty(), !first.efi);
    assert!(first.platform.acpi.iter().any(|table| table == "DSDT"), "{:?}", first.platform.acpi);

    guest.wait_for_text("hops: drawn", LIMIT).unwrap();
    let picture = place::directory("machines").unwrap().join(format!("{name}.png"));
    let screen = guest.monitor().unwrap().screenshot(&picture).unwrap();
    // A white bar with dark letters in it; below it nothing but a cursor.
    let (bar, below) = (screen.bright(..TEXT_LINE), screen.bright(TEXT_LINE * 2..));
    assert!(bar > 80 * 8 * TEXT_LINE * 3 / 4 && below < 100, "{bar} {below}: {}", picture.display());
}

#[test]
fn file_call_then_segments_under_seabios() {
    three_kernels("hops-bios-1", Firmware::Bios, 1, "s,c");
}

#[test]
fn segments_then_file_call_under_seabios_with_two_processors() {
    three_kernels("hops-bios-2", Firmware::Bios, 2, "c,s");
}

#[test]
fn segments_then_file_call_under_uefi() {
    three_kernels("hops-uefi-1", Firmware::Uefi, 1, "c,s");
}

#[test]
fn file_call_then_segments_under_uefi_with_two_processors() {
    three_kernels("hops-uefi-2", Firmware::Uefi, 2, "s,c");
}

mod slow {
    use super::*;

    /// Debian's arm64 kernels lack kexec_file_load.
    #[test]
    fn segments_twice_on_arm64() {
        let guest = qemu::arm64::hops("hops-arm64", "c,c").unwrap().start().unwrap();
        for hops in ["c,c", "c", ""] {
            let line = format!("hop: console=ttyAMA0 quiet hops={hops}");
            guest.wait(&line, LIMIT, |seen| (seen.text == line && seen.whole).then_some(())).unwrap();
        }
    }
}
