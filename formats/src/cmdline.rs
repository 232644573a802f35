//! Words of a kernel command line, cut as the kernel cuts them (lib/cmdline.c, Documentation/admin-guide/kernel-parameters).

/// One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// As it is written, quotes and all.
    pub text: &'a str,
    /// The text before the first `=`.
    pub name: &'a str,
    /// The text after it; `None` where there is no `=`.
    pub value: Option<&'a str>,
}

impl Word<'_> {
    /// Whether the word has this name; `-` and `_` are the same.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let fold = |byte: u8| if byte == b'-' { b'_' } else { byte };
        self.name.bytes().map(fold).eq(name.bytes().map(fold))
    }
}

/// Cuts a command line into words: at white space outside double quotes. Quotes around a whole word or a whole value are
/// no part of it, others stay.
pub fn words(cmdline: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = cmdline;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(is_space);
        let mut quoted = false;
        let end = rest.find(|character: char| {
            quoted ^= character == '"';
            is_space(character) && !quoted
        });
        let (text, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        (!text.is_empty()).then(|| word(text))
    })
}

/// The value of the last word of this name: later words win with most of the kernel's options. `Some("")` where the word
/// has no value.
#[must_use]
pub fn value<'a>(cmdline: &'a str, name: &str) -> Option<&'a str> {
    words(cmdline).filter(|word| word.is(name)).last().map(|word| word.value.unwrap_or_default())
}

/// The command line without the words of these names, the others as they were written, one space between them.
#[must_use]
pub fn without(cmdline: &str, names: &[&str]) -> String {
    let kept = words(cmdline).filter(|word| !names.iter().any(|name| word.is(name)));
    kept.map(|word| word.text).collect::<Vec<_>>().join(" ")
}

fn word(text: &str) -> Word<'_> {
    let (inner, quoted) = match text.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    // An equals sign at the very start is no separator to the kernel.
    let equals = inner.char_indices().skip(1).find(|&(_, character)| character == '=').map(|(at, _)| at);
    let Some((name, value)) = equals.and_then(|at| inner.split_at_checked(at)) else {
        let name = if quoted { inner.strip_suffix('"').unwrap_or(inner) } else { inner };
        return Word { text, name, value: None };
    };
    let value = value.strip_prefix('=').unwrap_or(value);
    let value = match value.strip_prefix('"') {
        Some(value) => value.strip_suffix('"').unwrap_or(value),
        None if quoted => value.strip_suffix('"').unwrap_or(value),
        None => value,
    };
    Word { text, name, value: Some(value) }
}

/// White space as the kernel has it, of ASCII.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected values: the kernel's `next_arg`, run over the same lines.
    #[test]
    fn words_are_cut_as_the_kernel_cuts_them() {
        let cut = |cmdline| words(cmdline).map(|word| (word.name, word.value)).collect::<Vec<_>>();
        for (cmdline, expected) in [
            ("", vec![]),
            ("  quiet\tro\n", vec![("quiet", None), ("ro", None)]),
            ("root=UUID=1-2 a==b", vec![("root", Some("UUID=1-2")), ("a", Some("=b"))]),
            ("dyndbg=\"file a.c +p\" x", vec![("dyndbg", Some("file a.c +p")), ("x", None)]),
            ("\"dyndbg=file a.c +p\" x", vec![("dyndbg", Some("file a.c +p")), ("x", None)]),
            ("\"two words\" x", vec![("two words", None), ("x", None)]),
            ("a=b\"c d\"e", vec![("a", Some("b\"c d\"e"))]),
            ("a=\"b c", vec![("a", Some("b c"))]),
            ("=a =b=c", vec![("=a", None), ("=b", Some("c"))]),
            ("a= b", vec![("a", Some("")), ("b", None)]),
            ("a=\"\"", vec![("a", Some(""))]),
        ] {
            assert_eq!(cut(cmdline), expected, "{cmdline}");
        }
    }

    #[test]
    fn words_are_found_and_taken_away_by_name() {
        let cmdline =
            "BOOT_IMAGE=/vmlinuz  root=/dev/sda1 ro initrd=\\a initrd=\\b log-buf_len=1M root=\"/dev/sd b\"";
        assert_eq!(value(cmdline, "root"), Some("/dev/sd b"));
        assert_eq!(value(cmdline, "ro"), Some(""));
        assert_eq!(value(cmdline, "log_buf-len"), Some("1M"));
        assert_eq!(value(cmdline, "quiet"), None);
        assert_eq!(
            without(cmdline, &["BOOT_IMAGE", "initrd"]),
            "root=/dev/sda1 ro log-buf_len=1M root=\"/dev/sd b\""
        );
    }

    proptest! {
        #[test]
        fn words_lose_nothing_but_white_space(cmdline: String) {
            let kept: String = words(&cmdline).map(|word| word.text).collect();
            let is_kept = |character: &char| !is_space(*character);
            prop_assert!(kept.chars().filter(is_kept).eq(cmdline.chars().filter(is_kept)));
        }
    }
}
