//! Builds the initramfs: the binary, the static tree and just the modules that booting disks needs, reproducibly.
