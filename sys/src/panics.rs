//! Reports a panic in one line before the process aborts: where, why and in which thread.

use std::{
    panic::{PanicHookInfo, set_hook},
    thread,
};

/// From now on every panic of this process hands its line to `report`:
/// `panicked at src/boot/worker.rs:41:9 in thread load: index out of bounds: the len is 3 but the index is 7`.
///
/// `report` must not wait for a lock that the thread that panics may hold.
pub fn on_panic(report: impl Fn(&str) + Send + Sync + 'static) {
    set_hook(Box::new(move |panic| report(&line(panic))));
}

fn line(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let current = thread::current();
    let thread = current.name().unwrap_or("without a name");
    let why = panic.payload_as_str().unwrap_or("no message");
    format!("panicked at {place} in thread {thread}: {why}")
}
