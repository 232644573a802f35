//! The `kexec` command given what cannot work: one line that says what to do, and kexec-tools' exit code. Nothing here gets
//! as far as the kernel.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::symlink, process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
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
    fs::copy(env!("CARGO_BIN_EXE_firstlight"), directory.path().join("program")).unwrap();
    write("empty", b"");
    write("damaged.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03garbage");
    let mut riscv = vec![0; 64];
    riscv[48..60].copy_from_slice(b"RISCV\0\0\0RSC\x05");
    write("Image.riscv", &riscv);
    // An archive by its first bytes, so that its size is all that is wrong.
    fs::write(directory.path().join("huge"), "070701").unwrap();
    OpenOptions::new().write(true).open(directory.path().join("huge")).unwrap().set_len(1 << 42).unwrap();
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
        (&["-l"], 255, "kexec: no kernel specified"),
        (&[], 255, "kexec: no kernel specified"),
        (&["-d"], 255, "kexec: no kernel specified"),
        (&["--append=x"], 255, "kexec: no kernel specified"),
        (&["--reuse-cmdline", "--initrd=vmlinuz"], 255, "kexec: no kernel specified"),
        (&["-l", ""], 1, "kexec: the name of a file is empty; is a variable unset?"),
        (
            &["-s", "-l", "missing"],
            255,
            "kexec: missing: No such file or directory (os error 2); look at its name and its directory",
        ),
        (
            &["-l", "missing"],
            1,
            "kexec: missing: No such file or directory (os error 2); look at its name and its directory",
        ),
        (
            &["-l", "dangling"],
            1,
            "kexec: dangling: No such file or directory (os error 2); look at its name and its directory",
        ),
        (&["-l", "."], 1, "kexec: .: is a directory; name a file in it"),
        (
            &["-l", "vmlinuz", "--initrd=missing"],
            1,
            "kexec: missing: No such file or directory (os error 2); look at its name and its directory",
        ),
        (
            &["-l", "README"],
            255,
            "kexec: README: this is no kernel, or a damaged one; name a kernel's file, or install it again",
        ),
        (&["-l", "empty"], 1, "kexec: empty: the file is empty; name a kernel's file"),
        (&["-l", "Image.riscv"], 255, &foreign),
        (
            &["-l", "short"],
            255,
            "kexec: short: the file is cut short: it has 8192 of at least 12273 bytes; install the kernel again",
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
            "kexec: vmlinuz: the command line has 2048 characters, and at most 2047 can be handed over; shorten it",
        ),
        (
            &["-l", "vmlinuz", &longer],
            255,
            "kexec: vmlinuz: the command line has 2048 characters, and at most 2047 can be handed over; shorten it",
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
        (
            &["-s", "-l", "vmlinuz", "-t", "foo"],
            255,
            "kexec: unsupported kernel type foo; it may be multiboot2-x86, ",
        ),
        (
            &["-c", "-l", "vmlinuz", "-t", "elf-x86_64"],
            255,
            "kexec: vmlinuz: wrong kernel type elf-x86_64: the file is bzImage64; leave -t out, or name another file",
        ),
        (&["-l", "vmlinuz", "-t", ""], 1, "kexec: option '-t' has an empty value; is a variable unset?"),
        (
            &["-l", "vmlinuz", "--initrd="],
            1,
            "kexec: option '--initrd' has an empty value; is a variable unset?",
        ),
        (
            &["-l", "vmlinuz", "--module="],
            1,
            "kexec: option '--module' has an empty value; is a variable unset?",
        ),
        (
            &["-l", "vmlinuz", "--initrd=vmlinuz short"],
            1,
            "kexec: vmlinuz short: no file has this name, but vmlinuz is one; write --initrd once for each",
        ),
        (
            &["-l", "vmlinuz", "--initrd=README,short"],
            1,
            "kexec: README,short: no file has this name, but README is one; write --initrd once for each",
        ),
        (&["-l", "vmlinuz", "README"], 1, "kexec: 'README' is one word too many: the kernel is 'vmlinuz'"),
        (
            &["-l", "--append", "quiet", "splash", "vmlinuz"],
            1,
            "kexec: 'vmlinuz' is one word too many: the kernel is 'splash'; put the whole command line into quotes",
        ),
        (&["-e", "vmlinuz"], 1, "kexec: 'vmlinuz' is named, and --exec loads no kernel; "),
        (&["-l", "-e", "vmlinuz"], 1, "kexec: 'vmlinuz' is named, and --exec loads no kernel; "),
        (&["-u", "vmlinuz"], 1, "kexec: 'vmlinuz' is named, and --unload loads no kernel; "),
        (&["-l", "-S", "vmlinuz"], 1, "kexec: 'vmlinuz' is named, and --status loads no kernel; "),
        (&["-p", "-f", "vmlinuz"], 1, "kexec: option 'force' does not go with -p"),
        (&["-p", "-e"], 1, "kexec: option 'exec' does not go with -p"),
        (
            &["-s", "-l", "vmlinuz", "--noefi"],
            1,
            "kexec: option 'noefi' cannot be honoured by kexec_file_load; leave -s out",
        ),
        (
            &["-s", "-l", "vmlinuz", "--mem-max=0x10000000"],
            1,
            "kexec: option 'mem-max' cannot be honoured by kexec_file_load; leave -s out",
        ),
        (
            &["-c", "-p", "vmlinuz", "--hotplug"],
            1,
            "kexec: option 'hotplug' cannot be honoured by kexec_load; leave -c out",
        ),
        (&["-e", "-t", "bzImage"], 1, "kexec: option 'type' goes with --load"),
        (
            &["-l", "program"],
            255,
            "kexec: program: this is a program or a kernel module, and no kernel; name a kernel's file",
        ),
        (&["-l", "-S", "--append=x"], 1, "kexec: option 'append' goes with --load"),
        (&["-e", "--append=x"], 1, "kexec: option 'append' goes with --load"),
        (
            &["-l", "vmlinuz", "--real-mode"],
            1,
            "kexec: option 'real-mode' is not supported: a kernel is never entered in real mode; leave it out",
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
    for arguments in [&["kexec", "-e"][..], &["kexec", "-f", "/vmlinuz"], &["boot", "--now"]] {
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

/// A multiboot kernel of version 1 by its header, which says where it is to be loaded.
fn multiboot() -> Vec<u8> {
    let mut bytes = vec![0; 8192];
    let fields = [0x1bad_b002_u32, 1 << 16, (1 << 16) + 0x1bad_b002, 0x10_0000, 0x10_0000, 0, 0, 0x10_0020];
    let fields =
        fields.map(|field| if field == (1 << 16) + 0x1bad_b002 { field.wrapping_neg() } else { field });
    for (place, field) in fields.iter().enumerate() {
        bytes[place * 4..place * 4 + 4].copy_from_slice(&field.to_le_bytes());
    }
    bytes
}

/// Options have the same effect for every kind of kernel.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_option_that_a_multiboot_kernel_cannot_have_is_an_error() {
    let directory = files();
    fs::write(directory.path().join("xen"), multiboot()).unwrap();
    let beginning = "kexec: xen: this is a multiboot kernel, and option ";
    for (arguments, code, message) in [
        (
            &["-s", "-l", "xen"][..],
            255,
            "'kexec-file-syscall' cannot be honoured: only kexec_load starts one; leave -s out",
        ),
        (
            &["-l", "xen", "--initrd=README"],
            255,
            "'initrd' cannot be honoured: hand the initrd over as a module",
        ),
    ] {
        let output = kexec(directory.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with(&format!("{beginning}{message}")), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    for name in ["elf-x86_64", "bzImage", "uki"] {
        let output = kexec(directory.path(), &["-l", "xen", "-t", name]);
        let said = String::from_utf8_lossy(&output.stderr);
        let message = format!("kexec: xen: wrong kernel type {name}: the file is multiboot2-x86; ");
        assert!(said.starts_with(&message), "{said}");
    }
}

#[test]
fn no_device_tree_is_taken_where_there_are_none() {
    if cfg!(target_arch = "x86_64") {
        let output = kexec(files().path(), &["-l", "vmlinuz", "--dtb=README"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.starts_with("kexec: option 'dtb' is not supported: this machine has no device tree"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
}

/// The line that a load ends with here, where nobody may load a kernel. A module's path is nothing for a person.
#[test]
fn a_kernel_comes_out_of_a_pipe_and_paths_are_bytes() {
    let directory = files();
    fs::write(directory.path().join(OsStr::from_bytes(b"gr\xf6n")), b"no kernel\n").unwrap();
    let whole = kexec(directory.path(), &["-d", "-l", "vmlinuz"]);
    let whole = String::from_utf8_lossy(&whole.stderr).into_owned();
    assert!(!whole.contains("::") && whole.contains("[kexec]"), "{whole}");
    let end = whole.lines().last().unwrap().split_once("vmlinuz").unwrap().1;
    for (script, name, message) in [
        ("cat vmlinuz | \"$0\" kexec -l /dev/stdin", "/dev/stdin", end),
        ("\"$0\" kexec -l <(cat vmlinuz) --initrd=<(cat README)", "/dev/fd/", end),
        ("mkfifo pipe; cat vmlinuz >pipe & \"$0\" kexec -l pipe", "pipe", end),
        ("cat README | \"$0\" kexec -l /dev/stdin", "/dev/stdin", ": this is no kernel, or a damaged one"),
        ("\"$0\" kexec -l $'gr\\xf6n'", "gr?n", ": this is no kernel, or a damaged one"),
        ("\"$0\" kexec -l vmlinuz --initrd=$'no\\xf6n'", "no?n", ": No such file"),
        ("\"$0\" kexec -l vmlinuz --append=$'gr\\xf6n'", "vmlinuz", end),
        ("\"$0\" inspect <(cat vmlinuz) | grep -x 'kind *bzimage'", "", ""),
    ] {
        let mut bash = Command::new("bash");
        bash.args(["-c", script, env!("CARGO_BIN_EXE_firstlight")]).current_dir(directory.path());
        let output = bash.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(name) && last.contains(message), "{script}: {said} (expected …{message})");
        assert_eq!(output.status.success(), message.is_empty(), "{script}");
    }
}

/// `kexec` alone means this machine's default only where a person types it: on a terminal, which stdout and stderr are, too. In
/// a container it ends before anything is looked for.
#[test]
fn kexec_alone_goes_on_only_on_a_terminal() {
    let container =
        ["--user", "--map-root-user", "--pid", "--fork", env!("CARGO_BIN_EXE_firstlight"), "kexec"];
    for (on_terminal, words, message) in [
        ([true; 3], &[][..], "kexec: this is a container"),
        ([false, true, true], &[], "kexec: no kernel specified"),
        ([true, false, true], &[], "kexec: no kernel specified"),
        ([true, true, false], &[], "kexec: no kernel specified"),
        ([true; 3], &["-d"], "kexec: no kernel specified"),
        ([true; 3], &["--append=x"], "kexec: no kernel specified"),
    ] {
        let pair = nix::pty::openpty(None, None).unwrap();
        let (mut other, said) = std::io::pipe().unwrap();
        let stream = |on_terminal: bool| -> Stdio {
            if on_terminal {
                pair.slave.try_clone().unwrap().into()
            } else {
                said.try_clone().unwrap().into()
            }
        };
        let [stdin, stdout, stderr] = on_terminal;
        let mut command = Command::new("unshare");
        command.args(container).args(words).stdout(stream(stdout)).stderr(stream(stderr));
        let stdin = if stdin { stream(true) } else { Stdio::null() };
        let status = command.stdin(stdin).spawn().unwrap().wait().unwrap();
        drop((command, said, pair.slave));
        let mut text = Vec::new();
        // The end of a terminal is an error.
        let _ = File::from(pair.master).read_to_end(&mut text);
        other.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with(message), "{on_terminal:?} {words:?}: {text}");
        assert_eq!(status.code(), Some(255));
    }
}
