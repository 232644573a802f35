//! Unified kernel images (UAPI.5) as systemd-boot lists them: their profiles, titles, versions and command lines.

use super::{
    bls::pairs,
    kernel_file::pe::{Program, Section},
    text,
};

/// Maximum size of a text in an image, in bytes.
pub const TEXT_LIMIT: usize = 64 << 10;

/// Maximum number of profiles of one image: systemd's own limit.
const PROFILES_LIMIT: u32 = 256;

/// One way to boot an image: one entry in the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its number, from 0; images without profiles have number 0 alone.
    pub number: u32,
    /// `ID` of `.profile`.
    pub id: Option<String>,
    /// The system's name, with the profile's title after it.
    pub title: String,
    /// The system's version.
    pub version: Option<String>,
    /// Key that it is sorted by.
    pub sort_key: Option<String>,
    /// `.cmdline`, fit for a kernel.
    pub cmdline: Option<String>,
}

/// The sections that count in one profile: its own, and of those that it lacks the ones before the first profile.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    mark: Option<&'a Section>,
    own: &'a [Section],
    base: &'a [Section],
}

impl<'a> Sections<'a> {
    /// Those of this profile. Every image has number 0.
    #[must_use]
    pub fn of(program: &'a Program, profile: u32) -> Option<Self> {
        let is_mark = |section: &&Section| section.name == MARK;
        let mut parts = program.sections.split(|section| section.name == MARK);
        let base = parts.next().unwrap_or_default();
        let number = usize::try_from(profile).ok()?;
        match (parts.nth(number), program.sections.iter().filter(is_mark).nth(number)) {
            (Some(own), mark) => Some(Self { mark, own, base }),
            (None, _) => (profile == 0).then_some(Self { mark: None, own: &[], base }),
        }
    }

    /// All of this name, its own first; the first is the one that counts, but for `.dtbauto`.
    pub fn all(self, name: &'static str) -> impl Iterator<Item = &'a Section> {
        self.mark.into_iter().chain(self.own).chain(self.base).filter(move |section| section.name == name)
    }

    /// The section of this name.
    #[must_use]
    pub fn get(self, name: &'static str) -> Option<&'a Section> {
        self.all(name).next()
    }
}

/// The section that begins a profile, with its name in it.
const MARK: &str = ".profile";

/// The text in a section, of which the bytes are given; builders end it with a NUL, or with nothing.
#[must_use]
pub fn section_text(bytes: &[u8]) -> String {
    text::decode(bytes).trim_end_matches('\0').to_owned()
}

/// The profiles of an image that say what system they boot; systemd-boot does not list others. `read` gives the content
/// of a section, of which [`TEXT_LIMIT`] bytes are enough.
pub fn profiles(program: &Program, read: &dyn Fn(&Section) -> Option<Vec<u8>>) -> Vec<Profile> {
    let one = |number: u32| {
        let sections = Sections::of(program, number)?;
        let content = |name| sections.get(name).and_then(read).map(|bytes| section_text(&bytes));
        // One that does not say its system is passed over, and the search goes on.
        let Some(release) = content(".osrel") else { return Some(None) };
        let mark = content(MARK).unwrap_or_default();
        let release = Fields(&release);
        let mark = Fields(&mark);
        let Some(name) = release.first(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"]) else { return Some(None) };
        let id = mark.first(&["ID"]);
        let title = match (mark.first(&["TITLE"]), &id) {
            (Some(title), _) => format!("{name} ({title})"),
            (None, _) if number == 0 => name,
            (None, Some(id)) => format!("{name} ({id})"),
            (None, None) => format!("{name} (Profile #{})", number.saturating_add(1)),
        };
        Some(Some(Profile {
            number,
            id,
            title,
            version: release.first(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"]),
            sort_key: release.first(&["IMAGE_ID", "ID"]),
            cmdline: content(".cmdline").map(|cmdline| mangled(&cmdline)),
        }))
    };
    (0..PROFILES_LIMIT).map_while(one).flatten().collect()
}

/// Whether an image's section `.osrel` says that it is firstlight, as the image builder writes it (os-release(5), `ID=`).
#[must_use]
pub fn is_firstlight(release: &str) -> bool {
    Fields(release).first(&["ID"]).as_deref() == Some("firstlight")
}

/// `NAME=value` lines, cut as systemd-boot cuts them.
struct Fields<'a>(&'a str);

impl Fields<'_> {
    /// The value of the first of these names that has one.
    fn first(&self, names: &[&str]) -> Option<String> {
        let last = |name: &&str| pairs(self.0, &['=']).filter(|field| field.key == *name).last();
        names.iter().find_map(last).map(|field| field.value.to_owned())
    }
}

/// A file on the same partition that an image names, and boots only with this content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedFile {
    /// Its path from the root of the partition.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

/// The files that an image names in the place of holding them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The kernel.
    pub kernel: LinkedFile,
    /// The initrd.
    pub initrd: LinkedFile,
}

/// Sections of such images: the kernel's path and its SHA-256, and those of the initrd.
const LINKS: [[(&str, &str); 2]; 2] =
    [[(".linux", ".linuxh"), (".initrd", ".initrdh")], [(".kernelp", ".kernelh"), (".initrdp", ".initrdh")]];

/// The files that an image names as lanzaboote's stubs do (lanzaboote, rust/uefi/stub/src/thin.rs, and before February 2024 with the
/// second names): their paths as EFI writes them, in UTF-8, and 32 bytes each of SHA-256. `None` for an image that holds its kernel
/// itself.
///
/// # Errors
/// What is missing, without which the stub boots nothing.
pub fn linked(
    sections: Sections<'_>,
    read: &dyn Fn(&Section) -> Option<Vec<u8>>,
) -> Option<Result<Linked, String>> {
    let [kernel, initrd] = LINKS.into_iter().find(|[(path, hash), _]| {
        sections.get(hash).is_some() || (*path != ".linux" && sections.get(path).is_some())
    })?;
    let content = |name| sections.get(name).and_then(read);
    let link = |(path, hash): (&'static str, &'static str)| {
        let text = content(path).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.filter(|text| !text.is_empty() && !text.contains('\0'));
        let text = text.ok_or_else(|| format!("its section {path} names no file"))?;
        let digest = content(hash).filter(|digest| digest.len() == 32);
        let digest = digest.ok_or_else(|| format!("its section {hash} holds no SHA-256 of {text}"))?;
        let parts = text.split(['/', '\\']).filter(|part| !part.is_empty());
        let path = parts.flat_map(|part| ["/", part]).collect();
        Ok(LinkedFile { path, sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect() })
    };
    Some(link(kernel).and_then(|kernel| Ok(Linked { kernel, initrd: link(initrd)? })))
}

/// Control characters become spaces, and spaces at both ends fall away.
#[must_use]
pub fn mangled(cmdline: &str) -> String {
    let plain: String = cmdline.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    plain.trim_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(sections: &[(&str, &str)]) -> (Program, Vec<Vec<u8>>) {
        let table = sections.iter().zip(0..).map(|((name, content), offset)| Section {
            name: (*name).into(),
            offset,
            size: u32::try_from(content.len()).unwrap(),
        });
        let contents = sections.iter().map(|(_, content)| content.as_bytes().to_vec()).collect();
        (Program { architecture: "x86_64".into(), sections: table.collect(), cut_short: false }, contents)
    }

    fn read(sections: &[(&str, &str)]) -> Vec<Profile> {
        let (program, contents) = image(sections);
        profiles(&program, &|section| contents.get(usize::try_from(section.offset).unwrap()).cloned())
    }

    const RELEASE: &str = "NAME=\"Arch\"\nPRETTY_NAME=\"Arch Linux\"\n# c\nID=arch\nBUILD_ID=rolling\n";

    fn arch() -> Profile {
        Profile {
            number: 0,
            id: None,
            title: "Arch Linux".into(),
            version: Some("rolling".into()),
            sort_key: Some("arch".into()),
            cmdline: Some("root=UUID=1 rw".into()),
        }
    }

    #[test]
    fn an_image_without_profiles_is_one_entry() {
        let sections = [(".osrel", RELEASE), (".cmdline", " root=UUID=1\nrw\n\0"), (".linux", "k")];
        assert_eq!(read(&sections), [arch()]);
        assert_eq!(read(&[(".linux", "k")]), [], "systemd-boot does not list it");
        assert_eq!(read(&[(".osrel", RELEASE), (".linux", "k")]), [Profile { cmdline: None, ..arch() }]);
    }

    #[test]
    fn each_profile_is_an_entry_and_takes_from_the_base_what_it_lacks() {
        let sections = [
            (".osrel", RELEASE),
            (".cmdline", "root=UUID=1 rw"),
            (".linux", "k"),
            (".profile", "ID=main\n"),
            (".profile", "ID=rescue\nTITLE=Rescue system\n"),
            (".cmdline", "rescue"),
            (".profile", ""),
            (".initrd", "i"),
        ];
        let expected = [
            Profile { id: Some("main".into()), ..arch() },
            Profile {
                number: 1,
                id: Some("rescue".into()),
                title: "Arch Linux (Rescue system)".into(),
                cmdline: Some("rescue".into()),
                ..arch()
            },
            Profile { number: 2, title: "Arch Linux (Profile #3)".into(), ..arch() },
        ];
        assert_eq!(read(&sections), expected);
        let (program, _) = image(&sections);
        let offsets = |profile, name| {
            Sections::of(&program, profile).map(|sections| sections.get(name).map(|section| section.offset))
        };
        assert_eq!(offsets(1, ".cmdline"), Some(Some(5)));
        assert_eq!(offsets(2, ".cmdline"), Some(Some(1)));
        assert_eq!(offsets(2, ".profile"), Some(Some(6)));
        assert_eq!((offsets(1, ".initrd"), offsets(2, ".initrd")), (Some(None), Some(Some(7))));
        assert_eq!(offsets(3, ".linux"), None);
    }

    #[test]
    fn a_thin_image_names_its_files_and_their_content() {
        let [one, two] = ["a".repeat(32), "b".repeat(32)];
        let file = |path: &str, digits: &str| LinkedFile { path: path.into(), sha256: digits.repeat(32) };
        let both = Linked {
            kernel: file("/EFI/nixos/kernel.efi", "61"),
            initrd: file("/EFI/nixos/initrd.efi", "62"),
        };
        let (kernel, initrd) = ("\\EFI\\nixos\\kernel.efi", "\\EFI\\nixos\\initrd.efi");
        for (sections, expected) in [
            (
                vec![(".initrd", initrd), (".linux", kernel), (".initrdh", &*two), (".linuxh", &*one)],
                Some(Ok(both.clone())),
            ),
            (
                vec![(".initrdp", initrd), (".kernelp", kernel), (".initrdh", &*two), (".kernelh", &*one)],
                Some(Ok(both)),
            ),
            (vec![(".linux", "kernel"), (".initrd", "initrd")], None),
            (
                vec![(".linux", kernel), (".linuxh", &*one)],
                Some(Err("its section .initrd names no file".to_owned())),
            ),
            (
                vec![(".kernelp", kernel), (".initrdp", initrd)],
                Some(Err("its section .kernelh holds no SHA-256 of \\EFI\\nixos\\kernel.efi".to_owned())),
            ),
            (
                vec![(".linux", kernel), (".linuxh", "short"), (".initrd", initrd)],
                Some(Err("its section .linuxh holds no SHA-256 of \\EFI\\nixos\\kernel.efi".to_owned())),
            ),
        ] {
            let (program, contents) = image(&sections);
            let read = |section: &Section| contents.get(usize::try_from(section.offset).unwrap()).cloned();
            assert_eq!(linked(Sections::of(&program, 0).unwrap(), &read), expected, "{sections:?}");
        }
    }

    #[test]
    fn a_profile_that_does_not_say_its_system_does_not_hide_the_next_one() {
        let sections = [(".linux", "k"), (".profile", "ID=a"), (".profile", "ID=b"), (".osrel", RELEASE)];
        let numbers: Vec<u32> = read(&sections).iter().map(|profile| profile.number).collect();
        assert_eq!(numbers, [1]);
    }

    proptest! {
        #[test]
        fn arbitrary_sections_never_panic(sections in prop::collection::vec(("\\.(osrel|profile|cmdline|linux|initrd|linuxh|kernelp|kernelh|initrdh)", any::<String>()), 0..12)) {
            let sections: Vec<(&str, &str)> = sections.iter().map(|(name, content)| (&**name, &**content)).collect();
            let _ = read(&sections);
            let (program, contents) = image(&sections);
            let read = |section: &Section| contents.get(usize::try_from(section.offset).unwrap()).cloned();
            let _ = Sections::of(&program, 0).map(|sections| linked(sections, &read));
        }
    }
}
