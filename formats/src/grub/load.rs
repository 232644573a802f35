//! The files that the loader commands have loaded when an entry boots, and the command line that the kernel is given.

use super::device::Located;
use crate::entry::{Kind, Multiboot};

/// Places of initrds that are packed into archives, and their names in these.
pub type Packed = Vec<(usize, String)>;

/// A kernel, or a program that is started in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its kind.
    pub kind: Kind,
    /// Started by `chainloader`, as the firmware starts programs.
    pub chained: bool,
    /// The file, if its device is known.
    pub kernel: Option<Located>,
    /// The command's arguments: the file as it was written, and what follows it.
    pub arguments: Vec<String>,
    /// Initrds (or modules) in order.
    pub initrds: Vec<Located>,
    /// Which of them come in archives (`newc:`).
    pub packed: Packed,
    /// Arguments of a multiboot kernel beside its command line.
    pub multiboot: Multiboot,
    /// Device tree.
    pub devicetree: Option<Located>,
    /// It is another GRUB: the configuration that this one reads.
    pub follow: Option<Box<Located>>,
    /// Why it cannot be booted.
    pub problem: Option<String>,
}

impl Loaded {
    /// The command line as GRUB builds it: for `linux` after `BOOT_IMAGE=` and the file's name, for others only what
    /// follows it. `\xHH` (systemd's escapes in device names) is left alone if `keep_hex_escapes`.
    #[must_use]
    pub fn cmdline(&self, keep_hex_escapes: bool) -> String {
        match self.kind {
            Kind::Linux if !self.chained => format!("BOOT_IMAGE={}", join(&self.arguments, keep_hex_escapes)),
            _ => join(self.arguments.get(1..).unwrap_or_default(), keep_hex_escapes),
        }
    }
}

/// Arguments as one line: quotes and backslashes get a backslash, an argument with a space is in quotes.
#[must_use]
pub fn join(arguments: &[String], keep_hex_escapes: bool) -> String {
    let mut line = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        let quoted = argument.contains(' ');
        if quoted {
            line.push('"');
        }
        let mut rest = argument.as_str();
        while let Some(c) = rest.chars().next() {
            if matches!(c, '\'' | '"') || (c == '\\' && !(keep_hex_escapes && is_hex_escape(rest))) {
                line.push('\\');
            }
            line.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        if quoted {
            line.push('"');
        }
    }
    line
}

fn is_hex_escape(text: &str) -> bool {
    match text.as_bytes() {
        [b'\\', b'x', high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_sees_arguments_as_grub_writes_them() {
        let cases: [(&[&str], &str); 6] = [
            (&["/vmlinuz", "root=/dev/sda1", "ro"], "/vmlinuz root=/dev/sda1 ro"),
            (&["/k", "", "quiet"], "/k  quiet"),
            (&["/k", "foo=a b"], "/k \"foo=a b\""),
            (&["/k", "a\"b'c"], "/k a\\\"b\\'c"),
            (&["/k", "a\\b"], "/k a\\\\b"),
            (&["/k", "luks\\x2dfoo"], "/k luks\\x2dfoo"),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(join(&arguments, true), expected);
        }
        assert_eq!(join(&["luks\\x2dfoo".to_owned()], false), "luks\\\\x2dfoo");
    }
}
