//! Kernels whose own headers say that they do not boot: cut short, or without the part that is a kernel. Reported before anything
//! is chosen; check sums are checked when a kernel is loaded.

use super::unified::CUT_SHORT;
use crate::formats::{
    bzimage,
    kernel_file::{
        KernelFile,
        u_image::{HEADER_LENGTH, KERNEL, SEVERAL},
    },
};

/// The longest command line, in bytes, of a kernel that does not tell it (`COMMAND_LINE_SIZE` without its NUL).
const USUAL_LENGTH: u32 = 2047;

/// Maximum length of a kernel's command line, in bytes, by its head and the size of its file in bytes.
///
/// # Errors
/// Why it does not boot.
pub(super) fn longest_cmdline(file: &KernelFile, head: &[u8], size: u64) -> Result<u32, String> {
    let (end, longest) = match file {
        KernelFile::Bzimage(_) => {
            bzimage::parse(head).map_or((0, USUAL_LENGTH), |header| (header.length, header.cmdline_size))
        }
        KernelFile::EfiZboot(kernel) => {
            (u64::from(kernel.offset).saturating_add(kernel.size.into()), USUAL_LENGTH)
        }
        KernelFile::Image(_) => (0, USUAL_LENGTH),
        KernelFile::Uimage(image) if !image.is_linux => {
            return Err("the image is of another system than Linux".into());
        }
        KernelFile::Uimage(image) if ![KERNEL, SEVERAL].contains(&&*image.content) => {
            return Err(format!("the image holds no kernel, but a {}", image.content));
        }
        KernelFile::Uimage(image) => (u64::from(image.size).saturating_add(HEADER_LENGTH as u64), u32::MAX),
        _ => (0, u32::MAX),
    };
    if end > size { Err(CUT_SHORT.into()) } else { Ok(longest) }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crc::{CRC_32_ISO_HDLC, Crc};

    use crate::{
        discover::{
            discover,
            finder::Context,
            testing::{tree, volume, volumes},
        },
        entry::FilesystemKind,
        formats::testing::{fit, pe::image},
    };

    /// A bzImage of 64 sectors by its header (kernel: Documentation/arch/x86/boot.rst), of which `length` bytes are there.
    fn bzimage(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; 64 * 512];
        for (at, field) in [
            (0x1f1, &b"\x03"[..]),
            (0x1f4, &(60 * 32_u32).to_le_bytes()),
            (0x1fe, b"\x55\xaa"),
            (0x202, b"HdrS\x0f\x02"),
            (0x211, b"\x01"),
            (0x236, b"\x03\0\xff\x07\0\0"),
        ] {
            bytes[at..at + field.len()].copy_from_slice(field);
        }
        bytes.truncate(length);
        bytes
    }

    /// An older image of U-Boot's for this machine (U-Boot: include/image.h).
    fn u_image(system: u8, content: u8, size: u32, data: &[u8]) -> Vec<u8> {
        let architecture = if cfg!(target_arch = "aarch64") { 22 } else { 24 };
        let mut header = [0; 64];
        header[..4].copy_from_slice(b"\x27\x05\x19\x56");
        header[12..16].copy_from_slice(&size.to_be_bytes());
        header[28..32].copy_from_slice(&[system, architecture, content, 0]);
        let sum = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&header);
        header[4..8].copy_from_slice(&sum.to_be_bytes());
        [&header[..], data].concat()
    }

    /// An image tree with a kernel and one configuration, which names these.
    fn image_tree(
        configuration: Option<&str>,
        default: &str,
        kernel: &str,
        overlay: Option<&str>,
    ) -> Vec<u8> {
        let named = |name: &str| format!("{name}\0").into_bytes();
        fit::tree(|put| {
            put(Some(""), None);
            put(Some("images"), None);
            put(Some("kernel-1"), None);
            put(None, Some(("data", b"kernel")));
            put(None, None);
            put(None, None);
            if let Some(name) = configuration {
                put(Some("configurations"), None);
                put(None, Some(("default", &named(default))));
                put(Some(name), None);
                put(None, Some(("kernel", &named(kernel))));
                overlay.into_iter().for_each(|overlay| put(None, Some(("fdt", &named(overlay)))));
                put(None, None);
                put(None, None);
            }
            put(None, None);
        })
    }

    /// Name of the file, its content, and why what boots it is refused; `None` if it is not.
    type Case<'a> = (&'a str, Vec<u8>, Option<&'a str>);

    /// Each file in turn lies beside a configuration that boots it. It is listed with its reason and chosen neither before what
    /// boots elsewhere nor alone.
    fn check(configuration: &[(&str, &str)], cases: &[Case<'_>]) {
        let good = tree(&[("loader/entries/good.conf", "title good\nlinux /k\n"), ("k", "")]);
        for (place, (path, content, expected)) in cases.iter().enumerate() {
            let bad = tree(configuration);
            let path = bad.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, content).unwrap();
            let bad = (&bad, volume("sda1", FilesystemKind::Vfat));
            let good = (&good, volume("sdb1", FilesystemKind::Vfat));
            let context = Context { efi: true, ..Context::default() };
            let alone = discover(&volumes(std::slice::from_ref(&bad)), &context);
            let problems: Vec<_> = alone.entries.iter().map(|entry| entry.problem.as_deref()).collect();
            assert_eq!(problems, [*expected], "{place}: {:?}", alone.warnings);
            // The entry that its loader would boot may be known, but it is not booted.
            let is_chosen = alone
                .entries
                .iter()
                .any(|entry| alone.default.as_ref() == Some(&entry.id) && entry.problem.is_none());
            assert_eq!(is_chosen, expected.is_none(), "{place}");
            let both = discover(&volumes(&[bad, good]), &context);
            assert_eq!(both.default.as_deref() == Some("good"), expected.is_some(), "{place}");
        }
    }

    const CUT_SHORT: Option<&str> = Some("the kernel's file is cut short");

    #[test]
    fn damaged_unified_kernel_images_are_listed_and_not_chosen() {
        let release: (&[u8; 8], &str) = (b".osrel\0\0", "PRETTY_NAME=One\n");
        let whole = image(&[release, (b".linux\0\0", "kernel"), (b".initrd\0", &"i".repeat(600))]);
        let section = |from_end: usize| whole[..whole.len() - from_end].to_vec();
        let cases: [(Vec<u8>, Option<&str>); 4] = [
            (section(0), None),
            // The last section takes two sectors, that of the kernel the one before.
            (section(1024), CUT_SHORT),
            (section(1024 + 512), CUT_SHORT),
            (image(&[release, (b".initrd\0", "initrd")]), Some("the image holds no kernel")),
        ];
        for (content, problem) in cases {
            check(&[("loader/loader.conf", "")], &[("EFI/Linux/one.efi", content.clone(), problem)]);
            let entry = ("loader/entries/one.conf", "title One\nuki /one.efi\n");
            check(&[("loader/loader.conf", ""), entry], &[("one.efi", content, problem)]);
        }
    }

    #[test]
    fn damaged_images_of_u_boots_are_listed_and_not_chosen() {
        let whole = image_tree(Some("conf"), "conf", "kernel-1", None);
        let cases = [
            ("k", u_image(5, 2, 6, b"kernel"), None),
            ("k", u_image(5, 2, 7, b"kernel"), CUT_SHORT),
            ("k", u_image(5, 4, 7, b"kernel"), CUT_SHORT),
            ("k", u_image(5, 3, 6, b"initrd"), Some("the image holds no kernel, but a ramdisk")),
            ("k", u_image(2, 2, 6, b"netbsd"), Some("the image is of another system than Linux")),
            ("k", whole.clone(), None),
            ("k", image_tree(None, "", "", None), Some("the image tree has no configuration")),
            (
                "k",
                image_tree(Some("conf"), "gone", "kernel-1", None),
                Some("the image tree has no configuration"),
            ),
            (
                "k",
                image_tree(Some("conf"), "conf", "gone", None),
                Some("a file that the image tree's default configuration names is missing or cut short"),
            ),
            (
                "k",
                image_tree(Some("conf"), "conf", "kernel-1", Some("overlay")),
                Some("a file that the image tree's default configuration names is missing or cut short"),
            ),
            ("other", Vec::new(), Some("there is no /k")),
        ];
        check(&[("extlinux/extlinux.conf", "default a\nlabel a\nlinux /k\nappend ro\n")], &cases);
    }

    #[test]
    fn damaged_boot_partitions_of_a_raspberry_pi_are_listed_with_the_reason() {
        for (config, cmdline, content, problem) in [
            ("kernel=k\n", "ro".into(), b"k".to_vec(), None),
            ("kernel=gone.img\n", "ro".into(), Vec::new(), Some("there is no /gone.img")),
            ("kernel=k\ninitramfs gone\n", "ro".into(), b"k".to_vec(), Some("there is no /gone")),
            (
                "kernel=k\n",
                "x".repeat((1 << 20) + 1),
                b"k".to_vec(),
                Some("its command line cannot be read: larger than 1048576 bytes"),
            ),
        ] {
            let directory = tree(&[("config.txt", config), ("cmdline.txt", &cmdline)]);
            fs::write(directory.path().join("k"), content).unwrap();
            let open = volumes(&[(&directory, volume("sda1", FilesystemKind::Vfat))]);
            let found = discover(&open, &Context::default());
            let problems: Vec<_> = found.entries.iter().map(|entry| entry.problem.as_deref()).collect();
            assert_eq!(
                (problems, found.default.as_deref()),
                (vec![problem], Some("/config.txt")),
                "{config}"
            );
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_kernel_that_lost_its_end_is_listed_and_not_chosen() {
        let cases = [
            ("k", bzimage(64 * 512), None),
            // The last 16 bytes need not be whole: memtest86+'s are not.
            ("k", bzimage(64 * 512 - 15), None),
            ("k", bzimage(64 * 512 - 16), CUT_SHORT),
            ("k", bzimage(0x300), CUT_SHORT),
        ];
        check(&[("kboot.conf", "default=a\na='/k ro'\n")], &cases);
        let (longest, longer) = ("x".repeat(2047), "x".repeat(2048));
        let too_long = "the kernel takes 2047 bytes of command line, and this one has 2048";
        for (words, problem) in [(longest, None), (longer, Some(too_long))] {
            let directory = tree(&[("config.txt", "kernel=k\n"), ("cmdline.txt", &words)]);
            fs::write(directory.path().join("k"), bzimage(64 * 512)).unwrap();
            let open = volumes(&[(&directory, volume("sda1", FilesystemKind::Vfat))]);
            let found = discover(&open, &Context::default());
            assert_eq!(found.entries[0].problem.as_deref(), problem);
        }
        check(&[("boot/grub/grub.cfg", "menuentry a { linux /k ro\n}\n")], &cases);
    }
}
