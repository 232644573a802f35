//! The binary that goes into images: static, and for nobody's libraries.

use std::process::Command;

#[test]
fn the_binary_needs_no_library_and_no_interpreter() {
    let binary = initramfs::binary::build("firstlight", initramfs::binary::TARGET, &[]).unwrap();
    let ldd = Command::new("ldd").arg(&binary).output().unwrap();
    let said = String::from_utf8_lossy(&ldd.stdout) + String::from_utf8_lossy(&ldd.stderr);
    assert!(said.contains("not a dynamic executable") || said.contains("statically linked"), "{said}");

    let bytes = std::fs::read(&binary).unwrap();
    let elf = goblin::elf::Elf::parse(&bytes).unwrap();
    assert_eq!((elf.interpreter, elf.libraries), (None, vec![]), "{}", binary.display());
}
