//! petitboot.conf, petitboot's own format (petitboot, discover/native).
//!
//! Lines of a keyword and the rest: `name` begins an entry, `image`, `initrd`, `dtb` and `args` belong to it, `default` names
//! the one that boots on its own. The rest goes to the end of the line with its blanks (native-lexer.l, `WORDS`), which tells
//! apart the arguments of several lines (`native_append_string`) and counts where names are compared. A `default` after the first
//! name is an error in the grammar (native-parser.y, `native`).

use super::{
    lines::{LENGTH_LIMIT, split_at_byte},
    menu::{Choice, ChoiceMenu},
};

/// Seconds that petitboot waits where no setting says otherwise.
const TIMEOUT: u32 = 10;

const BLANKS: [char; 2] = [' ', '\t'];

/// Reads a configuration.
#[must_use]
pub fn parse(text: &str) -> ChoiceMenu {
    let mut menu = ChoiceMenu::of(text);
    let mut default = "";
    let mut is_default = None;
    let mut open: Option<Choice> = None;
    for (line, text) in (1..).zip(split_at_byte(text, b'\n')) {
        let text = text.strip_suffix('\r').unwrap_or(text).trim_start_matches(BLANKS);
        let (keyword, rest) = text.split_once(BLANKS).unwrap_or((text, ""));
        let rest = rest.trim_start_matches(BLANKS);
        let path = rest.trim_end();
        match (keyword.trim_end(), &mut open) {
            (keyword, _) if keyword.is_empty() || keyword.starts_with('#') => {}
            // Noted already.
            _ if text.trim().len() > LENGTH_LIMIT => {}
            ("default", None) if default.is_empty() => default = rest,
            ("default", Some(_)) => menu.lose(line, "default comes after the first name"),
            ("default" | "dev_description" | "description", _) => {}
            ("name", _) => {
                let choice = Choice { title: path.to_owned(), line, ..Choice::default() };
                open.replace(choice).into_iter().for_each(|choice| menu.push(choice));
                if rest == default && !rest.is_empty() {
                    is_default.get_or_insert(line);
                }
            }
            // The first of each counts; arguments add up.
            ("image", Some(choice)) if choice.kernel.is_empty() => choice.kernel = path.to_owned(),
            ("initrd", Some(choice)) if choice.initrds.is_empty() => choice.initrds.push(path.to_owned()),
            ("dtb", Some(choice)) if choice.devicetree.is_empty() => choice.devicetree = path.to_owned(),
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
    menu.default = menu.choices.iter().position(|choice| Some(choice.line) == is_default);
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
                    description x y\nargs root=UUID=1 ro \nargs  quiet  \ntypo x\n";
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
                    cmdline: "root=UUID=1 ro quiet  ".into(),
                    line: 7,
                    ..Choice::default()
                },
            ],
            default: Some(1),
            timeout: Some(10),
            lost: vec![
                (11, "a second image: the first one counts".into()),
                (15, "a keyword that petitboot does not know".into()),
            ],
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_default_stands_before_the_names_and_means_one_to_its_last_blank() {
        for (text, default) in [
            ("default a\nname a\nimage /k\n", Some(0)),
            ("default a \nname a\nimage /k\nname a \nimage /k\n", Some(1)),
            ("default a\ndefault b\nname a\nimage /k\nname b\nimage /k\n", Some(0)),
            ("name a\nimage /k\ndefault a\n", None),
            ("name a\nimage /k\nname\nimage /k\n", None),
        ] {
            assert_eq!(parse(text).default, default, "{text}");
        }
    }

    #[test]
    fn without_a_default_nothing_boots_on_its_own() {
        let menu = parse("image /early\nname a\nimage /k\n");
        assert_eq!((menu.default, menu.timeout), (None, None));
        assert_eq!(menu.lost, [(1, "image comes before the first name".into())]);
    }
}
