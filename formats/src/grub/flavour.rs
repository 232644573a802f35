//! The differences between the distributions' builds of GRUB.

/// One build's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Whose it is.
    pub name: &'static str,
    /// `default` names an id first, then a title, and a number last; else a number comes before all names.
    pub id_before_number: bool,
    /// `\xHH` in unquoted text and in the kernel's arguments stays as it is.
    pub keep_hex_escapes: bool,
    /// How `blscfg` reads entry files.
    pub entry_files: EntryFiles,
}

/// A way of `blscfg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFiles {
    /// GNU GRUB's, from 2.14 on.
    Gnu,
    /// Fedora's.
    Fedora,
    /// Fedora's of the time of RHEL 8: in the order of `version` before that of names, if every entry has one.
    ByVersion,
}

/// Words that tell whose GRUB it is: in os-release(5), in a path or in a configuration.
const WORDS: [(&str, &Flavour); 14] = [
    ("platform:el8", &RHEL8),
    ("suse", &SUSE),
    ("btrfs_relative_path", &SUSE),
    ("fedora", &FEDORA),
    ("rhel", &FEDORA),
    ("redhat", &FEDORA),
    ("centos", &FEDORA),
    ("rocky", &FEDORA),
    ("almalinux", &FEDORA),
    ("blscfg", &FEDORA),
    ("menu_auto_hide", &FEDORA),
    ("($root)/grub2", &FEDORA),
    ("/boot/grub2", &FEDORA),
    // The name of GRUB's directory is its builder's choice: this one is GNU GRUB's own.
    ("/grub/grub.cfg", &UPSTREAM),
];

impl Flavour {
    /// The build that words of a text tell, in whatever case; `None` if none does.
    #[must_use]
    pub fn by_words(text: &str) -> Option<&'static Self> {
        let text = text.to_ascii_lowercase();
        WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, flavour)| *flavour)
    }

    /// The build of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        [&UPSTREAM, &FEDORA, &RHEL8, &SUSE].into_iter().find(|flavour| flavour.name == name)
    }
}

/// GNU GRUB, and Debian, Ubuntu, Arch and whoever else builds it as it is.
pub const UPSTREAM: Flavour = Flavour {
    name: "upstream",
    id_before_number: false,
    keep_hex_escapes: false,
    entry_files: EntryFiles::Gnu,
};

/// Fedora, RHEL and their kin.
pub const FEDORA: Flavour = Flavour {
    name: "fedora",
    id_before_number: true,
    keep_hex_escapes: true,
    entry_files: EntryFiles::Fedora,
};

/// RHEL 8 and what is built from it.
pub const RHEL8: Flavour = Flavour { name: "rhel8", entry_files: EntryFiles::ByVersion, ..FEDORA };

/// openSUSE and SLE.
pub const SUSE: Flavour = Flavour { name: "suse", id_before_number: false, ..FEDORA };
