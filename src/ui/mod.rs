//! What people meet: consoles, landmarks and the menu.

pub mod console;
pub mod keys;
pub mod landmark;
