//! The lines of a configuration, one directive each, into labels.

use super::{Configuration, Dialect, Label, Program};

/// Files include each other this deep.
const DEPTH_LIMIT: usize = 16;
/// No more files are included: two that include each other twice would double with each level.
const FILE_LIMIT: usize = 64;
/// No more labels are kept.
const LABEL_LIMIT: usize = 4096;

/// What a label is until its end is seen.
struct Open {
    name: String,
    title: Option<String>,
    program: Option<Program>,
    append: Option<String>,
    initrds: Vec<String>,
    devicetree: Option<String>,
    devicetree_directory: Option<String>,
    has_overlays: bool,
    system_words: u32,
    hidden: bool,
    disabled: bool,
    file: String,
    line: u32,
}

/// A menu around labels.
#[derive(Default)]
struct Menu {
    label: Option<String>,
    title: Option<String>,
    tag: String,
}

impl Menu {
    fn name(&self) -> String {
        self.label.as_ref().or(self.title.as_ref()).unwrap_or(&self.tag).clone()
    }
}

pub(super) struct Parser<'a> {
    dialect: Dialect,
    include: &'a mut dyn FnMut(&str) -> Result<String, String>,
    /// Files that are being read, each including the next.
    open: Vec<String>,
    files: usize,
    configuration: Configuration,
    label: Option<Open>,
    menus: Vec<Menu>,
    in_text: bool,
    append: Option<String>,
    system_words: u32,
    /// Command, file and line.
    default: Option<(String, String, u32)>,
    menu_default: Option<String>,
    on_timeout: Option<String>,
    has_menu: bool,
    prompt: bool,
    /// Tenths of a second; 0 is none.
    timeout: u32,
}

impl<'a> Parser<'a> {
    pub fn new(dialect: Dialect, include: &'a mut dyn FnMut(&str) -> Result<String, String>) -> Self {
        Self {
            dialect,
            include,
            open: Vec::new(),
            files: 0,
            configuration: Configuration::default(),
            label: None,
            menus: Vec::new(),
            in_text: false,
            append: None,
            system_words: 0,
            default: None,
            menu_default: None,
            on_timeout: None,
            has_menu: false,
            prompt: false,
            timeout: 0,
        }
    }

    /// Reads one file; what it includes is read in its place.
    pub fn file(&mut self, file: &str, text: &str) {
        self.open.push(file.to_owned());
        for (line, text) in (1..).zip(text.split('\n')) {
            let text = text.trim();
            let (keyword, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            let (keyword, rest) = (keyword.to_ascii_lowercase(), rest.trim());
            if self.in_text {
                self.in_text = keyword != "endtext";
                continue;
            }
            match &*keyword {
                "include" => self.include(file, line, rest),
                "menu" => self.menu(file, line, rest),
                "label" => {
                    self.close();
                    self.label = Some(Open {
                        name: first_word(rest).to_owned(),
                        title: None,
                        program: None,
                        append: None,
                        initrds: Vec::new(),
                        devicetree: None,
                        devicetree_directory: None,
                        has_overlays: false,
                        system_words: self.system_words,
                        hidden: false,
                        disabled: false,
                        file: file.to_owned(),
                        line,
                    });
                }
                "text" => self.in_text = first_word(rest).eq_ignore_ascii_case("help"),
                "default" => self.default = Some((rest.to_owned(), file.to_owned(), line)),
                "ui" => self.has_menu = !rest.is_empty(),
                "prompt" => self.prompt = number(rest) != 0,
                "timeout" => self.timeout = number(rest),
                "ontimeout" => self.on_timeout = Some(first_word(rest).to_owned()),
                "sysappend" | "ipappend" => match &mut self.label {
                    Some(label) => label.system_words = number(rest),
                    None => self.system_words = number(rest),
                },
                "append" => match &mut self.label {
                    Some(label) => label.append = Some(rest.to_owned()),
                    None => self.append = Some(rest.to_owned()),
                },
                _ => {
                    if let Some(label) = &mut self.label {
                        statement(label, &keyword, rest, self.dialect);
                    }
                }
            }
        }
        self.open.pop();
    }

    fn include(&mut self, file: &str, line: u32, rest: &str) {
        let (path, tag) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        self.files = self.files.saturating_add(1);
        let text = if self.open.iter().any(|open| open == path) {
            Err("it includes itself".into())
        } else if self.open.len() > DEPTH_LIMIT || self.files > FILE_LIMIT {
            Err(format!("more than {DEPTH_LIMIT} deep, or more than {FILE_LIMIT} files"))
        } else {
            (self.include)(path)
        };
        match text {
            Ok(text) => {
                let in_submenu = !tag.trim().is_empty();
                if in_submenu {
                    self.open_menu(tag.trim());
                }
                self.file(path, &text);
                if in_submenu {
                    self.close();
                    self.menus.pop();
                }
            }
            Err(message) => {
                self.configuration.lost.push((file.to_owned(), line, format!("{path}: {message}")));
            }
        }
    }

    fn menu(&mut self, file: &str, line: u32, rest: &str) {
        let (keyword, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        let plain = || rest.replacen('^', "", 1);
        match (&*keyword.to_ascii_lowercase(), &mut self.label) {
            ("label", Some(label)) => label.title = Some(plain()),
            ("label", None) => {
                if let Some(menu) = self.menus.last_mut() {
                    menu.label = Some(plain());
                }
            }
            ("title", _) => {
                if let Some(menu) = self.menus.last_mut() {
                    menu.title = Some(plain());
                }
            }
            ("default", Some(label)) => self.menu_default = Some(label.name.clone()),
            ("hide", Some(label)) => label.hidden = true,
            ("disable", Some(label)) => label.disabled = true,
            // A way to another menu, which is no entry here: all of them are in the list.
            ("goto" | "exit" | "quit", Some(label)) => (label.disabled, label.program) = (true, None),
            ("hidden", _) => self.configuration.is_hidden = true,
            ("save", _) => self.configuration.keeps_choice = true,
            ("include", _) => self.include(file, line, rest),
            ("begin", _) => {
                self.close();
                self.open_menu(rest);
            }
            ("end", _) => {
                self.close();
                self.menus.pop();
            }
            _ => {}
        }
    }

    fn open_menu(&mut self, tag: &str) {
        if self.menus.len() < DEPTH_LIMIT {
            self.menus.push(Menu { tag: tag.to_owned(), ..Menu::default() });
        }
    }

    /// Records the label that is open. Arguments for all labels count as they are now.
    fn close(&mut self) {
        let Some(open) = self.label.take() else { return };
        let is_uboot = self.dialect == Dialect::Uboot;
        let program = match open.program {
            Some(program) => program,
            None if open.disabled || is_uboot => return,
            None => Program::Linux(open.name.clone()),
        };
        if self.configuration.labels.len() >= LABEL_LIMIT {
            return;
        }
        let append = match open.append.or_else(|| self.append.clone()) {
            Some(none) if none == "-" && !is_uboot => String::new(),
            append => append.unwrap_or_default(),
        };
        let program = match program {
            Program::Other(module) if is_menu(&module) && is_path(&append) => {
                Program::Menu(first_word(&append).to_owned())
            }
            program => program,
        };
        self.configuration.labels.push(Label {
            title: open.title.unwrap_or_else(|| open.name.clone()),
            name: open.name,
            path_in_menu: self.menus.iter().map(Menu::name).collect(),
            program,
            append,
            initrds: open.initrds,
            devicetree: open.devicetree,
            devicetree_directory: open.devicetree_directory,
            has_overlays: open.has_overlays,
            system_words: open.system_words,
            hidden: open.hidden || open.disabled,
            file: open.file,
            line: open.line,
        });
    }

    /// Decides what boots on its own, when all is read.
    pub fn finish(mut self) -> Configuration {
        self.close();
        let mut configuration = std::mem::take(&mut self.configuration);
        let known = |name: &str| configuration.labels.iter().any(|label| label.name == name);
        let (command, file, line) = self.default.unwrap_or_default();
        let (name, arguments) = command.split_once(char::is_whitespace).unwrap_or((&command, ""));
        let is_module = name.to_ascii_lowercase().ends_with(".c32");
        let has_menu = self.has_menu || is_module;
        let default = [
            self.on_timeout.as_deref().filter(|_| self.timeout != 0),
            self.menu_default.as_deref(),
            Some(name),
        ]
        .into_iter()
        .flatten()
        .find(|name| known(name));
        let is_command =
            default.is_none() && !has_menu && !name.is_empty() && self.dialect == Dialect::Syslinux;
        let default = default.map(str::to_owned);
        if is_command {
            configuration.labels.push(Label {
                name: name.to_owned(),
                title: command.clone(),
                path_in_menu: Vec::new(),
                program: Program::Linux(name.to_owned()),
                append: arguments.trim().to_owned(),
                initrds: Vec::new(),
                devicetree: None,
                devicetree_directory: None,
                has_overlays: false,
                system_words: self.system_words,
                hidden: false,
                file,
                line,
            });
        }
        configuration.default = if is_command {
            Some(name.to_owned())
        } else {
            default.or_else(|| {
                configuration.labels.iter().find(|label| !label.hidden).map(|label| label.name.clone())
            })
        };
        let waits = match self.dialect {
            Dialect::Syslinux => has_menu || self.prompt,
            Dialect::Uboot => self.timeout != 0 || self.prompt,
        };
        configuration.timeout = match (waits, self.timeout) {
            (false, _) => configuration.default.as_ref().map(|_| 0),
            (true, 0) => None,
            (true, tenths) => Some(tenths.div_ceil(10)),
        };
        configuration
    }
}

/// A statement that means something in a label alone.
fn statement(label: &mut Open, keyword: &str, rest: &str, dialect: Dialect) {
    let path = first_word(rest);
    match (keyword, dialect) {
        ("linux" | "kernel" | "fit", Dialect::Uboot) => {
            // Behind the mark stands which part of a FIT image it is.
            label.program = Some(Program::Linux(path.split('#').next().unwrap_or(path).to_owned()));
        }
        ("initrd", Dialect::Uboot) => label.initrds = vec![path.to_owned()],
        ("fdt" | "devicetree", Dialect::Uboot) => label.devicetree = Some(path.to_owned()),
        ("fdtdir" | "devicetreedir", Dialect::Uboot) => {
            label.devicetree_directory = Some(path.to_owned());
        }
        ("fdtoverlays" | "devicetree-overlay", Dialect::Uboot) => label.has_overlays = !path.is_empty(),
        ("config", Dialect::Syslinux) => label.program = Some(Program::Menu(path.to_owned())),
        ("linux", Dialect::Syslinux) => label.program = Some(Program::Linux(path.to_owned())),
        ("kernel", Dialect::Syslinux) => {
            let is_other = [".c32", ".img", ".bss", ".bin", ".bs", ".0"]
                .iter()
                .any(|suffix| path.to_ascii_lowercase().ends_with(suffix));
            let program = if is_other { Program::Other } else { Program::Linux };
            label.program = Some(program(path.to_owned()));
        }
        ("com32" | "boot" | "bss" | "pxe" | "fdimage", Dialect::Syslinux) => {
            label.program = Some(Program::Other(path.to_owned()));
        }
        ("initrd", Dialect::Syslinux) => {
            label.initrds = path.split(',').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        }
        ("localboot", _) => label.program = Some(Program::LocalBoot),
        _ => {}
    }
}

/// Whether the module shows a menu: of the configuration that it is given.
fn is_menu(module: &str) -> bool {
    let name = module.rsplit('/').next().unwrap_or(module).to_ascii_lowercase();
    matches!(&*name, "menu.c32" | "vesamenu.c32")
}

/// Whether it names a file; a tilde is the configuration itself.
fn is_path(arguments: &str) -> bool {
    !matches!(first_word(arguments), "" | "~")
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Decimal, octal or hexadecimal, as C reads it; 0 where it is no number.
fn number(text: &str) -> u32 {
    let word = first_word(text);
    let digits = |digits: &str, radix| u32::from_str_radix(digits, radix).unwrap_or(0);
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hexadecimal) => digits(hexadecimal, 16),
        None if word.starts_with('0') && word.len() > 1 => digits(word, 8),
        None => digits(word, 10),
    }
}
