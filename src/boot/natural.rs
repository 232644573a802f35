//! The order of device names as the kernel counts them: sda2 before sda10, sdz before sdaa.

/// A key by which names sort in that order.
#[must_use]
pub fn key(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        // A longer number than any that the kernel gives comes last.
        parts.push(match is_number {
            true => Part::Number(part.parse().unwrap_or(u64::MAX)),
            false => {
                let driver = part.chars().take(DRIVER).collect();
                Part::Letters(driver, part.len(), part.to_owned())
            }
        });
    }
    parts
}

/// Letters with which the names of one driver's disks begin (`sd`, `vd`); those after them count the disks.
const DRIVER: usize = 2;

/// A part of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Digits.
    Number(u64),
    /// Other characters: the driver's, then how many there are, then all.
    Letters(String, usize, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_the_kernel_counts() {
        let sorted = [
            "dm-2",
            "dm-10",
            "nvme0n1",
            "nvme0n1p2",
            "nvme0n1p10",
            "nvme1n1",
            "sda",
            "sda2",
            "sda10",
            "sdb",
            "sdz1",
            "sdaa",
            "sdaa1",
            "vda",
        ];
        let mut names = sorted;
        names.sort_unstable();
        assert_ne!(names, sorted);
        names.sort_by_cached_key(|name| key(name));
        assert_eq!(names, sorted);
    }
}
