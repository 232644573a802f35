#!/usr/bin/env bash
# Feeds parsers with what no one would write: scripts/fuzz.sh [TARGET|all] [SECONDS], all of them for 5 s each by default.
#
# All targets are built at once, and as many run at a time as there are processors. A target stops at its first crash, at an
# input that takes longer than a second, and at one for which more than 64 MiB live at once. Then come inputs of 1 MiB, made of
# the seeds and of what only spite would write (fuzz/src/large.rs), under the same bounds. What was learned stays in
# fuzz/corpus, what fails in fuzz/artifacts. cargo-fuzz is installed into target/tools once.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --tests --quiet

target=${1:-all}
export seconds=${2:-5}
tool=target/tools/bin/cargo-fuzz
if [ ! -x "$tool" ]; then
    echo "fuzz: installing cargo-fuzz into target/tools (once)" >&2
    cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root target/tools --target-dir target/tools/build
fi

# The toolchain of the project is a stable one; coverage instrumentation needs no more than to be let through. Coverage of
# the sanitizers' own runtime is not needed: without `unsafe`, memory errors cannot be what fails.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 binaries=fuzz/target/$host/release
if [ "$target" = all ]; then
    "$tool" build --sanitizer none --target "$host"
    targets=(fuzz/targets/*.rs)
    targets=("${targets[@]##*/}")
    targets=("${targets[@]%.rs}")
else
    "$tool" build --sanitizer none --target "$host" "$target"
    targets=("$target")
fi

fuzz() {
    local target=$1 log=target/fuzz-$1.log corpora=("fuzz/corpus/$1") limits
    limits=(-timeout=1 -malloc_limit_mb=64 -rss_limit_mb=512)
    [ ! -f "fuzz/dictionaries/$target.dict" ] || limits+=("-dict=fuzz/dictionaries/$target.dict")
    [ ! -d "fuzz/seeds/$target" ] || corpora+=("fuzz/seeds/$target")
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    if ! "$binaries/$target" "${limits[@]}" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$target/" "${corpora[@]}" >"$log" 2>&1; then
        # A machine that was busy with something else is no fault of the input: it is tried again.
        local input; input=$(sed -n 's/.*Test unit written to \(.*\/timeout-.*\)/\1/p' "$log")
        if [ -z "$input" ] || ! "$binaries/$target" "${limits[@]}" "$input" >>"$log" 2>&1; then
            tail -n 40 "$log" >&2
            echo "fuzz: $target failed; the whole output is in $log" >&2
            return 1
        fi
    fi
    sed -n 's/^stat::number_of_executed_units: */runs /p; s/^stat::average_exec_per_sec: */runs a second /p; s/^stat::peak_rss_mb: */MiB /p' "$log" |
        paste -sd ' ' | sed "s/^/fuzz: $target, $seconds s: /"
}

read_large() { FUZZ_LARGE="fuzz/artifacts/$2/large" "$1/$2" -timeout=0 -rss_limit_mb=0 "${@:3}"; }

# Following every comparison, which guides the fuzzer, takes up to three quarters of the time. Inputs that cost too much are read
# again by the same target without it; any other failure stands.
unguided() {
    cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target-dir fuzz/target/unguided --bin "$1"
    read_large fuzz/target/unguided/release "$@"
}

# The empty input is for all that needs no seed.
large() {
    local target=$1 log=target/fuzz-$1-large.log empty=target/fuzz-empty
    : >"$empty"
    local inputs=("$empty")
    [ ! -d "fuzz/seeds/$target" ] || inputs+=("fuzz/seeds/$target"/*)
    if ! read_large "$binaries" "$target" "${inputs[@]}" >"$log" 2>&1 &&
        ! { grep -aq 'that cost too much' "$log" && unguided "$target" "${inputs[@]}" >"$log" 2>&1; }; then
        grep -a -e '^fuzz: ' -e panicked -A 2 "$log" >&2 || tail -n 40 "$log" >&2
        echo "fuzz: $target failed at 1 MiB; the whole output is in $log" >&2
        return 1
    fi
    sed -n 's/^large: \([0-9]*\) inputs, at most \([0-9]*\) MiB and \([0-9]*\) ms.*/\1 \2 \3/p' "$log" |
        awk -v target="$target" '{ runs += $1; if ($2 > memory) memory = $2; if ($3 > time) time = $3 }
            END { print "fuzz: " target ", " runs " inputs of 1 MiB: at most " memory + 0 " MiB and " time + 0 " ms" }'
}
export -f fuzz large read_large unguided
# shellcheck disable=SC2016 # It is the inner shell that fills in the target.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -euo pipefail -c 'fuzz "$1"' fuzz '{}'
# shellcheck disable=SC2016
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -euo pipefail -c 'large "$1"' large '{}'
