//! `loopback` and the files in an image, as GRUB sees them.
//!
//! Three things are not asked, since the kernel that mounts an image answers otherwise, and ours answers as it does: a
//! link that ends with `..`, which GRUB 2.06 misreads, directories that Rock Ridge had to move, which it does not follow,
//! and Rock Ridge names in another case, which it does not find.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::{answers, disks::tool, emulator::Grub};

/// Questions to an image, called `(loop)`.
const QUESTIONS: &str = r#"
for path in /boot /boot/ /boot/grub/inside.cfg //boot//vmlinuz /boot/../boot/vmlinuz /gone /empty /link /absolute \
  /dangling /Long-name.With.dots_and-more /boot/vmlinuz/x /1/2/3/4/5/6/7/8/9/deep
do
  for question in -e -f -d -s
  do
    if [ $question "(loop)$path" ]; then emit yes $question $path; fi
  done
done
source (loop)/boot/grub/inside.cfg
emit inside "$inside"
for what in label fs-uuid fs
do
  probe --set=answer --$what (loop)
  emit probe $what "$answer"
done
for file in (loop)/boot/*; do emit file $file; done
set found=
search --label LIVE --set=found
emit label "$found"
set found=
search --file /marker-of-this-image --set=found
emit file "$found"
set root=loop
if [ -f /boot/vmlinuz ]; then emit root "$root"; fi
source /boot/grub/inside.cfg
emit inside "$inside"
if loopback second $base/other.iso; then emit second; fi
if [ -f (second)/only-there ]; then emit second file; fi
if loopback loop $base/other.iso; then emit again; fi
if [ -f (loop)/only-there ]; then emit other; fi
if loopback -d second; then emit deleted; fi
if [ -f (second)/only-there ]; then emit not reached; fi
if loopback text $base/tree/file; then emit text; fi
if [ -f (text)/file ]; then emit not reached; fi
if loopback gone $base/gone.iso; then emit not reached; fi
if loopback -d never; then emit not reached; fi
if loopback; then emit not reached; fi
if loopback one; then emit not reached; fi
"#;

fn image(directory: &Path, name: &str, label: &str, options: &[&str]) {
    let output = tool("xorriso")
        .args(["-as", "mkisofs", "-quiet", "-V", label])
        .args(options)
        .args(["-o", &format!("{name}.iso"), name])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn images(grub: &Grub) {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let tree = base.join("live");
    for directory in ["live/boot/grub", "live/1/2/3/4/5/6/7/8/9", "other"] {
        fs::create_dir_all(base.join(directory)).unwrap();
    }
    for (path, content) in [
        ("boot/vmlinuz", "kernel"),
        ("boot/grub/inside.cfg", "set inside=\"$inside:read\"\n"),
        ("empty", ""),
        ("marker-of-this-image", "x"),
        ("Long-name.With.dots_and-more", "x"),
        ("1/2/3/4/5/6/7/8/9/deep", "x"),
    ] {
        fs::write(tree.join(path), content).unwrap();
    }
    fs::write(base.join("other/only-there"), "x").unwrap();
    for (target, link) in [("boot/vmlinuz", "link"), ("/boot/vmlinuz", "absolute"), ("nowhere", "dangling")] {
        symlink(target, tree.join(link)).unwrap();
    }
    image(base, "other", "OTHER", &["-R"]);
    for options in [&["-R"][..], &["-R", "-J"], &["--norock", "-iso-level", "3", "-D"]] {
        image(base, "live", "LIVE", options);
        let script = format!("loopback loop $base/live.iso\n{QUESTIONS}");
        let (theirs, ours) = answers(grub, base, &[script]).remove(0);
        let lines = |answer: Option<String>| answer.unwrap().replace('|', "\n|");
        assert_eq!(lines(ours), lines(theirs), "{options:?}");
    }
}
