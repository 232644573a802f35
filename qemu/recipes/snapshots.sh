#!/bin/sh
# Run by the workshop guest: openSUSE's layout on the btrfs on /dev/vda1, the second snapshot being the default subvolume.
mount -t btrfs /dev/vda1 /mnt
snapshots=/mnt/@/.snapshots
btrfs subvolume create /mnt/@
btrfs subvolume create $snapshots
mkdir $snapshots/1 $snapshots/2
btrfs subvolume create $snapshots/1/snapshot
mv /mnt/boot $snapshots/1/snapshot/
btrfs subvolume snapshot $snapshots/1/snapshot $snapshots/2/snapshot
for number in 1 2; do
    sed -i "s/@SNAPSHOT/$number/" $snapshots/$number/snapshot/boot/grub2/grub.cfg
done
btrfs subvolume set-default $snapshots/2/snapshot
umount /mnt
