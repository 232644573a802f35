//! depmod's files: each part of the input between form feeds is one of them, the last a request.
#![no_main]

use firstlight::formats::{
    modules::{Index, Modules},
    text,
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let mut parts = text.split('\x0c');
    let mut part = || parts.next().unwrap_or_default();
    let index = Index {
        dependencies: part(),
        aliases: part(),
        soft_dependencies: part(),
        builtin: part(),
        builtin_information: part(),
    };
    let _ = Modules::parse(&index).resolve(part());
});
