//! How each family of live systems finds the image that it was booted from, when that is a file: one row each.

use crate::{
    discover::finder::{Findings, Note, NoteAction},
    entry::{Entry, Kind, Volume},
    formats::cmdline,
};

/// A family of live systems.
struct System {
    name: &'static str,
    /// Beginnings by which it is recognised: of the kernel's path in the image (`/…`), or of a word of the command line.
    evidence: &'static [&'static str],
    /// Names of words by which it finds its image; where one has a value, nothing is added.
    known: &'static [&'static str],
    /// The words to add: `@` is the image's path, `%` the volume's device.
    added: &'static str,
    /// Names of words that would make it wait for a medium.
    dropped: &'static [&'static str],
}

/// The first row that fits counts.
const SYSTEMS: [System; 10] = [
    // Ubuntu, Mint, Pop!_OS, elementary.
    System {
        name: "casper",
        evidence: &["boot=casper", "/casper"],
        known: &["iso-scan/filename"],
        added: "iso-scan/filename=@",
        dropped: &[],
    },
    // Debian, Kali, Tails, Grml, Clonezilla, GParted.
    System {
        name: "live-boot",
        evidence: &["boot=live"],
        known: &["findiso", "fromiso"],
        added: "findiso=@",
        dropped: &[],
    },
    // Arch, EndeavourOS, SystemRescue, Manjaro.
    System {
        name: "archiso",
        evidence: &["archisobasedir=", "misobasedir=", "/arch/boot/"],
        known: &["img_loop"],
        added: "img_dev=% img_loop=@",
        dropped: &["archisosearchuuid"],
    },
    // Fedora, CentOS, AlmaLinux, openSUSE, Void, and the installers of the first three.
    System {
        name: "dracut",
        evidence: &["root=live:", "rd.live.image", "inst.stage2=hd:LABEL="],
        known: &["iso-scan/filename"],
        added: "iso-scan/filename=@",
        dropped: &[],
    },
    System {
        name: "NixOS",
        evidence: &["init=/nix/store/"],
        known: &["findiso"],
        added: "findiso=@",
        dropped: &[],
    },
    // openSUSE until 2014.
    System {
        name: "KIWI",
        evidence: &["ramdisk_blocksize="],
        known: &["isofrom_system", "isofrom"],
        added: "isofrom_device=% isofrom_system=@",
        dropped: &[],
    },
    // The installers of openSUSE and SLE.
    System {
        name: "linuxrc",
        evidence: &["/boot/x86_64/loader/", "/boot/aarch64/"],
        known: &["install"],
        added: "install=hd:@",
        dropped: &[],
    },
    // Gentoo's minimal image.
    System {
        name: "genkernel",
        evidence: &["cdroot"],
        known: &["isoboot"],
        added: "isoboot=@",
        dropped: &[],
    },
    // antiX and MX.
    System { name: "antiX", evidence: &["/antiX/"], known: &["fromiso"], added: "fromiso=@", dropped: &[] },
    // Slax and Porteus.
    System {
        name: "Slax",
        evidence: &["/slax/boot/", "/boot/syslinux/vmlinuz"],
        known: &["from"],
        added: "from=@",
        dropped: &[],
    },
];

/// Adds what the systems of an image need to find it at `path` on `volume`, where their configuration does not do it.
pub(super) fn find_again(found: &mut Findings, volume: &Volume, path: &str) {
    let uuid = volume.filesystem.uuid.as_ref().map(|uuid| format!("disk/by-uuid/{uuid}"));
    let device = format!("/dev/{}", uuid.unwrap_or_else(|| volume.device.name.clone()));
    let mut noted: Vec<&str> = Vec::new();
    for entry in found.entries.iter_mut().filter(|entry| entry.kind == Kind::Linux) {
        let system = SYSTEMS.iter().find(|system| system.evidence.iter().any(|it| shows(entry, it)));
        let is_known = |system: &System| {
            let mut words = cmdline::words(&entry.cmdline);
            words.any(|word| system.known.contains(&word.name) && word.value.is_some_and(|it| !it.is_empty()))
        };
        let Some(system) = system.filter(|system| !is_known(system)) else { continue };
        let words = system.added.replace('@', path).replace('%', &device);
        let gone: Vec<&str> = system.known.iter().chain(system.dropped).copied().collect();
        entry.cmdline = add(&cmdline::without(&entry.cmdline, &gone), &words);
        if !noted.contains(&system.name) {
            noted.push(system.name);
            found.notes.push(Note {
                action: NoteAction::Guessed,
                volume: volume.reference(),
                path: path.to_owned(),
                message: format!(
                    "a live system of the family {}: it finds its image by {words}",
                    system.name
                ),
            });
        }
    }
}

fn shows(entry: &Entry, evidence: &str) -> bool {
    let kernel = entry.kernel.as_ref().and_then(|kernel| kernel.inside.as_ref());
    match evidence.starts_with('/') {
        true => kernel.is_some_and(|path| path.starts_with(evidence)),
        false => cmdline::words(&entry.cmdline).any(|word| word.text.starts_with(evidence)),
    }
}

/// Puts words at the end, or before what is for the installed system alone (`---`).
fn add(cmdline: &str, words: &str) -> String {
    let mut before: Vec<&str> = cmdline::words(cmdline).map(|word| word.text).collect();
    let end = before.iter().position(|word| matches!(*word, "---" | "--")).unwrap_or(before.len());
    before.insert(end, words);
    before.join(" ")
}
