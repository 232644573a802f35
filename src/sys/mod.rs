//! Every system call that rustix and nix lack, and every `unsafe` of the project, each with its SAFETY reason.

pub mod kexec;
pub mod pipe;
