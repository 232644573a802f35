//! One `menuentry` of refind.conf with its submenus.

use super::kernel::{initrds, is_kernel};
use crate::{
    entry::Kind,
    lines::TOO_LONG,
    menu::{CHOICE_LIMIT, Choice},
};

/// Maximum number of submenus of a stanza.
const SUBMENU_LIMIT: usize = 64;

/// A stanza, or a submenu of one, whose end is still to come.
#[derive(Clone, Default)]
struct StanzaState {
    title: String,
    line: u32,
    volume: Option<String>,
    loader: String,
    options: Option<String>,
    initrd: Option<String>,
    is_linux: bool,
    is_firmware: bool,
    is_disabled: bool,
    /// A line that was too long to be read.
    lost: Option<u32>,
}

/// A stanza whose end has not been seen.
pub(super) struct Open {
    file: Option<String>,
    main: StanzaState,
    /// The submenu that is being read.
    sub: Option<StanzaState>,
    subs: Vec<StanzaState>,
}

impl Open {
    pub fn new(title: &str, file: Option<&str>, line: u32) -> Self {
        let main = StanzaState { title: title.to_owned(), line, ..StanzaState::default() };
        Self { file: file.map(str::to_owned), main, sub: None, subs: Vec::new() }
    }

    /// Notes that a line of it could not be read.
    pub fn lose(&mut self, line: u32) {
        self.sub.as_mut().unwrap_or(&mut self.main).lost = Some(line);
    }

    /// Takes one line; true if the stanza ends with it.
    pub fn take(&mut self, line: u32, keyword: &str, values: &[String]) -> bool {
        let keyword = keyword.to_ascii_lowercase();
        if let Some(sub) = &mut self.sub {
            match &*keyword {
                "}" if self.subs.len() < SUBMENU_LIMIT => self.subs.extend(self.sub.take()),
                "}" => self.sub = None,
                "initrd" => sub.initrd = values.first().cloned(),
                "options" => sub.options = values.first().cloned(),
                "add_options" => {
                    if let Some(more) = values.first() {
                        let options = sub.options.take().filter(|options| !options.is_empty());
                        sub.options =
                            Some(options.map_or_else(|| more.clone(), |options| format!("{options} {more}")));
                    }
                }
                keyword => sub.take(keyword, values.first()),
            }
            return false;
        }
        match (&*keyword, values.first()) {
            ("}", _) => return true,
            ("submenuentry", Some(title)) => {
                self.sub = Some(StanzaState { title: title.clone(), line, ..self.main.clone() });
            }
            ("initrd", Some(path)) => self.main.initrd = Some(path.clone()),
            ("options", Some(options)) => self.main.options = Some(options.clone()),
            (keyword, value) => {
                self.main.take(keyword, value);
                // Options before the loader are forgotten.
                if keyword == "loader" {
                    self.main.options = None;
                }
            }
        }
        false
    }

    /// Adds the stanza and its submenus.
    pub fn finish(mut self, stanzas: &mut Vec<Choice>) {
        self.subs.extend(self.sub.take());
        if self.main.is_disabled || stanzas.len() >= CHOICE_LIMIT {
            return;
        }
        let title = self.main.title.clone();
        stanzas.push(self.main.choice(Vec::new(), self.file.clone()));
        for sub in self.subs.into_iter().filter(|sub| !sub.is_disabled) {
            stanzas.push(sub.choice(vec![title.clone()], self.file.clone()));
        }
    }
}

impl StanzaState {
    /// Statements that stanzas and submenus have in common.
    fn take(&mut self, keyword: &str, value: Option<&String>) {
        match (keyword, value) {
            ("loader", Some(path)) => self.loader = format!("/{}", path.replace('\\', "/").trim_matches('/')),
            ("volume", Some(name)) => self.volume = Some(name.clone()),
            ("ostype", Some(name)) => self.is_linux = name.starts_with(['L', 'l']),
            ("firmware_bootnum", _) => self.is_firmware = true,
            ("disabled", _) => self.is_disabled = true,
            _ => {}
        }
    }

    fn choice(self, path_in_menu: Vec<String>, file: Option<String>) -> Choice {
        let on_volume = |path: &str| match &self.volume {
            Some(volume) => format!("{volume}:{path}"),
            None => path.to_owned(),
        };
        let mut cmdline = self.options.unwrap_or_default();
        if let Some(initrd) = &self.initrd {
            let space = if cmdline.is_empty() { "" } else { " " };
            cmdline = format!("{cmdline}{space}initrd={initrd}");
        }
        let is_loader = ["grub", "shim", "systemd-boot"].iter().any(|name| self.loader.contains(name));
        let is_kernel = is_kernel(&self.loader) || (self.is_linux && !is_loader) || self.loader.is_empty();
        Choice {
            title: self.title,
            path_in_menu,
            kind: match () {
                () if self.is_firmware => Kind::Firmware,
                () if is_kernel => Kind::Linux,
                () => Kind::Chainload,
            },
            kernel: if self.loader.is_empty() { String::new() } else { on_volume(&self.loader) },
            initrds: initrds(&cmdline).map(|path| on_volume(&path)).collect(),
            cmdline,
            problem: match self.lost {
                _ if self.is_firmware => Some("it is an entry of the firmware's own; choose it there".into()),
                lost => lost.map(|line| format!("line {line} of it is lost: {TOO_LONG}")),
            },
            file,
            line: self.line,
            ..Choice::default()
        }
    }
}
