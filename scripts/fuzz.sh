#!/usr/bin/env bash
# Feeds parsers with what no one would write: scripts/fuzz.sh [TARGET|all] [SECONDS], all of them for 5 s each by default.
#
# Stops at the first crash, at an input that takes longer than a second, and at one that wants more than 64 MiB at once.
# What was learned stays in fuzz/corpus, what fails in fuzz/artifacts. cargo-fuzz is installed into target/tools once.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --quiet

target=${1:-all} seconds=${2:-5}
tool=target/tools/bin/cargo-fuzz
if [ ! -x "$tool" ]; then
    echo "fuzz: installing cargo-fuzz into target/tools (once)" >&2
    cargo install cargo-fuzz --version 0.13.2 --locked --root target/tools --target-dir target/tools/build
fi
if [ "$target" = all ]; then
    targets=(fuzz/targets/*.rs)
    targets=("${targets[@]##*/}")
    targets=("${targets[@]%.rs}")
else
    targets=("$target")
fi

# The toolchain of the project is a stable one; coverage instrumentation needs no more than to be let through.
export RUSTC_BOOTSTRAP=1
# Coverage of the sanitizers' own runtime is not needed: without `unsafe`, memory errors cannot be what fails.
build=(--sanitizer none --target "$(rustc -vV | sed -n 's/^host: //p')")
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target"
    limits=(-max_total_time="$seconds" -timeout=1 -malloc_limit_mb=64 -rss_limit_mb=512 -max_len=65536 -print_final_stats=1)
    [ ! -f "fuzz/dictionaries/$target.dict" ] || limits+=("-dict=fuzz/dictionaries/$target.dict")
    corpora=("fuzz/corpus/$target")
    [ ! -d "fuzz/seeds/$target" ] || corpora+=("fuzz/seeds/$target")
    echo "fuzz: $target for $seconds s" >&2
    log=target/fuzz-$target.log
    if ! "$tool" run "${build[@]}" "$target" "${corpora[@]}" -- "${limits[@]}" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target failed; the whole output is in $log" >&2
        exit 1
    fi
    sed -n 's/^stat::number_of_executed_units: */runs /p; s/^stat::average_exec_per_sec: */runs a second /p; s/^stat::peak_rss_mb: */MiB /p' "$log" |
        paste -sd ' ' | sed "s/^/fuzz: $target: /"
done
