//! config.txt of the Raspberry Pi, on a known board and on none; after a form feed comes a file that every include gives.
#![no_main]

use firstlight::formats::{
    raspberry_pi::{Board, Configuration, Machine},
    text,
};
use fuzz::{bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let (text, more) = text.split_once('\x0c').unwrap_or((&text, ""));
    for board in ["raspberrypi,3-model-b-plus", ""] {
        bounds::lap();
        let machine = Machine { board: Board::named(board), partition: Some(1), tryboot: board.is_empty() };
        let read = Configuration::read(text, machine, &mut |_| Some(more.to_owned()));
        let _ = (read.initrds(), read.get("kernel"), read.is_on("arm_64bit"));
    }
});
