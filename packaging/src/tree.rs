//! The files of an installed system, and where they go (Filesystem Hierarchy Standard 3.0; file-hierarchy(7)).

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use crate::{completions, man};

/// The content of a file.
enum Content {
    Text(String),
    /// The same, to be run.
    Program(&'static str),
    /// A symbolic link.
    Link(&'static str),
}

/// Files that the administrator may change.
pub const CONFIGURATION: &[&str] = &[
    "etc/default/firstlight",
    "etc/init.d/firstlight-kexec",
    "etc/kernel/postinst.d/zz-firstlight",
    "etc/kernel/postrm.d/zz-firstlight",
];

/// The programs, where they were built.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `firstlight`, static.
    pub firstlight: PathBuf,
    /// What `firstlight install` runs.
    pub install: PathBuf,
    /// The program for images, which that one puts into them.
    pub init: PathBuf,
    /// The EFI program that begins an image.
    pub stub: PathBuf,
}

fn files() -> Vec<(&'static str, Content)> {
    let text = |text: &str| Content::Text(text.to_owned());
    vec![
        ("usr/sbin/kexec", Content::Link("firstlight")),
        ("usr/lib/firstlight/load-kernel", Content::Program(include_str!("../files/load-kernel"))),
        (
            "usr/lib/systemd/system/firstlight-load.service",
            text(include_str!("../files/firstlight-load.service")),
        ),
        (
            "usr/lib/systemd/system/multi-user.target.wants/firstlight-load.service",
            Content::Link("../firstlight-load.service"),
        ),
        (
            "usr/lib/systemd/system/firstlight-confirm.service",
            text(include_str!("../files/firstlight-confirm.service")),
        ),
        (
            "usr/lib/systemd/system/multi-user.target.wants/firstlight-confirm.service",
            Content::Link("../firstlight-confirm.service"),
        ),
        (
            "usr/lib/kernel/install.d/95-firstlight.install",
            Content::Program(include_str!("../files/95-firstlight.install")),
        ),
        ("etc/kernel/postinst.d/zz-firstlight", Content::Program(include_str!("../files/kernel-hook"))),
        ("etc/kernel/postrm.d/zz-firstlight", Content::Program(include_str!("../files/kernel-hook"))),
        (
            "usr/lib/systemd/system-shutdown/firstlight",
            Content::Program(include_str!("../files/system-shutdown")),
        ),
        ("etc/init.d/firstlight-kexec", Content::Program(include_str!("../files/firstlight-kexec.init"))),
        ("etc/default/firstlight", text(include_str!("../files/default"))),
        ("usr/share/man/man1/firstlight.1", Content::Text(man::firstlight())),
        ("usr/share/man/man8/kexec.8", Content::Text(man::kexec())),
        ("usr/share/bash-completion/completions/firstlight", Content::Text(completions::bash())),
        ("usr/share/bash-completion/completions/kexec", Content::Link("firstlight")),
        ("usr/share/zsh/vendor-completions/_firstlight", Content::Text(completions::zsh())),
        ("usr/share/fish/vendor_completions.d/firstlight.fish", Content::Text(completions::fish())),
    ]
}

/// Lays everything out below `root`, and says what was laid out. What the administrator may
/// have changed stays as it is.
///
/// # Errors
/// The kernel's reason.
pub fn stage(root: &Path, programs: &Programs) -> io::Result<Vec<&'static str>> {
    let place = |path: &str| -> io::Result<_> {
        let path = root.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(path)
    };
    let binaries = [
        ("usr/sbin/firstlight", &programs.firstlight, 0o755),
        ("usr/lib/firstlight/install", &programs.install, 0o755),
        ("usr/lib/firstlight/init", &programs.init, 0o755),
        ("usr/lib/firstlight/stub.efi", &programs.stub, 0o644),
    ];
    let mut staged = Vec::new();
    for (name, binary, mode) in binaries {
        let program = place(name)?;
        // A program that runs cannot be written to, but replaced.
        let new = program.with_extension("new");
        fs::copy(binary, &new)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
        fs::rename(&new, &program)?;
        staged.push(name);
    }
    for (name, content) in files() {
        let path = place(name)?;
        staged.push(name);
        if CONFIGURATION.contains(&name) && path.exists() {
            continue;
        }
        let _ = fs::remove_file(&path);
        match content {
            Content::Text(text) => write(&path, &text, 0o644)?,
            Content::Program(text) => write(&path, text, 0o755)?,
            Content::Link(target) => symlink(target, &path)?,
        }
    }
    Ok(staged)
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
