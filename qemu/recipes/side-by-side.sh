#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest that gives the same words to two programs called kexec, kexec-tools' and firstlight's, and says what
# came of it. In /rows: STAGE|AS WHAT|NAME|WORDS TO GO BEFORE|WORDS; in /jumps: PROGRAM|WORDS, where @NEXT is what
# leads on. The first stage comes before the jumps, the others after them: they cannot be undone.
export PATH=/bin
busybox mkdir -p /proc /sys /dev /tmp /etc
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
cd /files || exit
read -r cmdline </proc/cmdline
state() {
    cat /sys/kernel/kexec_loaded /sys/kernel/kexec_crash_loaded | tr '\n' ' '
}
# Ways to run a program.
container() { unshare -p -f "$@"; }
nobody() { su -s /bin/sh nobody -c "$*"; }
rows() {
    stage=$1
    while IFS='|' read -r when how name before words; do
        [ "$when" = "$stage" ] || continue
        for program in theirs ours; do
            if [ "$stage" = free ]; then
                /theirs/kexec -u
                /theirs/kexec -p -u
            fi
            if [ -n "$before" ]; then
                eval "/theirs/kexec $before" >/dev/null 2>&1 </dev/null
            fi
            eval "$how /$program/kexec $words" >/tmp/said 2>&1 </dev/null
            code=$?
            echo "row: $name|$program|$code|$(state)|$(head -n 1 /tmp/said)"
        done
    done </rows
}
# What the running kernel has said to ours when asked about signatures, and what is loaded after a load that fails.
signatures() {
    /theirs/kexec -s -l vmlinuz
    /theirs/kexec -s -p vmlinuz
    echo "signatures: $1: $(/ours/kexec -d -l low 2>&1 | grep 'unsigned kernel' | sed 's,.*refuses an,,')|$(state)"
}
jump=${cmdline##*jump=}
jump=${jump%% *}
# The firmware has left the cursor anywhere.
echo
if [ "$jump" = 0 ]; then
    echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
    rows free
    signatures free
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
mount -t securityfs securityfs /sys/kernel/security
echo integrity >/sys/kernel/security/lockdown
rows locked
# Where the kernel does not show it, only its answer tells.
umount /sys/kernel/security
signatures locked
echo 1 >/proc/sys/kernel/kexec_load_disabled
rows disabled
echo "side-by-side: end"
poweroff -f
