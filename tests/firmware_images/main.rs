//! The images that the builder makes for firmware, read by others' tools: UEFITool, objdump, ukify, sbverify.

mod flash;
mod uki;
