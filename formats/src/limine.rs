//! limine.conf, and limine.cfg of the releases before 7 (Limine, CONFIG.md).
//!
//! An entry begins with its title after slashes (`/Arch`, `//Fallback` one level below) or, before 7, colons; options are
//! `name: value`, before 7 `NAME=value`; `${MACRO}=text` names a text that `${MACRO}` then stands for.

mod chosen;

use std::env::consts::ARCH;

use self::chosen::{Request, Shown, push_step};
use super::{
    bls::{MenuTimeout, Variables},
    lines::{LENGTH_LIMIT, lines, statement},
    menu::{CHOICE_LIMIT, Choice, ChoiceMenu},
    name_table::{NameNumbers, NameTable},
};
use crate::entry::{Kind, Multiboot, MultibootModule, TimeoutStyle};

/// The GUID of Limine's own variables.
pub const VENDOR: &str = "513ee0d0-6e43-cb05-b272-f146a2fcb88a";
/// The variable with the path of what was booted last, in bytes up to a zero.
pub const REMEMBERED: &str = "LimineLastBootedEntry";

/// Why an entry is not in the menu.
const ELSEWHERE: &str = "Limine shows it on machines of another kind only";

/// Maximum factor by which macros may lengthen a configuration, as in Limine itself.
const GROWTH: usize = 4;

/// Maximum depth of entries, and length of titles in bytes: each entry has the titles of all menus around it.
const DEPTH_LIMIT: usize = 16;
const TITLE_LIMIT: usize = 256;
/// Maximum number of entries and directories.
const ITEM_LIMIT: usize = 2 * CHOICE_LIMIT;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// limine.conf: slashes, and options with a colon.
    Slashes,
    /// limine.cfg: colons, and options with an equals sign.
    Colons,
}

/// An entry or a directory of entries.
struct LimineItem {
    line: u32,
    depth: usize,
    title: String,
    is_expanded: bool,
    options: Vec<(String, String)>,
}

impl LimineItem {
    fn get(&self, names: &[&str]) -> Option<&str> {
        let mut options = self.options.iter();
        options.find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    /// Whether the menu has it on this machine.
    fn is_for(&self, firmware: &str) -> bool {
        let arch = arch();
        let names = |name| {
            let list = self.get(&[name]).unwrap_or(arch);
            list.split_whitespace().any(|own| own.eq_ignore_ascii_case(arch))
        };
        let protocol = self.get(&["protocol"]).unwrap_or_default().to_ascii_lowercase();
        let own = match &*protocol {
            "bios" | "bios_chainload" => "BIOS",
            "efi" | "uefi" | "efi_chainload" | "efi_boot_entry" => "UEFI",
            _ => firmware,
        };
        let wanted = self.get(&["if_fw_type"]).unwrap_or(firmware);
        own == firmware
            && wanted.eq_ignore_ascii_case(firmware)
            && names("if_arch")
            && names("if_loader_arch")
    }
}

/// Reads a configuration, on a machine that boots by UEFI or not. Files are named as in it: `boot():/vmlinuz`, before 7
/// `boot:///vmlinuz`. `variables` are those of the Boot Loader Interface, `remembered` is the text of [`REMEMBERED`]: Limine asks
/// for both since it has the newer syntax.
#[must_use]
pub fn parse(
    text: &str,
    syntax: Syntax,
    efi: bool,
    variables: &Variables,
    remembered: Option<&str>,
) -> ChoiceMenu {
    let (mark, separator) = match syntax {
        Syntax::Slashes => ('/', ':'),
        Syntax::Colons => (':', '='),
    };
    let mut menu = ChoiceMenu::of(text);
    let none = Variables::default();
    let (variables, remembered) =
        if syntax == Syntax::Slashes { (variables, remembered) } else { (&none, None) };
    let (mut default, mut timeout, mut remembers, mut quiet) = (None, None, false, None);
    let mut items: Vec<LimineItem> = Vec::new();
    let mut devicetree = String::new();
    let firmware = if efi { "UEFI" } else { "BIOS" };
    let macros = macros(text, firmware);
    let mut room = text.len().saturating_mul(GROWTH);
    for (line, text) in lines(text).filter(|(_, text)| definition(text).is_none()) {
        let Some(text) = expand(text, &macros, &mut room) else {
            menu.lose(line, "macros make the configuration too long: it ends here");
            break;
        };
        if text.len() > LENGTH_LIMIT {
            menu.lose_long(line);
            continue;
        }
        if text.starts_with(mark) {
            if items.len() >= ITEM_LIMIT {
                menu.lose(
                    line,
                    format!("only the first {ITEM_LIMIT} entries and directories are read: the configuration ends here"),
                );
                break;
            }
            let title = text.trim_start_matches(mark);
            let depth = text.len().saturating_sub(title.len());
            let is_expanded = title.starts_with('+');
            let title = title.strip_prefix('+').unwrap_or(title).trim();
            if depth > DEPTH_LIMIT || title.len() > TITLE_LIMIT {
                menu.lose(line, "more than 16 levels deep, or a title longer than 256 bytes");
            }
            let depth = depth.min(DEPTH_LIMIT);
            let title = title.chars().take(TITLE_LIMIT).collect();
            items.push(LimineItem { line, depth, title, is_expanded, options: Vec::new() });
            continue;
        }
        let (name, value) = statement(&text, &[separator]);
        let name = name.to_ascii_lowercase();
        match (&*name, items.last_mut()) {
            // Options for all may be anywhere.
            ("timeout", _) => timeout = Some(seconds(value)),
            // common/menu.c compares it so, and asks for the first one.
            ("quiet", _) => drop(quiet.get_or_insert(value == "yes")),
            ("global_dtb", _) => value.clone_into(&mut devicetree),
            ("default_entry", _) => default = Some(value.to_owned()),
            ("remember_last_entry", _) => remembers = value.eq_ignore_ascii_case("yes"),
            (_, Some(item)) => item.options.push((name, value.to_owned())),
            _ => {}
        }
    }
    // The firmware's variables come before the configuration where they count once, and after it where they stay.
    let one_shot = timeout_of(variables.timeout_one_shot.as_deref(), None);
    let lasting = timeout_of(variables.timeout.as_deref(), Some(5));
    menu.timeout = one_shot.or(timeout).or(lasting).unwrap_or(Some(5));
    let once = variables.one_shot.as_deref().map(Request::Identifier);
    let last = remembered.filter(|_| remembers).map(Request::Path);
    let lasting = variables.default.as_deref().filter(|_| default.is_none()).map(Request::Identifier);
    let shown = take(&items, syntax, firmware, &mut menu);
    menu.default = shown.selected([once, last, default.as_deref().map(Request::Default), lasting]);
    if quiet == Some(true) {
        menu.timeout_style = TimeoutStyle::Hidden;
    }
    // A directory, or nothing, is waited upon.
    menu.timeout = menu.timeout.filter(|_| menu.default.is_some());
    let bare = menu.choices.iter_mut().filter(|choice| choice.devicetree.is_empty());
    bare.for_each(|choice| choice.devicetree.clone_from(&devicetree));
    menu
}

/// Seconds as the menu counts them down, a part of one being a whole one; `None` for `no`. What is no number is 0.
fn seconds(value: &str) -> Option<u32> {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let more = u32::from(part.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
    let whole = whole.parse::<u32>().unwrap_or(0);
    (value != "no").then(|| whole.saturating_add(more).min(9999))
}

/// The timeout of a variable, if there is one; `zero` is what no seconds at all mean there.
fn timeout_of(value: Option<&str>, zero: Option<u32>) -> Option<Option<u32>> {
    match MenuTimeout::parse(value?)? {
        MenuTimeout::Forced => Some(None),
        MenuTimeout::Disabled => Some(Some(0)),
        // The menu comes up at a key, after as many seconds as without it.
        MenuTimeout::Hidden => None,
        MenuTimeout::Seconds(0) => Some(zero),
        MenuTimeout::Seconds(seconds) => Some(Some(seconds.min(9999))),
    }
}

/// Makes choices of the items that are no directories, and tells what of them the menu shows.
fn take(items: &[LimineItem], syntax: Syntax, firmware: &str, menu: &mut ChoiceMenu) -> Shown {
    let mut shown = Shown::default();
    // The directories around the item: their places, how many of their title come before them, and whether they are
    // open.
    let mut around: Vec<(usize, usize, bool)> = Vec::new();
    let mut titles = NameNumbers::default();
    for (place, item) in items.iter().enumerate() {
        around.truncate(item.depth.saturating_sub(1));
        let next = items.get(place.saturating_add(1));
        let is_directory = next.is_some_and(|next| next.depth > item.depth);
        let is_hidden = !is_directory && syntax == Syntax::Slashes && !item.is_for(firmware);
        let parent = around.last().map(|(place, ..)| *place);
        let in_menu = parent.map_or_else(String::new, |parent| parent.to_string());
        let in_menu = format!("{in_menu}/{}", item.title);
        let own = titles.get(&in_menu).unwrap_or_default();
        if !is_hidden {
            titles.count(in_menu);
        }
        if !is_hidden && around.iter().all(|(.., is_open)| *is_open) {
            shown.rows.push((!is_directory).then_some(menu.choices.len()));
        }
        if is_directory {
            if next.is_some_and(|next| next.depth > item.depth.saturating_add(1)) {
                menu.lose(item.line, "the entry after it is more than one level deeper");
            }
            around.push((place, own, item.is_expanded));
            continue;
        }
        let above = around.iter().filter_map(|(place, before, _)| Some((items.get(*place)?, *before)));
        if !is_hidden && menu.choices.len() < CHOICE_LIMIT {
            let mut path = String::new();
            above
                .clone()
                .chain([(item, own)])
                .for_each(|(it, before)| push_step(&mut path, &it.title, before));
            shown.entries.push((menu.choices.len(), path));
        }
        let mut choice = choice(item, above.map(|(it, _)| it.title.clone()).collect());
        if is_hidden {
            (choice.hidden, choice.problem) = (true, Some(ELSEWHERE.into()));
        }
        menu.push(choice);
    }
    shown
}

fn choice(item: &LimineItem, path_in_menu: Vec<String>) -> Choice {
    let protocol = item.get(&["protocol"]).unwrap_or_default().to_ascii_lowercase();
    let (kind, problem) = match &*protocol {
        "linux" => (Kind::Linux, None),
        "multiboot" | "multiboot1" | "multiboot2" => (Kind::Multiboot, None),
        "efi" | "uefi" | "efi_chainload" | "bios" | "bios_chainload" | "chainload" | "chainload_next"
        | "efi_boot_entry" => (Kind::Chainload, None),
        "" => (Kind::Linux, Some("it names no protocol".into())),
        _ => (Kind::Linux, Some(format!("kernels of the protocol {protocol} are not loaded"))),
    };
    let get = |names: &[&str]| item.get(names).unwrap_or_default().to_owned();
    let mut initrds = Vec::new();
    let mut multiboot =
        Multiboot { version: if protocol == "multiboot2" { 2 } else { 1 }, ..Multiboot::default() };
    for (name, value) in &item.options {
        match (&**name, multiboot.modules.last_mut()) {
            ("module_path", _) => {
                initrds.push(value.clone());
                multiboot.modules.push(MultibootModule::default());
            }
            ("module_cmdline" | "module_string", Some(module)) => module.cmdline.clone_from(value),
            _ => {}
        }
    }
    Choice {
        title: item.title.clone(),
        path_in_menu,
        kind,
        kernel: get(&["path", "kernel_path", "image_path"]),
        initrds,
        multiboot: if kind == Kind::Multiboot { multiboot } else { Multiboot::default() },
        devicetree: get(&["dtb_path"]),
        cmdline: get(&["cmdline", "kernel_cmdline"]),
        problem,
        line: item.line,
        ..Choice::default()
    }
}

/// `${NAME}=text`.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("${")?.split_once("}=")
}

/// This machine, as Limine names it.
fn arch() -> &'static str {
    match ARCH {
        "x86_64" => "x86-64",
        "x86" => "ia-32",
        other => other,
    }
}

fn macros<'a>(text: &'a str, firmware: &'a str) -> NameTable<&'a str> {
    let own = [("ARCH", arch()), ("LOADER_ARCH", arch()), ("FW_TYPE", firmware)];
    let all = own.into_iter().chain(lines(text).filter_map(|(_, line)| definition(line)));
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Puts texts in place of macros; those that are not defined stand for nothing. `None` where there is no more room.
fn expand(line: &str, macros: &NameTable<&str>, room: &mut usize) -> Option<String> {
    let mut parts = line.split("${");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once('}').unwrap_or((part, ""));
        for text in [macros.get(name).copied().unwrap_or_default(), after] {
            *room = room.checked_sub(text.len())?;
            expanded.push_str(text);
        }
    }
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(line: u32, path: &[&str], title: &str, kernel: &str, cmdline: &str) -> Choice {
        Choice {
            title: title.into(),
            path_in_menu: path.iter().map(|&title| title.into()).collect(),
            kernel: kernel.into(),
            cmdline: cmdline.into(),
            line,
            ..Choice::default()
        }
    }

    const SLASHES: &str = "# Limine\ntimeout: 3\nDefault_Entry: 3\n${ROOT}=root=UUID=1 rw\n\
                           /+Arch Linux\n    comment: x\n    //linux\n    protocol: linux\n    path: boot():/vmlinuz\n\
                           \x20   cmdline: ${ROOT} quiet a: b\n    module_path: boot():/ucode.img\n    module_path: boot():/initramfs.img#00ff\n\
                           //fallback\nPROTOCOL: linux\nkernel_path: guid(aa):/k\ndtb_path: boot():/a.dtb\nkernel_cmdline: ${NONE}x${ARCH\n\
                           /More\n//Windows\nprotocol: efi\nimage_path: boot(1):/EFI/Microsoft/Boot/bootmgfw.efi\n\
                           /Toy\nprotocol: limine\npath: boot():/toy\n/\n";

    #[test]
    fn a_tree_of_entries_is_read_in_its_order() {
        let expected = ChoiceMenu {
            choices: vec![
                Choice {
                    initrds: vec!["boot():/ucode.img".into(), "boot():/initramfs.img#00ff".into()],
                    ..choice(7, &["Arch Linux"], "linux", "boot():/vmlinuz", "root=UUID=1 rw quiet a: b")
                },
                Choice {
                    devicetree: "boot():/a.dtb".into(),
                    ..choice(13, &["Arch Linux"], "fallback", "guid(aa):/k", "xx86-64")
                },
                Choice {
                    kind: Kind::Chainload,
                    ..choice(19, &["More"], "Windows", "boot(1):/EFI/Microsoft/Boot/bootmgfw.efi", "")
                },
                Choice {
                    problem: Some("kernels of the protocol limine are not loaded".into()),
                    ..choice(22, &[], "Toy", "boot():/toy", "")
                },
                Choice { problem: Some("it names no protocol".into()), ..choice(25, &[], "", "", "") },
            ],
            default: Some(1),
            timeout: Some(3),
            ..ChoiceMenu::default()
        };
        let mut found = parse(SLASHES, Syntax::Slashes, true, &Variables::default(), None);
        if ARCH != "x86_64" {
            found.choices[1].cmdline = "xx86-64".into();
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn the_syntax_before_7_has_colons_and_equals_signs() {
        let text = "TIMEOUT=no\n:Linux\nPROTOCOL=linux\nKERNEL_PATH=boot:///vmlinuz\nCMDLINE=root=/dev/sda1 a=b: c\n\
                    MODULE_PATH=boot:///initrd\n";
        let expected = ChoiceMenu {
            choices: vec![Choice {
                initrds: vec!["boot:///initrd".into()],
                ..choice(2, &[], "Linux", "boot:///vmlinuz", "root=/dev/sda1 a=b: c")
            }],
            default: Some(0),
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text, Syntax::Colons, true, &Variables::default(), None), expected);
    }

    #[test]
    fn the_default_counts_what_is_on_the_screen() {
        let menu = "/a\n/+b\n//c\n//d\n///e\n/f\n";
        for (default, expected) in [
            ("", Some("a")),
            ("default_entry: 0\n", Some("a")),
            ("default_entry: 2\n", None),
            ("default_entry: 3\n", Some("c")),
            ("default_entry: 4\n", None),
            ("default_entry: 5\n", Some("f")),
            ("default_entry: 6\n", Some("a")),
            ("default_entry: b/d/e\n", Some("e")),
            ("default_entry: g\n", Some("a")),
        ] {
            let found =
                parse(&format!("{default}{menu}"), Syntax::Slashes, true, &Variables::default(), None);
            let title = found.default.map(|index| found.choices[index].title.as_str());
            assert_eq!((title, found.timeout), (expected, expected.map(|_| 5)), "{default}");
        }
    }

    #[test]
    fn a_path_of_titles_is_the_default_whatever_they_hold() {
        let menu = "/a\n/b\n//c\n//c\n/b/d#e\\f\n/b\n//c\n";
        for (path, line) in [
            ("b/c", Some(4)),
            ("b/c#0", Some(4)),
            ("b/c#1", Some(5)),
            ("b/c#2", Some(2)),
            ("b#1/c", Some(8)),
            ("b\\/d\\#e\\\\f", Some(6)),
            ("b", Some(2)),
            ("a/b", Some(2)),
            ("c", Some(2)),
        ] {
            let found = parse(
                &format!("default_entry: {path}\n{menu}"),
                Syntax::Slashes,
                true,
                &Variables::default(),
                None,
            );
            assert_eq!(found.default.map(|index| found.choices[index].line), line, "{path}");
        }
    }

    #[test]
    fn entries_for_other_machines_are_hidden_with_a_problem() {
        let menu = "global_dtb: boot():/g.dtb\n/a\nif_fw_type: BIOS\n/b\nif_fw_type: uefi\n/c\nif_arch: vax ${ARCH}\n\
                    /d\nif_loader_arch: vax\n/e\nprotocol: bios\n/f\nprotocol: efi\ndtb_path: boot():/f.dtb\n/${FW_TYPE}\n";
        for (efi, expected) in [(true, ["b", "c", "f", "UEFI"]), (false, ["a", "c", "e", "BIOS"])] {
            let found = parse(menu, Syntax::Slashes, efi, &Variables::default(), None);
            let (shown, hidden): (Vec<_>, Vec<_>) = found.choices.iter().partition(|choice| !choice.hidden);
            assert!(hidden.iter().all(|choice| choice.problem.as_deref() == Some(ELSEWHERE)));
            let titles: Vec<_> = shown.iter().map(|choice| choice.title.as_str()).collect();
            assert_eq!((titles, hidden.len()), (expected.to_vec(), 3));
            assert_eq!(found.default.map(|place| found.choices[place].title.as_str()), Some(expected[0]));
            let trees: Vec<_> = shown.iter().map(|choice| choice.devicetree.as_str()).collect();
            let own = if efi { "boot():/f.dtb" } else { "boot():/g.dtb" };
            assert_eq!(trees, ["boot():/g.dtb", "boot():/g.dtb", own, "boot():/g.dtb"]);
        }
    }

    #[test]
    fn a_directory_is_there_whatever_it_says_and_what_is_hidden_does_not_count() {
        let menu = "/+Systems\nif_fw_type: BIOS\nprotocol: bios\n//a\nif_fw_type: BIOS\n//a\n//b\n";
        for (default, line) in [("1", None), ("2", Some(6)), ("3", Some(7)), ("Systems/a", Some(6))] {
            let text = format!("{menu}default_entry: {default}\n");
            let found = parse(&text, Syntax::Slashes, true, &Variables::default(), None);
            let paths: Vec<_> =
                found.choices.iter().map(|it| (it.hidden, it.path_in_menu.join(">"))).collect();
            let inside = |hidden| (hidden, "Systems".to_owned());
            assert_eq!(paths, [inside(true), inside(false), inside(false)]);
            assert_eq!(found.default.map(|place| found.choices[place].line), line, "{default}");
        }
    }

    #[test]
    fn what_the_firmware_keeps_is_asked_in_limines_order() {
        let text = |text: &str| Some(text.to_owned());
        let menu = "/a\n/+b\n//a c\n//a-c\n/d\n";
        let once = |name| (Variables { one_shot: text(name), ..Variables::default() }, None);
        let default = |name| (Variables { default: text(name), ..Variables::default() }, None);
        let last = |name| (Variables::default(), Some(name));
        let seconds = |once: Option<&str>, lasting: Option<&str>| {
            let timeout_one_shot = once.map(Into::into);
            (Variables { timeout_one_shot, timeout: lasting.map(Into::into), ..Variables::default() }, None)
        };
        for (options, (variables, remembered), expected, timeout) in [
            ("", last("d"), "a", Some(5)),
            ("remember_last_entry: yes\n", last("b/a c"), "a c", Some(5)),
            ("remember_last_entry: YES\ndefault_entry: 5\n", last("gone"), "d", Some(5)),
            ("remember_last_entry: yes\n", (once("d").0, last("b/a c").1), "d", Some(5)),
            ("default_entry: 1\n", once("b.a-c"), "a c", Some(5)),
            ("default_entry: 1\n", once("b.a-c-2"), "a-c", Some(5)),
            ("default_entry: 1\n", once("b/a-c"), "a-c", Some(5)),
            ("default_entry: 1\n", default("d"), "a", Some(5)),
            ("", default("d"), "d", Some(5)),
            ("timeout: 3\n", seconds(None, Some("8")), "a", Some(3)),
            ("", seconds(None, Some("8")), "a", Some(8)),
            ("", seconds(None, Some("0")), "a", Some(5)),
            ("", seconds(None, Some("menu-disabled")), "a", Some(0)),
            ("timeout: 3\n", seconds(Some("9"), None), "a", Some(9)),
            ("timeout: 3\n", seconds(Some("0"), None), "a", None),
            ("timeout: 3\n", seconds(Some("menu-force"), None), "a", None),
            ("timeout: 3\n", seconds(Some("menu-hidden"), None), "a", Some(3)),
        ] {
            let found = parse(&format!("{options}{menu}"), Syntax::Slashes, true, &variables, remembered);
            let title = found.default.map(|place| found.choices[place].title.as_str());
            assert_eq!(
                (title, found.timeout),
                (Some(expected), timeout),
                "{options}{variables:?} {remembered:?}"
            );
        }
        let found = parse("DEFAULT_ENTRY=1\n:a\n:b\n", Syntax::Colons, true, &once("b").0, None);
        assert_eq!(found.default, Some(0));
    }

    #[test]
    fn timeouts_may_be_parts_of_a_second_or_none() {
        for (value, timeout) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("0.25", Some(1)),
            ("2.0", Some(2)),
            ("no", None),
            ("yes", Some(0)),
            ("123456", Some(9999)),
        ] {
            let found =
                parse(&format!("timeout: {value}\n/a\n"), Syntax::Slashes, true, &Variables::default(), None);
            assert_eq!(found.timeout, timeout, "{value}");
        }
    }

    /// menu() in Limine 12's common/menu.c: nothing is drawn while `quiet`, and a key brings the menu up.
    #[test]
    fn a_quiet_menu_is_hidden() {
        for (options, style) in [
            ("", TimeoutStyle::Menu),
            ("quiet: yes\n", TimeoutStyle::Hidden),
            ("QUIET: yes\n", TimeoutStyle::Hidden),
            ("quiet: YES\n", TimeoutStyle::Menu),
            ("quiet: no\nquiet: yes\n", TimeoutStyle::Menu),
        ] {
            let found = parse(&format!("{options}/a\n"), Syntax::Slashes, true, &Variables::default(), None);
            assert_eq!(found.timeout_style, style, "{options}");
        }
    }

    #[test]
    fn an_entry_without_a_parent_is_a_warning() {
        let found =
            parse("/a\n///c\nprotocol: linux\n/d\n", Syntax::Slashes, true, &Variables::default(), None);
        assert_eq!(found.lost, [(1, "the entry after it is more than one level deeper".into())]);
        assert_eq!(found.choices.len(), 2);
    }

    #[test]
    fn macros_grow_no_further_than_they_do_in_limine() {
        let text = format!("${{A}}={}\n/t\n{}", "x".repeat(1000), "cmdline: ${A}${A}${A}\n".repeat(1000));
        let found = parse(&text, Syntax::Slashes, true, &Variables::default(), None);
        assert_eq!(found.lost.len(), 1, "{:?}", found.lost);
        assert!(found.lost[0].0 < 100);
    }
}
