//! Which kernel is the newest: the comparison of deb-version(7), with pre-releases before their release as
//! grub-mkconfig and linux-version(1) sort them.

use std::cmp::Ordering;

use crate::formats::version;

/// Words that mark a version as older than what stands before them.
const PRE_RELEASES: [&str; 5] = ["pre", "rc", "test", "git", "trunk"];

/// Newest first: rescue kernels last, and what `.old` was kept of right behind its successor.
pub(super) fn newest_first(one: &str, other: &str) -> Ordering {
    let key = |version: &str| {
        let plain = version.strip_suffix(".old");
        (version.contains("rescue"), marked(plain.unwrap_or(version)), plain.is_some())
    };
    let ((rescue, version, old), (other_rescue, other_version, other_old)) = (key(one), key(other));
    rescue
        .cmp(&other_rescue)
        .then_with(|| version::dpkg(&other_version, &version))
        .then(old.cmp(&other_old))
        .then_with(|| other.cmp(one))
}

/// Puts `~`, which sorts before everything, in place of the separator before a pre-release's name.
fn marked(version: &str) -> String {
    let mut text = String::with_capacity(version.len());
    for (place, character) in version.char_indices() {
        let rest = version.get(place.saturating_add(1)..).unwrap_or_default();
        let before =
            matches!(character, '.' | '_' | '-') && PRE_RELEASES.iter().any(|word| rest.starts_with(word));
        text.push(if before { '~' } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn newer_kernels_come_first() {
        // As `dpkg --compare-versions` and linux-version(1) have it.
        let sorted = [
            "6.12.9-200.fc41.x86_64",
            "6.10.0-1-amd64",
            "6.10-rc7-amd64",
            "6.9.0-1-amd64",
            "6.1.0-18-amd64",
            "6.1.0-9-amd64",
            "6.1.0-9-amd64.old",
            "6.1.0",
            "5.10.0-0.deb10.16-amd64",
            "0-rescue-0123456789abcdef0123456789abcdef",
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(|one, other| newest_first(one, other));
        assert_eq!(shuffled, sorted);
    }

    proptest! {
        #[test]
        fn the_order_is_total(mut versions in prop::collection::vec("[0-9a-c~.-]{0,8}", 3)) {
            versions.sort_by(|one, other| newest_first(one, other));
            for pair in versions.windows(2) {
                prop_assert_ne!(newest_first(&pair[0], &pair[1]), Ordering::Greater);
            }
            prop_assert_eq!(newest_first(&versions[0], &versions[2]).is_le(), true);
        }
    }
}
