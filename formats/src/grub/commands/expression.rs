//! `[` and `test` (GNU GRUB manual, "test"; grub-emu 2.06 where the manual is silent).
//!
//! Terms are read from left to right. `-a` changes nothing, for terms that follow each other must all hold; `-o` begins
//! anew. An expression without any term holds.

use super::{Call, Handler};
use crate::{
    grub::{
        evaluate::Evaluator,
        failure::{CommandResult, answer},
        number,
    },
    lookup::{FileKind, FileStatus},
};

pub const COMMANDS: &[(&str, Handler)] = &[("[", test), ("test", test)];

fn test(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let words = match call.words {
        [words @ .., last] if last == "]" => words,
        words => words,
    };
    let mut reader = Reader { evaluator, words, at: 0, depth: 0 };
    answer(reader.expression())
}

struct Reader<'r, 'a> {
    evaluator: &'r mut Evaluator<'a>,
    words: &'r [String],
    at: usize,
    depth: u32,
}

/// Parentheses nest no deeper than this.
const DEPTH_LIMIT: u32 = 64;

impl Reader<'_, '_> {
    fn expression(&mut self) -> bool {
        let (mut any, mut all, mut invert) = (false, true, false);
        self.depth = self.depth.saturating_add(1);
        while let Some((word, rest)) = self.words.get(self.at..).and_then(<[String]>::split_first) {
            let holds = match self.term(word, rest) {
                Some((holds, used)) => {
                    self.at = self.at.saturating_add(used);
                    holds
                }
                None => {
                    self.at = self.at.saturating_add(1);
                    match word.as_str() {
                        "(" if self.depth < DEPTH_LIMIT => self.expression(),
                        ")" => break,
                        "-a" => continue,
                        "-o" => {
                            any |= all;
                            all = true;
                            continue;
                        }
                        "!" => {
                            invert = !invert;
                            continue;
                        }
                        text => !text.is_empty(),
                    }
                }
            };
            all &= holds != invert;
            invert = false;
        }
        self.depth = self.depth.saturating_sub(1);
        any || all
    }

    /// A term of three words or two: whether it holds, and its words.
    fn term(&mut self, word: &str, rest: &[String]) -> Option<(bool, usize)> {
        if let [operator, right, ..] = rest
            && let Some(holds) = self.compare(word, operator, right)
        {
            return Some((holds, 3));
        }
        let argument = rest.first()?;
        let holds = match word {
            "-n" => !argument.is_empty(),
            "-z" => argument.is_empty(),
            "-e" => self.status(argument).is_some(),
            "-d" => self.status(argument).is_some_and(|status| status.kind == FileKind::Directory),
            "-f" => self.status(argument).is_some_and(|status| status.kind != FileKind::Directory),
            "-s" => self.size(argument) > 0,
            _ => return None,
        };
        Some((holds, 2))
    }

    fn compare(&mut self, left: &str, operator: &str, right: &str) -> Option<bool> {
        let (a, b) = (number::signed(left), number::signed(right));
        Some(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            "-eq" => a == b,
            "-ne" => a != b,
            "-lt" => a < b,
            "-le" => a <= b,
            "-gt" => a > b,
            "-ge" => a >= b,
            "-pgt" => {
                let (a, b) = behind_prefix(left, right);
                a > b
            }
            "-plt" => {
                let (a, b) = behind_prefix(left, right);
                a < b
            }
            _ => {
                let newer = operator.strip_prefix("-nt");
                let bias = newer.or_else(|| operator.strip_prefix("-ot"))?;
                let (left, right) = (self.status(left), self.status(right));
                match (newer, left, right) {
                    (_, Some(left), Some(right)) => {
                        let difference = left.modified.saturating_sub(right.modified);
                        let difference = difference.saturating_add(number::signed(bias));
                        if newer.is_some() { difference > 0 } else { difference < 0 }
                    }
                    // A file that is there is newer than one that is not.
                    (Some(_), Some(_), None) | (None, None, Some(_)) => true,
                    _ => false,
                }
            }
        })
    }

    /// The status of a file by its directory, and of a device alone that it is a directory; a link at the end is not followed.
    fn status(&mut self, path: &str) -> Option<FileStatus> {
        self.evaluator.spend_lookup();
        if let Some(device) = path.strip_suffix(')').or(path.is_empty().then_some("")) {
            // A path without an opening parenthesis, or an empty one, names no device, and GRUB takes the root's top directory.
            let known = device
                .strip_prefix('(')
                .is_none_or(|device| self.evaluator.devices.is_known(self.evaluator.lookup, device));
            return known.then_some(FileStatus { kind: FileKind::Directory, size: 0, modified: 0 });
        }
        let file = self.evaluator.locate(path)?;
        let path = match file.path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        self.evaluator.lookup.status(file.volume, path, false)
    }

    /// Size of the file that the path leads to.
    fn size(&mut self, path: &str) -> u64 {
        self.evaluator.spend_lookup();
        let file = self.evaluator.locate(path);
        let status = file.and_then(|file| self.evaluator.lookup.status(file.volume, &file.path, true));
        status.filter(|status| status.kind == FileKind::File).map_or(0, |status| status.size)
    }
}

/// The numbers after the beginning that two texts share, whole except for a first digit.
fn behind_prefix(left: &str, right: &str) -> (u64, u64) {
    let shared = left.char_indices().zip(right.chars()).take_while(|((_, a), b)| a == b);
    let shared: usize = shared.map(|((_, c), _)| c.len_utf8()).sum();
    let prefix = left.get(..shared).unwrap_or_default();
    let digits = prefix.bytes().skip(1).rev().take_while(u8::is_ascii_digit).count();
    let from = shared.saturating_sub(digits);
    let number = |text: &str| text.get(from..).and_then(number::leading).map_or(0, |number| number.value);
    (number(left), number(right))
}
