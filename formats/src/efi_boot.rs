//! The firmware's boot options, as UEFI keeps them in the variables `BootOrder` and `Boot####` (UEFI specification 2.10,
//! 3.1.3 load options, 10.3 device paths).

mod write;

pub use write::{HardDrive, boot_option, order_value};

/// A device path with more nodes says nothing that we look for.
const NODE_LIMIT: usize = 64;

/// `LOAD_OPTION_ACTIVE`: the firmware tries this option on its own.
const ACTIVE: u32 = 1;

/// A `Boot####` variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOption {
    /// The firmware tries it on its own.
    pub active: bool,
    /// Title in the firmware's menu.
    pub description: String,
    /// UUID of the partition that it boots from, in the form of the kernel's `PARTUUID=`; `None` where the option names
    /// no partition.
    pub partition: Option<String>,
    /// Path of the EFI program on that partition, with backslashes.
    pub file: Option<String>,
    /// What the program is given.
    pub data: Vec<u8>,
    /// Its number, the digits in the variable's name.
    pub number: u16,
}

impl LoadOption {
    /// The command line that the EFI stub of Linux makes of what it is given: UTF-16 up to a NUL or a line end (kernel:
    /// drivers/firmware/efi/libstub/efi-stub-helper.c, `efi_convert_cmdline`). `None` where that is no text: efibootmgr without
    /// `--unicode` writes single bytes, which the stub takes two at a time.
    #[must_use]
    pub fn command_line(&self) -> Option<String> {
        let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        if !self.data.is_empty() && self.data.iter().all(is_plain) {
            return None;
        }
        let units = self.data.chunks_exact(2).filter_map(|pair| pair.first_chunk());
        let units = units.map(|pair| u16::from_le_bytes(*pair)).take_while(|unit| ![0, 10].contains(unit));
        String::from_utf16(&units.collect::<Vec<_>>()).ok()
    }
}

/// Numbers of the boot options in their order, from the value of `BootOrder`.
#[must_use]
pub fn order(value: &[u8]) -> Vec<u16> {
    value.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(*pair.first_chunk()?))).collect()
}

/// Name of the variable that holds a boot option, without its GUID.
#[must_use]
pub fn variable(number: u16) -> String {
    format!("Boot{number:04X}")
}

/// The text that a variable holds.
#[must_use]
pub fn variable_text(value: &[u8]) -> Option<String> {
    Some(text(value).0).filter(|text| !text.is_empty())
}

/// Reads the value of a `Boot####` variable, whose number its name has; `None` if it is no load option.
#[must_use]
pub fn load_option(value: &[u8]) -> Option<LoadOption> {
    let (attributes, rest) = value.split_first_chunk()?;
    let (path_length, rest) = rest.split_first_chunk()?;
    let (description, rest) = text(rest);
    let (path, data) = rest.split_at_checked(u16::from_le_bytes(*path_length).into())?;
    let mut option = LoadOption {
        active: u32::from_le_bytes(*attributes) & ACTIVE != 0,
        description,
        data: data.to_vec(),
        ..LoadOption::default()
    };
    for (kind, content) in nodes(path) {
        match kind {
            MEDIA_HARD_DRIVE => option.partition = partition(content),
            MEDIA_FILE_PATH => option.file = Some(text(content).0),
            _ => {}
        }
    }
    Some(option)
}

/// Type 4 (media), sub-type 1.
const MEDIA_HARD_DRIVE: [u8; 2] = [4, 1];
/// Type 4 (media), sub-type 4.
const MEDIA_FILE_PATH: [u8; 2] = [4, 4];
/// Type 0x7f: the end of a path, or of one of several.
const END: u8 = 0x7f;

/// The nodes of the first path: type and sub-type, and what follows the header of four bytes.
fn nodes(mut path: &[u8]) -> Vec<([u8; 2], &[u8])> {
    let mut nodes = Vec::new();
    while nodes.len() < NODE_LIMIT {
        let Some(([kind, sub_kind, low, high], rest)) = path.split_first_chunk() else { break };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some((content, rest)) = length.checked_sub(4).and_then(|length| rest.split_at_checked(length))
        else {
            break;
        };
        if *kind == END {
            break;
        }
        nodes.push(([*kind, *sub_kind], content));
        path = rest;
    }
    nodes
}

/// Partition UUID out of a hard drive node: number, start, size, 16 bytes of signature, kind of table, kind of signature.
fn partition(content: &[u8]) -> Option<String> {
    let (number, _) = content.split_first_chunk()?;
    let signature: &[u8; 16] = content.get(20..)?.first_chunk()?;
    match content.get(37)? {
        // The disk signature of an MBR; the kernel makes a partition's UUID of it and the number.
        1 => {
            let (disk, _) = signature.split_first_chunk()?;
            Some(format!("{:08x}-{:02x}", u32::from_le_bytes(*disk), u32::from_le_bytes(*number)))
        }
        2 => {
            // The first three fields of a GUID are in little-endian order (appendix A).
            let [a, b, c, d, e, f, g, h, tail @ ..] = signature;
            let head = [d, c, b, a, f, e, h, g];
            let digits: String = head.into_iter().chain(tail).map(|byte| format!("{byte:02x}")).collect();
            let part = |range| digits.get(range).unwrap_or_default();
            Some([part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
        }
        _ => None,
    }
}

/// Text of 16-bit units up to its NUL or the end of the bytes, and what follows the NUL.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let mut units = Vec::new();
    let mut rest = bytes;
    while let Some((unit, after)) = rest.split_first_chunk() {
        rest = after;
        match u16::from_le_bytes(*unit) {
            0 => break,
            unit => units.push(unit),
        }
    }
    (String::from_utf16_lossy(&units), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn ucs2(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    fn option(attributes: u32, description: &str, path: &[u8]) -> Vec<u8> {
        let mut value = attributes.to_le_bytes().to_vec();
        value.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
        value.extend(ucs2(description));
        value.extend(path);
        value.extend(b"optional data");
        value
    }

    fn node(kind: [u8; 2], content: &[u8]) -> Vec<u8> {
        let mut node = kind.to_vec();
        let length = u16::try_from(content.len()).unwrap().checked_add(4).unwrap();
        node.extend(length.to_le_bytes());
        node.extend(content);
        node
    }

    /// `HD(1,GPT,4f68bce3-e8cd-4db1-96e7-fbcaf984b709,0x800,0x40000)`, laid out by hand from table 10.49.
    const GPT: &str = "01000000 0008000000000000 0000040000000000 e3bc684fcde8b14d96e7fbcaf984b709 02 02";
    /// `HD(2,MBR,0xab12cd34,0x800,0x40000)`.
    const MBR: &str = "02000000 0008000000000000 0000040000000000 34cd12ab000000000000000000000000 01 01";

    #[test]
    fn an_option_names_its_partition_and_file() {
        let file = ucs2(r"\EFI\debian\shimx64.efi");
        let end = node([0x7f, 0xff], &[]);
        let gpt = [node([4, 1], &bytes(GPT)), node([4, 4], &file), end.clone()].concat();
        let mbr = [node([4, 1], &bytes(MBR)), end.clone()].concat();
        // PciRoot(0x0)/Pci(0x3,0x0): what firmware makes for a disk that it has found by itself.
        let pci = [node([2, 1], &bytes("d041030a 00000000")), node([1, 1], &[0, 3]), end].concat();
        let cases = [
            (
                option(1, "debian", &gpt),
                true,
                "debian",
                Some("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"),
                Some(r"\EFI\debian\shimx64.efi"),
            ),
            (option(0, "old", &mbr), false, "old", Some("ab12cd34-02"), None),
            (option(9, "UEFI Misc Device", &pci), true, "UEFI Misc Device", None, None),
            (option(1, "empty", &[]), true, "empty", None, None),
        ];
        for (value, active, description, partition, file) in cases {
            let expected = LoadOption {
                active,
                description: description.into(),
                partition: partition.map(Into::into),
                file: file.map(Into::into),
                data: b"optional data".to_vec(),
                number: 0,
            };
            assert_eq!(load_option(&value), Some(expected));
        }
    }

    #[test]
    fn what_the_program_is_given_is_a_command_line_in_utf_16() {
        let without_end = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (data, expected) in [
            (vec![], Some("")),
            (ucs2("root=UUID=1 rw  quiet "), Some("root=UUID=1 rw  quiet ")),
            (without_end("root=LABEL=\u{e4}\u{1f600}"), Some("root=LABEL=\u{e4}\u{1f600}")),
            (without_end("a\nb"), Some("a")),
            ([without_end("a\0b"), vec![1]].concat(), Some("a")),
            (b"root=/dev/sda2 rw".to_vec(), None),
            (vec![0, 0xd8, 1, 0], None),
        ] {
            let option = LoadOption { data: data.clone(), ..LoadOption::default() };
            assert_eq!(option.command_line().as_deref(), expected, "{data:?}");
        }
    }

    #[test]
    fn the_order_is_a_list_of_numbers() {
        assert_eq!(order(&[0x01, 0x00, 0x00, 0x00, 0x0a, 0x20, 0xff]), [1, 0, 0x200a]);
        assert_eq!(variable(0x200a), "Boot200A");
    }

    #[test]
    fn what_is_cut_short_is_no_option() {
        for value in [&b""[..], &[1, 0, 0, 0, 9], &[1, 0, 0, 0, 0xff, 0xff, 0, 0]] {
            assert_eq!(load_option(value), None);
        }
    }

    #[test]
    fn a_node_that_lies_about_its_length_ends_the_path() {
        for length in [0_u8, 3, 200] {
            let value = option(1, "x", &[4, 1, length, 0, 1, 2, 3]);
            assert_eq!(load_option(&value).unwrap().partition, None);
        }
    }

    proptest! {
        #[test]
        fn no_variable_is_too_strange(value: Vec<u8>) {
            let _ = (load_option(&value).map(|option| option.command_line()), order(&value));
        }
    }
}
