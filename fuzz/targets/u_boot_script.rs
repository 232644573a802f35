//! Scripts of U-Boot, wrapped in an image or not; after a form feed comes the file that every import reads.
#![no_main]

use firstlight::formats::{
    text,
    u_boot_script::{self, File, Files},
};
use fuzz::fuzz_target;

struct Settings(String);

impl Files for Settings {
    fn is_file(&self, (_, path): &File) -> bool {
        path.len() % 2 == 0
    }

    fn read(&self, _: &File) -> Option<String> {
        Some(self.0.clone())
    }

    fn partition_uuid(&self, _: u32) -> Option<String> {
        None
    }
}

fuzz_target!(|data: &[u8]| {
    let text = text::decode(u_boot_script::unwrap(data).unwrap_or(data));
    let (script, settings) = text.split_once('\x0c').unwrap_or((&text, ""));
    let _ = u_boot_script::run(script, &[("prefix", "/boot/")], &Settings(settings.to_owned()));
});
