//! Which kernel is the newest: in the order of the distribution's own packages, with pre-releases before their release as
//! grub-mkconfig and linux-version(1) sort them.

use std::cmp::Ordering;

use super::system::Family;
use crate::formats::version;

/// Words that mark a version as older than the text before them.
const PRE_RELEASES: [&str; 5] = ["pre", "rc", "test", "git", "trunk"];

/// Newest first: rescue kernels last, and what `.old` was kept of right after its successor.
pub(super) fn newest_first(family: Family, one: &str, other: &str) -> Ordering {
    // pacman's order is RPM's.
    let compare = match family {
        Family::Dracut | Family::Arch => version::rpm,
        _ => version::dpkg,
    };
    let key = |version: &str| {
        // Debian's and Gentoo's.
        let plain = version.strip_suffix(".old").or_else(|| version.strip_suffix("-old"));
        (version.contains("rescue"), marked(plain.unwrap_or(version)), plain.is_some())
    };
    let ((rescue, version, old), (other_rescue, other_version, other_old)) = (key(one), key(other));
    rescue
        .cmp(&other_rescue)
        .then_with(|| compare(&other_version, &version))
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
        shuffled.sort_by(|one, other| newest_first(Family::Debian, one, other));
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn the_packages_order_decides() {
        // As `rpmdev-vercmp` and `dpkg --compare-versions` have it: RPM takes a number for newer than letters.
        for (family, newer, older) in [
            (Family::Dracut, "6.8-300", "6.8.fc40"),
            (Family::Debian, "6.8.fc40", "6.8-300"),
            (Family::Arch, "6.9.1.arch1-2", "6.9.1.arch1-1"),
            (Family::Dracut, "6.10.0-64.fc41", "6.10.0-0.rc7.65.fc41"),
            (Family::Dracut, "5.14.0-427.el9", "5.14.0-70.el9"),
        ] {
            assert_eq!(newest_first(family, newer, older), Ordering::Less, "{newer} {older}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(mut versions in prop::collection::vec("[0-9a-c~.-]{0,8}", 3)) {
            for family in [Family::Debian, Family::Dracut] {
                versions.sort_by(|one, other| newest_first(family, one, other));
                for pair in versions.windows(2) {
                    prop_assert_ne!(newest_first(family, &pair[0], &pair[1]), Ordering::Greater);
                }
                prop_assert_eq!(newest_first(family, &versions[0], &versions[2]).is_le(), true);
            }
        }
    }
}
