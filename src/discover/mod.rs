//! One finder per boot-loader family: volumes in, entries and warnings out.
//!
//! [`survey`] asks every finder about every volume, pairs kernels with initrds by name where there is no configuration,
//! and merges what came of it. It trusts nothing that it reads, and runs in a child without any privilege ([`sandbox`]).

#[cfg(feature = "other-loaders")]
mod android;
mod bls;
mod boot_option;
#[cfg(feature = "other-loaders")]
mod by_device;
#[cfg(feature = "other-loaders")]
mod chromeos;
mod damage;
pub mod environment;
mod explain;
pub mod finder;
mod foreign;
mod grub;
mod grub_legacy;
mod images;
#[cfg(feature = "other-loaders")]
mod kboot;
#[cfg(feature = "other-loaders")]
mod lilo;
#[cfg(feature = "other-loaders")]
mod limine;
mod live;
mod menu;
mod merge;
mod metered;
mod owner;
mod pattern;
#[cfg(feature = "other-loaders")]
mod petitboot;
mod place;
mod profiles;
#[cfg(any(feature = "other-loaders", not(target_arch = "x86_64")))]
mod raspberry_pi;
#[cfg(feature = "other-loaders")]
mod refind;
pub mod sandbox;
mod scan;
mod search;
mod share;
mod syslinux;
#[cfg(test)]
mod testing;
#[cfg(any(feature = "other-loaders", not(target_arch = "x86_64")))]
mod u_boot_script;
mod unbootable;
mod unified;
mod volumes;

pub use explain::{NO_CONFIGURATION, Outcome, Report, Search, Survey};
pub use images::Images;
pub use volumes::Volumes;

use self::finder::{Context, Finder, Findings};
use crate::{
    entry::{Discovery, Entry, Format, Warning},
    formats::lookup::Lookup,
};

/// Every boot-loader family that is read. Where one volume holds several configurations, the default of the upper one counts:
/// first what an administrator wrote for a loader like this one, then what a distribution keeps up to date, then what older
/// installations have left.
static FINDERS: &[&dyn Finder] = &[
    #[cfg(feature = "other-loaders")]
    &petitboot::PETITBOOT,
    #[cfg(feature = "other-loaders")]
    &kboot::KBOOT,
    &grub::Grub,
    &bls::Bls,
    &syslinux::Syslinux,
    #[cfg(any(feature = "other-loaders", not(target_arch = "x86_64")))]
    &u_boot_script::UbootScript,
    #[cfg(any(feature = "other-loaders", not(target_arch = "x86_64")))]
    &raspberry_pi::RaspberryPi,
    #[cfg(feature = "other-loaders")]
    &chromeos::Chromeos,
    #[cfg(feature = "other-loaders")]
    &android::Android,
    #[cfg(feature = "other-loaders")]
    &limine::LIMINE,
    #[cfg(feature = "other-loaders")]
    &limine::LIMINE_CFG,
    #[cfg(feature = "other-loaders")]
    &refind::Refind,
    #[cfg(feature = "other-loaders")]
    &lilo::YABOOT,
    #[cfg(feature = "other-loaders")]
    &lilo::ELILO,
    #[cfg(feature = "other-loaders")]
    &lilo::LILO,
    &grub_legacy::GRUB_LEGACY,
    &boot_option::BootOption,
];

/// Puts into an entry what belongs to the unified kernel image at a path on the first volume: its command line, unless the
/// entry brings one, and what lies beside it. Gives what was lost by it; `None` if the file is no such image.
#[must_use]
pub fn complete_image(
    lookup: &dyn Lookup,
    path: &str,
    context: &Context,
    entry: &mut Entry,
) -> Option<Vec<Warning>> {
    let mut warnings = Vec::new();
    unified::UnifiedImage::at(lookup, 0, path).complete(context, entry, &mut warnings).then_some(warnings)
}

/// Finds entries on a volume without any entry of its own, given the entries of all others.
type Guess = fn(&dyn Lookup, usize, &[&Entry]) -> Option<Findings>;

/// Every way to entries that nobody has written down.
const GUESSES: &[(Format, Guess)] =
    &[(Format::Nixos, profiles::nixos), (Format::Guix, profiles::guix), (Format::Scan, scan::scan)];

/// Finds everything that the volumes offer to boot.
#[must_use]
pub fn discover(lookup: &dyn Lookup, context: &Context) -> Discovery {
    survey(lookup, context).discovery
}

/// Finds everything that the volumes offer to boot, and tells how that came about.
#[must_use]
pub fn survey(lookup: &dyn Lookup, context: &Context) -> Survey {
    let searched = search::search(lookup, context, &|_, search| Ok(search())).unwrap_or_default();
    search::conclude(lookup.volumes(), context, searched)
}
