//! JSON as far as headers on disks have it (RFC 8259): one document, small.

/// Maximum depth of lists and objects in each other.
const DEPTH_LIMIT: usize = 16;

/// Maximum number of values in a document.
const VALUE_LIMIT: usize = 1 << 16;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `true`, `false`, `null` or a number, as it is written.
    Word(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object: its members in their order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads a document; what comes after it does not matter. `None` where it is none, or a very large one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Reader { rest: text, left: VALUE_LIMIT }.value(DEPTH_LIMIT)
    }

    /// The member of an object with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members of an object; none of anything else.
    #[must_use]
    pub fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// A string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A whole number, also one that is written as a string, as those are that a double could not hold.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Word(text) | Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many values there may still be.
    left: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.left = self.left.checked_sub(1)?;
        self.rest = self.rest.trim_ascii_start();
        match self.rest.first()? {
            b'{' => {
                let members = self.sequence(b'}', |reader| {
                    let name = reader.text()?;
                    reader.take(b':')?;
                    Some((name, reader.value(depth)?))
                })?;
                Some(Value::Object(members))
            }
            b'[' => Some(Value::List(self.sequence(b']', |reader| reader.value(depth))?)),
            b'"' => Some(Value::Text(self.text()?)),
            _ => {
                let is_of_word =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                let end = self.rest.iter().position(|byte| !is_of_word(byte)).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end).filter(|(word, _)| !word.is_empty())?;
                self.rest = rest;
                Some(Value::Word(std::str::from_utf8(word).ok()?.to_owned()))
            }
        }
    }

    /// The items between a bracket and this one, which commas divide.
    fn sequence<T>(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.rest = self.rest.get(1..)?;
        if self.take(end).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(end).is_some() {
                return Some(items);
            }
            self.take(b',')?;
        }
    }

    /// Goes past this byte, if it is the next one after white space.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.trim_ascii_start();
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut text = Vec::new();
        loop {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    text.push(match escaped {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'"' | b'\\' | b'/' => *escaped,
                        // No header has others.
                        _ => return None,
                    });
                }
                _ => text.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_read_as_serde_json_reads_them() {
        fn same(own: &Value, other: &serde_json::Value) -> bool {
            match (own, other) {
                (Value::Object(own), serde_json::Value::Object(other)) => {
                    own.len() == other.len()
                        && own
                            .iter()
                            .all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
                }
                (Value::List(own), serde_json::Value::Array(other)) => {
                    own.len() == other.len() && own.iter().zip(other).all(|(own, other)| same(own, other))
                }
                (Value::Text(own), serde_json::Value::String(other)) => own == other,
                (Value::Word(own), other) => {
                    serde_json::from_str::<serde_json::Value>(own).unwrap() == *other
                }
                _ => false,
            }
        }
        for text in [
            r#" { "a" : [1, -2.5, true,false , null, {}, []], "b\/c": "x\"\\\n", "d": {"e": "4096"} } "#,
            "[]",
            "12",
            r#""""#,
        ] {
            let other = serde_json::from_str(text).unwrap();
            let own = Value::parse(text.as_bytes()).unwrap();
            assert!(same(&own, &other), "{own:?} {other}");
            // What follows it does not matter.
            assert_eq!(Value::parse(&[text.as_bytes(), b"\0\0 x"].concat()), Some(own));
        }
        let found = Value::parse(br#"{"a": {"b": "7", "c": 8}}"#).unwrap();
        let numbers = ["b", "c", "d"].map(|name| found.get("a").and_then(|a| a.get(name)?.number()));
        assert_eq!(numbers, [Some(7), Some(8), None]);
    }

    #[test]
    fn what_is_no_document_or_too_deep_is_none() {
        let deep = [vec![b'['; 17], vec![b']'; 17]].concat();
        assert!(Value::parse(&deep[1..33]).is_some());
        let many = [&b"["[..], &b"1,".repeat(VALUE_LIMIT), b"1]"].concat();
        for text in [
            &b""[..],
            b"{",
            b"[1",
            b"[1,]",
            b"[1 2]",
            br#"{"a"}"#,
            br#"{"a":}"#,
            br#""a"#,
            br#""\u0041""#,
            &deep,
            &many,
        ] {
            assert_eq!(Value::parse(text), None, "{}", String::from_utf8_lossy(&text[..text.len().min(20)]));
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[\\[\\]{}\":, a1\\\\]*") {
            let _ = Value::parse(text.as_bytes());
        }
    }
}
