//! The landmark contract: lines `firstlight: @NAME key=value…` on every console, which tests and fleet tools wait for.
//!
//! A value that is empty or contains white space, a quote, a backslash or `=` is in double quotes, with `\"` and `\\` inside;
//! what [`text::printable`] does not show is `?`. So is the `@` of every other text that reads like a landmark. Names and keys change only with intent; docs/landmarks.md lists them.

use crate::formats::text;

/// The line for a landmark, without its newline. `name` comes without the `@`.
#[must_use]
pub fn line(name: &str, fields: &[(&str, &str)]) -> String {
    let mut line = format!("firstlight: @{name}");
    for (key, value) in fields {
        line.push(' ');
        line.push_str(key);
        line.push('=');
        push_value(&mut line, value);
    }
    line
}

/// Reads a landmark out of a console line, which may begin with something else (a kernel time stamp): its name and
/// fields.
#[must_use]
pub fn parse(console_line: &str) -> Option<(String, Vec<(String, String)>)> {
    let (_, rest) = console_line.split_once("firstlight: @")?;
    let (name, mut rest) = rest.split_once(' ').unwrap_or((rest.trim_end(), ""));
    let mut fields = Vec::new();
    while let Some((key, value)) = rest.trim_start().split_once('=') {
        let (value, after) = take_value(value);
        fields.push((key.to_owned(), value));
        rest = after;
    }
    Some((name.to_owned(), fields))
}

fn push_value(line: &mut String, value: &str) {
    let value = text::printable(value);
    if !value.is_empty() && !value.contains(|it: char| it.is_whitespace() || matches!(it, '"' | '\\' | '=')) {
        line.push_str(&value);
        return;
    }
    line.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
}

fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (place, character) in quoted.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, quoted.get(place.saturating_add(1)..).unwrap_or_default()),
            _ => {
                value.push(character);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_values_are_bare_and_others_quoted() {
        assert_eq!(
            line("volume", &[("device", "sda2"), ("label", "my \"root\""), ("uuid", "")]),
            r#"firstlight: @volume device=sda2 label="my \"root\"" uuid="""#
        );
    }

    #[test]
    fn a_landmark_is_read_after_a_time_stamp() {
        assert_eq!(parse("[    1.5] firstlight: @start\r\n"), Some(("start".into(), vec![])));
        assert_eq!(parse("firstlight: no landmark"), None);
    }

    #[test]
    fn a_value_forges_neither_a_field_nor_a_landmark() {
        let line =
            line("entry", &[("id", "a\u{2003}title=b"), ("title", "firstlight: @jump id=c\nfirstlight: @d")]);
        assert_eq!(
            line,
            "firstlight: @entry id=\"a\u{2003}title=b\" title=\"firstlight: ?jump id=c?firstlight: ?d\""
        );
        let fields = [("id", "a\u{2003}title=b"), ("title", "firstlight: ?jump id=c?firstlight: ?d")];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(parse(&line), Some(("entry".to_owned(), fields.into())));
    }

    proptest! {
        #[test]
        fn fields_of_any_value_are_read_as_they_are_shown(values in prop::collection::vec(any::<String>(), 0..5)) {
            let given: Vec<(&str, &str)> = values.iter().map(|value| ("key", value.as_str())).collect();
            let shown: Vec<_> = values.iter().map(|value| ("key".to_owned(), text::printable(value))).collect();
            prop_assert_eq!(parse(&line("name", &given)), Some(("name".to_owned(), shown)));
        }

        #[test]
        fn printable_fields_survive(name in "[a-z-]{1,9}", fields in prop::collection::vec(("[a-z]{1,5}", "[ -~]{0,20}"), 0..5)) {
            let given: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            prop_assert_eq!(parse(&line(&name, &given)), Some((name, fields.clone())));
        }
    }
}
