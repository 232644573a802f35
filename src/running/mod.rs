//! What only an installed and running system needs: choosing what it starts next, and leaving it in good order.

pub mod choice;
pub mod detach;
pub mod guards;
pub mod init_system;
pub mod mounts;
pub mod once;
pub mod read_only;
pub mod writers;
