#!/usr/bin/env bash
# Installs firstlight and its kexec on this running system (on Debian and its kin, scripts/package.sh makes a package
# instead), and takes it away again: scripts/install.sh [--uninstall]. DESTDIR=DIR installs below another directory.
# scripts/install.sh --boot [OPTION]… also puts it on the ESP, and --recovery [OPTION]… makes it an entry in the menu of the loader that
# is there: the options are those of `firstlight install`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${DESTDIR:-/}
list=$root/usr/lib/firstlight/installed
kexec=$root/usr/sbin/kexec

case ${1-} in
    -h | --help)
        sed -n '2,/^set/ s/^# //p' scripts/install.sh
        exit
        ;;
    '' | --boot | --recovery | --uninstall) ;;
    *)
        echo "install: $1: it is scripts/install.sh [--boot [OPTION]… | --recovery [OPTION]… | --uninstall]" >&2
        exit 2
        ;;
esac
if [ "${1-}" = --uninstall ]; then
    [ -r "$list" ] || { echo "install: firstlight is not installed in $root" >&2; exit 1; }
    # Without the program nothing could take the boot entry away.
    if [ "$root" = / ] && [ -e /var/lib/firstlight/install.json ]; then
        /usr/sbin/firstlight install --remove
    fi
    while read -r file; do
        # What the administrator may have changed stays.
        case $file in "$root"etc/* | "$root"/etc/*) ;; *) rm -f "$file" ;; esac
    done <"$list"
    rm -f "$list"
    rmdir --ignore-fail-on-non-empty "$root/usr/lib/firstlight"
    [ ! -e "$kexec.kexec-tools" ] || mv "$kexec.kexec-tools" "$kexec"
    exit
fi
target=${CARGO_TARGET_DIR:-target}
machine=$(uname -m)
binary=${BINARY:-$target/$machine-unknown-linux-musl/release/firstlight}
if [ -z "${BINARY-}" ]; then
    scripts/setup.sh --quiet
    cargo build --release --package firstlight --target "$machine-unknown-linux-musl"
fi
installer=${INSTALLER:-$target/$machine-unknown-linux-musl/release/firstlight-install}
[ -n "${INSTALLER-}" ] || cargo build --release --package install --target "$machine-unknown-linux-musl"
init=${INIT:-$target/$machine-unknown-linux-musl/image/firstlight-multiboot-other-loaders-luks.stripped}
# The program for images is built along with one. An ESP has room for what a small flash has not.
[ -n "${INIT-}" ] || cargo run --quiet --package initramfs -- build --with luks --list >/dev/null
stub=${STUB:-$target/$machine-unknown-uefi/release/stub.efi}
[ -n "${STUB-}" ] || cargo build --release --package efi --bin stub --target "$machine-unknown-uefi"
# kexec-tools' program is kept for the way back.
if [ -e "$kexec" ] && [ ! -L "$kexec" ]; then
    mv "$kexec" "$kexec.kexec-tools"
fi
mkdir -p "${list%/*}"
cargo run --quiet --package packaging -- stage "$root" --binary "$binary" --install "$installer" --init "$init" \
    --stub "$stub" >"$list"
if [ "$root" = / ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "installed: firstlight(1), kexec(8), /etc/default/firstlight"
if [ "${1-}" = --boot ] || [ "${1-}" = --recovery ]; then
    # The other one is an option of the program's own.
    [ "$1" = --recovery ] || shift
    [ "$root" = / ] || set -- --root "$root" "$@"
    "$root/usr/sbin/firstlight" install "$@"
fi
