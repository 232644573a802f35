//! GRUB 2: script language, menu, environment block (GNU GRUB manual 2.06, and the behaviour of its implementation).
//!
//! [`read`] runs a configuration as GRUB would and gives its menu: every entry with the kernel, the initrds and the
//! command line that GRUB would hand over, the default, the timeout, and what GRUB would have written to its
//! environment block. It does no I/O of its own: it asks a [`Lookup`].
//!
//! The way of a script: [`lexer`] makes tokens of lines, [`parser`] makes statements of tokens ([`syntax`]), and
//! [`evaluate`] runs them: [`expand`] makes arguments of words, [`commands`] holds the commands. What is left is the
//! [`menu`].

mod budget;
pub mod commands;
pub mod default;
pub mod device;
pub mod environment;
pub mod environment_block;
pub mod ere;
pub mod evaluate;
pub mod expand;
pub mod failure;
pub mod flavour;
pub mod glob;
pub mod lexer;
pub mod load;
#[cfg(test)]
mod memory_tests;
pub mod menu;
pub mod number;
pub mod options;
pub mod parser;
mod run;
pub mod syntax;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use device::{Devices, Located};
use environment_block::Change;
use evaluate::{Evaluator, Place, Shown, Stop};
use failure::CommandFailure;
pub use flavour::Flavour;
use menu::{Level, MenuEntry, MenuItem};

use super::lookup::{Lookup, LookupError};
use crate::entry::{Lock, Password, TimeoutStyle, Warning};

/// Facts about the machine that scripts ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Booted by UEFI: `grub_platform` is `efi`, else `pc`.
    pub efi: bool,
    /// `grub_cpu` under UEFI: `x86_64`, `arm64`, `riscv64`.
    pub cpu: &'static str,
}

impl Facts {
    /// Facts about the machine that this program was built for.
    #[must_use]
    pub fn here(efi: bool) -> Self {
        let cpu = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            arch => arch,
        };
        Self { efi, cpu }
    }
}

/// The menu of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrubMenu {
    /// The entries.
    pub level: Level,
    /// Seconds until the default boots; `None` waits for a person.
    pub timeout: Option<u32>,
    /// How the menu shows itself meanwhile.
    pub timeout_style: TimeoutStyle,
    /// GRUB asks for a password before its command line, its editor and what is for its users only.
    pub lock: Option<Lock>,
    /// The passwords to which the locks refer.
    pub passwords: Vec<Password>,
    /// The value of `saved_entry`: an id or a title, after those of the submenus that lead to it.
    pub saved: Option<Rc<str>>,
    /// It has run `blscfg`, whose builds differ.
    pub uses_entry_files: bool,
    /// Places in `level` of the entries to try when the default fails, in order.
    pub fallback: Vec<usize>,
    /// The changes that GRUB would have written to its environment blocks before any entry runs.
    pub changes: Rc<Vec<Change>>,
    /// Parts that could not be read, each with its place.
    pub warnings: Vec<Warning>,
}

impl GrubMenu {
    /// The entries that boot when the default fails, through all submenus.
    pub fn fallback_entries(&self) -> impl Iterator<Item = &MenuEntry> {
        self.fallback.iter().filter_map(|place| self.level.entries.get(*place)?.booted())
    }
}

/// Runs a configuration and all its entries.
///
/// # Errors
/// The file itself cannot be read. Anything else is a warning.
pub fn read(
    lookup: &dyn Lookup,
    volume: usize,
    path: &str,
    facts: Facts,
    flavour: &'static Flavour,
) -> Result<GrubMenu, LookupError> {
    if !lookup.is_file(volume, path) {
        return Err(LookupError::Missing);
    }
    let place = Place { volume, path: path.into() };
    let mut evaluator = Evaluator::new(lookup, facts, flavour, Devices::new(volume, path), place);
    let shown = start(&mut evaluator).map_err(|failure| LookupError::Failed(failure.message))?;
    let timeout =
        shown.environment.get("timeout").and_then(|value| number::leading(&value).map(|it| it.value));
    let changes = evaluator.changes.clone();
    // The entries are run even if the top level used up its budget.
    evaluator.fuel = budget::BASE.saturating_add(evaluator.account.work());
    let asked = evaluator.asked.take();
    let mut level = menu::level(&mut evaluator, &shown, true, 0);
    if let Some(asked) = &asked {
        level.lock(asked);
    }
    let timeout_style = match &*shown.environment.value("timeout_style") {
        "hidden" => TimeoutStyle::Hidden,
        "countdown" => TimeoutStyle::Countdown,
        _ => TimeoutStyle::Menu,
    };
    let fallback = default::fallback(&shown.environment.value("fallback"), &shown.items, flavour);
    Ok(GrubMenu {
        level,
        // GRUB keeps it in an int: what is negative there waits.
        timeout: timeout
            .and_then(|seconds| u32::try_from(seconds & 0xffff_ffff).ok())
            .filter(|it| *it < 1 << 31),
        timeout_style,
        lock: menu::lock(&evaluator, &shown.environment, "").or(asked),
        passwords: evaluator.account.passwords(),
        saved: shown.environment.get("saved_entry"),
        uses_entry_files: evaluator.uses_entry_files,
        fallback,
        changes,
        warnings: evaluator.warnings,
    })
}

/// Runs the configuration at the evaluator's place, up to the menu that it shows.
fn start(evaluator: &mut Evaluator<'_>) -> Result<Shown, CommandFailure> {
    let Place { volume, path } = evaluator.place.clone();
    prepare(evaluator, volume, &path);
    evaluator.run_file(&Located { volume, path: path.as_ref().into() })?;
    Ok(match evaluator.stop.take() {
        Some(Stop::Menu(shown)) => shown,
        stop => {
            let mut shown = evaluator.shown();
            if matches!(stop, Some(Stop::Boot)) {
                // The configuration itself has loaded this and boots it: no menu is ever seen.
                shown.items.insert(0, MenuItem::of_configuration(&evaluator.place));
                shown.environment.set("default", "0");
                shown.environment.set("timeout", "0");
            }
            shown
        }
    })
}

/// The variables that GRUB sets before it reads a configuration; for one inside an image file, what such a configuration
/// expects of the one that leads to it (the convention of loopback.cfg).
fn prepare(evaluator: &mut Evaluator<'_>, volume: usize, path: &str) {
    const FEATURES: [&str; 11] = [
        "feature_200_final",
        "feature_all_video_module",
        "feature_chainloader_bpb",
        "feature_default_font_path",
        "feature_menuentry_id",
        "feature_menuentry_options",
        "feature_nativedisk_cmd",
        "feature_ntldr",
        "feature_platform_search_hint",
        "feature_search_cryptodisk_only",
        "feature_timeout_style",
    ];
    if let Some((_, image)) = evaluator.lookup.image(volume) {
        evaluator.environment.set("iso_path", image);
        evaluator.environment.export("iso_path");
        evaluator.devices.add_image("loop", Some(volume));
    }
    let device = evaluator.devices.name(evaluator.lookup, volume);
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let here = format!("({device}){directory}");
    let (platform, cpu) = if evaluator.facts.efi { ("efi", evaluator.facts.cpu) } else { ("pc", "i386") };
    let variables = [
        ("root", device.as_str()),
        ("prefix", &here),
        ("cmdpath", &here),
        ("fw_path", &here),
        ("config_directory", &here),
        ("config_file", &format!("({device}){path}")),
        ("grub_platform", platform),
        ("grub_cpu", cpu),
        ("lang", ""),
        ("locale_dir", ""),
        ("secondary_locale_dir", ""),
        ("pager", ""),
        ("color_normal", "light-gray/black"),
        ("color_highlight", "black/light-gray"),
        ("check_signatures", "no"),
    ];
    // openSUSE's driver of btrfs hands its settings down.
    for name in ["btrfs_relative_path", "btrfs_subvol"].iter().filter(|_| evaluator.flavour.name == "suse") {
        evaluator.environment.export(name);
    }
    for (name, value) in variables.into_iter().chain(FEATURES.map(|name| (name, "y"))) {
        evaluator.environment.set(name, value);
        evaluator.environment.export(name);
    }
}
