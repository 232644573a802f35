//! Why an entry of a kind that a boot loader can start cannot be started by this kernel.

use crate::entry::Kind;

/// The effect of an entry for the firmware, in words.
#[must_use]
pub fn firmware_problem(action: &str) -> String {
    match action {
        "halt" => "turns the machine off",
        "reboot" => "restarts the machine",
        "fwsetup" => "opens the firmware's setup",
        _ => "goes back to the firmware",
    }
    .to_owned()
}

/// Whether a kind can be started by this kernel.
#[must_use]
pub fn kind_problem(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Multiboot if cfg!(all(feature = "multiboot", target_arch = "x86_64")) => None,
        Kind::Multiboot => Some("a multiboot kernel: this firstlight was built without what starts it"),
        _ => None,
    }
}
