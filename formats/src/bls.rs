//! Boot Loader Specification (UAPI.1), type 1 entries and loader.conf, as systemd-boot and as Fedora's GRUB read them.

mod fields;
mod loader;
mod name;
mod order;
mod pattern;
mod variables;

pub(crate) use fields::pairs;
pub use fields::{Field, Reading, fields};
pub use loader::{LoaderConf, MenuTimeout};
pub use name::{EntryName, entry_name, name_after_attempt};
pub use order::{compare_grub, compare_systemd_boot};
pub use variables::{AFTER_FAILURE, ONE_SHOT, VENDOR, Variables};

/// The program of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `linux`: a kernel.
    Linux(String),
    /// `uki`: a unified kernel image.
    Uki(String),
    /// `uki-url`: a unified kernel image to be fetched.
    UkiUrl(String),
    /// `efi`: any EFI program.
    Efi(String),
}

/// A type 1 entry, its values as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlsEntry {
    /// `title`.
    pub title: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `machine-id`.
    pub machine_id: Option<String>,
    /// `sort-key`.
    pub sort_key: Option<String>,
    /// `linux`, `uki`, `uki-url` or `efi`; `None` where there is none, or several that contradict each other.
    pub program: Option<Program>,
    /// `initrd`, one for each time the key is there.
    pub initrds: Vec<String>,
    /// `options`: all of them with spaces between, or the first alone as GRUB has it.
    pub options: Option<String>,
    /// `devicetree`.
    pub devicetree: Option<String>,
    /// `devicetree-overlay`, cut at spaces.
    pub devicetree_overlays: Vec<String>,
    /// `architecture`, in EFI's names.
    pub architecture: Option<String>,
    /// `profile` of a unified kernel image.
    pub profile: Option<u32>,
    /// `extra`, one for each time the key is there.
    pub extras: Vec<String>,
}

impl BlsEntry {
    /// Reads the text of an entry file.
    #[must_use]
    pub fn parse(text: &str, reading: Reading) -> Self {
        let mut entry = Self::default();
        let mut contradictory = false;
        for Field { key, value, .. } in fields(text, reading) {
            let program = match key {
                "linux" => Program::Linux,
                "uki" => Program::Uki,
                "uki-url" => Program::UkiUrl,
                "efi" => Program::Efi,
                _ => {
                    entry.set(key, value, reading);
                    continue;
                }
            };
            let program = program(value.to_owned());
            let same_kind = |old: &Program| std::mem::discriminant(old) == std::mem::discriminant(&program);
            match &entry.program {
                // GRUB takes the first of several values, systemd-boot the last, but of one kind only.
                Some(_) if reading == Reading::Grub => {}
                Some(old) if !same_kind(old) => contradictory = true,
                _ => entry.program = Some(program),
            }
        }
        entry.program.take_if(|_| contradictory);
        entry
    }

    fn set(&mut self, key: &str, value: &str, reading: Reading) {
        let single = match key {
            "title" => &mut self.title,
            "version" => &mut self.version,
            "machine-id" => &mut self.machine_id,
            "sort-key" => &mut self.sort_key,
            "devicetree" => &mut self.devicetree,
            "architecture" => &mut self.architecture,
            "options" => match &mut self.options {
                Some(options) if reading == Reading::SystemdBoot => {
                    options.push(' ');
                    options.push_str(value);
                    return;
                }
                options => options,
            },
            "initrd" => return self.initrds.push(value.to_owned()),
            "extra" => return self.extras.push(value.to_owned()),
            "devicetree-overlay" => {
                return self.devicetree_overlays.extend(value.split_whitespace().map(str::to_owned));
            }
            "profile" => return self.profile = value.parse().ok(),
            _ => return,
        };
        if reading == Reading::SystemdBoot || single.is_none() {
            *single = Some(value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# Boot Loader Specification type#1 entry\n\
                        title      Debian GNU/Linux 13 (trixie)\n\
                        version    6.1.0-9-amd64\n\
                        machine-id 0123456789abcdef0123456789abcdef\n\
                        sort-key\tdebian\n\
                        options    root=UUID=1-2 ro quiet  \n\
                        linux      /0123/6.1.0-9-amd64/linux\n\
                        initrd     /0123/6.1.0-9-amd64/microcode\n\
                        initrd     /0123/6.1.0-9-amd64/initrd.img-6.1.0-9-amd64\n\
                        \n\
                        options    systemd.machine_id=0123\n\
                        architecture x64\r\n\
                        devicetree-overlay /a.dtbo  /b.dtbo\n\
                        profile 2\n\
                        extra /x.cred\nextra /y.sysext.raw\n\
                        unknown key\nalone\n";

    #[test]
    fn systemd_boot_reads_the_whole_file() {
        let text = |text: &str| Some(text.to_owned());
        let expected = BlsEntry {
            title: text("Debian GNU/Linux 13 (trixie)"),
            version: text("6.1.0-9-amd64"),
            machine_id: text("0123456789abcdef0123456789abcdef"),
            sort_key: text("debian"),
            program: Some(Program::Linux("/0123/6.1.0-9-amd64/linux".into())),
            initrds: vec![
                "/0123/6.1.0-9-amd64/microcode".into(),
                "/0123/6.1.0-9-amd64/initrd.img-6.1.0-9-amd64".into(),
            ],
            options: text("root=UUID=1-2 ro quiet systemd.machine_id=0123"),
            devicetree: None,
            devicetree_overlays: vec!["/a.dtbo".into(), "/b.dtbo".into()],
            architecture: text("x64"),
            profile: Some(2),
            extras: vec!["/x.cred".into(), "/y.sysext.raw".into()],
        };
        assert_eq!(BlsEntry::parse(TEXT, Reading::SystemdBoot), expected);
    }

    #[test]
    fn grub_stops_at_the_first_blank_line_and_takes_the_first_of_several_values() {
        let text = "title First\ntitle Second\noptions $kernelopts ro\noptions more\nlinux /a\nlinux /b\n\nversion 1\n";
        let expected = BlsEntry {
            title: Some("First".into()),
            options: Some("$kernelopts ro".into()),
            program: Some(Program::Linux("/a".into())),
            ..BlsEntry::default()
        };
        assert_eq!(BlsEntry::parse(text, Reading::Grub), expected);
    }

    #[test]
    fn kinds_of_program_that_contradict_each_other_leave_none() {
        for (text, expected) in [
            ("linux /a\nefi /b", None),
            ("linux /a\nuki /b\nlinux /c", None),
            ("linux /a\nlinux /b", Some(Program::Linux("/b".into()))),
            ("uki-url https://example.org/a.efi", Some(Program::UkiUrl("https://example.org/a.efi".into()))),
            ("title nothing", None),
        ] {
            assert_eq!(BlsEntry::parse(text, Reading::SystemdBoot).program, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, name: String) {
            for reading in [Reading::SystemdBoot, Reading::Grub] {
                let _ = BlsEntry::parse(&text, reading);
            }
            let _ = entry_name(&name, ".conf");
            let _ = LoaderConf::parse(&format!("timeout {text}\ndefault {text}")).choice(&Variables::default(), &[(&name, false)]);
        }
    }
}
