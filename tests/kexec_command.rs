//! The `kexec` command given what cannot work: one line that says what to do, and kexec-tools' exit code. Nothing here gets
//! as far as the kernel.

use std::{
    fs::{self, File},
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

fn kexec(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
    command.arg0("kexec").args(arguments).current_dir(directory).output().unwrap()
}

/// A bzImage of a 64-bit kernel whose header tells of as many bytes as there are.
fn bzimage() -> Vec<u8> {
    let mut bytes = vec![0; 0x3000];
    for (offset, value) in [
        (0x1f1, &[1_u8][..]),
        (0x1f4, &0x2c0_u32.to_le_bytes()),
        (0x1fe, &[0x55, 0xaa]),
        (0x202, b"HdrS\x0f\x02"),
        (0x211, &[1]),
        (0x230, &0x20_0000_u32.to_le_bytes()),
        (0x236, &[3, 0]),
        (0x238, &2047_u32.to_le_bytes()),
        (0x258, &0x100_0000_u64.to_le_bytes()),
        (0x260, &0x4_0000_u32.to_le_bytes()),
    ] {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    }
    bytes
}

fn files() -> TempDir {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(directory.path().join(name), content).unwrap();
    write("vmlinuz", &bzimage());
    write("short", &bzimage()[..0x2000]);
    write("README", b"no kernel\n");
    write("empty", b"");
    write("damaged.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03garbage");
    let mut riscv = vec![0; 64];
    riscv[48..60].copy_from_slice(b"RISCV\0\0\0RSC\x05");
    write("Image.riscv", &riscv);
    File::create(directory.path().join("huge")).unwrap().set_len(1 << 42).unwrap();
    symlink("nowhere", directory.path().join("dangling")).unwrap();
    directory
}

#[test]
fn what_cannot_work_is_one_line_with_a_remedy_and_kexec_tools_exit_code() {
    let directory = files();
    let long = format!("--append={}", "x".repeat(2017));
    let longer = format!("--append={}", "x".repeat(2048));
    let machine = std::env::consts::ARCH;
    let foreign = format!(
        "kexec: Image.riscv: it is a kernel for riscv64, and this machine is {machine}; name one that was built for it"
    );
    let cases: &[(&[&str], i32, &str)] = &[
        (&["-l"], 255, "kexec: no kernel specified; name its file: kexec -l KERNEL …"),
        (
            &["-l", "missing"],
            255,
            "kexec: missing: No such file or directory (os error 2); look at its name and its directory",
        ),
        (
            &["-l", "dangling"],
            255,
            "kexec: dangling: No such file or directory (os error 2); look at its name and its directory",
        ),
        (&["-l", "."], 255, "kexec: .: is a directory; name a file in it"),
        (
            &["-l", "vmlinuz", "--initrd=missing"],
            255,
            "kexec: missing: No such file or directory (os error 2); look at its name and its directory",
        ),
        (
            &["-l", "README"],
            255,
            "kexec: README: this is no kernel, or a damaged one; name a kernel's file, or install it again",
        ),
        (
            &["-l", "empty"],
            255,
            "kexec: empty: this is no kernel, or a damaged one; name a kernel's file, or install it again",
        ),
        (&["-l", "Image.riscv"], 255, &foreign),
        (
            &["-l", "short"],
            255,
            "kexec: short: the file is cut short: it has 8192 of at least 12288 bytes; install the kernel again",
        ),
        (&["-l", "damaged.gz"], 255, "kexec: damaged.gz: cannot be unpacked: "),
        (
            &["-s", "-l", "vmlinuz", &long],
            255,
            "kexec: vmlinuz: the command line has 2017 characters, and at most 2016 can be handed over; shorten it",
        ),
        (
            &["-c", "-l", "vmlinuz", &longer],
            255,
            "kexec: vmlinuz: the command line has 2048 characters, and the kernel takes at most 2047; shorten it",
        ),
        (
            &["-l", "vmlinuz", "--initrd=huge"],
            255,
            "kexec: huge: kernel and initrds take 4194304 MiB, more than half of the memory (",
        ),
        (
            &["-l", "vmlinuz", "--mem-min=1G"],
            1,
            "kexec: option '--mem-min': '1G' is not an address; write it as 0x1000000, 4096 or 010",
        ),
        (&["--frobnicate"], 1, "kexec: unrecognized option '--frobnicate'"),
        (
            &["-p", "vmlinuz"],
            1,
            "kexec: no memory is kept for a crash kernel; start this one with crashkernel=",
        ),
        (
            &["-c", "-l", "vmlinuz", "-t", "foo"],
            255,
            "kexec: unsupported kernel type foo; it may be multiboot2-x86, ",
        ),
        (&["-l", "-S", "--append=x"], 1, "kexec: option 'append' goes with --load"),
        (&["-e", "--append=x"], 1, "kexec: option 'append' goes with --load"),
        (
            &["-l", "vmlinuz", "--real-mode"],
            1,
            "kexec: option 'real-mode' is not supported: a kernel is entered in 64-bit mode only",
        ),
    ];
    for (arguments, code, message) in cases {
        let output = kexec(directory.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or_default();
        assert!(first.starts_with(message), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_asked_for_on_stdout() {
    let directory = files();
    for (arguments, beginning) in
        [(&["-h"][..], "kexec: start another Linux kernel"), (&["-v"], "kexec-tools ")]
    {
        let output = kexec(directory.path(), arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(beginning));
    }
}

/// The only program of a container is PID 1 there, and no machine's init.
#[test]
fn in_a_container_no_kernel_is_started() {
    for arguments in [&["kexec", "-e"][..], &["kexec"], &["boot", "--now"]] {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--pid", "--fork", env!("CARGO_BIN_EXE_firstlight")]);
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let name = if arguments[0] == "kexec" { "kexec" } else { "firstlight" };
        let message =
            format!("{name}: this is a container (a PID namespace of its own), out of which no kernel");
        assert!(said.starts_with(&message), "{arguments:?}: {said}");
        let code = if name == "kexec" { 255 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}
