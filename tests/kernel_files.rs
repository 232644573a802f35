//! Files that hold more than a kernel, made by the real tools and taken apart: mkimage, mkbootimg, objcopy with systemd's stub.

use std::{
    fs::{self, File},
    io::{Read, Seek},
    path::Path,
};

use firstlight::{
    entry::Role,
    image::{CompanionFile, KernelFiles, NamedFile, PrepareError, PreparedKernel, prepare},
};
use qemu::{pinned, tool};
use tempfile::{TempDir, tempdir};

/// Runs a tool in a directory.
fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let mut command = pinned::tests().unwrap().command(program);
    tool::finish(command.args(arguments).current_dir(directory)).unwrap();
}

fn open(directory: &Path, name: &str) -> NamedFile {
    NamedFile { name: name.to_owned(), file: File::open(directory.join(name)).unwrap() }
}

fn made(kernel: NamedFile, initrds: Vec<NamedFile>) -> Result<PreparedKernel, PrepareError> {
    prepare(KernelFiles { initrds, ..KernelFiles::new(kernel) })
}

fn read(mut file: &File) -> Vec<u8> {
    let mut content = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut content).unwrap();
    content
}

/// The kernel and the initrds, as texts.
fn contents(prepared: &PreparedKernel) -> (String, Vec<String>) {
    let text = |file: &File| String::from_utf8(read(file)).unwrap();
    (text(&prepared.kernel.file), prepared.initrds.iter().map(|initrd| text(&initrd.file)).collect())
}

fn texts(kernel: &str, initrds: &[&str]) -> (String, Vec<String>) {
    (kernel.to_owned(), initrds.iter().map(|&initrd| initrd.to_owned()).collect())
}

/// U-Boot's name of the machine.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

fn with_parts() -> TempDir {
    let directory = tempdir().unwrap();
    for (file, content) in [
        ("kernel", "the kernel"),
        ("initrd", "an initrd"),
        ("dtb", "a device tree"),
        ("vendor", "the vendor's"),
    ] {
        fs::write(directory.path().join(file), content).unwrap();
    }
    directory
}

const TREE: &str = r#"/dts-v1/;
/ {
    description = "two systems";
    images {
        kernel-1 {
            data = /incbin/("kernel"); type = "kernel"; arch = "ARCH"; os = "linux"; compression = "none";
            load = <0x80000>; entry = <0x80000>;
            hash-1 { algo = "sha256"; };
            hash-2 { algo = "crc32"; };
        };
        kernel-2 { data = /incbin/("vendor"); type = "kernel"; arch = "ARCH"; os = "linux"; compression = "none"; };
        ramdisk-1 { data = /incbin/("initrd"); type = "ramdisk"; arch = "ARCH"; os = "linux"; compression = "none"; };
        fdt-1 { data = /incbin/("dtb"); type = "flat_dt"; arch = "ARCH"; compression = "none"; };
    };
    configurations {
        default = "conf-1";
        conf-2 { kernel = "kernel-2"; };
        conf-1 { kernel = "kernel-1"; ramdisk = "ramdisk-1"; fdt = "fdt-1"; };
    };
};
"#;

#[test]
fn mkimages_image_trees_boot_their_default_configuration() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = with_parts();
    let directory = directory.path();
    fs::write(directory.join("image.its"), TREE.replace("ARCH", ARCHITECTURE)).unwrap();
    // The files in the tree, after it, and after it at a place of their own.
    for arguments in [&["-f"][..], &["-E", "-f"], &["-E", "-p", "0x2000", "-f"]] {
        run(directory, "mkimage", &[arguments, &["image.its", "image.itb"]].concat());
        let prepared = made(open(directory, "image.itb"), Vec::new()).unwrap();
        assert_eq!(contents(&prepared), texts("the kernel", &["an initrd"]), "{arguments:?}");
        assert_eq!(prepared.devicetree.unwrap(), b"a device tree");
        // A byte of the kernel is changed: its crc32 tells.
        let mut bytes = fs::read(directory.join("image.itb")).unwrap();
        let at = bytes.windows(10).position(|window| window == b"the kernel").unwrap();
        bytes[at] = b'T';
        fs::write(directory.join("damaged.itb"), bytes).unwrap();
        let reason = made(open(directory, "damaged.itb"), Vec::new()).unwrap_err().reason;
        assert_eq!(reason.to_string(), "the sha256 of kernel-1 in it is wrong; write the image anew");
    }
    let other = TREE.replace("ARCH", "mips");
    fs::write(directory.join("image.its"), other).unwrap();
    run(directory, "mkimage", &["-f", "image.its", "image.itb"]);
    let reason = made(open(directory, "image.itb"), Vec::new()).unwrap_err().reason;
    assert!(reason.to_string().starts_with("is for mips, and this machine is "), "{reason}");
}

#[test]
fn every_check_sum_of_an_image_tree_is_checked() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = with_parts();
    let directory = directory.path();
    for (algorithm, is_known) in [
        ("crc32", true),
        ("sha1", true),
        ("sha256", true),
        ("sha384", true),
        ("sha512", true),
        ("md5", false),
    ] {
        let tree = TREE.replace("ARCH", ARCHITECTURE).replace("hash-2 { algo = \"crc32\"; };", "");
        // The initrd's sum counts as the kernel's does.
        let tree = tree.replace(
            "compression = \"none\"; };\n        fdt-1",
            "compression = \"none\"; hash { algo = \"SUM\"; }; };\n        fdt-1",
        );
        fs::write(directory.join("image.its"), tree.replace("SUM", algorithm)).unwrap();
        run(directory, "mkimage", &["-f", "image.its", "image.itb"]);
        let prepared = made(open(directory, "image.itb"), Vec::new()).unwrap();
        assert_eq!(contents(&prepared), texts("the kernel", &["an initrd"]), "{algorithm}");
        let mut bytes = fs::read(directory.join("image.itb")).unwrap();
        let at = bytes.windows(9).position(|window| window == b"an initrd").unwrap();
        bytes[at] = b'A';
        fs::write(directory.join("damaged.itb"), bytes).unwrap();
        let found =
            made(open(directory, "damaged.itb"), Vec::new()).map_err(|error| error.reason.to_string());
        match is_known {
            true => assert_eq!(
                found.unwrap_err(),
                format!("the {algorithm} of ramdisk-1 in it is wrong; write the image anew")
            ),
            false => assert_eq!(contents(&found.unwrap()).1, ["An initrd"]),
        }
    }
}

#[test]
fn mkimages_older_images_are_taken_apart() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = with_parts();
    let directory = directory.path();
    let arguments = ["-A", ARCHITECTURE, "-O", "linux", "-C", "none"];
    let make = |kind: &str, data: &str, name: &str| {
        run(directory, "mkimage", &[&arguments[..], &["-T", kind, "-d", data, name]].concat());
    };
    make("multi", "kernel:initrd:dtb", "several");
    let prepared = made(open(directory, "several"), Vec::new()).unwrap();
    assert_eq!(contents(&prepared), texts("the kernel", &["an initrd"]));
    assert_eq!(prepared.devicetree.unwrap(), b"a device tree");
    make("kernel", "kernel", "uImage");
    let prepared = made(open(directory, "uImage"), Vec::new()).unwrap();
    assert_eq!(contents(&prepared), texts("the kernel", &[]));
    make("ramdisk", "initrd", "uInitrd");
    for (name, content, byte) in [("uImage", "kernel", b'T'), ("uInitrd", "ramdisk", b'A')] {
        let mut bytes = fs::read(directory.join(name)).unwrap();
        let whole = bytes.len();
        bytes[64] = byte;
        fs::write(directory.join("damaged"), &bytes).unwrap();
        let load = || match content {
            "kernel" => made(open(directory, "damaged"), Vec::new()),
            _ => made(open(directory, "kernel"), vec![open(directory, "damaged")]),
        };
        let reason = load().unwrap_err().reason;
        assert_eq!(
            reason.to_string(),
            format!("the crc32 of {content} in it is wrong; write the image anew")
        );
        fs::write(directory.join("damaged"), &bytes[..whole - 1]).unwrap();
        assert!(load().is_err(), "{content} cut short");
    }
    let initrds = vec![open(directory, "vendor"), open(directory, "uInitrd")];
    let prepared = made(open(directory, "kernel"), initrds).unwrap();
    assert_eq!(contents(&prepared), texts("the kernel", &["the vendor's", "an initrd"]));
}

#[test]
fn mkbootimgs_images_are_taken_apart() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = with_parts();
    let directory = directory.path();
    for (version, dtb) in [("0", &[][..]), ("1", &[]), ("2", &["--dtb", "dtb"])] {
        let arguments = [
            "--kernel",
            "kernel",
            "--ramdisk",
            "initrd",
            "--cmdline",
            "a=1 b",
            "--header_version",
            version,
            "-o",
            "boot.img",
        ];
        run(directory, "mkbootimg", &[&arguments[..], dtb].concat());
        let prepared = made(open(directory, "boot.img"), Vec::new()).unwrap();
        assert_eq!(contents(&prepared), texts("the kernel", &["an initrd"]), "version {version}");
        let own = KernelFiles { cmdline: "own".into(), ..KernelFiles::new(open(directory, "boot.img")) };
        let own = prepare(own).unwrap().cmdline;
        assert_eq!((prepared.cmdline.as_str(), own.as_str()), ("a=1 b", "own"));
        let devicetree = prepared.devicetree;
        assert_eq!(devicetree, (version == "2").then(|| b"a device tree".to_vec()));
    }
    let arguments = [
        "--kernel",
        "kernel",
        "--ramdisk",
        "initrd",
        "--cmdline",
        "a=1",
        "--header_version",
        "3",
        "-o",
        "boot.img",
    ];
    run(directory, "mkbootimg", &arguments);
    let arguments = [
        "--vendor_ramdisk",
        "vendor",
        "--vendor_cmdline",
        "v=1",
        "--dtb",
        "dtb",
        "--header_version",
        "3",
        "--vendor_boot",
        "vendor_boot.img",
    ];
    run(directory, "mkbootimg", &arguments);
    let prepared = made(open(directory, "boot.img"), vec![open(directory, "vendor_boot.img")]).unwrap();
    assert_eq!(contents(&prepared), texts("the kernel", &["the vendor's", "an initrd"]));
    assert_eq!(prepared.cmdline, "a=1 v=1");
    assert_eq!(prepared.devicetree.unwrap(), b"a device tree");
    // Version 4, which this mkbootimg does not make: a table and the boot configuration follow the device tree.
    let mut image = fs::read(directory.join("vendor_boot.img")).unwrap();
    let page = u32::from_le_bytes(image[12..16].try_into().unwrap());
    image[8] = 4;
    for (at, value) in [(2112, 0_u32), (2116, 0), (2120, 108), (2124, 4)] {
        image[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    image.resize(image.len().next_multiple_of(page as usize), 0);
    image.extend(b"x=y\n");
    fs::write(directory.join("vendor_boot.img"), image).unwrap();
    let prepared = made(open(directory, "boot.img"), vec![open(directory, "vendor_boot.img")]).unwrap();
    assert_eq!(prepared.cmdline, "a=1 v=1 bootconfig");
    assert_eq!(prepared.devicetree.unwrap(), b"a device tree");
    let trailer = &prepared.initrds.last().unwrap().file;
    assert_eq!(read(trailer), b"x=y\n\x04\0\0\0\x38\x01\0\0#BOOTCONFIG\n");
    let reason = made(open(directory, "vendor_boot.img"), Vec::new()).unwrap_err().reason;
    assert_eq!(reason.to_string(), "holds no kernel; correct the boot configuration");
}

/// systemd's stub with sections added, as its manual says to make a unified kernel image.
fn stub(directory: &Path, name: &str, sections: &[(&str, &str)]) {
    let stub = if cfg!(target_arch = "aarch64") { "linuxaa64.efi.stub" } else { "linuxx64.efi.stub" };
    let mut arguments = Vec::new();
    for (place, (section, content)) in sections.iter().enumerate() {
        let file = format!("{name}-{place}");
        fs::write(directory.join(&file), content).unwrap();
        let address = 0x200_0000 + place * 0x10_0000;
        arguments.extend(["--add-section".into(), format!("{section}={file}")]);
        arguments.extend(["--change-section-vma".into(), format!("{section}={address:#x}")]);
    }
    arguments.extend([format!("/usr/lib/systemd/boot/efi/{stub}"), name.to_owned()]);
    run(directory, "objcopy", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_unified_kernel_image_brings_its_initrds_in_the_stubs_order() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = tempdir().unwrap();
    let directory = directory.path();
    let sections = [
        (".osrel", "ID=a\n"),
        (".uname", "6.1"),
        (".cmdline", "root=a"),
        (".ucode", "microcode"),
        (".initrd", "own initrd"),
        (".dtb", "own tree"),
        (".pcrpkey", "a key"),
        (".linux", "kernel"),
    ];
    stub(directory, "a.efi", &sections);
    stub(directory, "cut.efi", &[(".linux", "kernel"), (".initrd", "own initrd")]);
    let mut whole = fs::read(directory.join("cut.efi")).unwrap();
    whole.truncate(whole.windows(10).rposition(|window| window == b"own initrd").unwrap());
    fs::write(directory.join("cut.efi"), whole).unwrap();
    let reason = made(open(directory, "cut.efi"), Vec::new()).unwrap_err().reason;
    assert!(reason.to_string().starts_with("cannot be read (unexpected end of file)"), "{reason}");
    stub(directory, "one.addon.efi", &[(".ucode", "first"), (".initrd", "added one"), (".cmdline", "c1")]);
    stub(
        directory,
        "two.addon.efi",
        &[(".ucode", "second"), (".initrd", "added two"), (".dtb", "better tree")],
    );
    fs::write(directory.join("z.cred"), "secret").unwrap();
    fs::write(directory.join("ext.raw"), "extension").unwrap();
    fs::write(directory.join("loader"), "from the loader").unwrap();
    let companion = |role, name: &str| CompanionFile {
        role,
        name: name.into(),
        file: File::open(directory.join(name)).unwrap(),
    };
    let companions = vec![
        companion(Role::Addon, "one.addon.efi"),
        companion(Role::Addon, "two.addon.efi"),
        companion(Role::GlobalSystemExtension, "ext.raw"),
        companion(Role::Credential, "z.cred"),
    ];
    let prepared = prepare(KernelFiles {
        initrds: vec![open(directory, "loader")],
        companions,
        ..KernelFiles::new(open(directory, "a.efi"))
    })
    .unwrap();
    let (kernel, initrds): (String, Vec<Vec<u8>>) = (
        String::from_utf8(read(&prepared.kernel.file)).unwrap(),
        prepared.initrds.iter().map(|initrd| read(&initrd.file)).collect(),
    );
    assert_eq!(kernel, "kernel");
    let archives = &initrds[5];
    let rest: Vec<&[u8]> = initrds.iter().filter(|initrd| *initrd != archives).map(Vec::as_slice).collect();
    let expected =
        ["second", "first", "microcode", "from the loader", "own initrd", "added one", "added two"];
    assert_eq!(rest, expected.map(str::as_bytes));
    assert_eq!(prepared.cmdline, "root=a c1");
    // Machines without device trees are given none.
    let expected = cfg!(not(target_arch = "x86_64")).then(|| b"better tree".to_vec());
    assert_eq!(prepared.devicetree, expected);
    // os-release came with version 257 of the stub.
    let magic = fs::read(directory.join("a.efi")).unwrap();
    let magic = String::from_utf8_lossy(&magic);
    let (_, version) = magic.split_once("LoaderInfo: systemd-stub ").unwrap();
    let is_new = version[..3].parse::<u32>().unwrap() >= 257;
    let with_release = ["dr-xr-xr-x .extra", "-r--r--r-- .extra/os-release ID=a\n"];
    let found = members(directory, archives);
    let found = if is_new { found.strip_suffix(&with_release.map(str::to_owned)).unwrap() } else { &found };
    assert_eq!(
        found,
        [
            "dr-xr-xr-x .extra",
            "dr-x------ .extra/credentials",
            "-r-------- .extra/credentials/z.cred secret",
            "dr-xr-xr-x .extra",
            "dr-xr-xr-x .extra/global_sysext",
            "-r--r--r-- .extra/global_sysext/ext.raw extension",
            "dr-xr-xr-x .extra",
            "-r--r--r-- .extra/tpm2-pcr-public-key.pem a key",
        ]
    );
}

/// Permissions, paths and contents of archives that follow each other, as cpio reads them.
fn members(directory: &Path, archives: &[u8]) -> Vec<String> {
    let mut rest = archives;
    let mut described = Vec::new();
    while let Some(end) = rest.windows(10).position(|window| window == b"TRAILER!!!") {
        // The name's NUL and what fills the header up.
        let (archive, after) = rest.split_at(end + 14);
        rest = after;
        fs::write(directory.join("archive"), archive).unwrap();
        let cpio = |arguments: &str| {
            let script = format!("cpio --quiet -H newc {arguments} <archive");
            let mut shell = pinned::tests().unwrap().command("sh");
            tool::finish(shell.args(["-c", &script]).current_dir(directory)).unwrap()
        };
        described.extend(cpio("-tvn").lines().map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (mode, path) = (fields[0], fields[fields.len() - 1]);
            let content = cpio(&format!("-i --to-stdout {path}"));
            format!("{mode} {path} {content}").trim_end_matches(' ').to_owned()
        }));
    }
    assert_eq!(rest, b"", "nothing follows the last archive");
    described
}

#[test]
fn a_profile_brings_its_own_parts() {
    if pinned::for_test().is_none() {
        return;
    }
    let directory = tempdir().unwrap();
    let directory = directory.path();
    let sections = [
        (".cmdline", "root=a"),
        (".initrd", "base"),
        (".linux", "kernel"),
        (".profile", "ID=main"),
        (".profile", "ID=other"),
        (".initrd", "its own"),
        (".cmdline", "its words"),
    ];
    // objcopy makes no two sections of one name, so the names are mended in the section table afterwards.
    let names = [".cmdline", ".initrd", ".linux", ".prof1", ".prof2", ".initr2", ".cmdlin2"];
    let named: Vec<_> = names.iter().zip(sections).map(|(name, (_, content))| (*name, content)).collect();
    stub(directory, "a.efi", &named);
    let mut bytes = fs::read(directory.join("a.efi")).unwrap();
    for (name, (wanted, _)) in names.iter().zip(sections).filter(|(name, (wanted, _))| *name != wanted) {
        let [name, wanted] = [name, &wanted].map(|name| {
            let mut padded = [0; 8];
            padded[..name.len()].copy_from_slice(name.as_bytes());
            padded
        });
        let at = bytes.windows(8).position(|window| window == name).unwrap();
        bytes[at..at + 8].copy_from_slice(&wanted);
    }
    fs::write(directory.join("a.efi"), bytes).unwrap();
    let of_profile = |profile| prepare(KernelFiles { profile, ..KernelFiles::new(open(directory, "a.efi")) });
    for (profile, initrd, cmdline) in [(0, "base", "root=a"), (1, "its own", "its words")] {
        let prepared = of_profile(profile).unwrap();
        assert_eq!(read(&prepared.initrds[0].file), initrd.as_bytes());
        assert_eq!(prepared.cmdline, cmdline);
    }
    let reason = of_profile(2).unwrap_err().reason;
    assert_eq!(reason.to_string(), "has no profile 2; correct the boot configuration");
}
