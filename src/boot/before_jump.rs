//! Takes the actions that were left until the jump, right before it.

use std::{fs::File, io, path::Path};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::kexec::{BeforeJump, LoadedKernel};

/// Takes the actions that were left until the jump into this kernel. A failure is logged, and the jump goes on.
pub fn perform(kernel: &LoadedKernel) {
    for action in &kernel.before_jump {
        match action {
            BeforeJump::RemoveVariable { name, path } => {
                if let Err(error) = remove_variable(path) {
                    log::warn!(
                        "{name} stays ({error}) and counts for the next boot, too; remove it: bootctl set-oneshot ''"
                    );
                }
            }
        }
    }
}

/// The kernel guards the variables of most vendors by a flag.
fn remove_variable(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // Without such flags, the removal is allowed, or says why not.
    let _ = ioctl_getflags(&file).and_then(|flags| ioctl_setflags(&file, flags - IFlags::IMMUTABLE));
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_for_one_boot_go_and_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["one-shot", "another", "kept"] {
            std::fs::write(path(name), "").unwrap();
        }
        let remove = |name| BeforeJump::RemoveVariable { name, path: path(name) };
        let before_jump = vec![remove("one-shot"), remove("not there"), remove("another")];
        perform(&LoadedKernel { name: "/vmlinuz".into(), before_jump, warnings: vec![] });
        assert_eq!(["one-shot", "another", "kept"].map(|name| path(name).exists()), [false, false, true]);
    }
}
