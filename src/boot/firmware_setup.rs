//! The firmware's own setup at the next start (UEFI specification 2.10, 8.5.4, `OsIndications`).

use std::{io, path::Path};

use super::{boot_next::write, firmware::read};

/// `EFI_OS_INDICATIONS_BOOT_TO_FW_UI`.
const TO_SETUP: u64 = 1;

/// Why the firmware's setup does not open at the next start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The firmware cannot be asked.
    #[error("this firmware opens its setup for no system; press its own key (Del, F2 …) after the restart")]
    Unsupported,
    /// The firmware refuses the variable.
    #[error(
        "the firmware's OsIndications cannot be written ({0}); press its own key (Del, F2 …) after the restart"
    )]
    Write(#[source] io::Error),
}

/// Has the firmware open its setup at the next start, once.
///
/// # Errors
/// [`SetupError`] says why that is not possible.
pub fn ask_for(variables: &Path) -> Result<(), SetupError> {
    let value = |name| {
        let bytes: [u8; 8] = read(variables, name)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    if value("OsIndicationsSupported").unwrap_or(0) & TO_SETUP == 0 {
        return Err(SetupError::Unsupported);
    }
    let asked = value("OsIndications").unwrap_or(0) | TO_SETUP;
    write(variables, "OsIndications", &asked.to_le_bytes()).map_err(SetupError::Write)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::boot::firmware::GLOBAL;

    #[test]
    fn the_setup_is_asked_for_where_the_firmware_can_and_other_requests_stay() {
        for (supported, before, expected) in [
            (None, None, None),
            (Some(2_u64), None, None),
            (Some(1), None, Some(1_u64)),
            (Some(5), Some(4_u64), Some(5)),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = |name: &str| directory.path().join(format!("{name}-{GLOBAL}"));
            let put = |name: &str, value: Option<u64>| {
                let content = value.map(|value| [&7_u32.to_le_bytes()[..], &value.to_le_bytes()].concat());
                content.into_iter().for_each(|content| fs::write(file(name), content).unwrap());
            };
            put("OsIndicationsSupported", supported);
            put("OsIndications", before);
            let asked = ask_for(directory.path());
            assert_eq!(asked.is_ok(), expected.is_some(), "{supported:?}: {asked:?}");
            let written = fs::read(file("OsIndications")).ok();
            let expected =
                expected.or(before).map(|value| [&7_u32.to_le_bytes()[..], &value.to_le_bytes()].concat());
            assert_eq!(written, expected, "{supported:?}");
        }
    }
}
