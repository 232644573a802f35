#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest that goes from kernel to kernel by kexec: reports, and does what `hops=` on its command line says.
export PATH=/bin
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
if [ -d /sys/firmware/efi ]; then
    busybox insmod /efivarfs.ko
    busybox mount -t efivarfs efivarfs /sys/firmware/efi/efivars
fi
probe
read -r cmdline </proc/cmdline
hops=${cmdline##*hops=}
hops=${hops%% *}
if [ -n "$hops" ]; then
    method=${hops%%,*}
    hops=${hops#"$method"}
    printf '%s\n' init kernel efivarfs.ko bin bin/busybox bin/kexec bin/probe | busybox cpio -o -H newc >/next
    kexec "-$method" -l /kernel --initrd=/next --command-line="${cmdline%%hops=*}hops=${hops#,}" && kexec -e
    echo "hops: kexec failed: $?"
    busybox poweroff -f
else
    # A white bar across an otherwise empty screen, which only a console that works can draw.
    printf '\033[2J\033[H\033[7m%-80s\033[0m\n' "firstlight: the last kernel's console" >/dev/tty1
    echo "hops: drawn"
fi
# The machine is switched off from outside.
exec busybox cat
