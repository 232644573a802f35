//! Order, default, countdown, attempts and fallback: from entries to a loaded kernel.

pub mod supervision;
