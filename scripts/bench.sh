#!/usr/bin/env bash
# Measures sizes, speed, memory and boot times, and checks the budgets; --help tells all. Works in a fresh clone.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/scripts/setup.sh" --tests --quiet
exec cargo run --quiet --manifest-path "$here/Cargo.toml" -p qemu --bin bench -- "$@"
