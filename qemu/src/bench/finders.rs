//! How long `firstlight list` takes over configurations of all sizes, from its start to its end, on this machine. The budgets are
//! those of the machine that they were set on, times what a yardstick takes here and took there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use super::Report;
use crate::error::{Context, Error};
use crate::{Result, payload, place};

/// The fastest of so many runs counts: what the program takes when nothing else runs in between.
const RUNS: usize = 15;

/// As many entries as a disk with a long history has.
const MANY: usize = 1000;

/// What [`yardstick`] takes on the machine of the budgets, in milliseconds: on another machine it takes 44.5, and there one and
/// the same build of firstlight takes 1.65 times as long for these three lists.
const YARDSTICK: f64 = 27.0;

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let program = payload::installed_program()?;
    let mut yard = f64::INFINITY;
    for _ in 0..RUNS {
        yard = yard.min(yardstick(&grub(MANY)?)?);
    }
    report.add("list-yardstick", yard, "ms", None);
    let debian = place::workspace().join("tests/corpus/debian-12/tree");
    for (name, root, entries, budget) in [
        ("list-debian", debian, 1, 2.0),
        ("list-grub-1000", grub(MANY)?, MANY, 50.0),
        ("list-bls-1000", bls(MANY)?, MANY, 50.0),
    ] {
        let mut fastest = f64::INFINITY;
        for _ in 0..RUNS {
            fastest = fastest.min(list(&program, &root, entries)?);
        }
        report.add(name, fastest, "ms", Some(budget * yard / YARDSTICK));
    }
    Ok(())
}

/// How fast this machine does what finders do, without any of their code: opens and reads files, and sorts strings in memory. In
/// milliseconds.
fn yardstick(root: &Path) -> Result<f64> {
    const STRINGS: u64 = 50_000;
    let begun = Instant::now();
    let mut sorted = BTreeMap::new();
    for directory in ["boot", "boot/grub"].map(|path| root.join(path)) {
        let names = fs::read_dir(&directory).context(|| format!("reading {}", directory.display()))?;
        for path in names.flatten().map(|name| name.path()).filter(|path| path.is_file()) {
            let content = fs::read(&path).context(|| format!("reading {}", path.display()))?;
            sorted.insert(path.display().to_string(), content);
        }
    }
    for number in 0..STRINGS {
        // An odd factor: no number comes twice, and none in order.
        sorted.insert(format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)), Vec::new());
    }
    let time = begun.elapsed().as_secs_f64() * 1000.0;
    std::hint::black_box(sorted);
    Ok(time)
}

/// Runs it once and gives its time in milliseconds.
fn list(program: &Path, root: &Path, entries: usize) -> Result<f64> {
    let begun = Instant::now();
    let output = std::process::Command::new(program)
        .args(["list", "--json", "--quiet", "--root"])
        .arg(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Start { program: program.display().to_string(), source })?;
    let time = begun.elapsed().as_secs_f64() * 1000.0;
    // A finder that finds nothing is quick, and its figure means nothing.
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match found["entries"].as_array().map_or(0, Vec::len) {
        count if count >= entries => Ok(time),
        count => Err(Error::Other(format!(
            "firstlight list found {count} of {entries} entries in {}",
            root.display()
        ))),
    }
}

/// A tree with a grub.cfg of so many entries, as grub-mkconfig writes them.
fn grub(entries: usize) -> Result<PathBuf> {
    let mut config = String::from("set default=0\nset timeout=5\n");
    for number in 0..entries {
        let _ = write!(
            config,
            "menuentry 'System {number}' --class gnu-linux --class os $menuentry_id_option 'system-{number}' {{\n\
             \tload_video\n\tinsmod gzio\n\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n\
             \tinsmod part_gpt\n\tinsmod ext2\n\
             \tlinux /boot/vmlinuz-6.1.{number} root=UUID=8fe4d3cf-dfa1-45ce-a6a6-6b4a6ba3a0ab ro quiet\n\
             \tinitrd /boot/initrd.img-6.1.{number}\n}}\n"
        );
    }
    let files = (0..entries)
        .flat_map(|number| [format!("boot/vmlinuz-6.1.{number}"), format!("boot/initrd.img-6.1.{number}")]);
    let files = files.map(|path| (path, String::new())).chain([("boot/grub/grub.cfg".to_owned(), config)]);
    tree("bench-grub", files)
}

/// A tree with so many Boot Loader Specification files.
fn bls(entries: usize) -> Result<PathBuf> {
    let files = (0..entries).flat_map(|number| {
        let entry = format!(
            "title System {number}\nversion 6.1.{number}\nsort-key system\nmachine-id {number:032x}\n\
             linux /vmlinuz-6.1.{number}\ninitrd /initrd-6.1.{number}\noptions root=LABEL=root ro quiet\n"
        );
        [
            (format!("loader/entries/{number:032x}-6.1.{number}.conf"), entry),
            (format!("vmlinuz-6.1.{number}"), String::new()),
            (format!("initrd-6.1.{number}"), String::new()),
        ]
    });
    tree("bench-bls", files)
}

/// Makes a directory of these files under the target directory.
fn tree(name: &str, files: impl Iterator<Item = (String, String)>) -> Result<PathBuf> {
    let root = place::directory("disks")?.join(name);
    for (path, content) in files {
        let path = root.join(path);
        let written =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.context(|| format!("writing {}", path.display()))?;
    }
    Ok(root)
}
