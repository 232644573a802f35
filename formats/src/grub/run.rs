//! Running scripts: files, texts that are none, and the bodies of menu entries.

use std::rc::Rc;

use super::{
    budget::{self, LINE, Script},
    device::Located,
    evaluate::{Evaluator, Flow, Function, Place},
    failure::{CommandFailure, CommandResult, Status},
    lexer::line_count,
    menu::{Body, MenuItem},
    parser,
    syntax::Statement,
};
use crate::{
    lookup::{Beginning, MENU_LIMIT, too_large},
    text,
};

impl Evaluator<'_> {
    /// Runs the body of a menu entry with its title and arguments as parameters.
    pub(super) fn run_entry(&mut self, item: &MenuItem) -> u64 {
        self.place = item.place.clone();
        self.line = item.line;
        self.parameters = Some(Rc::new(item.arguments.clone()));
        self.flow = Flow::default();
        match &item.body {
            Body::Block(block) => self.run_list(&block.body),
            Body::Text(text) => self.run_text(text).unwrap_or_else(|failure| self.fail(&failure)),
        }
    }

    /// Runs a text that is no file: `eval`, a generated entry. What cannot be parsed ends it.
    ///
    /// # Errors
    /// Nesting without end.
    pub(super) fn run_text(&mut self, text: &str) -> Result<u64, CommandFailure> {
        self.spend(text.len());
        let line = self.line;
        // Lines of the text mean nothing to a reader; the place where it is run does.
        let outer = self.fixed_line.replace(line);
        let done = self.nest(|evaluator| {
            let mut status = 0;
            for piece in parser::parse(&text.into(), evaluator.flavour.keep_hex_escapes) {
                evaluator.spend_nodes(piece.nodes);
                evaluator.define(piece.functions);
                match piece.statements {
                    Ok(statements) => status = evaluator.run_list(&statements),
                    Err(error) => {
                        evaluator.warn_at(line, error.message);
                        break;
                    }
                }
                if evaluator.flow.returning || evaluator.flow.breaks > 0 {
                    break;
                }
            }
            status
        });
        self.fixed_line = outer;
        done
    }

    /// Runs a file: its entries join the menu being built.
    ///
    /// # Errors
    /// It cannot be read, or sources nest without end.
    pub(super) fn run_file(&mut self, file: &Located) -> CommandResult {
        self.spend_lookup();
        let Located { volume, path, .. } = file;
        let Script { text, is_cut } = self.script(*volume, path)?;
        self.spend(line_count(&text).saturating_mul(LINE).saturating_add(text.len()));
        let place = Place { volume: *volume, path: path.as_str().into() };
        let place = std::mem::replace(&mut self.place, place);
        let line = self.line;
        if is_cut {
            let last = u32::try_from(line_count(&text)).unwrap_or(u32::MAX);
            self.warn_always(last, too_large(MENU_LIMIT));
        }
        let done = self.nest(|evaluator| {
            for piece in parser::parse(&text, evaluator.flavour.keep_hex_escapes) {
                evaluator.spend_nodes(piece.nodes);
                if evaluator.stop.is_some() {
                    break;
                }
                evaluator.define(piece.functions);
                match piece.statements {
                    Ok(statements) => {
                        evaluator.run_list(&statements);
                    }
                    Err(error) => evaluator.warn_at(
                        error.line,
                        format_args!(
                            "syntax error: {}; lines {} to {} dropped",
                            error.message, error.line, error.last_line
                        ),
                    ),
                }
            }
        });
        self.line = line;
        self.place = place;
        done
    }

    /// The script of a file, which is read once.
    fn script(&mut self, volume: usize, path: &str) -> Result<Script, CommandFailure> {
        let file = budget::file_name(volume, path);
        if let Some(script) = self.account.script(&file) {
            self.earn(volume, path, script.text.len());
            return Ok(script);
        }
        let read = self.lookup.read_beginning(volume, path, MENU_LIMIT);
        let Beginning { bytes, is_cut } =
            read.map_err(|error| CommandFailure::new(Status::FileNotFound, format!("{path}: {error}")))?;
        self.earn(volume, path, bytes.len());
        let script = Script { text: text::decode_owned(bytes).replace('\r', "").into(), is_cut };
        if self.account.keep_script(file, &script) {
            Ok(script)
        } else {
            Err(CommandFailure::new(
                Status::OutOfMemory,
                format!("{path}: the scripts are too large together"),
            ))
        }
    }

    fn define(&mut self, functions: Vec<(String, Rc<[Statement]>)>) {
        for (name, body) in functions {
            Rc::make_mut(&mut self.functions).insert(name, Function { body, place: self.place.clone() });
        }
    }
}
