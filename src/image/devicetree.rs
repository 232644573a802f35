//! Which of a unified kernel image's device trees is the machine's: the one that the firmware's own tree agrees with, or the
//! one that the image's table of machines names (UAPI.5, `.dtbauto` and `.hwids`).

use std::{fs, fs::File, io};

use super::{
    identify,
    memory::{self, Source},
};
use crate::formats::{
    bytes::ReadAt,
    hwids::{self, Machine},
    kernel_file::{flat_tree, pe::Section},
    text::decode,
    uki::{Sections, TEXT_LIMIT},
};

/// Where the kernel shows the tree that it runs with.
const RUNNING: &str = "/proc/device-tree/compatible";

/// Where it shows what SMBIOS calls the machine, and the names in their order.
const SMBIOS: &str = "/sys/class/dmi/id";
const NAMES: [&str; 6] =
    ["sys_vendor", "product_family", "product_name", "product_sku", "board_vendor", "board_name"];

/// The tree for this machine: one that is chosen by what it is for, else the one for all.
///
/// # Errors
/// The kernel's reason why the image cannot be read, or memory not be had.
pub(super) fn choose(image: &File, sections: Sections<'_>) -> io::Result<Option<File>> {
    let part = |section: &Section| memory::part(image, section.offset.into(), section.size.into());
    if let Some(wanted) = wanted(image, sections) {
        for section in sections.all(".dtbauto") {
            let tree = part(section)?;
            if first_compatible(&Source(&tree)).is_some_and(|compatible| compatible == wanted) {
                return Ok(Some(tree));
            }
        }
    }
    sections.get(".dtb").map(part).transpose()
}

/// What the machine's tree has to say in its first `compatible`.
fn wanted(image: &File, sections: Sections<'_>) -> Option<String> {
    sections.get(".dtbauto")?;
    if let Ok(running) = fs::read(RUNNING) {
        return first(&running);
    }
    let table = sections.get(".hwids")?;
    let length = usize::try_from(table.size).ok()?.min(TEXT_LIMIT);
    let table = identify::read_at(image, table.offset.into(), length).ok()?;
    let name = |name: &str| fs::read_to_string(format!("{SMBIOS}/{name}")).ok();
    let names = NAMES.map(|file| name(file).map(|name| name.trim_end_matches('\n').to_owned()));
    hwids::compatible(&table, &Machine { names })
}

fn first_compatible(tree: &dyn ReadAt) -> Option<String> {
    let nodes = flat_tree::nodes(tree);
    let property = nodes.first()?.properties.iter().find(|property| property.name == "compatible")?;
    first(&flat_tree::value(tree, property)?)
}

fn first(list: &[u8]) -> Option<String> {
    list.split(|&byte| byte == 0).next().map(decode)
}
