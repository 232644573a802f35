//! The table of the commands: what is typed, what completes it, what the help says of it, and what it does.

use std::os::fd::OwnedFd;

use super::{
    boot, edit, files, kernel,
    output::{Failure, Output},
    power,
    shell::{Next, Shell},
    systems, volumes,
};
use crate::formats::text::printable;

/// What Tab offers for the words after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completes {
    Nothing,
    Commands,
    Paths,
    Devices,
}

/// What a command does.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// It changes the shell, and is done at once.
    Here(InShell),
    /// It has a process of its own, which Ctrl-C ends.
    Apart(fn(&[String], &mut Output) -> Done),
    /// The shell decides what is done, and a process of its own does it, which may ask PID 1 for something.
    Asking { here: InShell, apart: fn(&[String], &mut Output, Option<&OwnedFd>) -> Done },
}

type Done = Result<(), Failure>;
type InShell = fn(&mut Shell, &[String]) -> Result<Next, Failure>;

/// One command.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) operands: &'static str,
    pub(super) what: &'static str,
    /// A line that a person may type, and what it does.
    pub(super) example: (&'static str, &'static str),
    pub(super) completes: Completes,
    pub(super) run: Run,
}

/// All of them, in the order of the help.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        operands: "[COMMAND]",
        what: "lists the commands, or explains one",
        example: ("help mount", "explains `mount`"),
        completes: Completes::Commands,
        run: Run::Apart(help),
    },
    Command {
        name: "ls",
        operands: "[-l] [PATH]…",
        what: "lists directories; -l with kind and rights, size and time of change (UTC)",
        example: ("ls -l /mnt/sda2/boot", "what is in /boot of the volume that is mounted there"),
        completes: Completes::Paths,
        run: Run::Apart(files::ls),
    },
    Command {
        name: "cd",
        operands: "[DIR]",
        what: "makes DIR the directory that paths begin in; without it, /",
        example: ("cd /mnt/sda2/boot", "paths without a slash at their beginning now begin there"),
        completes: Completes::Paths,
        run: Run::Here(files::cd),
    },
    Command {
        name: "cat",
        operands: "FILE…",
        what: "shows text files, a screen at a time",
        example: ("cat /mnt/sda2/etc/fstab", "shows that file"),
        completes: Completes::Paths,
        run: Run::Apart(files::cat),
    },
    Command {
        name: "hexdump",
        operands: "[-n BYTES] [-s OFFSET] FILE",
        what: "shows the first 256 bytes of a file or a device, or so many from an offset, as hexadecimal numbers and text",
        example: ("hexdump -n 512 /dev/sda", "shows the first sector of a disk"),
        completes: Completes::Paths,
        run: Run::Apart(files::hexdump),
    },
    Command {
        name: "cp",
        operands: "FILE… DEST",
        what: "copies files, into the directory DEST or as the file DEST; a file that is there is replaced as a whole",
        example: ("cp /mnt/sda2/boot/initrd.img.bak /mnt/sda2/boot/initrd.img", "brings a copy back"),
        completes: Completes::Paths,
        run: Run::Apart(files::cp),
    },
    Command {
        name: "mv",
        operands: "FILE DEST",
        what: "gives a file another name on the same volume",
        example: ("mv /mnt/sda2/etc/fstab /mnt/sda2/etc/fstab.broken", "keeps a file under another name"),
        completes: Completes::Paths,
        run: Run::Apart(files::mv),
    },
    Command {
        name: "edit",
        operands: "FILE",
        what: "edits a text file on the whole screen: Ctrl-S saves it as a whole, Ctrl-X leaves",
        example: ("edit /mnt/sda2/etc/fstab", "opens that file; it is made if it is not there"),
        completes: Completes::Paths,
        run: Run::Apart(edit::edit),
    },
    Command {
        name: "devices",
        operands: "",
        what: "lists disks and partitions, what lies on them, where it is mounted, or why nothing can be read",
        example: ("devices", "names, sizes, file systems, labels and UUIDs"),
        completes: Completes::Nothing,
        run: Run::Apart(volumes::devices),
    },
    Command {
        name: "mount",
        operands: "[-w] [-o OPTIONS] [DEVICE|UUID=…|LABEL=… [DIR]]",
        what: "mounts a volume on DIR, or else below /mnt: read-only, or with -w writable; without words, lists what is mounted",
        example: ("mount -w sda2", "/mnt/sda2 is that volume, and can be changed"),
        completes: Completes::Devices,
        run: Run::Apart(volumes::mount),
    },
    Command {
        name: "umount",
        operands: "DIR|DEVICE",
        what: "unmounts a volume; one that was writable is on the disk then, and held read-only again",
        example: ("umount sda2", "unmounts it from /mnt/sda2"),
        completes: Completes::Devices,
        run: Run::Apart(volumes::umount),
    },
    Command {
        name: "unlock",
        operands: "DEVICE|UUID=… [NAME]",
        what: "asks for the passphrase of an encrypted container (LUKS) and opens it; what is in it is then mounted, or found by `boot`",
        example: ("unlock sda3", "opens it, as dm-0 for instance, which `mount` takes"),
        completes: Completes::Devices,
        run: Run::Apart(UNLOCK),
    },
    Command {
        name: "dmesg",
        operands: "[-n LINES]",
        what: "shows the kernel's log, or its last lines",
        example: ("dmesg -n 40", "shows the last 40 lines"),
        completes: Completes::Nothing,
        run: Run::Apart(kernel::dmesg),
    },
    Command {
        name: "log",
        operands: "[-n LINES]",
        what: "shows what firstlight has written to the kernel's log",
        example: ("log", "shows why an entry is missing or did not boot"),
        completes: Completes::Nothing,
        run: Run::Apart(kernel::log),
    },
    Command {
        name: "lsmod",
        operands: "",
        what: "lists the kernel's modules that are loaded",
        example: ("lsmod", "name, size, users"),
        completes: Completes::Nothing,
        run: Run::Apart(kernel::lsmod),
    },
    Command {
        name: "modprobe",
        operands: "MODULE [PARAMETER=VALUE]…",
        what: "loads a module that is in this image, with those that it needs",
        example: ("modprobe usb-storage", "loads the driver of USB sticks"),
        completes: Completes::Nothing,
        run: Run::Apart(kernel::modprobe),
    },
    Command {
        name: "chroot",
        operands: "DIR [PROGRAM [WORD]…]",
        what: "runs a shell or a program of the system that is installed below DIR, with /dev, /proc, /sys and /run in there",
        example: ("chroot /mnt/sda2 update-grub", "writes that system's grub.cfg anew"),
        completes: Completes::Paths,
        run: Run::Apart(systems::chroot),
    },
    Command {
        name: "run",
        operands: "PROGRAM [WORD]…",
        what: "runs a static program of a volume",
        example: ("run /mnt/sdb1/busybox vi /mnt/sda2/etc/fstab", "runs a program from a stick"),
        completes: Completes::Paths,
        run: Run::Apart(systems::run),
    },
    Command {
        name: "sh",
        operands: "[WORD]…",
        what: "runs the shell that is in this image, if one is",
        example: ("sh", "starts it, with job control"),
        completes: Completes::Paths,
        run: Run::Apart(systems::sh),
    },
    Command {
        name: "entries",
        operands: "",
        what: "lists what the boot loader finds: number, title, volume, id",
        example: ("entries", "the numbers are what `boot` takes"),
        completes: Completes::Nothing,
        run: Run::Apart(boot::entries),
    },
    Command {
        name: "linux",
        operands: "KERNEL [WORD]…",
        what: "names a kernel and its command line, as in GRUB; `boot` starts it",
        example: (
            "linux /mnt/sda2/boot/vmlinuz root=/dev/sda2 ro single",
            "a kernel with another command line",
        ),
        completes: Completes::Paths,
        run: Run::Here(boot::linux),
    },
    Command {
        name: "initrd",
        operands: "FILE…",
        what: "names the initrds of that kernel, as in GRUB",
        example: ("initrd /mnt/sda2/boot/initrd.img.old", "an initrd from before an update"),
        completes: Completes::Paths,
        run: Run::Here(boot::initrd),
    },
    Command {
        name: "boot",
        operands: "[ENTRY]",
        what: "unmounts everything and boots an entry, by its number, id or title; without it the kernel that `linux` named, or else the \
               boot loader again",
        example: ("boot 2", "boots the second entry of `entries`"),
        completes: Completes::Nothing,
        run: Run::Asking { here: boot::boot_here, apart: boot::boot },
    },
    Command {
        name: "reboot",
        operands: "",
        what: "unmounts everything and restarts the machine",
        example: ("reboot", "restarts the machine"),
        completes: Completes::Nothing,
        run: Run::Here(power::reboot),
    },
    Command {
        name: "poweroff",
        operands: "",
        what: "unmounts everything and powers off",
        example: ("poweroff", "powers off"),
        completes: Completes::Nothing,
        run: Run::Here(power::power_off),
    },
];

#[cfg(feature = "luks")]
const UNLOCK: fn(&[String], &mut Output) -> Done = super::unlock::unlock;

/// It is told where it can be had: an image for a small flash is without it.
#[cfg(not(feature = "luks"))]
const UNLOCK: fn(&[String], &mut Output) -> Done =
    |_, _| Err("this image cannot open containers: `initramfs build --with luks` makes one that can".into());

/// The command of this name.
pub(super) fn find(name: &str) -> Result<&'static Command, Failure> {
    let unknown = || Failure::Said(format!("no command `{}`; `help` lists them", printable(name)));
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(unknown)
}

impl Command {
    /// How it is typed, for who typed it in another way.
    pub(super) fn usage(name: &str) -> Failure {
        match find(name) {
            Ok(command) => {
                let typed = format!("{name} {}", command.operands);
                Failure::Said(format!("it is typed as `{}`; `help {name}` says more", typed.trim_end()))
            }
            Err(failure) => failure,
        }
    }
}

fn help(words: &[String], output: &mut Output) -> Result<(), Failure> {
    if let Some(name) = words.first() {
        let Command { name, operands, what, example: (line, meaning), .. } = find(name)?;
        output.line(format!("{name} {operands}").trim_end())?;
        output.line(&format!("  {what}"))?;
        return output.line(&format!("  Example: `{line}`: {meaning}"));
    }
    for Command { name, what, .. } in COMMANDS {
        output.line(&format!("  {name:<10}{what}"))?;
    }
    output
        .line("`help COMMAND` says more. Tab completes, the arrows bring lines back, Ctrl-C ends what runs.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `FIRSTLIGHT_DRAW=1` writes the table in the manual anew.
    #[test]
    fn each_command_is_in_the_help_and_in_the_manual() {
        let mut all = Output::kept();
        help(&[], &mut all).unwrap();
        let mut table = "| command | what it does | example |\n|---|---|---|\n".to_owned();
        for Command { name, operands, what, example: (line, meaning), .. } in COMMANDS {
            assert!(all.said.contains(&format!("  {name:<10}{what}\n")), "{name}");
            let mut one = Output::kept();
            help(&[(*name).to_owned()], &mut one).unwrap();
            let typed = format!("{name} {operands}");
            let typed = typed.trim_end();
            assert_eq!(one.said, format!("{typed}\n  {what}\n  Example: `{line}`: {meaning}\n"));
            table += &format!("| `{}` | {what} | `{line}`: {meaning} |\n", typed.replace('|', "\\|"));
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rescue.md");
        let manual = std::fs::read_to_string(file).unwrap();
        let (begin, end) = ("<!-- commands -->\n", "<!-- end of commands -->\n");
        let (head, rest) = manual.split_once(begin).unwrap();
        let (written, tail) = rest.split_once(end).unwrap();
        if std::env::var_os("FIRSTLIGHT_DRAW").is_some() {
            std::fs::write(file, [head, begin, &table, end, tail].concat()).unwrap();
        } else {
            assert_eq!(written, table, "{file}");
        }
    }

    #[test]
    fn no_two_commands_have_the_same_name() {
        for (place, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..place].iter().all(|other| other.name != command.name), "{}", command.name);
        }
    }
}
