//! Alias patterns, found by what they begin with: a kernel has twenty thousand, a device asks for one.

use std::collections::HashMap;

use crate::formats::glob;

/// Patterns are filed under this many first bytes, or as many as stand before their first wildcard. 20 reach well into the
/// device number of a PCI or USB alias, so that a big maker's devices spread over many files.
const KEY_LENGTH: usize = 20;

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// Patterns with the modules that they mean, in chains of equal beginnings.
#[derive(Debug, Default)]
pub(super) struct Aliases<'a> {
    patterns: Vec<Pattern<'a>>,
    /// Hash of a beginning to the last pattern with it. Two beginnings with one hash share a chain, which costs a little
    /// time and changes no answer.
    chains: HashMap<u64, u32>,
}

#[derive(Debug)]
struct Pattern<'a> {
    pattern: &'a str,
    module: &'a str,
    previous: u32,
}

impl<'a> FromIterator<(&'a str, &'a str)> for Aliases<'a> {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut aliases = Self::default();
        for (pattern, module) in pairs {
            let plain = pattern
                .bytes()
                .take(KEY_LENGTH)
                .take_while(|byte| !matches!(byte, b'*' | b'?' | b'[' | b'\\'));
            let key = plain.fold(START, mix);
            let Ok(at) = u32::try_from(aliases.patterns.len()) else { break };
            let previous = aliases.chains.insert(key, at).unwrap_or(NONE);
            aliases.patterns.push(Pattern { pattern, module: module.trim(), previous });
        }
        aliases
    }
}

impl<'a> Aliases<'a> {
    /// The modules of all patterns that match, in the order of the file.
    pub fn find(&self, request: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut key = START;
        let mut beginnings = vec![key];
        for byte in request.bytes().take(KEY_LENGTH) {
            key = mix(key, byte);
            beginnings.push(key);
        }
        for key in beginnings {
            let mut at = self.chains.get(&key).copied().unwrap_or(NONE);
            while let Some(pattern) = usize::try_from(at).ok().and_then(|at| self.patterns.get(at)) {
                if glob::matches_folded(pattern.pattern, request, fold) {
                    found.push((at, pattern.module));
                }
                at = pattern.previous;
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, module)| module).collect()
    }
}

/// `-` and `_` are the same in names.
fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// FNV-1a, one byte at a time, so that the keys of all beginnings of a request come in one pass.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(fold(byte))).wrapping_mul(0x0100_0000_01b3)
}
