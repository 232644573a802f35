//! lilo.conf(5) and its relatives elilo.conf (ELILO, docs/elilo.txt) and yaboot.conf(5): options for all, then one section
//! for each image.

use super::{
    lines::{LineError, items, seconds},
    menu::{CHOICE_LIMIT, Choice, ChoiceMenu},
    name_table::NameTable,
};
use crate::entry::{Kind, Secret};

/// Whose configuration it is: they share the syntax, not what the kernel is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// LILO, of BIOS machines.
    Lilo,
    /// ELILO, of EFI machines.
    Elilo,
    /// yaboot, of PowerPC machines.
    Yaboot,
}

#[derive(Default)]
struct ConfigSection {
    line: u32,
    /// The program.
    program: String,
    /// The last value of each, by its name in small letters; flags with an empty value.
    options: NameTable<String>,
}

impl ConfigSection {
    fn get(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

/// A section over the options for all.
struct ImageSection<'a>(&'a ConfigSection, &'a ConfigSection);

impl ImageSection<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).or_else(|| self.1.get(name))
    }

    /// The file or device that is started.
    fn program(&self) -> &str {
        &self.0.program
    }

    fn label(&self) -> &str {
        self.0.get("label").unwrap_or_else(|| self.program().rsplit('/').next().unwrap_or_default())
    }

    /// The password that is asked for even where nothing is added to its command line (lilo.conf(5), "restricted",
    /// "mandatory", "bypass").
    fn password(&self) -> Option<&str> {
        let Self(own, global) = self;
        let relaxed = own.get("bypass").is_some()
            || own.get("restricted").is_some()
            || global.get("restricted").is_some() && own.get("mandatory").is_none();
        self.get("password").filter(|_| !relaxed)
    }

    fn is_called(&self, name: &str) -> bool {
        self.label().eq_ignore_ascii_case(name)
            || self.0.get("alias").is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    }
}

/// Reads a configuration in `directory`.
#[must_use]
pub fn parse(text: &str, dialect: Dialect, directory: &str) -> ChoiceMenu {
    let mut menu = ChoiceMenu::default();
    let mut global = ConfigSection::default();
    let mut sections: Vec<ConfigSection> = Vec::new();
    items(text, |item| match item {
        Err((line, LineError::TooLong)) => menu.lose_long(line),
        Err((line, LineError::Malformed(message))) => menu.lose(line, message),
        Ok(item) => {
            let value = item.value.unwrap_or_default();
            // One more than are kept, so that there is a warning.
            if (item.name == "other" || item.name.starts_with("image")) && sections.len() <= CHOICE_LIMIT {
                let program = value.clone();
                sections.push(ConfigSection { line: item.line, program, ..ConfigSection::default() });
            }
            sections.last_mut().unwrap_or(&mut global).options.insert(item.name, value);
        }
    });
    let images: Vec<ImageSection<'_>> =
        sections.iter().map(|section| ImageSection(section, &global)).collect();
    let called = |name: &str| images.iter().position(|image| image.is_called(name));
    // Without a default it is the first one.
    menu.default = global.get("default").and_then(called).or(Some(0)).filter(|_| !images.is_empty());
    let default = menu.default.and_then(|default| images.get(default));
    let fallback = default.and_then(|image| image.0.get("fallback"));
    menu.fallback.extend(fallback.and_then(|words| called(words.split(' ').next().unwrap_or_default())));
    menu.timeout = match (dialect, global.get("prompt")) {
        (Dialect::Yaboot, _) | (_, Some(_)) => global.get("timeout").and_then(seconds),
        (_, None) => global.get("delay").map_or(Some(0), seconds),
    };
    // ELILO knows no passwords.
    let has_passwords = dialect != Dialect::Elilo;
    if let Some(password) = global.get("password").filter(|_| has_passwords) {
        menu.lock = Some(menu.lock_with(secret(password, dialect)));
    }
    for (index, image) in images.iter().enumerate() {
        let mut choice = choice(image, dialect);
        if let Some(password) = image.password().filter(|_| has_passwords) {
            choice.lock = Some(menu.lock_with(secret(password, dialect)));
        }
        if choice.kind != Kind::Chainload {
            choice.cmdline = format!("{}{}", boot_image(image, dialect, directory), choice.cmdline);
            // LILO tells the system that nobody chose.
            if dialect == Dialect::Lilo && menu.default == Some(index) {
                choice.cmdline.insert_str(0, "auto ");
            }
        }
        choice.cmdline.truncate(choice.cmdline.trim_end().len());
        menu.push(choice);
    }
    menu
}

/// What the typed password is compared with. LILO asks for an empty one when it is installed and keeps it elsewhere; yaboot also
/// takes one that is hashed with MD5, which is not checked here.
fn secret(password: &str, dialect: Dialect) -> Option<Secret> {
    let is_hashed = dialect == Dialect::Yaboot && password.starts_with("$1$");
    (!password.is_empty() && !is_hashed).then(|| Secret::Plain(password.to_owned()))
}

/// The word that the loader puts first.
fn boot_image(image: &ImageSection<'_>, dialect: Dialect, directory: &str) -> String {
    let path = image.program();
    match dialect {
        Dialect::Lilo => format!("BOOT_IMAGE={} ", image.label()),
        // The firmware's number of the disk is not known here, and is mostly this one.
        Dialect::Elilo if path.starts_with(['/', '\\']) => format!("BOOT_IMAGE=dev000:{path} "),
        Dialect::Elilo => format!("BOOT_IMAGE=dev000:{}\\{path} ", directory.replace('/', "\\")),
        Dialect::Yaboot => String::new(),
    }
}

fn choice(image: &ImageSection<'_>, dialect: Dialect) -> Choice {
    let mut kernel = image.program().to_owned();
    let mut initrd = image.get("initrd").unwrap_or_default().to_owned();
    if let (Dialect::Yaboot, Some(partition)) = (dialect, image.get("partition")) {
        for path in [&mut kernel, &mut initrd] {
            if !path.is_empty() && !path.contains(',') {
                *path = format!("hd:{partition},{path}");
            }
        }
    }
    let is_other = image.0.get("other").is_some();
    let (kind, problem) = match () {
        () if is_other => (Kind::Chainload, None),
        () if image.get("vmm").is_some() => (
            Kind::Multiboot,
            Some("it is started by the hypervisor that vmm= names, which only elilo does".into()),
        ),
        () if kernel.starts_with("/dev/") || image.0.get("range").is_some() => {
            (Kind::Linux, Some("its kernel lies on a device outside any file system".into()))
        }
        () => (Kind::Linux, None),
    };
    if is_other {
        kernel.clear();
    }
    Choice {
        title: image.label().to_owned(),
        kind,
        kernel,
        initrds: Some(initrd).filter(|path| !path.is_empty() && !is_other).into_iter().collect(),
        cmdline: match image.0.get("literal") {
            _ if is_other => String::new(),
            Some(literal) => literal.to_owned(),
            None => arguments(image, dialect),
        },
        problem,
        line: image.0.line,
        ..Choice::default()
    }
}

/// The command line by the options, each loader in its own order.
fn arguments(image: &ImageSection<'_>, dialect: Dialect) -> String {
    let word = |name: &str, word: &str| image.get(name).map(|value| format!("{word}{value}"));
    let flag = |name: &str, word: &str| image.get(name).map(|_| word.to_owned());
    let root = || match (dialect, image.get("root")) {
        (Dialect::Lilo, Some(root)) => Some(match device_number(root) {
            Some(number) => format!("root={number:x}"),
            None => format!("root={root}"),
        }),
        (_, root) => root.map(|root| format!("root={root}")),
    };
    let words = match dialect {
        Dialect::Lilo => [
            flag("read-only", "ro"),
            flag("read-write", "rw"),
            root(),
            word("ramdisk", "ramdisk="),
            word("append", ""),
            image.0.get("addappend").map(str::to_owned),
            None,
        ],
        // Appended words have spaces of their own around them.
        Dialect::Elilo => [root(), word("append", " "), flag("read-only", " ro"), None, None, None, None],
        Dialect::Yaboot => [
            root(),
            flag("read-only", "ro"),
            flag("read-write", "rw"),
            word("ramdisk", "ramdisk="),
            word("initrd-size", "ramdisk_size="),
            flag("novideo", "video=ofonly"),
            word("append", ""),
        ],
    };
    if dialect == Dialect::Elilo {
        let mut words = words.into_iter();
        let root = words.next().flatten().map(|root| root + " ");
        return root.into_iter().chain(words.flatten()).collect();
    }
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The number that LILO writes in place of a device's name: major and minor, of the disks that have fixed ones.
fn device_number(path: &str) -> Option<u32> {
    let name = path.strip_prefix("/dev/")?;
    let digits = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (disk, number) = name.split_at_checked(digits)?;
    let number: u32 = if number.is_empty() { 0 } else { number.parse().ok()? };
    let (first, step) = match disk.as_bytes() {
        b"md" => (0x900, 256),
        [b's', b'd', letter @ b'a'..=b'p'] => {
            (0x800_u32.checked_add(u32::from(letter.checked_sub(b'a')?).checked_mul(16)?)?, 16)
        }
        b"hda" => (0x300, 64),
        b"hdb" => (0x340, 64),
        b"hdc" => (0x1600, 64),
        b"hdd" => (0x1640, 64),
        _ => return None,
    };
    first.checked_add(number).filter(|_| number < step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Lock;
    use crate::menu::testing::choice;

    #[test]
    fn lilo_puts_its_label_and_the_options_before_what_is_appended() {
        let text = "boot=/dev/sda\nprompt\ntimeout=155\ndefault=Old\nroot=/dev/sda1\nread-only\nappend=\"quiet splash\"\n\
                    image=/boot/vmlinuz\n\tlabel=Linux\n\tinitrd=/boot/initrd.img\n\taddappend=\"nosmp\"\n\
                    image=/boot/vmlinuz.old\n\tlabel=LinuxOLD\n\talias=old\n\troot=LABEL=root\n\tread-write\n\tappend=single\n\
                    \tfallback=\"Linux safe\"\n\
                    image = /tamu/vmlinuz\n\tliteral=\"root=/dev/hdb2 vga=1\"\n\
                    other=/dev/sda2\n\tlabel=Windows\nimage=/dev/fd0\n\tlabel=floppy root=/dev/nvme0n1p2\n\tappend=\"\"\n";
        let expected = ChoiceMenu {
            choices: vec![
                choice(
                    8,
                    "Linux",
                    "/boot/vmlinuz",
                    &["/boot/initrd.img"],
                    "BOOT_IMAGE=Linux ro root=801 quiet splash nosmp",
                ),
                choice(
                    12,
                    "LinuxOLD",
                    "/boot/vmlinuz.old",
                    &[],
                    "auto BOOT_IMAGE=LinuxOLD ro rw root=LABEL=root single",
                ),
                choice(19, "vmlinuz", "/tamu/vmlinuz", &[], "BOOT_IMAGE=vmlinuz root=/dev/hdb2 vga=1"),
                Choice { kind: Kind::Chainload, ..choice(21, "Windows", "", &[], "") },
                Choice {
                    problem: Some("its kernel lies on a device outside any file system".into()),
                    ..choice(23, "floppy", "/dev/fd0", &[], "BOOT_IMAGE=floppy ro root=/dev/nvme0n1p2")
                },
            ],
            default: Some(1),
            fallback: vec![0],
            timeout: Some(16),
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text, Dialect::Lilo, "/etc"), expected);
    }

    #[test]
    fn elilo_names_the_kernel_as_the_firmware_would() {
        let text = "default=xen\ndelay=20\nroot=/dev/sda3\ninitrd=initrd.gz\n\
                    image=vmlinuz\n label=linux\n read-only\n append=\"vga=normal quiet\"\n\
                    image=\\EFI\\a\\vmlinuz\n label=bare\n root=/dev/sda4\n read-only\n\
                    image=/v\n label=lit\n literal=\"a  b\"\nimage=vmlinuz\n label=xen\n vmm=xen.gz\n append=\"-- quiet\"\n";
        let found = parse(text, Dialect::Elilo, "/EFI/Slackware");
        let expected = ChoiceMenu {
            choices: vec![
                choice(
                    5,
                    "linux",
                    "vmlinuz",
                    &["initrd.gz"],
                    "BOOT_IMAGE=dev000:\\EFI\\Slackware\\vmlinuz root=/dev/sda3  vga=normal quiet ro",
                ),
                choice(
                    9,
                    "bare",
                    "EFIavmlinuz",
                    &["initrd.gz"],
                    "BOOT_IMAGE=dev000:\\EFI\\Slackware\\EFIavmlinuz root=/dev/sda4  ro",
                ),
                choice(13, "lit", "/v", &["initrd.gz"], "BOOT_IMAGE=dev000:/v a  b"),
                Choice {
                    kind: Kind::Multiboot,
                    problem: Some(
                        "it is started by the hypervisor that vmm= names, which only elilo does".into(),
                    ),
                    ..choice(
                        16,
                        "xen",
                        "vmlinuz",
                        &["initrd.gz"],
                        "BOOT_IMAGE=dev000:\\EFI\\Slackware\\vmlinuz root=/dev/sda3  -- quiet",
                    )
                },
            ],
            default: Some(3),
            timeout: Some(2),
            ..ChoiceMenu::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn yaboot_counts_partitions_and_adds_nothing() {
        let text = "boot=/dev/sda2\npartition=3\ntimeout=50\nroot=/dev/sda3\nread-only\n\
                    image=/boot/vmlinux\n label=Linux\n initrd=/boot/initrd.img\n append=\"quiet\"\n\
                    image=hd:5,/vmlinux\n label=other\n novideo\n ramdisk=1\n initrd-size=8192\n initrd=hd:5,/i\n\
                    image[64bit]=Linux64\n label=suse\n partition=1\n";
        let expected = ChoiceMenu {
            choices: vec![
                choice(
                    6,
                    "Linux",
                    "hd:3,/boot/vmlinux",
                    &["hd:3,/boot/initrd.img"],
                    "root=/dev/sda3 ro quiet",
                ),
                choice(
                    10,
                    "other",
                    "hd:5,/vmlinux",
                    &["hd:5,/i"],
                    "root=/dev/sda3 ro ramdisk=1 ramdisk_size=8192 video=ofonly",
                ),
                choice(16, "suse", "hd:1,Linux64", &[], "root=/dev/sda3 ro"),
            ],
            default: Some(0),
            timeout: Some(5),
            ..ChoiceMenu::default()
        };
        assert_eq!(parse(text, Dialect::Yaboot, "/etc"), expected);
    }

    /// lilo.conf(5).
    #[test]
    fn a_password_locks_what_it_is_asked_for_without_any_words_added() {
        let images = "image=/k\n label=a\nimage=/k\n label=b\n restricted\nimage=/k\n label=c\n mandatory\n\
                      image=/k\n label=d\n bypass\nimage=/k\n label=e\n password=y\n";
        for (head, dialect, locks, expected) in [
            ("", Dialect::Lilo, None, "e:y"),
            ("password=x\n", Dialect::Lilo, Some("x"), "a:x c:x e:y"),
            ("password=\"\"\n", Dialect::Lilo, Some(""), "a: c: e:y"),
            ("password=x\nrestricted\n", Dialect::Lilo, Some("x"), "c:x"),
            ("password=x\n", Dialect::Yaboot, Some("x"), "a:x c:x e:y"),
            ("password=$1$x\n", Dialect::Yaboot, Some(""), "a: c: e:y"),
            ("password=x\n", Dialect::Elilo, None, ""),
        ] {
            let menu = parse(&format!("{head}{images}"), dialect, "/etc");
            let secrets = |lock: &Lock| {
                let secrets = lock.passwords.iter().map(|place| match &menu.passwords[*place].secret {
                    Secret::Plain(text) => text.as_str(),
                    Secret::Pbkdf2 { .. } => "?",
                });
                secrets.collect::<Vec<_>>().join(",")
            };
            let locked =
                menu.choices.iter().filter_map(|choice| Some((&choice.title, choice.lock.as_ref()?)));
            let locked: Vec<String> =
                locked.map(|(title, lock)| format!("{title}:{}", secrets(lock))).collect();
            let own = menu.lock.as_ref().map(secrets);
            assert_eq!((own.as_deref(), locked.join(" ").as_str()), (locks, expected), "{head} {dialect:?}");
        }
    }

    #[test]
    fn the_wait_depends_on_the_prompt() {
        for (text, dialect, expected) in [
            ("", Dialect::Lilo, Some(0)),
            ("delay=45", Dialect::Lilo, Some(5)),
            ("timeout=50", Dialect::Lilo, Some(0)),
            ("prompt", Dialect::Lilo, None),
            ("prompt timeout=50", Dialect::Elilo, Some(5)),
            ("", Dialect::Yaboot, None),
            ("timeout=0", Dialect::Yaboot, Some(0)),
        ] {
            assert_eq!(parse(text, dialect, "").timeout, expected, "{text}");
        }
    }

    #[test]
    fn options_without_number_cost_each_image_no_more() {
        let options: String = (0..60_000).map(|number| format!("o{number}\n")).collect();
        let text = format!("{options}{}", "image=/k\n".repeat(60_000));
        let found = parse(&text, Dialect::Lilo, "/etc");
        assert_eq!(found.choices.len(), CHOICE_LIMIT);
        assert_eq!(found.lost.len(), 1);
    }

    #[test]
    fn devices_have_the_numbers_that_linux_gives_them() {
        // Documentation/admin-guide/devices.txt.
        for (path, expected) in [
            ("/dev/sda", Some(0x800)),
            ("/dev/sda1", Some(0x801)),
            ("/dev/sdb15", Some(0x81f)),
            ("/dev/sdp2", Some(0x8f2)),
            ("/dev/hda3", Some(0x303)),
            ("/dev/hdd5", Some(0x1645)),
            ("/dev/md127", Some(0x97f)),
            ("/dev/sda16", None),
            ("/dev/nvme0n1p1", None),
            ("/dev/mapper/vg-root", None),
            ("current", None),
        ] {
            assert_eq!(device_number(path), expected, "{path}");
        }
    }
}
