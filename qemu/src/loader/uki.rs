//! Unified kernel images, put together by objcopy as systemd-stub(7) says.

use crate::error::{Context, Error};
use crate::pinned::Tools;
use crate::{Result, pinned, place, tool};

/// systemd's stub, in the root that objcopy is of.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// Sections begin on pages.
const PAGE: u64 = 4096;

/// The sections of an image: names and contents, in order.
pub type Sections<'a> = &'a [(&'a str, &'a [u8])];

/// An image of systemd's stub and these sections.
///
/// # Errors
/// When objcopy fails.
pub fn build(name: &str, sections: Sections) -> Result<Vec<u8>> {
    let tools = pinned::tests()?;
    let scratch = place::directory("disks")?.join(format!("{name}.uki"));
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).context(|| format!("making {}", scratch.display()))?;
    let mut objcopy = tools.command("objcopy");
    let mut address = end_of(tools, STUB)?;
    for (index, (section, content)) in sections.iter().enumerate() {
        let file = scratch.join(index.to_string());
        std::fs::write(&file, content).context(|| format!("writing {}", file.display()))?;
        objcopy.arg("--add-section").arg(format!("{section}={}", file.display()));
        objcopy.arg("--change-section-vma").arg(format!("{section}={address:#x}"));
        address = (address + content.len() as u64).next_multiple_of(PAGE);
    }
    let image = scratch.join("image.efi");
    tool::finish(objcopy.arg(STUB).arg(&image))?;
    let bytes = std::fs::read(&image).context(|| format!("reading {}", image.display()))?;
    std::fs::remove_dir_all(&scratch).context(|| format!("removing {}", scratch.display()))?;
    Ok(bytes)
}

/// The first free page after the stub's own sections. objdump prints a section as its index, name, size and address.
fn end_of(tools: &Tools, stub: &str) -> Result<u64> {
    let headers = tools.run("objdump", ["-h", stub])?;
    let end = |line: &str| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<u32>().ok()?;
        let (size, address) = (words.nth(1)?, words.next()?);
        Some(u64::from_str_radix(size, 16).ok()? + u64::from_str_radix(address, 16).ok()?)
    };
    let end = headers.lines().filter_map(end).max();
    let end = end.ok_or_else(|| Error::Other(format!("{stub}: no sections: {headers}")))?;
    Ok(end.next_multiple_of(PAGE))
}
