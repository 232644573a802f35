//! Unified kernel images: one EFI program of a stub, a kernel, an initramfs and a command line (UAPI.5; systemd-stub(7)). The stub is
//! firstlight's own (package `efi`) or systemd's.

use std::path::{Path, PathBuf};

use firstlight::formats::kernel_file::{HEAD_LENGTH, KernelFile, recognise};

use crate::BuildError;
use crate::error::read;
use crate::kernel::Architecture;
use crate::pe::{NewSection, extended, machine, with_sections};

/// The parts of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UkiRecipe {
    /// The stub, which starts the kernel.
    pub stub: PathBuf,
    /// The kernel, an EFI program itself.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// The kernel's command line.
    pub cmdline: String,
    /// The text of `.osrel`; `None` says that it is firstlight.
    pub os_release: Option<String>,
    /// What `uname -r` will print; `None` takes it from the kernel, where that tells.
    pub uname: Option<String>,
    /// More sections by their names, each the content of a file.
    pub sections: Vec<(String, PathBuf)>,
}

/// Says of the image what boot loaders show in their menus (os-release(5)).
const OS_RELEASE: &str = concat!(
    "ID=firstlight\nNAME=firstlight\nPRETTY_NAME=\"firstlight ",
    env!("CARGO_PKG_VERSION"),
    "\"\nVERSION_ID=",
    env!("CARGO_PKG_VERSION"),
    "\n"
);

/// Where Debian, Fedora, Arch and others have systemd's stubs.
const STUBS: &str = "/usr/lib/systemd/boot/efi";

/// The stub of this machine's systemd for a kernel, where it has one.
///
/// # Errors
/// When the kernel cannot be read, or is for a machine that no stub is for.
pub fn default_stub(kernel: &Path) -> Result<PathBuf, BuildError> {
    let bytes = read(kernel)?;
    let name = match Architecture::of_program(&bytes) {
        Some(Architecture::X86_64) => "linuxx64.efi.stub",
        Some(Architecture::Aarch64) => "linuxaa64.efi.stub",
        None => return Err(BuildError::unfit(kernel, "no kernel that EFI starts (CONFIG_EFI_STUB)")),
    };
    Ok(Path::new(STUBS).join(name))
}

/// Builds an image: the same files give the same bytes.
///
/// # Errors
/// A file cannot be read or is not what it should be.
pub fn build_uki(recipe: &UkiRecipe) -> Result<Vec<u8>, BuildError> {
    let UkiRecipe { stub, kernel, initramfs, cmdline, os_release, uname, sections } = recipe;
    let (stub_bytes, kernel_bytes) = (read(stub)?, read(kernel)?);
    match (machine(&stub_bytes), machine(&kernel_bytes)) {
        (None, _) => return Err(BuildError::unfit(stub, "no EFI program of 64 bits")),
        (_, None) => return Err(BuildError::unfit(kernel, "no kernel that EFI starts (CONFIG_EFI_STUB)")),
        (Some(one), Some(other)) if one != other => {
            return Err(BuildError::unfit(stub, "this stub is for another machine than the kernel"));
        }
        _ => {}
    }
    let uname = uname.clone().or_else(|| version(&kernel_bytes));
    let text =
        |name: &str, text: &str| NewSection { name: name.to_owned(), content: text.as_bytes().to_vec() };
    let mut new = vec![text(".osrel", os_release.as_deref().unwrap_or(OS_RELEASE))];
    new.extend((!cmdline.is_empty()).then(|| text(".cmdline", cmdline)));
    new.extend(uname.map(|uname| text(".uname", &uname)));
    let mut stub_bytes = stub_bytes;
    for (name, path) in sections {
        let section = NewSection { name: name.clone(), content: read(path)? };
        // A stub has lines of its own there, which stay (shim's SBAT.md).
        match (name == ".sbat").then(|| extended(&stub_bytes, &section)).flatten() {
            Some((program, left)) => {
                stub_bytes = program;
                new.extend(left);
            }
            None => new.push(section),
        }
    }
    new.push(NewSection { name: ".initrd".to_owned(), content: read(initramfs)? });
    // The last one: a kernel that unpacks itself in place needs the memory after it.
    new.push(NewSection { name: ".linux".to_owned(), content: kernel_bytes });
    with_sections(&stub_bytes, &new).map_err(|error| BuildError::unfit(stub, error.to_string()))
}

/// The version in a kernel's header, without what comes after it.
fn version(kernel: &[u8]) -> Option<String> {
    let head = kernel.get(..HEAD_LENGTH).unwrap_or(kernel);
    match recognise(head, kernel.len() as u64)? {
        KernelFile::Bzimage(kernel) => kernel.version?.split(' ').next().map(str::to_owned),
        _ => None,
    }
}
