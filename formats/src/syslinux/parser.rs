//! The lines of a configuration of the Syslinux Project's loaders, one directive each, into labels.

use super::{
    Configuration, Label, LabelNames, Program,
    include::{DEPTH_LIMIT, Includes},
    modules::{Meaning, meaning},
};
use crate::{
    entry::{Lock, Secret},
    lookup::Include,
};

/// Maximum number of labels that lead to each other.
const LEAD_LIMIT: usize = 4;
/// Maximum memory that labels take by leading to others, in bytes, all together.
const LEAD_ROOM: usize = 1 << 20;
/// Maximum number of labels; those after it are lost.
pub(super) const LABEL_LIMIT: usize = 10_240;

/// A command line of the loader's own prompt, and its place: file and line.
type Command = (String, String, u32);

/// A label whose end is still to come.
struct Open {
    name: String,
    title: Option<String>,
    program: Option<Program>,
    /// The words after the program; `append` comes after them.
    arguments: String,
    append: Option<String>,
    initrds: Vec<String>,
    system_words: u32,
    hidden: bool,
    disabled: bool,
    lock: Option<Lock>,
    /// Whether the menu keeps it as its choice, where the label says so itself.
    is_kept: Option<bool>,
    file: String,
    line: u32,
}

/// A menu around labels.
#[derive(Clone, Default)]
struct SyslinuxMenu {
    label: Option<String>,
    title: Option<String>,
    tag: String,
    /// The label, as its place in the configuration, that is chosen at first.
    default: Option<usize>,
    /// Tenths of a second; 0 is none.
    timeout: u32,
    on_timeout: Option<Command>,
    /// It keeps what is chosen in it, where the label does not say otherwise.
    keeps_choice: bool,
}

impl SyslinuxMenu {
    fn name(&self) -> String {
        self.label.as_ref().or(self.title.as_ref()).unwrap_or(&self.tag).clone()
    }
}

pub(super) struct Parser<'a> {
    includes: Includes<'a>,
    configuration: Configuration,
    label: Option<Open>,
    /// The menu around everything.
    outermost: SyslinuxMenu,
    /// All others.
    menus: Vec<SyslinuxMenu>,
    /// Those of them that are open now, outermost first.
    around: Vec<usize>,
    /// Names of the labels.
    names: LabelNames,
    /// The one that each label is in.
    places: Vec<Option<usize>>,
    /// The one that is shown first.
    start: Option<usize>,
    in_text: bool,
    append: Option<String>,
    system_words: u32,
    default: Option<Command>,
    is_default: bool,
    has_menu: bool,
    prompt: bool,
    /// A menu was told to show it.
    is_shown: bool,
    /// Tenths of a second in all; 0 is none.
    total_timeout: u32,
}

impl<'a> Parser<'a> {
    pub fn new(include: Include<'a>, is_shown: bool) -> Self {
        Self {
            includes: Includes::new(include),
            configuration: Configuration::default(),
            label: None,
            outermost: SyslinuxMenu::default(),
            menus: Vec::new(),
            around: Vec::new(),
            names: LabelNames::default(),
            places: Vec::new(),
            start: None,
            in_text: false,
            append: None,
            system_words: 0,
            default: None,
            is_default: false,
            has_menu: false,
            prompt: false,
            is_shown,
            total_timeout: 0,
        }
    }

    /// Reads one file; what it includes is read in its place.
    pub fn file(&mut self, file: &str, text: &str) {
        self.includes.enter(file);
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
                        name: rest.to_owned(),
                        title: None,
                        program: None,
                        arguments: String::new(),
                        append: None,
                        initrds: Vec::new(),
                        system_words: self.system_words,
                        hidden: false,
                        disabled: false,
                        lock: None,
                        is_kept: None,
                        file: file.to_owned(),
                        line,
                    });
                }
                "text" => self.in_text = first_word(rest).eq_ignore_ascii_case("help"),
                "ontimeout" => {
                    self.innermost().on_timeout = Some((rest.to_owned(), file.to_owned(), line));
                }
                "default" => self.default = Some((rest.to_owned(), file.to_owned(), line)),
                "ui" | "gfxboot" => self.has_menu = !rest.is_empty(),
                "prompt" => self.prompt = number(rest) != 0,
                "timeout" => self.innermost().timeout = number(rest),
                "totaltimeout" => self.total_timeout = number(rest),
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
                        statement(label, &keyword, rest);
                    }
                }
            }
        }
        self.includes.leave();
    }

    fn include(&mut self, file: &str, line: u32, rest: &str) {
        let (path, tag) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match self.includes.read(path) {
            Ok(text) => {
                let in_submenu = !tag.trim().is_empty();
                if in_submenu {
                    self.open_menu(tag.trim());
                }
                self.file(path, &text);
                if in_submenu {
                    self.close_menu();
                }
            }
            Err(message) => self.configuration.lost.push((file.to_owned(), line, message)),
        }
    }

    fn menu(&mut self, file: &str, line: u32, rest: &str) {
        let (keyword, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        let plain = || rest.replacen('^', "", 1);
        match (&*keyword.to_ascii_lowercase(), &mut self.label) {
            ("label", Some(label)) => label.title = Some(plain()),
            ("label", None) => self.innermost().label = Some(plain()),
            ("title", _) => self.innermost().title = Some(plain()),
            ("default", Some(_)) => self.is_default = true,
            ("start", _) => self.start = self.around.last().copied(),
            ("hide", Some(label)) => label.hidden = true,
            ("disable", Some(label)) => label.disabled = true,
            ("passwd", Some(label)) => {
                label.lock = Some(Lock::with_secret(secret(rest), &mut self.configuration.passwords));
            }
            ("master", _) => {
                let (keyword, password) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if keyword.eq_ignore_ascii_case("passwd") {
                    let lock = Lock::with_secret(secret(password.trim()), &mut self.configuration.passwords);
                    self.configuration.lock = Some(lock);
                }
            }
            // A way to another menu, which is no entry here: all of them are in the list.
            ("goto" | "exit" | "quit", Some(label)) => (label.disabled, label.program) = (true, None),
            ("hidden", _) => self.configuration.is_hidden = true,
            ("save", label) => {
                self.configuration.keeps_choice = true;
                match label {
                    Some(label) => label.is_kept = Some(true),
                    None => self.innermost().keeps_choice = true,
                }
            }
            ("nosave", Some(label)) => label.is_kept = Some(false),
            ("nosave", None) => self.innermost().keeps_choice = false,
            ("include", _) => self.include(file, line, rest),
            ("begin", _) => {
                self.close();
                self.open_menu(rest);
            }
            ("end", _) => self.close_menu(),
            _ => {}
        }
    }

    /// The menu around what is read now.
    fn innermost(&mut self) -> &mut SyslinuxMenu {
        self.menu_at(self.around.last().copied())
    }

    fn menu_at(&mut self, place: Option<usize>) -> &mut SyslinuxMenu {
        place.and_then(|place| self.menus.get_mut(place)).unwrap_or(&mut self.outermost)
    }

    /// Begins a menu, which is like its parent until it says otherwise.
    fn open_menu(&mut self, tag: &str) {
        if self.around.len() < DEPTH_LIMIT && self.menus.len() < LABEL_LIMIT {
            let SyslinuxMenu { timeout, on_timeout, keeps_choice, .. } = self.innermost().clone();
            self.around.push(self.menus.len());
            self.menus.push(SyslinuxMenu {
                tag: tag.to_owned(),
                timeout,
                on_timeout,
                keeps_choice,
                ..SyslinuxMenu::default()
            });
        }
    }

    fn close_menu(&mut self) {
        self.close();
        self.around.pop();
    }

    /// Records the label that is open. Arguments for all labels count as they are now.
    fn close(&mut self) {
        let is_default = std::mem::take(&mut self.is_default);
        let Some(open) = self.label.take() else { return };
        let program = match open.program {
            Some(program) => program,
            None if open.disabled => return,
            None => Program::Linux(first_word(&open.name).to_owned()),
        };
        if !self.configuration.has_room(&open.file, open.line) {
            return;
        }
        let append = match open.append.or_else(|| self.append.clone()) {
            Some(none) if none == "-" => String::new(),
            append => append.unwrap_or_default(),
        };
        let append = format!("{} {append}", open.arguments).trim().to_owned();
        let program = match program {
            Program::Other(module) if is_menu(&module) && is_path(&append) => {
                Program::Menu(first_word(&append).to_owned())
            }
            program => program,
        };
        if is_default && !open.hidden && !open.disabled {
            self.innermost().default = Some(self.places.len());
        }
        let is_kept = open.is_kept.unwrap_or(self.innermost().keeps_choice);
        self.names.note(&open.name, self.places.len());
        self.places.push(self.around.last().copied());
        let around = self.around.iter().filter_map(|menu| self.menus.get(*menu));
        self.configuration.labels.push(Label {
            title: open.title.unwrap_or_else(|| open.name.clone()),
            name: open.name,
            path_in_menu: around.map(SyslinuxMenu::name).collect(),
            program,
            append,
            initrds: open.initrds,
            devicetree: None,
            devicetree_directory: None,
            has_overlays: false,
            system_words: open.system_words,
            hidden: open.hidden || open.disabled,
            is_kept: is_kept && open.lock.is_none(),
            lock: open.lock,
            file: open.file,
            line: open.line,
        });
    }

    /// Decides what boots on its own, when all is read.
    pub fn finish(mut self) -> Configuration {
        self.close();
        let mut default = self.default.take().unwrap_or_default();
        let mut named = self.named(first_word(&default.0));
        let menus = self.resolve();
        if let Some((_, menu)) = menus.into_iter().find(|(label, _)| Some(*label) == named) {
            named = Some(menu);
            default.0 =
                self.configuration.labels.get(menu).map(|label| label.name.clone()).unwrap_or_default();
        }
        let has_ui = self.has_menu;
        self.has_menu |= self.is_shown;
        // The loader adds the ending to the name of a module by itself.
        let is_module = |name: &str| is_menu(name) || is_menu(&format!("{name}.c32"));
        self.has_menu |=
            named.map_or_else(|| is_module(first_word(&default.0)), |label| self.is_own_menu(label));
        let visible =
            named.filter(|label| self.configuration.labels.get(*label).is_some_and(|label| !label.hidden));
        if let (true, Some(label)) = (has_ui, visible) {
            self.start = self.places.get(label).copied().flatten();
            self.menu_at(self.start).default = Some(label);
        }
        let menu = self.menu_at(self.start).clone();
        let timeout = match (menu.timeout, self.total_timeout) {
            (0, total) | (total, 0) => total,
            (timeout, total) => timeout.min(total),
        };
        let on_timeout = menu.on_timeout.filter(|_| timeout != 0 && (self.has_menu || self.prompt));
        let mut chosen = on_timeout.and_then(|command| self.command(&command, true));
        if chosen.is_none() && self.has_menu {
            chosen = menu.default;
        } else if chosen.is_none() {
            chosen = self.command(&default, false);
        }
        let is_known = chosen.is_some() || self.has_menu;
        let Self { mut configuration, places, start, has_menu, .. } = self;
        let shown = |any: bool| {
            let mut labels = configuration.labels.iter().zip(&places);
            labels.position(|(label, menu)| !label.hidden && (any || *menu == start))
        };
        let chosen = chosen.or_else(|| shown(false)).or_else(|| shown(true));
        configuration.default = chosen.and_then(|label| Some(configuration.labels.get(label)?.name.clone()));
        configuration.timeout = match (has_menu || self.prompt, timeout) {
            // SYSLINUX says that there is no default and goes to its prompt.
            _ if !is_known => None,
            (false, _) => configuration.default.as_ref().map(|_| 0),
            (true, 0) => None,
            (true, tenths) => Some(tenths.div_ceil(10)),
        };
        // Passwords and what is kept are the menu's: without one nobody is asked.
        configuration.keeps_choice &= has_menu;
        configuration.lock = configuration.lock.take().filter(|_| has_menu);
        let master = configuration.lock.iter().flat_map(|lock| lock.passwords.clone()).next();
        for label in &mut configuration.labels {
            label.is_kept &= has_menu;
            label.lock = label.lock.take().filter(|_| has_menu);
            // The master's password boots any label.
            if let Some(lock) = &mut label.lock {
                lock.passwords.extend(master);
            }
        }
        configuration
    }

    /// Puts into labels of modules that choose or load what these come to. Gives the labels that lead to a menu, each with
    /// the menu's.
    fn resolve(&mut self) -> Vec<(usize, usize)> {
        let mut menus = Vec::new();
        let mut room = LEAD_ROOM;
        for place in 0..self.configuration.labels.len() {
            let labels = &self.configuration.labels;
            let mut next = labels.get(place).and_then(meaning);
            let mut came_to = None;
            // A label may lead to another such label.
            for _ in 0..LEAD_LIMIT {
                let (line, is_command) = match next.take() {
                    Some(Meaning::Command(line)) => (line, true),
                    Some(Meaning::Kernel(line)) => (line, false),
                    None => break,
                };
                let (name, arguments) = line.split_once(' ').unwrap_or((&line, ""));
                let target = if is_command { self.named(name) } else { None };
                let Some((target, label)) = target.and_then(|target| Some((target, labels.get(target)?)))
                else {
                    came_to = Some((Program::Linux(name.to_owned()), arguments.to_owned(), Vec::new(), 0));
                    break;
                };
                next = meaning(label);
                if next.is_none()
                    && (self.is_own_menu(target)
                        || matches!(label.program, Program::Menu(_) | Program::Configuration(_)))
                {
                    menus.push((place, target));
                } else if next.is_none() {
                    let size = label.initrds.iter().map(String::len).sum::<usize>();
                    let size = size.saturating_add(label.append.len()).saturating_add(arguments.len());
                    let Some(rest) = room.checked_sub(size) else { return menus };
                    room = rest;
                    let append = format!("{} {arguments}", label.append).trim().to_owned();
                    came_to =
                        Some((label.program.clone(), append, label.initrds.clone(), label.system_words));
                }
            }
            let came_to = came_to.filter(|_| next.is_none());
            if let (Some(label), Some(came_to)) = (self.configuration.labels.get_mut(place), came_to) {
                (label.program, label.append, label.initrds, label.system_words) = came_to;
            }
        }
        menus
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.names.first(name)
    }

    /// Whether a label shows this configuration's own menu.
    fn is_own_menu(&self, label: usize) -> bool {
        let label = self.configuration.labels.get(label);
        let Some((Program::Other(module), append)) = label.map(|label| (&label.program, &label.append))
        else {
            return false;
        };
        is_menu(module) && !is_path(append)
    }

    /// The label that a command line means; one is added for what no label says.
    fn command(&mut self, (command, file, line): &Command, hidden: bool) -> Option<usize> {
        let name = first_word(command);
        let arguments = command.get(name.len()..).unwrap_or_default().trim();
        let known = self.named(name);
        let labels = &mut self.configuration.labels;
        let mut label = match known.and_then(|label| labels.get(label)) {
            _ if name.is_empty() || name.to_ascii_lowercase().ends_with(".c32") => return None,
            Some(_) if arguments.is_empty() => return known,
            Some(label) => {
                Label { append: format!("{} {arguments}", label.append).trim().to_owned(), ..label.clone() }
            }
            None => Label {
                name: name.to_owned(),
                title: String::new(),
                path_in_menu: Vec::new(),
                program: Program::Linux(name.to_owned()),
                append: arguments.to_owned(),
                initrds: Vec::new(),
                devicetree: None,
                devicetree_directory: None,
                has_overlays: false,
                system_words: self.system_words,
                hidden,
                is_kept: false,
                lock: None,
                file: file.clone(),
                line: *line,
            },
        };
        let same = labels.iter().position(|other| {
            (&other.program, &other.append, &other.initrds) == (&label.program, &label.append, &label.initrds)
        });
        if same.is_some() {
            return same;
        }
        (label.title, label.hidden, label.file, label.line) = (command.clone(), hidden, file.clone(), *line);
        if known.is_some() {
            label.name = command.clone();
        }
        labels.push(label);
        self.places.push(None);
        Some(labels.len().saturating_sub(1))
    }
}

/// A statement that means something in a label alone.
fn statement(label: &mut Open, keyword: &str, rest: &str) {
    let path = first_word(rest);
    if matches!(keyword, "linux" | "kernel" | "com32" | "boot" | "bss" | "pxe" | "fdimage") {
        label.arguments = rest.get(path.len()..).unwrap_or_default().trim().to_owned();
    }
    match keyword {
        "config" => label.program = Some(Program::Configuration(path.to_owned())),
        "linux" => label.program = Some(Program::Linux(path.to_owned())),
        "kernel" => {
            let is_other = [".c32", ".img", ".bss", ".bin", ".bs", ".0"]
                .iter()
                .any(|suffix| path.to_ascii_lowercase().ends_with(suffix));
            let program = if is_other { Program::Other } else { Program::Linux };
            label.program = Some(program(path.to_owned()));
        }
        "com32" | "boot" | "bss" | "pxe" | "fdimage" => {
            label.program = Some(Program::Other(path.to_owned()));
        }
        "initrd" => {
            label.initrds = path.split(',').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        }
        "localboot" => label.program = Some(Program::LocalBoot),
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

/// What the menu compares a typed password with (com32/menu/passwd.c): itself, unless `$` and a letter say that it is hashed, which
/// is not checked here. An empty one is nobody's.
fn secret(password: &str) -> Option<Secret> {
    let is_hashed = matches!(password.as_bytes(), [b'$', _, b'$', ..]);
    (!password.is_empty() && !is_hashed).then(|| Secret::Plain(password.to_owned()))
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
