//! kboot.conf, of the PlayStation 3 and of Power machines (petitboot, discover/kboot-parser.c).
//!
//! `label='kernel initrd=… root=… words'`; `root` and `initrd` may stand for all labels, and `default` names one.

use super::{
    lines::{LENGTH_LIMIT, lines, unquoted},
    menu::{Choice, ChoiceMenu},
};
use crate::sort;

/// Settings, which are no labels.
const SETTINGS: [&str; 7] = ["default", "timeout", "root", "initrd", "delay", "message", "video"];

/// Reads a configuration.
#[must_use]
pub fn parse(text: &str) -> ChoiceMenu {
    let mut menu = ChoiceMenu::of(text);
    let (mut root, mut initrd, mut default) = ("", "", "");
    for (line, text) in lines(text) {
        let Some((name, value)) = text.split_once('=') else {
            menu.lose(line, "no assignment: it is passed over");
            continue;
        };
        let (name, value) = (unquoted(name), unquoted(value));
        match name {
            "default" => default = value,
            "timeout" => menu.timeout = value.parse().ok(),
            "root" => root = value,
            "initrd" => initrd = value,
            name if SETTINGS.contains(&name) => {}
            _ => menu.push(choice(line, name, value, root, initrd)),
        }
    }
    for (line, label) in cut(text) {
        menu.push(Choice { title: label.to_owned(), line, ..Choice::default() });
    }
    sort::by_key(&mut menu.choices, |choice| choice.line);
    menu.default = menu.titled(default);
    menu
}

/// Labels whose line is too long to be read, so that they are there to be refused ([`ChoiceMenu::refuse_cut`]).
fn cut(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let long = (1..).zip(text.split('\n').map(str::trim)).filter(|(_, text)| text.len() > LENGTH_LIMIT);
    long.filter_map(|(line, text)| {
        let name = unquoted(text.split_once('=')?.0);
        let is_label = name.len() < LENGTH_LIMIT && !name.starts_with('#') && !SETTINGS.contains(&name);
        is_label.then_some((line, name))
    })
}

fn choice(line: u32, label: &str, value: &str, root: &str, initrd: &str) -> Choice {
    let mut words = value.split_whitespace();
    let kernel = words.next().unwrap_or_default().to_owned();
    let (mut root, mut initrd) = (root, initrd);
    let mut rest = String::new();
    for word in words {
        match word.split_once('=') {
            Some(("root", value)) => root = unquoted(value),
            Some(("initrd", value)) => initrd = unquoted(value),
            _ => {
                rest.push(' ');
                rest.push_str(word);
            }
        }
    }
    let cmdline = if root.is_empty() { rest.trim_start().to_owned() } else { format!("root={root}{rest}") };
    let initrds = Some(initrd.to_owned()).filter(|initrd| !initrd.is_empty()).into_iter().collect();
    Choice { title: label.to_owned(), kernel, initrds, cmdline, line, ..Choice::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::testing::choice;

    #[test]
    fn root_comes_first_and_may_stand_for_all() {
        let text = "# PS3\ndefault=linux\ntimeout=10\nroot=/dev/sda1\r\ninitrd=/boot/initrd.img\n\
                    linux='/boot/vmlinux video=ps3fb:mode:3 quiet'\nold=\"/boot/vmlinux.old initrd=sda2:/i root=/dev/sda2 ro\"\n\
                    bare=/boot/vmlinux\nnonsense\n";
        let expected = ChoiceMenu {
            choices: vec![
                choice(
                    6,
                    "linux",
                    "/boot/vmlinux",
                    &["/boot/initrd.img"],
                    "root=/dev/sda1 video=ps3fb:mode:3 quiet",
                ),
                choice(7, "old", "/boot/vmlinux.old", &["sda2:/i"], "root=/dev/sda2 ro"),
                choice(8, "bare", "/boot/vmlinux", &["/boot/initrd.img"], "root=/dev/sda1"),
            ],
            default: Some(0),
            timeout: Some(10),
            lost: vec![(9, "no assignment: it is passed over".into())],
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_label_whose_line_is_too_long_is_refused_and_no_other() {
        let text = format!("default=b\na=/k\nb='/k {}'\nc=/k\n", "x".repeat(5000));
        let mut menu = parse(&text);
        menu.refuse_cut();
        let lost = "line 3 of it is lost: it is longer than 4096 bytes";
        let found: Vec<_> =
            menu.choices.iter().map(|choice| (&*choice.title, choice.problem.as_deref())).collect();
        assert_eq!(found, [("a", None), ("b", Some(lost)), ("c", None)]);
        assert_eq!(menu.default, Some(1));
    }

    #[test]
    fn without_a_default_nothing_boots_on_its_own() {
        let expected =
            ChoiceMenu { choices: vec![choice(1, "a", "/k", &[], "quiet")], ..ChoiceMenu::default() };
        assert_eq!(parse("a='/k quiet'"), expected);
    }
}
