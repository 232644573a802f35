//! Text whose bytes survive.
#![no_main]

use firstlight::formats::text;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert_eq!(text::encode(&text::decode(data)), data);
    let _ = text::printable(&text::decode(data));
});
