//! The commands about volumes: what lies on the machine's devices, and where it is mounted. Nothing is written to a volume that was not
//! mounted with `-w`, and what was is held read-only again afterwards.

use std::{
    fs, io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::CWD,
    io::Errno,
    mount::{MountAttrFlags, MoveMountFlags, UnmountFlags, move_mount, unmount},
};

use super::{
    files::path,
    output::{Failure, Output, about},
    table::Command,
};
use crate::{
    entry::{Device, FilesystemKind, LogState, Volume},
    formats::text::{decode, decode_owned, printable},
    init::mounts,
    storage::{
        OpenVolume,
        mount::Care,
        probe::{ProbeOutcome, ProbeRequest, Prober},
        rejection::Rejection,
        watch,
    },
    sys::{block_device::set_read_only, files::open_at_once, mount_setattr::mount_setattr},
};

/// The directory below which volumes are mounted where nobody says where.
const PLACE: &str = "/mnt";

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attached {
    point: String,
    kind: String,
    source: String,
    is_writable: bool,
}

/// All mounts but the kernel's own, in the order in which they were mounted.
fn attached() -> Vec<Attached> {
    let table = decode_owned(fs::read("/proc/self/mountinfo").unwrap_or_default());
    let mut all: Vec<Attached> = table.lines().filter_map(parse).collect();
    all.retain(|mount| !mounts::is_of_the_kernel(&mount.point) && mount.kind != "devpts");
    all
}

fn parse(line: &str) -> Option<Attached> {
    let mut fields = line.split(' ').skip(4);
    let (point, options) = (fields.next()?, fields.next()?);
    let mut rest = fields.skip_while(|field| *field != "-").skip(1);
    let (kind, source, of_driver) = (rest.next()?, rest.next()?, rest.next()?);
    let is_writable = |options: &str| options.split(',').any(|word| word == "rw");
    Some(Attached {
        point: mounts::unescape(point.as_bytes()),
        kind: kind.to_owned(),
        source: mounts::unescape(source.as_bytes()),
        is_writable: is_writable(options) && is_writable(of_driver),
    })
}

/// Options of `mount`.
#[derive(Debug)]
struct Wanted<'a> {
    writable: bool,
    /// Attributes that the mount loses, and those that it gains.
    clear: MountAttrFlags,
    set: MountAttrFlags,
    /// For the driver.
    options: Vec<(String, String)>,
    operands: Vec<&'a str>,
}

fn read(words: &[String]) -> Result<Wanted<'_>, Failure> {
    let mut wanted = Wanted {
        writable: false,
        clear: MountAttrFlags::MOUNT_ATTR_NOEXEC,
        set: MountAttrFlags::empty(),
        options: Vec::new(),
        operands: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-w" => wanted.writable = true,
            "-o" => {
                let options = words.next().ok_or_else(|| Command::usage("mount"))?;
                for option in options.split(',') {
                    match option {
                        "rw" => wanted.writable = true,
                        "ro" => wanted.writable = false,
                        "suid" => wanted.clear |= MountAttrFlags::MOUNT_ATTR_NOSUID,
                        "dev" => wanted.clear |= MountAttrFlags::MOUNT_ATTR_NODEV,
                        "noexec" => wanted.set |= MountAttrFlags::MOUNT_ATTR_NOEXEC,
                        _ => {
                            let (name, value) = option.split_once('=').unwrap_or((option, ""));
                            wanted.options.push((name.to_owned(), value.to_owned()));
                        }
                    }
                }
            }
            _ if word.starts_with('-') => return Err(Command::usage("mount")),
            _ => wanted.operands.push(word),
        }
    }
    wanted.clear = wanted.clear.difference(wanted.set);
    Ok(wanted)
}

pub(super) fn mount(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let wanted = read(words)?;
    let (device, place) = match wanted.operands[..] {
        [] => return attached().iter().try_for_each(|mount| output.line(&describe(mount))),
        [device] => (device, None),
        [device, place] => (device, Some(path(place))),
        _ => return Err(Command::usage("mount")),
    };
    let prober = Prober::at_machine(Care::Alone);
    let name = find(&prober, device)?;
    let place = place.unwrap_or_else(|| Path::new(PLACE).join(name.replace('!', "-")));
    let failed = |error: io::Error| about(&decode(place.as_os_str().as_encoded_bytes()), &error);
    fs::create_dir_all(&place).map_err(failed)?;
    let Wanted { writable, options, .. } = wanted;
    let request = ProbeRequest { name: name.clone(), writable, options, ..ProbeRequest::default() };
    let open = match prober.probe(&request).outcome {
        ProbeOutcome::Opened(open) => open,
        ProbeOutcome::Rejected { rejection, .. } => {
            return Err(Failure::Said(format!("{name}: {rejection}")));
        }
        ProbeOutcome::Joined { children, .. } => {
            return Err(Failure::Said(format!("{name}: it is read as {}; mount that", children.join(", "))));
        }
        ProbeOutcome::Gone => return Err(Failure::Said(format!("{name}: it is not there any more"))),
    };
    if open.volume.filesystem.kind == FilesystemKind::Bare {
        return Err(Failure::Said(format!(
            "{name}: a kernel without a file system: /dev/{name} is its file"
        )));
    }
    let handle = open.root.handle();
    mount_setattr(handle, wanted.set, wanted.clear, false).map_err(|error| failed(error.into()))?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(handle, "", CWD, &place, flags).map_err(|error| failed(error.into()))?;
    let mount = attached().into_iter().rev().find(|mount| Path::new(&mount.point) == place);
    mount.iter().try_for_each(|mount| output.line(&describe(mount)))?;
    remarks(&open.volume).iter().try_for_each(|remark| output.line(remark))
}

fn describe(mount: &Attached) -> String {
    let access = if mount.is_writable { "WRITABLE" } else { "read-only" };
    format!("{} on {} ({}, {access})", mount.source, mount.point, mount.kind)
}

fn remarks(volume: &Volume) -> Vec<String> {
    let mut all = volume.remarks.clone();
    if volume.log == LogState::Replayed {
        all.push("its log was replayed in memory; the disk is as it was".to_owned());
    }
    all
}

/// The kernel name of the device that a word names: its name, its node, or `UUID=…` or `LABEL=…`.
pub(super) fn find(prober: &Prober, word: &str) -> Result<String, Failure> {
    let by_content = match word.split_once('=') {
        Some(("UUID", uuid)) => Some((Some(uuid), None)),
        Some(("LABEL", label)) => Some((None, Some(label))),
        _ => None,
    };
    let Some((uuid, label)) = by_content else {
        let name = word.strip_prefix("/dev/").unwrap_or(word).replace('/', "!");
        return match prober.sysfs.device(&name) {
            Some(_) => Ok(name),
            None => Err(Failure::Said(format!("{}: no such device; `devices` lists them", printable(word)))),
        };
    };
    let is_it = |name: &String| {
        prober.identify(name).is_some_and(|found| {
            uuid.is_none_or(|uuid| found.uuid.is_some_and(|found| found.eq_ignore_ascii_case(uuid)))
                && label.is_none_or(|label| found.label.is_some_and(|found| found == label))
        })
    };
    let found = prober.sysfs.names().into_iter().find(is_it);
    found.ok_or_else(|| Failure::Said(format!("{}: no device has it; `devices` lists them", printable(word))))
}

pub(super) fn umount(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let [word] = words else { return Err(Command::usage("umount")) };
    let wanted = fs::canonicalize(path(word)).unwrap_or_else(|_| PathBuf::from(word));
    let node = format!("/dev/{word}");
    let is_it =
        |mount: &Attached| Path::new(&mount.point) == wanted || mount.source == *word || mount.source == node;
    let found = attached().into_iter().rev().find(is_it);
    let Some(mount) = found else {
        return Err(Failure::Said(format!("{}: not mounted; `mount` lists what is", printable(word))));
    };
    detach(&mount)?;
    output.line(&format!("{} is unmounted from {}", mount.source, mount.point))
}

/// Unmounts it, and has the kernel hold its device read-only again.
fn detach(mount: &Attached) -> Result<(), Failure> {
    match unmount(path(&mount.point).as_path(), UnmountFlags::NOFOLLOW) {
        Ok(()) => {}
        Err(Errno::BUSY) => {
            let message = "in use: by a program that runs, by what is mounted below it, or by a shell that is in there (`cd` leaves it)";
            return Err(Failure::Said(format!("{}: {message}", printable(&mount.point))));
        }
        Err(error) => return Err(about(&mount.point, &error.into())),
    }
    let is_mounted = attached().iter().any(|other| other.source == mount.source && other.is_writable);
    if mount.source.starts_with("/dev/") && mount.is_writable && !is_mounted {
        let held = open_at_once(Path::new(&mount.source)).map(|device| set_read_only(device.as_fd()));
        if !matches!(held, Ok(Ok(()))) {
            log::info!("{}: the kernel does not hold it read-only", mount.source);
        }
    }
    Ok(())
}

/// Unmounts all that was mounted, before the boot loader starts again; gives a sentence for each that stays.
pub(super) fn detach_all() -> Vec<String> {
    let mounts = attached();
    let failures = mounts.iter().rev().filter_map(|mount| match detach(mount).err()? {
        Failure::Said(sentence) => Some(sentence),
        Failure::Stopped => None,
    });
    failures.collect()
}

/// All devices as the boot loader sees them: volumes, and what nothing can be read from, with the reason why.
pub(super) fn survey() -> (Vec<Arc<OpenVolume>>, Vec<(Device, Rejection)>) {
    let (volumes, rejected) = watch::survey(Care::Alone);
    (volumes.into_iter().map(Arc::new).collect(), rejected)
}

pub(super) fn devices(_: &[String], output: &mut Output) -> Result<(), Failure> {
    let (volumes, rejected) = survey();
    let mounts = attached();
    let prober = Prober::at_machine(Care::Alone);
    let mut is_empty = true;
    for name in prober.sysfs.names() {
        let Some(device) = prober.sysfs.device(&name) else { continue };
        let volume = volumes.iter().map(|open| &open.volume).find(|volume| volume.device.name == name);
        let reason = rejected.iter().find(|(device, _)| device.name == name).map(|(_, rejection)| rejection);
        if volume.is_none() && reason.is_none() {
            // A part of the running kernel.
            continue;
        }
        is_empty = false;
        output.line(&row(&device, volume, reason))?;
        let node = format!("/dev/{}", name.replace('!', "/"));
        for mount in mounts.iter().filter(|mount| mount.source == node) {
            output.line(&format!("      {}", describe(mount)))?;
        }
        for remark in volume.map(remarks).unwrap_or_default() {
            output.line(&format!("      {remark}"))?;
        }
    }
    if is_empty {
        return Err("the kernel knows no block device: is its driver in this image?".into());
    }
    Ok(())
}

/// A device with its size and what is on it; partitions stand below their disk.
fn row(device: &Device, volume: Option<&Volume>, rejection: Option<&Rejection>) -> String {
    let indent = if device.partition.is_some() { "  " } else { "" };
    let name = format!("{indent}{}", device.name);
    let what = match (volume, rejection) {
        (Some(volume), _) => {
            let found = &volume.filesystem;
            let label = found.label.iter().map(|label| format!(" \"{label}\""));
            let uuid = found.uuid.iter().map(|uuid| format!(" UUID={uuid}"));
            found.kind.to_string() + &label.chain(uuid).collect::<String>()
        }
        (None, Some(rejection)) => rejection.to_string(),
        (None, None) => String::new(),
    };
    let model = match (&device.model, &device.partition) {
        (Some(model), None) => format!("  [{model}]"),
        _ => String::new(),
    };
    format!("{name:<14}{:>12}  {what}{model}", size(device.size))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x0100_0000 => format!("{} KiB", bytes >> 10),
        0x0100_0000..0x4_0000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::{Filesystem, FilesystemKind, Partition, PartitionTable},
        storage::rejection::Encryption,
    };

    #[test]
    fn mounts_are_writable_only_if_the_kernel_says_so_twice() {
        for (line, expected) in [
            ("36 22 8:2 / /mnt/sda2 rw,nosuid,nodev - ext4 /dev/sda2 rw,seclabel", Some(true)),
            ("36 22 8:2 / /mnt/sda2 ro,nosuid shared:1 - ext4 /dev/sda2 rw", Some(false)),
            ("36 22 8:2 / /mnt/sda2 rw - vfat /dev/sda2 ro", Some(false)),
            ("36 22 8:2 / /mnt", None),
        ] {
            assert_eq!(parse(line).map(|mount| mount.is_writable), expected, "{line}");
        }
        let mount = parse("36 22 8:2 / /mnt/a\\040b rw,nosuid - ext4 /dev/sda2 rw").unwrap();
        assert_eq!(describe(&mount), "/dev/sda2 on /mnt/a b (ext4, WRITABLE)");
    }

    #[test]
    fn a_mount_runs_no_device_and_no_set_user_id_unless_somebody_says_so() {
        use MountAttrFlags as Flags;
        let all = |flags: &[MountAttrFlags]| flags.iter().fold(Flags::empty(), |all, flag| all | *flag);
        for (line, writable, clear, set, options) in [
            ("sda2", false, all(&[Flags::MOUNT_ATTR_NOEXEC]), Flags::empty(), &[][..]),
            ("-w sda2", true, all(&[Flags::MOUNT_ATTR_NOEXEC]), Flags::empty(), &[]),
            ("-o rw,noexec sda2", true, Flags::empty(), Flags::MOUNT_ATTR_NOEXEC, &[]),
            (
                "-o suid,dev,subvol=@,degraded sda2",
                false,
                all(&[Flags::MOUNT_ATTR_NOEXEC, Flags::MOUNT_ATTR_NOSUID, Flags::MOUNT_ATTR_NODEV]),
                Flags::empty(),
                &[("subvol", "@"), ("degraded", "")],
            ),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let wanted = read(&words).unwrap();
            let options: Vec<_> = options
                .iter()
                .map(|(one, two): &(&str, &str)| ((*one).to_owned(), (*two).to_owned()))
                .collect();
            assert_eq!(
                (wanted.writable, wanted.clear, wanted.set, wanted.options, wanted.operands),
                (writable, clear, set, options, vec!["sda2"]),
                "{line}"
            );
        }
        assert!(read(&["-o".to_owned()]).is_err() && read(&["-x".to_owned()]).is_err());
    }

    #[test]
    fn the_tree_says_what_lies_where_and_why_not() {
        let disk = Device { size: 500 << 30, model: Some("QEMU HARDDISK".into()), ..Device::new("sda") };
        let partition = Partition {
            number: 2,
            table: PartitionTable::Gpt,
            uuid: None,
            label: None,
            type_id: None,
            attributes: 0,
        };
        let device = Device { size: 512 << 20, partition: Some(partition), ..Device::new("sda2") };
        let filesystem =
            Filesystem { kind: FilesystemKind::Ext4, uuid: Some("9f0a".into()), label: Some("root".into()) };
        let volume = Volume::new(device.clone(), filesystem);
        let partitioned = Rejection::Partitioned(vec!["sda2".into()]);
        let locked = Rejection::Locked(Encryption::Luks);
        assert_eq!(
            row(&disk, None, Some(&partitioned)),
            "sda                500 GiB  a partitioned disk (sda2)  [QEMU HARDDISK]"
        );
        assert_eq!(row(&device, Some(&volume), None), "  sda2             512 MiB  ext4 \"root\" UUID=9f0a");
        assert_eq!(row(&device, None, Some(&locked)), format!("  sda2             512 MiB  {locked}"));
    }
}
