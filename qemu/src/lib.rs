//! The rig: QEMU machines, disks, oracles and serial landmarks that tests and benchmarks drive.
