//! The sections of a program as it lies in memory (Microsoft's PE format, "PE Format").

/// Bytes of a section's header.
const HEADER: usize = 40;

/// The content of the section with this name, which zeros fill up; `None` where there is none.
pub fn section<'a>(image: &'a [u8], name: &[u8; 8]) -> Option<&'a [u8]> {
    let coff = number(image, 0x3c)?.checked_add(4)?;
    let signature = image.get(coff.checked_sub(4)?..coff)?;
    let (count, optional) = (short(image, coff.checked_add(2)?)?, short(image, coff.checked_add(16)?)?);
    let table = coff.checked_add(20)?.checked_add(optional)?;
    if signature != b"PE\0\0" {
        return None;
    }
    (0..count).find_map(|place| {
        let header = image.get(table.checked_add(place.checked_mul(HEADER)?)?..)?;
        let (size, start) = (number(header, 8)?, number(header, 12)?);
        header.starts_with(name).then(|| image.get(start..start.checked_add(size)?))?
    })
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with these sections, by the specification's tables.
    fn image(sections: &[(&[u8; 8], u32, u32)]) -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[0x3c] = 0x80;
        image[0x80..0x84].copy_from_slice(b"PE\0\0");
        image[0x86] = sections.len() as u8;
        image[0x94] = 0xf0;
        for (place, (name, start, size)) in sections.iter().enumerate() {
            let header = &mut image[0x188 + place * 40..][..40];
            header[..8].copy_from_slice(*name);
            header[8..12].copy_from_slice(&size.to_le_bytes());
            header[12..16].copy_from_slice(&start.to_le_bytes());
        }
        image.extend((0..=255).cycle().take(0x400));
        image
    }

    #[test]
    fn a_section_is_where_its_header_says_or_not_there() {
        let image =
            image(&[(b".text\0\0\0", 0x400, 0x10), (b".linux\0\0", 0x410, 0x20), (b".initrd\0", 0x7ff, 2)]);
        assert_eq!(section(&image, b".linux\0\0"), Some(&image[0x410..0x430]));
        // Longer than the image; of no such name; of a name that only begins so.
        for name in [b".initrd\0", b".cmdline", b".lin\0\0\0\0"] {
            assert_eq!(section(&image, name), None);
        }
        for length in 0..0x430 {
            assert_eq!(section(&image[..length], b".linux\0\0"), None, "{length}");
        }
    }
}
