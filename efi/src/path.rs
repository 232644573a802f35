//! Paths of devices and files as the firmware writes them (UEFI 2.10, 10.3).

/// A node of media: a partition.
const PARTITION: [u8; 2] = [4, 1];
/// A node of media: a file.
const FILE: [u8; 2] = [4, 4];
/// The kind of a partition's signature that is a GUID.
const IS_GUID: u8 = 2;
/// Where a GUID has its first bytes: the first three groups are little-endian.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The nodes of a path: their types, and what is in them.
fn nodes(path: &[u8]) -> impl Iterator<Item = ([u8; 2], &[u8])> {
    let mut rest = path;
    core::iter::from_fn(move || {
        let (&[kind, sub, low, high], _) = rest.split_first_chunk()?;
        let (node, after) = rest.split_at_checked(u16::from_le_bytes([low, high]).into())?;
        rest = after;
        Some(([kind, sub], node.get(4..)?))
    })
}

/// The UUID of the partition in a path, as text; `None` where it is none of a GPT.
pub fn partition(path: &[u8]) -> Option<[u8; 36]> {
    let (_, node) = nodes(path).find(|(kind, _)| *kind == PARTITION)?;
    let guid: &[u8; 16] = node.get(20..)?.first_chunk()?;
    if *node.get(37)? != IS_GUID {
        return None;
    }
    let digit = |nibble: u8| b"0123456789abcdef".get(usize::from(nibble)).copied();
    let mut digits = ORDER.iter().filter_map(|at| guid.get(*at)).flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = [b'-'; 36];
    for (at, place) in text.iter_mut().enumerate() {
        if !matches!(at, 8 | 13 | 18 | 23) {
            *place = digit(digits.next()?)?;
        }
    }
    Some(text)
}

/// Writes the file of a path, in UTF-16 with a zero at its end, and gives its length in bytes; `None` where there is none, or no room.
pub fn file(path: &[u8], room: &mut [u8]) -> Option<usize> {
    let mut length = 0_usize;
    for (_, text) in nodes(path).filter(|(kind, _)| *kind == FILE) {
        for unit in text.chunks_exact(2).take_while(|unit| *unit != [0, 0]) {
            room.get_mut(length..)?.first_chunk_mut::<2>()?.copy_from_slice(unit);
            length = length.checked_add(2)?;
        }
    }
    *room.get_mut(length..)?.first_chunk_mut::<2>()? = [0, 0];
    (length > 0).then(|| length.checked_add(2))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: [u8; 2], content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 4).to_le_bytes();
        [&kind[..], &length, content].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    /// UEFI 2.10, table 10-48: number, start, size, signature, its format and its kind.
    fn partition_node(signature_kind: u8) -> Vec<u8> {
        let guid: [u8; 16] = core::array::from_fn(|at| 0x10 + at as u8);
        node(PARTITION, &[&[1; 20][..], &guid, &[2, signature_kind]].concat())
    }

    #[test]
    fn a_partition_is_its_guid_and_a_file_the_text_of_its_nodes() {
        let disk = node([3, 18], &[0; 8]);
        let path = [disk.clone(), partition_node(2)].concat();
        let text = partition(&path);
        assert_eq!(text.as_ref().map(|text| &text[..]), Some(&b"13121110-1514-1716-1819-1a1b1c1d1e1f"[..]));
        for none in [vec![], disk, partition_node(1), path[..path.len() - 1].to_vec()] {
            assert_eq!(partition(&none), None);
        }
        let path = [node(FILE, &wide("\\EFI\\a")), node(FILE, &wide("\\b.efi"))].concat();
        let mut room = [0xff; 32];
        let length = file(&path, &mut room);
        assert_eq!(length.map(|length| room[..length].to_vec()), Some(wide("\\EFI\\a\\b.efi")));
        assert_eq!(file(&path, &mut [0; 25]), None);
        assert_eq!(file(&partition_node(2), &mut room), None);
    }

    #[test]
    fn a_path_that_is_damaged_ends_there() {
        for bytes in [&[4, 1, 0, 0][..], &[4, 1, 3, 0, 0], &[4, 1, 200, 0, 1], &[4, 4, 4, 0], &[4]] {
            assert_eq!((partition(bytes), file(bytes, &mut [0; 8])), (None, None));
        }
    }
}
