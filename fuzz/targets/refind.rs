//! refind.conf, whose every include is the rest of the input after a form feed, and refind_linux.conf.
#![no_main]

use firstlight::formats::{
    refind::{Config, KernelOptions, initrd_for, initrds, version, with_version},
    text,
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let (first, second) = text.split_once('\x0c').unwrap_or((&text, ""));
    let config = Config::parse(first, &mut |_| Ok(second.to_owned()));
    for options in KernelOptions::parse(first) {
        let words = &config.version_words;
        let cmdline = with_version(&options.options, version(&options.label, words));
        let _ = initrds(&cmdline).count();
        let _ = initrd_for(&options.label, second.lines(), words);
    }
});
