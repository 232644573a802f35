//! Text whose bytes survive.
#![no_main]

use firstlight::formats::text;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert_eq!(text::encode(&text::decode(data)), data);
    let shown = text::printable(&text::decode(data));
    assert_eq!(text::printable(&shown), shown);
    let _ = text::printable_json(&text::decode(data));
});
