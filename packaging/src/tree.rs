//! The files of an installed system, and where they go (Filesystem Hierarchy Standard 3.0; file-hierarchy(7)).

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
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
pub const CONFIGURATION: &[&str] = &["etc/default/firstlight", "etc/init.d/firstlight-kexec"];

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

/// Lays everything out below `root`, with `binary` as the program, and says what was laid out. What the administrator may
/// have changed stays as it is.
///
/// # Errors
/// The kernel's reason.
pub fn stage(root: &Path, binary: &Path) -> io::Result<Vec<&'static str>> {
    let mut staged = vec!["usr/sbin/firstlight"];
    let place = |path: &str| -> io::Result<_> {
        let path = root.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(path)
    };
    let program = place("usr/sbin/firstlight")?;
    // A program that runs cannot be written to, but replaced.
    let new = program.with_extension("new");
    fs::copy(binary, &new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, &program)?;
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
