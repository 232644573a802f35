#!/usr/bin/env bash
# Everything that must hold before a change lands: formatting, lints, scripts, unit tests, and the boots in QEMU.
# Works as the first command in a fresh clone. With arguments: only the tests whose names contain one of them.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --quiet
export PATH="$PATH:/usr/sbin:/sbin"

step() { printf '\n== %s\n' "$*"; }
skip() { printf '\n== skipped: %s\n' "$*"; }

step "formatting"
cargo fmt --all --check
step "scripts"
shellcheck scripts/*.sh .ci/run qemu/recipes/*.sh
step "lints"
cargo clippy --workspace --all-targets --quiet -- -D warnings

# What the boots need is made before any test, where its progress can be seen.
step "the machines' disks"
cargo run --quiet -p qemu --bin run-qemu -- --prepare

# nextest runs every test in a process of its own; without it cargo's own runner does the same tests.
if command -v cargo-nextest >/dev/null; then
    step "examples in the documentation"
    cargo test --workspace --doc --quiet
    step "tests"
    cargo nextest run --workspace --no-fail-fast "$@"
else
    skip "nothing: cargo-nextest is not installed, cargo test runs all tests"
    cargo test --workspace --no-fail-fast -- "$@"
fi
