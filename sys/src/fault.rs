//! A fault of this process (the processor's, or abort(3)) answered by executing a program in its place: sigaction(2),
//! signal-safety(7), execve(2).
#![expect(
    unsafe_code,
    reason = "a signal's handler, and the kernel's data about the fault, are beyond safe interfaces"
)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use nix::{
    errno::Errno,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
};

/// The signals of a fault: an instruction that no processor knows or takes for a breakpoint; memory that is not there; a
/// division; abort(3), which ends a panic.
const FAULTS: [Signal; 6] =
    [Signal::SIGILL, Signal::SIGTRAP, Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGABRT];

/// Maximum length of the note, in bytes: a panic's line, or `signal 11 at 0x` and 16 digits.
const ROOM: usize = 512;

/// All that the handler needs, made before: it must not allocate.
struct Plan {
    program: CString,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// The value of the last variable of the environment: zeros, so that it ends wherever the handler stops writing.
    note: *mut u8,
    /// Offset of the program in memory from the addresses in its file.
    base: u64,
}

static PLAN: AtomicPtr<Plan> = AtomicPtr::new(ptr::null_mut());

/// From now on a fault in any thread executes `program` with `arguments` and `environment`, and beside that with the
/// variable `note`. That holds what [`record`] was given; or, where nothing was, which signal it was and at which
/// instruction: `signal 4 at 0x21a34f`, an address of the program's file wherever the kernel has put the program.
///
/// A signal that another process sent changes nothing. If the execution fails, the process ends by the signal; where the
/// kernel does not let it (process 1 has no fatal signals), it exits with 128 and the signal's number, and the kernel panics.
///
/// # Errors
///
/// The answer of sigaction(2).
pub fn execute_on_fault(
    program: &CStr,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    note: &str,
) -> Result<(), Errno> {
    let name = format!("{note}=").into_bytes();
    let mut variable = name.clone();
    variable.resize(name.len().saturating_add(ROOM), 0);
    // The data that the plan points to is never freed: a fault can come until the process ends.
    let variable = Box::leak(variable.into_boxed_slice()).as_mut_ptr();
    let strings = |list: Vec<CString>| list.into_iter().map(|text| text.into_raw().cast_const());
    let plan = Plan {
        program: program.to_owned(),
        arguments: strings(arguments).chain([ptr::null()]).collect(),
        environment: strings(environment).chain([variable.cast_const().cast(), ptr::null()]).collect(),
        note: variable.wrapping_add(name.len()),
        base: base(),
    };
    PLAN.store(Box::into_raw(Box::new(plan)), Ordering::Release);
    // On the stack that std gives each thread for a stack that is used up; and not blocked meanwhile, because the program
    // would inherit that, and a blocked fault is death.
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK | SaFlags::SA_NODEFER;
    let action = SigAction::new(SigHandler::SigAction(answer), flags, SigSet::empty());
    for signal in FAULTS {
        // SAFETY: the handler makes system calls and writes to memory that nothing else uses; it takes no lock and does not
        // allocate.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Sets the note of the fault that is about to come. The first call counts, and a longer text is cut.
pub fn record(text: &str) {
    // Taken for as long as it is written to, so that a fault in another thread meanwhile waits for this one's end.
    let plan = PLAN.swap(ptr::null_mut(), Ordering::AcqRel);
    if plan.is_null() {
        return;
    }
    // SAFETY: it came out of a box that is never freed, and ROOM bytes from its `note` on are this plan's alone; the swap
    // gave them to nobody else.
    let note = unsafe { std::slice::from_raw_parts_mut((*plan).note, ROOM) };
    if note.first() == Some(&0) {
        write(note, text.bytes().filter(|byte| *byte != 0));
    }
    PLAN.store(plan, Ordering::Release);
}

/// How far above the addresses in its file the program was loaded: the kernel chooses that for each process.
fn base() -> u64 {
    extern "C" fn first(information: *mut libc::dl_phdr_info, _: libc::size_t, base: *mut c_void) -> c_int {
        // SAFETY: the C library hands over a whole dl_phdr_info, and the pointer that it was given with this function.
        unsafe { *base.cast::<u64>() = (*information).dlpi_addr };
        // The program itself comes first, and no more is wanted.
        1
    }
    let mut base = 0_u64;
    // SAFETY: `first` writes to the u64 that it is given, which lives longer than the call.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut base).cast()) };
    base
}

/// The handler.
extern "C" fn answer(signal: c_int, information: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands over a whole siginfo_t.
    let code = unsafe { (*information).si_code };
    // Only the kernel has codes above 0 (sigaction(2)). Of the others abort(3)'s is SI_TKILL, which the kernel lets no other
    // process forge (rt_sigqueueinfo(2)), and which has a sender.
    // SAFETY: a signal of that code has one.
    let is_ours = code == libc::SI_TKILL && unsafe { (*information).si_pid() == libc::getpid() };
    if code <= 0 && !is_ours {
        return;
    }
    // Only once: the other thread, or the fault on the way, waits for the end.
    let plan = PLAN.swap(ptr::null_mut(), Ordering::AcqRel);
    if !plan.is_null() {
        // SAFETY: it came out of a box that is never freed, and the swap gave it to nobody else.
        let plan = unsafe { &*plan };
        // SAFETY: ROOM bytes from `note` on are this plan's alone.
        let note = unsafe { std::slice::from_raw_parts_mut(plan.note, ROOM) };
        if note.first() == Some(&0) {
            describe(note, signal, instruction(context).wrapping_sub(plan.base));
        }
        // SAFETY: strings that end with a zero, in lists that end with a null pointer, none of them ever freed.
        unsafe { libc::execve(plan.program.as_ptr(), plan.arguments.as_ptr(), plan.environment.as_ptr()) };
        // SAFETY: both calls are safe in a handler (signal-safety(7)); the default disposition runs no code of ours.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        // SAFETY: ends the process, and touches nothing.
        unsafe { libc::_exit(signal.saturating_add(128)) };
    }
    loop {
        // SAFETY: waits for the next signal, and touches nothing.
        unsafe { libc::pause() };
    }
}

/// The address of the instruction that was being executed.
fn instruction(context: *mut c_void) -> u64 {
    let context: *const libc::ucontext_t = context.cast_const().cast();
    // SAFETY: with SA_SIGINFO the kernel hands over the whole ucontext_t of the thread.
    let machine = unsafe { &(*context).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    let address = machine.gregs.get(libc::REG_RIP as usize).map_or(0, |address| address.cast_unsigned());
    #[cfg(target_arch = "aarch64")]
    let address = machine.pc;
    address
}

/// Describes the fault without any of std's formatting, which could fault again.
fn describe(note: &mut [u8], signal: c_int, address: u64) {
    let number = signal.unsigned_abs();
    let tens = (number / 10 > 0).then_some(number / 10);
    let hex = (0..16).rev().map(|place| (address >> (place * 4)) & 0xf).skip_while(|digit| *digit == 0);
    let digit = |digit: u64| b"0123456789abcdef".get(digit as usize).copied().unwrap_or(b'?');
    let words = b"signal ".iter().copied();
    let words = words.chain(tens.map(|tens| digit(u64::from(tens)))).chain([digit(u64::from(number % 10))]);
    let words = words.chain(b" at 0x".iter().copied()).chain(hex.map(digit));
    write(note, words);
}

/// Writes what has room; the last byte stays 0.
fn write(note: &mut [u8], bytes: impl Iterator<Item = u8>) {
    let room = note.len().saturating_sub(1);
    for (place, byte) in note.iter_mut().take(room).zip(bytes) {
        *place = byte;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;
    use crate::panics::on_panic;

    #[test]
    fn the_note_names_signal_and_instruction() {
        for (signal, address, expected) in [
            (libc::SIGILL, 0x21_a34f, "signal 4 at 0x21a34f"),
            (libc::SIGSEGV, u64::MAX, "signal 11 at 0xffffffffffffffff"),
            (libc::SIGABRT, 0, "signal 6 at 0x"),
        ] {
            let mut note = [0; ROOM];
            describe(&mut note, signal, address);
            assert_eq!(CStr::from_bytes_until_nul(&note).unwrap().to_str().unwrap(), expected);
        }
    }

    /// A process of its own that runs [`a_process_that_faults`].
    fn faulting(way: &str) -> Command {
        let name = "fault::tests::a_process_that_faults";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", name]).env("WAY", way);
        command
    }

    /// Runs [`a_process_that_faults`], and gives what the program in its place printed.
    fn fault(way: &str) -> String {
        let output = faulting(way).output().unwrap();
        assert_eq!(output.status.signal(), None, "{way}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix("again: "))
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    }

    #[test]
    fn every_fault_executes_the_program_and_a_signal_that_was_sent_does_not() {
        for (way, expected) in [
            ("memory", "signal 11 at 0x"),
            ("abort", "signal 6 at 0x"),
            ("thread", "signal 11 at 0x"),
            ("stack", "signal 11 at 0x"),
            ("sent, then abort", "signal 6 at 0x"),
            ("forged, then abort", "signal 6 at 0x"),
            ("panic", "panicked at sys/src/fault.rs:"),
        ] {
            let note = fault(way);
            assert!(note.starts_with(expected) && note.len() > expected.len(), "{way}: {note}");
        }
    }

    #[test]
    fn a_fault_whose_program_cannot_be_executed_ends_the_process() {
        for (way, signal) in [("memory", libc::SIGSEGV), ("abort", libc::SIGABRT), ("thread", libc::SIGSEGV)]
        {
            let output = faulting(way).env("PROGRAM", "/nonexistent").output().unwrap();
            assert_eq!(output.status.signal(), Some(signal), "{way}");
        }
    }

    #[test]
    fn the_note_of_a_panic_is_the_first_ones_with_its_place_thread_and_message() {
        let note = fault("panic");
        let (place, message) = note.split_once(" in thread boot: ").unwrap();
        assert_eq!(message, "the first of two");
        let line = place.strip_prefix("panicked at sys/src/fault.rs:").and_then(|it| it.split(':').next());
        let line: usize = line.unwrap().parse().unwrap();
        let source = include_str!("fault.rs").lines().nth(line - 1).unwrap();
        assert!(source.contains("panic!(\"the first of {}\""), "{note}: {source}");
    }

    #[test]
    fn the_address_of_a_fault_is_one_of_the_programs_file() {
        let note = fault("memory");
        let address = u64::from_str_radix(note.rsplit_once("0x").unwrap().1, 16).unwrap();
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = goblin::elf::Elf::parse(&file).unwrap();
        let mut functions =
            elf.syms.iter().filter(|it| (it.st_value..it.st_value + it.st_size).contains(&address));
        let name = functions.find_map(|it| elf.strtab.get_at(it.st_name)).unwrap_or_default();
        assert!(name.contains("touch_nothing") || name.contains("write_volatile"), "{note}: {name:?}");
    }

    #[test]
    #[ignore = "ends its process; every_fault_executes_the_program_and_a_signal_that_was_sent_does_not runs it in one of its own"]
    fn a_process_that_faults() {
        let text = |text: &str| CString::new(text).unwrap();
        let arguments = ["sh", "-c", "echo \"again: $NOTE\""].map(text).to_vec();
        let program = text(&std::env::var("PROGRAM").unwrap_or_else(|_| "/bin/sh".to_owned()));
        execute_on_fault(&program, arguments, vec![text("PATH=/bin")], "NOTE").unwrap();
        match std::env::var("WAY").unwrap().as_str() {
            "memory" => touch_nothing(),
            "thread" => std::thread::spawn(touch_nothing).join().unwrap(),
            "stack" => assert_eq!(deep(1), 0),
            "panic" => {
                on_panic(record);
                let boot = || panic!("the first of {}", "two");
                let boot = std::thread::Builder::new().name("boot".to_owned()).spawn(boot).unwrap();
                assert!(boot.join().is_err());
                assert!(std::thread::spawn(|| panic!("the second")).join().is_err());
                // The abort after the hook, as in the product.
                std::process::abort();
            }
            "forged, then abort" => {
                // Another process, which names this one as the sender.
                let ours = std::process::id();
                let mut forged = [0_i32; 32];
                // si_signo, si_errno, si_code, then on 64-bit machines a gap, and si_pid.
                (forged[0], forged[2], forged[4]) = (libc::SIGSEGV, libc::SI_QUEUE, ours.cast_signed());
                // SAFETY: the child makes system calls only, and ends.
                match unsafe { libc::fork() } {
                    0 => {
                        let (call, forged) = (libc::SYS_rt_sigqueueinfo, forged.as_ptr());
                        // SAFETY: the array is as long as a siginfo_t, and lives over the call.
                        let result =
                            unsafe { libc::syscall(call, ours.cast_signed(), libc::SIGSEGV, forged) };
                        // SAFETY: ends the process, and touches nothing.
                        unsafe { libc::_exit(i32::from(result != 0)) };
                    }
                    child => {
                        let mut status = -1;
                        // SAFETY: the status is an int that lives over the call.
                        unsafe { libc::waitpid(child, &raw mut status, 0) };
                        assert_eq!(status, 0);
                    }
                }
                std::process::abort();
            }
            "sent, then abort" => {
                // The shell's own kill: not every machine has a program of that name.
                let kill = format!("kill -SEGV {}", std::process::id());
                assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
                std::process::abort();
            }
            _ => std::process::abort(),
        }
    }

    fn touch_nothing() {
        // SAFETY: none; the fault is what is wanted.
        unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(0) };
    }

    #[expect(unconditional_recursion, reason = "the stack is to be used up")]
    fn deep(depth: u64) -> u64 {
        std::hint::black_box(deep(std::hint::black_box(depth + 1))) + 1
    }
}
