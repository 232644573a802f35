#!/bin/busybox sh
# shellcheck shell=dash
# The init of an arm64 guest that goes from kernel to kernel by kexec, as `hops=` on its command line says.
export PATH=/bin
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
read -r cmdline </proc/cmdline
echo
echo "hop: $cmdline"
hops=${cmdline##*hops=}
if [ -n "$hops" ]; then
    method=${hops%%,*}
    hops=${hops#"$method"}
    printf '%s\n' init kernel bin bin/busybox bin/kexec | busybox cpio -o -H newc >/next 2>/dev/null
    kexec "-$method" -l /kernel --initrd=/next --command-line="${cmdline%%hops=*}hops=${hops#,}" && kexec -e
    echo "hops: kexec failed: $?"
fi
busybox poweroff -f
