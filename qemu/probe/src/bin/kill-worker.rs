//! Runs before firstlight's PID 1 (`rdinit=/kill-worker`): each line that the rig writes to the second serial port
//! kills the worker with SIGKILL; before that, the line `break` puts an instruction that no processor knows where PID 1 goes
//! on when it next wakes, and `panic ADDRESS` a call of the function there, `core::panicking::panic_bounds_check`. PID 1 itself
//! is the unchanged `/init`.
#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, Signal, kill_process};

/// Its own /proc and device node: /init has not made its own yet, and they must not be in its way.
const PROC: &str = "/kill-worker-proc";
const PORT: &str = "/kill-worker-port";

/// `ud2` for x86_64, which arm64 does not know either.
const UNKNOWN: &[u8] = &[0x0f, 0x0b];

fn main() {
    if std::env::args().any(|word| word == "hunt") {
        if let Err(error) = hunt() {
            eprintln!("kill-worker: {error}");
        }
        return;
    }
    if let Err(error) = Command::new("/kill-worker").arg("hunt").spawn() {
        eprintln!("kill-worker: {error}");
    }
    let error = Command::new("/init").exec();
    eprintln!("kill-worker: /init: {error}");
}

fn hunt() -> std::io::Result<()> {
    fs::create_dir_all(PROC)?;
    mount("proc", PROC, "proc", MountFlags::empty(), None)?;
    mknodat(CWD, PORT, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(4, 65))?;
    let mut port = OpenOptions::new().read(true).write(true).open(PORT)?;
    // The rig waits for this line, then knows that the port is listened to.
    port.write_all(b"hunting\n")?;
    for line in BufReader::new(File::open(PORT)?).lines() {
        let line = line?;
        if line.trim() == "break" {
            writeln!(port, "broke {:#x}", change_init(|_| UNKNOWN.to_vec())?)?;
        } else if let Some(function) = line.trim().strip_prefix("panic 0x") {
            let function = u64::from_str_radix(function, 16).map_err(std::io::Error::other)?;
            writeln!(port, "broke {:#x}", change_init(|address| panic_code(address, function))?)?;
        }
        for worker in workers()? {
            kill_process(worker, Signal::KILL)?;
            writeln!(port, "killed {}", worker.as_raw_pid())?;
        }
    }
    Ok(())
}

/// Instructions for x86_64 that fail the check of an index in the source file `injected.rs`, line 12, as a panic of the program's
/// own does: `function` takes the index 7, the length 3, and a `core::panic::Location`, which comes after them.
fn panic_code(address: u64, function: u64) -> Vec<u8> {
    const FILE: &[u8] = b"injected.rs\0";
    const CODE: u64 = 64;
    let location = (address + CODE).next_multiple_of(8);
    // and $-16, %rsp; mov $7, %edi; mov $3, %esi; movabs $location, %rdx; movabs $function, %rax; call *%rax
    let mut code = vec![0x48, 0x83, 0xe4, 0xf0, 0xbf, 7, 0, 0, 0, 0xbe, 3, 0, 0, 0, 0x48, 0xba];
    code.extend(location.to_le_bytes());
    code.extend([0x48, 0xb8]);
    code.extend(function.to_le_bytes());
    code.extend([0xff, 0xd0]);
    code.resize((location - address) as usize, 0xcc);
    code.extend((location + 24).to_le_bytes());
    code.extend((FILE.len() as u64 - 1).to_le_bytes());
    code.extend(12_u32.to_le_bytes());
    code.extend(34_u32.to_le_bytes());
    code.extend(FILE);
    code
}

/// Writes other instructions over those that PID 1 goes on with after the system call that it waits in
/// (proc_pid_syscall(5)), made for their address, and gives it.
fn change_init(code: impl FnOnce(u64) -> Vec<u8>) -> std::io::Result<u64> {
    let waiting = fs::read_to_string(format!("{PROC}/1/syscall"))?;
    let address = waiting.split_whitespace().next_back().and_then(|word| word.strip_prefix("0x"));
    let address = address.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    // "running": it is not waiting.
    let address = address.ok_or_else(|| std::io::Error::other(waiting.clone()))?;
    let memory = OpenOptions::new().write(true).open(format!("{PROC}/1/mem"))?;
    memory.write_all_at(&code(address), address)?;
    Ok(address)
}

/// The processes whose first argument is `worker`.
fn workers() -> std::io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for process in fs::read_dir(PROC)? {
        let process = process?;
        let Some(number) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if arguments.split(|byte| *byte == 0).nth(1) == Some(b"worker") {
            found.extend(Pid::from_raw(number));
        }
    }
    Ok(found)
}
