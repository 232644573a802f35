//! The list of entries: the mode at the bottom of the stack. A row is selected by moving to it or by typing its number.

use std::ops::Range;

use super::{
    MenuChoice, Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::{Entries, Row},
};
use crate::ui::{keys::Key, screen::Picture, titles, wrap::measure};

/// Maximum digits in a typed row number.
const DIGITS: usize = 4;

/// Rows that Page Up and Page Down move by.
const PAGE: usize = 10;

/// Rows in which there is no room to say how many more there are.
const LEAST: usize = 5;

/// Minimum number of columns between a title and what stands at the end of the row.
const END_GAP: usize = 2;

/// Columns of an age (`119 minutes`), so that versions stand below each other.
const AGE_WIDTH: usize = 11;

/// The share of a row, as its divisor, that the problem may take from a long title.
const PROBLEM_PART: usize = 3;

#[derive(Debug, Default)]
pub(super) struct List {
    /// Digits of a row number that is being typed.
    typed: String,
}

impl List {
    /// Another mode gets the digits from now on.
    pub(super) fn forget_number(&mut self) {
        self.typed.clear();
    }
}

impl Mode for List {
    fn name(&self) -> ModeName {
        ModeName::List
    }

    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = rows(entries, room, columns);
        if !self.typed.is_empty() {
            let digits = entries.rows().len().to_string().len();
            rows.truncate(room.saturating_sub(1));
            rows.push(format!("  {:>digits$}_", self.typed));
        }
        rows.into()
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, entries: &mut Entries) -> Step {
        // Any key but these ends the number.
        let mut typed = std::mem::take(&mut self.typed);
        match (command, key) {
            (Some(KeyCommand::Boot), _) => {
                if typed.is_empty() || select_number(&typed, entries) {
                    if entries.open() {
                        return Step::Done;
                    }
                    entries.keep();
                    let id = entries.selected().map(|item| item.id.clone());
                    return id.map_or(Step::Done, |id| Step::Choose(MenuChoice::Boot(id)));
                }
            }
            (Some(KeyCommand::Digit), Key::Character(digit)) => {
                if typed.len() < DIGITS {
                    typed.push(digit);
                }
                select_number(&typed, entries);
                self.typed = typed;
            }
            (Some(KeyCommand::EraseDigit), _) => {
                typed.pop();
                self.typed = typed;
            }
            (Some(KeyCommand::CloseSubmenu), _) => drop(entries.close()),
            (Some(KeyCommand::Up), _) => entries.select(entries.place().saturating_sub(1)),
            (Some(KeyCommand::Down), _) => entries.select(entries.place().saturating_add(1)),
            (Some(KeyCommand::PageUp), _) => entries.select(entries.place().saturating_sub(PAGE)),
            (Some(KeyCommand::PageDown), _) => entries.select(entries.place().saturating_add(PAGE)),
            (Some(KeyCommand::First), _) => entries.select(0),
            (Some(KeyCommand::Last), _) => entries.select(usize::MAX),
            (None, key) => {
                let with_key = entries.items().iter().position(|item| item.hotkey == Some(key));
                let id = with_key.and_then(|place| entries.items().get(place)).map(|item| item.id.clone());
                let Some(id) = id else { return Step::Pass };
                with_key.into_iter().for_each(|place| entries.select_item(place));
                return Step::Choose(MenuChoice::Boot(id));
            }
            _ => return Step::Pass,
        }
        Step::Done
    }
}

/// The rows around the selected one, as many as there is room for, below the title of the submenu that is open. Those of several
/// systems are below headings.
pub(super) fn rows(entries: &Entries, room: usize, columns: usize) -> Vec<String> {
    let mut picture = Vec::new();
    if let Some((last, above)) = entries.open_submenu().split_last() {
        let title = titles::joined(above, last);
        picture = titles::fitting(&[(&title, columns.saturating_sub(1))]);
    }
    let room = room.saturating_sub(picture.len());
    let lines = lines(entries, room);
    let selected = lines.iter().position(|line| *line == Line::Row(entries.place())).unwrap_or(0);
    let window = window(lines.len(), selected, room);
    let digits = entries.rows().len().to_string().len();
    let shown: Vec<ShownRow> = entries.rows().iter().map(|row| shown(entries, row)).collect();
    // Before a title come two marks, the number and two spaces; the last column stays free.
    let room_for_title = columns.saturating_sub(digits.saturating_add(5));
    let limits = shown.iter().map(|row| {
        let remark = row.remark.chars().count();
        let remark = if row.is_whole { remark } else { remark.min(room_for_title / PROBLEM_PART) };
        (row.title, room_for_title.saturating_sub(remark))
    });
    let titles = titles::fitting(&limits.collect::<Vec<_>>());
    let text = |line: &Line| match *line {
        Line::Heading(heading) => titles::fitting(&[(heading, columns.saturating_sub(1))]).concat(),
        Line::Row(place) => {
            let pointer = if place == entries.place() { '>' } else { ' ' };
            let default = if shown.get(place).is_some_and(|row| row.default) { '*' } else { ' ' };
            let title = titles.get(place).map_or("", String::as_str);
            let (remark, version, age) =
                shown.get(place).map_or(("", "", ""), |row| (row.remark.as_str(), row.version, row.age));
            let row = format!("{pointer}{default}{:>digits$}  {title}{remark}", place.saturating_add(1));
            with_end(row, version, age, columns.saturating_sub(1))
        }
    };
    let (above, inside) = lines.split_at_checked(window.start).unwrap_or_default();
    let (inside, below) = inside.split_at_checked(window.len()).unwrap_or_default();
    let more = |lines: &[Line], where_| {
        let count = lines.iter().filter(|line| matches!(line, Line::Row(_))).count();
        (count > 0 && room >= LEAST).then(|| format!("  ... {count} more {where_}"))
    };
    picture.extend(more(above, "above"));
    picture.extend(inside.iter().map(text));
    picture.extend(more(below, "below"));
    picture
}

/// A row with the version and the age at its end, where there is room for them. The version is left out where the title says it.
fn with_end(row: String, version: &str, age: &str, columns: usize) -> String {
    let version = if row.contains(version) { "" } else { version };
    let both = if age.is_empty() { version.to_owned() } else { format!("{version}  {age:>AGE_WIDTH$}") };
    for end in [both.trim_start(), version] {
        let gap = columns.saturating_sub(measure(&row)).saturating_sub(measure(end));
        if !end.is_empty() && gap >= END_GAP {
            return format!("{row}{:gap$}{end}", "");
        }
    }
    row
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    /// What the rows below belong to.
    Heading(&'a str),
    /// The row at this place.
    Row(usize),
}

/// The rows, with headings where they belong to several systems and there is room.
fn lines(entries: &Entries, room: usize) -> Vec<Line<'_>> {
    let groups = entries.rows().iter().map(|row| entries.group(row));
    let mut lines: Vec<Line> = Vec::new();
    let mut before = "";
    for (place, group) in groups.enumerate() {
        if group != before {
            lines.push(Line::Heading(group));
            before = group;
        }
        lines.push(Line::Row(place));
    }
    let is_heading = |line: &Line| matches!(line, Line::Heading(_));
    if room < LEAST || lines.iter().filter(|line| is_heading(line)).count() < 2 {
        lines.retain(|line| !is_heading(line));
    }
    lines
}

/// The lines around the selected one that are shown in a space of so many, where a line above and one below says how many more
/// rows there are.
fn window(count: usize, place: usize, room: usize) -> Range<usize> {
    if count <= room {
        return 0..count;
    }
    let size = if room < LEAST { room } else { room.saturating_sub(2) };
    let first = place.saturating_sub(size / 2).min(count.saturating_sub(size));
    let end = first.saturating_add(size);
    match (first, count.saturating_sub(end)) {
        _ if room < LEAST => first..end,
        (0, _) => 0..room.saturating_sub(1),
        (_, 0) => count.saturating_sub(room.saturating_sub(1))..count,
        _ => first..end,
    }
}

struct ShownRow<'a> {
    title: &'a str,
    /// What follows the title.
    remark: String,
    /// The title makes room for all of the remark.
    is_whole: bool,
    default: bool,
    version: &'a str,
    age: &'a str,
}

fn shown<'a>(entries: &'a Entries, row: &'a Row) -> ShownRow<'a> {
    match row {
        Row::Submenu { title, places, default } => {
            let count = places.len();
            let remark = if count == 1 { " > 1 entry".to_owned() } else { format!(" > {count} entries") };
            ShownRow { title, remark, is_whole: true, default: *default, version: "", age: "" }
        }
        Row::Item(place) => {
            let item = entries.items().get(*place);
            let problem = item.and_then(|item| item.problem.as_ref());
            ShownRow {
                title: item.map_or("", |item| item.title.as_str()),
                remark: problem.map_or_else(String::new, |problem| format!(" ({problem})")),
                is_whole: false,
                default: item.is_some_and(|item| item.default),
                version: item.map_or("", |item| item.version.as_str()),
                age: item.map_or("", |item| item.age.as_str()),
            }
        }
    }
}

/// Selects the row with this number, counted from 1, if there is one.
fn select_number(digits: &str, entries: &mut Entries) -> bool {
    let place = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let place = place.filter(|place| *place < entries.rows().len());
    place.into_iter().for_each(|place| entries.select(place));
    place.is_some()
}
