//! menu.lst and grub.conf of GRUB Legacy (GNU GRUB manual 0.97): commands for the menu, then one list of commands for each title.

use super::{
    lines::{lines, statement},
    menu::{Choice, ChoiceMenu},
};
use crate::entry::{Kind, MultibootModule, Secret, TimeoutStyle};

/// Maximum length of a device's name, in bytes: it is copied before every path.
const DEVICE_LIMIT: usize = 128;

/// Reads a configuration. `saved` is the number of the entry that was saved last (`default saved`).
///
/// Files are named as in `(hd0,0)/vmlinuz`; without parentheses they are on the configuration's own volume, and
/// `(UUID=…)` stands for what the `uuid` command finds.
#[must_use]
pub fn parse(text: &str, saved: Option<usize>) -> ChoiceMenu {
    let mut menu = ChoiceMenu::of(text);
    let mut default = 0;
    let mut open: Option<Choice> = None;
    let mut root = String::new();
    for (line, text) in lines(text) {
        let (command, rest) = statement(text, &['=']);
        let word = rest.split_whitespace().next().unwrap_or_default();
        match (command, &mut open) {
            ("title", _) => {
                root.clear();
                let choice = Choice { title: rest.to_owned(), line, ..Choice::default() };
                open.replace(choice).into_iter().for_each(|choice| menu.push(choice));
            }
            ("default", None) if word == "saved" => default = saved.unwrap_or_default(),
            ("default", None) => default = word.parse().unwrap_or_default(),
            ("timeout", None) => menu.timeout = word.parse().ok(),
            // run_menu in GRUB 0.97's stage2/stage2.c: one line counts the seconds down.
            ("hiddenmenu", None) => menu.timeout_style = TimeoutStyle::Countdown,
            ("fallback", None) => {
                menu.fallback = rest.split_whitespace().filter_map(|number| number.parse().ok()).collect();
            }
            ("password", None) => menu.lock = Some(menu.lock_with(secret(word))),
            ("lock", Some(choice)) => choice.lock = choice.lock.take().or_else(|| menu.lock.clone()),
            ("password", Some(choice)) => {
                let own = menu.lock_with(secret(word));
                choice.lock = Some(choice.lock.take().map_or(own.clone(), |lock| lock.with(&own)));
            }
            (command, Some(choice)) => run(command, rest, word, &mut root, choice),
            _ => {}
        }
    }
    open.into_iter().for_each(|choice| menu.push(choice));
    menu.default = Some(default).filter(|default| *default < menu.choices.len());
    menu
}

/// What `password` takes: nothing that is hashed (`--md5`) is checked here.
fn secret(word: &str) -> Option<Secret> {
    (!word.is_empty() && !word.starts_with("--")).then(|| Secret::Plain(word.to_owned()))
}

/// Takes one command of an entry; those that change nothing about what is booted are passed over.
fn run(command: &str, rest: &str, word: &str, root: &mut String, choice: &mut Choice) {
    let file = |path: &str, root: &str| match path.starts_with('(') {
        true => path.to_owned(),
        false => format!("{root}{path}"),
    };
    match command {
        "root" | "rootnoverify" if word.len() <= DEVICE_LIMIT => word.clone_into(root),
        "uuid" if word.len() <= DEVICE_LIMIT => *root = format!("(UUID={word})"),
        "kernel" => {
            let mut rest = rest;
            let (path, words) = loop {
                let (word, after) = statement(rest, &[]);
                if !word.starts_with("--") {
                    break (word, after);
                }
                rest = after;
            };
            choice.kernel = file(path, root);
            words.clone_into(&mut choice.cmdline);
        }
        "initrd" => choice.initrds = vec![file(word, root)],
        "module" | "modulenounzip" => {
            choice.kind = Kind::Multiboot;
            choice.initrds.push(file(word, root));
            let words = rest.strip_prefix(word).unwrap_or_default().trim_start();
            choice
                .multiboot
                .modules
                .push(MultibootModule { cmdline: words.to_owned(), as_it_is: command == "modulenounzip" });
        }
        "chainloader" => choice.kind = Kind::Chainload,
        "configfile" => {
            choice.kind = Kind::Chainload;
            choice.problem = Some(format!("it goes on to another configuration, {word}"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::{Lock, Multiboot, Password},
        menu::testing::choice,
    };

    #[test]
    fn each_title_runs_its_own_commands() {
        let text = "# menu\ndefault=1\ntimeout 5\nfallback 0 2\nsplashimage=(hd0,0)/grub/splash.xpm.gz\nhiddenmenu\n\
                    title Fedora (2.6.18)\r\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.18 ro root=LABEL=/  rhgb\n\tinitrd /initrd-2.6.18.img\n\
                    title\t\tDebian\nuuid\t1234-abcd\nkernel --no-mem-option --type=linux /boot/vmlinuz root=UUID=1234 ro\ninitrd (hd1,2)/i extra\nquiet\nsavedefault\nboot\n\
                    title Xen\nkernel (hd0,4)/xen.gz dom0_mem=1G\nmodule /vmlinuz root=/dev/sda1\nmodulenounzip /initrd\n\
                    title Windows\nrootnoverify (hd0,0)\nchainloader +1\n\
                    title Other\nconfigfile (hd1,0)/boot/grub/menu.lst\ntitle plain\nkernel /k\n";
        let expected = ChoiceMenu {
            choices: vec![
                choice(
                    7,
                    "Fedora (2.6.18)",
                    "(hd0,0)/vmlinuz-2.6.18",
                    &["(hd0,0)/initrd-2.6.18.img"],
                    "ro root=LABEL=/  rhgb",
                ),
                choice(11, "Debian", "(UUID=1234-abcd)/boot/vmlinuz", &["(hd1,2)/i"], "root=UUID=1234 ro"),
                Choice {
                    kind: Kind::Multiboot,
                    multiboot: Multiboot {
                        version: 0,
                        modules: vec![
                            MultibootModule { cmdline: "root=/dev/sda1".into(), as_it_is: false },
                            MultibootModule { cmdline: String::new(), as_it_is: true },
                        ],
                    },
                    ..choice(18, "Xen", "(hd0,4)/xen.gz", &["/vmlinuz", "/initrd"], "dom0_mem=1G")
                },
                Choice { kind: Kind::Chainload, ..choice(22, "Windows", "", &[], "") },
                Choice {
                    kind: Kind::Chainload,
                    problem: Some("it goes on to another configuration, (hd1,0)/boot/grub/menu.lst".into()),
                    ..choice(25, "Other", "", &[], "")
                },
                choice(27, "plain", "/k", &[], ""),
            ],
            default: Some(1),
            fallback: vec![0, 2],
            timeout: Some(5),
            timeout_style: TimeoutStyle::Countdown,
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text, None), expected);
    }

    #[test]
    fn what_asks_for_a_password_is_locked() {
        let entries = "title a\nlock\nkernel /k\ntitle b\nkernel /k\ntitle c\npassword x\nkernel /k\ntitle d\nlock\npassword x\n";
        let opened = |places: &[usize]| Some(Lock { passwords: places.to_vec() });
        let plain = |text: &str| Password { user: None, secret: Secret::Plain(text.into()) };
        // lock_func in GRUB 0.97's stage2/builtins.c: without a password for the menu it locks nothing.
        for (head, lock, expected, passwords) in [
            (
                "password --md5 $1$x\n",
                opened(&[]),
                [opened(&[]), None, opened(&[0]), opened(&[])],
                vec![plain("x")],
            ),
            (
                "password y /other.lst\n",
                opened(&[0]),
                [opened(&[0]), None, opened(&[1]), opened(&[])],
                vec![plain("y"), plain("x")],
            ),
            ("", None, [None, None, opened(&[0]), opened(&[0])], vec![plain("x")]),
        ] {
            let menu = parse(&format!("{head}{entries}"), None);
            let locks: Vec<_> = menu.choices.into_iter().map(|choice| choice.lock).collect();
            assert_eq!((menu.lock, locks, menu.passwords), (lock, expected.to_vec(), passwords), "{head}");
        }
    }

    #[test]
    fn the_default_is_a_number_the_saved_one_or_the_first() {
        let titles = "title a\ntitle b\ntitle c\n";
        for (text, saved, expected) in [
            ("", None, Some(0)),
            ("default 2\n", None, Some(2)),
            ("default saved\n", Some(1), Some(1)),
            ("default saved\n", None, Some(0)),
            ("default 3\n", None, None),
        ] {
            assert_eq!(parse(&format!("{text}{titles}"), saved).default, expected, "{text}");
        }
        assert_eq!(parse("", None), ChoiceMenu::default());
    }
}
