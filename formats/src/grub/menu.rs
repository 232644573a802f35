//! The menu that a configuration makes: every entry run on a copy of its context, as if it had been chosen.

use std::rc::Rc;

use super::{
    Flavour,
    budget::{self, ENTRY_BASE},
    default,
    device::{Devices, Located},
    environment::Environment,
    environment_block::Change,
    evaluate::{Evaluator, Place, Shown, Stop},
    load::Loaded,
    syntax::Block,
};
use crate::entry::{FileReference, Lock};

/// Submenus nest no deeper than this.
const DEPTH_LIMIT: usize = 16;

/// The lock before what is for these users and the superusers; `None` unless `superusers` is set, be it to nobody
/// (grub-core/normal/auth.c).
pub(super) fn lock(evaluator: &Evaluator<'_>, environment: &Environment, users: &str) -> Option<Lock> {
    let superusers = environment.get("superusers")?;
    let is_separator = |character: char| character.is_ascii_whitespace() || ",;|&".contains(character);
    // As grub_strword() compares them, a name ends at its first separator.
    let is_named = |name: &str, list: &str| {
        let name = name.split(is_separator).next().unwrap_or_default();
        !name.is_empty() && list.split(is_separator).any(|word| word == name)
    };
    let may = |(name, _): &&(String, _)| is_named(name, &superusers) || is_named(name, users);
    Some(Lock { passwords: evaluator.users.iter().filter(may).filter_map(|(_, place)| *place).collect() })
}

/// Who may boot an entry once `superusers` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// Anybody.
    Anybody,
    /// The superusers and these.
    Named(String),
    /// Only the superusers.
    Superusers,
}

/// The body of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Its block.
    Block(Rc<Block>),
    /// The text given by `--source`.
    Text(Rc<str>),
}

impl Body {
    /// Length of its text, in bytes.
    fn length(&self) -> usize {
        match self {
            Self::Block(block) => block.text.len(),
            Self::Text(text) => text.len(),
        }
    }
}

/// A `menuentry`, `submenu` or `hiddenentry` as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// `--id`, or the title.
    pub id: String,
    /// The first argument.
    pub title: String,
    /// The title and further arguments: `$1` and so on for its body.
    pub arguments: Vec<String>,
    /// `--class`es in order.
    pub classes: Vec<String>,
    /// `--hotkey`.
    pub hotkey: Option<String>,
    /// `--users`, `--unrestricted`.
    pub users: Users,
    /// Declared by `submenu`.
    pub submenu: bool,
    /// Declared by `hiddenentry`.
    pub hidden: bool,
    /// The file that declares it.
    pub place: Place,
    /// The line on which it begins; 0 for an entry that is a file of its own (`blscfg`).
    pub line: u32,
    /// Its body.
    pub body: Body,
}

impl MenuItem {
    /// An entry for what a configuration boots without being asked; it loads nothing more.
    pub(super) fn of_configuration(place: &Place) -> Self {
        Self {
            id: place.path.to_string(),
            title: place.path.to_string(),
            arguments: vec![place.path.to_string()],
            classes: Vec::new(),
            hotkey: None,
            users: Users::Anybody,
            submenu: false,
            hidden: false,
            place: place.clone(),
            line: 1,
            body: Body::Text("".into()),
        }
    }
}

/// The effect of booting an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryAction {
    /// Starts what is loaded; with its command line.
    Boot(Loaded, String),
    /// `halt`, `reboot`, `fwsetup` or `exit`.
    Firmware(&'static str),
    /// Shows another menu.
    Submenu(Level),
    /// Nothing: GRUB comes back to the menu.
    Nothing,
}

/// An entry, its body run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuEntry {
    /// The value of GRUB's `chosen` when it boots: ids of the submenus and its own, joined by `>`.
    pub id: String,
    /// Title in the menu.
    pub title: String,
    /// `--class`es.
    pub classes: Vec<String>,
    /// `--hotkey`.
    pub hotkey: Option<String>,
    /// Not shown in the menu.
    pub hidden: bool,
    /// The file that declares it.
    pub file: FileReference,
    /// The line on which it begins; `None` for an entry that is a file of its own (`blscfg`).
    pub line: Option<u32>,
    /// GRUB asks for a password before it boots it, or before it shows the submenu that leads to it.
    pub lock: Option<Lock>,
    /// The effect of booting it.
    pub action: EntryAction,
    /// The changes that GRUB would have written to its environment blocks by then, in order.
    pub changes: Rc<Vec<Change>>,
    /// Why it cannot be booted.
    pub problem: Option<String>,
}

impl MenuEntry {
    /// The entry that boots when nobody is there: itself, or what a submenu's own default leads to.
    #[must_use]
    pub fn booted(&self) -> Option<&Self> {
        match &self.action {
            EntryAction::Submenu(level) => level.default_entry(),
            _ => Some(self),
        }
    }
}

/// One menu: of a configuration or of a submenu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Its entries in order.
    pub entries: Vec<MenuEntry>,
    /// The entry that boots on its own.
    pub default: Option<usize>,
}

impl Level {
    /// Has a password asked for before any of it.
    pub(super) fn lock(&mut self, lock: &Lock) {
        for entry in &mut self.entries {
            entry.lock = Some(both(entry.lock.take(), lock));
            if let EntryAction::Submenu(level) = &mut entry.action {
                level.lock(lock);
            }
        }
    }

    /// The entry that boots on its own, through all submenus.
    #[must_use]
    pub fn default_entry(&self) -> Option<&MenuEntry> {
        self.entries.get(self.default?)?.booted()
    }

    /// Each entry that is no submenu, with the titles of the submenus that lead to it.
    pub fn flat(&self) -> Vec<(Vec<&str>, &MenuEntry)> {
        let mut flat = Vec::new();
        for entry in &self.entries {
            match &entry.action {
                EntryAction::Submenu(level) => {
                    flat.extend(level.flat().into_iter().map(|(mut titles, inner)| {
                        titles.insert(0, &entry.title);
                        (titles, inner)
                    }));
                }
                _ => flat.push((Vec::new(), entry)),
            }
        }
        flat
    }
}

/// Runs every entry of a menu. `automatic`: the menu was reached by nobody's key.
pub fn level(evaluator: &mut Evaluator<'_>, shown: &Shown, automatic: bool, depth: usize) -> Level {
    let wanted = shown.environment.value("default");
    let chosen = default::resolve(&wanted, &shown.items, evaluator.flavour);
    let mut context = shown.environment.clone();
    context.settle();
    let mut entries = Vec::with_capacity(shown.items.len());
    let mut level_default = None;
    let mut lost: Option<&MenuItem> = None;
    for (index, item) in shown.items.iter().enumerate() {
        let default = chosen == Some(index);
        if evaluator.fuel == 0 && !(default && automatic) {
            lost = lost.or(Some(item));
            continue;
        }
        let entry = run(evaluator, &context, item, default && automatic, depth);
        if default {
            level_default = Some(entries.len());
        }
        entries.push(entry);
    }
    if let Some(first) = lost {
        let (kept, all) = (entries.len(), shown.items.len());
        evaluator.place = first.place.clone();
        let message = format!(
            "the entries together run too long: {kept} of {all} are kept, from here on they are lost"
        );
        evaluator.warn_always(first.line, message);
    }
    Level { entries, default: level_default }
}

fn run(
    evaluator: &mut Evaluator<'_>,
    context: &Environment,
    item: &MenuItem,
    automatic: bool,
    depth: usize,
) -> MenuEntry {
    let own = ENTRY_BASE.saturating_add(budget::work(item.body.length()));
    // What boots when nobody is there is run whatever the others have cost.
    let budget = if automatic { own } else { own.min(evaluator.fuel) };
    let earned = evaluator.account.work();
    let mut copy = evaluator.for_entry(context.clone(), budget);
    // GRUB asks before it makes a submenu's own context.
    let own = match &item.users {
        Users::Anybody => None,
        Users::Named(users) => lock(evaluator, context, users),
        Users::Superusers => lock(evaluator, context, ""),
    };
    let id = enter(&mut copy, item, automatic);
    copy.run_entry(item);
    let lock = match copy.asked.take() {
        Some(asked) => Some(both(own, &asked)),
        None => own,
    };
    let earned = evaluator.account.work().saturating_sub(earned);
    evaluator.fuel = evaluator.fuel.saturating_add(earned).saturating_sub(copy.spent);
    let shown = match copy.stop.take() {
        Some(Stop::Firmware(action)) => Err((EntryAction::Firmware(action), None)),
        // Of a menu that is too long, what was made before its end is there.
        Some(Stop::Exhausted) if !copy.menu.is_empty() => Ok(copy.shown()),
        Some(Stop::Exhausted) => Err((EntryAction::Nothing, Some("runs too long".to_owned()))),
        Some(Stop::Menu(shown)) => Ok(shown),
        None | Some(Stop::Boot) if item.submenu && copy.loaded.is_none() => Ok(copy.shown()),
        None | Some(Stop::Boot) => Err(match copy.loaded.take() {
            Some(loaded) => {
                let problem = loaded.problem.clone();
                let cmdline = loaded.cmdline(evaluator.flavour.keep_hex_escapes);
                (EntryAction::Boot(loaded, cmdline), problem)
            }
            None => (EntryAction::Nothing, Some("loads nothing".to_owned())),
        }),
    };
    evaluator.warnings.append(&mut copy.warnings);
    let changes = copy.changes.clone();
    let (mut action, problem) = match shown {
        Err((EntryAction::Boot(Loaded { follow: Some(configuration), .. }, _), None))
            if depth < DEPTH_LIMIT =>
        {
            follow(evaluator, *configuration, automatic, depth)
        }
        Ok(_) if depth >= DEPTH_LIMIT => (EntryAction::Nothing, Some("menus nest too deeply".to_owned())),
        Ok(shown) => {
            copy.fuel = evaluator.fuel;
            let level = level(&mut copy, &shown, automatic, depth.saturating_add(1));
            evaluator.fuel = copy.fuel;
            evaluator.warnings.append(&mut copy.warnings);
            (EntryAction::Submenu(level), None)
        }
        Err(done) => done,
    };
    if let (Some(lock), EntryAction::Submenu(level)) = (&lock, &mut action) {
        level.lock(lock);
    }
    MenuEntry {
        id,
        title: item.title.clone(),
        classes: item.classes.clone(),
        hotkey: item.hotkey.clone(),
        hidden: item.hidden,
        file: evaluator.lookup.reference(item.place.volume, &item.place.path),
        line: (item.line > 0).then_some(item.line),
        lock,
        action,
        changes,
        problem,
    }
}

/// The lock before what has one lock, and another if there is one.
pub(super) fn both(one: Option<Lock>, other: &Lock) -> Lock {
    one.map_or_else(|| other.clone(), |one| one.with(other))
}

/// The menu of another GRUB, which knows nothing of this one's variables.
fn follow(
    evaluator: &mut Evaluator<'_>,
    Located { volume, path, .. }: Located,
    automatic: bool,
    depth: usize,
) -> (EntryAction, Option<String>) {
    let flavour = Flavour::by_words(&path).unwrap_or(evaluator.flavour);
    let place = Place { volume, path: path.as_str().into() };
    let devices = Devices::new(volume, &path);
    let mut other = Evaluator::new(evaluator.lookup, evaluator.facts, flavour, devices, place);
    (other.fuel, other.chained) = (evaluator.fuel, true);
    other.account = evaluator.account.clone();
    let shown = super::start(&mut other);
    let done = match shown {
        Ok(shown) if shown.items.is_empty() => Err(format!("{path}: a GRUB without entries")),
        Ok(shown) => Ok(level(&mut other, &shown, automatic, depth.saturating_add(1))),
        Err(failure) => Err(failure.message),
    };
    evaluator.fuel = other.fuel;
    evaluator.warnings.append(&mut other.warnings);
    match done {
        Ok(level) => (EntryAction::Submenu(level), None),
        Err(problem) => (EntryAction::Nothing, Some(problem)),
    }
}

/// Makes the context of an entry that was chosen, and gives its id: `chosen`, and the part of `default` that is for
/// its own menu.
fn enter(evaluator: &mut Evaluator<'_>, item: &MenuItem, automatic: bool) -> String {
    let wanted = evaluator.environment.value("default");
    let own = item.id.replace('>', ">>");
    let chosen = match evaluator.environment.get("chosen") {
        Some(outer) => format!("{outer}>{own}"),
        None => own,
    };
    if item.submenu {
        evaluator.environment = evaluator.environment.exported();
        if automatic {
            evaluator.environment.set("timeout", "0");
        }
    }
    evaluator.environment.set("chosen", &chosen);
    evaluator.environment.export("chosen");
    match default::behind_first(&wanted) {
        Some(rest) if !rest.is_empty() => evaluator.environment.set("default", rest),
        _ => evaluator.environment.unset("default"),
    }
    chosen
}
