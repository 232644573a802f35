#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest that gives the same words to two programs called kexec, kexec-tools' and firstlight's, and says what
# came of it. In /rows: NAME|WORDS TO GO BEFORE|WORDS; in /jumps: PROGRAM|WORDS, where @NEXT stands for what leads on.
export PATH=/bin
busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
cd /files || exit
read -r cmdline </proc/cmdline
state() {
    cat /sys/kernel/kexec_loaded /sys/kernel/kexec_crash_loaded | tr '\n' ' '
}
jump=${cmdline##*jump=}
jump=${jump%% *}
# The firmware has left the cursor anywhere.
echo
if [ "$jump" = 0 ]; then
    while IFS='|' read -r name before words; do
        for program in theirs ours; do
            /theirs/kexec -u
            /theirs/kexec -p -u
            if [ -n "$before" ]; then
                eval "/theirs/kexec $before" >/dev/null 2>&1 </dev/null
            fi
            eval "/$program/kexec $words" >/tmp/said 2>&1 </dev/null
            code=$?
            echo "row: $name|$program|$code|$(state)|$(head -n 1 /tmp/said)"
        done
    done </rows
    /theirs/kexec -u
    /theirs/kexec -p -u
fi
jump=$((jump + 1))
echo "jumped: $cmdline"
line=$(sed -n "${jump}p" /jumps)
if [ -n "$line" ]; then
    find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /tmp -prune -o -print |
        sed 's,^/,,' | (cd / && cpio -o -H newc) >/tmp/next 2>/dev/null
    program=${line%%|*}
    words=${line#*|}
    eval "/$program/kexec $(echo "$words" | sed "s,@NEXT,jump=$jump,; s,@INITRD,/tmp/next,")"
    "/$program/kexec" -e
    echo "side-by-side: $program failed: $?"
fi
echo "side-by-side: end"
poweroff -f
