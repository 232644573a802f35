#!/usr/bin/env bash
# Installs Debian packages on a machine that else stays as it is: nothing is upgraded or removed, and from the release's
# backports comes only what its own packages cannot be here. scripts/install-packages.sh [--plan] PACKAGE…
# --plan says what would be installed, by the package lists that are there, and changes nothing. Every step is apt's own
# simulation first; one that would upgrade or remove is refused with the reason, and then nothing is installed.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() { echo "packages: $*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi; }

plan=
[ "${1-}" != --plan ] || { plan=1 && shift; }
[ $# != 0 ] || { say "usage: scripts/install-packages.sh [--plan] PACKAGE…"; exit 2; }
command -v apt-get >/dev/null || { say "no apt-get here: install them your system's way: $*"; exit 1; }
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT
options=()

# Sets `simulated`, what apt would do, and `reason`, why that may not be; fails where there is a reason.
simulate() {
    reason=
    if ! simulated=$(apt-get "${options[@]}" --simulate -q install --no-install-recommends "$@" 2>&1); then
        reason=$(sed -nE 's/^(E|Error): //p; s/^ ([^ ].* : .*)/\1/p' <<<"$simulated" | paste -sd ';')
        return 1
    fi
    local upgrades removals
    upgrades=$(sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) .*/\1 (\2 to \3)/p' <<<"$simulated" | paste -sd ,)
    removals=$(sed -n 's/^Remv \([^ ]*\) .*/\1/p' <<<"$simulated" | paste -sd ,)
    reason="${removals:+it would remove $removals}${upgrades:+${removals:+, }it would upgrade $upgrades}"
    [ -z "$reason" ]
}

# shellcheck source=scripts/backports.sh
. "$(dirname "$0")/backports.sh"

chosen=("$@")
if ! simulate "$@"; then
    say "not by the release's own packages: $reason"
    backports=
    look_at_backports || { say "and the backports of this release cannot be read"; exit 1; }
    chosen=()
    for package in "$@"; do
        first=
        for from in "" "/${backports%-backports}" "/$backports"; do
            if fit "$package$from"; then chosen+=("$package$from"); continue 2; fi
            first=${first:-$reason}
        done
        say "$package cannot be installed: $first"
        say "nothing has been changed; where an upgrade is all that it takes, do that first, then run this again"
        exit 1
    done
    simulate "${chosen[@]}"
    theirs=$(sed -n 's/^Inst \([^ ]*\) ([^)]*-backports.*/\1/p' <<<"$simulated" | sort | paste -sd ' ')
    [ -z "$theirs" ] || say "from $backports: $theirs"
fi
sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/packages: \1 \2/p' <<<"$simulated" >&2
[ -n "$plan" ] || as_root apt-get "${options[@]}" -qy install --no-install-recommends --no-remove "${chosen[@]}"
