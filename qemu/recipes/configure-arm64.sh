#!/bin/sh
# Run by the workshop guest: what dpkg does after it has unpacked packages, in the Debian on /dev/vda, and then GRUB's own tools as an
# installer runs them. With whole paths: busybox would run what it has of the same name.
mount -t ext4 /dev/vda3 /mnt
mount -t vfat /dev/vda2 /mnt/boot/efi
mount -o bind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
# What runs before a package is unpacked; base-passwd's makes /etc/passwd, which others look into.
for script in /mnt/var/lib/dpkg/info/base-passwd.preinst /mnt/var/lib/dpkg/info/*.preinst; do
    name=$(basename "$script" .preinst)
    echo "before $name"
    chroot /mnt /usr/bin/env DPKG_MAINTSCRIPT_NAME=preinst "DPKG_MAINTSCRIPT_PACKAGE=${name%:*}" DPKG_MAINTSCRIPT_ARCH=arm64 \
        "/var/lib/dpkg/info/$name.preinst" install
done
# The kernel's package makes the initrd. No other package needs to make it again, which takes minutes here.
initrds=/mnt/etc/initramfs-tools/update-initramfs.conf
sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$initrds"
chroot /mnt /usr/bin/dpkg --force-unsafe-io --configure --pending
sed -i 's/^update_initramfs=.*/update_initramfs=yes/' "$initrds"
# Of mmdebstrap, which keeps services from being started where packages are installed.
rm -f /mnt/usr/sbin/policy-rc.d
chroot /mnt /usr/bin/passwd --delete root
# As udev has it on a running Debian: update-grub writes root=UUID= where it finds this name, and else the device's.
mkdir -p /dev/disk/by-uuid
ln -s ../../vda3 "/dev/disk/by-uuid/$(chroot /mnt /usr/sbin/blkid -s UUID -o value /dev/vda3)"
chroot /mnt /usr/sbin/grub-install --target=arm64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /mnt /usr/sbin/update-grub
umount /mnt/sys /mnt/proc /mnt/dev /mnt/boot/efi /mnt
