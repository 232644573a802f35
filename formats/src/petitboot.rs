//! petitboot.conf, petitboot's own format (petitboot, discover/native).
//!
//! Lines of a keyword and the rest: `name` begins an entry, `image`, `initrd`, `dtb` and `args` belong to it, `default` names
//! the one that boots on its own.

use super::{
    lines::{lines, statement},
    menu::{Choice, ChoiceMenu},
};

/// Seconds that petitboot waits where no setting says otherwise.
const TIMEOUT: u32 = 10;

/// Reads a configuration.
#[must_use]
pub fn parse(text: &str) -> ChoiceMenu {
    let mut menu = ChoiceMenu::of(text);
    let mut default = "";
    let mut open: Option<Choice> = None;
    for (line, text) in lines(text) {
        let (keyword, rest) = statement(text, &[]);
        match (keyword, &mut open) {
            ("default", _) if default.is_empty() => default = rest,
            ("default" | "dev_description" | "description", _) => {}
            ("name", _) => {
                let choice = Choice { title: rest.to_owned(), line, ..Choice::default() };
                open.replace(choice).into_iter().for_each(|choice| menu.push(choice));
            }
            // The first of each counts; arguments add up.
            ("image", Some(choice)) if choice.kernel.is_empty() => choice.kernel = rest.to_owned(),
            ("initrd", Some(choice)) if choice.initrds.is_empty() => choice.initrds.push(rest.to_owned()),
            ("dtb", Some(choice)) if choice.devicetree.is_empty() => choice.devicetree = rest.to_owned(),
            ("args", Some(choice)) => choice.cmdline.push_str(rest),
            ("image" | "initrd" | "dtb" | "args", None) => {
                menu.lose(line, format!("{keyword} comes before the first name"));
            }
            ("image" | "initrd" | "dtb", Some(_)) => {
                menu.lose(line, format!("a second {keyword}: the first one counts"));
            }
            _ => menu.lose(line, "a keyword that petitboot does not know"),
        }
    }
    open.into_iter().for_each(|choice| menu.push(choice));
    menu.default = menu.choices.iter().position(|choice| choice.title == default);
    menu.timeout = menu.default.map(|_| TIMEOUT);
    menu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_begin_with_their_name() {
        let text = "# two\ndefault Debian 12\nname Old one\nimage /vmlinux.old\nargs root=/dev/sda1\nargs  quiet\n\
                    name Debian 12\n\timage /boot/vmlinux\ninitrd /boot/initrd.img\ndtb /boot/a.dtb\nimage /twice\n\
                    description x y\nargs root=UUID=1 ro\ntypo x\n";
        let expected = ChoiceMenu {
            choices: vec![
                Choice {
                    title: "Old one".into(),
                    kernel: "/vmlinux.old".into(),
                    cmdline: "root=/dev/sda1quiet".into(),
                    line: 3,
                    ..Choice::default()
                },
                Choice {
                    title: "Debian 12".into(),
                    kernel: "/boot/vmlinux".into(),
                    initrds: vec!["/boot/initrd.img".into()],
                    devicetree: "/boot/a.dtb".into(),
                    cmdline: "root=UUID=1 ro".into(),
                    line: 7,
                    ..Choice::default()
                },
            ],
            default: Some(1),
            timeout: Some(10),
            lost: vec![
                (11, "a second image: the first one counts".into()),
                (14, "a keyword that petitboot does not know".into()),
            ],
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn without_a_default_nothing_boots_on_its_own() {
        let menu = parse("image /early\nname a\nimage /k\n");
        assert_eq!((menu.default, menu.timeout), (None, None));
        assert_eq!(menu.lost, [(1, "image comes before the first name".into())]);
    }
}
