//! The few instructions between the running kernel's last one and the next kernel's first, as data: they run only after
//! `reboot(KEXEC)`, from where `kexec_load` put them.
//!
//! The kernel enters them in 64-bit mode with interrupts off and memory mapped one to one, but without a usable
//! descriptor table (Linux, arch/x86/kernel/relocate_kernel_64.S). The boot protocol wants flat segments 0x10 and 0x18 and
//! the zero page in %rsi. Nothing is hashed.
#![expect(unsafe_code, reason = "the assembled bytes are reached through their symbols")]

use std::arch::global_asm;

#[cfg(target_arch = "x86_64")]
global_asm!(
    r#"
    .pushsection .rodata.firstlight_trampoline, "a", @progbits
    .balign 16
    .globl firstlight_trampoline_start, firstlight_trampoline_end
firstlight_trampoline_start:
    lea     3f(%rip), %rax
    mov     %rax, 4f+2(%rip)
    lgdt    4f(%rip)
    mov     $0x18, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    mov     %eax, %fs
    mov     %eax, %gs
    lea     firstlight_trampoline_end(%rip), %rsp
    pushq   $0x10
    lea     2f(%rip), %rax
    push    %rax
    lretq
2:  xor     %ebx, %ebx
    xor     %ebp, %ebp
    xor     %edi, %edi
    mov     6f(%rip), %rsi
    jmp     *5f(%rip)
    .balign 16
3:  .quad   0, 0, 0x00af9a000000ffff, 0x00cf92000000ffff
4:  .word   4b - 3b - 1
    .quad   0
    .org    firstlight_trampoline_start + {length} - {stack} - 16
5:  .quad   0
6:  .quad   0
    .org    firstlight_trampoline_start + {length}
firstlight_trampoline_end:
    .popsection
    "#,
    length = const LENGTH,
    stack = const STACK,
    options(att_syntax)
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    r#"
    .pushsection .rodata.firstlight_trampoline, "a", @progbits
    .balign 16
    .globl firstlight_trampoline_start, firstlight_trampoline_end
firstlight_trampoline_start:
    ldr     x4, 5f
    ldr     x0, 6f
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    br      x4
    .org    firstlight_trampoline_start + {length} - {stack} - 16
5:  .quad   0
6:  .quad   0
    .org    firstlight_trampoline_start + {length}
firstlight_trampoline_end:
    .popsection
    "#,
    length = const LENGTH,
    stack = const STACK
);

// To 32-bit protected mode without paging, as multiboot and Linux's 32-bit boot protocol have it (Multiboot2 Specification
// 2.0, 3.3; Linux, Documentation/arch/x86/boot.rst; Intel SDM, volume 3, 10.8.5.4): through a 32-bit segment, then paging,
// long mode and the extensions off. Data that no program may read while the kernel before runs (ACPI's root pointer) is copied here.
#[cfg(target_arch = "x86_64")]
global_asm!(
    r#"
    .pushsection .rodata.firstlight_protected, "a", @progbits
    .balign 16
    .globl firstlight_protected_start, firstlight_protected_end
firstlight_protected_start:
    lea     firstlight_protected_start(%rip), %rbp
    lea     3f(%rip), %rax
    mov     %rax, 4f+2(%rip)
    lgdt    4f(%rip)
    lea     firstlight_protected_end(%rip), %rsp
    pushq   $0x10
    lea     2f(%rip), %rax
    push    %rax
    lretq
    .code32
2:  mov     $0x18, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    mov     %eax, %fs
    mov     %eax, %gs
    mov     $0x11, %eax
    mov     %eax, %cr0
    mov     $0xc0000080, %ecx
    rdmsr
    btr     $8, %eax
    wrmsr
    xor     %eax, %eax
    mov     %eax, %cr4
    mov     (8f - firstlight_protected_start)(%ebp), %esi
    mov     (9f - firstlight_protected_start)(%ebp), %edi
    mov     (10f - firstlight_protected_start)(%ebp), %ecx
    cld
    rep     movsb
    mov     (5f - firstlight_protected_start)(%ebp), %ecx
    mov     (6f - firstlight_protected_start)(%ebp), %eax
    mov     (7f - firstlight_protected_start)(%ebp), %ebx
    mov     (11f - firstlight_protected_start)(%ebp), %esi
    xor     %edi, %edi
    xor     %ebp, %ebp
    jmp     *%ecx
    .code64
    .balign 16
3:  .quad   0, 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
4:  .word   4b - 3b - 1
    .quad   0
    .org    firstlight_protected_start + {length} - {stack} - 28
5:  .long   0
6:  .long   0
7:  .long   0
8:  .long   0
9:  .long   0
10: .long   0
11: .long   0
    .org    firstlight_protected_start + {length}
firstlight_protected_end:
    .popsection
    "#,
    length = const PROTECTED_LENGTH,
    stack = const STACK,
    options(att_syntax)
);

/// Length of the way to protected mode in bytes: the assembler fills it up to that, and refuses a longer one.
#[cfg(target_arch = "x86_64")]
const PROTECTED_LENGTH: usize = 280;

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    static firstlight_protected_start: [u8; PROTECTED_LENGTH];
}

/// Bytes that the trampoline copies from one physical address below 4 GiB to another.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Source address.
    pub from: u32,
    /// Target address.
    pub to: u32,
    /// Length in bytes.
    pub length: u32,
}

/// Values of the processor's registers at a kernel's entry in protected mode; others that it may look at are 0.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// %eax.
    pub eax: u32,
    /// %ebx.
    pub ebx: u32,
    /// %esi.
    pub esi: u32,
}

/// The trampoline that copies this and enters a kernel at the physical address `entry` in 32-bit protected mode. It must be
/// loaded below 4 GiB.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn to_protected_mode(entry: u32, registers: Registers, copied: Copied) -> Vec<u8> {
    // SAFETY: the assembler wrote so many bytes there, into a section that is read-only.
    let mut code = unsafe { firstlight_protected_start }.to_vec();
    let Registers { eax, ebx, esi } = registers;
    let values = [entry, eax, ebx, copied.from, copied.to, copied.length, esi];
    let bytes = values.into_iter().flat_map(u32::to_le_bytes);
    let values = code.len().saturating_sub(STACK).saturating_sub(28);
    for (place, byte) in code.iter_mut().skip(values).zip(bytes) {
        *place = byte;
    }
    code
}

unsafe extern "C" {
    static firstlight_trampoline_start: [u8; LENGTH];
}

/// Length of the room after the addresses, in bytes: the stack that the far return needs.
const STACK: usize = 64;

/// Length of the trampoline in bytes: the assembler fills it up to that, and refuses a longer one.
const LENGTH: usize = if cfg!(target_arch = "aarch64") { 104 } else { 208 };

/// The trampoline that enters the kernel at the physical address `entry` with `argument` where the boot protocol wants it:
/// the zero page in %rsi on x86_64, the device tree in x0 on aarch64.
#[must_use]
pub fn trampoline(entry: u64, argument: u64) -> Vec<u8> {
    // SAFETY: the assembler wrote so many bytes there, into a section that is read-only.
    let mut code = unsafe { firstlight_trampoline_start }.to_vec();
    let addresses = code.len().saturating_sub(STACK).saturating_sub(16);
    for (place, value) in [(addresses, entry), (addresses.saturating_add(8), argument)] {
        if let Some(slot) = code.get_mut(place..place.saturating_add(8)) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
    }
    code
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Every byte, as the processor's manual encodes it (Intel SDM, volume 2).
    #[rustfmt::skip]
    #[test]
    fn the_instructions_are_these_bytes() {
        let code = [
            0x48, 0x8d, 0x05, 0x49, 0, 0, 0,    // lea  gdt(%rip), %rax
            0x48, 0x89, 0x05, 0x64, 0, 0, 0,    // mov  %rax, pointer+2(%rip)
            0x0f, 0x01, 0x15, 0x5b, 0, 0, 0,    // lgdt pointer(%rip)
            0xb8, 0x18, 0, 0, 0,                // mov  $0x18, %eax
            0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, // mov  %eax, %ds; %es; %ss
            0x8e, 0xe0, 0x8e, 0xe8,             // mov  %eax, %fs; %gs
            0x48, 0x8d, 0x25, 0xa5, 0, 0, 0,    // lea  end(%rip), %rsp
            0x6a, 0x10,                         // push $0x10
            0x48, 0x8d, 0x05, 0x03, 0, 0, 0,    // lea  2f(%rip), %rax
            0x50,                               // push %rax
            0x48, 0xcb,                         // lretq
            0x31, 0xdb, 0x31, 0xed, 0x31, 0xff, // 2: xor %ebx, %ebp, %edi
            0x48, 0x8b, 0x35, 0x44, 0, 0, 0,    // mov  argument(%rip), %rsi
            0xff, 0x25, 0x36, 0, 0, 0,          // jmp  *entry(%rip)
            0, 0, 0, 0, 0, 0,
        ];
        let mut expected = code.to_vec();
        expected.extend([0; 16]);
        // Flat 64-bit code and data, present, ring 0.
        expected.extend([0xff, 0xff, 0, 0, 0, 0x9a, 0xaf, 0, 0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0]);
        expected.extend([0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(0x1122_3344_5566_7788_u64.to_le_bytes());
        expected.extend(0x99aa_bbcc_ddee_ff00_u64.to_le_bytes());
        expected.extend([0; STACK]);
        assert_eq!(trampoline(0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00), expected);
    }

    /// Every byte, as above.
    #[rustfmt::skip]
    #[test]
    fn the_way_to_protected_mode_is_these_bytes() {
        let code = [
            0x48, 0x8d, 0x2d, 0xf9, 0xff, 0xff, 0xff, // lea  start(%rip), %rbp
            0x48, 0x8d, 0x05, 0x82, 0, 0, 0,          // lea  gdt(%rip), %rax
            0x48, 0x89, 0x05, 0x9d, 0, 0, 0,          // mov  %rax, pointer+2(%rip)
            0x0f, 0x01, 0x15, 0x94, 0, 0, 0,          // lgdt pointer(%rip)
            0x48, 0x8d, 0x25, 0xf5, 0, 0, 0,          // lea  end(%rip), %rsp
            0x6a, 0x10,                               // push $0x10
            0x48, 0x8d, 0x05, 0x03, 0, 0, 0,          // lea  2f(%rip), %rax
            0x50,                                     // push %rax
            0x48, 0xcb,                               // lretq
            0xb8, 0x18, 0, 0, 0,                      // 2: mov $0x18, %eax
            0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,       // mov  %eax, %ds; %es; %ss
            0x8e, 0xe0, 0x8e, 0xe8,                   // mov  %eax, %fs; %gs
            0xb8, 0x11, 0, 0, 0,                      // mov  $0x11, %eax: PE and ET
            0x0f, 0x22, 0xc0,                         // mov  %eax, %cr0
            0xb9, 0x80, 0, 0, 0xc0,                   // mov  $0xc0000080, %ecx: EFER
            0x0f, 0x32,                               // rdmsr
            0x0f, 0xba, 0xf0, 8,                      // btr  $8, %eax: LME
            0x0f, 0x30,                               // wrmsr
            0x31, 0xc0,                               // xor  %eax, %eax
            0x0f, 0x22, 0xe0,                         // mov  %eax, %cr4
            0x8b, 0xb5, 0xc8, 0, 0, 0,                // mov  from(%ebp), %esi
            0x8b, 0xbd, 0xcc, 0, 0, 0,                // mov  to(%ebp), %edi
            0x8b, 0x8d, 0xd0, 0, 0, 0,                // mov  length(%ebp), %ecx
            0xfc,                                     // cld
            0xf3, 0xa4,                               // rep movsb
            0x8b, 0x8d, 0xbc, 0, 0, 0,                // mov  entry(%ebp), %ecx
            0x8b, 0x85, 0xc0, 0, 0, 0,                // mov  magic(%ebp), %eax
            0x8b, 0x9d, 0xc4, 0, 0, 0,                // mov  information(%ebp), %ebx
            0x8b, 0xb5, 0xd4, 0, 0, 0,                // mov  esi(%ebp), %esi
            0x31, 0xff, 0x31, 0xed,                   // xor  %edi, %ebp
            0xff, 0xe1,                               // jmp  *%ecx
            0, 0, 0, 0, 0,
        ];
        let mut expected = code.to_vec();
        expected.extend([0; 16]);
        // Flat 32-bit code and data, present, ring 0.
        expected.extend([0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0]);
        expected.extend([0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [0x20_0040_u32, 0x2bad_b002, 0x3fff_c000, 0x3f77_e014, 0x9_f010, 36, 0x3fff_8000] {
            expected.extend(value.to_le_bytes());
        }
        expected.extend([0; STACK]);
        let copied = Copied { from: 0x3f77_e014, to: 0x9_f010, length: 36 };
        let registers = Registers { eax: 0x2bad_b002, ebx: 0x3fff_c000, esi: 0x3fff_8000 };
        assert_eq!(to_protected_mode(0x20_0040, registers, copied), expected);
    }
}
