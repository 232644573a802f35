#!/usr/bin/env bash
# Installs what building, running and testing firstlight needs (packages.txt) and this machine lacks, and nothing else.
# Every other script calls it with --quiet, which says nothing when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive

say() { echo "setup: $*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi; }

missing=()
while read -r probe package purpose; do
    [ "$probe" = "#" ] || [ -e "$probe" ] || command -v "$probe" >/dev/null && continue
    say "missing: $package ($purpose)"
    missing+=("$package")
done <scripts/packages.txt

# A package from the release's backports that is already here can make the release's own packages uninstallable (qemu-utils
# does). Their relatives are then taken from the backports too, through a source list that lives for this command only.
install_from_backports() {
    local ID VERSION_CODENAME mirror list done=0
    # shellcheck source=/dev/null
    . /etc/os-release
    local codename=${VERSION_CODENAME:-}
    mirror=$(apt-get indextargets --format "\$(CODENAME) \$(REPO_URI)" "Identifier: Packages" |
        sed -n "s/^$codename //p" | head -n 1)
    [ -n "$codename" ] && [ -n "$mirror" ] || return 1
    list=$(mktemp -d) && chmod 755 "$list" && mkdir -p "$list/parts" "$list/lists/partial"
    cp -r /etc/apt/sources.list.d/. "$list/parts"
    echo "deb [signed-by=/usr/share/keyrings/$ID-archive-keyring.gpg] $mirror $codename-backports main" \
        >"$list/parts/backports.list"
    local private=(-o "Dir::Etc::SourceParts=$list/parts" -o "Dir::State::lists=$list/lists")
    as_root apt-get "${private[@]}" -q update &&
        as_root apt-get "${private[@]}" -qy install --no-install-recommends --no-remove -t "$codename-backports" "$@" || done=1
    as_root rm -rf "$list"
    return $done
}

if [ ${#missing[@]} != 0 ]; then
    command -v apt-get >/dev/null || { say "no apt-get here: install the above your system's way, then run this again"; exit 1; }
    say "installing: ${missing[*]}"
    as_root apt-get -q update || say "the package lists could not all be brought up to date; going on with what there is"
    as_root apt-get -qy install --no-install-recommends --no-remove "${missing[@]}" ||
        { say "trying this release's backports"; install_from_backports "${missing[@]}"; } ||
        { say "apt-get failed: see above; what is missing is: ${missing[*]}"; exit 1; }
fi

command -v cargo >/dev/null || {
    say "missing: Rust. Install rustup as https://rustup.rs says (Debian 13: apt-get install rustup), then run this again"
    exit 1
}
# The targets that the binary is static on, and the standard library's source for `initramfs build --small`.
rust=$(rustc --print sysroot)/lib/rustlib
for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
    [ -d "$rust/$target" ] || rustup target add "$target"
done
[ -d "$rust/src" ] || rustup component add rust-src
[ "${1:-}" = --quiet ] || say "nothing is missing"
