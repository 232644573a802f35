#!/usr/bin/env bash
# Builds the initramfs for a kernel with its drivers built in, and beside it the binary with its symbols and lines; for other
# kernels and all options see `cargo run -p initramfs -- --help`. Works as the first command in a fresh clone.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --quiet
target=${CARGO_TARGET_DIR:-target}
output=$target/initramfs.img
cargo run --quiet --package initramfs -- build --output "$output" --debug-file "$output.debug" "$@"
ls -l "$output" "$output.debug"
