#!/bin/sh
# Run by the workshop guest: moves the Debian on /dev/vdb to /dev/vda, its root file system, with /boot in it, to a logical
# volume, and installs GRUB there.
export DM_DISABLE_UDEV=1
mount -t ext4 -o ro /dev/vdb3 /mnt
mount -o bind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
mount -t tmpfs tmpfs /mnt/run
chroot /mnt pvcreate /dev/vda3
chroot /mnt vgcreate --autobackup n demo /dev/vda3
chroot /mnt lvcreate --autobackup n --zero n --wipesignatures n --extents 100%FREE --name root demo
# By its path, since busybox would take its own.
chroot /mnt /bin/dd if=/dev/vdb3 of=/dev/mapper/demo-root bs=1M conv=sparse
chroot /mnt /bin/dd if=/dev/vdb2 of=/dev/vda2 bs=1M
umount /mnt/run /mnt/sys /mnt/proc /mnt/dev /mnt

mount -t ext4 /dev/mapper/demo-root /mnt
mount -t vfat /dev/vda2 /mnt/boot/efi
mount -o bind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
mount -t tmpfs tmpfs /mnt/run
sed -i 's,^UUID=[^ ]* / ,/dev/mapper/demo-root / ,' /mnt/etc/fstab
chroot /mnt grub-install --target=i386-pc /dev/vda
chroot /mnt grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /mnt update-grub
umount /mnt/run /mnt/sys /mnt/proc /mnt/dev /mnt/boot/efi /mnt
