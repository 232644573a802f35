//! How large the binary is, and the initramfs around it.

use std::{fs, path::PathBuf};

use initramfs::{Compression, Recipe, binary};

use super::Report;
use crate::error::Context;
use crate::{Result, payload};

const KIB: f64 = 1024.0;

/// Each compression with the budget of the initramfs.
const COMPRESSIONS: [(Compression, Option<f64>); 3] =
    [(Compression::Xz, Some(420.0 * KIB)), (Compression::Zstd, None), (Compression::None, None)];

/// The feature of Cargo.toml with all finders that an image goes without unless it is asked for.
const OTHER_LOADERS: &str = "other-loaders";

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let (_, size) = build(&[OTHER_LOADERS.to_owned()])?;
    report.add("binary-other-loaders", size, "bytes", None);
    let (path, size) = build(&[])?;
    report.add("binary", size, "bytes", Some(1024.0 * KIB));
    for (compression, budget) in COMPRESSIONS {
        let recipe = Recipe { binary: path.clone(), compression, ..Recipe::default() };
        let image = initramfs::build(&recipe).map_err(payload::builder)?;
        report.add(&format!("initramfs-{}", compression.name()), image.bytes.len() as f64, "bytes", budget);
    }
    Ok(())
}

/// Builds the binary of an image with more than the least; gives where it lies and its bytes.
fn build(features: &[String]) -> Result<(PathBuf, f64)> {
    let path = binary::build("firstlight", binary::TARGET, features).map_err(payload::builder)?;
    let size = fs::metadata(&path).context(|| format!("reading {}", path.display()))?.len();
    Ok((path, size as f64))
}
