#!/usr/bin/env bash
# Builds the Debian package target/firstlight_VERSION_ARCHITECTURE.deb. Works as the first command in a fresh clone.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --quiet
target=${CARGO_TARGET_DIR:-target}
machine=$(uname -m)
# Two at once would write the same files.
mkdir -p "$target"
exec 9>"$target/package.lock"
flock 9
cargo build --release --package firstlight --target "$machine-unknown-linux-musl"
cargo build --release --package install --target "$machine-unknown-linux-musl"
# The program for images is built along with one. An ESP has room for what a small flash has not.
cargo run --quiet --package initramfs -- build --with luks --list >/dev/null
cargo build --release --package efi --bin stub --target "$machine-unknown-uefi"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
output=$target/firstlight_${version}_$(dpkg --print-architecture).deb
built=$target/$machine-unknown-linux-musl
cargo run --quiet --package packaging -- deb "$output" --binary "$built/release/firstlight" \
    --install "$built/release/firstlight-install" --init "$built/image/firstlight-multiboot-other-loaders-luks.stripped" \
    --stub "$target/$machine-unknown-uefi/release/stub.efi"
echo "$output"
