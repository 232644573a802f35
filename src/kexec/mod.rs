//! Loading the next kernel and jumping into it.
