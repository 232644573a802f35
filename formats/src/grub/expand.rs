//! Words to arguments: variables, splitting, and file names that match a wildcard (GNU GRUB manual, "Variable
//! expansion").

use std::rc::Rc;

use super::{
    evaluate::Evaluator,
    syntax::{Block, Part},
};

/// Maximum size of the arguments of one command after expansion, in bytes; a block is not counted.
const SIZE_LIMIT: usize = 256 << 10;

/// The arguments of one command.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Name and arguments; a block is among them as text.
    pub words: Vec<String>,
    /// The block after the arguments.
    pub block: Option<Rc<Block>>,
}

/// Arguments in the making.
#[derive(Default)]
struct Fields {
    words: Vec<String>,
    /// The last word is not at its end.
    open: bool,
    /// Where a `*` or `?` is a wildcard: the word and the place in it. `None` where no wildcard is expanded.
    wild: Option<Vec<(usize, usize)>>,
    /// Bytes of the arguments, those for which there is no room too.
    size: usize,
}

impl Fields {
    /// Whether there is room for more text.
    fn has_room(&mut self, text: &str) -> bool {
        self.size = self.size.saturating_add(text.len());
        self.size <= SIZE_LIMIT
    }

    fn append(&mut self, text: &str, quoted: bool) {
        if !self.open {
            self.open = true;
            self.words.push(String::with_capacity(text.len()));
        }
        let word = self.words.len().saturating_sub(1);
        let Some(field) = self.words.last_mut() else { return };
        if let Some(wild) = self.wild.as_mut().filter(|_| !quoted) {
            let at = field.len();
            let places = text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'*' | b'?'));
            wild.extend(places.map(|(index, _)| (word, at.saturating_add(index))));
        }
        field.push_str(text);
    }

    /// Ends the argument; one that was never begun is none.
    fn next(&mut self) {
        self.open = false;
    }

    /// The pieces between spaces: the first joins what comes before it.
    fn append_split(&mut self, text: &str) {
        for (index, piece) in text.split(is_blank).filter(|piece| !piece.is_empty()).enumerate() {
            if index > 0 {
                self.next();
            }
            self.append(piece, false);
        }
    }
}

/// Spaces as C's `isspace` has them.
#[must_use]
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Expands words to arguments.
pub fn expand(evaluator: &mut Evaluator<'_>, words: &[Part]) -> Arguments {
    let mut fields = Fields { wild: evaluator.wildcards.then(Vec::new), ..Fields::default() };
    let mut block = None;
    for part in words {
        match part {
            Part::Plain(text) if fields.has_room(text) => fields.append(text, false),
            Part::Quoted(text) if fields.has_room(text) => fields.append(text, true),
            Part::Plain(_) | Part::Quoted(_) => {}
            Part::Variable { name, quoted } => variable(evaluator, &mut fields, name, *quoted),
            Part::Block(it) => {
                fields.append(&it.text, true);
                block = Some(it.clone());
            }
            Part::Gap => fields.next(),
        }
    }
    if fields.size > SIZE_LIMIT {
        // Half a value is none: the script ends here.
        evaluator.spend(usize::MAX);
        return Arguments::default();
    }
    evaluator.spend(fields.words.iter().map(String::len).fold(0, usize::saturating_add));
    let words = match fields.wild {
        Some(wild) if !wild.is_empty() => matched(evaluator, fields.words, &wild),
        _ => fields.words,
    };
    Arguments { words, block }
}

/// Puts the files that match in the place of each word with wildcards that matches any.
fn matched(evaluator: &mut Evaluator<'_>, words: Vec<String>, wild: &[(usize, usize)]) -> Vec<String> {
    let mut expanded = Vec::with_capacity(words.len());
    for (index, word) in words.into_iter().enumerate() {
        let places: Vec<usize> =
            wild.iter().filter(|(at, _)| *at == index).map(|(_, place)| *place).collect();
        let matches = if places.is_empty() { Vec::new() } else { evaluator.matching(&word, &places) };
        if matches.is_empty() {
            expanded.push(word);
        } else {
            expanded.extend(matches);
        }
    }
    expanded
}

fn variable(evaluator: &Evaluator<'_>, fields: &mut Fields, name: &str, quoted: bool) {
    let parameters = evaluator.parameters();
    match (name, parameters) {
        ("@", Some(parameters)) if quoted => {
            for (index, value) in parameters.iter().enumerate() {
                if index > 0 {
                    fields.next();
                }
                append(fields, value, true);
            }
        }
        ("*" | "@", Some(parameters)) => append(fields, &parameters.join(" "), quoted),
        ("#", Some(parameters)) => append(fields, &parameters.len().to_string(), quoted),
        ("?", _) => append(fields, &evaluator.status().to_string(), quoted),
        (_, Some(parameters)) if name.starts_with(|c: char| c.is_ascii_digit()) => {
            let index = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            append(fields, index.and_then(|index| parameters.get(index)).map_or("", String::as_str), quoted);
        }
        _ => append(fields, &evaluator.environment.value(name), quoted),
    }
}

fn append(fields: &mut Fields, value: &str, quoted: bool) {
    match fields.has_room(value) {
        true if quoted => fields.append(value, true),
        true => fields.append_split(value),
        false => {}
    }
}
