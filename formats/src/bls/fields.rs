//! Lines of keys and values, in the two ways in which loaders cut them.

/// Whose rules an entry file is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// systemd-boot's, which are the specification's.
    SystemdBoot,
    /// Those of `blscfg` in the GRUB of Fedora and Red Hat.
    Grub,
}

/// A key with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Line in the file, from 1.
    pub line: u32,
    /// The key.
    pub key: &'a str,
    /// The value as it is written.
    pub value: &'a str,
}

/// All keys with values, in the file's order, repeated ones too.
#[must_use]
pub fn fields(text: &str, reading: Reading) -> Vec<Field<'_>> {
    let lines = (1..).zip(text.split('\n'));
    match reading {
        Reading::SystemdBoot => pairs(text, &SPACES).collect(),
        Reading::Grub => lines
            .map(|(line, text)| (line, text.trim_end_matches('\r').trim_start_matches(SPACES)))
            .filter(|(_, text)| !text.starts_with('#'))
            .map_while(|(line, text)| grub(line, text))
            .collect(),
    }
}

const SPACES: [char; 2] = [' ', '\t'];

/// Keys and values as systemd-boot cuts them at any of the separators. Lines without a value do not count; a value in
/// double quotes loses them.
pub(crate) fn pairs<'a>(text: &'a str, separators: &'a [char]) -> impl Iterator<Item = Field<'a>> {
    (1..).zip(text.split('\n')).filter_map(move |(line, text)| {
        let text = text.trim_end_matches('\r').trim_matches(SPACES);
        let (key, value) = text.split_once(separators).filter(|_| !text.starts_with('#'))?;
        let value = value.trim_start_matches(separators);
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some(Field { line, key, value: quoted.unwrap_or(value) })
    })
}

/// A line without a value ends the file. A space anywhere parts key and value, a tab only where there is no space.
fn grub(line: u32, text: &str) -> Option<Field<'_>> {
    let (key, value) = text.split_once(' ').or_else(|| text.split_once('\t'))?;
    (!value.is_empty()).then(|| Field { line, key, value: value.trim_start_matches(SPACES) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_loaders_cut_lines_differently() {
        let text = "# comment\n  title \t Linux \r\noptions\ta b\nversion \"1 2\"\n\nlinux /k\nalone\nefi /e";
        let field = |line, key, value| Field { line, key, value };
        assert_eq!(
            fields(text, Reading::SystemdBoot),
            [
                field(2, "title", "Linux"),
                field(3, "options", "a b"),
                field(4, "version", "1 2"),
                field(6, "linux", "/k"),
                field(8, "efi", "/e"),
            ]
        );
        assert_eq!(
            fields(text, Reading::Grub),
            [field(2, "title", "Linux "), field(3, "options\ta", "b"), field(4, "version", "\"1 2\"")]
        );
    }
}
