//! Headers of LUKS containers, and JSON.
#![no_main]

use firstlight::formats::{json::Value, luks::Container};
use fuzz::{Sparse, bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let _ = Container::read(&Sparse::new(data));
    bounds::lap();
    let _ = Value::parse(data);
});
