//! Which door: PID 1 or `init`, `modprobe` for the kernel's own requests, `kexec`, or the `firstlight` command.

fn main() {}
