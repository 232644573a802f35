//! ISO 9660 images made by hand: what xorriso does not write.

/// A directory record: ECMA-119, section 9.1.
pub fn record(name: &[u8], block: u32, size: u32, flags: u8, system_use: &[u8]) -> Vec<u8> {
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
pub fn entry(signature: &[u8; 2], content: &[u8]) -> Vec<u8> {
    [&signature[..], &[content.len() as u8 + 4, 1], content].concat()
}

/// Numbers in both byte orders, as the standard has them.
pub fn both(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| [number.to_le_bytes(), number.to_be_bytes()]).flatten().collect()
}

/// An image whose root directory, block 18, has these records; blocks 19 to 23 are filled with their numbers.
pub fn image(records: &[Vec<u8>]) -> Vec<u8> {
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

/// An image whose root directory is of so many MiB, full of files.
pub fn image_of_names(mebibytes: usize) -> Vec<u8> {
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
