# shellcheck shell=dash
# A kernel update on /dev/vda1, as a package manager does it. The machine then goes off as if its power were cut: nothing is
# unmounted.
mount /dev/vda1 /mnt
cd /mnt/boot || exit
cp /new/vmlinuz vmlinuz-2
cp /new/initrd initrd-2
sync
cp /new/grub.cfg grub/grub.cfg.new
sync grub/grub.cfg.new
mv grub/grub.cfg.new grub/grub.cfg
rm vmlinuz-1 initrd-1
sync grub/grub.cfg
# What was freed is used again.
cp /new/initrd log
sync log
