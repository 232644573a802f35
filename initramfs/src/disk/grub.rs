//! The part of a disk that a BIOS starts: GRUB's own first stage, with a core image that loads one kernel and stops there
//! (GRUB's include/grub/i386/pc/boot.h; its manual, "Making a GRUB bootable image").

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use firstlight::formats::bytes::le16;

use super::SECTOR;
use crate::BuildError;
use crate::error::read;

/// Where Debian, Fedora, Arch and others have GRUB's modules for a BIOS.
pub const GRUB_DIRECTORY: &str = "/usr/lib/grub/i386-pc";

/// Its program is called the second way where GRUB's first version had the other name.
const PROGRAMS: [&str; 2] = ["grub-mkimage", "grub2-mkimage"];

const PACKAGE: &str =
    "the package grub-common (elsewhere grub2-tools-extra or grub) has it; --no-bios makes a disk without it";

/// The modules of a core image that reads FAT on a GPT and starts Linux.
const MODULES: [&str; 5] = ["biosdisk", "part_gpt", "fat", "linux", "boot"];

/// In the MBR's code: `kernel_sector`, where the core image begins.
const KERNEL_SECTOR: usize = 0x5c;

/// In the MBR's code: a jump that, left out, keeps a BIOS's word on which disk it has started (`boot_drive_check`).
const DRIVE_CHECK: usize = 0x66;

/// `nop; nop`
const NO_CHECK: [u8; 2] = [0x90, 0x90];

/// In the core image's first sector: the list of what it reads next, whose entry is a sector, a count and a segment.
const LIST: usize = 512 - 12;

/// The program and the files of GRUB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grub {
    /// The directory with its modules for a BIOS.
    pub directory: PathBuf,
    /// The program `grub-mkimage`; `None` is this machine's.
    pub mkimage: Option<PathBuf>,
}

/// What a BIOS starts.
pub(super) struct Stage {
    /// For the MBR.
    pub code: Vec<u8>,
    /// For a partition of its own.
    pub core: Vec<u8>,
}

/// A first stage that loads these files of the file system on the disk's first partition. Its second part lies at `sector`.
///
/// # Errors
/// When GRUB is not there or fails, or the command line cannot be handed over.
pub(super) fn stage(grub: &Grub, paths: [&str; 2], cmdline: &str, sector: u64) -> Result<Stage, BuildError> {
    let boot = grub.directory.join("boot.img");
    if !boot.exists() {
        let reason = "missing: GRUB's files for a BIOS (package grub-pc-bin, elsewhere grub2-pc-modules or grub) start the disk \
                      there; install them, name their directory with --grub-directory, or make a disk without with --no-bios";
        return Err(BuildError::unfit(&boot, reason));
    }
    let configuration = configuration(paths, cmdline)?;
    let core = core(grub, &configuration)?;
    placed(read(&boot)?, core, sector)
        .ok_or_else(|| BuildError::unfit(&boot, "this is not GRUB's first stage"))
}

/// The lines that the core image runs. It has no more of a shell than these need.
fn configuration([kernel, initramfs]: [&str; 2], cmdline: &str) -> Result<String, BuildError> {
    // GRUB puts a backslash before them, which the kernel does not take away again.
    if cmdline.contains(['"', '\'', '\\']) || cmdline.contains(|c: char| c.is_control() && c != '\t') {
        let reason = "GRUB hands no quotes, backslashes or control characters over to the kernel; --no-bios makes a disk without it";
        return Err(BuildError::Program {
            program: format!("--cmdline {cmdline}"),
            reason: reason.to_owned(),
        });
    }
    let words: String = cmdline.split_whitespace().map(|word| format!(" '{word}'")).collect();
    Ok(format!("linux {kernel}{words}\ninitrd {initramfs}\nboot\n"))
}

fn core(grub: &Grub, configuration: &str) -> Result<Vec<u8>, BuildError> {
    let scratch = tempfile::tempdir();
    let scratch = scratch.map_err(|error| BuildError::Write { path: std::env::temp_dir(), error })?;
    let (script, output) = (scratch.path().join("configuration"), scratch.path().join("core"));
    fs::write(&script, configuration).map_err(|error| BuildError::Write { path: script.clone(), error })?;
    let failed = |program: &Path, reason: String| BuildError::Program {
        program: program.display().to_string(),
        reason,
    };
    let programs = grub.mkimage.as_deref().map_or(PROGRAMS.map(Path::new).to_vec(), |program| vec![program]);
    for (number, program) in programs.iter().enumerate() {
        let mut mkimage = Command::new(program);
        mkimage.arg("--format=i386-pc").arg("--directory").arg(&grub.directory);
        // The disk is the one that the BIOS has started.
        mkimage.args(["--prefix", "(,gpt1)/", "--config"]).arg(&script).arg("--output").arg(&output);
        match mkimage.args(MODULES).output() {
            Ok(done) if done.status.success() => return read(&output),
            Ok(done) => {
                return Err(failed(program, String::from_utf8_lossy(&done.stderr).trim().to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && number + 1 < programs.len() => {}
            Err(error) => return Err(failed(program, format!("{error}; {PACKAGE}"))),
        }
    }
    Err(failed(Path::new(PROGRAMS[0]), PACKAGE.to_owned()))
}

/// The two parts, each with the place of the next one. `None` if they are not what they should be.
fn placed(mut code: Vec<u8>, mut core: Vec<u8>, sector: u64) -> Option<Stage> {
    // grub-mkimage has written how much there is to read: all but the first sector, which reads it.
    let rest = core.len().div_ceil(usize::try_from(SECTOR).ok()?).checked_sub(1)?;
    let is_core = usize::from(le16(&core, LIST.checked_add(8)?)?) == rest;
    let next = sector.checked_add(1)?;
    code.get_mut(KERNEL_SECTOR..)?.get_mut(..8)?.copy_from_slice(&sector.to_le_bytes());
    code.get_mut(DRIVE_CHECK..)?.get_mut(..2)?.copy_from_slice(&NO_CHECK);
    core.get_mut(LIST..)?.get_mut(..8)?.copy_from_slice(&next.to_le_bytes());
    (is_core && code.len() as u64 == SECTOR).then_some(Stage { code, core })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_image_runs_three_lines() {
        let lines = |cmdline| configuration(["/k", "/i"], cmdline).map_err(|error| error.to_string());
        assert_eq!(
            lines("console=ttyS0,115200  a$b;c"),
            Ok("linux /k 'console=ttyS0,115200' 'a$b;c'\ninitrd /i\nboot\n".to_owned())
        );
        assert_eq!(lines(""), Ok("linux /k\ninitrd /i\nboot\n".to_owned()));
        for cmdline in ["a=\"b c\"", "it's", "back\\slash", "two\nlines"] {
            assert!(lines(cmdline).unwrap_err().contains("GRUB hands no quotes"), "{cmdline}");
        }
    }

    #[test]
    fn each_part_is_told_where_the_next_one_lies() {
        let mut core = vec![7; 512 + 700];
        core[LIST..LIST + 12].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 8]);
        let Stage { code, core: placed_core } = placed(vec![0xaa; 512], core.clone(), 0x12345).unwrap();
        assert_eq!(code[0x5c..0x68], [0x45, 0x23, 1, 0, 0, 0, 0, 0, 0xaa, 0xaa, 0x90, 0x90]);
        assert_eq!(placed_core[LIST..LIST + 12], [0x46, 0x23, 1, 0, 0, 0, 0, 0, 2, 0, 0x20, 8]);
        assert_eq!(placed_core[..LIST], core[..LIST]);
        // Another length than the list says, no core image at all, and an MBR of another size.
        assert!(placed(vec![0; 512], core[..600].to_vec(), 1).is_none());
        assert!(placed(vec![0; 512], Vec::new(), 1).is_none());
        assert!(placed(vec![0; 100], core, 1).is_none());
    }
}
