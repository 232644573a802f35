//! The end of our output's reader (`firstlight list | head -1`): signal(7), SIGPIPE.
#![expect(unsafe_code, reason = "signal dispositions have no safe interface")]

use nix::sys::signal::{SigHandler, Signal, signal};

/// Lets a write to a closed pipe end the process quietly, as it ends every other Unix command. Rust's runtime has it
/// return an error, upon which `eprintln!` panics. Not for PID 1 and its worker.
pub fn die_quietly() {
    // SAFETY: the default disposition runs no code of ours.
    let result = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    // Fails only for signals that do not exist.
    debug_assert!(result.is_ok());
}
