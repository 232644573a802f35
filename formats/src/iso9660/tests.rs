//! Images made by hand: what xorriso does not write.

use proptest::prelude::*;

use super::*;
use crate::testing::iso9660::{both, entry, image, image_of_names, record};

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
