//! A kernel that panics, and the one that was loaded for it: whether our `kexec` or the kernel itself described the crashed
//! memory, the next one finds the same /proc/vmcore.

use goblin::elf::{
    Elf,
    header::ET_CORE,
    program_header::{PT_LOAD, PT_NOTE},
};
use qemu::{
    debian::Debian,
    machine::{Firmware, Machine},
    payload,
};

use super::LIMIT;

/// The findings of a crash kernel.
struct Found {
    cmdline: String,
    /// The beginning of /proc/vmcore.
    core: Vec<u8>,
}

/// Loads by these words, crashes, and looks at what the crash kernel says.
fn crash(name: &str, words: &str) -> Found {
    let debian = Debian::install().unwrap();
    let initrd = payload::crash(&debian).unwrap();
    // Without a log level, a panic is not printed; it would end the waiting.
    let cmdline = format!(
        "console=ttyS0 loglevel=0 nokaslr no_timer_check crashkernel=192M words={}",
        words.replace(' ', ",")
    );
    let guest = Machine::new(name)
        .firmware(Firmware::Bios)
        .kernel(&debian.kernel(), &initrd, &cmdline)
        .start()
        .unwrap();
    guest.wait_for_text("crash: loaded 0 1", LIMIT).unwrap();
    guest.wait_for_text("crash: end", LIMIT).unwrap();
    let mut found = Found { cmdline: String::new(), core: Vec::new() };
    for line in guest.console().lines() {
        if let Some(cmdline) = line.text.strip_prefix("crash: cmdline ") {
            cmdline.clone_into(&mut found.cmdline);
        } else if let Some(digits) = line.text.strip_prefix("crash: core ") {
            let byte = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
            found.core.extend((0..digits.len()).step_by(2).map(byte));
        }
    }
    found
}

/// Kind, virtual and physical address and size of each part; of the notes, which kernels join, the kind only.
fn parts(elf: &Elf) -> Vec<(u32, u64, u64, u64)> {
    let part = |it: &goblin::elf::ProgramHeader| match it.p_type {
        PT_NOTE => (PT_NOTE, 0, 0, 0),
        kind => (kind, it.p_vaddr, it.p_paddr, it.p_memsz),
    };
    elf.program_headers.iter().map(part).collect()
}

#[test]
fn a_crash_kernel_finds_the_same_memory_whoever_described_it() {
    let by_file = crash("crash-file", "-s -p");
    let by_segments = crash("crash-segments", "-c -p");
    let given = "console=ttyS0 quiet nokaslr no_timer_check";
    assert!(
        by_file.cmdline.starts_with("elfcorehdr=0x") && by_file.cmdline.ends_with(given),
        "{}",
        by_file.cmdline
    );
    let word = by_segments.cmdline.strip_prefix(given).unwrap();
    assert!(word.starts_with(" elfcorehdr=") && word.ends_with('K'), "{word}");

    let [theirs, ours] = [&by_file, &by_segments].map(|found| Elf::parse(&found.core).unwrap());
    assert_eq!(ours.header.e_type, ET_CORE);
    assert_eq!(parts(&ours), parts(&theirs));
    assert!(parts(&ours).iter().filter(|(kind, ..)| *kind == PT_LOAD).count() >= 3, "{:?}", parts(&ours));
    for (elf, core) in [(&theirs, &by_file.core), (&ours, &by_segments.core)] {
        let notes: Vec<_> = elf.iter_note_headers(core).unwrap().map(Result::unwrap).collect();
        let names: Vec<&str> = notes.iter().map(|note| note.name).collect();
        assert_eq!(names, ["CORE", "VMCOREINFO"]);
        let facts = String::from_utf8_lossy(notes[1].desc);
        assert!(facts.contains(&format!("OSRELEASE={}\n", Debian::install().unwrap().release())), "{facts}");
    }
}
