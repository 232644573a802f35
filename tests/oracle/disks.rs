//! A system of the corpus as disks that grub-emu can read: partition tables and file systems with the UUIDs and labels of
//! its `volumes`, filled from its directories.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use qemu::pinned;

use crate::commands;

/// Room for each volume, in bytes.
const SIZE: u64 = 8 << 20;
/// Where the first one begins.
const START: u64 = 1 << 20;

/// One line of `volumes`.
pub struct Volume {
    pub directory: PathBuf,
    /// Its device: `sda2`.
    pub name: String,
    /// GRUB's name for it: `hd0,gpt2`.
    pub drive: String,
    facts: Vec<(String, String)>,
}

impl Volume {
    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A system's volumes, and the device map that names its disks.
pub struct Disks {
    pub volumes: Vec<Volume>,
    pub map: PathBuf,
    /// The images, and for each volume its image and where in it.
    images: Vec<PathBuf>,
    places: Vec<(PathBuf, u64)>,
}

impl Disks {
    /// Keeps the disks as they are now, or puts them back to how they were kept.
    pub fn keep(&self, put_back: bool) {
        for image in &self.images {
            let (image, kept) = (image.to_str().unwrap(), image.with_extension("kept"));
            let kept = kept.to_str().unwrap();
            let (from, to) = if put_back { (kept, image) } else { (image, kept) };
            run(Command::new("cp"), &["--sparse=always", from, to], None);
        }
    }

    /// Reads a file of a volume as it is now.
    pub fn read(&self, volume: &str, path: &str) -> Vec<u8> {
        let index = self.volumes.iter().position(|known| known.name == volume).unwrap();
        let (image, offset) = &self.places[index];
        let image = image.to_str().unwrap();
        let mut command = if self.volumes[index].fact("type") == Some("vfat") {
            let mut command = tool("mtype");
            command.args(["-i", &format!("{image}@@{offset}"), &format!("::{path}")]);
            command
        } else {
            let mut command = tool("debugfs");
            command.args(["-R", &format!("cat {path}"), &format!("{image}?offset={offset}")]);
            command
        };
        command.output().unwrap().stdout
    }
}

/// A partition's disk and number: `sda` and 2 of `sda2`, `nvme0n1` and 1 of `nvme0n1p1`.
fn split(name: &str) -> (&str, Option<u32>) {
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[disk.len()..].parse().ok();
    match disk.strip_suffix('p') {
        Some(disk) if disk.ends_with(|c: char| c.is_ascii_digit()) => (disk, number),
        _ if name.starts_with("sd") || name.starts_with("vd") => (disk, number),
        _ => (name, None),
    }
}

/// A program of the pinned Debian release, which sees the directory for temporary files.
pub fn tool(program: &str) -> Command {
    pinned::tests().unwrap().command(program)
}

fn run(mut command: Command, arguments: &[&str], input: Option<&Path>) {
    command.args(arguments);
    if let Some(input) = input {
        command.stdin(fs::File::open(input).unwrap());
    }
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the disks of a system in a directory. `end` is put after every grub.cfg.
pub fn make(system: &Path, directory: &Path, end: &str) -> Disks {
    let mut volumes: Vec<Volume> = Vec::new();
    let mut disks: Vec<String> = Vec::new();
    for line in fs::read_to_string(system.join("volumes")).unwrap().lines() {
        let (source, facts) = line.split_once(',').unwrap();
        let facts: Vec<(String, String)> = facts
            .split(',')
            .map(|fact| fact.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let name = facts.iter().find(|(key, _)| key == "dev").unwrap().1.clone();
        let (disk, number) = split(&name);
        let place = disks.iter().position(|known| known == disk).unwrap_or_else(|| {
            disks.push(disk.to_owned());
            disks.len() - 1
        });
        let table =
            if facts.iter().any(|(key, value)| key == "table" && value == "mbr") { "msdos" } else { "gpt" };
        let drive = match number {
            Some(number) => format!("hd{place},{table}{number}"),
            None => format!("hd{place}"),
        };
        let copy = directory.join(&name);
        run(
            Command::new("cp"),
            &["-rP", system.join(source).to_str().unwrap(), copy.to_str().unwrap()],
            None,
        );
        append(&copy, end);
        let system = copy.join("@/.snapshots/1/snapshot");
        if system.is_dir() {
            // As openSUSE's GRUB sees it: from the default subvolume, with the snapshots mounted in it.
            for (link, target) in [("boot", "@/.snapshots/1/snapshot/boot"), (".snapshots", "@/.snapshots")] {
                symlink(target, copy.join(link)).unwrap();
            }
        }
        volumes.push(Volume { directory: copy, name, drive, facts });
    }
    let mut map = String::new();
    let mut images = Vec::new();
    let mut places: Vec<_> = volumes.iter().map(|_| (PathBuf::new(), 0)).collect();
    for (place, disk) in disks.iter().enumerate() {
        let image = directory.join(format!("{disk}.img"));
        let own: Vec<&Volume> = volumes.iter().filter(|volume| split(&volume.name).0 == disk).collect();
        fs::File::create(&image).unwrap().set_len(START * 2 + own.len() as u64 * SIZE).unwrap();
        let whole = split(&own[0].name).1.is_none();
        if !whole {
            partition(&image, &own);
        }
        for (index, volume) in own.iter().enumerate() {
            let offset = if whole { 0 } else { START + index as u64 * SIZE };
            fill(&image, volume, offset);
            let known = volumes.iter().position(|known| known.name == volume.name).unwrap();
            places[known] = (image.clone(), offset);
        }
        map += &format!("(hd{place}) {}\n", image.display());
        images.push(image);
    }
    let path = directory.join("device.map");
    fs::write(&path, map).unwrap();
    let disks = Disks { volumes, map: path, images, places };
    disks.keep(false);
    disks
}

/// Gives every configuration below a directory the names that record what kernels are started with, puts text after every
/// grub.cfg, and lets the menus of all other configurations boot at once.
fn append(directory: &Path, text: &str) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            append(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "cfg") {
            let end = if path.ends_with("grub.cfg") { text } else { "set timeout=0\n" };
            // A graphical terminal would show nothing of what is recorded; the option is Fedora's own.
            let config = fs::read_to_string(&path).unwrap();
            let config = config.replace("terminal_output", "true").replace("--root-dev-only ", "");
            fs::write(&path, format!("{}\n{end}", commands::renamed(&config))).unwrap();
        }
    }
}

fn partition(image: &Path, volumes: &[&Volume]) {
    let dos = volumes[0].drive.contains("msdos");
    let mut script = String::from(if dos { "label: dos\n" } else { "label: gpt\n" });
    for (index, volume) in volumes.iter().enumerate() {
        let number = split(&volume.name).1.unwrap();
        let start = (START + index as u64 * SIZE) / 512;
        script += &format!("{number}: start={start}, size={}", SIZE / 512);
        for (key, name) in [("parttype", "type"), ("partuuid", "uuid"), ("partlabel", "name")] {
            if let Some(value) = volume.fact(key).filter(|_| !dos) {
                script += &format!(", {name}=\"{value}\"");
            }
        }
        script.push('\n');
    }
    let path = image.with_extension("sfdisk");
    fs::write(&path, script).unwrap();
    run(
        tool("sfdisk"),
        &["--quiet", "--no-reread", "--no-tell-kernel", image.to_str().unwrap()],
        Some(&path),
    );
}

/// Makes a volume's file system. What GRUB makes of a path does not hang on the kind, except where case does not count:
/// all that is not FAT or ISO 9660 is ext2 here.
fn fill(image: &Path, volume: &Volume, offset: u64) {
    let (image, directory) = (image.to_str().unwrap(), volume.directory.to_str().unwrap());
    let uuid = volume.fact("uuid");
    match volume.fact("type") {
        Some("vfat") => {
            let id = uuid.unwrap_or("0000-0001").replace('-', "");
            let (sector, size) = ((offset / 512).to_string(), (SIZE / 1024).to_string());
            run(tool("mkfs.vfat"), &["--offset", &sector, "-i", &id, image, &size], None);
            let files: Vec<String> = fs::read_dir(&volume.directory)
                .unwrap()
                .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
                .collect();
            let target = format!("{image}@@{offset}");
            let mut arguments = vec!["-i", &target, "-s", "-Q"];
            arguments.extend(files.iter().map(String::as_str));
            arguments.push("::");
            if !files.is_empty() {
                run(tool("mcopy"), &arguments, None);
            }
        }
        Some("iso9660") => {
            let date = uuid.unwrap_or("2025010100000000").replace('-', "");
            let label = volume.fact("label").unwrap_or("ISO");
            fs::remove_file(image).unwrap();
            let date = format!("--modification-date={date}");
            run(
                tool("xorriso"),
                &["-as", "mkisofs", "-quiet", "-R", "-V", label, &date, "-o", image, directory],
                None,
            );
        }
        _ => {
            let (offset, size) = (format!("offset={offset}"), format!("{}k", SIZE / 1024));
            let mut arguments = vec!["-q", "-F", "-t", "ext2", "-d", directory, "-E", &offset];
            arguments.extend(uuid.iter().filter(|uuid| uuid.len() == 36).flat_map(|uuid| ["-U", uuid]));
            arguments.extend(volume.fact("label").iter().flat_map(|label| ["-L", label]));
            arguments.extend([image, &size]);
            run(tool("mke2fs"), &arguments, None);
        }
    }
}
