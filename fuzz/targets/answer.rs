//! Messages from a process of ours to another that does not trust it: the finder's survey, the worker's requests.
#![no_main]

use firstlight::{
    boot::supervision::{Notice, Request},
    discover::sandbox,
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = sandbox::is_understood(data);
    let _ = Request::decode(data);
    let _ = Notice::decode(data);
});
