//! How large the binary of an image is, and the initramfs around it: as it is by default, and with `--small`.

use std::fs;

use initramfs::{Compression, Recipe, binary};

use super::Report;
use crate::error::Context;
use crate::{Result, payload};

const KIB: f64 = 1024.0;

/// Each way to build the binary, with its budget and that of the initramfs in xz.
const WAYS: [(&str, bool, f64, f64); 2] =
    [("", false, 2048.0 * KIB, 750.0 * KIB), ("small-", true, 1536.0 * KIB, 600.0 * KIB)];

pub(super) fn measure(report: &mut Report) -> Result<()> {
    for (prefix, small, binary_budget, xz_budget) in WAYS {
        let options = binary::Options { small, ..binary::Options::default() };
        let path = binary::build(&options).map_err(payload::builder)?.program;
        let size = fs::metadata(&path).context(|| format!("reading {}", path.display()))?.len();
        report.add(&format!("{prefix}binary"), size as f64, "bytes", Some(binary_budget));
        for (compression, budget) in
            [(Compression::Xz, Some(xz_budget)), (Compression::Zstd, None), (Compression::None, None)]
        {
            let recipe = Recipe { binary: path.clone(), compression, ..Recipe::default() };
            let image = initramfs::build(&recipe).map_err(payload::builder)?;
            let name = format!("{prefix}initramfs-{}", compression.name());
            report.add(&name, image.bytes.len() as f64, "bytes", budget);
        }
    }
    Ok(())
}
