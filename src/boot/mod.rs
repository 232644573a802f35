//! Order, default, countdown, attempts and fallback: from entries to a loaded kernel.

pub mod election;
pub mod explain;
pub mod firmware;
#[cfg(test)]
mod samples;
pub mod state;
pub mod supervision;
