//! Leaving a running system: the init system, and the disks at rest.

pub mod detach;
pub mod guards;
pub mod init_system;
pub mod mounts;
pub mod once;
pub mod read_only;
pub mod writers;
