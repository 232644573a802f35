//! A Debian package (deb(5)): the tree with its control files, put together by dpkg-deb(1).

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::tree::{self, Programs};

/// Scripts that dpkg runs; they honour DPKG_ROOT.
const SCRIPTS: &[(&str, &str)] = &[
    ("preinst", include_str!("../files/preinst")),
    ("postinst", include_str!("../files/postinst")),
    ("prerm", include_str!("../files/prerm")),
    ("postrm", include_str!("../files/postrm")),
];

/// Builds the package `output` of these programs.
///
/// # Errors
/// A file cannot be written, or dpkg-deb failed; it has said why.
pub fn build(programs: &Programs, output: &Path) -> io::Result<()> {
    let directory = tempfile::TempDir::new()?;
    let root = directory.path().join("firstlight");
    let files = tree::stage(&root, programs)?;
    for page in files.iter().filter(|file| file.starts_with("usr/share/man/")) {
        run(Command::new("gzip").args(["-9n"]).arg(root.join(page)))?;
    }
    let size: u64 =
        files.iter().filter_map(|file| fs::metadata(root.join(file)).ok()).map(|file| file.len()).sum();
    let control = root.join("DEBIAN");
    fs::create_dir(&control)?;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    fs::write(
        control.join("control"),
        format!(
            "Package: firstlight\nVersion: {}\nArchitecture: {architecture}\nMaintainer: The firstlight developers \
             <firstlight@localhost>\nInstalled-Size: {}\nSection: admin\nPriority: optional\nProvides: kexec-tools\n\
             Suggests: sbsigntool\nDescription: fast reboot into any installed system, and kexec\n Finds what is installed on this machine as its \
             own boot loader would, and restarts\n into it without the firmware: firstlight boot, kexec, systemctl kexec.\n",
            env!("CARGO_PKG_VERSION"),
            size.div_ceil(1024)
        ),
    )?;
    let configuration: String = tree::CONFIGURATION.iter().map(|file| format!("/{file}\n")).collect();
    fs::write(control.join("conffiles"), configuration)?;
    for (name, text) in SCRIPTS {
        let path = control.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    // Whoever reads the package meanwhile has the old one, whole.
    let new = output.with_extension("new");
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&new))?;
    fs::rename(new, output)
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(std::process::Stdio::null()).status()?;
    let program = command.get_program().to_string_lossy().into_owned();
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
}
