#!/bin/bash
# Builds coreboot from Debian's source package: coreboot DIRECTORY JOBS. DIRECTORY has the package's files in source/, and config;
# coreboot.rom and cbfstool come beside them.
directory=$1 jobs=$2
export LC_ALL=C
cd "$directory/source" || exit
mkdir tree
tar -xf coreboot_*.orig.tar.xz --strip-components=1 -C tree
tar -xf coreboot_*.debian.tar.xz -C tree
cd tree || exit
# The tree's checksum library is built with warnings as errors, which a newer compiler has more of.
patch -p1 <debian/patches/vboot-Disable-Werror.patch
cp "$directory/config" .config
# The modules of git that the board needs are in the package; a newer compiler warns about more.
options=(UPDATED_SUBMODULES=1 CONFIG_WARNINGS_ARE_ERRORS=n BUILD_TIMELESS=1)
make olddefconfig "${options[@]}"
make -j"$jobs" "${options[@]}"
cp build/coreboot.rom build/cbfstool "$directory/"
