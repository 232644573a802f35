//! Unified kernel images (UAPI.5) as systemd-boot lists them: their profiles, titles, versions and command lines.

use super::{
    bls::pairs,
    kernel_file::pe::{Program, Section},
    text,
};

/// No text of an image is read past this many bytes.
pub const TEXT_LIMIT: usize = 64 << 10;

/// No more profiles of one image are listed: systemd's own limit.
const PROFILES_LIMIT: usize = 256;

/// Sections that hold what is loaded into memory, beside the command line.
const LOADED: [&str; 6] = [".linux", ".initrd", ".ucode", ".dtb", ".dtbauto", ".efifw"];

/// One way to boot an image: one entry in the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its number, from 0; images without profiles have number 0 alone.
    pub number: u32,
    /// `ID` of `.profile`.
    pub id: Option<String>,
    /// The system's name, with the profile's title behind it.
    pub title: String,
    /// The system's version.
    pub version: Option<String>,
    /// What it is sorted by.
    pub sort_key: Option<String>,
    /// `.cmdline`, fit for a kernel.
    pub cmdline: Option<String>,
    /// It has a kernel, an initrd or a device tree of its own, not only a command line.
    pub has_own_parts: bool,
}

/// The profiles of an image that say what system they boot; systemd-boot does not list others. `read` gives the content
/// of a section, of which [`TEXT_LIMIT`] bytes are enough.
pub fn profiles(program: &Program, read: &dyn Fn(&Section) -> Option<Vec<u8>>) -> Vec<Profile> {
    let mut parts = program.sections.split(|section| section.name == ".profile");
    let base = parts.next().unwrap_or_default();
    // What stands before the first profile belongs to all; the marks themselves fell out of the parts.
    let marks: Vec<&Section> = program.sections.iter().filter(|section| section.name == ".profile").collect();
    let parts: Vec<&[Section]> = parts.collect();
    let count = parts.len().clamp(1, PROFILES_LIMIT);
    let one = |number: usize| {
        let own = parts.get(number).copied().unwrap_or_default();
        let section = |name: &str| own.iter().chain(base).find(|section| section.name == name);
        let content = |section: &Section| {
            read(section).map(|bytes| text::decode(&bytes).trim_end_matches('\0').to_owned())
        };
        let release = section(".osrel").and_then(content)?;
        let release = Fields(&release);
        let mark = marks.get(number).and_then(|mark| content(mark)).unwrap_or_default();
        let mark = Fields(&mark);
        let name = release.first(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"])?;
        let id = mark.first(&["ID"]);
        let title = match (mark.first(&["TITLE"]), &id) {
            (Some(title), _) => format!("{name} ({title})"),
            (None, _) if number == 0 => name,
            (None, Some(id)) => format!("{name} ({id})"),
            (None, None) => format!("{name} (Profile #{})", number.saturating_add(1)),
        };
        Some(Profile {
            number: u32::try_from(number).ok()?,
            id,
            title,
            version: release.first(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"]),
            sort_key: release.first(&["IMAGE_ID", "ID"]),
            cmdline: section(".cmdline").and_then(content).map(|cmdline| mangled(&cmdline)),
            has_own_parts: own.iter().any(|section| LOADED.contains(&section.name.as_str())),
        })
    };
    (0..count).filter_map(one).collect()
}

/// What of an image is loaded, without regard to profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<T> {
    /// The kernel.
    pub kernel: T,
    /// Microcode, which stands before all other initrds.
    pub microcode: Option<T>,
    /// The initrd, behind all that the loader brings.
    pub initrd: Option<T>,
}

/// The sections that are loaded; `None` where there is no kernel.
#[must_use]
pub fn parts(program: &Program) -> Option<Parts<&Section>> {
    Some(Parts {
        kernel: program.section(".linux")?,
        microcode: program.section(".ucode"),
        initrd: program.section(".initrd"),
    })
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

/// Control characters become blanks, and blanks at both ends fall away.
fn mangled(cmdline: &str) -> String {
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
        (Program { architecture: "x86_64".into(), sections: table.collect() }, contents)
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
            has_own_parts: false,
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
            Profile { number: 2, title: "Arch Linux (Profile #3)".into(), has_own_parts: true, ..arch() },
        ];
        assert_eq!(read(&sections), expected);
        let (program, _) = image(&sections);
        let offsets =
            parts(&program).map(|parts| (parts.kernel.offset, parts.initrd.map(|initrd| initrd.offset)));
        assert_eq!(offsets, Some((2, Some(7))));
    }

    proptest! {
        #[test]
        fn arbitrary_sections_never_panic(sections in prop::collection::vec(("\\.(osrel|profile|cmdline|linux|initrd)", any::<String>()), 0..12)) {
            let sections: Vec<(&str, &str)> = sections.iter().map(|(name, content)| (&**name, &**content)).collect();
            let _ = read(&sections);
        }
    }
}
