# shellcheck shell=dash
# What the system on each disk sees after its own replay: the version that its boot configuration names, and the check sums
# of that version's files.
for disk in /dev/vd?; do
    mount "${disk}1" /mnt
    version=$(sed -n 's/.* version=\([0-9]\).*/\1/p' /mnt/boot/grub/grub.cfg)
    kernel=$(sha256sum <"/mnt/boot/vmlinuz-$version" || true)
    initrd=$(sha256sum <"/mnt/boot/initrd-$version" || true)
    echo "view: ${disk#/dev/} $version ${kernel%% *} ${initrd%% *}"
    umount /mnt
done
