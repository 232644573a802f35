//! Shell patterns: the first line is the pattern, the rest the text.
#![no_main]

use firstlight::formats::{glob, text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
    let _ = glob::matches(pattern, text);
});
