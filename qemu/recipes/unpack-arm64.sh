#!/bin/sh
# Run by mmdebstrap when it has unpacked the packages of another architecture, with the new system's directory as $1: makes dpkg's
# database say so, as after `dpkg --unpack`, and writes the files into the disk image $RIG_IMAGE. Of the packages no program
# runs: what they do when they are installed, a guest does (configure-arm64.sh). As root, or as root of a user namespace.
set -eu
root=$1
cd "$root"

for link in bin sbin lib; do
    # Essential packages of Debian 12 have files on both sides of these links.
    [ -L "$link" ] || { echo "$link is no link: /usr is not merged" >&2; exit 1; }
done

info=var/lib/dpkg/info
echo 1 >"$info/format"
control=$(mktemp -d)
for package in var/cache/apt/archives/*.deb; do
    dpkg-deb --control "$package" "$control"
    name=$(dpkg-deb --field "$package" Package)
    # dpkg keeps the files of packages that may be installed for several architectures by both names.
    [ "$(dpkg-deb --field "$package" Multi-Arch)" != same ] || name=$name:$(dpkg-deb --field "$package" Architecture)
    dpkg-deb --fsys-tarfile "$package" | tar --list | sed 's,^\.,,; s,/$,,; s,^$,/.,' >"$info/$name.list"
    dpkg-deb --field "$package"
    echo "Status: install ok unpacked"
    if [ -e "$control/conffiles" ]; then
        echo "Conffiles:"
        grep '^/' "$control/conffiles" | while read -r file; do
            echo " $file $(md5sum <".$file" | cut -d' ' -f1)"
        done
    fi
    echo
    rm "$control/control"
    for file in "$control"/*; do
        [ ! -e "$file" ] || mv "$file" "$info/$name.${file##*/}"
    done
done >>var/lib/dpkg/status
rmdir "$control"

echo demo >etc/hostname
# With an id the boot is no first boot, which would go through all services once more.
echo f1257116547000000000000000000001 >etc/machine-id
cat >etc/fstab <<EOF
UUID=$RIG_ROOT_UUID / ext4 errors=remount-ro 0 1
UUID=$RIG_ESP_UUID /boot/efi vfat umask=0077 0 1
EOF
mkdir -p boot/efi etc/default etc/initramfs-tools/conf.d
# What the package grub-efi-arm64 asks for.
cat >etc/default/grub <<'EOF'
GRUB_DEFAULT=0
GRUB_TIMEOUT=2
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=ttyAMA0,115200"
EOF
# The guest that makes the initrd is slow.
echo COMPRESSLEVEL=1 >etc/initramfs-tools/conf.d/fast
rm -rf var/cache/apt var/lib/apt/lists etc/resolv.conf
mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial

# mmdebstrap may have mounted /proc and others there; without them in a mount namespace of its own, mke2fs sees the disk's files.
export root
# shellcheck disable=SC2016 # the inner shell expands them
unshare --mount sh -eu -c '
    for place in proc sys dev/pts dev/shm dev; do
        umount --lazy "$root/$place" 2>/dev/null || true
    done
    # The features are those of Debian 12, whichever release makes the disk: its GRUB reads no metadata_csum_seed, and a
    # read-only mount says "orphan cleanup" of every file system with an orphan file.
    mke2fs -q -F -t ext4 -O ^metadata_csum_seed,^orphan_file -L debian -U "$RIG_ROOT_UUID" -d "$root" \
        -E "offset=$RIG_ROOT_OFFSET" "$RIG_IMAGE" "$RIG_ROOT_SIZE"
'
