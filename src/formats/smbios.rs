//! What a virtual machine's host tells its guest: the OEM strings in the firmware's tables (SMBIOS 3.8, 6.1 and 7.12).

/// The type of structures that hold OEM strings.
const OEM_STRINGS: u8 = 11;
/// The type that ends the table.
const END: u8 = 127;
/// No more structures are read; the largest servers have some thousand.
const STRUCTURE_LIMIT: usize = 8192;

/// All OEM strings of a table, in its order.
#[must_use]
pub fn oem_strings(table: &[u8]) -> Vec<String> {
    let mut strings = Vec::new();
    let mut rest = table;
    for _ in 0..STRUCTURE_LIMIT {
        // Type and length of what is laid out; texts follow, each with a NUL behind it, and one more behind all.
        let Some((&[kind, length], _)) = rest.split_first_chunk() else { break };
        let Some(texts) = rest.get(usize::from(length)..).filter(|_| length >= 4 && kind != END) else {
            break;
        };
        let Some(end) = texts.windows(2).position(|pair| pair == [0, 0]) else { break };
        if kind == OEM_STRINGS {
            let texts = texts.get(..end).unwrap_or_default().split(|&byte| byte == 0);
            strings.extend(texts.filter(|text| !text.is_empty()).map(super::text::decode));
        }
        rest = texts.get(end.saturating_add(2)..).unwrap_or_default();
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(kind: u8, layout: &[u8], texts: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, 4 + layout.len() as u8, 0, 0];
        bytes.extend(layout);
        bytes.extend(texts.iter().flat_map(|text| text.bytes().chain([0])));
        bytes.extend(if texts.is_empty() { &[0, 0][..] } else { &[0] });
        bytes
    }

    #[test]
    fn oem_strings_are_found_among_the_other_structures() {
        let table = [
            structure(1, &[1, 2], &["Maker", "Product"]),
            structure(11, &[2], &["a=b c", "d"]),
            structure(32, &[0; 6], &[]),
            structure(11, &[1], &["e"]),
            structure(127, &[], &[]),
            structure(11, &[1], &["behind the end"]),
        ]
        .concat();
        assert_eq!(oem_strings(&table), ["a=b c", "d", "e"]);
        for length in 0..table.len() {
            assert!(oem_strings(&table[..length]).len() <= 3);
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_tables_end_in_a_result(table: Vec<u8>) {
            let _ = oem_strings(&table);
        }
    }
}
