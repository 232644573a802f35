# shellcheck shell=dash
# What the system on each disk sees after its own replay: the version that its boot configuration names, the check sums of that
# version's files, and whether there was a log to replay.
for disk in /dev/vd?; do
    mount "${disk}1" /mnt
    version=$(sed -n 's/.* version=\([0-9]\).*/\1/p' /mnt/boot/grub/grub.cfg)
    kernel=$(sha256sum <"/mnt/boot/vmlinuz-$version" || true)
    initrd=$(sha256sum <"/mnt/boot/initrd-$version" || true)
    log=clean
    if dmesg | grep -q "(${disk#/dev/}1): .*recover"; then log=replayed; fi
    echo "view: ${disk#/dev/} $version ${kernel%% *} ${initrd%% *} $log"
    umount /mnt
done
