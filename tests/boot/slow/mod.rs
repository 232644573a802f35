//! Boots that take minutes each, or more than one machine: `scripts/test.sh --all` runs them, and no shorter command does.

mod arm64;
mod flash;
mod releases;
