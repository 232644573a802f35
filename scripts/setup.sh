#!/usr/bin/env bash
# Installs what building and running firstlight needs (packages.txt) and this machine lacks, and nothing else; with --tests
# also what tests, fuzzing and benchmarks need. Nothing that is installed is upgraded or removed (install-packages.sh).
# Every other script calls it with --quiet, which says nothing when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

say() { echo "setup: $*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi; }

whom=" run " quiet=
[ "$(id -u)" = 0 ] || whom+="user "
for word in "$@"; do
    case $word in
    --tests) whom+="tests " ;;
    --quiet) quiet=1 ;;
    *) say "usage: scripts/setup.sh [--tests] [--quiet]"; exit 2 ;;
    esac
done

missing=()
while read -r use probe package purpose; do
    [[ "$whom" == *" $use "* ]] || continue
    [ -e "$probe" ] || command -v "$probe" >/dev/null && continue
    say "missing: $package ($purpose)"
    missing+=("$package")
done <scripts/packages.txt

if [ ${#missing[@]} != 0 ]; then
    command -v apt-get >/dev/null || { say "no apt-get here: install the above your system's way, then run this again"; exit 1; }
    as_root apt-get -q update || say "the package lists could not all be brought up to date; going on with what there is"
    scripts/install-packages.sh "${missing[@]}" || { say "what is missing is: ${missing[*]}"; exit 1; }
fi

command -v cargo >/dev/null || {
    say "missing: Rust. Install rustup as https://rustup.rs says (Debian 13: apt-get install rustup), then run this again"
    exit 1
}
# The targets that the binary is static on, those of programs for UEFI firmware, and the standard library's source for `initramfs build --small`.
rust=$(rustc --print sysroot)/lib/rustlib
for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-unknown-uefi aarch64-unknown-uefi; do
    [ -d "$rust/$target" ] || rustup target add "$target"
done
[ -d "$rust/src" ] || rustup component add rust-src
[ -n "$quiet" ] || say "nothing is missing"
