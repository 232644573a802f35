#!/usr/bin/env bash
# Writes the boot/grub/grub.cfg beside this file: grub-mkconfig itself, run in a root of its own where a stand-in for
# grub-probe describes the disk. Needs Debian's grub-common and root.
set -eu
here=$(dirname "$(realpath "$0")")
uuid=6c7e2f0a-3c55-4d7e-9b1a-0d5ee3a2b411
unshare --mount bash -eu -s "$here" "$uuid" <<'END'
here=$1 uuid=$2
root=$(mktemp -d)
mount -t tmpfs none "$root"
cd "$root"
mkdir -p usr etc/default proc dev/disk/by-uuid boot/grub tmp
mount --rbind /usr usr
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
cp -r /etc/grub.d etc/
cp "$here/default-grub" etc/default/grub
mount -t proc none proc
touch dev/null dev/sda2 "dev/disk/by-uuid/$uuid"
for version in 6.1.0-18-amd64 6.1.0-17-amd64; do
    touch "boot/vmlinuz-$version" "boot/initrd.img-$version" "boot/config-$version"
done
cat > probe <<PROBE
#!/bin/bash
# Answers for a GPT disk whose second partition is an ext4 root.
while [ \$# -gt 0 ]; do
    case \$1 in --target=*) target=\${1#--target=} ;; -t) target=\$2; shift ;; esac
    shift
done
case \$target in
    device) echo /dev/sda2 ;;
    fs_uuid) echo $uuid ;;
    fs) echo ext2 ;;
    partmap) echo gpt ;;
    compatibility_hint) echo hd0,gpt2 ;;
    hints_string) echo "--hint-bios=hd0,gpt2 --hint-efi=hd0,gpt2 --hint-baremetal=ahci0,gpt2 " ;;
    *) ;;
esac
PROBE
chmod +x probe
mount --bind probe usr/sbin/grub-probe
chroot . /usr/sbin/grub-mkconfig -o /boot/grub/grub.cfg
mkdir -p "$here/tree/boot/grub"
install -m 644 boot/grub/grub.cfg "$here/tree/boot/grub/grub.cfg"
END
