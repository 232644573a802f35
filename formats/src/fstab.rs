//! fstab(5): which file systems an installed system mounts, and how.

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The file system: `UUID=…`, `LABEL=…`, a device path; quotes around the value are taken off.
    pub source: String,
    /// Where.
    pub target: String,
    /// File system type.
    pub kind: String,
    /// Comma-separated options; empty if the field is missing.
    pub options: String,
}

impl Mount {
    /// The value of `name=value` among the options; the last one counts.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.split(',').rev().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Reads all lines that hold at least source, target and type; others say nothing to mount(8) either.
#[must_use]
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    let mut fields = line.split_ascii_whitespace().map(unescape);
    let source = fields.next()?;
    let source = match source.split_once("=\"") {
        Some((tag, value)) => format!("{tag}={}", value.trim_end_matches('"')),
        None => source,
    };
    Some(Mount {
        source,
        target: fields.next()?,
        kind: fields.next()?,
        options: fields.next().unwrap_or_default(),
    })
}

/// Spaces are written as `\040`, three octal digits.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                text.push(char::from(code));
                text.push_str(rest);
            }
            _ => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(source: &str, target: &str, kind: &str, options: &str) -> Mount {
        Mount { source: source.into(), target: target.into(), kind: kind.into(), options: options.into() }
    }

    #[test]
    fn lines_are_read_as_mount_reads_them() {
        let text = "# /etc/fstab\n\
            UUID=0a-1 / ext4 errors=remount-ro 0 1\n\
            \tLABEL=\"data\"  /srv/my\\040disk\txfs\n\
            /swapfile none swap sw 0 0\n\
            broken line\n\n";
        assert_eq!(
            parse(text),
            [
                line("UUID=0a-1", "/", "ext4", "errors=remount-ro"),
                line("LABEL=data", "/srv/my disk", "xfs", ""),
                line("/swapfile", "none", "swap", "sw"),
            ]
        );
    }

    #[test]
    fn the_last_of_equal_options_counts() {
        let mount = line("UUID=1", "/", "btrfs", "subvol=@old,compress,subvol=@");
        assert_eq!(mount.option("subvol"), Some("@"));
        assert_eq!(mount.option("compress"), None);
        assert_eq!(mount.option("sub"), None);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (field, text) in [
            ("a\\", "a\\"),
            ("a\\04", "a\\04"),
            ("\\999x", "\\999x"),
            ("\\777", "\\777"),
            ("\\134040", "\\040"),
        ] {
            assert_eq!(unescape(field), text, "{field}");
        }
    }
}
