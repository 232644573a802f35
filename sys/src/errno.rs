//! Texts of the error numbers that musl's C library has none for, as the GNU C library has them: file systems answer with some
//! of these (`EUCLEAN`), and a person would read "No error information".
#![cfg_attr(target_env = "musl", expect(unsafe_code, reason = "the standard library asks C for the texts"))]

use rustix::io::Errno;

/// Why this thread's last call of C failed. Where C has no number of an error, it is none that we know.
pub(crate) fn last() -> Errno {
    let code = std::io::Error::last_os_error().raw_os_error();
    code.map_or(Errno::INVAL, Errno::from_raw_os_error)
}

/// Numbers (asm-generic/errno.h; 524 is include/linux/errno.h's `ENOTSUPP`) and texts.
const TEXTS: &[(i32, &str)] = &[
    (44, "Channel number out of range"),
    (45, "Level 2 not synchronized"),
    (46, "Level 3 halted"),
    (47, "Level 3 reset"),
    (48, "Link number out of range"),
    (49, "Protocol driver not attached"),
    (50, "No CSI structure available"),
    (51, "Level 2 halted"),
    (52, "Invalid exchange"),
    (53, "Invalid request descriptor"),
    (54, "Exchange full"),
    (55, "No anode"),
    (56, "Invalid request code"),
    (57, "Invalid slot"),
    (59, "Bad font file format"),
    (64, "Machine is not on the network"),
    (65, "Package not installed"),
    (66, "Object is remote"),
    (68, "Advertise error"),
    (69, "Srmount error"),
    (70, "Communication error on send"),
    (73, "RFS specific error"),
    (76, "Name not unique on network"),
    (78, "Remote address changed"),
    (79, "Can not access a needed shared library"),
    (80, "Accessing a corrupted shared library"),
    (81, ".lib section in a.out corrupted"),
    (82, "Attempting to link in too many shared libraries"),
    (83, "Cannot exec a shared library directly"),
    (85, "Interrupted system call should be restarted"),
    (86, "Streams pipe error"),
    (87, "Too many users"),
    (109, "Too many references: cannot splice"),
    (117, "Structure needs cleaning"),
    (118, "Not a XENIX named type file"),
    (119, "No XENIX semaphores available"),
    (120, "Is a named type file"),
    (132, "Operation not possible due to RF-kill"),
    (133, "Memory page has hardware error"),
    (524, "Operation not supported by the driver"),
];

/// The text of an error number that musl has none for.
#[must_use]
pub fn text(code: i32) -> Option<&'static str> {
    TEXTS.iter().find(|(number, _)| *number == code).map(|(_, text)| *text)
}

/// strerror_r(3), in place of musl's: where the standard library gets the text of an `io::Error` from.
#[cfg(target_env = "musl")]
// SAFETY: musl has this symbol as a weak one, so this definition takes its place; it does what POSIX says it does.
#[unsafe(no_mangle)]
unsafe extern "C" fn __xpg_strerror_r(
    code: libc::c_int,
    buffer: *mut libc::c_char,
    length: libc::size_t,
) -> libc::c_int {
    let musls = || {
        // SAFETY: musl's strerror gives a text that ends with a NUL and is never changed.
        unsafe { std::ffi::CStr::from_ptr(libc::strerror(code)) }.to_bytes()
    };
    let text = text(code).map_or_else(musls, str::as_bytes);
    let Some(room) = length.checked_sub(1) else { return libc::ERANGE };
    let count = text.len().min(room);
    // SAFETY: the caller gives a buffer of `length` bytes; `count` is less than that and at most the length of the text.
    unsafe {
        buffer.copy_from_nonoverlapping(text.as_ptr().cast(), count);
        *buffer.add(count) = 0;
    }
    if count < text.len() { libc::ERANGE } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    #[cfg(target_env = "gnu")]
    fn texts_are_those_of_the_gnu_c_library() {
        for (code, text) in TEXTS.iter().filter(|(code, _)| *code < 512) {
            let theirs = io::Error::from_raw_os_error(*code).to_string();
            assert_eq!(format!("{text} (os error {code})"), theirs);
        }
    }

    /// To be run for the target that the image is built for.
    #[test]
    fn every_error_number_of_linux_has_a_text() {
        // 41 and 58 are no numbers of errors.
        for code in (1..134).filter(|code| ![41, 58].contains(code)) {
            let text = io::Error::from_raw_os_error(code).to_string();
            assert!(!text.starts_with("No error information") && !text.starts_with("Unknown"), "{text}");
        }
    }
}
