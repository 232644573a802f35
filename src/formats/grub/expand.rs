//! Words to arguments: variables, splitting, and file names that match a wildcard (GNU GRUB manual, "Variable
//! expansion").

use std::rc::Rc;

use super::{
    evaluate::Evaluator,
    syntax::{Block, Part, Word},
};

/// The arguments of one command.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Name and arguments; a block stands among them as text.
    pub words: Vec<String>,
    /// The block behind the arguments.
    pub block: Option<Rc<Block>>,
}

/// One argument in the making.
#[derive(Default)]
struct Field {
    text: String,
    /// Where in `text` a `*` or `?` is a wildcard.
    wild: Vec<usize>,
}

#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
}

impl Fields {
    fn append(&mut self, text: &str, quoted: bool) {
        let field = self.current.get_or_insert_default();
        if !quoted {
            let at = field.text.len();
            let wild = text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'*' | b'?'));
            field.wild.extend(wild.map(|(index, _)| at.saturating_add(index)));
        }
        field.text.push_str(text);
    }

    /// Ends the argument; one that was never begun is none.
    fn next(&mut self) {
        self.done.extend(self.current.take());
    }

    /// The pieces between blanks: the first joins what stands before it.
    fn append_split(&mut self, text: &str) {
        for (index, piece) in text.split(is_blank).filter(|piece| !piece.is_empty()).enumerate() {
            if index > 0 {
                self.next();
            }
            self.append(piece, false);
        }
    }
}

/// What C's `isspace` takes for a blank.
#[must_use]
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Expands words to arguments.
pub fn expand(evaluator: &mut Evaluator<'_>, words: &[Word]) -> Arguments {
    let mut fields = Fields::default();
    let mut block = None;
    for word in words {
        fields.next();
        for part in word {
            match part {
                Part::Plain(text) => fields.append(text, false),
                Part::Quoted(text) => fields.append(text, true),
                Part::Variable { name, quoted } => variable(evaluator, &mut fields, name, *quoted),
                Part::Block(it) => {
                    fields.append(&it.text, true);
                    block = Some(it.clone());
                }
            }
        }
    }
    fields.next();
    let mut words = Vec::with_capacity(fields.done.len());
    let mut bytes = 0_usize;
    for field in fields.done {
        bytes = bytes.saturating_add(field.text.len());
        let matches =
            if field.wild.is_empty() { Vec::new() } else { evaluator.matching(&field.text, &field.wild) };
        if matches.is_empty() {
            words.push(field.text);
        } else {
            words.extend(matches);
        }
    }
    evaluator.spend(bytes);
    Arguments { words, block }
}

fn variable(evaluator: &Evaluator<'_>, fields: &mut Fields, name: &str, quoted: bool) {
    let parameters = evaluator.parameters();
    match (name, parameters) {
        ("@", Some(parameters)) if quoted => {
            for (index, value) in parameters.iter().enumerate() {
                if index > 0 {
                    fields.next();
                }
                fields.append(value, true);
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
    if quoted {
        fields.append(value, true);
    } else {
        fields.append_split(value);
    }
}
