//! The last resort: a panic of PID 1 starts the same binary again in its place, which keeps the machine alive.
//!
//! What cannot be caught: memory that ran out inside the allocator and a fault of the processor end PID 1, and the kernel
//! panics; `panic=SECONDS` on its command line makes it restart then.

use std::{env, os::unix::process::CommandExt, panic, process::Command, thread};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{formats::text, ui::console::Consoles};

/// Carries the number of crashes so far from one start to the next.
const COUNTER: &str = "FIRSTLIGHT_CRASHES";

/// From now on a panic, in whatever thread, executes PID 1 afresh. Gives the number of times that this has happened.
pub(super) fn start_again_on_panic() -> u32 {
    let crashes = env::var(COUNTER).ok().and_then(|count| count.parse().ok()).unwrap_or(0_u32);
    panic::set_hook(Box::new(move |panic| {
        let what = text::printable(&panic.to_string().replace('\n', " "));
        log::error!("PID 1 crashed: {what}");
        Consoles::open().landmark("fail", &[("stage", "init"), ("reason", &what)]);
        let error = Command::new("/proc/self/exe")
            .arg0("init")
            .env(COUNTER, crashes.saturating_add(1).to_string())
            .exec();
        log::error!("PID 1 cannot be started again: {error}");
        // Better a machine that does nothing and can still be looked at than a kernel panic.
        loop {
            thread::park();
        }
    }));
    crashes
}

/// After a crash: ends what the PID 1 before left running.
pub(super) fn clear_the_field(crashes: u32, consoles: &Consoles) {
    consoles.write(&format!("firstlight: PID 1 crashed and was started again ({crashes})\n"));
    if let Err(error) = kill(Pid::from_raw(-1), Signal::SIGKILL) {
        log::info!("nothing was left running: {error}");
    }
}
