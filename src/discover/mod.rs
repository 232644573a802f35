//! One finder per boot-loader family: volumes in, entries and warnings out.

pub mod finder;
