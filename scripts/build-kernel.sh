#!/usr/bin/env bash
# Builds the kernel below firstlight, with its drivers built in; --help tells all. Works as the first command in a fresh clone.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/scripts/setup.sh" --quiet
exec cargo run --quiet --manifest-path "$here/Cargo.toml" -p qemu --bin build-kernel -- "$@"
