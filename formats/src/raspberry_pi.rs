//! config.txt and autoboot.txt, as the firmware of the Raspberry Pi reads them (Raspberry Pi documentation, config.txt).

use super::lines::{lines, statement};

/// Files include each other no more often.
const FILE_LIMIT: usize = 16;

/// Once so much was included, in bytes of text, nothing more is.
const INCLUDED_LIMIT: usize = 4 << 20;

/// Maximum number of warnings of filters that cannot be decided.
const UNDECIDED_LIMIT: usize = 64;

/// The settings that decide which files are booted; all else is between the firmware and the hardware.
const NAMES: [&str; 13] = [
    "arm_64bit",
    "auto_initramfs",
    "boot_partition",
    "cmdline",
    "device_tree",
    "dtoverlay",
    "dtparam",
    "initramfs",
    "kernel",
    "os_prefix",
    "ramfsaddr",
    "ramfsfile",
    "upstream_kernel",
];

/// Boards by what follows `raspberrypi,` in their device tree's `compatible`, the more special ones first: their
/// generation, and the filters that hold on them.
const BOARDS: [(&str, u8, &[&str]); 18] = [
    ("model-zero-2", 3, &["pi0", "pi0w", "pi02"]),
    ("model-zero-w", 1, &["pi0", "pi0w"]),
    ("model-zero", 1, &["pi0"]),
    ("compute-module", 1, &["pi1", "cm1"]),
    ("model-", 1, &["pi1"]),
    ("2-", 2, &["pi2"]),
    ("3-model-a-plus", 3, &["pi3", "pi3+"]),
    ("3-model-b-plus", 3, &["pi3", "pi3+"]),
    ("3-compute-module-plus", 3, &["pi3", "pi3+", "cm3+"]),
    ("3-compute-module", 3, &["pi3", "cm3"]),
    ("3-", 3, &["pi3"]),
    ("400", 4, &["pi4", "pi400"]),
    ("4-compute-module-s", 4, &["pi4", "cm4s"]),
    ("4-compute-module", 4, &["pi4", "cm4"]),
    ("4-", 4, &["pi4"]),
    ("500", 5, &["pi5", "pi500"]),
    ("5-compute-module", 5, &["pi5", "cm5"]),
    ("5-", 5, &["pi5"]),
];

/// A board, as far as configurations tell boards apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    generation: u8,
    filters: &'static [&'static str],
}

impl Board {
    /// The board of this name in a device tree's `compatible` (`raspberrypi,4-model-b`); `None` if it is no Raspberry Pi.
    #[must_use]
    pub fn named(compatible: &str) -> Option<Self> {
        let name = compatible.strip_prefix("raspberrypi,")?;
        let row = BOARDS.iter().find(|(start, ..)| name.starts_with(start));
        row.map(|&(_, generation, filters)| Self { generation, filters })
    }

    /// Kernels that are booted if none is named, the first one that is there. `wide` is the setting `arm_64bit`.
    #[must_use]
    pub fn kernels(board: Option<Self>, wide: Option<bool>) -> &'static [&'static str] {
        match (board.map(|board| board.generation), wide) {
            (Some(1), _) => &["kernel.img"],
            (Some(2 | 3), Some(true)) => &["kernel8.img", "kernel7.img"],
            (Some(2 | 3), _) => &["kernel7.img", "kernel8.img"],
            (Some(4), Some(false)) => &["kernel7l.img"],
            (Some(4), _) => &["kernel8.img", "kernel7l.img"],
            (Some(_), _) => &["kernel_2712.img", "kernel8.img"],
            (None, Some(false)) => &["kernel7l.img", "kernel7.img", "kernel.img"],
            (None, _) => &["kernel8.img", "kernel_2712.img", "kernel7l.img", "kernel7.img", "kernel.img"],
        }
    }
}

/// The initrd that `auto_initramfs` puts beside a kernel.
#[must_use]
pub fn initramfs_beside(kernel: &str) -> Option<String> {
    let number = kernel.strip_prefix("kernel")?.strip_suffix(".img")?;
    Some(format!("initramfs{number}"))
}

/// The facts that filters ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The board, if it is known and a Raspberry Pi.
    pub board: Option<Board>,
    /// Number of the partition that the configuration is on.
    pub partition: Option<u32>,
    /// The boot is one on trial.
    pub tryboot: bool,
}

impl Machine {
    /// Whether a filter holds, and the kind of it: a filter replaces one of its own kind. `None` where that cannot be
    /// known: the name of a monitor, the level of a pin.
    fn holds(&self, filter: &str) -> (&'static str, Option<bool>) {
        let number = |text: &str| text.parse::<u32>().ok();
        match statement(filter, &['=']) {
            ("none", _) => ("board", Some(false)),
            ("tryboot", _) => ("tryboot", Some(self.tryboot)),
            ("boot_partition" | "partition", value) => ("partition", Some(number(value) == self.partition)),
            ("EDID", _) => ("monitor", None),
            ("board-type", _) => ("board", None),
            (name, _) if name.starts_with("gpio") => ("pin", None),
            (name, _) if name.starts_with("0x") => ("serial number", None),
            // It says which port the settings after it are about.
            (name, _) if name.starts_with("HDMI:") => ("port", Some(true)),
            (name, _) => ("board", Some(self.board.is_some_and(|board| board.filters.contains(&name)))),
        }
    }
}

/// Settings after all filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Names and values, each name once, in the order in which they were set last.
    pub settings: Vec<(&'static str, String)>,
    /// Filters that cannot be decided here and are taken not to hold, each with its line.
    pub undecided: Vec<(u32, String)>,
    /// A filter for boots on trial occurs.
    pub has_tryboot: bool,
}

impl Configuration {
    /// Reads a configuration. `include` gives the text of further files.
    #[must_use]
    pub fn read(text: &str, machine: Machine, include: &mut dyn FnMut(&str) -> Option<String>) -> Self {
        let mut reader =
            Reader { machine, include, files: 0, included: 0, filters: Vec::new(), found: Self::default() };
        reader.file(text);
        reader.found
    }

    /// The value that counts; `None` where there is none or an empty one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let last = self.settings.iter().rev().find(|(own, _)| *own == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on; `None` where it is not set.
    #[must_use]
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value.parse::<u32>().is_ok_and(|number| number != 0))
    }

    /// Initrds in the order in which they are joined.
    #[must_use]
    pub fn initrds(&self) -> Vec<&str> {
        // `initramfs` sets the same thing as `ramfsfile`, and an address after it.
        let last = self.settings.iter().rev().find(|(name, _)| matches!(*name, "initramfs" | "ramfsfile"));
        let files = last.map_or("", |(_, value)| statement(value, &[]).0);
        files.split(',').filter(|file| !file.is_empty()).collect()
    }
}

struct Reader<'a> {
    machine: Machine,
    include: &'a mut dyn FnMut(&str) -> Option<String>,
    files: usize,
    included: usize,
    /// Of each kind the last filter, and whether it holds.
    filters: Vec<(&'static str, bool)>,
    found: Configuration,
}

impl Reader<'_> {
    fn file(&mut self, text: &str) {
        for (number, line) in lines(text) {
            if let Some(filter) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
                self.filter(number, filter.trim());
                continue;
            }
            if self.filters.iter().any(|(_, holds)| !holds) {
                continue;
            }
            let (name, value) = statement(line, &['=']);
            if name == "include" {
                self.files = self.files.saturating_add(1);
                if self.files <= FILE_LIMIT
                    && self.included < INCLUDED_LIMIT
                    && let Some(text) = (self.include)(value)
                {
                    self.included = self.included.saturating_add(text.len());
                    self.file(&text);
                }
                continue;
            }
            if let Some(name) = NAMES.into_iter().find(|known| *known == name) {
                // Only the last of a name counts.
                self.found.settings.retain(|(own, _)| *own != name);
                self.found.settings.push((name, value.to_owned()));
            }
        }
    }

    fn filter(&mut self, number: u32, filter: &str) {
        if filter == "all" {
            self.filters.clear();
            return;
        }
        let (kind, holds) = self.machine.holds(filter);
        self.found.has_tryboot |= kind == "tryboot";
        if holds.is_none() && self.found.undecided.len() < UNDECIDED_LIMIT {
            self.found.undecided.push((number, filter.to_owned()));
        }
        self.filters.retain(|(other, _)| *other != kind);
        self.filters.push((kind, holds.unwrap_or(false)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, board: &str, tryboot: bool) -> Configuration {
        let machine = Machine { board: Board::named(board), partition: Some(1), tryboot };
        Configuration::read(text, machine, &mut |file| {
            (file == "more.txt").then(|| "kernel=more.img\ninclude more.txt\n".to_owned())
        })
    }

    #[test]
    fn no_more_is_included_than_is_worth_reading() {
        let mut included = 0;
        let mut include = |_: &str| {
            included += 1;
            Some("#".repeat(INCLUDED_LIMIT - 1))
        };
        let text = "include a\ninclude b\ninclude c\nkernel=k\n";
        let found = Configuration::read(text, Machine::default(), &mut include);
        assert_eq!((found.get("kernel"), included), (Some("k"), 2));
    }

    #[test]
    fn settings_count_where_their_filters_hold_and_the_last_one_wins() {
        let text = "# first\nkernel=all.img\n[pi3]\nkernel=three.img\n[pi3+]\narm_64bit=1\n[pi4]\nkernel=four.img\n\
                    [tryboot]\nkernel=try.img\n[all]\nos_prefix=a/\ngpu_mem=64\n[none]\nkernel=none.img\n[cm5]\nkernel=five.img\n";
        for (board, tryboot, kernel, wide) in [
            ("raspberrypi,3-model-b", false, "three.img", None),
            ("raspberrypi,3-model-b-plus", false, "three.img", Some(true)),
            ("raspberrypi,3-compute-module", false, "three.img", None),
            ("raspberrypi,3-compute-module-plus", false, "three.img", Some(true)),
            ("raspberrypi,4-compute-module", false, "four.img", None),
            ("raspberrypi,4-model-b", true, "try.img", None),
            ("raspberrypi,3-model-b", true, "three.img", None),
            ("raspberrypi,model-zero-2-w", false, "all.img", None),
            ("raspberrypi,5-model-b", false, "all.img", None),
            ("raspberrypi,5-compute-module", false, "five.img", None),
            ("acme,board", false, "all.img", None),
        ] {
            let read = read(text, board, tryboot);
            assert_eq!((read.get("kernel"), read.is_on("arm_64bit")), (Some(kernel), wide), "{board}");
            assert_eq!((read.get("os_prefix"), read.get("gpu_mem")), (Some("a/"), None));
        }
    }

    #[test]
    fn filters_of_different_kinds_hold_together() {
        let text = "[partition=1]\n[pi4]\nkernel=a\n[pi5]\nkernel=b\n[partition=2]\n[pi4]\nkernel=c\n\
                    [all]\n[EDID=X]\nkernel=d\n[pi4]\nkernel=e\n[HDMI:0]\nkernel=f\n";
        let read = read(text, "raspberrypi,4-model-b", false);
        assert_eq!(read.settings, [("kernel", "a".to_owned())]);
        assert_eq!(read.undecided, [(10, "EDID=X".to_owned())]);
    }

    #[test]
    fn initrds_are_named_in_two_ways_and_files_are_included_to_an_end() {
        for (text, expected) in [
            ("initramfs a.gz,b.gz followkernel\n", &["a.gz", "b.gz"][..]),
            ("ramfsfile=a\nramfsaddr=0x800000\n", &["a"]),
            ("ramfsfile=a\ninitramfs b 0\n", &["b"]),
            ("initramfs\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(read(text, "", false).initrds(), expected, "{text}");
        }
        let included = read("kernel=own.img\ninclude more.txt\ninclude gone.txt\n", "", false);
        assert_eq!(included.settings, [("kernel", "more.img".to_owned())]);
    }

    #[test]
    fn boards_boot_the_kernels_of_their_generation() {
        for (board, wide, kernels) in [
            ("raspberrypi,model-b-plus", Some(true), &["kernel.img"][..]),
            ("raspberrypi,3-model-b", None, &["kernel7.img", "kernel8.img"]),
            ("raspberrypi,3-compute-module", Some(true), &["kernel8.img", "kernel7.img"]),
            ("raspberrypi,400", None, &["kernel8.img", "kernel7l.img"]),
            ("raspberrypi,4-model-b", Some(false), &["kernel7l.img"]),
            ("raspberrypi,5-compute-module", Some(false), &["kernel_2712.img", "kernel8.img"]),
        ] {
            assert_eq!(Board::kernels(Board::named(board), wide), kernels, "{board}");
        }
        assert_eq!(initramfs_beside("kernel_2712.img").as_deref(), Some("initramfs_2712"));
        assert_eq!(initramfs_beside("kernel.img").as_deref(), Some("initramfs"));
        assert_eq!(initramfs_beside("vmlinuz"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(\\[[a-z0-9=+]{0,5}\\]|kernel=|include |initramfs |[\\[\\]=a-z, ]|\n){0,60}") {
            let mut depth = 0;
            let _ = Configuration::read(&text, Machine::default(), &mut |_| { depth += 1; Some(text.clone()) });
            prop_assert!(depth <= FILE_LIMIT);
        }
    }
}
