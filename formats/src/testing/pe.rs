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

/// An EFI program for this machine with texts in its sections, one after the other.
pub fn image(sections: &[(&[u8; 8], &str)]) -> Vec<u8> {
    let place = |at: usize| 4096 + at as u32 * 512;
    let table = sections.iter().enumerate();
    let table: Vec<_> = table.map(|(at, (name, text))| (*name, text.len() as u32, 512, place(at))).collect();
    let mut bytes = program(&table);
    for (_, text) in sections {
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    if cfg!(target_arch = "aarch64") {
        bytes[0x44..0x46].copy_from_slice(&[0x64, 0xaa]);
    }
    bytes
}
