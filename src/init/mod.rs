//! PID 1: mounts, consoles, modules, supervision and power. It never dies and reads nothing that was not shipped with it.
//!
//! [`run`] is the boot in one screen. A failure is logged, and the machine continues without it. There is no
//! unwrap, no indexing, no overflow and no recursion here, so that only a broken kernel or memory can end PID 1; a fault
//! all the same ends in a fresh start of the same binary ([`crash`]). Nobody can send PID 1 a signal that it does not
//! want: the kernel drops all that it has no handler for.
#![deny(clippy::arithmetic_side_effects)]

mod child;
mod crash;
pub mod modules;
mod mounts;
mod pid1;
mod power;
pub mod rescue;
mod shutdown;
mod signals;
mod silent_disks;
mod supervise;
mod sysctls;
mod timing;
mod watchdog;

use crate::{
    boot::settings::{Settings, texts::SettingsTexts},
    formats::text::printable,
    storage::partition_scan,
    sys::kmsg,
    ui::console::Consoles,
};

/// Runs the machine as its first process until it jumps into the next kernel.
pub fn run() -> ! {
    let crashes = crash::start_again_on_fault();
    let signals = signals::Signals::block();
    let mut timing = timing::Timing::begin();
    let missing = mounts::mount_all();
    let settings = log_and_read_settings(&missing);
    sysctls::set_all();
    if let Err(error) = partition_scan::hold_back() {
        log::info!("drivers read the partition tables of their disks: {error}");
    }
    signals::Signals::take_ctrl_alt_del();
    timing.stamp("mounted");
    let consoles = Consoles::open();
    consoles.landmark("start", &[("version", env!("CARGO_PKG_VERSION"))]);
    let died = (crashes > 0).then(|| crash::clean_up(crashes, &consoles));
    let watchdog = settings.watchdog.and_then(watchdog::Watchdog::start);
    let supervisor =
        supervise::Supervisor::new(settings.worker_deaths, crashes).with_lock(settings.password.is_some());
    // A module may cause crash after crash: then the rescue console runs without any.
    let modules = (crashes < settings.worker_deaths).then(modules::start).flatten();
    pid1::Pid1 { settings, supervisor, signals, consoles, timing, modules, watchdog, child: None, died }.run()
}

/// Opens the log at the level of the settings, and logs the facts that were found before.
fn log_and_read_settings(facts: &[String]) -> Settings {
    let (settings, mistakes) = SettingsTexts::read().settings();
    kmsg::install("firstlight", settings.log_level, printable);
    facts.iter().for_each(|fact| log::info!("{fact}"));
    mistakes.iter().for_each(|mistake| log::warn!("{mistake}"));
    settings
}
