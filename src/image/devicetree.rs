//! Which of a unified kernel image's device trees is the machine's: the one that the firmware's own tree agrees with, or the
//! one that the image's table of machines names (UAPI.5, `.dtbauto` and `.hwids`).

use std::{fs, fs::File, io};

use super::memory::{self, Source};
use crate::{
    formats::{
        bytes::ReadAt,
        hwids::{self, Machine},
        kernel_file::{flat_tree, pe::Section},
        text::decode,
        uki::{Sections, TEXT_LIMIT},
    },
    sys::files,
};

/// Where the kernel shows the tree that it runs with.
const RUNNING: &str = "/proc/device-tree/compatible";

/// Where the kernel shows SMBIOS's names of the machine, and the names in their order.
const SMBIOS: &str = "/sys/class/dmi/id";
const NAMES: [&str; 6] =
    ["sys_vendor", "product_family", "product_name", "product_sku", "board_vendor", "board_name"];

/// The tree for this machine, else the one for all machines.
///
/// # Errors
/// The kernel's reason why the image cannot be read, or why there is no memory.
pub(super) fn choose(image: &File, sections: Sections<'_>) -> io::Result<Option<File>> {
    named(image, sections, wanted(image, sections))
}

/// The tree with this first `compatible`, else the one for all machines.
fn named(image: &File, sections: Sections<'_>, wanted: Option<String>) -> io::Result<Option<File>> {
    let part = |section: &Section| memory::part(image, section.offset.into(), section.size.into());
    if let Some(wanted) = wanted {
        for section in sections.all(".dtbauto") {
            let tree = part(section)?;
            if first_compatible(&Source(&tree)).is_some_and(|compatible| compatible == wanted) {
                return Ok(Some(tree));
            }
        }
    }
    sections.get(".dtb").map(part).transpose()
}

/// The first `compatible` that the machine's tree must have.
fn wanted(image: &File, sections: Sections<'_>) -> Option<String> {
    sections.get(".dtbauto")?;
    if let Ok(running) = fs::read(RUNNING) {
        return first(&running);
    }
    let table = sections.get(".hwids")?;
    let length = usize::try_from(table.size).ok()?.min(TEXT_LIMIT);
    let table = files::read_at(image, table.offset.into(), length).ok()?;
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Seek, Write},
        process::Stdio,
    };

    use qemu::pinned;

    use super::*;
    use crate::formats::kernel_file::pe::Program;

    /// A tree as dtc compiles it, whose root has these names.
    fn compiled(compatible: &str) -> Vec<u8> {
        let mut dtc = pinned::tests()
            .unwrap()
            .command("dtc")
            .args(["-q", "-I", "dts", "-O", "dtb"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let source = format!("/dts-v1/;\n/ {{ model = \"A board\"; compatible = {compatible}; }};\n");
        dtc.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let output = dtc.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn of_several_trees_the_one_for_this_machine_is_taken() {
        if pinned::for_test().is_none() {
            return;
        }
        let (one, two) = (compiled("\"acme,one\", \"acme,all\""), compiled("\"acme,two\", \"acme,all\""));
        let any = compiled("\"acme,any\"");
        let again = compiled("\"acme,two\", \"acme,later\"");
        let contents = [
            (".dtb", &any),
            (".dtbauto", &b"no tree".to_vec()),
            (".dtbauto", &one),
            (".dtbauto", &two),
            (".dtbauto", &again),
        ];
        let mut image = tempfile::tempfile().unwrap();
        let mut sections = Vec::new();
        for (name, content) in contents {
            let offset = sections.iter().map(|section: &Section| section.size).sum();
            sections.push(Section { name: name.into(), offset, size: content.len().try_into().unwrap() });
            image.write_all(content).unwrap();
        }
        let program = |sections| Program { architecture: "aarch64".into(), sections, cut_short: false };
        let all = program(sections.clone());
        let without_default = program(sections.split_off(1));
        for (program, wanted, expected) in [
            (&all, Some("acme,one"), Some(&one)),
            (&all, Some("acme,two"), Some(&two)),
            (&all, Some("acme,all"), Some(&any)),
            (&all, None, Some(&any)),
            (&without_default, Some("acme,two"), Some(&two)),
            (&without_default, Some("acme,gone"), None),
        ] {
            let chosen = named(&image, Sections::of(program, 0).unwrap(), wanted.map(String::from)).unwrap();
            let chosen = chosen.map(|mut tree| {
                let mut content = Vec::new();
                tree.rewind().unwrap();
                tree.read_to_end(&mut content).unwrap();
                content
            });
            assert_eq!(chosen.as_ref(), expected, "{wanted:?}");
        }
    }
}
