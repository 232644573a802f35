//! What people meet: consoles, landmarks and the menu.

pub mod landmark;
