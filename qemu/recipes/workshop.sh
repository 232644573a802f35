#!/bin/busybox sh
# shellcheck shell=dash
# The workshop guest's init: loads the modules named in /modules, runs /script, says how it ended, powers off.
/bin/busybox mkdir -p /proc /sys /dev /mnt /tmp /run /usr/bin /usr/sbin /sbin
/bin/busybox --install -s
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
    modprobe "$module" || echo "workshop: no module $module"
done </modules
sh -eu /script
echo "workshop: status $?"
sync
poweroff -f
