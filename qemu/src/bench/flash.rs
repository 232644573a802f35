//! How much of a flash firstlight takes: the kernel below it and its initramfs, by profile and compression.

use std::fs;

use initramfs::kernel::{Architecture, KernelConfig, KernelProfile};
use initramfs::{Compression, Recipe, binary};

use super::Report;
use crate::error::Context;
use crate::kernel::{self, KernelSource, WantedKernel};
use crate::{Result, payload};

const MIB: f64 = 1024.0 * 1024.0;

/// An architecture, a profile, its compression, and what kernel and initramfs may have together, in bytes. The smallest initramfs
/// goes with the profile for small flash.
const CELLS: [(Architecture, KernelProfile, Compression, f64); 4] = [
    (Architecture::X86_64, KernelProfile::Full, Compression::Zstd, 5.0 * MIB),
    (Architecture::X86_64, KernelProfile::Full, Compression::Xz, 4.4 * MIB),
    (Architecture::X86_64, KernelProfile::Slim, Compression::Xz, 3.2 * MIB),
    (Architecture::Aarch64, KernelProfile::Full, Compression::Zstd, 5.0 * MIB),
];

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let wanted = CELLS.map(|(architecture, profile, compression, _)| {
        let config = KernelConfig { architecture, profile, compression, ..KernelConfig::default() };
        WantedKernel { config, trusted: None }
    });
    let kernels = kernel::build(&KernelSource::Debian, &wanted)?;
    for ((architecture, profile, compression, budget), kernel) in CELLS.into_iter().zip(kernels) {
        let small = profile == KernelProfile::Slim;
        let target = architecture.target().to_owned();
        let options = binary::Options { target, small, ..binary::Options::default() };
        let binary = binary::build(&options).map_err(payload::builder)?.program;
        let recipe = Recipe { binary, compression, ..Recipe::default() };
        let initramfs = initramfs::build(&recipe).map_err(payload::builder)?.bytes.len();
        let image = kernel.image();
        let kernel_size = fs::metadata(&image).context(|| format!("reading {}", image.display()))?.len();
        let name = match architecture {
            Architecture::X86_64 => format!("{profile}-{}", compression.name()),
            Architecture::Aarch64 => format!("{architecture}-{profile}-{}", compression.name()),
        };
        report.add(&format!("{name}-kernel"), kernel_size as f64, "bytes", None);
        report.add(&format!("{name}-flash"), kernel_size as f64 + initramfs as f64, "bytes", Some(budget));
        for group in kernel.sizes()?.groups {
            report.add(
                &format!("{name}-{}", group.name.replace(": ", "-")),
                group.bytes as f64,
                "bytes",
                None,
            );
        }
    }
    Ok(())
}
