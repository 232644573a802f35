//! Running statements: control flow, functions, contexts, and the budget that ends every script.

use std::{fmt, rc::Rc};

use super::{
    Facts, Flavour,
    budget::{self, Account, BASE, LOOK, NODE, PER_FILE, STEP},
    commands::{self, Call},
    device::{Devices, Located},
    environment::Environment,
    environment_block::Change,
    expand,
    failure::{CommandFailure, Status},
    glob,
    load::Loaded,
    menu::MenuItem,
    syntax::{Command, Part, Statement},
};
use crate::{
    entry::{Lock, Warning},
    lookup::Lookup,
    name_table::{NameNumbers, NameTable},
};

/// Functions, sources and evaluated texts nest no deeper than this, as in GRUB.
const CALL_LIMIT: u32 = 64;

/// All that nests, compound commands included: what the stack is good for.
const DEPTH_LIMIT: u32 = 256;

/// Maximum number of warnings.
const WARNING_LIMIT: usize = 200;

/// Maximum size of one, in bytes: it quotes the script.
const MESSAGE_LIMIT: usize = 1 << 10;

/// A function and the file that it was written in.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) body: Rc<[Statement]>,
    pub(super) place: Place,
}

/// A file being run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its volume, as in [`Lookup::volumes`].
    pub volume: usize,
    /// Its path.
    pub path: Rc<str>,
}

/// Why nothing more is run.
#[derive(Clone, Debug)]
pub enum Stop {
    /// `boot`: what is loaded is started.
    Boot,
    /// `halt`, `reboot`, `fwsetup`, `exit`.
    Firmware(&'static str),
    /// `configfile` showed a menu of its own.
    Menu(Shown),
    /// The budget is used up.
    Exhausted,
}

/// A menu, and the context in which its entries run.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Its entries.
    pub items: Vec<MenuItem>,
    /// The variables at the end of the configuration.
    pub environment: Environment,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    /// Loops being run in this function.
    loops: u64,
    /// Loops still to leave.
    pub(super) breaks: u64,
    /// The innermost of these is not left, but goes on with its next turn.
    continuing: bool,
    pub(super) returning: bool,
}

/// The state of a script that is run.
pub struct Evaluator<'a> {
    pub(super) lookup: &'a dyn Lookup,
    pub(super) facts: Facts,
    pub(super) flavour: &'static Flavour,
    pub(super) devices: Devices,
    pub(super) environment: Environment,
    pub(super) functions: Rc<NameTable<Function>>,
    pub(super) parameters: Option<Rc<Vec<String>>>,
    status: u64,
    pub(super) flow: Flow,
    depth: u32,
    calls: u32,
    /// Work that is left, and work that was done.
    pub(super) fuel: u64,
    pub(super) spent: u64,
    pub(super) account: Account,
    /// The files that one entry has read; `None` outside of entries.
    reads: Option<NameNumbers>,
    pub(super) stop: Option<Stop>,
    pub(super) place: Place,
    pub(super) line: u32,
    /// Set while a text that is no file runs.
    pub(super) fixed_line: Option<u32>,
    /// Entries of the menu being built.
    pub(super) menu: Vec<MenuItem>,
    /// The files that the loader commands have loaded.
    pub(super) loaded: Option<Loaded>,
    pub(super) changes: Rc<Vec<Change>>,
    pub(super) warnings: Vec<Warning>,
    /// Wildcards are expanded only where the module `regexp` is.
    pub(super) wildcards: bool,
    /// This is the GRUB that another one has started.
    pub(super) chained: bool,
    /// The users and the places of their passwords; `None` for one who cannot log in.
    pub(super) users: Rc<Vec<(String, Option<usize>)>>,
    /// The script has asked for a password.
    pub(super) asked: Option<Lock>,
    /// It has run `blscfg`.
    pub(super) uses_entry_files: bool,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that has run nothing yet.
    pub(super) fn new(
        lookup: &'a dyn Lookup,
        facts: Facts,
        flavour: &'static Flavour,
        devices: Devices,
        place: Place,
    ) -> Self {
        Self {
            lookup,
            facts,
            flavour,
            devices,
            environment: Environment::default(),
            functions: Rc::default(),
            parameters: None,
            status: 0,
            flow: Flow::default(),
            depth: 0,
            calls: 0,
            fuel: BASE,
            spent: 0,
            account: Account::default(),
            reads: None,
            stop: None,
            place,
            line: 1,
            fixed_line: None,
            menu: Vec::new(),
            loaded: None,
            changes: Rc::default(),
            warnings: Vec::new(),
            wildcards: false,
            chained: false,
            users: Rc::default(),
            asked: None,
            uses_entry_files: false,
        }
    }

    /// A copy for the body of one entry of a menu: what it declares, loads and complains of is its own. It costs the same
    /// however much has been declared and complained of before.
    pub(super) fn for_entry(&self, environment: Environment, fuel: u64) -> Self {
        Self {
            lookup: self.lookup,
            facts: self.facts,
            flavour: self.flavour,
            devices: self.devices.clone(),
            environment,
            functions: self.functions.clone(),
            parameters: None,
            status: self.status,
            flow: Flow::default(),
            depth: self.depth,
            calls: self.calls,
            fuel,
            spent: 0,
            account: self.account.clone(),
            reads: Some(NameNumbers::default()),
            stop: None,
            place: self.place.clone(),
            line: self.line,
            fixed_line: self.fixed_line,
            menu: Vec::new(),
            loaded: self.loaded.clone(),
            changes: self.changes.clone(),
            warnings: Vec::new(),
            wildcards: self.wildcards,
            chained: self.chained,
            users: self.users.clone(),
            asked: None,
            uses_entry_files: false,
        }
    }

    /// The value of `$?`.
    #[must_use]
    pub fn status(&self) -> u64 {
        self.status
    }

    /// The arguments of the function or entry being run.
    #[must_use]
    pub fn parameters(&self) -> Option<&[String]> {
        self.parameters.as_ref().map(|parameters| parameters.as_slice())
    }

    pub(super) fn set_parameters(&mut self, parameters: Vec<String>) {
        self.parameters = Some(Rc::new(parameters));
    }

    /// Line being run, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Pays for work; what cannot be paid for ends the script.
    pub fn spend(&mut self, units: usize) {
        self.fuel = self.fuel.saturating_sub(units as u64);
        self.spent = self.spent.saturating_add(units as u64);
        if self.fuel == 0 && self.stop.is_none() {
            self.stop = Some(Stop::Exhausted);
            let kept = match self.menu.len() {
                0 => String::new(),
                1 => "; the entry before it is kept".to_owned(),
                count => format!("; the {count} entries before it are kept"),
            };
            self.warn_always(self.line, format!("this runs too long and was cut off here{kept}"));
        }
    }

    /// Pays for what has been parsed.
    pub(super) fn spend_nodes(&mut self, nodes: usize) {
        let units = if self.account.keep(nodes) { nodes.saturating_mul(NODE) } else { usize::MAX };
        self.spend(units);
    }

    /// Takes the work that a file allows for which is read now. For an entry every file counts that it has not read itself: what
    /// it does with them is in the account of all.
    pub(super) fn earn(&mut self, volume: usize, path: &str, length: usize) {
        let file = budget::file_name(volume, path);
        let is_new = self.reads.as_mut().map(|reads| reads.is_new(file.clone()));
        let of_all = self.account.read(file, length);
        let own = match is_new {
            None => of_all,
            Some(true) => budget::work(length).saturating_add(PER_FILE),
            Some(false) => 0,
        };
        self.fuel = self.fuel.saturating_add(own);
    }

    /// Pays for a question to a file system.
    pub fn spend_lookup(&mut self) {
        self.spend(LOOK);
    }

    /// Tells what was lost at the line being run.
    pub fn warn(&mut self, message: impl fmt::Display) {
        self.warn_at(self.line, message);
    }

    /// The message is made only where there is room for it: a script may earn one with each line.
    pub(super) fn warn_at(&mut self, line: u32, message: impl fmt::Display) {
        if self.warnings.len() < WARNING_LIMIT {
            self.warn_always(line, message.to_string());
        }
    }

    /// Tells of a loss that must not get lost among others.
    pub(super) fn warn_always(&mut self, line: u32, mut message: String) {
        if message.len() > MESSAGE_LIMIT {
            message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
            message.push('…');
        }
        self.warnings.push(Warning {
            volume: self.lookup.volume_reference(self.place.volume),
            path: self.place.path.to_string(),
            line: Some(line),
            message,
        });
    }

    /// The menu that has been made.
    pub(super) fn shown(&mut self) -> Shown {
        Shown { items: std::mem::take(&mut self.menu), environment: self.environment.clone() }
    }

    /// Runs statements; the status is that of the last.
    pub fn run_list(&mut self, statements: &[Statement]) -> u64 {
        let mut status = 0;
        for statement in statements {
            if self.flow.breaks > 0 || self.stop.is_some() {
                break;
            }
            status = self.run(statement);
            if self.flow.returning {
                break;
            }
        }
        status
    }

    fn run(&mut self, statement: &Statement) -> u64 {
        self.spend(STEP);
        if self.stop.is_some() {
            return self.status;
        }
        self.line = self.fixed_line.unwrap_or(statement.line);
        self.depth = self.depth.saturating_add(1);
        let status = if self.depth > DEPTH_LIMIT {
            self.fail(&CommandFailure::new(Status::Recursion, "this nests too deeply"))
        } else {
            self.command(&statement.command)
        };
        self.depth = self.depth.saturating_sub(1);
        self.status = status;
        status
    }

    fn command(&mut self, command: &Command) -> u64 {
        match command {
            Command::Simple(words) => self.simple(words),
            Command::If { branches, otherwise } => {
                for (condition, body) in branches {
                    let status = self.run_list(condition);
                    if self.flow.returning || self.stop.is_some() {
                        return status;
                    }
                    if self.status == 0 {
                        return self.run_list(body);
                    }
                }
                self.run_list(otherwise)
            }
            Command::For { name, words, body } => self.for_loop(name, words, body),
            Command::While { until, condition, body } => self.while_loop(*until, condition, body),
        }
    }

    fn for_loop(&mut self, name: &str, words: &[Part], body: &[Statement]) -> u64 {
        let values = expand::expand(self, words).words;
        self.flow.loops = self.flow.loops.saturating_add(1);
        let mut status = 0;
        for value in values {
            if self.flow.continuing && self.flow.breaks == 1 {
                self.flow.breaks = 0;
            }
            if self.flow.breaks > 0 || self.stop.is_some() {
                break;
            }
            self.environment.set(name, &value);
            status = self.run_list(body);
            if self.flow.returning {
                break;
            }
        }
        self.leave_loop();
        status
    }

    fn while_loop(&mut self, until: bool, condition: &[Statement], body: &[Statement]) -> u64 {
        self.flow.loops = self.flow.loops.saturating_add(1);
        let mut status;
        loop {
            status = self.run_list(condition);
            if self.flow.returning || self.stop.is_some() || (status == 0) == until {
                break;
            }
            status = self.run_list(body);
            if self.flow.continuing && self.flow.breaks == 1 {
                self.flow.breaks = 0;
            }
            if self.flow.breaks > 0 || self.flow.returning || self.stop.is_some() {
                break;
            }
        }
        self.leave_loop();
        status
    }

    fn leave_loop(&mut self) {
        self.flow.breaks = self.flow.breaks.saturating_sub(1);
        self.flow.loops = self.flow.loops.saturating_sub(1);
    }

    fn simple(&mut self, words: &[Part]) -> u64 {
        let arguments = expand::expand(self, words);
        let Some((name, words)) = arguments.words.split_first() else {
            return 0;
        };
        self.invoke(name, words, arguments.block)
    }

    /// Runs a command by its name: a command of GRUB's, a function, or an assignment.
    pub(super) fn invoke(
        &mut self,
        name: &str,
        words: &[String],
        block: Option<Rc<super::syntax::Block>>,
    ) -> u64 {
        if name == "!" {
            let Some((name, words)) = words.split_first() else {
                return self.fail(&CommandFailure::usage("“!” without a command"));
            };
            return match self.invoke_plain(name, words, block) {
                None => 0,
                Some(0) => Status::False as u64,
                Some(_) => 0,
            };
        }
        self.invoke_plain(name, words, block).unwrap_or(0)
    }

    /// `None` if there is no such command: GRUB complains and goes on as if it had succeeded.
    fn invoke_plain(
        &mut self,
        name: &str,
        words: &[String],
        block: Option<Rc<super::syntax::Block>>,
    ) -> Option<u64> {
        if let Some(handler) = commands::find(name) {
            let call = Call { name, words, block };
            return Some(match handler(self, &call) {
                Ok(()) => 0,
                Err(failure) => self.fail(&failure),
            });
        }
        if let Some(function) = self.functions.get(name) {
            let function = function.clone();
            return Some(self.call(&function, words));
        }
        if let Some((name, value)) = name.split_once('=') {
            self.environment.set(name, value);
        } else {
            self.warn(format_args!("unknown command “{name}”"));
        }
        None
    }

    fn call(&mut self, function: &Function, words: &[String]) -> u64 {
        let place = std::mem::replace(&mut self.place, function.place.clone());
        let line = self.line;
        let parameters = self.parameters.replace(Rc::new(words.to_vec()));
        let flow = std::mem::take(&mut self.flow);
        let status = self.nest(|evaluator| evaluator.run_list(&function.body));
        self.flow = flow;
        self.parameters = parameters;
        self.line = line;
        self.place = place;
        status.unwrap_or_else(|failure| self.fail(&failure))
    }

    /// Runs something one level deeper.
    pub(super) fn nest<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> Result<T, CommandFailure> {
        if self.calls >= CALL_LIMIT {
            return Err(CommandFailure::new(Status::Recursion, "this calls itself without end"));
        }
        self.calls = self.calls.saturating_add(1);
        let result = run(self);
        self.calls = self.calls.saturating_sub(1);
        Ok(result)
    }

    /// Tells why a command failed and gives its status.
    pub(super) fn fail(&mut self, failure: &CommandFailure) -> u64 {
        if !failure.message.is_empty() {
            self.warn(&failure.message);
        }
        failure.status
    }

    /// Files that match a word with wildcards at the given places; none if it stands for itself.
    pub(super) fn matching(&mut self, word: &str, wild: &[usize]) -> Vec<String> {
        if !self.wildcards || !word.starts_with(['/', '(', '*']) {
            return Vec::new();
        }
        self.spend_lookup();
        glob::matching(self, word, wild)
    }

    /// The file that a path of the script means: on `$root` unless it names its device.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<Located> {
        let value = |name: &str| self.environment.value(name);
        let subvolume = value("btrfs_subvol");
        let is_relative = value("btrfs_relative_path").starts_with(['1', 'y']);
        self.devices.locate(self.lookup, &value("root"), is_relative.then_some(&*subvolume), path)
    }

    pub(super) fn enter_loop_control(&mut self, count: u64, continuing: bool) {
        self.flow.breaks = self.flow.loops.min(count);
        self.flow.continuing = continuing;
    }

    pub(super) fn leave_function(&mut self) {
        self.flow.returning = true;
    }
}
