#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest that loads its own kernel again by `program=` with `words=` (commas for spaces) and an initrd of
# `size=` MiB, and jumps. What is timed lies between the lines that begin with "bench:" and the next kernel's first one.
export PATH=/bin
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
read -r cmdline </proc/cmdline
value() {
    rest=${cmdline##*"$1"=}
    echo "${rest%% *}" | busybox tr , ' '
}
program=$(value program)
words=$(value words)
busybox dd if=/dev/zero of=/initrd bs=1M count="$(value size)" 2>/dev/null
echo
echo "bench: load"
# shellcheck disable=SC2086
"/$program/kexec" $words -l /kernel --initrd=/initrd --command-line="earlyprintk=serial,ttyS0,115200 console=ttyS0"
echo "bench: loaded $?"
"/$program/kexec" -e
echo "bench: failed $?"
busybox poweroff -f
