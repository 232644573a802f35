#!/bin/sh
# Run by mmdebstrap when all packages are installed, with the new system's directory as $1: what an installer would have
# asked, then the root file system, written into the disk image $RIG_IMAGE. As root, or as root of a user namespace.
set -eu
root=$1

echo demo >"$root/etc/hostname"
# With an id the boot is no first boot, which would go through all services once more.
echo f1257116547000000000000000000001 >"$root/etc/machine-id"
cat >"$root/etc/fstab" <<EOF
UUID=$RIG_ROOT_UUID / ext4 errors=remount-ro 0 1
UUID=$RIG_ESP_UUID /boot/efi vfat umask=0077 0 1
EOF
mkdir -p "$root/boot/efi"
# What the packages grub-pc and grub-efi-amd64 ask for; they exclude each other, so this system has the parts of both.
cat >"$root/etc/default/grub" <<'EOF'
GRUB_DEFAULT=0
GRUB_TIMEOUT=2
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
EOF
chroot "$root" passwd --delete root
# The hypervisor is not installed: this system would boot it.
aside=$(mktemp -d)
(
    cd "$aside"
    export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
    apt-get -q download "$(echo "$RIG_HYPERVISOR" | sed 's/^xen/xen-hypervisor/')"
    dpkg-deb --extract ./*.deb .
)
rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/etc/resolv.conf"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"

# mmdebstrap has mounted /proc and others there; without them in a mount namespace of its own, mke2fs sees the disk's files.
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
mv "$aside/boot/$RIG_HYPERVISOR.gz" "$root/boot"
rm -rf "$aside"
