#!/bin/sh
# In a mount name space of its own: enter-root ROOT DIRECTORY… -- PROGRAM ARGUMENT…
# Makes a / of the root's own directories, read-only, this machine's /dev, /proc and /sys, and the given directories at their
# own paths; all else is empty. Then the program takes this shell's place.
root=$1
new=$1/mnt
here=$PWD
shift
mount -t tmpfs -o mode=755 root "$new"
for path in "$root"/*; do
    name=${path##*/}
    if [ -L "$path" ]; then
        cp -P "$path" "$new/$name"
    else
        mkdir "$new/$name"
        case $name in
        boot | etc | opt | usr | bin | sbin | lib*) mount -o bind,ro "$path" "$new/$name" ;;
        var) mkdir "$new/var/lib" && mount -o bind,ro "$path/lib" "$new/var/lib" ;;
        esac
    fi
done
mkdir -p "$new/dev" "$new/proc" "$new/sys" "$new/tmp"
chmod 1777 "$new/tmp"
for name in dev proc sys; do
    mount --rbind "/$name" "$new/$name"
done
while [ "$1" != -- ]; do
    mkdir -p "$new$1"
    mount --rbind "$1" "$new$1"
    shift
done
shift
[ -d "$new$here" ] || here=/
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec unshare --root="$new" --wd="$here" -- "$@"
