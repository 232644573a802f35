//! limine.conf, and limine.cfg of the releases before 7 (Limine, CONFIG.md).
//!
//! An entry begins with its title behind slashes (`/Arch`, `//Fallback` one level below) or, before 7, colons; options are
//! `name: value`, before 7 `NAME=value`; `${MACRO}=text` names a text that `${MACRO}` then stands for.

use std::{collections::HashMap, env::consts::ARCH};

use super::{
    lines::{LENGTH_LIMIT, TOO_LONG, lines, statement},
    menu::{Choice, Menu},
};
use crate::entry::{Kind, Module, Multiboot};

/// Macros may make a configuration this many times as long, as in Limine itself.
const GROWTH: usize = 4;

/// Entries stand no deeper, and titles are no longer: each entry bears the titles of all menus around it.
const DEPTH_LIMIT: usize = 16;
const TITLE_LIMIT: usize = 256;
/// No more entries and directories are read.
const ITEM_LIMIT: usize = 4096;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// limine.conf: slashes, and options with a colon.
    Slashes,
    /// limine.cfg: colons, and options with an equals sign.
    Colons,
}

/// An entry or a directory of entries.
struct Item {
    line: u32,
    depth: usize,
    title: String,
    is_expanded: bool,
    options: Vec<(String, String)>,
}

impl Item {
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
/// `boot:///vmlinuz`.
#[must_use]
pub fn parse(text: &str, syntax: Syntax, efi: bool) -> Menu {
    let (mark, separator) = match syntax {
        Syntax::Slashes => ('/', ':'),
        Syntax::Colons => (':', '='),
    };
    let mut menu = Menu { timeout: Some(5), ..Menu::of(text) };
    let mut default = "1".to_owned();
    let mut items: Vec<Item> = Vec::new();
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
            menu.lose(line, TOO_LONG);
            continue;
        }
        if text.starts_with(mark) {
            if items.len() >= ITEM_LIMIT {
                menu.lose(
                    line,
                    "only the first 4096 entries and directories are read: the configuration ends here",
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
            items.push(Item { line, depth, title, is_expanded, options: Vec::new() });
            continue;
        }
        let (name, value) = statement(&text, &[separator]);
        let name = name.to_ascii_lowercase();
        match (&*name, items.last_mut()) {
            // Options for all may stand anywhere.
            ("timeout", _) => menu.timeout = seconds(value),
            ("global_dtb", _) => value.clone_into(&mut devicetree),
            ("default_entry", _) => value.clone_into(&mut default),
            (_, Some(item)) => item.options.push((name, value.to_owned())),
            _ => {}
        }
    }
    if syntax == Syntax::Slashes {
        items.retain(|item| item.is_for(firmware));
    }
    take(&items, &default, &mut menu);
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

/// Makes choices of the items that are no directories, and finds the default among the visible ones.
fn take(items: &[Item], default: &str, menu: &mut Menu) {
    // The directories around the item, whether all that it holds is on the screen, and whether the path leads there.
    let mut around: Vec<(&str, bool, bool)> = Vec::new();
    let mut visible = 0_usize;
    let mut path = steps(default);
    for (index, item) in items.iter().enumerate() {
        around.truncate(item.depth.saturating_sub(1));
        let is_shown = around.iter().all(|(_, is_expanded, _)| *is_expanded);
        visible = visible.saturating_add(usize::from(is_shown));
        let path_in_menu: Vec<String> = around.iter().map(|(title, ..)| (*title).to_owned()).collect();
        let next = items.get(index.saturating_add(1));
        let mut leads = around.iter().all(|(.., leads)| *leads);
        let step = path.get_mut(around.len()).filter(|(title, _)| leads && *title == item.title);
        leads = step.is_some_and(|(_, before)| {
            let is_it = *before == Some(0);
            *before = before.and_then(|before| before.checked_sub(1));
            is_it
        });
        if next.is_some_and(|next| next.depth > item.depth) {
            if next.is_some_and(|next| next.depth > item.depth.saturating_add(1)) {
                menu.lose(item.line, "the entry behind it is more than one level deeper");
            }
            around.push((&item.title, item.is_expanded, leads));
            continue;
        }
        let is_default = match default.parse::<usize>() {
            Ok(number) => is_shown && visible == number.max(1),
            Err(_) => leads && path.len() == around.len().saturating_add(1),
        };
        if is_default && menu.default.is_none() {
            menu.default = Some(menu.choices.len());
        }
        menu.push(choice(item, path_in_menu));
    }
    // A directory, or nothing, is waited upon.
    menu.timeout = menu.timeout.filter(|_| menu.default.is_some());
}

/// The steps of an entry's path, each a title and how many of that title stand before it: `OSes/Arch Linux#1`.
fn steps(path: &str) -> Vec<(String, Option<usize>)> {
    let mut steps = vec![(String::new(), Some(0))];
    let mut rest = path.chars();
    while let (Some(c), Some((title, before))) = (rest.next(), steps.last_mut()) {
        match c {
            '/' => steps.push((String::new(), Some(0))),
            '#' => {
                let number: String = rest.clone().take_while(char::is_ascii_digit).collect();
                rest = rest.as_str().get(number.len()..).unwrap_or_default().chars();
                *before = number.parse().ok();
            }
            '\\' => title.extend(rest.next()),
            c => title.push(c),
        }
    }
    steps
}

fn choice(item: &Item, path_in_menu: Vec<String>) -> Choice {
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
                multiboot.modules.push(Module::default());
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

fn macros<'a>(text: &'a str, firmware: &'a str) -> HashMap<&'a str, &'a str> {
    let own = [("ARCH", arch()), ("LOADER_ARCH", arch()), ("FW_TYPE", firmware)];
    own.into_iter().chain(lines(text).filter_map(|(_, line)| definition(line))).collect()
}

/// Puts texts in place of macros; those that are not defined stand for nothing. `None` where there is no more room.
fn expand(line: &str, macros: &HashMap<&str, &str>, room: &mut usize) -> Option<String> {
    let mut parts = line.split("${");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, behind) = part.split_once('}').unwrap_or((part, ""));
        for text in [macros.get(name).copied().unwrap_or_default(), behind] {
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
        let expected = Menu {
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
            ..Menu::default()
        };
        let mut found = parse(SLASHES, Syntax::Slashes, true);
        if ARCH != "x86_64" {
            found.choices[1].cmdline = "xx86-64".into();
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn the_syntax_before_7_has_colons_and_equals_signs() {
        let text = "TIMEOUT=no\n:Linux\nPROTOCOL=linux\nKERNEL_PATH=boot:///vmlinuz\nCMDLINE=root=/dev/sda1 a=b: c\n\
                    MODULE_PATH=boot:///initrd\n";
        let expected = Menu {
            choices: vec![Choice {
                initrds: vec!["boot:///initrd".into()],
                ..choice(2, &[], "Linux", "boot:///vmlinuz", "root=/dev/sda1 a=b: c")
            }],
            default: Some(0),
            ..Menu::default()
        };
        assert_eq!(parse(text, Syntax::Colons, true), expected);
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
            ("default_entry: 6\n", None),
            ("default_entry: b/d/e\n", Some("e")),
            ("default_entry: g\n", None),
        ] {
            let found = parse(&format!("{default}{menu}"), Syntax::Slashes, true);
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
            ("b/c#2", None),
            ("b#1/c", Some(8)),
            ("b\\/d\\#e\\\\f", Some(6)),
            ("b", None),
            ("a/b", None),
            ("c", None),
        ] {
            let found = parse(&format!("default_entry: {path}\n{menu}"), Syntax::Slashes, true);
            assert_eq!(found.default.map(|index| found.choices[index].line), line, "{path}");
        }
    }

    #[test]
    fn entries_for_other_machines_are_not_in_the_menu() {
        let menu = "global_dtb: boot():/g.dtb\n/a\nif_fw_type: BIOS\n/b\nif_fw_type: uefi\n/c\nif_arch: vax ${ARCH}\n\
                    /d\nif_loader_arch: vax\n/e\nprotocol: bios\n/f\nprotocol: efi\ndtb_path: boot():/f.dtb\n/${FW_TYPE}\n";
        for (efi, expected) in [(true, ["b", "c", "f", "UEFI"]), (false, ["a", "c", "e", "BIOS"])] {
            let found = parse(menu, Syntax::Slashes, efi);
            let titles: Vec<_> = found.choices.iter().map(|choice| choice.title.as_str()).collect();
            assert_eq!(titles, expected);
            let trees: Vec<_> = found.choices.iter().map(|choice| choice.devicetree.as_str()).collect();
            let own = if efi { "boot():/f.dtb" } else { "boot():/g.dtb" };
            assert_eq!(trees, ["boot():/g.dtb", "boot():/g.dtb", own, "boot():/g.dtb"]);
        }
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
            let found = parse(&format!("timeout: {value}\n/a\n"), Syntax::Slashes, true);
            assert_eq!(found.timeout, timeout, "{value}");
        }
    }

    #[test]
    fn an_entry_without_a_parent_is_told() {
        let found = parse("/a\n///c\nprotocol: linux\n/d\n", Syntax::Slashes, true);
        assert_eq!(found.lost, [(1, "the entry behind it is more than one level deeper".into())]);
        assert_eq!(found.choices.len(), 2);
    }

    #[test]
    fn macros_grow_no_further_than_they_do_in_limine() {
        let text = format!("${{A}}={}\n/t\n{}", "x".repeat(1000), "cmdline: ${A}${A}${A}\n".repeat(1000));
        let found = parse(&text, Syntax::Slashes, true);
        assert_eq!(found.lost.len(), 1, "{:?}", found.lost);
        assert!(found.lost[0].0 < 100);
    }
}
