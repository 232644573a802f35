//! The images that the builder makes for firmware, read by others' tools: UEFITool, objdump, ukify, sbverify, sgdisk, fsck.fat.

mod disk;
mod flash;
mod uki;
