//! What the firmware says about booting: whether it is UEFI, and which partitions its boot order names.

use std::{fs::File, io::Read, path::Path};

use crate::formats::efi_boot;

/// Where the kernel shows UEFI variables (Linux Documentation/filesystems/efivarfs.rst).
pub const VARIABLES: &str = "/sys/firmware/efi/efivars";

/// The GUID of the variables that the UEFI specification defines.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// A boot option longer than this, in bytes, is not read.
const VARIABLE_LIMIT: usize = 64 << 10;

/// No more options of the boot order are read.
const OPTION_LIMIT: usize = 64;

/// Whether this machine was started by UEFI.
#[must_use]
pub fn is_efi() -> bool {
    Path::new("/sys/firmware/efi").is_dir()
}

/// UUIDs of the partitions that the firmware would boot from, in its order; empty without UEFI. `variables` is the
/// directory of variables.
#[must_use]
pub fn boot_order(variables: &Path) -> Vec<String> {
    let order = read(variables, "BootOrder").unwrap_or_default();
    efi_boot::order(&order)
        .into_iter()
        .take(OPTION_LIMIT)
        .filter_map(|number| efi_boot::load_option(&read(variables, &efi_boot::variable(number))?))
        .filter(|option| option.active)
        .filter_map(|option| option.partition)
        .collect()
}

/// The value of a variable: the file without the four bytes of attributes at its beginning.
fn read(variables: &Path, name: &str) -> Option<Vec<u8>> {
    let file = File::open(variables.join(format!("{name}-{GLOBAL}"))).ok()?;
    let mut content = Vec::new();
    let limit = u64::try_from(VARIABLE_LIMIT).ok()?;
    file.take(limit).read_to_end(&mut content).ok()?;
    content.get(4..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A boot option whose path holds one GPT partition node with sixteen equal bytes for its GUID.
    fn option(attributes: u8, byte: u8) -> Vec<u8> {
        let mut node = vec![4, 1, 42, 0];
        node.extend([0; 20]);
        node.extend([byte; 16]);
        node.extend([2, 2]);
        // File attributes, then option attributes, path length, an empty description.
        let mut file = vec![7, 0, 0, 0, attributes, 0, 0, 0, 42, 0, 0, 0];
        file.extend(node);
        file
    }

    #[test]
    fn the_active_options_are_followed_in_their_order() {
        let directory = std::env::temp_dir().join(format!("firstlight-efivars-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let write = |name: &str, content: &[u8]| {
            std::fs::write(directory.join(format!("{name}-{GLOBAL}")), content).unwrap();
        };
        write("BootOrder", &[7, 0, 0, 0, 2, 0, 9, 0, 1, 0, 0, 0]);
        write("Boot0000", &option(1, 0x11));
        write("Boot0001", &option(0, 0x22));
        write("Boot0002", &option(1, 0x33));
        let order = boot_order(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(order, ["33333333-3333-3333-3333-333333333333", "11111111-1111-1111-1111-111111111111"]);
    }

    #[test]
    fn without_uefi_there_is_no_order() {
        assert_eq!(boot_order(Path::new("/nonexistent")), [""; 0]);
    }
}
