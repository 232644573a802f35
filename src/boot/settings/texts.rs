//! The texts that the settings are read from: the image's file, a volume's, and the kernel command line.

use std::{
    fs::File,
    io::{self, Read},
};

use super::{IN_IMAGE, ON_VOLUME, Settings};
use crate::{
    formats::{lookup::CONFIG_LIMIT, text::decode},
    storage::OpenVolume,
};

/// The texts that are there from the start.
#[derive(Clone, Debug)]
pub struct SettingsTexts {
    config: String,
    cmdline: String,
}

impl SettingsTexts {
    /// Reads them. Without a file, or a kernel that shows its command line, the settings are the usual ones.
    #[must_use]
    pub fn read() -> Self {
        let read = |path| {
            let mut text = Vec::new();
            let limit = u64::try_from(CONFIG_LIMIT).unwrap_or(u64::MAX);
            File::open(path)?.take(limit).read_to_end(&mut text)?;
            io::Result::Ok(decode(&text))
        };
        let (config, cmdline) = (read(IN_IMAGE), read("/proc/cmdline"));
        Self { config: config.unwrap_or_default(), cmdline: cmdline.unwrap_or_default() }
    }

    /// The settings, and a message for each mistake.
    #[must_use]
    pub fn settings(&self) -> (Settings, Vec<String>) {
        Settings::parse(&self.config, &self.cmdline)
    }

    /// The settings with those on a volume, and messages about them; `None` where its file cannot be read.
    #[must_use]
    pub fn with_volume(&self, open: &OpenVolume) -> (Option<Settings>, Vec<String>) {
        let name = format!("{}:{ON_VOLUME}", open.volume.device.name);
        match open.root.read(ON_VOLUME, CONFIG_LIMIT) {
            Ok(content) => {
                let (settings, messages) =
                    Settings::parse_with_volume(&self.config, &name, &decode(&content), &self.cmdline);
                (Some(settings), messages)
            }
            Err(error) => (None, vec![format!("{name} was not read: {error}. The image's settings count.")]),
        }
    }
}
