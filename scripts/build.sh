#!/usr/bin/env bash
# Builds the static binary and an initramfs around it for a kernel with its drivers built in; for other kernels and all
# options see `cargo run -p initramfs -- --help`. Works as the first command in a fresh clone.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --quiet
target=${CARGO_TARGET_DIR:-target}
output=$target/initramfs.img
cargo build --release --no-default-features --package firstlight --target x86_64-unknown-linux-musl
binary=$target/x86_64-unknown-linux-musl/release/firstlight
cargo run --quiet --package initramfs -- build --binary "$binary" --output "$output" "$@"
ls -l "$binary" "$output"
