//! Live media as image files on a volume: images made by xorriso in the shape of each distribution's, and what
//! `firstlight list` makes of them.

use std::{fs, path::Path, process::Command};

use qemu::{pinned, tool};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Puts files into a directory.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

/// Makes an image of these files at `path`.
fn image(path: &Path, label: &str, files: &[(&str, &str)]) {
    let tree = tree(files);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut xorriso = pinned::tests().unwrap().command("xorriso");
    xorriso.args(["-as", "mkisofs", "-quiet", "-R", "-J", "-V", label, "-o"]).arg(path).arg(tree.path());
    tool::finish(&mut xorriso).unwrap();
}

fn list(volume: &TempDir, options: &[&str]) -> Value {
    let place = format!("{},dev=sda2,type=vfat,uuid=0a1b-2c3d", volume.path().display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
    let output = command.args(["list", "--json", "--volume", &place]).args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Title and command line of every entry, its problem in the place of the latter where it has one.
fn lines(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = answer["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let what = if entry["problem"].is_null() { &entry["cmdline"] } else { &entry["problem"] };
            (text(&entry["title"]), text(what))
        })
        .collect()
}

const GRUB: &str = "boot/grub/grub.cfg";
const LOOPBACK: &str = "boot/grub/loopback.cfg";

/// The shapes that distributions give their images: files beside empty kernels and initrds; titles and command lines.
#[expect(clippy::type_complexity, reason = "a table")]
const SHAPES: &[(&str, &[&str], &[(&str, &str)], &[(&str, &str)])] = &[
    (
        "Ubuntu's: loopback.cfg says all, and grub.cfg does not count beside it",
        &["casper/vmlinuz", "casper/initrd"],
        &[
            (GRUB, "menuentry 'From CD' {\n linux /casper/vmlinuz --- quiet\n initrd /casper/initrd\n}\n"),
            (
                LOOPBACK,
                "menuentry 'Try' {\n linux /casper/vmlinuz iso-scan/filename=${iso_path} --- quiet\n initrd /casper/initrd\n}\n",
            ),
        ],
        &[("Try", "BOOT_IMAGE=/casper/vmlinuz iso-scan/filename=/iso/live.iso --- quiet")],
    ),
    (
        "one of that family without loopback.cfg",
        &["casper/vmlinuz", "casper/initrd", "boot/memtest"],
        &[(
            GRUB,
            "menuentry Try {\n linux /casper/vmlinuz quiet --- splash\n initrd /casper/initrd\n}\nmenuentry Memory {\n linux16 /boot/memtest\n}\n",
        )],
        &[
            ("Try", "BOOT_IMAGE=/casper/vmlinuz quiet iso-scan/filename=/iso/live.iso --- splash"),
            ("Memory", "BOOT_IMAGE=/boot/memtest"),
        ],
    ),
    (
        "Mint's: a word that is empty on a disc, and loopback.cfg leads to grub.cfg",
        &["casper/vmlinuz", "casper/initrd.lz"],
        &[
            (
                GRUB,
                "menuentry Start {\n linux /casper/vmlinuz boot=casper iso-scan/filename=${iso_path} quiet --\n initrd /casper/initrd.lz\n}\n",
            ),
            (LOOPBACK, "source /boot/grub/grub.cfg\n"),
        ],
        &[("Start", "BOOT_IMAGE=/casper/vmlinuz boot=casper iso-scan/filename=/iso/live.iso quiet --")],
    ),
    (
        "Debian's live image: one entry forgets it",
        &["live/vmlinuz-6.12", "live/initrd.img-6.12"],
        &[
            (
                GRUB,
                "menuentry Live {\n linux /live/vmlinuz-6.12 boot=live findiso=${iso_path} quiet\n initrd /live/initrd.img-6.12\n}\n\
                    menuentry Safe {\n linux /live/vmlinuz-6.12 boot=live nosplash\n initrd /live/initrd.img-6.12\n}\n",
            ),
            (LOOPBACK, "source /boot/grub/grub.cfg\n"),
        ],
        &[
            ("Live", "BOOT_IMAGE=/live/vmlinuz-6.12 boot=live findiso=/iso/live.iso quiet"),
            ("Safe", "BOOT_IMAGE=/live/vmlinuz-6.12 boot=live nosplash findiso=/iso/live.iso"),
        ],
    ),
    (
        "an older one with isolinux alone",
        &["live/vmlinuz", "live/initrd.img", "isolinux/isolinux.bin"],
        &[(
            "isolinux/isolinux.cfg",
            "default live\nlabel live\n menu label Live\n kernel /live/vmlinuz\n append initrd=/live/initrd.img boot=live quiet\n",
        )],
        &[("Live", "BOOT_IMAGE=/live/vmlinuz initrd=/live/initrd.img boot=live quiet findiso=/iso/live.iso")],
    ),
    (
        "Arch's: loopback.cfg asks for the volume with the image",
        &["arch/boot/x86_64/vmlinuz-linux", "arch/boot/x86_64/initramfs-linux.img"],
        &[(
            LOOPBACK,
            "search --no-floppy --set=device --file \"${iso_path}\"\nprobe --set uuid --fs-uuid \"${device}\"\n\
             menuentry 'Install' --id install {\n linux /arch/boot/x86_64/vmlinuz-linux archisobasedir=arch img_dev=UUID=${uuid} img_loop=\"${iso_path}\"\n\
             initrd /arch/boot/x86_64/initramfs-linux.img\n}\n",
        )],
        &[(
            "Install",
            "BOOT_IMAGE=/arch/boot/x86_64/vmlinuz-linux archisobasedir=arch img_dev=UUID=0a1b-2c3d img_loop=/iso/live.iso",
        )],
    ),
    (
        "one of that family with entries for systemd-boot alone",
        &["arch/boot/x86_64/vmlinuz-linux", "arch/boot/x86_64/initramfs-linux.img", "loader/loader.conf"],
        &[(
            "loader/entries/arch.conf",
            "title Arch\nlinux /arch/boot/x86_64/vmlinuz-linux\ninitrd /arch/boot/x86_64/initramfs-linux.img\noptions archisobasedir=arch archisosearchuuid=2026-03-01-00-00-00-00\n",
        )],
        &[(
            "Arch",
            "initrd=\\arch\\boot\\x86_64\\initramfs-linux.img archisobasedir=arch img_dev=/dev/disk/by-uuid/0a1b-2c3d img_loop=/iso/live.iso",
        )],
    ),
    (
        "Fedora's: found by a file with a number for a name",
        &["boot/x86_64/loader/linux", "boot/x86_64/loader/initrd", "boot/0x1234"],
        &[
            (
                "boot/grub2/grub.cfg",
                "search --file --set=root /boot/0x1234\nmenuentry Start {\n linux ($root)/boot/x86_64/loader/linux quiet root=live:CDLABEL=LIVE rd.live.image\n initrd ($root)/boot/x86_64/loader/initrd\n}\n",
            ),
            ("boot/grub2/loopback.cfg", "source /boot/grub2/grub.cfg\n"),
            (
                "EFI/BOOT/grub.cfg",
                "search --file --set=root /boot/0x1234\nconfigfile ($root)/boot/grub2/grub.cfg\n",
            ),
        ],
        &[(
            "Start",
            "BOOT_IMAGE=(loop)/boot/x86_64/loader/linux quiet root=live:CDLABEL=LIVE rd.live.image iso-scan/filename=/iso/live.iso",
        )],
    ),
    (
        "Fedora's installer: the same twice, for each firmware",
        &["images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"],
        &[
            (
                "EFI/BOOT/grub.cfg",
                "search --no-floppy --set=root -l 'LIVE'\nmenuentry Install {\n linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=LIVE quiet\n initrd /images/pxeboot/initrd.img\n}\n",
            ),
            (
                "boot/grub2/grub.cfg",
                "search --no-floppy --set=root -l 'LIVE'\nmenuentry Install {\n linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=LIVE quiet\n initrd /images/pxeboot/initrd.img\n}\n",
            ),
        ],
        &[(
            "Install",
            "BOOT_IMAGE=/images/pxeboot/vmlinuz inst.stage2=hd:LABEL=LIVE quiet iso-scan/filename=/iso/live.iso",
        )],
    ),
    (
        "openSUSE's live image: its configuration does it itself",
        &["boot/x86_64/loader/linux", "boot/x86_64/loader/initrd", "boot/0x5678"],
        &[
            (
                "boot/grub2/grub.cfg",
                "search --file --set=root /boot/0x5678\nif [ -n \"${iso_path}\" ]; then\n isoboot=\"iso-scan/filename=${iso_path}\"\nfi\n\
              menuentry Live {\n linux ($root)/boot/x86_64/loader/linux ${isoboot} root=live:CDLABEL=LIVE rd.live.image\n initrd ($root)/boot/x86_64/loader/initrd\n}\n",
            ),
            ("boot/grub2/loopback.cfg", "source /boot/grub2/grub.cfg\n"),
        ],
        &[(
            "Live",
            "BOOT_IMAGE=(loop)/boot/x86_64/loader/linux iso-scan/filename=/iso/live.iso root=live:CDLABEL=LIVE rd.live.image",
        )],
    ),
    (
        "openSUSE's installer and its old live image",
        &[
            "boot/x86_64/loader/linux",
            "boot/x86_64/loader/initrd",
            "boot/i386/loader/linux",
            "boot/i386/loader/initrd",
        ],
        &[(
            "boot/x86_64/loader/isolinux.cfg",
            "label install\n kernel linux\n append initrd=initrd splash=silent\nlabel live\n kernel /boot/i386/loader/linux\n append initrd=/boot/i386/loader/initrd ramdisk_blocksize=4096\n",
        )],
        &[
            ("install", "BOOT_IMAGE=linux initrd=initrd splash=silent install=hd:/iso/live.iso"),
            (
                "live",
                "BOOT_IMAGE=/boot/i386/loader/linux initrd=/boot/i386/loader/initrd ramdisk_blocksize=4096 isofrom_device=/dev/disk/by-uuid/0a1b-2c3d isofrom_system=/iso/live.iso",
            ),
        ],
    ),
    (
        "NixOS's: loopback.cfg beside grub.cfg on the ESP's path, marked by a file",
        &["boot/bzImage", "boot/initrd", "EFI/nixos-installer-image"],
        &[
            (
                "EFI/BOOT/grub.cfg",
                "search --set=root --file /EFI/nixos-installer-image\nif [ ${iso_path} ] ; then\n set isoboot=\"findiso=${iso_path}\"\nfi\n\
              menuentry NixOS {\n linux /boot/bzImage ${isoboot} init=/nix/store/x/init root=LABEL=nixos\n initrd /boot/initrd\n}\n",
            ),
            (LOOPBACK, "source /EFI/BOOT/grub.cfg"),
        ],
        &[(
            "NixOS",
            "BOOT_IMAGE=/boot/bzImage findiso=/iso/live.iso init=/nix/store/x/init root=LABEL=nixos",
        )],
    ),
    (
        "Alpine's: its system does not look into files, and nothing is made up",
        &["boot/vmlinuz-lts", "boot/initramfs-lts"],
        &[(
            GRUB,
            "menuentry Alpine {\n linux /boot/vmlinuz-lts modules=loop,squashfs quiet\n initrd /boot/initramfs-lts\n}\n",
        )],
        &[("Alpine", "BOOT_IMAGE=/boot/vmlinuz-lts modules=loop,squashfs quiet")],
    ),
    ("an image with nothing to boot", &["photos/1.jpeg"], &[], &[]),
];

#[test]
fn images_of_every_distribution_offer_what_boots_from_a_file() {
    if pinned::for_test().is_none() {
        return;
    }
    for (shape, empty, files, expected) in SHAPES {
        let volume = TempDir::new().unwrap();
        let files: Vec<(&str, &str)> =
            empty.iter().map(|path| (*path, "x")).chain(files.iter().copied()).collect();
        image(&volume.path().join("iso/live.iso"), "LIVE", &files);
        let expected: Vec<(String, String)> =
            expected.iter().map(|(title, cmdline)| ((*title).into(), (*cmdline).into())).collect();
        assert_eq!(lines(&list(&volume, &[])), expected, "{shape}");
    }
}

#[test]
fn an_entry_names_the_place_of_its_files_and_nothing_of_an_image_boots_on_its_own() {
    if pinned::for_test().is_none() {
        return;
    }
    let volume = TempDir::new().unwrap();
    let (_, empty, files, _) = SHAPES[0];
    let files: Vec<(&str, &str)> =
        empty.iter().map(|path| (*path, "x")).chain(files.iter().copied()).collect();
    image(&volume.path().join("Ubuntu.ISO"), "Ubuntu", &files);
    let inside = |path: &str| json!({"volume": "sda2", "path": "/Ubuntu.ISO", "inside": path});
    let expected = json!({
        "timeout": null,
        "default": null,
        "warnings": [],
        "entries": [{
            "id": "Ubuntu.ISO>Try",
            "title": "Try",
            "path_in_menu": ["Ubuntu.ISO"],
            "kind": "linux",
            "hidden": false,
            "source": {"format": "grub", "volume": "sda2", "path": "/Ubuntu.ISO", "inside": "/boot/grub/loopback.cfg", "line": 1},
            "kernel": inside("/casper/vmlinuz"),
            "initrds": [inside("/casper/initrd")],
            "cmdline": "BOOT_IMAGE=/casper/vmlinuz iso-scan/filename=/Ubuntu.ISO --- quiet",
            "devicetree": null,
            "version": null,
            "tries_left": null,
            "default": false,
        }],
    });
    assert_eq!(list(&volume, &[]), expected);
}

const MENU: &str = "menuentry Try {\n linux /casper/vmlinuz boot=casper\n initrd /casper/initrd\n}\n";
const FILES: [(&str, &str); 3] = [("casper/vmlinuz", "x"), ("casper/initrd", "x"), (GRUB, MENU)];

#[test]
fn images_are_searched_in_the_usual_places_and_in_those_that_are_given() {
    if pinned::for_test().is_none() {
        return;
    }
    let volume = TempDir::new().unwrap();
    for path in
        ["a.iso", "boot/b.iso", "boot-isos/c.iso", "iso/d.iso", "home/me/e.iso", "srv/f.img", "srv/g.img"]
    {
        image(&volume.path().join(path), "LIVE", &FILES);
    }
    fs::write(volume.path().join("boot/no.iso"), "nothing of the kind").unwrap();
    fs::create_dir(volume.path().join("directory.iso")).unwrap();
    let found = |options: &[&str]| -> String {
        let answer = list(&volume, options);
        let entries = answer["entries"].as_array().unwrap().iter();
        let names =
            entries.map(|entry| entry["path_in_menu"][0].as_str().unwrap().split('.').next().unwrap());
        names.collect()
    };
    assert_eq!(found(&[]), "abcd");
    assert_eq!(found(&["--iso", "/home/me"]), "abcde");
    assert_eq!(found(&["--iso", "srv/g.img", "--iso", "/home/m*"]), "abcdg");
    assert_eq!(found(&["--iso", "/srv/*.img"]), "abcdfg");
}

#[test]
fn a_path_with_a_space_cannot_be_handed_on() {
    if pinned::for_test().is_none() {
        return;
    }
    let volume = TempDir::new().unwrap();
    image(&volume.path().join("my image.iso"), "LIVE", &FILES);
    let problem = "the system cannot find its image again: spaces in its path; rename it";
    assert_eq!(lines(&list(&volume, &[])), [("Try".into(), problem.into())]);
}

#[test]
fn a_kernel_for_another_machine_is_recognised_inside_of_images_too() {
    if pinned::for_test().is_none() {
        return;
    }
    // A kernel for RISC-V (kernel: arch/riscv/boot-image-header.rst).
    let kernel = format!("MZ{}RISCV\0\0\0RSC\x05{}", "\0".repeat(46), "\0".repeat(64));
    let disk = tree(&[(
        GRUB,
        "menuentry Loop {\n loopback loop /images/live.iso\n linux (loop)/live/vmlinuz boot=live\n}\n",
    )]);
    let own = "menuentry Live {\n linux /live/vmlinuz boot=live\n}\n";
    for path in ["images/live.iso", "iso/live.iso"] {
        image(&disk.path().join(path), "LIVE", &[("live/vmlinuz", &kernel), (GRUB, own)]);
    }
    let answer = list(&disk, &[]);
    let refused = format!("the kernel is for riscv64, this machine is {}", std::env::consts::ARCH);
    assert_eq!(lines(&answer), [("Loop".into(), refused.clone()), ("Live".into(), refused)]);
}

#[test]
fn a_grub_configuration_reaches_into_images() {
    if pinned::for_test().is_none() {
        return;
    }
    let configuration = "set isofile=/images/live.iso
export isofile
loopback loop $isofile
loopback other ($root)/images/other.img
if [ -f (loop)/casper/vmlinuz -a -d (loop)/casper -a ! -e (loop)/gone ]; then set found=yes; fi
probe --set=label --label (loop)
menuentry 'By name' { linux (loop)/casper/vmlinuz boot=casper iso-scan/filename=$isofile found=$found label=$label
 initrd (loop)/casper/initrd (other)/ucode.img }
menuentry 'By root' { set root=(loop); linux /casper/vmlinuz boot=casper; initrd /casper/initrd }
menuentry 'Searched' { search --label LIVE --set=root; linux /casper/vmlinuz; initrd /casper/initrd }
menuentry 'Missing' { linux (loop)/casper/vmlinux }
menuentry 'Taken away' { loopback -d loop; linux (loop)/casper/vmlinuz }
menuentry 'No image' { loopback text /images/text; linux (text)/vmlinuz }
submenu 'Its own' { set iso_path=$isofile; export iso_path; set root=(loop); configfile /boot/grub/loopback.cfg }
";
    let volume = tree(&[(GRUB, configuration), ("images/text", "text")]);
    let own = "menuentry Own { linux /casper/vmlinuz iso-scan/filename=$iso_path; initrd /casper/initrd }\n";
    image(&volume.path().join("images/live.iso"), "LIVE", &[FILES[0], FILES[1], (LOOPBACK, own)]);
    image(&volume.path().join("images/other.img"), "OTHER", &[("ucode.img", "x")]);
    let answer = list(&volume, &[]);
    let expected = [
        (
            "By name",
            "BOOT_IMAGE=(loop)/casper/vmlinuz boot=casper iso-scan/filename=/images/live.iso found=yes label=LIVE",
        ),
        ("By root", "BOOT_IMAGE=/casper/vmlinuz boot=casper"),
        ("Searched", "BOOT_IMAGE=/casper/vmlinuz"),
        ("Missing", "(loop)/casper/vmlinux: no such file"),
        ("Taken away", "(loop)/casper/vmlinuz: no such device"),
        ("No image", "(text)/vmlinuz: no such device"),
        ("Own", "BOOT_IMAGE=/casper/vmlinuz iso-scan/filename=/images/live.iso"),
    ];
    assert_eq!(lines(&answer), expected.map(|(title, what)| (title.to_owned(), what.to_owned())));
    let entry = &answer["entries"][0];
    let inside = |image: &str, path: &str| json!({"volume": "sda2", "path": image, "inside": path});
    assert_eq!(entry["kernel"], inside("/images/live.iso", "/casper/vmlinuz"));
    let initrds =
        json!([inside("/images/live.iso", "/casper/initrd"), inside("/images/other.img", "/ucode.img")]);
    assert_eq!(entry["initrds"], initrds);
    assert_eq!(answer["entries"][6]["source"]["inside"], "/boot/grub/loopback.cfg");
}
