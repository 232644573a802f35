//! Names of entry files and the boot counters in them: `name+LEFT-DONE.conf`.

/// The parts of an entry file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryName {
    /// The whole file name.
    pub file: String,
    /// Without suffix and counters.
    pub id: String,
    /// Tries left; `None` where nothing is counted.
    pub tries_left: Option<u32>,
    /// Tries done.
    pub tries_done: u32,
}

impl EntryName {
    /// The name by which systemd-boot sorts entries and finds the default: without counters, in lower case.
    #[must_use]
    pub fn systemd_boot_id(&self) -> String {
        let suffix = self.file.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        format!("{}.{suffix}", self.id).to_ascii_lowercase()
    }

    /// The name by which GRUB does: without `.conf`.
    #[must_use]
    pub fn grub_id(&self) -> &str {
        self.file.strip_suffix(".conf").unwrap_or(&self.file)
    }
}

/// Reads the name of an entry file whose suffix is `.conf` or `.efi`, in any case; `None` where the file is no entry.
#[must_use]
pub fn entry_name(file: &str, suffix: &str) -> Option<EntryName> {
    let (stem, end) = file.split_at_checked(file.len().checked_sub(suffix.len())?)?;
    let is_automatic = file.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("auto-"));
    if !end.eq_ignore_ascii_case(suffix) || stem.is_empty() || file.starts_with('.') || is_automatic {
        return None;
    }
    let counted = stem.rsplit_once('+').and_then(|(id, counters)| {
        let (left, done) = counters.split_once('-').unwrap_or((counters, "0"));
        Some((id, number(left)?, number(done)?)).filter(|(id, ..)| !id.is_empty())
    });
    let (id, tries_left, tries_done) = match counted {
        Some((id, left, done)) => (id, Some(left), done),
        None => (stem, None, 0),
    };
    Some(EntryName { file: file.to_owned(), id: id.to_owned(), tries_left, tries_done })
}

/// The name that systemd-boot gives an entry's file before it starts the entry: one try less is left, and one more is done
/// (systemd, src/boot/boot.c: `boot_entry_parse_tries`). `None` where nothing is counted.
#[must_use]
pub fn name_after_attempt(file: &str) -> Option<String> {
    let (_, suffix) = file.rsplit_once('.')?;
    let suffix = format!(".{suffix}");
    let is_known = [".conf", ".efi"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
    let name = entry_name(file, &suffix).filter(|_| is_known)?;
    let left = name.tries_left?.saturating_sub(1);
    let done = name.tries_done.saturating_add(1).min(i32::MAX.cast_unsigned());
    Some(format!("{}+{left}-{done}{suffix}", name.id))
}

/// Digits alone, of a number that a C `int` holds.
fn number(digits: &str) -> Option<u32> {
    let valid = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&number: &u32| valid && i32::try_from(number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stand_right_before_the_suffix() {
        let name = |file: &str, id: &str, tries_left, tries_done| {
            Some(EntryName { file: file.into(), id: id.into(), tries_left, tries_done })
        };
        for (file, expected) in [
            ("arch.conf", name("arch.conf", "arch", None, 0)),
            ("arch+3.conf", name("arch+3.conf", "arch", Some(3), 0)),
            ("arch+0-3.CONF", name("arch+0-3.CONF", "arch", Some(0), 3)),
            ("a+1+2-1.conf", name("a+1+2-1.conf", "a+1", Some(2), 1)),
            ("a+3-.conf", name("a+3-.conf", "a+3-", None, 0)),
            ("a+3x.conf", name("a+3x.conf", "a+3x", None, 0)),
            ("a++3.conf", name("a++3.conf", "a+", Some(3), 0)),
            ("a+4294967296.conf", name("a+4294967296.conf", "a+4294967296", None, 0)),
            ("+3.conf", name("+3.conf", "+3", None, 0)),
            (".hidden.conf", None),
            ("Auto-windows.conf", None),
            ("arch.conf.bak", None),
            (".conf", None),
            ("", None),
        ] {
            assert_eq!(entry_name(file, ".conf"), expected, "{file}");
        }
    }

    #[test]
    fn an_attempt_takes_one_of_the_tries_that_are_left() {
        for (file, expected) in [
            ("arch+3.conf", Some("arch+2-1.conf")),
            ("arch+3-0.CONF", Some("arch+2-1.CONF")),
            ("Linux 6+1-2.efi", Some("Linux 6+0-3.efi")),
            ("arch+0-3.conf", Some("arch+0-4.conf")),
            ("arch+0-2147483647.conf", Some("arch+0-2147483647.conf")),
            ("a+1+2-1.conf", Some("a+1+1-2.conf")),
            ("arch.conf", None),
            ("arch+3.cfg", None),
            ("arch+3", None),
        ] {
            assert_eq!(name_after_attempt(file).as_deref(), expected, "{file}");
        }
    }
}
