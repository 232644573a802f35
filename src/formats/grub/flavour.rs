//! What the distributions' builds of GRUB do differently.

/// One build's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Whose it is.
    pub name: &'static str,
    /// `default` names an id first, then a title, and a number last; else a number comes before all names.
    pub id_before_number: bool,
    /// `\xHH` in unquoted text and in the kernel's arguments stays as it is.
    pub keep_hex_escapes: bool,
}

/// GNU GRUB, and Debian, Ubuntu, Arch and whoever else builds it as it is.
pub const UPSTREAM: Flavour = Flavour { name: "upstream", id_before_number: false, keep_hex_escapes: false };

/// Fedora, RHEL and their kin.
pub const FEDORA: Flavour = Flavour { name: "fedora", id_before_number: true, keep_hex_escapes: true };

/// openSUSE and SLE.
pub const SUSE: Flavour = Flavour { name: "suse", id_before_number: false, keep_hex_escapes: true };
