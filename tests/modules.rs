//! Modules resolve as kmod resolves them, over a tree that depmod itself has indexed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use firstlight::formats::modules::{Index, Modules};
use qemu::pinned;

const VERSION: &str = "6.1.0-test";

type Strings = &'static [&'static str];

/// A module: its path, the symbols it exports, those it needs, and what its `.modinfo` says.
const MODULES: &[(&str, Strings, Strings, Strings)] = &[
    (
        "fs/ext4/ext4.ko",
        &[],
        &["jbd2_journal", "mb_cache"],
        &["alias=fs-ext4", "alias=ext3", "softdep=pre: crc32c"],
    ),
    ("fs/jbd2/jbd2.ko", &["jbd2_journal"], &["crc16"], &["softdep=pre: crypto-crc32c"]),
    ("fs/mbcache.ko", &["mb_cache"], &[], &[]),
    ("lib/crc16.ko", &["crc16"], &[], &[]),
    ("crypto/crc32c_generic.ko", &[], &[], &["alias=crypto-crc32c", "alias=crc32c"]),
    (
        "arch/x86/crypto/crc32c-intel.ko",
        &[],
        &["simd"],
        &["alias=crypto-crc32c", "alias=cpu:type:x86,ven*fam*mod*:feature:*0094*"],
    ),
    ("crypto/simd.ko", &["simd"], &["cryptd"], &[]),
    ("crypto/cryptd.ko", &["cryptd"], &[], &[]),
    (
        "drivers/net/e1000e.ko",
        &[],
        &["ptp"],
        &["alias=pci:v00008086d0000105Esv*sd*bc*sc*i*", "alias=pci:v00008086d000010[5-9]Fsv*sd*bc*sc*i*"],
    ),
    ("drivers/ptp/ptp.ko", &["ptp"], &["pps"], &["softdep=post: late-one"]),
    ("drivers/pps/pps_core.ko", &["pps"], &[], &[]),
    ("drivers/late-one.ko", &[], &[], &["alias=platform:late-platform", "alias=of:N*T*Clate,one-v[0-9]C*"]),
    (
        "drivers/other.ko",
        &[],
        &[],
        &["alias=pci:v*d*sv*sd*bc01sc08i02*", "alias=pci:v00008086d0000105Esv*sd*bc*sc*i*"],
    ),
    ("drivers/round.ko", &[], &[], &["softdep=pre: about"]),
    ("drivers/about.ko", &[], &[], &["softdep=pre: round post: missing other"]),
];

const REQUESTS: &[&str] = &[
    "ext4",
    "fs-ext4",
    "fs_ext4",
    "ext3",
    "jbd2",
    "crypto-crc32c",
    "crc32c-intel",
    "crc32c_intel",
    "cpu:type:x86,ven0000fam0006mod008E:feature:,0000,0094,0095",
    "pci:v00008086d0000105Esv00001234sd00005678bc02sc00i00",
    "pci:v00008086d0000106Fsv00001234sd00005678bc02sc00i00",
    "pci:v00008086d0000110Fsv00001234sd00005678bc02sc00i00",
    "pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02",
    "platform:late-platform",
    "platform:late_platform",
    "of:NtestT(null)Clate,one-v3",
    "of:NtestT(null)Clate,one-v3C",
    "of:NtestT(null)Clate,one-vxC",
    "round",
    "about",
    "loop",
    "block-major-7-0",
    "devname:loop-control",
    "virtio_blk",
    "virtio-blk",
    "missing",
    "",
];

#[test]
fn every_request_loads_what_modprobe_would_load() {
    if pinned::for_test().is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules");
    let _ = fs::remove_dir_all(&root);
    let directory = root.join("lib/modules").join(VERSION);
    let order: String = MODULES.iter().map(|(path, ..)| compile(&directory, path)).collect();
    fs::write(directory.join("modules.order"), order).unwrap();
    fs::write(
        directory.join("modules.builtin"),
        "kernel/drivers/block/loop.ko\nkernel/drivers/block/virtio_blk.ko\n",
    )
    .unwrap();
    let information = "loop.license=GPL\0loop.alias=block-major-7-*\0loop.alias=devname:loop-control\0virtio_blk.alias=virtio:d00000002v*\0";
    fs::write(directory.join("modules.builtin.modinfo"), information).unwrap();
    let depmod = tool("depmod").arg("-b").arg(&root).arg(VERSION).status().unwrap();
    assert!(depmod.success());

    let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let (dependencies, aliases, soft, builtin, builtin_information) = (
        text("modules.dep"),
        text("modules.alias"),
        text("modules.softdep"),
        text("modules.builtin"),
        text("modules.builtin.modinfo"),
    );
    let modules = Modules::parse(&Index {
        dependencies: &dependencies,
        aliases: &aliases,
        soft_dependencies: &soft,
        builtin: &builtin,
        builtin_information: &builtin_information,
    });
    for request in REQUESTS {
        let ours =
            modules.resolve(request).map(|files| files.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(ours, modprobe(&root, request), "{request}");
    }
}

/// The files that modprobe would load, each once; `None` where it finds nothing.
fn modprobe(root: &Path, request: &str) -> Option<Vec<String>> {
    let output = tool("modprobe")
        .args(["--show-depends", "-S", VERSION, "-d"])
        .arg(root)
        .arg("--")
        .arg(request)
        .output();
    let output = output.unwrap();
    if !output.status.success() {
        return None;
    }
    let prefix = root.join("lib/modules").join(VERSION);
    let mut files = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some(path) = line.strip_prefix("insmod ") else { continue };
        let path = Path::new(path.trim_end()).strip_prefix(&prefix).unwrap().to_str().unwrap().to_owned();
        if !files.contains(&path) {
            files.push(path);
        }
    }
    Some(files)
}

/// Makes one module, as small as depmod takes it, and gives its line for modules.order.
fn compile(directory: &Path, path: &str) -> String {
    let (_, exports, needs, information) = MODULES.iter().find(|(other, ..)| other == &path).unwrap();
    let strings =
        |values: &[&str]| values.iter().map(|value| format!(".asciz \"{value}\"\n")).collect::<String>();
    let references: String = needs.iter().map(|symbol| format!(".long {symbol}\n")).collect();
    let source = format!(
        ".section .modinfo,\"a\"\n{}\n.section __ksymtab_strings,\"a\"\n{}\n.data\n{references}",
        strings(information),
        strings(exports)
    );
    let object: PathBuf = directory.join("kernel").join(path);
    fs::create_dir_all(object.parent().unwrap()).unwrap();
    let assembly = object.with_extension("s");
    fs::write(&assembly, source).unwrap();
    let status = Command::new("cc").args(["-c", "-o"]).arg(&object).arg(&assembly).status().unwrap();
    assert!(status.success(), "{path}");
    fs::remove_file(assembly).unwrap();
    format!("kernel/{path}\n")
}

/// A tool of kmod.
fn tool(name: &str) -> Command {
    pinned::tests().unwrap().command(name)
}
