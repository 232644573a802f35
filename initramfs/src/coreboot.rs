//! Puts a Linux payload into an existing coreboot ROM, by coreboot's own cbfstool (coreboot: util/cbfstool;
//! Documentation/lib/fw_config, "CBFS").

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;

/// The name under which coreboot looks for what it starts.
const PAYLOAD: &str = "fallback/payload";

/// Bytes that a payload takes beside its parts: the program that puts them into place, their table, and alignment.
const OVERHEAD: u64 = 16 << 10;

/// The parts of a ROM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorebootRecipe {
    /// The ROM, which is only read.
    pub rom: PathBuf,
    /// The kernel, a bzImage.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// The kernel's command line.
    pub cmdline: String,
    /// The program cbfstool.
    pub cbfstool: PathBuf,
}

/// A file of a ROM.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CbfsFile {
    name: String,
    /// From the beginning of the file system, in bytes.
    offset: u64,
    size: u64,
}

/// The space of a ROM that a payload may take, and what was taken of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadRoom {
    /// Bytes that a payload may have, where the one that is there goes.
    pub available: u64,
    /// Bytes that the new one has.
    pub taken: u64,
}

/// Makes a ROM with another payload at `output`. Nothing is written there before the new ROM is whole.
///
/// # Errors
/// A file cannot be read, cbfstool is missing or fails, or there is not enough room: then with how much is missing.
pub fn build_coreboot(recipe: &CorebootRecipe, output: &Path) -> Result<PayloadRoom, BuildError> {
    let CorebootRecipe { rom, kernel, initramfs, cmdline, cbfstool } = recipe;
    let size = |path: &Path| {
        let status = fs::metadata(path).map_err(|error| BuildError::Read { path: path.to_owned(), error });
        status.map(|status| status.len())
    };
    let wanted = size(kernel)?
        .saturating_add(size(initramfs)?)
        .saturating_add(cmdline.len() as u64)
        .saturating_add(OVERHEAD);
    size(rom)?;
    let listing = run(cbfstool, rom, &["print".as_ref()])?;
    let files = parse(&listing);
    let available = room(&files);
    if files.is_empty() {
        return Err(BuildError::unfit(rom, format!("no coreboot ROM: cbfstool says {}", listing.trim())));
    }
    if wanted > available {
        let missing = wanted.saturating_sub(available);
        return Err(BuildError::unfit(
            rom,
            format!(
                "the payload needs {wanted} bytes, and there is room for {available}: {missing} bytes are missing; a kernel of \
                 the profile slim and xz take less"
            ),
        ));
    }
    let unfinished = output.with_extension("unfinished");
    let write = |error| BuildError::Write { path: unfinished.clone(), error };
    fs::copy(rom, &unfinished).map_err(write)?;
    let done = replace(recipe, &unfinished, &files);
    let done = done.and_then(|()| fs::rename(&unfinished, output).map_err(write));
    if done.is_err() {
        // What was not finished is of no use; the error says why.
        let _ = fs::remove_file(&unfinished);
    }
    done.map(|()| PayloadRoom { available, taken: wanted.saturating_sub(OVERHEAD) })
}

fn replace(recipe: &CorebootRecipe, rom: &Path, files: &[CbfsFile]) -> Result<(), BuildError> {
    let CorebootRecipe { kernel, initramfs, cmdline, cbfstool, .. } = recipe;
    if files.iter().any(|file| file.name == PAYLOAD) {
        run(cbfstool, rom, &["remove".as_ref(), "-n".as_ref(), PAYLOAD.as_ref()])?;
    }
    let mut words: Vec<&Path> = vec!["add-payload".as_ref(), "-n".as_ref(), PAYLOAD.as_ref()];
    words.extend(["-f".as_ref(), kernel.as_path(), "-I".as_ref(), initramfs]);
    words.extend(["-C", cmdline, "-c", "none"].map(Path::new));
    run(cbfstool, rom, &words).map(drop)
}

fn run(cbfstool: &Path, rom: &Path, words: &[&Path]) -> Result<String, BuildError> {
    let failed = |reason: String| BuildError::Program { program: cbfstool.display().to_string(), reason };
    let done = Command::new(cbfstool).arg(rom).args(words).output();
    let done = done.map_err(|error| failed(format!("{error}; the package coreboot-utils has it")))?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    match done.status.success() {
        true => Ok(printed),
        false => Err(failed(format!("{printed}{}", String::from_utf8_lossy(&done.stderr)).trim().to_owned())),
    }
}

/// The files of a ROM, from what `cbfstool print` says: name, offset, type, size, compression.
fn parse(listing: &str) -> Vec<CbfsFile> {
    let file = |line: &str| {
        let (name, rest) = line.split_once(" 0x")?;
        let mut words = rest.split_whitespace();
        let offset = u64::from_str_radix(words.next()?, 16).ok()?;
        let size = words.find_map(|word| word.parse().ok())?;
        Some(CbfsFile { name: name.trim().to_owned(), offset, size })
    };
    listing.lines().filter_map(file).collect()
}

/// The longest piece of a ROM that is empty or the payload's.
fn room(files: &[CbfsFile]) -> u64 {
    let is_free = |file: &CbfsFile| file.name == PAYLOAD || file.name == "(empty)";
    let runs = files.chunk_by(|one, other| is_free(one) && is_free(other));
    let length = |run: &[CbfsFile]| match run {
        [first, ..] if is_free(first) => {
            let last = run.last().unwrap_or(first);
            last.offset.saturating_add(last.size).saturating_sub(first.offset)
        }
        _ => 0,
    };
    runs.map(length).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a ROM for QEMU's q35 that coreboot 4.15 built, shortened.
    const LISTING: &str = "\
FMAP REGION: COREBOOT
Name                           Offset     Type           Size   Comp
cbfs master header             0x0        cbfs header        32 none
fallback/romstage              0x80       stage           23040 none
fallback/ramstage              0x5b00     stage           56712 LZMA (126012 decompressed)
config                         0x13900    raw               313 none
fallback/payload               0x21bc0    simple elf    3592192 none
(empty)                        0x38ed40   null         12936792 none
bootblock                      0xfe5600   bootblock       41984 none
";

    #[test]
    fn a_payload_may_have_its_own_place_and_what_is_empty_beside_it() {
        let files = parse(LISTING);
        assert_eq!(files.len(), 7);
        assert_eq!(files[2], CbfsFile { name: "fallback/ramstage".into(), offset: 0x5b00, size: 56712 });
        assert_eq!(room(&files), 0x38ed40 + 12_936_792 - 0x21bc0);
        let empty = LISTING.replace("fallback/payload  ", "(empty)           ");
        assert_eq!(room(&parse(&empty)), 0x38ed40 + 12_936_792 - 0x21bc0);
        assert_eq!(room(&parse("E: Selected image region is not a valid CBFS.")), 0);
    }
}
