//! `memcpy` and `memmove` for the many short copies of this program: the standard library calls them for a handful of
//! bytes each, and musl's own take `rep movsq` for every length, which costs as much as copying a kilobyte does.
//!
//! All that is read of a short source is read before anything is written, so that one function serves both.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "it is assembled, and calling it takes pointers")
)]

// Under a name of its own, which the C library's names mean where that library is musl; tests run on any.
// SAFETY: it follows the contract of `memmove`, and is compared with copies of slices below.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    r#"
    .pushsection .text.firstlight_copy, "ax", @progbits
    .balign 16
    .globl firstlight_copy
    .type firstlight_copy, @function
firstlight_copy:
    mov     %rdi, %rax
    cmp     $16, %rdx
    jae     3f
    cmp     $8, %edx
    jae     2f
    cmp     $4, %edx
    jae     1f
    # One to three: the first, the middle, the last.
    test    %edx, %edx
    jz      0f
    movzbl  (%rsi), %ecx
    movzbl  -1(%rsi, %rdx), %r8d
    mov     %rdx, %r10
    shr     $1, %r10
    movzbl  (%rsi, %r10), %r9d
    mov     %cl, (%rdi)
    mov     %r9b, (%rdi, %r10)
    mov     %r8b, -1(%rdi, %rdx)
0:  ret
    # From here on, the first so many and the last so many, which may overlap.
1:  mov     (%rsi), %ecx
    mov     -4(%rsi, %rdx), %r8d
    mov     %ecx, (%rdi)
    mov     %r8d, -4(%rdi, %rdx)
    ret
2:  mov     (%rsi), %rcx
    mov     -8(%rsi, %rdx), %r8
    mov     %rcx, (%rdi)
    mov     %r8, -8(%rdi, %rdx)
    ret
3:  movups  (%rsi), %xmm0
    movups  -16(%rsi, %rdx), %xmm1
    cmp     $32, %rdx
    ja      4f
    movups  %xmm0, (%rdi)
    movups  %xmm1, -16(%rdi, %rdx)
    ret
4:  mov     %rdi, %rcx
    sub     %rsi, %rcx
    cmp     %rdx, %rcx
    jb      6f
    cmp     $1024, %rdx
    ja      8f
    # Upwards; what was the end of the source is written last.
    lea     -16(%rdi, %rdx), %r8
    sub     %rdi, %rsi
5:  movups  (%rdi, %rsi), %xmm0
    movups  %xmm0, (%rdi)
    add     $16, %rdi
    cmp     %r8, %rdi
    jb      5b
    movups  %xmm1, (%r8)
    ret
    # Downwards, since the destination begins inside the source; what was its beginning is written last.
6:  lea     (%rdi, %rdx), %r8
    lea     16(%rdi), %r9
    sub     %rdi, %rsi
7:  sub     $16, %r8
    movups  (%r8, %rsi), %xmm1
    movups  %xmm1, (%r8)
    cmp     %r9, %r8
    ja      7b
    movups  %xmm0, (%rdi)
    ret
8:  mov     %rdx, %rcx
    rep movsb
    ret
    .size firstlight_copy, . - firstlight_copy
    .popsection
    "#,
    options(att_syntax)
);

// SAFETY: as above.
#[cfg(all(target_arch = "x86_64", target_env = "musl"))]
std::arch::global_asm!(
    ".globl memcpy, memmove",
    ".set memcpy, firstlight_copy",
    ".set memmove, firstlight_copy",
    options(att_syntax)
);

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    unsafe extern "C" {
        fn firstlight_copy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    }

    /// Copies within a buffer.
    fn copy(buffer: &mut [u8], to: usize, from: usize, bytes: usize) {
        assert!(buffer.len() >= to + bytes && buffer.len() >= from + bytes);
        let start = buffer.as_mut_ptr();
        // SAFETY: both ranges lie inside the buffer, as was just checked.
        let end = unsafe { firstlight_copy(start.add(to), start.add(from), bytes) };
        assert_eq!(end, start.wrapping_add(to));
    }

    proptest! {
        #[test]
        fn bytes_arrive_as_they_were_and_no_others_change(
            to in 0..400_usize, from in 0..400_usize, bytes in prop_oneof![0..70_usize, 0..1100_usize, 1000..5000_usize],
        ) {
            let mut buffer: Vec<u8> = (0..5500_u32).map(|place| (place * 31 / 7) as u8).collect();
            let mut expected = buffer.clone();
            expected.copy_within(from..from + bytes, to);
            copy(&mut buffer, to, from, bytes);
            prop_assert_eq!(buffer, expected);
        }
    }

    #[test]
    fn every_short_length_is_copied_at_every_distance() {
        for bytes in 0..=130 {
            for from in 0..=140 {
                let mut buffer: Vec<u8> = (0..=255).chain(0..=255).collect();
                let mut expected = buffer.clone();
                expected.copy_within(from..from + bytes, 70);
                copy(&mut buffer, 70, from, bytes);
                assert_eq!(buffer, expected, "{bytes} bytes from {from}");
            }
        }
    }
}
