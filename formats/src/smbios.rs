//! The firmware's tables about the machine: what they call it, and what a virtual machine's host tells its guest in the OEM
//! strings (SMBIOS 3.8, 6.1 and 7).

/// The type of structures that hold OEM strings.
const OEM_STRINGS: u8 = 11;
/// The type that ends the table.
const END: u8 = 127;
/// Maximum number of structures that are read; the largest servers have some thousand.
const STRUCTURE_LIMIT: usize = 8192;

/// One of the table's structures.
struct Structure<'a> {
    kind: u8,
    /// Its fields; the type is the first byte.
    layout: &'a [u8],
    /// Its texts, with a NUL between them.
    texts: &'a [u8],
}

fn structures(table: &[u8]) -> impl Iterator<Item = Structure<'_>> {
    let mut rest = table;
    let next = move || {
        // Type and length of what is laid out; texts follow, each with a NUL after it, and one more after all.
        let (&[kind, length], _) = rest.split_first_chunk()?;
        let (layout, after) = rest.split_at_checked(length.into()).filter(|_| length >= 4 && kind != END)?;
        let end = after.windows(2).position(|pair| pair == [0, 0])?;
        let texts = after.get(..end)?;
        rest = after.get(end.saturating_add(2)..)?;
        Some(Structure { kind, layout, texts })
    };
    std::iter::from_fn(next).take(STRUCTURE_LIMIT)
}

/// All OEM strings of a table, in its order.
#[must_use]
pub fn oem_strings(table: &[u8]) -> Vec<String> {
    let own = structures(table).filter(|structure| structure.kind == OEM_STRINGS);
    let texts = own.flat_map(|structure| structure.texts.split(|&byte| byte == 0));
    texts.filter(|text| !text.is_empty()).map(super::text::decode).collect()
}

/// The bytes from `offset` on of the first structure of a type that is long enough for one of them.
#[must_use]
pub fn field(table: &[u8], kind: u8, offset: usize) -> Option<&[u8]> {
    let mut own = structures(table).filter(|structure| structure.kind == kind);
    own.find_map(|structure| structure.layout.get(offset..).filter(|field| !field.is_empty()))
}

/// The text that such a byte names.
#[must_use]
pub fn text(table: &[u8], kind: u8, offset: usize) -> Option<String> {
    let mut own = structures(table).filter(|structure| structure.kind == kind);
    let structure = own.find(|structure| structure.layout.len() > offset)?;
    let number = usize::from(*structure.layout.get(offset)?).checked_sub(1)?;
    structure.texts.split(|&byte| byte == 0).nth(number).map(super::text::decode)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn structure(kind: u8, layout: &[u8], texts: &[&str]) -> Vec<u8> {
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
            structure(11, &[1], &["after the end"]),
        ]
        .concat();
        assert_eq!(oem_strings(&table), ["a=b c", "d", "e"]);
        for length in 0..table.len() {
            assert!(oem_strings(&table[..length]).len() <= 3);
        }
    }

    #[test]
    fn a_field_names_one_of_the_texts() {
        let table = [
            structure(2, &[1], &["short"]),
            structure(1, &[1, 3, 0], &["Maker", "Version", "Product"]),
            structure(2, &[9, 2], &["a", "b"]),
        ]
        .concat();
        for (kind, offset, expected) in [
            (1, 4, Some("Maker")),
            (1, 5, Some("Product")),
            (1, 6, None),
            (1, 7, None),
            (2, 4, Some("short")),
            (2, 5, Some("b")),
            (3, 4, None),
        ] {
            assert_eq!(text(&table, kind, offset).as_deref(), expected, "{kind} {offset}");
        }
        assert_eq!(field(&table, 1, 4), Some(&[1, 3, 0][..]));
        assert_eq!(field(&table, 1, 7), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_tables_end_in_a_result(table: Vec<u8>) {
            let _ = (oem_strings(&table), field(&table, 1, 8), text(&table, 1, 4));
        }
    }
}
