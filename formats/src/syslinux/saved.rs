//! The data that SYSLINUX keeps from one boot to the next, in the last two sectors of ldlinux.sys (the Syslinux Project's
//! libinstaller/setadv.c): the choice that the menu remembers, and what is to be booted once.

use crate::{
    bytes::{holds, le32, slice},
    text,
};

/// Length of each of both copies in bytes.
const COPY: usize = 512;
/// Length of both.
pub const LENGTH: usize = COPY * 2;

/// The data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Command line that is booted once (`extlinux --once`).
    pub once: Option<String>,
    /// Label that was chosen last (`MENU SAVE`).
    pub choice: Option<String>,
}

/// Reads the end of the file: the first copy whose sum is right.
#[must_use]
pub fn parse(end: &[u8]) -> Option<Saved> {
    let both = slice(end, end.len().checked_sub(LENGTH)?, LENGTH)?;
    both.chunks_exact(COPY).find_map(copy)
}

fn copy(copy: &[u8]) -> Option<Saved> {
    let summed = copy.get(4..COPY.checked_sub(4)?)?.chunks_exact(4).filter_map(|word| le32(word, 0));
    let is_right = holds(copy, 0, &0x5a2d_2fa5_u32.to_le_bytes())
        && summed.fold(0, u32::wrapping_add) == 0xa304_1767
        && holds(copy, COPY.checked_sub(4)?, &0xdd28_bf64_u32.to_le_bytes());
    let mut rest = copy.get(8..COPY.checked_sub(4)?).filter(|_| is_right)?;
    let mut saved = Saved::default();
    while let Some((&[tag @ 1..=255, length], after)) = rest.split_first_chunk() {
        let Some((value, after)) = after.split_at_checked(length.into()) else { break };
        let value = Some(text::decode(value)).filter(|value| !value.is_empty());
        match tag {
            1 => saved.once = value,
            2 => saved.choice = value,
            _ => {}
        }
        rest = after;
    }
    Some(saved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::syslinux::written;

    #[test]
    fn the_first_good_copy_counts() {
        let text = |text: &str| Some(text.to_owned());
        let expected = Saved { once: text("rescue quiet"), choice: text("linux") };
        let mut file = [vec![7; 3000], written(&[(1, "rescue quiet"), (9, "x"), (2, "linux")])].concat();
        assert_eq!(parse(&file), Some(expected.clone()));
        file[3000 + 20] ^= 1;
        assert_eq!(parse(&file), Some(expected));
        file[3512 + 20] ^= 1;
        assert_eq!(parse(&file), None);
        assert_eq!(parse(&written(&[])), Some(Saved::default()));
        assert_eq!(parse(&file[..1000]), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_records_end_in_a_result(values: Vec<(u8, String)>, cut in 0..1024_usize) {
            let mut end = vec![0; 8];
            end.extend(values.iter().flat_map(|(tag, value)| [*tag, value.len() as u8].into_iter().chain(value.bytes())));
            end.truncate(cut.max(8));
            let _ = copy(&end);
            let _ = parse(&end);
        }
    }
}
