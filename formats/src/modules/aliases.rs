//! Alias patterns, found by what they begin with: a kernel has twenty thousand, a device asks for one.

use std::sync::OnceLock;

use crate::{glob, lines::split_at_byte, sort};

/// Patterns are filed under this many first bytes, or as many as come before their first wildcard. 20 reach well into the
/// device number of a PCI or USB alias, so that a big maker's devices spread over many files.
const KEY_LENGTH: usize = 20;

/// Chains: few patterns share one by chance, and making them costs nothing.
const CHAINS: usize = 4096;

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// Patterns with the modules that they mean. Whoever asks a few times, as the kernel's own `modprobe` does, has them looked
/// through; whoever asks often has them filed first, in chains of equal beginnings.
#[derive(Debug)]
pub(super) struct Aliases<'a> {
    records: Records<'a>,
    filed: OnceLock<Filed<'a>>,
}

/// Finds the records in a text: each is a pattern and a module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    /// The text.
    pub text: &'a str,
    /// The separator between records.
    pub separator: u8,
    /// Where in a record its pattern begins, in bytes, if that is the same in all of them.
    pub pattern_at: Option<usize>,
    /// Reads one.
    pub read: fn(&'a str) -> Option<(&'a str, &'a str)>,
}

impl<'a> Records<'a> {
    fn all(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        split_at_byte(self.text, self.separator).filter_map(self.read)
    }

    /// Those whose pattern may begin with a byte: most begin otherwise, and are not even read.
    fn beginning_with(self, first: Option<u8>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let may_match = move |record: &&str| {
            let byte = self.pattern_at.and_then(|at| record.as_bytes().get(at));
            byte.is_none_or(|byte| is_wildcard(*byte) || Some(fold(*byte)) == first)
        };
        split_at_byte(self.text, self.separator).filter(may_match).filter_map(self.read)
    }
}

#[derive(Debug)]
struct Filed<'a> {
    patterns: Vec<Pattern<'a>>,
    /// By the hash of a beginning, the last pattern with it. Beginnings that share a chain cost a little time and change no
    /// answer.
    chains: Vec<u32>,
}

#[derive(Debug)]
struct Pattern<'a> {
    pattern: &'a str,
    module: &'a str,
    previous: u32,
}

impl<'a> Aliases<'a> {
    /// Over these records.
    pub fn new(records: Records<'a>) -> Self {
        Self { records, filed: OnceLock::new() }
    }

    /// Files the patterns: that takes as long as looking through them some five times.
    pub fn file(&self) {
        self.filed.get_or_init(|| Filed::new(self.records.all()));
    }

    /// The modules of all patterns that match, in the order of the file.
    pub fn find(&self, request: &str) -> Vec<&'a str> {
        if let Some(filed) = self.filed.get() {
            return filed.find(request);
        }
        let records = self.records.beginning_with(request.bytes().next().map(fold));
        let matching = records.filter(|(pattern, _)| glob::matches_folded(pattern, request, fold));
        matching.map(|(_, module)| module).collect()
    }
}

impl<'a> Filed<'a> {
    fn new(records: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut filed = Self { patterns: Vec::new(), chains: vec![NONE; CHAINS] };
        for (pattern, module) in records {
            let plain = pattern.bytes().take(KEY_LENGTH).take_while(|byte| !is_wildcard(*byte));
            let key = plain.fold(START, mix);
            let Ok(at) = u32::try_from(filed.patterns.len()) else { break };
            let Some(chain) = filed.chains.get_mut(place(key)) else { break };
            let previous = std::mem::replace(chain, at);
            filed.patterns.push(Pattern { pattern, module, previous });
        }
        filed
    }

    fn find(&self, request: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut key = START;
        let mut chains = vec![place(key)];
        for byte in request.bytes().take(KEY_LENGTH) {
            key = mix(key, byte);
            chains.push(place(key));
        }
        sort::ascending(&mut chains);
        chains.dedup();
        for chain in chains {
            let mut at = self.chains.get(chain).copied().unwrap_or(NONE);
            while let Some(pattern) = usize::try_from(at).ok().and_then(|at| self.patterns.get(at)) {
                if glob::matches_folded(pattern.pattern, request, fold) {
                    found.push((at, pattern.module));
                }
                at = pattern.previous;
            }
        }
        sort::ascending(&mut found);
        found.into_iter().map(|(_, module)| module).collect()
    }
}

fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// `-` and `_` are the same in names.
pub(super) fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// FNV-1a, one byte at a time, so that the keys of all beginnings of a request come in one pass.
pub(super) const START: u64 = 0xcbf2_9ce4_8422_2325;

/// The chain of a hash: its upper half is the better mixed one.
fn place(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % CHAINS
}

pub(super) fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(fold(byte))).wrapping_mul(0x0100_0000_01b3)
}
