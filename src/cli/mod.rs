//! The `firstlight` command.
