//! Kernels that are entered in 32-bit protected mode: one that looks at what the boot protocol promises, and memtest86+.

use std::{fs, path::Path};

use qemu::{
    debian::Debian,
    guest::Guest,
    machine::{Firmware, Machine},
    payload,
    roots::Root,
};

use super::LIMIT;

/// Halts unless %ebx, %edi and %ebp are 0, paging is off, and the segments are those of boot.rst ("32-bit BOOT
/// PROTOCOL"); then writes its command line, out of the zero page in %esi, to the serial line.
#[rustfmt::skip]
const PROGRAM: &[u8] = &[
    0xfa,                               // cli
    0x89, 0xf1,                         // mov  %esi, %ecx
    0x09, 0xdf,                         // or   %ebx, %edi
    0x09, 0xef,                         // or   %ebp, %edi
    0x0f, 0x20, 0xc0,                   // mov  %cr0, %eax
    0xc1, 0xe8, 0x1f,                   // shr  $31, %eax: paging
    0x09, 0xc7,                         // or   %eax, %edi
    0x8c, 0xc8,                         // mov  %cs, %eax
    0x83, 0xf0, 0x10,                   // xor  $0x10, %eax
    0x09, 0xc7,                         // or   %eax, %edi
    0x8c, 0xd0,                         // mov  %ss, %eax
    0x83, 0xf0, 0x18,                   // xor  $0x18, %eax
    0x09, 0xc7,                         // or   %eax, %edi
    0x8c, 0xd8,                         // mov  %ds, %eax
    0x83, 0xf0, 0x18,                   // xor  $0x18, %eax
    0x09, 0xc7,                         // or   %eax, %edi
    0x75, 0x22,                         // jnz  2f
    0x8b, 0xb1, 0x28, 0x02, 0, 0,       // mov  0x228(%ecx), %esi: cmd_line_ptr
    0x66, 0xba, 0xfd, 0x03,             // 1: mov $0x3fd, %dx
    0xec,                               // in   %dx, %al
    0xa8, 0x20,                         // test $0x20, %al: may be written
    0x74, 0xf7,                         // jz   1b
    0xac,                               // lodsb
    0x84, 0xc0,                         // test %al, %al
    0x74, 0x07,                         // jz   3f
    0x66, 0xba, 0xf8, 0x03,             // mov  $0x3f8, %dx
    0xee,                               // out  %al, %dx
    0xeb, 0xeb,                         // jmp  1b
    0xb0, 0x0a,                         // 3: mov $10, %al
    0x66, 0xba, 0xf8, 0x03,             // mov  $0x3f8, %dx
    0xee,                               // out  %al, %dx
    0xf4,                               // 2: hlt
    0xeb, 0xfd,                         // jmp  2b
];

/// A bzImage around it, of protocol 2.12, without a 64-bit entry. Its last 16 bytes are not whole.
fn kernel(is_relocatable: bool) -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    let paragraphs = u32::try_from(PROGRAM.len().div_ceil(16)).unwrap();
    assert_ne!(PROGRAM.len() % 16, 0);
    for (offset, value) in [
        (0x1f1, &[1_u8][..]),
        (0x1f4, &paragraphs.to_le_bytes()),
        (0x1fe, &[0x55, 0xaa]),
        (0x200, &[0xeb, 0x66]),
        (0x202, b"HdrS\x0c\x02"),
        (0x211, &[1]),
        (0x214, &0x10_0000_u32.to_le_bytes()),
        (0x22c, &0x37ff_ffff_u32.to_le_bytes()),
        (0x230, &0x20_0000_u32.to_le_bytes()),
        (0x234, &[u8::from(is_relocatable)]),
        (0x238, &255_u32.to_le_bytes()),
        (0x258, &0x100_0000_u64.to_le_bytes()),
        (0x260, &0x1_0000_u32.to_le_bytes()),
    ] {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    }
    bytes.extend(PROGRAM);
    bytes
}

fn jump(name: &str, words: &str, file: (&str, Vec<u8>)) -> Guest {
    let initrd = payload::jump(name, words, &[file]).unwrap();
    let kernel = Debian::install().unwrap().kernel();
    let machine = Machine::new(name).firmware(Firmware::Bios);
    machine.kernel(&kernel, &initrd, "console=ttyS0 quiet no_timer_check").start().unwrap()
}

#[test]
fn a_32_bit_kernel_is_entered_as_the_boot_protocol_has_it() {
    for (name, is_relocatable) in [("protected-fixed", false), ("protected-anywhere", true)] {
        let words = format!("-l small --append='entered: {name}'");
        let guest = jump(name, &words, ("small", kernel(is_relocatable)));
        guest.wait_for_text(&format!("entered: {name}"), LIMIT).unwrap();
    }
}

mod slow {
    use super::*;

    #[test]
    fn memtest_starts() {
        let root = Root::unpack("bookworm", &["memtest86+"]).unwrap();
        for file in ["memtest86+x64.bin", "memtest86+ia32.bin"] {
            let bytes = fs::read(root.path().join("boot").join(file)).unwrap();
            let words = format!("-l {file} --append='console=ttyS0,115200'");
            let name = format!(
                "memtest-{}",
                Path::new(file).file_stem().unwrap().to_string_lossy().replace('+', "-")
            );
            let guest = jump(&name, &words, (file, bytes));
            guest.wait_for_text("Memtest86+ v6", LIMIT).unwrap();
        }
    }
}
