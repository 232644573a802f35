#!/usr/bin/env bash
# mkconfig.sh SYSTEM…: writes the grub.cfg of each system that has a `recipe`: grub-mkconfig itself, of the Debian release
# that the recipe names, run in a root of its own where stand-ins for grub-probe, grub-mkrelpath and os-prober describe the
# disks. Needs root, and apt-get for the packages (kept in target/corpus). Run by hand; the results are committed.
#
# A recipe is a shell file:
#   release=   Debian release whose grub-common generates
#   config=    the grub.cfg to write, from the system's directory
#   boot=      directory of its kernels and initrds, which stand in /boot while it runs
#   prefix=    what stands before the system's root on its file system ("/@"); "-/boot" where /boot is a file system of
#              its own, and behind that what stands before all else ("-/boot /ROOT/debian@")
#   devices=   a line for each device: name, mount point or -, file system as GRUB names it, partition table or -,
#              GRUB's name for it or -, UUID, partition UUID or -, and what lies underneath (lvm, cryptodisk)
#   switches=  Ubuntu's build-time switches of the scripts in grub.d
#   packages=  other packages that bring a script in grub.d
#   patch=     sed script over 10_linux and 20_linux_xen, for what a distribution changed in them
#   cryptodisk= UUID of the encrypted disk that /boot is on
#   osprober=, linuxprober=   what os-prober and linux-boot-prober print
# default-grub beside it becomes /etc/default/grub, a grub.d beside it comes over the packages' scripts.
set -eu
here=$(dirname "$(realpath "$0")")
cache=$(realpath "$here/../..")/target/corpus

# Unpacks a package of a Debian release and tells where.
package() { # RELEASE PACKAGE
    local into=$cache/$1/$2
    if [ ! -d "$into" ]; then
        local apt=$cache/$1/apt
        mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $1 main" \
            > "$apt/sources.list"
        printf '%s\n' "Dir::Etc::sourcelist \"$apt/sources.list\";" "Dir::Etc::sourceparts \"$apt/none\";" \
            "Dir::State::lists \"$apt/lists\";" "Dir::Cache \"$apt\";" "Dir::State::status \"/dev/null\";" > "$apt/apt.conf"
        (
            cd "$apt"
            export APT_CONFIG=$apt/apt.conf
            [ -e updated ] || { apt-get -qq update && touch updated; }
            apt-get -qq download "$2"
        ) >&2
        dpkg-deb -x "$apt/$2"_*.deb "$into"
    fi
    echo "$into"
}

for system; do
    system=$here/$(basename "$system")
    release='' config='' boot='' prefix='' devices='' switches='' packages='' patch='' cryptodisk='' osprober='' linuxprober=''
    # shellcheck disable=SC1091
    . "$system/recipe"
    grub=$(package "$release" grub-common)
    root=$(mktemp -d)
    mkdir -p "$root/etc/default" "$root/etc/grub.d"
    cp "$grub"/etc/grub.d/* "$root/etc/grub.d/"
    for package in $packages; do cp "$(package "$release" "$package")"/etc/grub.d/* "$root/etc/grub.d/"; done
    for switch in $switches; do sed -i "s/^$switch=\"0\"/$switch=\"1\"/" "$root"/etc/grub.d/*; done
    [ -z "$patch" ] || sed -i "$patch" "$root"/etc/grub.d/*_linux*
    [ ! -d "$system/grub.d" ] || install -m 755 "$system"/grub.d/* "$root/etc/grub.d/"
    cp "$system/default-grub" "$root/etc/default/grub"
    echo "$devices" > "$root/devices"
    echo "$prefix" > "$root/prefix"
    echo "$cryptodisk" > "$root/cryptodisk"
    echo "$osprober" > "$root/osprober"
    echo "$linuxprober" > "$root/linuxprober"
    unshare --mount bash -eu -s "$root" "$grub" "$system/$boot" "$system/$config" <<'END'
root=$1 grub=$2 boot=$3 config=$4
cd "$root"
mkdir -p usr proc dev/disk/by-uuid dev/disk/by-partuuid dev/mapper boot tmp
mount --rbind /usr usr
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
mount -t proc none proc
touch dev/null
while read -r device _ _ _ _ uuid partuuid _; do
    case $device in /dev/*) touch ".$device" ;; esac
    touch "dev/disk/by-uuid/$uuid" "dev/disk/by-partuuid/$partuuid"
done < devices
cp -r "$boot/." boot/
rm -rf boot/grub boot/loader
mkdir -p boot/grub
cat > probe <<'PROBE'
#!/bin/bash
# Answers from /devices: by device, by the longest mount point that holds a path, else for the root.
target='' names=()
while [ $# -gt 0 ]; do
    case $1 in
        --target=*) target=${1#--target=} ;;
        -t) target=$2; shift ;;
        --device | -d) ;;
        *) names+=("$1") ;;
    esac
    shift
done
while read -r device mount fs table drive uuid partuuid under; do
    for name in "${names[@]}"; do
        if [[ $name = "$device" ]] || { [[ $name != /dev/* && $name/ = "${mount%/}"/* ]] &&
            [ ${#mount} -gt "${longest:-0}" ] && longest=${#mount}; }; then
            found="$device $fs $table $drive $uuid $partuuid $under"
        fi
    done
done < /devices
read -r device fs table drive uuid partuuid under <<< "${found:?}"
tell() { if [ "$1" != - ]; then printf '%s\n' "$2"; fi; }
case $target in
    device) echo "$device" ;;
    fs) echo "$fs" ;;
    fs_uuid) tell "$uuid" "$uuid" ;;
    partuuid) tell "$partuuid" "$partuuid" ;;
    partmap) tell "$table" "$table" ;;
    cryptodisk_uuid) cat /cryptodisk ;;
    abstraction) tr ' ' '\n' <<< "$under" ;;
    drive) tell "$drive" "($drive)" ;;
    fs_label) echo rpool ;;
    compatibility_hint) tell "$drive" "$drive" ;;
    hints_string)
        case $drive in
            hd*) echo "--hint-bios=$drive --hint-efi=$drive --hint-baremetal=ahci${drive#hd} " ;;
            *) tell "$drive" "--hint='$drive' " ;;
        esac ;;
    *) exit 1 ;;
esac
PROBE
cat > relpath <<'RELPATH'
#!/bin/bash
prefix=$(cat /prefix)
path=${*: -1}
case $prefix in
    -*)
        read -r mount rest <<< "${prefix#-}"
        case $path in "$mount"*) path=${path#"$mount"} ;; *) path=$rest${path%/} ;; esac ;;
    ?*) path=$prefix${path%/} ;;
esac
echo "$path"
RELPATH
printf '#!/bin/sh\ncat /osprober\n' > os-prober
printf '#!/bin/sh\ngrep "^$1:" /linuxprober\n' > linux-boot-prober
chmod +x probe relpath os-prober linux-boot-prober
mount --bind probe usr/sbin/grub-probe
mount --bind relpath usr/bin/grub-mkrelpath
mount --bind "$grub/usr/sbin/grub-mkconfig" usr/sbin/grub-mkconfig
mount --bind "$grub/usr/share/grub" usr/share/grub
mkdir bin-before
[ ! -s osprober ] || [ -z "$(cat osprober)" ] || mv os-prober linux-boot-prober bin-before/
LANG=en_US.UTF-8 PATH=/bin-before:$PATH chroot . /usr/sbin/grub-mkconfig -o /boot/grub/grub.cfg < /dev/null
mkdir -p "$(dirname "$config")"
install -m 644 boot/grub/grub.cfg "$config"
END
    rm -rf "$root"
done
