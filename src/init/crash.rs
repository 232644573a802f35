//! The last resort: a fault of PID 1 starts the same binary again in its place, which keeps the machine alive.
//!
//! A panic says where and why before it ends in abort(3). Other faults are memory that is not there, a stack that is used up
//! and memory that ran out inside the allocator: of these the signal and the address of the instruction are known.
//! One fault cannot be caught, a binary that cannot be executed any more; `panic=SECONDS` on the kernel's command line makes it
//! restart when PID 1 is ended by somebody else's fault.

use std::{
    env,
    ffi::CString,
    io::{self, Write},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    formats::text,
    sys::{child::environment, fault, panics},
    ui::console::Consoles,
};

/// Carries the number of crashes so far from one start to the next.
const COUNTER: &str = "FIRSTLIGHT_CRASHES";

/// Carries the description of the last one.
const NOTE: &str = "FIRSTLIGHT_CRASH";

/// From now on a fault, in whatever thread, executes PID 1 afresh. Gives the number of times that this has happened.
pub(super) fn start_again_on_fault() -> u32 {
    let crashes = env::var(COUNTER).ok().and_then(|count| count.parse().ok()).unwrap_or(0_u32);
    let mut environment = environment(&[COUNTER, NOTE]);
    environment.extend(CString::new(format!("{COUNTER}={}", crashes.saturating_add(1))));
    let started = fault::execute_on_fault(c"/proc/self/exe", vec![c"init".to_owned()], environment, NOTE);
    if let Err(error) = started {
        log::warn!("a crash of PID 1 will end the machine: {}", io::Error::from(error));
    }
    panics::on_panic(|line| {
        log::error!("PID 1 {line}");
        // The PID 1 that takes this one's place reports it on the consoles; this is for the case that there is none.
        let _ = writeln!(io::stderr(), "firstlight: PID 1 {}", text::printable(line));
        fault::record(line);
    });
    crashes
}

/// After a crash: reports it, ends the processes that the previous PID 1 left running, and gives the report.
pub(super) fn clean_up(crashes: u32, consoles: &Consoles) -> String {
    let note = text::printable(&env::var(NOTE).unwrap_or_default());
    let died = format!("PID 1 crashed: {note}");
    log::error!("{died}");
    consoles.landmark("fail", &[("stage", "init"), ("reason", &note)]);
    consoles.write(&format!("firstlight: PID 1 crashed ({note}) and was started again ({crashes})\n"));
    if let Err(error) = kill(Pid::from_raw(-1), Signal::SIGKILL) {
        log::info!("nothing was left running: {}", io::Error::from(error));
    }
    died
}
