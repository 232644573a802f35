//! Power cuts after a kernel update on the file systems that few systems boot from.

use qemu::disk::Filesystem;

use crate::power_cut::cut_at_moments;

#[test]
fn after_a_power_cut_f2fs_boots_what_its_own_system_would_see() {
    cut_at_moments(Filesystem::F2fs, "cut-f2fs");
}
