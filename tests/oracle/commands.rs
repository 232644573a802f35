//! The commands that start a kernel, and `blscfg`, under names of their own: grub-emu lacks most of them, but since 2.12 its
//! own `linux` and `initrd`, and since 2.14 its `blscfg`, come before functions of these names. So the scripts that it is
//! given call others, which the driver defines.

/// The commands that are recorded.
pub const COMMANDS: [&str; 14] = [
    "linux",
    "linux16",
    "linuxefi",
    "initrd",
    "initrd16",
    "initrdefi",
    "chainloader",
    "multiboot",
    "multiboot2",
    "module",
    "module2",
    "devicetree",
    "xen_hypervisor",
    "xen_module",
];

/// How what is recorded begins, also where a variable makes the rest: `linux$sfx`.
const STEMS: [&str; 8] =
    ["linux", "initrd", "chainloader", "multiboot", "module", "devicetree", "xen_", "blscfg"];

/// Words that another command follows.
const LEADING: [&str; 12] =
    ["if", "elif", "while", "until", "then", "else", "do", "!", "{", "}", "time", "function"];

/// The name under which a command is called instead.
pub fn own(name: &str) -> String {
    format!("oracle_{name}")
}

/// A script that calls these commands by their own names, wherever one is written as a command, or in a variable that is
/// one.
pub fn renamed(script: &str) -> String {
    let mut text = String::new();
    let mut rest = script;
    let mut is_command = true;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\n' | ';' | '|' | '&' => {
                is_command = true;
                1
            }
            ' ' | '\t' | '\r' => 1,
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ => {
                let word = &rest[..word(rest)];
                let plain = word.trim_start_matches(['\'', '"']);
                if is_command && (is_ours(plain) || holds_ours(plain, script)) {
                    let quotes = word.len() - plain.len();
                    text += &word[..quotes];
                    text += &own(plain);
                } else {
                    text += word;
                }
                // A block begins with a brace of its own, wherever it is among the arguments.
                is_command = word == "{" || is_command && LEADING.contains(&word);
                rest = &rest[word.len()..];
                continue;
            }
        };
        text += &rest[..length];
        rest = &rest[length..];
    }
    text
}

fn is_ours(word: &str) -> bool {
    STEMS.iter().any(|stem| word.starts_with(stem)) && !word.contains('=')
}

/// Whether a word begins with a variable that the script gives the name of such a command.
fn holds_ours(word: &str, script: &str) -> bool {
    let Some(name) = word.strip_prefix('$') else { return false };
    let name = name.trim_start_matches('{');
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len())];
    let assignment = format!("{name}=");
    let values = script.match_indices(&assignment).map(|(at, _)| &script[at + assignment.len()..]);
    !name.is_empty() && values.map(|value| value.trim_start_matches(['\'', '"'])).any(is_ours_first)
}

fn is_ours_first(text: &str) -> bool {
    is_ours(text.split([' ', '\n', ';', '\'', '"']).next().unwrap_or_default())
}

/// The length of the word that a text begins with.
fn word(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let end = text.find(|c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match (quote, c) {
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, _) => return " \t\r\n;|&".contains(c),
            _ => {}
        }
        false
    });
    end.unwrap_or(text.len()).max(1)
}

#[test]
fn only_commands_are_renamed() {
    for (script, expected) in [
        ("linux /vmlinuz linux initrd\ninitrd /i", "oracle_linux /vmlinuz linux initrd\noracle_initrd /i"),
        ("\tlinux16\t/k; initrd16 /i;", "\toracle_linux16\t/k; oracle_initrd16 /i;"),
        ("echo linux; set a=linux", "echo linux; set a=linux"),
        ("echo 'x\nlinux y'\n\"linux\" /k", "echo 'x\nlinux y'\n\"oracle_linux\" /k"),
        ("# linux it\n#linux\nmodule2 /m", "# linux it\n#linux\noracle_module2 /m"),
        (
            "menuentry 'linux' --class linux {\nlinux /k }",
            "menuentry 'linux' --class linux {\noracle_linux /k }",
        ),
        ("if linux /k; then initrd /i; fi", "if oracle_linux /k; then oracle_initrd /i; fi"),
        ("true && ! linux /k || initrd /i", "true && ! oracle_linux /k || oracle_initrd /i"),
        ("insmod blscfg\nblscfg", "insmod blscfg\noracle_blscfg"),
        ("linux$sfx /k", "oracle_linux$sfx /k"),
        ("set cmd=linuxefi\n$cmd /k\n${other} /k", "set cmd=linuxefi\noracle_$cmd /k\n${other} /k"),
        ("linux=/k\nset x=\\\nlinux", "linux=/k\nset x=\\\nlinux"),
        ("function linux { true; }", "function oracle_linux { true; }"),
        ("linux /k a\\\n  linux=b", "oracle_linux /k a\\\n  linux=b"),
        ("set theme=\"x;y\"; xen_hypervisor /x", "set theme=\"x;y\"; oracle_xen_hypervisor /x"),
    ] {
        assert_eq!(renamed(script), expected);
    }
}
