//! Orders of versions: three lines, which must not contradict each other.
#![no_main]

use firstlight::formats::{text, version};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let mut lines = text.splitn(3, '\n');
    let [a, b, c] = [(); 3].map(|()| lines.next().unwrap_or_default());
    for order in [version::uapi, version::rpm, version::entry_file, version::dpkg, version::file] {
        assert_eq!(order(a, b), order(b, a).reverse());
        assert!(!(order(a, b).is_le() && order(b, c).is_le()) || order(a, c).is_le());
    }
});
