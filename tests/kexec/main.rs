//! kexec-tools' `kexec` and ours, given the same words in the same guest: the same exit code, the same kernels loaded, and
//! after the jump the same command line, or an improvement that is listed here.

mod crash;
mod protected;

use std::{collections::BTreeMap, fs, time::Duration};

use qemu::{
    debian::Debian,
    guest::Guest,
    machine::{Firmware, Machine},
    oracles::{self, KEXEC_TOOLS},
    payload,
};

/// No single step takes that long, not even translated on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

/// The same of both.
const SAME: &str = "";

/// Name, what kexec-tools is given before, the words, and why ours answers otherwise.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("systemd", "", "--load vmlinuz --append 'root=/dev/sda1 ro' --initrd initrd", SAME),
    ("systemd without initrd", "", "--load vmlinuz --append 'root=/dev/sda1 ro'", SAME),
    ("Debian", "", "-l vmlinuz --initrd=initrd --append=root=/dev/sda1", SAME),
    ("Debian without initrd", "", "-l vmlinuz --append='root=/dev/sda1 ro'", SAME),
    ("Arch", "", "-l vmlinuz --initrd=initrd --reuse-cmdline", SAME),
    ("SONiC", "", "-l vmlinuz --initrd=initrd --append='a b c'", SAME),
    ("SONiC unloads", "-l vmlinuz", "-u -a", SAME),
    (
        "NixOS",
        "",
        "--load vmlinuz --kexec-syscall-auto --initrd=initrd --no-checks --command-line 'init=/x'",
        SAME,
    ),
    ("ZFSBootMenu", "", "-a -l vmlinuz --initrd=initrd --command-line=zfs=x", SAME),
    ("ZFSBootMenu jumps into nothing", "", "-e -i", SAME),
    ("petitboot", "", "-l --debug --initrd=initrd --append=a vmlinuz", SAME),
    ("petitboot with a device tree", "", "-l --debug --initrd=initrd --dtb=text --append=a vmlinuz", SAME),
    ("kdump", "", "-p --command-line='a irqpoll' --initrd=initrd vmlinuz", SAME),
    ("kdump with the file call", "", "-p -s --command-line=a --initrd=initrd vmlinuz", SAME),
    ("kdump, verbose", "", "-p -d -s --command-line=a --initrd=initrd vmlinuz", SAME),
    ("kdump by segments", "", "-p -c --command-line=a --initrd=initrd vmlinuz", SAME),
    ("kdump unloads", "-p -s --append=a vmlinuz", "-p -u", SAME),
    ("load by the file call", "", "-s -l vmlinuz --append=a", SAME),
    ("load by segments", "", "-c -l vmlinuz --append=a", SAME),
    ("load by segments, verbose", "", "-d -c -l vmlinuz --append=a", SAME),
    ("kernel open for writing", "", "-l vmlinuz --append=a 7>>vmlinuz", SAME),
    ("kernel open for writing, by the file call", "", "-s -l vmlinuz --append=a 7>>vmlinuz", SAME),
    ("no checks", "", "-c -i -l vmlinuz --append=a", SAME),
    ("no command line", "", "-l vmlinuz", SAME),
    ("kernel last", "", "-l --append=a --initrd=initrd vmlinuz", SAME),
    ("kernel after two dashes", "", "-l --append=a -- vmlinuz", SAME),
    ("ramdisk", "", "-l vmlinuz --ramdisk=initrd --append=a", SAME),
    ("value in the next word", "", "-l vmlinuz --initrd initrd --append a", SAME),
    ("abbreviated", "", "-l vmlinuz --app=a --init=initrd", SAME),
    ("type", "", "-t bzImage64 -l vmlinuz --append=a", SAME),
    ("unknown type", "", "-c -t foo -l vmlinuz --append=a", SAME),
    ("memory limits as strtoul reads them", "", "-c -l vmlinuz --mem-min= --mem-max=-1", SAME),
    ("memory limits", "", "-c -l vmlinuz --mem-min=0x1000000 --mem-max=0x30000000", SAME),
    ("without EFI", "", "-c -l vmlinuz --noefi", SAME),
    ("two actions, the last counts", "-l vmlinuz", "-l -u", SAME),
    ("a kernel that is not loaded", "-l vmlinuz", "-l -u vmlinuz", "kexec-tools drops the kernel's name"),
    (
        "unload, then load a crash kernel",
        "-p -s --append=a vmlinuz",
        "-u -p -s --append=b vmlinuz",
        "kexec-tools 2.0.25 unloads only, with -s",
    ),
    ("unload, then load no crash kernel", "-p -s --append=a vmlinuz", "-u -p", SAME),
    ("several kernels", "", "-l vmlinuz text --append=a", "kexec-tools drops all but the first"),
    ("unknown type for the file call", "", "-s -t foo -l vmlinuz", "kexec-tools ignores the type then"),
    ("known type for another file", "", "-c -t elf-x86_64 -l vmlinuz --append=a", SAME),
    ("bzImage is what a 64-bit kernel is, too", "", "-c -t bzImage -l vmlinuz --append=a", SAME),
    ("empty initrd", "", "-c -l vmlinuz --initrd= --append=a", SAME),
    ("initrds in one word", "", "-c -l vmlinuz --initrd='initrd initrd' --append=a", SAME),
    ("nothing at all", "", "", SAME),
    ("nothing but words", "", "--append=a", SAME),
    ("nothing but -d", "", "-d", SAME),
    (
        "memory that is too low",
        "",
        "-c -l vmlinuz --mem-max=0x200000",
        "kexec-tools takes it for wrong usage, 1",
    ),
    ("a Latin-1 byte on the command line", "", "-l vmlinuz --append=$(printf 'name=gr\\366n')", SAME),
    ("load and execute: only the last", "", "-l -e vmlinuz", SAME),
    ("execute and load: only the last", "", "-e -l vmlinuz --append=a", SAME),
    ("load replaces", "-l vmlinuz --append=a", "-l vmlinuz --append=b", SAME),
    ("unload nothing", "", "-u", SAME),
    ("unload", "-l vmlinuz", "-u", SAME),
    ("status of nothing", "", "-S", SAME),
    ("status of the kernel", "-l vmlinuz", "-l -S", SAME),
    ("status of the crash kernel", "-p -s vmlinuz", "-S", SAME),
    ("status with a kernel only", "-l vmlinuz", "-S", SAME),
    ("status with a loader's option", "", "-l -S --append=x", SAME),
    ("size of the crash reservation", "", "--print-ckr-size", SAME),
    ("jump into nothing", "", "-e", SAME),
    ("jump with a loader's option", "-l vmlinuz", "-e --append=x", SAME),
    ("no action: a shutdown", "", "vmlinuz --append=a", SAME),
    ("help", "", "-h", SAME),
    ("version", "", "-v", SAME),
    ("unknown option", "", "--frobnicate", SAME),
    ("unknown letter", "", "-Z", SAME),
    ("no value", "", "-l vmlinuz --append", SAME),
    ("bad address", "", "-l vmlinuz --mem-min=x", SAME),
    ("no kernel", "", "-l", SAME),
    ("missing kernel", "", "-l missing", SAME),
    ("missing kernel for the file call", "", "-s -l missing", SAME),
    ("missing initrd", "", "-l vmlinuz --initrd=missing", SAME),
    ("missing initrd for the file call", "", "-s -l vmlinuz --initrd=missing", SAME),
    ("no kernel file", "", "-l text", SAME),
    ("empty kernel", "", "-l empty", SAME),
    ("cut short", "", "-s -l short", "kexec-tools loads a kernel that is cut short"),
    ("failed load keeps what was loaded", "-l vmlinuz", "-l text", SAME),
    (
        "command line too long for the file call",
        "",
        "-s -l vmlinuz --append=$(cat long)",
        "kexec-tools says that the system call is missing",
    ),
    ("command line too long for segments", "", "-c -l vmlinuz --append=$(cat longer)", SAME),
    (
        "several initrds, and the first is missing",
        "",
        "-l vmlinuz --initrd=missing --initrd=initrd --append=a",
        "kexec-tools takes the last one",
    ),
];

/// Refusals, and our message for each: stage, as what it runs, name, what kexec-tools is given before, the
/// words, and the end of the first line.
const REFUSALS: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "free",
        "container",
        "jump out of a container",
        "-l vmlinuz",
        "-e",
        "this is a container (a PID namespace of its own), out of which no kernel can be started; run it on the host",
    ),
    (
        "free",
        "nobody",
        "load by nobody",
        "-l vmlinuz",
        "-l vmlinuz",
        "refused (EPERM): this process lacks CAP_SYS_BOOT; run it as root, outside of a container; the kernel that was \
         loaded before still is",
    ),
    (
        "free",
        "nobody",
        "jump by nobody",
        "-l vmlinuz",
        "-e",
        "this process lacks CAP_SYS_BOOT; run it as root, outside of a container",
    ),
    (
        "free",
        "nobody",
        "unload by nobody",
        "-l vmlinuz",
        "-u",
        "refused (EPERM): this process lacks CAP_SYS_BOOT; run it as root, outside of a container",
    ),
    (
        "free",
        "",
        "refused load",
        "-l vmlinuz",
        "-s -l low",
        "install a 64-bit kernel for this machine, or leave -s out where it is given; the kernel that was loaded before still is",
    ),
    (
        "free",
        "",
        "refused crash kernel",
        "-p -s vmlinuz",
        "-p -s low",
        "install a 64-bit kernel for this machine, or leave -s out where it is given; the kernel that was loaded before still is",
    ),
    (
        "locked",
        "",
        "unsigned under lockdown",
        "",
        "-s -l vmlinuz",
        "boot a signed kernel or turn lockdown (Secure Boot) off",
    ),
    (
        "locked",
        "",
        "segments under lockdown",
        "",
        "-c -l vmlinuz",
        "refused (EPERM): lockdown is on, and kexec_load shows no signature; leave -c out, so that kexec_file_load checks \
         the kernel's signature",
    ),
    (
        "locked",
        "",
        "either call under lockdown",
        "",
        "-l vmlinuz",
        "boot a signed kernel or turn lockdown (Secure Boot) off",
    ),
    (
        "disabled",
        "",
        "loading is disabled",
        "",
        "-l vmlinuz",
        "refused (EPERM): loading kernels is turned off until the next restart (kernel.kexec_load_disabled is 1); restart \
         the machine, and remove what sets it",
    ),
    (
        "disabled",
        "",
        "unloading is disabled",
        "",
        "-u",
        "(kernel.kexec_load_disabled is 1); restart the machine, and remove what sets it",
    ),
];

/// Programs and words of the jumps, both the same for each.
const JUMPS: &[&str] = &[
    "-s -l vmlinuz --initrd=@INITRD --append='console=ttyS0 quiet @NEXT'",
    "-c -i -l vmlinuz --initrd=@INITRD --command-line='console=ttyS0 quiet  x=\"a b\" @NEXT'",
    "-s -l vmlinuz --initrd=@INITRD --reuse-cmdline --append=@NEXT",
];

/// Waits until the guest has done all rows and jumps; each has its deadline, since all of them take minutes, and many more on
/// a busy machine.
fn wait_for_end(guest: &Guest) {
    let mut done = 0;
    loop {
        let mut lines = 0;
        let ended = guest.wait("the next row", LIMIT, |line| {
            lines += usize::from(["row: ", "jumped: "].iter().any(|start| line.text.starts_with(start)));
            let ended = line.text.contains("side-by-side: end");
            (ended || lines > done).then_some(ended)
        });
        if ended.unwrap() {
            return;
        }
        done += 1;
    }
}

/// The outcome of a row: exit code, and the loaded kernel.
type Outcome = (String, String);

#[test]
fn both_programs_do_the_same_with_the_same_words() {
    let Some(theirs) = oracles::available(&KEXEC_TOOLS, KEXEC_TOOLS.root()) else { return };
    let debian = Debian::install().unwrap();
    let usual = ROWS.iter().map(|(name, before, words, _)| format!("free||{name}|{before}|{words}\n"));
    let refusals = REFUSALS
        .iter()
        .map(|(stage, how, name, before, words, _)| format!("{stage}|{how}|{name}|{before}|{words}\n"));
    let rows: String = usual.chain(refusals).collect();
    let jumps: String =
        JUMPS.iter().flat_map(|words| [format!("theirs|{words}\n"), format!("ours|{words}\n")]).collect();
    let kernel = fs::read(debian.kernel()).unwrap();
    // A kernel that does not say that it is loaded high, as all do that are no zImage.
    let mut low = kernel.clone();
    low[0x211] &= !1;
    let files = [
        ("low", low),
        ("initrd", payload::initrd_part("side").unwrap()),
        ("text", b"no kernel\n".to_vec()),
        ("empty", Vec::new()),
        ("short", kernel[..1 << 20].to_vec()),
        ("long", vec![b'x'; 2017]),
        ("longer", vec![b'x'; 2048]),
    ];
    let initrd = payload::side_by_side(&debian, &theirs, &rows, &jumps, &files).unwrap();
    let guest = Machine::new("side-by-side")
        .firmware(Firmware::Bios)
        .kernel(&debian.kernel(), &initrd, "console=ttyS0 quiet no_timer_check crashkernel=192M jump=0")
        .start()
        .unwrap();
    wait_for_end(&guest);
    let mut outcomes: BTreeMap<(String, String), (Outcome, String)> = BTreeMap::new();
    for line in guest.console().lines() {
        let Some(row) = line.text.strip_prefix("row: ") else { continue };
        let fields: Vec<&str> = row.splitn(5, '|').collect();
        let [name, program, code, state, said] = fields[..] else { panic!("{row}") };
        let outcome = ((code.to_owned(), state.to_owned()), said.to_owned());
        outcomes.insert((name.to_owned(), program.to_owned()), outcome);
    }
    let mut differences = Vec::new();
    let refused = REFUSALS.iter().map(|(_, _, name, _, words, _)| (name, words, &SAME));
    for (name, words, improvement) in
        ROWS.iter().map(|(name, _, words, improvement)| (name, words, improvement)).chain(refused)
    {
        let of = |program: &str| outcomes.get(&((*name).to_owned(), program.to_owned()));
        let (Some(theirs), Some(ours)) = (of("theirs"), of("ours")) else { panic!("{name}: no answer") };
        match (theirs.0 == ours.0, *improvement == SAME) {
            (false, true) => differences.push(format!("{name} ({words}): {theirs:?}, ours {ours:?}")),
            (true, false) => {
                differences.push(format!("{name} ({words}): {ours:?} of both, but {improvement}"));
            }
            _ => {}
        }
    }
    for (_, _, name, _, _, end) in REFUSALS {
        let (_, said) = &outcomes[&((*name).to_owned(), "ours".to_owned())];
        if !(said.starts_with("kexec: ") && said.ends_with(end)) {
            differences.push(format!("{name}: {said}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    let asked: Vec<String> = guest
        .console()
        .lines()
        .iter()
        .filter_map(|line| line.text.strip_prefix("signatures: ").map(str::to_owned))
        .collect();
    let expected = [
        "free:  unsigned kernel (EBADF) for something else: signatures are not enforced|1 1 ",
        "locked:  unsigned kernel (EPERM) for its signature|0 0 ",
    ];
    assert_eq!(asked, expected, "what the kernel answered, and whether what was loaded before still is");

    let jumped: Vec<String> = guest
        .console()
        .lines()
        .iter()
        .filter_map(|line| line.text.strip_prefix("jumped: ").map(str::to_owned))
        .collect();
    assert_eq!(jumped.len(), 2 * JUMPS.len() + 1, "{jumped:#?}");
    for pair in jumped[1..].chunks(2) {
        let [theirs, ours] = pair else { panic!("{jumped:#?}") };
        // The words of the next jump differ, and grow with the reused command line.
        let plain = |line: &str| -> Vec<String> {
            line.split(' ').filter(|word| !word.starts_with("jump=")).map(str::to_owned).collect()
        };
        assert_eq!(plain(ours), plain(theirs));
    }
}
