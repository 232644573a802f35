//! The user interface: consoles, landmarks and the menu.

pub mod console;
pub mod field;
mod firmware_console;
pub mod input;
pub mod keys;
pub mod landmark;
pub mod menu;
pub mod picture;
pub mod screen;
pub mod secret;
pub mod titles;
pub mod wrap;
