#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest that crashes: loads its own kernel for that case as `words=` says (commas for spaces) and panics. The
# crash kernel then runs this again, finds what the first one left, and prints the beginning of it.
export PATH=/bin
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
read -r cmdline </proc/cmdline
echo
if [ -e /proc/vmcore ]; then
    echo "crash: cmdline $cmdline"
    busybox dd if=/proc/vmcore bs=4096 count=3 2>/dev/null | busybox hexdump -v -e '"crash: core " 64/1 "%02x" "\n"'
    echo "crash: end"
    # The machine is switched off from outside: a power-off may come before the last lines have left the serial port.
    exec busybox cat
fi
words=${cmdline##*words=}
words=${words%% *}
printf '%s\n' init bin bin/busybox | busybox cpio -o -H newc >/next 2>/dev/null
# shellcheck disable=SC2046
kexec $(echo "$words" | busybox tr , ' ') --initrd=/next --command-line="console=ttyS0 quiet nokaslr no_timer_check" /kernel
code=$?
kexec -S
echo "crash: loaded $code $?"
echo c >/proc/sysrq-trigger
