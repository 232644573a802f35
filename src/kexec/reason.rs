//! Why the kernel refused to load a kernel, in plain words and with what to do about it: the answers of
//! kexec_file_load(2) in the order of the checks in Linux kernel/kexec_file.c.

use std::{borrow::Cow, fs, io};

use rustix::io::Errno;

/// Facts about this machine and about the kernel to load, by which the meanings of one error number differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The process may load kernels (`CAP_SYS_BOOT`).
    pub capable: bool,
    /// `/proc/sys/kernel/kexec_load_disabled` is 1.
    pub disabled: bool,
    /// `/proc/sys/kernel/kexec_load_limit_reboot` counts the loads that are left.
    pub limited: bool,
    /// `/sys/kernel/security/lockdown` names a mode other than `none`.
    pub lockdown: bool,
    /// `kexec_load` was asked, which is shown no file.
    pub segments: bool,
    /// It was a multiboot kernel, which `kexec_load` alone can load.
    pub multiboot: bool,
    /// It was to be started when the running one panics.
    pub crash: bool,
    /// The file begins as a kernel does that this machine takes as it is.
    pub kernel_file: bool,
}

/// The meaning of an error number, and the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The error number's name, as errno(3) has it.
    pub name: &'static str,
    pub cause: &'static str,
    pub remedy: &'static str,
}

struct Row {
    errno: Errno,
    applies: fn(&Circumstances) -> bool,
    reason: Reason,
}

const fn row(
    errno: Errno,
    name: &'static str,
    applies: fn(&Circumstances) -> bool,
    cause: &'static str,
    remedy: &'static str,
) -> Row {
    Row { errno, applies, reason: Reason { name, cause, remedy } }
}

const ALWAYS: fn(&Circumstances) -> bool = |_| true;

/// The first row that applies counts.
const REASONS: [Row; 28] = [
    row(
        Errno::NOSYS,
        "ENOSYS",
        ALWAYS,
        "the running kernel cannot load a kernel from a file",
        "leave -s out where it is given, or start from a kernel that has CONFIG_KEXEC_FILE",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| !it.capable,
        "this process lacks CAP_SYS_BOOT",
        "run it as root, outside of a container",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| it.disabled,
        "loading kernels is turned off until the next restart (kernel.kexec_load_disabled is 1)",
        "restart the machine, and remove what sets it",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| it.lockdown && it.multiboot,
        "lockdown is on, and a multiboot kernel has no signature that would be checked",
        "turn lockdown (Secure Boot) off",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| it.lockdown && it.segments,
        "lockdown is on, and kexec_load shows no signature",
        "leave -c out, so that kexec_file_load checks the kernel's signature",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| it.lockdown,
        "lockdown is on, and the kernel is not signed by a key that the running kernel trusts",
        "boot a signed kernel or turn lockdown (Secure Boot) off",
    ),
    row(
        Errno::PERM,
        "EPERM",
        |it| it.limited,
        "no more kernels may be loaded (kernel.kexec_load_limit_reboot is used up)",
        "restart the machine, and remove what sets the limit",
    ),
    row(
        Errno::PERM,
        "EPERM",
        ALWAYS,
        "the running kernel forbids it (lockdown, or another security module)",
        "boot a signed kernel, or change the policy",
    ),
    row(
        Errno::ACCESS,
        "EACCES",
        |it| it.segments,
        "a security policy (IMA) wants to see the kernel's file, and kexec_load shows none",
        "leave -c out, so that kexec_file_load is taken",
    ),
    row(
        Errno::ACCESS,
        "EACCES",
        ALWAYS,
        "a security policy (IMA or another security module) forbids this file",
        "sign the file as the policy asks, or change the policy",
    ),
    row(
        Errno::KEYREJECTED,
        "EKEYREJECTED",
        ALWAYS,
        "the kernel is not signed by a key of this machine",
        "boot a signed kernel or turn lockdown off",
    ),
    row(
        Errno::NOKEY,
        "ENOKEY",
        ALWAYS,
        "the kernel is signed by a key that this machine does not know",
        "enrol the key (db or MOK), boot a signed kernel or turn lockdown off",
    ),
    row(
        Errno::NODATA,
        "ENODATA",
        ALWAYS,
        "the kernel has no signature, and the running kernel demands one",
        "boot a signed kernel or turn lockdown off",
    ),
    row(
        Errno::NOPKG,
        "ENOPKG",
        ALWAYS,
        "the running kernel lacks the digest or cipher of the signature",
        "boot a kernel that is signed with SHA-256 and RSA, or start from a kernel that has them",
    ),
    row(
        Errno::BADMSG,
        "EBADMSG",
        ALWAYS,
        "the kernel's signature is damaged, or the disk gave bad data",
        "install the kernel again",
    ),
    row(
        Errno::LIBBAD,
        "ELIBBAD",
        ALWAYS,
        "the kernel file's signed format (PE) is damaged",
        "install the kernel again",
    ),
    row(
        Errno::NOEXEC,
        "ENOEXEC",
        |it| it.kernel_file,
        "the kernel was made for another machine, or for a 32-bit one",
        "install a 64-bit kernel for this machine, or leave -s out where it is given",
    ),
    row(
        Errno::NOEXEC,
        "ENOEXEC",
        ALWAYS,
        "this is not a kernel that can be started as it is: the file is damaged or in another format",
        "install the kernel again",
    ),
    row(
        Errno::INVAL,
        "EINVAL",
        |it| !it.kernel_file,
        "this is not a kernel that can be started as it is: the file is damaged or in another format",
        "install the kernel again",
    ),
    row(
        Errno::INVAL,
        "EINVAL",
        ALWAYS,
        "the running kernel does not take this kernel or its command line",
        "look at the kernel log, and try a shorter command line",
    ),
    row(Errno::BUSY, "EBUSY", ALWAYS, "another kernel is being loaded at this moment", "try again"),
    row(
        Errno::TXTBSY,
        "ETXTBSY",
        ALWAYS,
        "the file is open for writing",
        "let the program that writes it finish, and try again",
    ),
    row(Errno::FBIG, "EFBIG", ALWAYS, "a file is larger than the kernel takes", "make the initrd smaller"),
    row(
        Errno::ADDRNOTAVAIL,
        "EADDRNOTAVAIL",
        |it| it.crash,
        "the memory that is kept for a crash kernel is too small for it",
        "start this kernel with more (crashkernel=), or make the initrd smaller",
    ),
    row(
        Errno::ADDRNOTAVAIL,
        "EADDRNOTAVAIL",
        ALWAYS,
        "there is no stretch of free memory at an address that this kernel can be loaded to",
        "give the machine more memory, or make the initrd smaller",
    ),
    row(
        Errno::NOMEM,
        "ENOMEM",
        ALWAYS,
        "there is not enough free memory",
        "give the machine more memory, or make the initrd smaller",
    ),
    row(Errno::IO, "EIO", ALWAYS, "the disk could not be read", "check the disk and its cables"),
    row(Errno::ISDIR, "EISDIR", ALWAYS, "this is a directory", "correct the path in the boot configuration"),
];

/// The meaning of the error under these circumstances; `None` for a number that kexec_file_load(2) is not known to return.
#[must_use]
pub fn explain(errno: Errno, circumstances: &Circumstances) -> Option<Reason> {
    REASONS.iter().find(|row| row.errno == errno && (row.applies)(circumstances)).map(|row| row.reason)
}

/// The machine's memory, in bytes.
#[must_use]
pub fn memory() -> u64 {
    let system = rustix::system::sysinfo();
    // Both are 64 bits wide on 64-bit machines, and 32 on others.
    #[allow(clippy::useless_conversion, reason = "the width differs between machines")]
    u64::from(system.totalram).saturating_mul(u64::from(system.mem_unit))
}

/// Why only signed kernels may be loaded here, as far as files say.
#[must_use]
pub fn enforcement(circumstances: &Circumstances) -> Option<&'static str> {
    if circumstances.lockdown {
        return Some("lockdown is on");
    }
    let policy = fs::read_to_string("/sys/kernel/security/ima/policy").unwrap_or_default();
    appraises_kernels(&policy).then_some("IMA appraises kernels")
}

/// Whether an IMA policy asks for the signature of a kernel. Rules that only measure refuse no kernel.
fn appraises_kernels(policy: &str) -> bool {
    policy.lines().any(|rule| rule.starts_with("appraise ") && rule.contains("func=KEXEC_KERNEL_CHECK"))
}

/// The error number's name, as errno(3) has it.
#[must_use]
pub fn name(errno: Errno) -> Cow<'static, str> {
    match REASONS.iter().find(|row| row.errno == errno) {
        Some(row) => row.reason.name.into(),
        // Only an initrd that is none has it.
        None if errno == Errno::BADF => "EBADF".into(),
        None => format!("error {}", errno.raw_os_error()).into(),
    }
}

/// Why the jump failed, and what to do.
#[must_use]
pub fn of_jump(error: &io::Error) -> String {
    let reason = match Errno::from_io_error(error) {
        Some(Errno::INVAL) => "no kernel is loaded (kexec -l loads one), or this is a container",
        Some(Errno::PERM) => "this process lacks CAP_SYS_BOOT; run it as root, outside of a container",
        Some(Errno::NOSYS) => "the running kernel was built without CONFIG_KEXEC; use one that has it",
        Some(Errno::BUSY) => "a kernel is being loaded at this moment; try again",
        _ => return error.to_string(),
    };
    format!("{error}: {reason}")
}

/// Why the kernel refused a call other than the jump, and what to do.
#[must_use]
pub fn of_call(error: &io::Error) -> String {
    let reason = Errno::from_io_error(error).and_then(|errno| explain(errno, &circumstances(true)));
    reason.map_or_else(
        || error.to_string(),
        |reason| format!("refused ({}): {}; {}", reason.name, reason.cause, reason.remedy),
    )
}

/// The remedy for a file that cannot be opened.
#[must_use]
pub fn remedy_for_file(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "look at its name and its directory",
        io::ErrorKind::PermissionDenied => "run it as root",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ => "check the disk",
    }
}

/// The circumstances on this machine.
#[must_use]
pub fn circumstances(kernel_file: bool) -> Circumstances {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let capable = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_BOOT));
    Circumstances {
        capable,
        disabled: read("/proc/sys/kernel/kexec_load_disabled").trim() == "1",
        limited: is_limit(&read("/proc/sys/kernel/kexec_load_limit_reboot")),
        lockdown: locked_down(&read("/sys/kernel/security/lockdown")),
        segments: false,
        multiboot: false,
        crash: false,
        kernel_file,
    }
}

/// Whether it is a number of loads, not the -1 of a kernel that counts none or the emptiness of one that cannot.
fn is_limit(limit: &str) -> bool {
    limit.trim().parse::<u32>().is_ok()
}

/// Whether the chosen mode, the one in brackets (`none [integrity] confidentiality`), is other than `none`.
fn locked_down(modes: &str) -> bool {
    modes.split_whitespace().any(|mode| mode.starts_with('[') && mode != "[none]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circumstances_decide_what_an_error_number_means() {
        let usual = Circumstances { capable: true, kernel_file: true, ..Circumstances::default() };
        let cases = [
            (Errno::PERM, Circumstances { capable: false, ..usual }, "CAP_SYS_BOOT"),
            (Errno::PERM, Circumstances { disabled: true, ..usual }, "kexec_load_disabled"),
            (Errno::PERM, Circumstances { lockdown: true, ..usual }, "lockdown is on"),
            (Errno::PERM, Circumstances { limited: true, ..usual }, "kexec_load_limit_reboot"),
            (Errno::PERM, usual, "forbids it"),
            (
                Errno::PERM,
                Circumstances { lockdown: true, segments: true, ..usual },
                "kexec_load shows no signature",
            ),
            (
                Errno::PERM,
                Circumstances { lockdown: true, multiboot: true, ..usual },
                "a multiboot kernel has no signature",
            ),
            (Errno::ACCESS, Circumstances { segments: true, ..usual }, "kexec_load shows none"),
            (Errno::INVAL, Circumstances { kernel_file: false, ..usual }, "not a kernel"),
            (Errno::INVAL, usual, "command line"),
            (Errno::NOEXEC, usual, "another machine"),
            (Errno::NOEXEC, Circumstances { kernel_file: false, ..usual }, "damaged"),
            (Errno::ADDRNOTAVAIL, usual, "no stretch"),
            (Errno::ADDRNOTAVAIL, Circumstances { crash: true, ..usual }, "kept for a crash kernel"),
            (Errno::KEYREJECTED, usual, "not signed by a key of this machine"),
        ];
        for (errno, circumstances, expected) in cases {
            let reason = explain(errno, &circumstances).unwrap();
            assert!(reason.cause.contains(expected), "{reason:?} does not say {expected}");
        }
        assert_eq!(explain(Errno::PIPE, &usual), None);
    }

    #[test]
    fn names_are_those_of_errno() {
        // rustix prints numbers only; glibc's strerrorname_np(3) knows the names in the same way as the C headers.
        let numbers = [
            (libc::ENOSYS, "ENOSYS"),
            (libc::EPERM, "EPERM"),
            (libc::EACCES, "EACCES"),
            (libc::EKEYREJECTED, "EKEYREJECTED"),
            (libc::ENOKEY, "ENOKEY"),
            (libc::ENODATA, "ENODATA"),
            (libc::ENOPKG, "ENOPKG"),
            (libc::EBADMSG, "EBADMSG"),
            (libc::ELIBBAD, "ELIBBAD"),
            (libc::ENOEXEC, "ENOEXEC"),
            (libc::EINVAL, "EINVAL"),
            (libc::EBUSY, "EBUSY"),
            (libc::ETXTBSY, "ETXTBSY"),
            (libc::EFBIG, "EFBIG"),
            (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
            (libc::ENOMEM, "ENOMEM"),
            (libc::EIO, "EIO"),
            (libc::EISDIR, "EISDIR"),
        ];
        for row in &REASONS {
            assert!(numbers.contains(&(row.errno.raw_os_error(), row.reason.name)), "{}", row.reason.name);
        }
    }

    #[test]
    fn only_a_rule_that_appraises_asks_for_a_signature() {
        for (policy, expected) in [
            ("measure func=KEXEC_KERNEL_CHECK\nappraise func=MODULE_CHECK appraise_type=imasig\n", false),
            (
                "dont_appraise fsmagic=0x1021994\nappraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n",
                true,
            ),
            ("", false),
        ] {
            assert_eq!(appraises_kernels(policy), expected, "{policy}");
        }
    }

    #[test]
    fn a_limit_of_loads_is_a_number() {
        for (limit, expected) in [("-1\n", false), ("", false), ("0\n", true), ("3\n", true)] {
            assert_eq!(is_limit(limit), expected, "{limit}");
        }
    }

    #[test]
    fn the_lockdown_mode_is_the_one_in_brackets() {
        for (modes, expected) in [
            ("[none] integrity confidentiality\n", false),
            ("none [integrity] confidentiality\n", true),
            ("none integrity [confidentiality]\n", true),
            ("", false),
        ] {
            assert_eq!(locked_down(modes), expected, "{modes}");
        }
    }
}
