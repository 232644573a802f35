//! The static binaries: of an image, as it is by default and built small, and of a running system.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use goblin::elf::{Elf, header, program_header::PT_GNU_EH_FRAME};
use initramfs::binary::{self, Built, Options};

fn image(small: bool) -> Built {
    binary::build(&Options { small, ..Options::default() }).unwrap()
}

/// An image's binary with the command line, which it has on request.
fn with_command_line(small: bool) -> Built {
    let features = [&binary::FEATURES[..], &binary::FURTHER[..]].concat();
    let features = features.into_iter().map(str::to_owned).collect();
    binary::build(&Options { small, features, ..Options::default() }).unwrap()
}

/// Standard output of a program that succeeds.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    output.stdout
}

fn text(command: &mut Command) -> String {
    String::from_utf8(output(command)).unwrap()
}

fn expect_static(binary: &Path) {
    let ldd = Command::new("ldd").arg(binary).output().unwrap();
    let said = String::from_utf8_lossy(&ldd.stdout) + String::from_utf8_lossy(&ldd.stderr);
    assert!(said.contains("not a dynamic executable") || said.contains("statically linked"), "{said}");

    let bytes = fs::read(binary).unwrap();
    let elf = Elf::parse(&bytes).unwrap();
    assert_eq!((elf.interpreter, elf.libraries), (None, vec![]), "{}", binary.display());
}

/// The answer of `firstlight list` for a disk of the corpus.
fn list(binary: &Path) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/debian-12/tree");
    text(Command::new(binary).args(["list", "--json", "--root", root]))
}

#[test]
fn the_binary_of_an_image_needs_no_library_and_no_interpreter() {
    expect_static(&image(false).program);
}

#[test]
fn the_command_line_is_in_an_image_that_is_built_with_it() {
    let program = with_command_line(false).program;
    assert_eq!(Command::new(image(false).program).arg("list").status().unwrap().code(), Some(2));
    assert_eq!(list(&program), list(Path::new(env!("CARGO_BIN_EXE_firstlight"))));
    let scratch = tempfile::tempdir().unwrap();
    let kexec = scratch.path().join("kexec");
    std::os::unix::fs::symlink(&program, &kexec).unwrap();
    assert!(text(Command::new(&kexec).arg("--help")).contains("--reuse-cmdline"));
    let kernel = text(Command::new(&program).arg("inspect").arg(&program));
    assert!(kernel.contains("kind           elf"), "{kernel}");
}

#[test]
fn the_binary_of_a_small_image_is_smaller_and_does_the_same() {
    let [small, plain] = [true, false].map(|small| with_command_line(small).program);
    expect_static(&small);
    assert_eq!(list(&small), list(&plain));
    let size = |path: &Path| path.metadata().unwrap().len();
    assert!(size(&small) < size(&plain), "{} {}", size(&small), size(&plain));
}

#[test]
fn an_address_in_an_image_leads_to_a_line_by_the_debug_file() {
    let scratch = tempfile::tempdir().unwrap();
    let (archive, debug) = (scratch.path().join("initramfs"), scratch.path().join("debug"));
    let words = ["build", "--compress=none", "-o"].map(AsRef::as_ref);
    let words = words.into_iter().chain([archive.as_os_str(), "--debug-file".as_ref(), debug.as_os_str()]);
    initramfs::commandline::run(lexopt::Parser::from_args(words));
    let unpack = ["--extract", "--to-stdout", "--quiet", "init"];
    let init = output(Command::new("cpio").args(unpack).stdin(File::open(&archive).unwrap()));

    let whole = fs::read(&debug).unwrap();
    let elf = Elf::parse(&whole).unwrap();
    let name = |symbol: &goblin::elf::Sym| elf.strtab.get_at(symbol.st_name).unwrap_or_default();
    let run = elf.syms.iter().find(|symbol| name(symbol).contains("4boot6worker3run")).unwrap();
    // The image has the same code at the same address.
    let code = |bytes: &[u8]| {
        let elf = Elf::parse(bytes).unwrap();
        let segment = elf.program_headers.iter().find(|it| it.vm_range().contains(&(run.st_value as usize)));
        let start = (run.st_value - segment.unwrap().p_vaddr + segment.unwrap().p_offset) as usize;
        bytes[start..start + run.st_size as usize].to_vec()
    };
    assert!(run.st_size > 0 && code(&init) == code(&whole));
    assert_eq!(Elf::parse(&init).unwrap().syms.len(), 0);
    let place = text(Command::new("addr2line").arg("-e").arg(&debug).arg(format!("{:#x}", run.st_value)));
    let (file, line) = place.trim().rsplit_once(':').unwrap();
    assert!(file.ends_with("/src/boot/worker.rs"), "{place}");
    let line: usize = line.split(' ').next().unwrap().parse().unwrap();
    let source = include_str!("../src/boot/worker.rs").lines().nth(line - 1).unwrap();
    assert!(source.starts_with("pub fn run("), "{place}: {source}");
}

#[test]
fn the_binary_of_a_running_system_is_position_independent_and_keeps_its_tables_for_unwinding() {
    let installed = binary::build_release("firstlight", binary::TARGET).unwrap();
    expect_static(&installed);
    let bytes = fs::read(&installed).unwrap();
    let elf = Elf::parse(&bytes).unwrap();
    assert_eq!(elf.header.e_type, header::ET_DYN);
    let tables = elf.program_headers.iter().find(|it| it.p_type == PT_GNU_EH_FRAME).unwrap();
    // `.eh_frame_hdr`: 12 bytes, then 8 for each function. Nearly all have one: there are thousands.
    assert!(tables.p_filesz > 8 * 2000, "{}", tables.p_filesz);
}
