//! PID 1: mounts, consoles, modules, supervision and power.
