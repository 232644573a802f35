//! How large the binary is, and the initramfs around it.

use std::fs;

use initramfs::{Compression, Recipe, binary};

use super::Report;
use crate::error::Context;
use crate::{Result, payload};

const KIB: f64 = 1024.0;

/// Each compression with the budget of the initramfs.
const COMPRESSIONS: [(Compression, Option<f64>); 3] =
    [(Compression::Xz, Some(420.0 * KIB)), (Compression::Zstd, None), (Compression::None, None)];

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let path = binary::build("firstlight", binary::TARGET, &[]).map_err(payload::builder)?;
    let size = fs::metadata(&path).context(|| format!("reading {}", path.display()))?.len();
    report.add("binary", size as f64, "bytes", Some(1024.0 * KIB));
    for (compression, budget) in COMPRESSIONS {
        let recipe = Recipe { binary: path.clone(), compression, ..Recipe::default() };
        let image = initramfs::build(&recipe).map_err(payload::builder)?;
        report.add(&format!("initramfs-{}", compression.name()), image.bytes.len() as f64, "bytes", budget);
    }
    Ok(())
}
