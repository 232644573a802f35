//! The kernel's profiles beside `full`, each below firstlight up to the login of a Debian: `slim` as it goes into small flash, with the
//! smallest initramfs.

use initramfs::Compression;
use initramfs::kernel::KernelProfile;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, firmware_kernel, payload};

use crate::{LIMIT, LOGIN_LIMIT, debian};

#[test]
fn the_kernel_of_every_profile_boots_debian() {
    for (profile, compression, initramfs) in [
        (KernelProfile::Slim, Compression::Xz, payload::firstlight_small().unwrap()),
        (KernelProfile::Debug, Compression::Zstd, payload::firstlight_without_modules().unwrap()),
    ] {
        let name = format!("profile-{profile}");
        let kernel = firmware_kernel::of_profile(profile, compression).unwrap();
        let guest = Machine::new(&name)
            .firmware(Firmware::None)
            .kernel(&kernel, &initramfs, "console=ttyS0 quiet")
            .disk(Disk::new(demo::disk(debian()).unwrap()))
            .start()
            .unwrap();
        guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
        guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
    }
}
