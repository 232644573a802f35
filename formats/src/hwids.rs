//! The table `.hwids` of a unified kernel image: which device tree a machine takes whose firmware brings none. A machine is
//! known by hashes of what its firmware calls it (UAPI.5; Microsoft, "Specifying Hardware IDs for a Computer").

use sha1::{Digest as _, Sha1};

use super::bytes::{array, le32};

/// The firmware's names of the machine (SMBIOS types 1 and 2), in the order in which they are hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Manufacturer, family, product, SKU, the board's manufacturer, the board's product.
    pub names: [Option<String>; 6],
}

/// Which of the names are hashed together, from the most special to the most general.
const KINDS: [&[usize]; 9] = [
    &[0, 1, 2, 3, 4, 5],
    &[0, 3, 4, 5],
    &[0, 2, 4, 5],
    &[0, 1, 4, 5],
    &[0, 1, 2, 3],
    &[0, 1, 2],
    &[0, 3],
    &[0, 2],
    &[0, 1],
];

/// The name space of these hashes: 70ffd812-4c7f-4c7d-0000-000000000000.
const NAME_SPACE: [u8; 16] = [0x70, 0xff, 0xd8, 0x12, 0x4c, 0x7f, 0x4c, 0x7d, 0, 0, 0, 0, 0, 0, 0, 0];

/// Size of one entry: kind and size, hash, offsets of a name and of what the device tree is compatible with.
const ENTRY_LENGTH: usize = 28;
/// The kind of the entries that are about device trees, with their size.
const DEVICE_TREE: u32 = 0x1000_001c;

/// The first `compatible` of the device tree for this machine; `None` if the table does not know the machine.
#[must_use]
pub fn compatible(table: &[u8], machine: &Machine) -> Option<String> {
    let entries =
        table.chunks_exact(ENTRY_LENGTH).take_while(|entry| le32(entry, 0).is_some_and(|kind| kind != 0));
    let entries: Vec<_> = entries.filter(|entry| le32(entry, 0) == Some(DEVICE_TREE)).collect();
    let found = KINDS.iter().find_map(|kind| {
        let hash = machine.hash(kind)?;
        entries.iter().find(|entry| array(entry, 4) == Some(hash))
    })?;
    let at = usize::try_from(le32(found, 24)?).ok().filter(|&at| at != 0)?;
    let text = table.get(at..)?.split(|&byte| byte == 0).next()?;
    Some(super::text::decode(text))
}

impl Machine {
    /// The hash as the table holds it: its first three fields are little-endian. `None` where a name is missing.
    fn hash(&self, kind: &[usize]) -> Option<[u8; 16]> {
        let names: Option<Vec<&str>> = kind.iter().map(|&name| self.names.get(name)?.as_deref()).collect();
        // Spaces around a name and zeros before it say nothing.
        let names: Vec<&str> = names?
            .iter()
            .map(|name| name.trim_start_matches(' ').trim_start_matches('0').trim_end_matches(' '))
            .collect();
        let mut bytes = NAME_SPACE.to_vec();
        bytes.extend(names.join("&").encode_utf16().flat_map(u16::to_le_bytes));
        let [a, b, c, d, e, f, g, h, i, rest @ ..] = Sha1::digest(&bytes).0;
        let [j, k, l, m, n, o, p, ..] = rest;
        // Version 5, and the variant of RFC 4122.
        Some([d, c, b, a, f, e, h, g & 0x0f | 0x50, i & 0x3f | 0x80, j, k, l, m, n, o, p])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(names: [&str; 6]) -> Machine {
        Machine { names: names.map(|name| Some(name.to_owned()).filter(|name| !name.is_empty())) }
    }

    #[test]
    fn a_machine_has_fwupds_hash() {
        // HardwareID-14 of fwupd's documentation: 6de5d951-d755-576b-bd09-c5cf66b27234 <- Manufacturer.
        let expected =
            [0x51, 0xd9, 0xe5, 0x6d, 0x55, 0xd7, 0x6b, 0x57, 0xbd, 0x09, 0xc5, 0xcf, 0x66, 0xb2, 0x72, 0x34];
        for name in ["LENOVO", " LENOVO ", " 00LENOVO"] {
            assert_eq!(machine([name, "", "", "", "", ""]).hash(&[0]), Some(expected), "{name}");
        }
        assert_eq!(machine(["LENOVO", "", "", "", "", ""]).hash(&[0, 1]), None);
    }

    #[test]
    fn the_most_special_entry_of_the_table_counts() {
        let own = machine(["Maker", "Family", "Product", "", "Maker", "Board"]);
        let mut table = Vec::new();
        let texts = 4 * ENTRY_LENGTH as u32;
        let entries = [
            (DEVICE_TREE, own.hash(&[0, 1]).unwrap(), texts),
            (0x2000_001c, own.hash(&[0, 2, 4, 5]).unwrap(), texts),
            (DEVICE_TREE, own.hash(&[0, 2]).unwrap(), texts + 8),
            (0, [0; 16], 0),
        ];
        for (kind, hash, compatible) in entries {
            table.extend(kind.to_le_bytes());
            table.extend(hash);
            table.extend([0; 4]);
            table.extend(compatible.to_le_bytes());
        }
        table.extend(b"general\0special\0");
        assert_eq!(compatible(&table, &own).as_deref(), Some("special"));
        assert_eq!(
            compatible(&table, &machine(["Maker", "Family", "", "", "", ""])).as_deref(),
            Some("general")
        );
        assert_eq!(compatible(&table, &machine(["Other", "Family", "Product", "", "", ""])), None);
        assert_eq!(compatible(&table[..30], &own), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_tables_end_in_a_result(mut table: Vec<u8>) {
            table.splice(0..0, DEVICE_TREE.to_le_bytes());
            let _ = compatible(&table, &machine(["A", "B", "C", "D", "E", "F"]));
        }
    }
}
