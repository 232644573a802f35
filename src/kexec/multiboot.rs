//! Loading a kernel that is started by multiboot, with its modules: always by kexec_load(2), since kexec_file_load(2) knows
//! no such kernels.

use std::{borrow::Cow, fs::File, io, path::Path};

use rustix::io::Errno;

use super::{
    call::{Method, allowed},
    error::{LoadError, refused},
    load::LoadOptions,
    reason,
    segments::{self, SegmentsError, machine},
    signatures,
};
use crate::{
    formats::text::encode,
    image::{MultibootStart, PreparedKernel},
    sys::files,
};

/// A kernel that holds the first of these words (Xen) takes all of them: it calls no BIOS. Linux has taken the devices over
/// from that, and a BIOS that is asked to read a disk then waits for ever.
const WITHOUT_BIOS: [&str; 2] = ["no-real-mode", "edd=off"];

/// Linux's word for the address of ACPI's root pointer (kernel-parameters.txt).
const WORD: &str = "acpi_rsdp=";

/// Maximum length of what is searched of a kernel, in bytes.
const SEARCHED: usize = 64 << 20;

/// Loads a multiboot kernel. It has no signature that would be checked, so that where signatures are enforced only
/// [`Method::Segments`] loads it.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub(super) fn load(
    prepared: &PreparedKernel,
    start: &MultibootStart,
    options: &LoadOptions,
) -> Result<(), LoadError> {
    let name = || prepared.kernel.name.clone();
    let circumstances = reason::circumstances(false);
    if options.method != Method::Segments {
        allowed(&name(), signatures::ask(&circumstances), "boot a signed kernel of Linux")?;
    }
    let knows_words = holds(&prepared.kernel.file, WITHOUT_BIOS[0].as_bytes())
        .map_err(|source| LoadError::Read { kernel: name(), source })?;
    let cmdline = encode(&prepared.cmdline);
    let cmdline = without_bios(&cmdline, knows_words);
    let root = if knows_words { machine::root_pointer(Path::new("/sys/firmware/efi")) } else { 0 };
    let words: Vec<Vec<u8>> = start.words.iter().map(|words| encode(words)).collect();
    let words: Vec<Cow<'_, [u8]>> =
        words.iter().enumerate().map(|(place, words)| with_root(words, root, place)).collect();
    let modules: Vec<(&File, &[u8])> =
        prepared.initrds.iter().zip(&words).map(|(module, words)| (&module.file, words.as_ref())).collect();
    let texts = segments::multiboot::KernelTexts { cmdline: &cmdline, named: start.named };
    segments::load_multiboot(&prepared.kernel.file, start.version, &modules, &texts, &options.limits).map_err(
        |source| match source {
            SegmentsError::Refused(errno) if errno != Errno::NOSYS => {
                refused(name(), errno, &reason::Circumstances { multiboot: true, ..circumstances })
            }
            source => LoadError::Segments { kernel: name(), source },
        },
    )
}

/// The command line with what has a kernel leave the BIOS alone, unless it says so itself.
fn without_bios(cmdline: &[u8], knows_words: bool) -> Cow<'_, [u8]> {
    let has = |word: &&str| cmdline.split(u8::is_ascii_whitespace).any(|other| other == word.as_bytes());
    let missing: Vec<&str> = WITHOUT_BIOS.iter().copied().filter(|word| knows_words && !has(word)).collect();
    match missing.as_slice() {
        [] => Cow::Borrowed(cmdline),
        missing => Cow::Owned([cmdline, missing.join(" ").as_bytes()].join(&b' ')),
    }
}

/// The words of the module at this place, with the one that leads Xen's first Linux to ACPI's root pointer: Xen, started so,
/// does not know of UEFI, and shows that Linux none of the memory in which the pointer is.
fn with_root(words: &[u8], root: u64, place: usize) -> Cow<'_, [u8]> {
    if root == 0 || place > 0 || words.windows(WORD.len()).any(|bytes| bytes == WORD.as_bytes()) {
        return Cow::Borrowed(words);
    }
    Cow::Owned([words, format!("{WORD}{root:#x}").as_bytes()].join(&b' '))
}

/// Whether the file holds these bytes.
fn holds(file: &File, wanted: &[u8]) -> io::Result<bool> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(SEARCHED).min(SEARCHED);
    let content = files::read_at(file, 0, size)?;
    Ok(content.windows(wanted.len()).any(|bytes| bytes == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::file;

    #[test]
    fn a_kernel_that_can_leave_the_bios_alone_gets_the_words_for_it() {
        for (content, cmdline, expected) in [
            (
                "…\0no-real-mode\0edd\0",
                "placeholder dom0_mem=1G",
                "placeholder dom0_mem=1G no-real-mode edd=off",
            ),
            ("no-real-mode", "x no-real-mode", "x no-real-mode edd=off"),
            ("no-real-mode", "x edd=off no-real-mode y", "x edd=off no-real-mode y"),
            ("another kernel", "x", "x"),
            ("", "", ""),
        ] {
            let knows_words = holds(&file(content.as_bytes()), b"no-real-mode").unwrap();
            assert_eq!(without_bios(cmdline.as_bytes(), knows_words), expected.as_bytes(), "{content}");
        }
    }
    #[test]
    fn the_first_linux_gets_the_address_of_the_root_pointer() {
        for (words, root, place, expected) in [
            ("placeholder ro", 0x3f77_e014, 0, "placeholder ro acpi_rsdp=0x3f77e014"),
            ("initrd", 0x3f77_e014, 1, "initrd"),
            ("ro acpi_rsdp=0x1000", 0x3f77_e014, 0, "ro acpi_rsdp=0x1000"),
            ("ro", 0, 0, "ro"),
        ] {
            assert_eq!(with_root(words.as_bytes(), root, place), expected.as_bytes(), "{words} {place}");
        }
    }
}
