//! EFI programs by the PE/COFF specification.

/// An EFI program by the specification: DOS header, signature, COFF header, optional header, section table.
pub fn program(sections: &[(&[u8; 8], u32, u32, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; 0x40];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x40;
    bytes.extend(b"PE\0\0\x64\x86");
    bytes.extend((sections.len() as u16).to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend([0xf0, 0, 0x22, 0]);
    let mut optional = [0; 0xf0];
    optional[..2].copy_from_slice(&[0x0b, 0x02]);
    optional[68] = 10;
    bytes.extend(optional);
    for (name, virtual_size, raw_size, offset) in sections {
        bytes.extend(*name);
        bytes.extend(
            [*virtual_size, 0x1000, *raw_size, *offset, 0, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()),
        );
    }
    bytes.resize(4096, 0);
    bytes
}

/// The beginning of a kernel for this machine (kernel: Documentation/arch/x86/boot.rst, Documentation/arch/arm64/booting.rst).
pub fn kernel() -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    for (at, field) in [
        (0, &b"MZ"[..]),
        (0x38, b"ARM\x64"),
        (0x1f1, b"\x01"),
        (0x1fe, b"\x55\xaa"),
        (0x202, b"HdrS\x0f\x02"),
        (0x211, b"\x01"),
        (0x236, b"\x03\0\xff\x07\0\0"),
    ] {
        if at == 0 || cfg!(target_arch = "aarch64") == (at == 0x38) {
            bytes[at..at + field.len()].copy_from_slice(field);
        }
    }
    bytes
}

/// An EFI program for this machine with these contents in its sections, one after the other; the text `kernel` stands for one.
pub fn image<T: AsRef<[u8]>>(sections: &[(&[u8; 8], T)]) -> Vec<u8> {
    let content =
        |content: &T| if content.as_ref() == b"kernel" { kernel() } else { content.as_ref().to_vec() };
    let mut place = 4096;
    let mut table = Vec::new();
    for (name, text) in sections {
        let length = content(text).len() as u32;
        table.push((*name, length, length.next_multiple_of(512), place));
        place += length.next_multiple_of(512);
    }
    let mut bytes = program(&table);
    for (_, text) in sections {
        bytes.extend(content(text));
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    if cfg!(target_arch = "aarch64") {
        bytes[0x44..0x46].copy_from_slice(&[0x64, 0xaa]);
    }
    bytes
}
