//! The worker's door, as anybody but PID 1 finds it.

use std::process::Command;

/// Runs `firstlight worker` without PID 1's end of a line, and gives the exit code and what it says.
fn worker() -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_firstlight")).arg("worker").output().unwrap();
    assert_eq!(output.stdout, b"");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn without_pid_1_the_worker_says_so_and_touches_nothing() {
    let message = "firstlight worker: not started by PID 1 (Bad file descriptor (os error 9))\n";
    assert_eq!(worker(), (Some(2), message.to_owned()));
}
