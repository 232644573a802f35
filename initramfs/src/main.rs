//! `initramfs build`: the image builder on the command line.

fn main() {}
