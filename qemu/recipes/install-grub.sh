#!/bin/sh
# Run by the workshop guest: GRUB's own tools, as an installer runs them, in the Debian on /dev/vda.
mount -t ext4 /dev/vda3 /mnt
mount -t vfat /dev/vda2 /mnt/boot/efi
mount -o bind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
chroot /mnt grub-install --target=i386-pc /dev/vda
chroot /mnt grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /mnt update-grub
umount /mnt/sys /mnt/proc /mnt/dev /mnt/boot/efi /mnt
