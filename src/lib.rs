//! firstlight, the boot loader made of Linux itself: the plan of the house.
//!
//! Data moves forward only, from what the kernel shows to the jump into the next kernel:
//!
//! ```text
//! uevents, sysfs ─▶ Device ─▶ Volume ─▶ Entry ─▶ choice ─▶ PreparedKernel ─▶ LoadedKernel ─▶ the jump
//!                   storage   storage   discover  boot+ui   image             kexec           init
//! ```
//!
//! Imports run downwards: [`init`] and [`cli`] import [`boot`] and [`ui`], these on [`discover`] and [`kexec`], these on
//! [`storage`], [`image`] and [`formats`], and all on [`sys`] and [`entry`]. [`formats`] does no I/O; only [`sys`] holds
//! `unsafe`. Both are packages of their own, so that the compiler keeps it so.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::unreachable, clippy::todo, clippy::unimplemented)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod boot;
#[cfg(feature = "command-line")]
pub mod cli;
pub mod discover;
pub mod image;
pub mod init;
pub mod kexec;
#[cfg(feature = "running-system")]
pub mod running;
pub mod storage;
pub mod ui;

pub use ::{formats, formats::entry, sys};
