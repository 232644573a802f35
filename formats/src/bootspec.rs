//! `boot.json` of a generation of NixOS (NixOS RFC 125, "bootspec"): the strings of its first document.

/// The value of the first member of this name, if it is a string: the document itself comes before those of its
/// specialisations.
///
/// Store paths and labels hold nothing that JSON would write otherwise, so that `None` where there is a backslash loses
/// nothing.
#[must_use]
pub fn string<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let member = text.match_indices(name).find_map(|(at, _)| {
        let before = text.get(..at)?.strip_suffix('"')?;
        let after = text.get(at.checked_add(name.len())?..)?.strip_prefix('"')?;
        let is_name = before.trim_end().ends_with(['{', ',']);
        after.trim_start().strip_prefix(':').filter(|_| is_name)
    })?;
    let (value, _) = member.trim_start().strip_prefix('"')?.split_once('"')?;
    (!value.contains('\\')).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_document_counts() {
        let text = r#"{ "org.nixos.bootspec.v1": { "initrd": "/nix/store/a-initrd/initrd", "init" : "/nix/store/b/init",
            "kernelParams": ["label", "init"], "label": "NixOS 24.05 (Linux 6.6)" },
            "org.nixos.specialisation.v1": { "x": { "init": "/nix/store/c/init", "system": "a\"b" } } }"#;
        for (name, value) in [
            ("init", Some("/nix/store/b/init")),
            ("initrd", Some("/nix/store/a-initrd/initrd")),
            ("label", Some("NixOS 24.05 (Linux 6.6)")),
            ("kernelParams", None),
            ("system", None),
            ("gone", None),
        ] {
            assert_eq!(string(text, name), value, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(\"init\"|[:{, \"\\\\a])*") {
            let _ = string(&text, "init");
        }
    }
}
