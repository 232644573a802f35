//! What one process of ours tells another that trusts it with nothing: the finder its survey, the worker its requests.
#![no_main]

use firstlight::{
    boot::supervision::{Notice, Request},
    discover::sandbox,
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = sandbox::understood(data);
    let _ = Request::decode(data);
    let _ = Notice::decode(data);
});
