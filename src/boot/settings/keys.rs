//! The keys of the settings: what each takes, what applies without it, and how its values are stored.

use super::{AfterFailure, DefaultChoice, PASSWORD, Settings, Timeout};
use crate::{
    boot::passwords::OwnPassword,
    entry::TimeoutStyle,
    formats::{grub::Flavour, volume_name::VolumeName},
};

/// One key: its name, what it takes (for messages), and how a value is stored.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) takes: &'static str,
    /// The value that applies without it, in words.
    pub(super) default: &'static str,
    pub(super) kind: Store,
}

pub(super) enum Store {
    /// The last value counts.
    One(fn(&mut Settings, &str) -> Option<()>),
    /// Values add up; the command line's replace the file's, so the list can be emptied first.
    List { empty: fn(&mut Settings), add: fn(&mut Settings, &str) -> Option<()> },
}

const ENTRY: &str = "an entry's id or title, in which * and ? stand for others";

const VOLUME: &str = "UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=…, a device (sda2, /dev/sda), or nvme, scsi, virtio, \
                      mmc, usb or optical";

/// Keys that a file on a volume cannot set: PID 1 reads no disk, and whoever can write the volume does not take a lock away.
pub(super) const IMAGE_ONLY: [&str; 7] =
    ["settings-on", PASSWORD, "log-level", "timing", "watchdog", "watchdog-over-jump", "worker-deaths"];

/// The table of keys.
pub(super) const KEYS: [Setting; 24] = [
    Setting {
        name: "timeout",
        takes: "a number of seconds, or menu",
        default: "what the default entry's own configuration says",
        kind: Store::One(|settings, value| {
            settings.timeout = Some(match value {
                "menu" | "-1" => Timeout::Person,
                _ => Timeout::Seconds(value.parse().ok()?),
            });
            Some(())
        }),
    },
    Setting {
        name: "timeout-style",
        takes: "menu, countdown or hidden",
        default: "menu if timeout is set, or else what the default entry's own configuration says",
        kind: Store::One(|settings, value| {
            settings.timeout_style = Some(match value {
                "menu" => TimeoutStyle::Menu,
                "countdown" => TimeoutStyle::Countdown,
                "hidden" => TimeoutStyle::Hidden,
                _ => return None,
            });
            Some(())
        }),
    },
    Setting {
        name: "default",
        takes: "saved, newest, or an entry's id or title, in which * and ? stand for others",
        default: "the default of the first disk in the order",
        kind: Store::One(|settings, value| {
            settings.default = Some(match value {
                "saved" => DefaultChoice::Saved,
                "newest" => DefaultChoice::Newest,
                pattern => DefaultChoice::Named(filled(pattern)?),
            });
            Some(())
        }),
    },
    Setting {
        name: "only",
        takes: ENTRY,
        default: "every entry",
        kind: Store::List {
            empty: |settings| settings.only.clear(),
            add: |settings, value| {
                settings.only.push(filled(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "never",
        takes: ENTRY,
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.never.clear(),
            add: |settings, value| {
                settings.never.push(filled(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "settings-on",
        takes: "UUID=…, LABEL=…, PARTUUID=… or PARTLABEL=…",
        default: "nothing",
        kind: Store::One(|settings, value| {
            let name = VolumeName::parse(value)?;
            // Of the others, several volumes may be meant.
            let is_one = !matches!(name, VolumeName::Device(_) | VolumeName::Transport(_));
            settings.settings_on = is_one.then_some(name);
            is_one.then_some(())
        }),
    },
    Setting {
        name: "wait",
        takes: VOLUME,
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.wait.clear(),
            add: |settings, value| {
                settings.wait.push(VolumeName::parse(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "survey-deadline",
        takes: "a number of seconds from 1",
        default: "10",
        kind: Store::One(|settings, value| {
            settings.survey_deadline = at_least_one(value)?;
            Some(())
        }),
    },
    Setting {
        name: "order",
        takes: VOLUME,
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.order.clear(),
            add: |settings, value| {
                settings.order.push(VolumeName::parse(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "append",
        takes: "words for the kernel command line",
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.append.clear(),
            add: |settings, value| {
                settings.append.push(filled(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "append-for",
        takes: "an entry's id or title (* and ? stand for others), a colon and a space, and words for its command line",
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.append_for.clear(),
            add: |settings, value| {
                let (pattern, words) = value.rsplit_once(": ")?;
                settings.append_for.push((filled(pattern.trim())?, filled(words.trim())?));
                Some(())
            },
        },
    },
    Setting {
        name: "remove",
        takes: "a word of kernel command lines, in which * and ? stand for others",
        default: "nothing",
        kind: Store::List {
            empty: |settings| settings.remove.clear(),
            add: |settings, value| {
                settings.remove.push(filled(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "nokaslr",
        takes: "yes or no",
        default: "no",
        kind: Store::One(|settings, value| {
            settings.nokaslr = yes_or_no(value)?;
            Some(())
        }),
    },
    Setting {
        name: "grub-flavour",
        takes: "upstream, fedora, rhel8 or suse",
        default: "what the system around each configuration says",
        kind: Store::One(|settings, value| {
            settings.grub_flavour = Some(Flavour::named(value)?.name.to_owned());
            Some(())
        }),
    },
    Setting {
        name: "iso",
        takes: "a path on a volume: a directory with images, or image files (* and ? match others)",
        default: "*.iso in /, /boot, /boot-isos and /iso",
        kind: Store::List {
            empty: |settings| settings.iso.clear(),
            add: |settings, value| {
                settings.iso.push(filled(value)?);
                Some(())
            },
        },
    },
    Setting {
        name: "state",
        takes: "auto or never",
        default: "auto",
        kind: Store::One(|settings, value| {
            settings.keeps_state = match value {
                "auto" => true,
                "never" => false,
                _ => return None,
            };
            Some(())
        }),
    },
    Setting {
        name: PASSWORD,
        takes: "what `firstlight config password` prints: $argon2id$v=19$…, with at most 256 MiB",
        default: "none",
        kind: Store::One(|settings, value| {
            settings.password = Some(OwnPassword::parse(value)?);
            Some(())
        }),
    },
    Setting {
        name: "retries",
        takes: "a number",
        default: "0",
        kind: Store::One(|settings, value| {
            settings.retries = value.parse().ok()?;
            Some(())
        }),
    },
    Setting {
        name: "after-failure",
        takes: "menu, reboot or poweroff, the last two also with seconds after them",
        default: "menu",
        kind: Store::One(|settings, value| {
            let (action, delay) = match value.split_once(' ') {
                Some((action, delay)) => (action, Some(delay.trim().parse().ok()?)),
                None => (value, None),
            };
            settings.after_failure = match action {
                "menu" if delay.is_none() => AfterFailure::Menu,
                "reboot" => AfterFailure::Reboot,
                "poweroff" => AfterFailure::PowerOff,
                _ => return None,
            };
            settings.failure_delay = delay.unwrap_or(Settings::default().failure_delay);
            Some(())
        }),
    },
    Setting {
        name: "log-level",
        takes: "off, error, warn, info, debug or trace",
        default: "info",
        kind: Store::One(|settings, value| {
            settings.log_level = value.parse().ok()?;
            Some(())
        }),
    },
    Setting {
        name: "timing",
        takes: "yes or no",
        default: "no",
        kind: Store::One(|settings, value| {
            settings.timing = yes_or_no(value)?;
            Some(())
        }),
    },
    Setting {
        name: "watchdog",
        takes: "a number of seconds, or no",
        default: "no",
        kind: Store::One(|settings, value| {
            settings.watchdog = if value == "no" { None } else { Some(at_least_one(value)?) };
            Some(())
        }),
    },
    Setting {
        name: "watchdog-over-jump",
        takes: "yes or no",
        default: "no",
        kind: Store::One(|settings, value| {
            settings.watchdog_over_jump = yes_or_no(value)?;
            Some(())
        }),
    },
    Setting {
        name: "worker-deaths",
        takes: "a number from 1",
        default: "3",
        kind: Store::One(|settings, value| {
            settings.worker_deaths = at_least_one(value)?;
            Some(())
        }),
    },
];

fn filled(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" | "1" | "on" | "true" => Some(true),
        "no" | "0" | "off" | "false" => Some(false),
        _ => None,
    }
}

fn at_least_one(value: &str) -> Option<u32> {
    value.parse().ok().filter(|number| *number > 0)
}
