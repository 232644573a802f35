//! The `parameters` file of a generation of Guix System: an S-expression that says what boots it (Guix, gnu/system.scm).

use std::iter::Peekable;

/// Lists are nested no deeper.
const DEPTH_LIMIT: usize = 32;

/// The boot parameters of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Title in the menu.
    pub label: String,
    /// The root file system as it is on the command line: a UUID, a label, or a device.
    pub root: String,
    /// The kernel.
    pub kernel: String,
    /// The initrd; empty if there is none.
    pub initrd: String,
    /// The system's own words.
    pub arguments: Vec<String>,
    /// The initrd takes `gnu.system=` where older ones take `--system=`.
    pub has_new_words: bool,
    /// It is the Hurd, started as a multiboot kernel.
    pub is_multiboot: bool,
}

impl Parameters {
    /// Reads the file; `None` if it is no such expression or names no kernel.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars().peekable();
        let Node::List(fields) = node(&mut characters, 0)? else { return None };
        let fields = fields.strip_prefix(&[Node::Atom("boot-parameters".into())])?;
        let field = |name: &str| {
            fields.iter().find_map(|field| match field {
                Node::List(parts) => match parts.as_slice() {
                    [Node::Atom(own), value] if own == name => Some(value),
                    _ => None,
                },
                Node::Atom(_) => None,
            })
        };
        let text = |name: &str| field(name).map(Node::text).unwrap_or_default();
        let texts = |name: &str| match field(name) {
            Some(Node::List(parts)) => parts.iter().map(Node::text).collect(),
            _ => Vec::new(),
        };
        let parameters = Self {
            label: text("label"),
            root: field("root-device").map(device).unwrap_or_default(),
            kernel: text("kernel"),
            initrd: text("initrd"),
            arguments: texts("kernel-arguments"),
            has_new_words: text("version").parse::<u32>().is_ok_and(|version| version > 0),
            is_multiboot: !texts("multiboot-modules").is_empty(),
        };
        (!parameters.kernel.is_empty()).then_some(parameters)
    }

    /// The command line for the generation whose system is this directory of the store.
    #[must_use]
    pub fn cmdline(&self, system: &str) -> String {
        let [root, own, load] = match self.has_new_words {
            true => ["root=", "gnu.system=", "gnu.load="],
            false => ["--root=", "--system=", "--load="],
        };
        let words =
            [format!("{root}{}", self.root), format!("{own}{system}"), format!("{load}{system}/boot")];
        words.iter().chain(&self.arguments).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Atom(String),
    List(Vec<Node>),
}

impl Node {
    /// The text of an atom; of `(string-append "a" "b")` what it comes to.
    fn text(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::List(parts) => match parts.as_slice() {
                [Self::Atom(name), parts @ ..] if name == "string-append" => {
                    parts.iter().map(Self::text).collect()
                }
                _ => String::new(),
            },
        }
    }
}

/// `"/dev/sda1"`, `(file-system-label "root")` or `(uuid dce #vu8(…))`.
fn device(node: &Node) -> String {
    let Node::List(parts) = node else { return node.text() };
    match parts.as_slice() {
        [Node::Atom(kind), label] if kind == "file-system-label" => label.text(),
        [Node::Atom(kind), _, Node::Atom(mark), Node::List(bytes)] if kind == "uuid" && mark == "#vu8" => {
            let mut uuid = String::new();
            for (place, byte) in bytes.iter().take(16).enumerate() {
                if matches!(place, 4 | 6 | 8 | 10) {
                    uuid.push('-');
                }
                let byte: u8 = byte.text().parse().unwrap_or_default();
                uuid.extend(
                    [byte >> 4, byte & 0xf]
                        .iter()
                        .filter_map(|digit| char::from_digit(u32::from(*digit), 16)),
                );
            }
            uuid
        }
        _ => String::new(),
    }
}

fn node(text: &mut Peekable<std::str::Chars<'_>>, depth: usize) -> Option<Node> {
    while let Some(skipped) = text.next_if(|c| c.is_whitespace() || matches!(c, ';' | '\'')) {
        if skipped == ';' {
            while text.next_if(|c| *c != '\n').is_some() {}
        }
    }
    match text.next()? {
        '(' if depth < DEPTH_LIMIT => {
            let mut nodes = Vec::new();
            loop {
                while text.next_if(|c| c.is_whitespace()).is_some() {}
                if text.next_if_eq(&')').is_some() {
                    return Some(Node::List(nodes));
                }
                nodes.push(node(text, depth.saturating_add(1))?);
            }
        }
        '(' | ')' => None,
        '"' => {
            let mut atom = String::new();
            loop {
                match text.next()? {
                    '"' => return Some(Node::Atom(atom)),
                    '\\' => atom.push(text.next()?),
                    other => atom.push(other),
                }
            }
        }
        first => {
            let mut atom = String::from(first);
            while let Some(next) = text.next_if(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"')) {
                atom.push(next);
            }
            Some(Node::Atom(atom))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generation_says_what_boots_it() {
        let text = "(boot-parameters (version 1) (label \"GNU with Linux-Libre 6.6.8\")\n\
            (root-device (uuid dce #vu8(45 230 33 1 207 104 67 215 143 232 109 249 15 4 88 165)))\n\
            (kernel \"/gnu/store/a-linux-libre-6.6.8/bzImage\") (kernel-arguments (\"quiet\" \"a=\\\"b c\\\"\"))\n\
            (initrd (string-append \"/gnu/store/b-initrd\" \"/initrd.cpio.gz\")) (bootloader-menu-entries ()))\n";
        let parameters = Parameters::parse(text).unwrap();
        let expected = Parameters {
            label: "GNU with Linux-Libre 6.6.8".into(),
            root: "2de62101-cf68-43d7-8fe8-6df90f0458a5".into(),
            kernel: "/gnu/store/a-linux-libre-6.6.8/bzImage".into(),
            initrd: "/gnu/store/b-initrd/initrd.cpio.gz".into(),
            arguments: vec!["quiet".into(), "a=\"b c\"".into()],
            has_new_words: true,
            is_multiboot: false,
        };
        assert_eq!(parameters, expected);
        assert_eq!(
            parameters.cmdline("/gnu/store/c-system"),
            "root=2de62101-cf68-43d7-8fe8-6df90f0458a5 gnu.system=/gnu/store/c-system \
             gnu.load=/gnu/store/c-system/boot quiet a=\"b c\""
        );
    }

    #[test]
    fn older_generations_have_other_words() {
        let text = "; comment\n(boot-parameters (version 0) (root-device (file-system-label \"my root\")) (kernel \"/k\"))";
        let old = Parameters::parse(text).unwrap();
        assert_eq!(old.cmdline("/s"), "--root=my root --system=/s --load=/s/boot");
        for text in
            ["", "(boot-parameters", "(other (kernel \"/k\"))", "(boot-parameters (label \"x\"))", ")"]
        {
            assert_eq!(Parameters::parse(text), None, "{text}");
        }
        assert_eq!(Parameters::parse(&"(".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(\\(boot-parameters |\\(kernel |\\(uuid dce #vu8\\(|[()\"\\\\; a1])*") {
            let _ = Parameters::parse(&text).map(|read| read.cmdline("/x"));
        }
    }
}
