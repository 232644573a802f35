//! The header of an x86 kernel file, bzImage (Linux Documentation/arch/x86/boot.rst).

/// As much of a kernel file as holds the whole header, in bytes.
pub const HEADER_LENGTH: usize = 0x268;

/// Fields of the kernel's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Boot protocol version, `0x020f` for 2.15.
    pub protocol: u16,
    /// Length of the command line that the kernel takes, in bytes without the NUL at its end.
    pub cmdline_size: u32,
    /// Bytes that the file has at least.
    pub length: u64,
    /// Offset of the protected-mode kernel in the file, in bytes.
    pub setup: u64,
    /// Fields for an entry in 64-bit mode; `None` for a kernel that cannot be entered so.
    pub long_mode: Option<LongMode>,
}

/// How a kernel with a 64-bit entry point wants to lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongMode {
    /// The start is a multiple of this many bytes.
    pub alignment: u64,
    /// The start that the kernel was built for.
    pub preferred: u64,
    /// Bytes that it needs from its start until it has read its memory map.
    pub init_size: u64,
}

/// Reads the header out of the first [`HEADER_LENGTH`] bytes of a kernel file; `None` if it is no bzImage.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Header> {
    if word(head, 0x1fe)? != 0xaa55 || head.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let protocol = word(head, 0x206)?;
    // "For backwards compatibility, if the setup_sects field contains 0, the real value is 4"; the boot sector comes on
    // top. Before 2.04 only the low half of syssize counts, before 2.06 a command line has at most 255 characters.
    let setup_sectors = match head.get(0x1f1)? {
        0 => 4,
        sectors => u64::from(*sectors),
    };
    let paragraphs = if protocol < 0x204 { word(head, 0x1f4)?.into() } else { double_word(head, 0x1f4)? };
    let cmdline_size = if protocol < 0x206 { 255 } else { double_word(head, 0x238)? };
    let setup = setup_sectors.saturating_add(1).saturating_mul(512);
    // A size that is no multiple of 16 is rounded up; the file then ends within the last paragraph.
    let length = u64::from(paragraphs).saturating_mul(16).saturating_sub(15).saturating_add(setup);
    Some(Header { protocol, cmdline_size, length, setup, long_mode: long_mode(head, protocol) })
}

/// Protocol 2.12 brought the flags: loaded high, 64-bit entry point, and may lie above 4 GiB.
fn long_mode(head: &[u8], protocol: u16) -> Option<LongMode> {
    let (high, flags) = (head.get(0x211)? & 1 != 0, word(head, 0x236)?);
    if protocol < 0x20c || !high || flags & 3 != 3 {
        return None;
    }
    let alignment = u64::from(double_word(head, 0x230)?);
    let preferred = u64::from_le_bytes(*head.get(0x258..)?.first_chunk()?);
    let init_size = u64::from(double_word(head, 0x260)?);
    alignment.is_power_of_two().then_some(LongMode { alignment, preferred, init_size })
}

/// How a kernel that is entered in 32-bit protected mode wants to lie in memory ("32-bit BOOT PROTOCOL").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectedMode {
    /// The start that the kernel was built for.
    pub preferred: u64,
    /// Where it may start otherwise: at multiples of this many bytes. `None` where it may not.
    pub alignment: Option<u64>,
    /// Bytes that it needs from its start until it has read its memory map; `None` where it does not say.
    pub init_size: Option<u64>,
    /// The highest address that its initrd may have.
    pub initrd_max: u64,
}

/// Highest address of an initrd where the header does not tell ("ramdisk_max").
const INITRD_MAX: u32 = 0x37ff_ffff;

/// Fields for an entry in 32-bit protected mode, out of the first [`HEADER_LENGTH`] bytes of a kernel file; `None` if it is no
/// bzImage, or one that is loaded low (zImage).
#[must_use]
pub fn protected_mode(head: &[u8]) -> Option<ProtectedMode> {
    let Header { protocol, .. } = parse(head)?;
    if head.get(0x211)? & 1 == 0 {
        return None;
    }
    let since = |version: u16, place: usize| if protocol < version { None } else { double_word(head, place) };
    let start = double_word(head, 0x214).filter(|start| *start != 0).unwrap_or(0x10_0000);
    let relocatable = protocol >= 0x205 && head.get(0x234)? != &0;
    let alignment = since(0x205, 0x230).filter(|alignment| relocatable && alignment.is_power_of_two());
    let preferred =
        head.get(0x258..).and_then(|field| field.first_chunk()).map(|field| u64::from_le_bytes(*field));
    let preferred = preferred.filter(|_| protocol >= 0x20a && relocatable);
    Some(ProtectedMode {
        preferred: preferred.unwrap_or(start.into()),
        alignment: alignment.map(u64::from),
        init_size: since(0x20a, 0x260).map(u64::from),
        initrd_max: since(0x203, 0x22c).filter(|max| *max != 0).unwrap_or(INITRD_MAX).into(),
    })
}

fn word(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

fn double_word(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(place..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields that are read, as xxd shows them in Debian's vmlinuz-6.1.0-56-amd64: 8,247,232 bytes, of which the last
    /// 1,472 are the signature that was appended to the kernel.
    fn debian() -> Vec<u8> {
        let mut head = vec![0; HEADER_LENGTH];
        head[0x1f1] = 0x27;
        head[0x1f4..0x1f8].copy_from_slice(&[0x20, 0xd8, 0x07, 0x00]);
        head[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        head[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
        head[0x211] = 0x01;
        head[0x230..0x238].copy_from_slice(&[0x00, 0x00, 0x20, 0x00, 0x01, 0x15, 0x7f, 0x00]);
        head[0x238..0x23c].copy_from_slice(&[0xff, 0x07, 0x00, 0x00]);
        head[0x258..0x264].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0x00, 0x70, 0xf9, 0x03]);
        head
    }

    #[test]
    fn a_distribution_kernel_is_read() {
        let expected = Header {
            protocol: 0x20f,
            cmdline_size: 2047,
            length: 8_247_232 - 1_472 - 15,
            setup: 0x28 * 512,
            long_mode: Some(LongMode { alignment: 0x20_0000, preferred: 0x100_0000, init_size: 0x3f9_7000 }),
        };
        assert_eq!(parse(&debian()), Some(expected));
    }

    #[test]
    fn what_is_no_bzimage_or_cut_short_is_nothing() {
        let mut elf = debian();
        elf[0x202] = b'h';
        for head in [&b""[..], b"MZ", &debian()[..0x237], &elf] {
            assert_eq!(parse(head), None);
        }
    }

    #[test]
    fn old_protocols_have_smaller_fields() {
        let mut head = debian();
        head[0x1f1] = 0;
        head[0x207] = 0x02;
        head[0x206] = 0x03;
        assert_eq!(
            parse(&head),
            Some(Header {
                protocol: 0x203,
                cmdline_size: 255,
                length: 5 * 512 + 0xd820 * 16 - 15,
                setup: 5 * 512,
                long_mode: None,
            })
        );
    }

    /// The fields of an i386 kernel (Debian's linux-image-686-pae: relocatable, built for 16 MiB), of memtest86+ (built for
    /// 1 MiB, not relocatable), of a kernel before protocol 2.05, and of a zImage.
    #[test]
    fn a_32_bit_entry_has_its_own_demands() {
        let mut i386 = debian();
        i386[0x214..0x218].copy_from_slice(&0x10_0000_u32.to_le_bytes());
        i386[0x22c..0x230].copy_from_slice(&0x37ff_ffff_u32.to_le_bytes());
        i386[0x236] = 0;
        let expected = ProtectedMode {
            preferred: 0x100_0000,
            alignment: Some(0x20_0000),
            init_size: Some(0x3f9_7000),
            initrd_max: 0x37ff_ffff,
        };
        assert_eq!(protected_mode(&i386), Some(expected));
        let mut fixed = i386.clone();
        fixed[0x234] = 0;
        let here = ProtectedMode { preferred: 0x10_0000, alignment: None, ..expected };
        assert_eq!(protected_mode(&fixed), Some(here));
        let mut old = i386.clone();
        old[0x206] = 0x02;
        assert_eq!(protected_mode(&old), Some(ProtectedMode { init_size: None, ..here }));
        let mut low = i386;
        low[0x211] = 0;
        assert_eq!(protected_mode(&low), None);
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(head in prop::collection::vec(any::<u8>(), 0..HEADER_LENGTH)) {
            let _ = parse(&head);
            let _ = protected_mode(&head);
        }
    }
}
