#!/usr/bin/env bash
# generate.sh SYSTEM…: writes the configuration of each system whose `recipe` has a `generate`, with the distribution's own
# tools: they run in a Debian of the release that the recipe names, where the system's directories stand in their places.
# Needs root, and what scripts/setup.sh installs (mmdebstrap). Run by hand; the results are committed. (For GRUB's
# configurations, which need nothing but grub-mkconfig, there is mkconfig.sh.)
#
# Such a recipe is a shell file:
#   release=   Debian release whose tools generate
#   packages=  the packages that bring them
#   mounts=    a line for each directory of the system: its name, and where it stands; what stands in / is copied there, any
#              other is made anew
#   results=   files and directories that are taken back from / to the directory that stands there
#   programs=  EFI programs of which only the section is kept that tells systemd-boot (.sdmagic)
#   generate() runs in that Debian
set -eu
here=$(dirname "$(realpath "$0")")
cache=$(realpath "$here/../..")/target/corpus

# A Debian with these packages; prints where it is.
debian() { # RELEASE PACKAGES
    local root=$cache/$1/root-${2// /-}
    if [ ! -d "$root" ]; then
        mkdir -p "$cache/$1"
        rm -rf "$root.new"
        # refind would install itself to an ESP, of which there is none. mmdebstrap hands the hook the directory.
        # shellcheck disable=SC2016
        mmdebstrap --quiet --mode=root --variant=minbase --include="${2// /,}" \
            --essential-hook='echo refind refind/install_to_esp boolean false | chroot "$1" debconf-set-selections' \
            "$1" "$root.new" http://deb.debian.org/debian >&2
        mv "$root.new" "$root"
    fi
    echo "$root"
}

for system; do
    system=$here/$(basename "$system")
    release='' packages='' mounts='' results='' programs=''
    unset -f generate
    # shellcheck disable=SC1091
    . "$system/recipe"
    root=$(debian "$release" "$packages")
    work=$(mktemp -d)
    export system root work mounts results programs
    generate=$(declare -f generate)
    export generate
    unshare --mount bash -eu <<'END'
mount -t tmpfs none "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay none -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/root"
mount -t proc none "$work/root/proc"
while read -r name place; do
    if [ "$place" = / ]; then
        own=$system/$name
        cp -r "$own/." "$work/root/"
    else
        rm -rf "${system:?}/$name"
        mkdir -p "$system/$name" "$work/root$place"
        mount --bind "$system/$name" "$work/root$place"
    fi
done <<<"$mounts"
chroot "$work/root" bash -euc "$generate; generate" </dev/null
for result in $results; do
    mkdir -p "$(dirname "$own/$result")"
    rm -rf "${own:?}/$result"
    cp -r "$work/root/$result" "$own/$result"
done
for program in $programs; do objcopy --only-section=.sdmagic "$system/$program"; done
END
    rmdir "$work"
done
