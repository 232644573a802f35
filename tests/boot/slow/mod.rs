//! Boots that take minutes each, or more than one machine: `scripts/test.sh --all` runs them, and no shorter command does.

mod arm64;
mod encrypted;
mod flash;
mod framebuffer;
mod hanging;
mod installer;
mod locked;
mod packaging;
mod pc;
mod power_cut;
mod profiles;
mod releases;
mod rescue;
mod secure_boot;
mod serial_console;
mod stick;
mod watchdog;
