#!/bin/sh
# Run by the workshop guest: GRUB's own tools, as an installer runs them, in the Debian on /dev/vda.
mount -t ext4 /dev/vda3 /mnt
mount -t vfat /dev/vda2 /mnt/boot/efi
mount -o bind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
# As udev has it on a running Debian: update-grub writes root=UUID= where it finds this name, and else the device's.
mkdir -p /dev/disk/by-uuid
ln -s ../../vda3 "/dev/disk/by-uuid/$(chroot /mnt blkid -s UUID -o value /dev/vda3)"
chroot /mnt grub-install --target=i386-pc /dev/vda
chroot /mnt grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /mnt update-grub
umount /mnt/sys /mnt/proc /mnt/dev /mnt/boot/efi /mnt
