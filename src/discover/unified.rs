//! Unified kernel images as systemd's stub in them reads them: which command line counts, and which files beside the
//! image go with it (systemd-stub(7)).

use std::env::consts::ARCH;

use super::finder::Context;
use crate::{
    entry::{Companion, Entry, FileReference, Kind, Role, Unified, Warning},
    formats::{
        bls::entry_name,
        kernel_file::pe::{self, Program, Section},
        lookup::{FileKind, Lookup},
        uki::{
            Linked, LinkedFile, Profile, Sections, TEXT_LIMIT, is_firstlight, linked, mangled, profiles,
            section_text,
        },
    },
};

/// Headers and section table of an EFI program are within this many bytes.
const HEAD_LENGTH: usize = 16 << 10;

/// The section that says what system an image boots.
const RELEASE: &str = ".osrel";

/// Why a file is not booted whose header tells of more than there is.
pub(super) const CUT_SHORT: &str = "the kernel's file is cut short";

/// Maximum number of companions of one image.
const COMPANION_LIMIT: usize = 256;
/// Maximum length of a companion's name, in bytes.
const NAME_LIMIT: usize = 255;

/// In the stub's order: directories (none is the image's own), the files' suffix, one that is left out, their role.
const COMPANIONS: [(Option<&str>, &str, &str, Role); 8] = [
    (Some("/loader/addons"), ".addon.efi", "", Role::Addon),
    (None, ".addon.efi", "", Role::Addon),
    (None, ".cred", "", Role::Credential),
    (Some("/loader/credentials"), ".cred", "", Role::GlobalCredential),
    (None, ".raw", CONFIGURATION, Role::SystemExtension),
    (Some("/loader/extensions"), ".raw", CONFIGURATION, Role::GlobalSystemExtension),
    (None, CONFIGURATION, "", Role::ConfigurationExtension),
    (Some("/loader/extensions"), CONFIGURATION, "", Role::GlobalConfigurationExtension),
];
const CONFIGURATION: &str = ".confext.raw";

/// An image on a volume.
#[derive(Clone, Copy)]
pub(super) struct UnifiedImage<'a> {
    pub lookup: &'a dyn Lookup,
    pub volume: usize,
    /// Where the root of its partition is seen from the root of the volume.
    pub base: &'a str,
    /// Path from the root of the volume.
    pub path: &'a str,
}

impl UnifiedImage<'_> {
    /// An image, of which only the path is known.
    pub fn at<'a>(lookup: &'a dyn Lookup, volume: usize, path: &'a str) -> UnifiedImage<'a> {
        let base = ["/EFI/", "/efi/"].iter().find_map(|directory| path.split_once(directory));
        UnifiedImage { lookup, volume, base: base.map_or("", |(base, _)| base), path }
    }

    /// Its headers; `None` if it is no EFI program.
    pub fn program(&self) -> Option<Program> {
        let size = self.lookup.status(self.volume, self.path, true)?.size;
        pe::parse(&self.lookup.read_at(self.volume, self.path, 0, HEAD_LENGTH).ok()?, size)
    }

    fn read(&self, section: &Section) -> Option<Vec<u8>> {
        let length = usize::try_from(section.size).ok()?.min(TEXT_LIMIT);
        self.lookup.read_at(self.volume, self.path, section.offset.into(), length).ok()
    }

    fn text(&self, sections: Sections<'_>, name: &'static str) -> Option<String> {
        sections.get(name).and_then(|section| self.read(section)).map(|bytes| section_text(&bytes))
    }

    /// Whether it is firstlight, which the firmware started or could start.
    pub fn is_firstlight(&self) -> bool {
        self.program().is_some_and(|program| self.holds_firstlight(&program))
    }

    fn holds_firstlight(&self, program: &Program) -> bool {
        let release = program.section(RELEASE).and_then(|section| self.read(section));
        release.is_some_and(|release| is_firstlight(&section_text(&release)))
    }

    /// Its profiles; `None` if it is neither a unified kernel image nor what is left of one.
    pub fn profiles(&self) -> Option<Vec<Profile>> {
        let program = self.program().filter(|it| it.is_uki() || it.section(RELEASE).is_some())?;
        Some(profiles(&program, &|section| self.read(section)))
    }

    /// Puts into the entry what the stub adds, as does that of a thin image (lanzaboote). On coming in, the entry has the
    /// command line that its loader passes, which may begin with the number of a profile (`@1 `). Says whether the file is an
    /// image at all.
    pub fn complete(&self, context: &Context, entry: &mut Entry, warnings: &mut Vec<Warning>) -> bool {
        let Some(program) = self.program() else { return false };
        let links = |sections| linked(sections, &|section| self.read(section));
        let is_thin = Sections::of(&program, 0).and_then(links).is_some();
        if !(program.is_uki() || is_thin) && (entry.kind != Kind::Uki || program.section(RELEASE).is_none()) {
            return false;
        }
        entry.kind = Kind::Uki;
        if program.cut_short || !(program.is_uki() || is_thin) {
            let problem = if program.cut_short { CUT_SHORT } else { "the image holds no kernel" };
            entry.problem.get_or_insert_with(|| problem.into());
            return true;
        }
        if program.architecture != ARCH {
            let problem = format!("the image is for {}, this machine is {ARCH}", program.architecture);
            entry.problem.get_or_insert(problem);
            return true;
        }
        if self.holds_firstlight(&program) {
            let problem = "it is firstlight itself, which would find the same entries again";
            entry.problem.get_or_insert(problem.into());
            return true;
        }
        let (passed, rest) = profile_of(&entry.cmdline);
        let profile = passed.unwrap_or(entry.unified.profile);
        let Some(sections) = Sections::of(&program, profile) else {
            entry.problem.get_or_insert(format!("the image has no profile {profile}"));
            return true;
        };
        let own = self.text(sections, ".cmdline").map(|cmdline| mangled(&cmdline));
        let is_ignored = context.secure_boot && own.is_some();
        let passed = Some(mangled(rest)).filter(|passed| !passed.is_empty() && !is_ignored);
        let links = links(sections);
        let mut cmdline: Vec<String> = passed.or(own).into_iter().collect();
        let uname = self.text(sections, ".uname");
        let mut companions = Vec::new();
        for file in self.companions(links.is_some()) {
            if file.role == Role::Addon {
                match self.addon(&file.file.path, uname.as_deref()) {
                    Ok(words) => cmdline.extend(words),
                    Err(reason) => {
                        let (volume, path) = (file.file.volume, file.file.path);
                        let message = format!("{reason}: {} boots without it", self.path);
                        warnings.push(Warning { volume, path, line: None, message });
                        continue;
                    }
                }
            }
            companions.push(file);
        }
        match links {
            None => cmdline.extend(from_host(context, "io.systemd.stub.kernel-cmdline-extra=")),
            Some(Ok(links)) => self.follow(links, entry),
            Some(Err(problem)) => {
                entry.problem.get_or_insert(problem);
            }
        }
        cmdline.retain(|part| !part.is_empty());
        entry.cmdline = cmdline.join(" ");
        // The companions that the entry itself names come after those beside the image.
        companions.append(&mut entry.unified.companions);
        entry.unified = Unified { profile, companions };
        true
    }

    /// Puts into the entry of an image the files that it names.
    fn follow(&self, Linked { kernel, initrd }: Linked, entry: &mut Entry) {
        let [kernel, initrd] = [kernel, initrd].map(|LinkedFile { path, sha256 }| {
            let path = format!("{}{path}", self.base);
            if !self.lookup.is_file(self.volume, &path) {
                entry.problem.get_or_insert_with(|| format!("there is no {path}, which {} names", self.path));
            }
            let file = FileReference::new(self.lookup.volume_reference(self.volume), path);
            FileReference { sha256: Some(sha256), ..file }
        });
        (entry.kind, entry.kernel, entry.initrds) = (Kind::Linux, Some(kernel), vec![initrd]);
    }

    /// The files beside the image. A thin one's stub looks for its own in the directory of a former stub where the usual one is
    /// not there (lanzaboote, linux-bootloader/src/companions.rs).
    fn companions(&self, is_thin: bool) -> Vec<Companion> {
        let (directory, name) = self.path.rsplit_once('/').unwrap_or(("", self.path));
        // Boot counters belong to no directory's name.
        let name =
            entry_name(name, ".efi").map_or_else(|| name.to_owned(), |name| format!("{}.efi", name.id));
        let mut own = format!("{directory}/{name}.extra.d");
        if is_thin && self.lookup.status(self.volume, &own, true).is_none() {
            own = format!("{}.extra", self.path);
        }
        let Some(volume) = self.lookup.volumes().get(self.volume) else { return Vec::new() };
        let mut found = Vec::new();
        for (global, suffix, left_out, role) in COMPANIONS {
            let directory = global.map_or_else(|| own.clone(), |global| format!("{}{global}", self.base));
            for file in self.lookup.list(self.volume, &directory) {
                let name = file.name.to_ascii_lowercase();
                let is_one = file.kind != FileKind::Directory
                    && !name.starts_with('.')
                    && name.is_ascii()
                    && name.len() <= NAME_LIMIT
                    && name.ends_with(suffix)
                    && (left_out.is_empty() || !name.ends_with(left_out));
                if is_one && found.len() < COMPANION_LIMIT {
                    let path = format!("{directory}/{}", file.name);
                    found.push(Companion { role, file: FileReference::new(volume.reference(), path) });
                }
            }
        }
        found
    }

    /// The words that an addon adds to the command line; an error if the stub would not take it.
    fn addon(&self, path: &str, uname: Option<&str>) -> Result<Option<String>, String> {
        let addon = UnifiedImage { path, ..*self };
        let program = addon.program().ok_or("it is no EFI program")?;
        let sections = Sections::of(&program, 0).ok_or("it has no sections")?;
        if program.is_uki() {
            return Err("it has a kernel of its own, so it is no addon".into());
        }
        if program.architecture != ARCH {
            return Err(format!("it is for {}, this machine is {ARCH}", program.architecture));
        }
        match (uname, addon.text(sections, ".uname")) {
            (Some(uname), Some(wanted)) if uname != wanted => {
                Err(format!("it is for the kernel {wanted} only"))
            }
            _ => Ok(addon.text(sections, ".cmdline").map(|cmdline| mangled(&cmdline))),
        }
    }
}

/// Completes those of another loader's entries that start an image.
pub(super) fn complete_chained<'a>(
    lookup: &dyn Lookup,
    context: &Context,
    entries: impl Iterator<Item = &'a mut Entry>,
    warnings: &mut Vec<Warning>,
) {
    for entry in entries.filter(|entry| entry.kind == Kind::Uki) {
        let Some(kernel) = entry.kernel.clone().filter(|kernel| kernel.inside.is_none()) else { continue };
        let volume = lookup.volumes().iter().position(|volume| kernel.volume.is(volume));
        if let Some(volume) = volume {
            UnifiedImage::at(lookup, volume, &kernel.path).complete(context, entry, warnings);
        }
    }
}

/// The words that the host of a virtual machine adds to a command line: the first string with this beginning.
pub(super) fn from_host(context: &Context, beginning: &str) -> Option<String> {
    context.oem_strings.iter().find_map(|text| text.strip_prefix(beginning)).map(mangled)
}

/// The number of a profile that a command line begins with, and the rest.
fn profile_of(cmdline: &str) -> (Option<u32>, &str) {
    let parted = || {
        let (number, rest) = cmdline.strip_prefix('@')?.split_once(' ').unwrap_or((cmdline.get(1..)?, ""));
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| number.parse().ok()).flatten().map(|number| (Some(number), rest))
    };
    parted().unwrap_or((None, cmdline))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::{FilesystemKind, Format, Source},
        formats::testing::pe::image,
    };

    const PATH: &str = "/EFI/Linux/a+3-0.efi";

    fn entry(cmdline: &str) -> Entry {
        let source = Source {
            format: Format::Uki,
            volume: "sda1".into(),
            path: PATH.into(),
            inside: None,
            line: None,
        };
        Entry { cmdline: cmdline.into(), ..Entry::new("a", source) }
    }

    fn completed(files: &TempDir, context: &Context, entry: Entry) -> (Entry, Vec<String>) {
        let (mut entry, mut warnings) = (entry, Vec::new());
        let open = volumes(&[(files, volume("sda1", FilesystemKind::Vfat))]);
        assert!(UnifiedImage::at(&open, 0, PATH).complete(context, &mut entry, &mut warnings));
        (
            entry,
            warnings.into_iter().map(|warning| format!("{}: {}", warning.path, warning.message)).collect(),
        )
    }

    fn with_image(sections: &[(&[u8; 8], &str)]) -> TempDir {
        let files = tree(&[("EFI/Linux/", "")]);
        fs::write(files.path().join(&PATH[1..]), image(sections)).unwrap();
        files
    }

    #[test]
    fn the_stubs_rule_says_which_command_line_counts() {
        let with = with_image(&[
            (b".linux\0\0", "kernel"),
            (b".cmdline", " root=LABEL=a\trw\n"),
            (b".profile", "ID=x"),
            (b".profile", "ID=y"),
            (b".cmdline", "single"),
        ]);
        let without = with_image(&[(b".linux\0\0", "kernel")]);
        for (files, secure_boot, passed, expected, profile) in [
            (&with, false, "", "root=LABEL=a rw", 0),
            (&with, false, " quiet", "quiet", 0),
            (&with, true, "quiet", "root=LABEL=a rw", 0),
            (&with, false, "@1 quiet", "quiet", 1),
            (&with, true, "@1 quiet", "single", 1),
            (&with, false, "@1", "single", 1),
            (&with, false, "@1x", "@1x", 0),
            (&without, true, "quiet", "quiet", 0),
            (&without, false, "", "", 0),
        ] {
            let context = Context { secure_boot, ..Context::default() };
            let (entry, _) = completed(files, &context, entry(passed));
            let found = (entry.cmdline.as_str(), entry.unified.profile, entry.problem);
            assert_eq!(found, (expected, profile, None), "{passed} {secure_boot}");
        }
        let oem_strings =
            ["other=x", "io.systemd.stub.kernel-cmdline-extra=from\tthe host"].map(str::to_owned).into();
        let (hosted, _) = completed(&with, &Context { oem_strings, ..Context::default() }, entry("quiet"));
        assert_eq!(hosted.cmdline, "quiet from the host");
        let (entry, _) = completed(&with, &Context::default(), entry("@2"));
        assert_eq!(entry.problem.as_deref(), Some("the image has no profile 2"));
    }

    #[test]
    fn what_lies_beside_an_image_goes_with_it_in_the_stubs_order() {
        let files = with_image(&[(b".linux\0\0", "kernel"), (b".cmdline", "own"), (b".uname\0\0", "6.1")]);
        for (path, content) in [
            ("EFI/Linux/a.efi.extra.d/B.cred", ""),
            ("EFI/Linux/a.efi.extra.d/a.cred", ""),
            ("EFI/Linux/a.efi.extra.d/.hidden.cred", ""),
            ("EFI/Linux/a.efi.extra.d/\u{e9}.cred", ""),
            ("EFI/Linux/a.efi.extra.d/x.raw", ""),
            ("EFI/Linux/a.efi.extra.d/y.confext.raw", ""),
            ("EFI/Linux/a+3-0.efi.extra.d/not.cred", ""),
            ("loader/credentials/g.cred", ""),
            ("loader/extensions/g.sysext.raw", ""),
            ("loader/extensions/g.CONFEXT.raw", ""),
            ("loader/addons/readme.txt", ""),
            ("loader/addons/broken.addon.efi", "text"),
        ] {
            let path = files.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        type Part = (&'static [u8; 8], &'static str);
        let addons: [(&str, &[Part]); 4] = [
            ("loader/addons/z.addon.efi", &[(b".cmdline", "global\n")]),
            ("loader/addons/k.addon.efi", &[(b".cmdline", "lost"), (b".linux\0\0", "k")]),
            ("EFI/Linux/a.efi.extra.d/1.ADDON.EFI", &[(b".cmdline", "local"), (b".uname\0\0", "6.1")]),
            ("EFI/Linux/a.efi.extra.d/2.addon.efi", &[(b".cmdline", "other"), (b".uname\0\0", "6.2")]),
        ];
        for (path, sections) in addons {
            fs::write(files.path().join(path), image(sections)).unwrap();
        }
        let (entry, warnings) = completed(&files, &Context::default(), entry(""));
        assert_eq!(entry.cmdline, "own global local");
        let found: Vec<_> =
            entry.unified.companions.iter().map(|found| (found.role, found.file.path.as_str())).collect();
        let expected = [
            (Role::Addon, "/loader/addons/z.addon.efi"),
            (Role::Addon, "/EFI/Linux/a.efi.extra.d/1.ADDON.EFI"),
            (Role::Credential, "/EFI/Linux/a.efi.extra.d/B.cred"),
            (Role::Credential, "/EFI/Linux/a.efi.extra.d/a.cred"),
            (Role::GlobalCredential, "/loader/credentials/g.cred"),
            (Role::SystemExtension, "/EFI/Linux/a.efi.extra.d/x.raw"),
            (Role::GlobalSystemExtension, "/loader/extensions/g.sysext.raw"),
            (Role::ConfigurationExtension, "/EFI/Linux/a.efi.extra.d/y.confext.raw"),
            (Role::GlobalConfigurationExtension, "/loader/extensions/g.CONFEXT.raw"),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            warnings,
            [
                "/loader/addons/broken.addon.efi: it is no EFI program: /EFI/Linux/a+3-0.efi boots without it",
                "/loader/addons/k.addon.efi: it has a kernel of its own, so it is no addon: /EFI/Linux/a+3-0.efi \
                 boots without it",
                "/EFI/Linux/a.efi.extra.d/2.addon.efi: it is for the kernel 6.2 only: /EFI/Linux/a+3-0.efi boots \
                 without it",
            ]
        );
    }

    #[test]
    fn a_thin_image_leads_to_the_files_that_it_names() {
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        let sections: [(&[u8; 8], &str); 5] = [
            (b".cmdline", "init=/nix/store/x/init quiet"),
            (b".initrd\0", "\\EFI\\nixos\\initrd-2.efi"),
            (b".linux\0\0", "\\EFI\\nixos\\kernel-1.efi"),
            (b".initrdh", &two),
            (b".linuxh\0", &one),
        ];
        let files = with_image(&sections);
        let file = |path: &str, digits: &str| FileReference {
            sha256: Some(digits.repeat(32)),
            ..FileReference::new("sda1".into(), path.into())
        };
        let expected = Entry {
            kernel: Some(file("/EFI/nixos/kernel-1.efi", "31")),
            initrds: vec![file("/EFI/nixos/initrd-2.efi", "32")],
            problem: Some("there is no /EFI/nixos/kernel-1.efi, which /EFI/Linux/a+3-0.efi names".into()),
            ..entry("init=/nix/store/x/init quiet")
        };
        assert_eq!(completed(&files, &Context::default(), entry("")), (expected.clone(), vec![]));
        for path in ["EFI/nixos/kernel-1.efi", "EFI/nixos/initrd-2.efi"] {
            let path = files.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let there = Entry { problem: None, ..expected };
        let mut found = Vec::new();
        // The stub's rule for command lines is systemd's.
        for (secure_boot, cmdline) in [(true, "init=/nix/store/x/init quiet"), (false, "single")] {
            let context = Context { secure_boot, ..Context::default() };
            let expected = Entry { cmdline: cmdline.into(), ..there.clone() };
            assert_eq!(completed(&files, &context, entry("single")).0, expected);
        }
        // So are the files that go with it, from the directory of a former stub only where the usual one is not there.
        let addon = image(&[(b".cmdline", "added")]);
        for (path, content) in [
            ("EFI/Linux/a+3-0.efi.extra/old.cred", &b""[..]),
            ("loader/addons/b.addon.efi", &addon),
            ("EFI/Linux/a.efi.extra.d/new.cred", b""),
        ] {
            let path = files.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            let (entry, _) = completed(&files, &Context::default(), entry("single"));
            let names = entry.unified.companions.iter().map(|it| it.file.path.rsplit('/').next().unwrap());
            found.push(format!("{}: {}", entry.cmdline, names.collect::<Vec<_>>().join(" ")));
        }
        assert_eq!(
            found,
            ["single: old.cred", "single added: b.addon.efi old.cred", "single added: b.addon.efi new.cred"]
        );
        let (broken, _) = completed(&with_image(&sections[..4]), &Context::default(), entry(""));
        assert_eq!((broken.kind, broken.problem), (Kind::Uki, None), "its kernel is checked as any other is");
    }

    #[test]
    fn an_image_for_another_machine_is_refused() {
        let files = with_image(&[(b".linux\0\0", "kernel")]);
        let path = files.path().join(&PATH[1..]);
        let mut bytes = fs::read(&path).unwrap();
        bytes[0x44..0x46].copy_from_slice(&[0x64, 0x50]);
        fs::write(&path, bytes).unwrap();
        let (entry, _) = completed(&files, &Context::default(), entry(""));
        assert_eq!(entry.problem, Some(format!("the image is for riscv64, this machine is {ARCH}")));
    }
}
