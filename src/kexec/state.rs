//! Which kernels are loaded, as the running kernel shows it (/sys/kernel/kexec_loaded and its neighbours).

use std::fs;

/// The purpose of a loaded kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// For the next jump.
    #[default]
    Boot,
    /// For a panic.
    Crash,
}

/// Whether a kernel is loaded there; `None` if the running kernel does not say.
#[must_use]
pub fn loaded(slot: Slot) -> Option<bool> {
    let path = match slot {
        Slot::Boot => "/sys/kernel/kexec_loaded",
        Slot::Crash => "/sys/kernel/kexec_crash_loaded",
    };
    fs::read_to_string(path).ok().map(|text| text.trim() == "1")
}

/// Text to add after the reason why a load failed: what became of the kernel that was loaded before.
#[must_use]
pub fn after_failure(before: Option<bool>, after: Option<bool>) -> &'static str {
    match (before, after) {
        (Some(true), Some(true)) => "; the kernel that was loaded before still is",
        (Some(true), Some(false)) => "; the kernel that was loaded before is gone",
        _ => "",
    }
}

/// Bytes that are kept for a crash kernel: 0 without `crashkernel=`.
#[must_use]
pub fn crash_size() -> u64 {
    fs::read_to_string("/sys/kernel/kexec_crash_size")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_the_kernel_before_is_reported_if_there_was_one() {
        for (before, after, expected) in [
            (Some(true), Some(true), "; the kernel that was loaded before still is"),
            (Some(true), Some(false), "; the kernel that was loaded before is gone"),
            (Some(false), Some(false), ""),
            (None, None, ""),
        ] {
            assert_eq!(after_failure(before, after), expected);
        }
    }
}
