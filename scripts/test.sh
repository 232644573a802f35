#!/usr/bin/env bash
# Everything that must hold before a change lands: formatting, lints, scripts, unit tests, the boots in QEMU, and every fuzz
# target. Works as the first command in a fresh clone. With arguments: only the tests whose names contain one of them.
# Tests in modules named `slow` are skipped: scripts/test.sh --all [NAME]… runs them, too.
set -euo pipefail
cd "$(dirname "$0")/.."
nextest=() libtest=(--skip slow::)
if [ "${1-}" = --all ]; then
    nextest=(--ignore-default-filter) libtest=()
    shift
fi
scripts/setup.sh --tests --quiet
export PATH="$PATH:/usr/sbin:/sbin"

# The minutes since the start, which a step begins after.
clock() { printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60)); }
step() { printf '\n== %s  %s\n' "$(clock)" "$*"; }
skip() { printf '\n== skipped %s\n' "$*"; }

step "formatting"
cargo fmt --all --check
step "scripts"
cargo run --quiet -p qemu --bin debian-root -- bookworm shellcheck --share "$PWD" -- \
    shellcheck scripts/*.sh .ci/run qemu/recipes/*.sh packaging/files/{load-kernel,kernel-hook,95-firstlight.install,system-shutdown,firstlight-kexec.init,preinst,postinst,prerm,postrm}
step "lints"
cargo clippy --workspace --all-targets --quiet -- -D warnings

# What the boots need is made before any test, where its progress can be seen.
step "the machines' disks"
cargo run --quiet -p qemu --bin run-qemu -- --prepare
# In a test it would count towards the test's own time.
if [ ${#nextest[@]} != 0 ] && [ $# = 0 ]; then
    step "arm64 machines, and the kernel's other profiles, for slow tests"
    for release in 12 13; do
        cargo run --quiet -p qemu --bin run-qemu -- --prepare --arch aarch64 --release "$release"
    done
    scripts/build-kernel.sh --profile slim --compress xz
    scripts/build-kernel.sh --profile debug
fi

# So are the programs that tests compare with, of each release that counts, and the kernel that tests start; none of them is
# this machine's own. A program that a person's machine cannot have is skipped, and named here and at the end; in CI that is a
# failure.
rm -f "${CARGO_TARGET_DIR:-target}/skipped"
step "programs to compare with, and the firmware kernel"
cargo run --quiet -p qemu --bin debian-root -- --tests

# Tests that are marked so are started by another test, never by themselves.
skip "by themselves: $(grep -rhoP --include='*.rs' '#\[ignore = "\K[^"]*' src tests initramfs qemu || echo none)"
slow=$({ find tests -path '*/slow/*.rs' ! -name mod.rs; grep -rl --include='*.rs' '^mod slow {' tests; } |
    sed 's|.*/||; s|\.rs$||' | tr '\n' ' ')
[ ${#nextest[@]} != 0 ] || skip "slow tests, which scripts/test.sh --all runs: $slow"

step "examples in the documentation"
cargo test --workspace --doc --quiet
# nextest runs every test in a process of its own; without it cargo's own runner does the same tests.
step "tests"
if command -v cargo-nextest >/dev/null; then
    cargo nextest run --workspace --no-fail-fast "${nextest[@]}" "$@"
else
    cargo test --workspace --no-fail-fast --lib --bins --tests -- "${libtest[@]}" "$@"
fi

# Last, since what it finds is a matter of luck: each parser for 5 s with what no one would write.
if [ $# = 0 ]; then
    step "fuzzing"
    scripts/fuzz.sh all 5
fi

if [ -e "${CARGO_TARGET_DIR:-target}/skipped" ]; then
    skip "for want of what they compare with:"
    sort -u "${CARGO_TARGET_DIR:-target}/skipped"
fi

step "done"
