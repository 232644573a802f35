//! Images made by hand: what xorriso does not write.

use proptest::prelude::*;

use super::*;

/// A directory record: ECMA-119, section 9.1.
fn record(name: &[u8], block: u32, size: u32, flags: u8, system_use: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0];
    for number in [block, size] {
        record.extend(number.to_le_bytes());
        record.extend(number.to_be_bytes());
    }
    record.extend([126, 1, 2, 3, 4, 5, 0, flags, 0, 0, 1, 0, 0, 1, name.len() as u8]);
    record.extend(name);
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend(system_use);
    record[0] = record.len() as u8;
    record
}

/// A Rock Ridge entry.
fn entry(signature: &[u8; 2], content: &[u8]) -> Vec<u8> {
    [&signature[..], &[content.len() as u8 + 4, 1], content].concat()
}

fn both(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| [number.to_le_bytes(), number.to_be_bytes()]).flatten().collect()
}

/// An image whose root directory, block 18, has these records; blocks 19 to 23 are filled with their numbers.
fn image(records: &[Vec<u8>]) -> Vec<u8> {
    let mut image = vec![0; 24 * 2048];
    let root = record(&[0], 18, 2048, 2, &entry(b"SP", &[0xbe, 0xef, 0]));
    for (sector, kind) in [(16, 1), (17, 255)] {
        image[sector * 2048] = kind;
        image[sector * 2048 + 1..][..5].copy_from_slice(b"CD001");
    }
    image[16 * 2048 + 128..][..2].copy_from_slice(&[0, 8]);
    image[16 * 2048 + 156..][..34].copy_from_slice(&record(&[0], 18, 2048, 2, b""));
    let directory = [&[root, record(&[1], 18, 2048, 2, b"")], records].concat().concat();
    image[18 * 2048..][..directory.len()].copy_from_slice(&directory);
    for block in 19..24 {
        image[block * 2048..][..2048].fill(block as u8);
    }
    image
}

fn open(image: &[u8]) -> Iso9660<'_> {
    Iso9660::open(Box::new(image)).unwrap()
}

#[test]
fn parts_of_a_file_are_joined_in_order() {
    let name = entry(b"NM", b"\0big");
    let image = image(&[
        record(b"BIG", 20, 2048, 0x80, &name),
        record(b"BIG", 23, 2048, 0x80, &name),
        record(b"BIG", 19, 5, 0, &name),
        record(b"BIG", 21, 9, 0, &entry(b"NM", b"\0other")),
    ]);
    let iso = open(&image);
    assert_eq!(iso.ranges("/big"), Ok(vec![(20 * 2048, 2048), (23 * 2048, 2048), (19 * 2048, 5)]));
    assert_eq!(iso.status("/big", true).map(|status| status.size), Some(4101));
    assert_eq!(iso.read_at("/big", 2046, 4), Ok(vec![20, 20, 23, 23]));
    assert_eq!(iso.read_at("/big", 4095, 99), Ok(vec![23, 19, 19, 19, 19, 19]));
    assert_eq!(iso.read_at("/other", 0, 99), Ok(vec![21; 9]));
}

#[test]
fn names_go_on_in_other_places_but_not_for_ever() {
    let continued = entry(b"CE", &both(&[22, 0, 2048]));
    let mut image = image(&[
        record(b"A", 20, 3, 0, &[entry(b"NM", b"\x01first-"), continued].concat()),
        record(b"PLAIN.TXT;1", 21, 4, 0, b""),
    ]);
    // Goes on in itself.
    let tail = [entry(b"NM", b"\0second-nam"), entry(b"CE", &both(&[22, 0, 2048]))].concat();
    image[22 * 2048..][..2048].fill(0);
    image[22 * 2048..][..tail.len()].copy_from_slice(&tail);
    let iso = open(&image);
    let names: Vec<String> = iso.list("/").into_iter().map(|entry| entry.name).collect();
    assert_eq!(names.iter().map(String::len).max(), Some(255));
    assert!(names.iter().any(|name| name.starts_with("first-second-nam")), "{names:?}");
    assert_eq!(iso.read_at("/plain.txt", 0, 9), Ok(vec![21; 4]));
}

#[test]
fn a_directory_inside_itself_ends_somewhere() {
    let down = record(b"DOWN", 18, 2048, 2, &entry(b"NM", b"\0down"));
    let image = image(&[down, record(b"X", 20, 1, 0, &entry(b"NM", b"\0x"))]);
    let iso = open(&image);
    assert_eq!(iso.read_at(&format!("/{}x", "down/".repeat(500)), 0, 9), Ok(vec![20]));
    assert!(iso.status(&format!("/{}x", "down/".repeat(5000)), true).is_none());
}

#[test]
fn a_size_that_is_a_lie_takes_no_memory() {
    let image = image(&[
        record(b"HUGE", 20, u32::MAX, 0, &entry(b"NM", b"\0huge")),
        record(b"BEYOND", u32::MAX, u32::MAX, 2, &entry(b"NM", b"\0beyond")),
    ]);
    let iso = open(&image);
    assert!(matches!(iso.read_at("/huge", 0, usize::MAX), Err(LookupError::Failed(_))));
    assert_eq!(iso.list("/beyond"), []);
}

/// An image whose root directory is of so many MiB, full of files.
pub(crate) fn image_of_names(mebibytes: usize) -> Vec<u8> {
    let mut image = image(&[]);
    let size = (mebibytes << 20) as u32;
    image[16 * 2048 + 156..][..34].copy_from_slice(&record(&[0], 18, size, 2, b""));
    image.resize(18 * 2048 + size as usize, 0);
    for (number, sector) in image[18 * 2048..].chunks_mut(2048).enumerate().skip(1) {
        let name = entry(b"NM", format!("\0{number}").as_bytes());
        let records = record(b"A", 20, 3, 0, &name).repeat(30);
        sector[..records.len()].copy_from_slice(&records);
    }
    image
}

#[test]
fn images_that_share_a_budget_take_no_more_memory_together_than_one() {
    let (image, small) = (image_of_names(5), image(&[]));
    let budget = Budget::default();
    let open = |image| Iso9660::within(Box::new(image), budget.clone()).unwrap();
    let (first, second, third) = (open(&image[..]), open(&image[..]), open(&small[..]));
    assert_eq!(first.list("/").len(), (2560 - 1) * 30);
    assert!(!budget.is_spent());
    assert_eq!(second.list("/"), []);
    assert!(budget.is_spent());
    assert_eq!(third.list("/"), []);
    assert_eq!(first.list("/").len(), (2560 - 1) * 30);
    assert_eq!(Iso9660::open(Box::new(&image[..])).unwrap().list("/").len(), (2560 - 1) * 30);
}

proptest! {
    #[test]
    fn no_image_is_too_strange(
        places in prop::collection::vec((16 * 2048..24 * 2048_usize, any::<u8>()), 0..64),
        system_use: Vec<u8>,
        path in "(/|down|\\.\\.|link){0,8}",
    ) {
        let system_use: Vec<u8> = system_use.into_iter().take(180).collect();
        let link = [entry(b"PX", &both(&[0o120_777])), entry(b"NM", b"\0link"), entry(b"SL", &[0, 0, 4, b'd'])];
        let mut image = image(&[
            record(b"DOWN", 18, 2048, 2, &entry(b"NM", b"\0down")),
            record(b"LINK", 0, 0, 0, &link.concat()),
            record(b"X", 20, 4000, 0, &system_use),
        ]);
        for (place, byte) in places {
            image[place] = byte;
        }
        if let Some(iso) = Iso9660::open(Box::new(&image[..])) {
            for entry in iso.list(&path) {
                let path = format!("{path}/{}", entry.name);
                let _ = (iso.status(&path, true), iso.list(&path), iso.read_at(&path, 1, 5000));
            }
        }
    }
}
