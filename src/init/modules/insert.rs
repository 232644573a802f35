//! One module file into the kernel: as it is, decompressed by the kernel where it can, or else here.

use std::{
    ffi::CString,
    fs::{self, File},
    io::{self, Read, Seek},
    path::Path,
};

use rustix::{
    io::Errno,
    system::{finit_module, init_module},
};

use crate::{
    formats::compression::{Compression, MAGIC_LENGTH},
    image::decompress::decompress,
};

/// The kernel decompresses the file (include/uapi/linux/module.h).
const MODULE_INIT_COMPRESSED_FILE: i32 = 4;

/// The file with the compression that this kernel accepts; without one there is no such file (kernel/module/decompress.c).
const TAKEN: &str = "/sys/module/compression";

/// Maximum size of a decompressed module, in bytes: the largest drivers are some tens of MiB.
const LIMIT: u64 = 256 << 20;

/// Gives the module to the kernel. One that is loaded already is fine.
///
/// # Errors
///
/// The error of the kernel or of the decoder.
pub(super) fn insert(path: &Path, parameters: &str) -> io::Result<()> {
    let parameters = CString::new(parameters)?;
    let mut file = File::open(path)?;
    let mut first = Vec::with_capacity(MAGIC_LENGTH);
    Read::by_ref(&mut file).take(MAGIC_LENGTH as u64).read_to_end(&mut first)?;
    file.rewind()?;
    let result = match Compression::recognise(&first) {
        None => finit_module(&file, &parameters, 0),
        Some(compression) if kernel_takes(compression) => {
            finit_module(&file, &parameters, MODULE_INIT_COMPRESSED_FILE)
        }
        Some(compression) => {
            let mut module = Vec::new();
            decompress(compression, file, &mut module, LIMIT).map_err(io::Error::other)?;
            init_module(&module, &parameters)
        }
    };
    match result {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn kernel_takes(compression: Compression) -> bool {
    fs::read_to_string(TAKEN).is_ok_and(|name| name.trim() == compression.name())
}
