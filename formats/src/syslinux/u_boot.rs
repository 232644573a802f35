//! U-Boot's dialect, as its parser reads it (U-Boot, boot/pxe_utils.c; v2026.07 unless said otherwise).
//!
//! A line is a keyword and a value, which goes to the end of the line with all its blanks; neither begins with `#`. A label ends
//! at the first keyword that means nothing in labels: what follows it up to the next label is lost (`parse_label`). There are no
//! arguments for all labels: outside of labels, `append` is an unknown command (`parse_pxefile_top`).

use super::{Configuration, Label, LabelNames, Program, include::Includes};
use crate::lookup::Include;

/// A label as it is read.
#[derive(Default)]
struct UbootLabel {
    name: String,
    title: Option<String>,
    /// The kernel as it is written: after the mark follows which part of a FIT image it is.
    kernel: Option<String>,
    append: Option<String>,
    initrd: Option<String>,
    devicetree: Option<String>,
    devicetree_directory: Option<String>,
    overlays: Option<String>,
    is_local: bool,
    file: String,
    line: u32,
}

pub(super) struct UbootParser<'a> {
    includes: Includes<'a>,
    configuration: Configuration,
    label: Option<UbootLabel>,
    /// Names of the labels, as they are written.
    names: LabelNames,
    default: Option<String>,
    prompt: bool,
    /// Tenths of a second; 0 is none.
    timeout: u32,
}

impl<'a> UbootParser<'a> {
    pub fn new(include: Include<'a>) -> Self {
        Self {
            includes: Includes::new(include),
            configuration: Configuration::default(),
            label: None,
            names: LabelNames::default(),
            default: None,
            prompt: false,
            timeout: 0,
        }
    }

    /// Reads one file; what it includes is read in its place.
    pub fn file(&mut self, file: &str, text: &str) {
        self.includes.enter(file);
        for (line, text) in (1..).zip(text.split('\n')) {
            let mut text = text.strip_suffix('\r').unwrap_or(text);
            // What a label does not take is a keyword again.
            while let Some((keyword, value)) = token(text) {
                text = "";
                let Some(mut label) = self.label.take() else {
                    self.statement(file, line, &keyword, value);
                    continue;
                };
                match self.in_label(&mut label, &keyword, value) {
                    Taken::Line => self.label = Some(label),
                    Taken::Keyword => {
                        self.label = Some(label);
                        text = value;
                    }
                    Taken::Nothing => {
                        self.record(label);
                        self.statement(file, line, &keyword, value);
                    }
                }
            }
        }
        if let Some(label) = self.label.take() {
            self.record(label);
        }
        self.includes.leave();
    }

    /// A statement outside of labels.
    fn statement(&mut self, file: &str, line: u32, keyword: &str, value: &str) {
        match keyword {
            "label" if !value.is_empty() => {
                self.label =
                    Some(UbootLabel { name: value.into(), file: file.into(), line, ..UbootLabel::default() });
            }
            "menu" => {
                // It shows a menu where the configuration speaks of one. No `menu hidden` hides it.
                self.prompt = true;
                if let Some((_, path)) = token(value).filter(|(keyword, _)| keyword == "include") {
                    self.include(file, line, path);
                }
            }
            "include" => self.include(file, line, value),
            "timeout" => self.timeout = number(value),
            "prompt" => self.prompt = number(value) != 0,
            // The last of these counts, and before any `menu default`.
            "default" | "ontimeout" if !value.is_empty() => self.default = Some(value.to_owned()),
            _ => {}
        }
    }

    /// A statement after the head of a label.
    fn in_label(&mut self, label: &mut UbootLabel, keyword: &str, value: &str) -> Taken {
        // Where it is set already, the first value stays, and the next one is read as a keyword.
        let first = |place: &mut Option<String>| match place {
            Some(_) => Taken::Keyword,
            None => {
                *place = Some(value.to_owned());
                Taken::Line
            }
        };
        match keyword {
            "menu" => match token(value) {
                Some((keyword, _)) if keyword == "default" => {
                    self.default.get_or_insert_with(|| label.name.clone());
                }
                // Other than SYSLINUX it shows a `^`.
                Some((keyword, title)) if keyword == "label" => label.title = Some(title.to_owned()),
                _ => {}
            },
            "kernel" | "linux" => label.kernel = Some(value.to_owned()),
            "append" => {
                // `initrd=` names the initrd wherever it is in the arguments, and stays there.
                if let (None, Some((_, path))) = (&label.initrd, value.split_once("initrd=")) {
                    label.initrd = Some(path.split(' ').next().unwrap_or_default().to_owned());
                }
                label.append = Some(value.to_owned());
            }
            "initrd" => return first(&mut label.initrd),
            "fdt" | "devicetree" => return first(&mut label.devicetree),
            "fdtdir" | "devicetreedir" => return first(&mut label.devicetree_directory),
            "fdtoverlays" | "devicetree-overlay" => return first(&mut label.overlays),
            "localboot" => label.is_local = true,
            "ipappend" => {}
            "kaslrseed" => return Taken::Keyword,
            _ => return Taken::Nothing,
        }
        Taken::Line
    }

    fn include(&mut self, file: &str, line: u32, path: &str) {
        let path = path.trim_end();
        match self.includes.read(path) {
            Ok(text) => self.file(path, &text),
            Err(message) => self.configuration.lost.push((file.to_owned(), line, message)),
        }
    }

    /// Takes a label that is read to its end; one without a kernel is skipped when it is booted (`label_boot`).
    fn record(&mut self, label: UbootLabel) {
        if !self.configuration.has_room(&label.file, label.line) {
            return;
        }
        let program = match (&label.kernel, label.is_local) {
            (_, true) => Program::LocalBoot,
            (Some(kernel), false) => {
                Program::Linux(kernel.split('#').next().unwrap_or_default().trim_end().to_owned())
            }
            (None, false) => return,
        };
        // What a FIT image brings itself is written as the kernel is.
        let own = |file: Option<String>| {
            let file = file.filter(|file| Some(file) != label.kernel.as_ref() && file != "-");
            file.map(|file| file.trim_end().to_owned()).filter(|file| !file.is_empty())
        };
        let number = self.names.note(&label.name, self.configuration.labels.len());
        let name = label.name.trim_end();
        self.configuration.labels.push(Label {
            title: label.title.as_deref().unwrap_or(name).trim_end().to_owned(),
            // A default means the last one of a name (`pxe_menu_to_menu`).
            name: if number == 1 { name.to_owned() } else { format!("{name}#{number}") },
            path_in_menu: Vec::new(),
            program,
            append: label.append.as_deref().map(expand).unwrap_or_default(),
            initrds: own(label.initrd).into_iter().collect(),
            devicetree: own(label.devicetree),
            devicetree_directory: label.devicetree_directory.map(|path| path.trim_end().to_owned()),
            has_overlays: label.overlays.is_some_and(|overlays| !overlays.is_empty()),
            system_words: 0,
            hidden: false,
            is_kept: false,
            lock: None,
            file: label.file,
            line: label.line,
        });
    }

    /// Decides what boots on its own, when all is read: the label of the default's name, else the first (`handle_pxe_menu`).
    pub fn finish(mut self) -> Configuration {
        let named = self.default.as_ref().and_then(|name| self.names.last(name));
        let label = self.configuration.labels.get(named.unwrap_or(0));
        self.configuration.default = label.map(|label| label.name.clone());
        self.configuration.timeout = match (self.timeout, self.prompt) {
            (0, true) => None,
            (0, false) => self.configuration.default.as_ref().map(|_| 0),
            (tenths, _) => Some(tenths.div_ceil(10)),
        };
        self.configuration
    }
}

/// How much of a line a label takes.
enum Taken {
    Line,
    /// The keyword alone.
    Keyword,
    Nothing,
}

/// The keyword at the beginning of a text, in small letters, and the value after it; `None` where there is nothing but a
/// comment.
fn token(text: &str) -> Option<(String, &str)> {
    let is_blank = |c: char| matches!(c, ' ' | '\t');
    let text = text.trim_start_matches(is_blank);
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (keyword, value) = text.split_at_checked(text.find(char::is_whitespace).unwrap_or(text.len()))?;
    let value = value.trim_start_matches(is_blank);
    Some((keyword.to_ascii_lowercase(), if value.starts_with('#') { "" } else { value }))
}

/// The number at the beginning of a value, in the decimal system.
fn number(value: &str) -> u32 {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// What U-Boot makes of variables, quotes and backslashes in arguments (common/cli_simple.c, `cli_simple_process_macros`). What
/// the board's environment holds is not known: every variable is unset, and an unset one is nothing.
fn expand(text: &str) -> String {
    enum Place {
        Text,
        Dollar,
        Name,
        Quotes,
    }
    let mut place = Place::Text;
    let mut expanded = String::new();
    let mut previous = '\0';
    let mut characters = text.chars();
    while let Some(mut c) = characters.next() {
        if c == '\\' && previous != '\\' && !matches!(place, Place::Quotes) {
            previous = c;
            let Some(next) = characters.next() else { break };
            c = next;
        }
        let is_plain = previous == '\\';
        match (&place, c) {
            (Place::Text, '\'') if !is_plain => place = Place::Quotes,
            (Place::Text, '$') if !is_plain => place = Place::Dollar,
            (Place::Dollar, '(' | '{') => place = Place::Name,
            (Place::Dollar, _) => {
                expanded.extend(['$', c]);
                place = Place::Text;
            }
            (Place::Name, ')' | '}') => place = Place::Text,
            (Place::Name, _) => {}
            (Place::Quotes, '\'') if !is_plain => place = Place::Text,
            (Place::Text | Place::Quotes, _) => expanded.push(c),
        }
        previous = c;
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Dialect,
            tests::{label, linux, read_alone},
        },
        *,
    };

    fn read(text: &str) -> Configuration {
        read_alone(text, Dialect::Uboot)
    }

    #[test]
    fn u_boot_knows_other_words_and_no_modules() {
        let text = "default l0\nmenu title U-Boot menu\nprompt 0\ntimeout 50\n\
                    label l0\n\tmenu label Debian\n\tlinux /boot/vmlinuz\n\tinitrd /boot/initrd,x\n\tfdtdir /usr/lib/dtb/\n\tappend root=/dev/sda1\n\
                    label l1\n\tkernel /boot/Image.bin#conf\n\tdevicetree ../board.dtb\n\tfdtoverlays /a.dtbo /b.dtbo\nlabel empty\n\tappend x\n";
        let expected = Configuration {
            labels: vec![
                Label {
                    title: "Debian".into(),
                    initrds: vec!["/boot/initrd,x".into()],
                    devicetree_directory: Some("/usr/lib/dtb/".into()),
                    ..label("l0", linux("/boot/vmlinuz"), "root=/dev/sda1", 5)
                },
                Label {
                    devicetree: Some("../board.dtb".into()),
                    has_overlays: true,
                    ..label("l1", linux("/boot/Image.bin"), "", 11)
                },
            ],
            default: Some("l0".into()),
            timeout: Some(5),
            is_hidden: false,
            lock: None,
            passwords: Vec::new(),
            keeps_choice: false,
            lost: vec![],
        };
        assert_eq!(read(text), expected);
    }

    /// `parse_label_menu` takes the first, `parse_pxefile_top` the last; `pxe_menu_to_menu` the last label of that name.
    #[test]
    fn which_default_counts() {
        let labels = "label my a\nlinux k\nlabel b\nlinux k\nmenu default\nlabel c\nmenu default\nlinux k\n";
        for (before, after, default, timeout) in [
            ("", "", "b", Some(0)),
            ("default my a\n", "", "my a", Some(0)),
            ("", "default my a\n", "my a", Some(0)),
            ("", "default my a\ndefault c\n", "c", Some(0)),
            ("", "ontimeout my a\ntimeout 25\n", "my a", Some(3)),
            ("", "default gone\n", "my a", Some(0)),
            ("", "label my a\nlinux other\ndefault my a\n", "my a#2", Some(0)),
            ("menu title Which?\n", "", "b", None),
            ("menu hidden\n", "", "b", None),
            ("menu title Which?\nprompt 0\n", "", "b", Some(0)),
            ("prompt 0\nmenu title Which?\n", "", "b", None),
        ] {
            let found = read(&format!("{before}{labels}{after}"));
            let title = format!("{before}{after}");
            assert_eq!((found.default.as_deref(), found.timeout), (Some(default), timeout), "{title}");
            assert!(!found.is_hidden);
        }
    }

    /// `parse_label`: the first of each counts, and the second value ends the label.
    #[test]
    fn the_initrd_is_the_first_that_is_named() {
        for (lines, initrd, append) in [
            ("append a initrd=/i b", "/i", "a initrd=/i b"),
            ("append a initrd=/i", "/i", "a initrd=/i"),
            ("append initrd=/i\ninitrd /j", "/i", "initrd=/i"),
            ("initrd /j\nappend initrd=/i", "/j", "initrd=/i"),
            ("append x\ninitrd /i\ninitrd /j", "/i", "x"),
            ("initrd /i\ninitrd /j\nappend lost", "/i", ""),
            ("initrd k#conf", "", ""),
            ("append a  b ", "", "a  b "),
        ] {
            let found = read(&format!("label l\nkernel k#conf\n{lines}\n"));
            let [label] = &found.labels[..] else { panic!("{found:?}") };
            assert_eq!(
                (label.initrds.join("+").as_str(), label.append.as_str()),
                (initrd, append),
                "{lines}"
            );
        }
    }

    #[test]
    fn a_label_ends_where_a_word_means_nothing_in_it() {
        let found = read(
            "append all\nlabel a\nlinux k\nsay hello\nappend lost\nlabel b\n\tLINUX k\nmenu hide\nmenu label ^B\n\
                          # comment\n timeout 20\n append lost\n",
        );
        let expected =
            [label("a", linux("k"), "", 2), Label { title: "^B".into(), ..label("b", linux("k"), "", 6) }];
        assert_eq!((&found.labels[..], found.timeout), (&expected[..], Some(2)));
    }

    #[test]
    fn variables_of_the_board_are_unset() {
        for (text, expected) in [
            ("root=${rootdev} quiet", "root= quiet"),
            ("a=$(b)c=${d", "a=c="),
            ("a=$b \\${c}", "a=$b ${c}"),
            ("a='${b} c' \\'d\\'", "a=${b} c 'd'"),
            ("a=\"b\" \\\\", "a=\"b\" \\"),
        ] {
            assert_eq!(expand(text), expected, "{text}");
        }
    }
}
