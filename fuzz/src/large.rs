//! Inputs of 1 MiB, the most that is read of a configuration: what a seed says over and over, and what only spite would write.

use std::{collections::BTreeSet, env, iter};

/// Length of every input, in bytes.
const LENGTH: usize = 1 << 20;
/// Lines of a seed, at most, that are each repeated.
const LINES: usize = 8;

/// Inputs for nearly every format: empty lines, one line, a million entries, brackets that are never closed.
const COMMON: &[&[u8]] = &[
    b"\n",
    b" ",
    b"a",
    b"\0",
    b"\xff",
    b"{",
    b"}",
    b"{\n",
    b"(",
    b"[",
    b"\"",
    b"'",
    b"\\",
    b"\\\n",
    b"$a",
    b"${a}",
    b"*",
    b"?",
    b"a*",
    b"[a-",
    b",",
    b"0,",
    b"a,",
    b";",
    b"=",
    b"a=b\n",
    b"#\n",
    b"/",
    b"../",
    b"a\n",
    b"a b\n",
    b"1\n",
    b"a b ",
    b"-",
    b":",
    b"<",
    b"%U",
    b"~1",
    b"a.1-",
    b"\t\n",
    b"\r\n",
    b"\n\n{}\n",
    b"\x0c",
    b"end\n",
    b"\xd0\x0d\xfe\xed",
    b"\0\0\0\x01",
    b"\0\0\0\x03",
    b"\x01\x04\0\0",
    b"\x7f\x04\0\0a\0b\0\0",
];

/// The most expensive input of a format: target, what comes once before it, what is repeated (`#` there is a running number).
const SPECIAL: &[(&str, &str, &str)] = &[
    ("grub_script", "", "submenu a {\n"),
    ("grub_script", "", "menuentry a { }\n"),
    ("grub_script", "", "menuentry # --id=# { linux /boot/vmlinuz # }\n"),
    (
        "grub_script",
        "",
        "submenu # { menuentry # { linux /boot/vmlinuz; initrd /boot/vmlinuz /boot/vmlinuz; } }\n",
    ),
    ("grub_script", "", "if true; then "),
    ("grub_script", "", "while true; do "),
    ("grub_script", "", "for a in a a a a; do "),
    ("grub_script", "", "function a# { echo; }\n"),
    ("grub_script", "", "function a { a; a; }; a\n"),
    ("grub_script", "set a=aaaaaaaa\n", "set a=$a$a\n"),
    ("grub_script", "set a='a a a a a a a a'\n", "set a=\"$a $a\"\n"),
    ("grub_script", "", "set a#=#\n"),
    ("grub_script", "set a='a b c d'\n", "echo $a $a $a $a $a\n"),
    ("grub_script", "", "export a#; a#=#\n"),
    ("grub_script", "insmod regexp\n", "echo /boot/*/*\n"),
    ("grub_script", "regexp '", "(a*)*"),
    ("grub_script", "", "regexp '(a|aa)*b' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
    ("grub_script", "", "search --no-floppy --fs-uuid --set=a# #\n"),
    ("grub_script", "", "source /boot/grub/custom.cfg\n\x0c\x0csource /boot/grub/custom.cfg\n"),
    ("grub_script", "", "configfile /boot/grub/grub.cfg\n"),
    ("grub_script", "menuentry a { true }\nsource /boot/grub/grub.cfg\n", "#"),
    ("grub_script", "while true; do source /boot/grub/custom.cfg; done\n\x0c\x0c", "a"),
    ("grub_script", "function a { source /boot/grub/custom.cfg; }; a\n\x0c\x0ca ", "a"),
    ("grub_script", "", "save_env -f /boot/grub/grubenv a# # ; load_env\n"),
    ("grub_script", "menuentry a { linux /boot/vmlinuz ", "a\\ "),
    ("grub_script", "menuentry a { ", "initrd /boot/vmlinuz\n"),
    (
        "grub_script",
        "load_env\nmenuentry a { linux /boot/vmlinuz }\n\x0c# GRUB Environment Block\n",
        "a#=#\n",
    ),
    ("grub_script", "[ ", "a -o ( "),
    ("grub_script", "default='", "0>"),
    ("grub_script", "menuentry a { linux /boot/vmlinuz\n", "menuentry # { linux /boot/vmlinuz\n"),
    ("bls", "linux /a\n", "options a# a#\n"),
    ("bls", "linux /a\n", "initrd /a#\n"),
    ("bls", "linux /a\n", "extra /a#.cred\n"),
    ("bls", "", "default #*\n"),
    ("bls", "default ", "*a?"),
    ("syslinux", "", "label #\nlinux a\nappend b\n"),
    ("syslinux", "", "label #\ncom32 ifcpu64.c32\nappend #\n"),
    ("syslinux", "", "menu begin\n"),
    ("syslinux", "", "menu begin #\nlabel #\nkernel a\nmenu end\n"),
    ("syslinux", "", "include #\n\x0c"),
    ("syslinux", "label a\n", "append a# initrd=#,#\n"),
    ("syslinux", "text help\n", "a\n"),
    ("menu", "", "image=/a\nlabel=#\n"),
    ("menu", "", "image=/a\nlabel=#\nappend=\"a\"\ninitrd=/#\n"),
    ("menu", "", "title #\nkernel /a #\ninitrd /#\n"),
    ("menu", "default ", "0 "),
    ("menu", "", "name #\nimage /a\nargs #\n"),
    ("menu", "", "a#='/a initrd=/# #'\n"),
    ("menu", "", "/#\nprotocol: linux\nkernel_path: boot():/a\nmodule_path: boot():/#\n"),
    ("menu", "", "/a\n//a\n///a\n////a\n"),
    ("menu", "${A}=a${A}\n", "${A#}=${A}${A}\n"),
    ("menu", "${A}=aaaaaaaaaaaaaaaa\n/a\nprotocol: linux\ncmdline: ", "${A}"),
    ("menu", "", ":#\nPROTOCOL=linux\nKERNEL_PATH=boot:///a\n"),
    ("refind", "", "menuentry # {\nloader /a\n}\n"),
    ("refind", "menuentry a {\nloader /a\n", "submenuentry # {\noptions #\n}\n"),
    ("refind", "", "include #\n\x0cinclude #\n"),
    ("refind", "", "\"#\" \"a %v #\"\n"),
    ("refind", "scanfor ", "a#,"),
    ("raspberry_pi", "", "initramfs a# followkernel\n"),
    ("raspberry_pi", "", "[pi4]\n[all]\n"),
    ("raspberry_pi", "", "include #\n\x0cinclude #\n"),
    ("raspberry_pi", "", "a#=#\n"),
    ("u_boot_script", "", "if true; then "),
    ("u_boot_script", "", "setenv a# #\n"),
    ("u_boot_script", "setenv a aaaaaaaaaaaaaaaa\n", "setenv a \"${a}${a}\"\n"),
    ("u_boot_script", "setenv a 'run a; run a'\n", "run a\n"),
    ("u_boot_script", "", "env import 0 0\n\x0ca#=#\n"),
    ("u_boot_script", "load mmc 0:1 0 a\nenv import -t 0 10\n\x0c", "a#=#\n"),
    ("u_boot_script", "", "load mmc 0:1 0 a; env import -t 0 10\n"),
    ("assignments", "", "A#=#\n"),
    ("assignments", "A=aaaaaaaaaaaaaaaa\n", "A=\"$A $A\"\n"),
    ("assignments", "", "A#=\"$A#\"\n"),
    ("settings", "", "wait = UUID=#\n"),
    ("settings", "", "unknown# = #\n"),
    ("settings", "timeout = 5\n\x0c", "firstlight.wait=# "),
    ("settings", "timeout = 5\n\x0c", "firstlight.unknown#=# "),
    ("modules", "", "kernel/a#.ko: kernel/a#.ko\n"),
    ("modules", "", "kernel/#.ko: kernel/0.ko kernel/1.ko kernel/2.ko\n"),
    ("modules", "kernel/a.ko:\n\x0c", "alias a*# a\n"),
    ("modules", "kernel/a.ko:\n\x0c", "alias *a*b*c* a\n"),
    ("modules", "kernel/a.ko:\n\x0c\x0c", "softdep a pre: a# post: a#\n"),
    ("modules", "kernel/a.ko:\n\x0calias a* a\n\x0c\x0c", "kernel/#.ko\n"),
    ("modules", "kernel/a.ko:\n\x0calias *a*a*a*a*b a\n\x0c\x0c\x0c\x0c", "a"),
    ("glob", "*a*a*a*a*a*a*a*a*b\n", "a"),
    ("glob", "[!a-z]*[a]*?*[b]\n", "ab"),
    ("cmdline", "", "initrd=a# \"b c\" "),
    ("environment_block", "# GRUB Environment Block\n", "a#=#\n"),
    ("environment_block", "# GRUB Environment Block\n", "a=\\\n"),
    ("fstab", "", "/dev/sda# /# ext4 defaults 0 0\n"),
    ("profiles", "{\"a\":", "{\"a\":"),
    ("profiles", "", "(a "),
    ("profiles", "(boot-parameters (version 0) (kernel-arguments (", "\"#\" "),
    ("version", "", "1.#"),
    ("text", "", "\u{10ff80}"),
];

/// Calls `run` with a name and each input that is made of a seed; those that need none come with the empty seed.
pub fn each(seed: &[u8], run: &mut dyn FnMut(&str, &[u8])) {
    let program = env::current_exe().unwrap_or_default();
    let target = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if seed.is_empty() {
        for piece in COMMON {
            run(&format!("{:?} repeated", String::from_utf8_lossy(piece)), &filled(b"", piece, b""));
        }
        for (_, before, piece) in SPECIAL.iter().filter(|(of, ..)| *of == target) {
            run(&format!("{before:?} {piece:?} repeated"), &numbered(before.as_bytes(), piece.as_bytes()));
        }
        for (name, input) in structures(target) {
            run(name, &input);
        }
        return;
    }
    run("the seed repeated", &filled(b"", seed, b""));
    // Each of the files that the input holds.
    let files: Vec<&[u8]> = seed.split(|byte| *byte == 0x0c).collect();
    for (at, file) in files.iter().enumerate().filter(|_| files.len() > 1) {
        let (before, after) = (files[..at].join(&0x0c), files[at + 1..].join(&0x0c));
        let (before, after) =
            ([&before, &b"\x0c"[usize::from(at == 0)..]].concat(), [b"\x0c", &*after].concat());
        run("one file of the seed repeated", &filled(&before, &[file, &b"\n"[..]].concat(), &after));
    }
    let mut seen = BTreeSet::new();
    let lines =
        seed.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() < 4096 && seen.insert(*line));
    let lines = lines.filter(|line| std::str::from_utf8(line).is_ok());
    for line in lines.take(LINES) {
        let name = String::from_utf8_lossy(line).into_owned();
        run(&format!("line {name:?} repeated"), &filled(b"", line, b""));
        let (text, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |text| (text, b"\n"));
        run(&format!("line {name:?} numbered"), &numbered(b"", &[text, b"#", end].concat()));
        if let Some(key) = text.iter().position(|byte| b" =\t:".contains(byte)) {
            let line = [&text[..key], b"#", &text[key..], b"\n"].concat();
            run(&format!("keys like in {name:?}"), &numbered(b"", &line));
        }
        for tail in [&b"x"[..], b" x", b",/x"] {
            let tail_name = String::from_utf8_lossy(tail);
            run(&format!("{name:?} with much {tail_name:?}"), &filled(text, tail, b"\n"));
        }
    }
    // A header that is right, and after it the same few bytes, or what the seed has there.
    for header in [8, 64, 512, 1024, 4096, seed.len()].into_iter().filter(|length| *length <= seed.len()) {
        let (header, rest) = seed.split_at(header);
        for piece in
            [b"\0", &b"\xff"[..], &[0, 0, 0, 1], &rest[..rest.len().min(16)], &rest[..rest.len().min(40)]]
        {
            if !piece.is_empty() {
                run("a seed's header, then the same", &filled(header, piece, b""));
            }
        }
    }
}

/// As many of `piece` between the two others as there is room for.
fn filled(before: &[u8], piece: &[u8], after: &[u8]) -> Vec<u8> {
    let room = LENGTH.saturating_sub(before.len() + after.len());
    let middle = piece.iter().copied().cycle().take(room);
    before.iter().copied().chain(middle).chain(after.iter().copied()).collect()
}

/// Likewise, with a running number for each `#`.
fn numbered(before: &[u8], piece: &[u8]) -> Vec<u8> {
    let mut input = before.to_vec();
    for number in 0.. {
        let number = number.to_string();
        let each = piece
            .iter()
            .flat_map(|byte| if *byte == b'#' { number.as_bytes() } else { std::slice::from_ref(byte) });
        let length = input.len();
        input.extend(each);
        if input.len() > LENGTH {
            input.truncate(length.max(LENGTH));
            break;
        }
    }
    input.truncate(LENGTH);
    input
}

/// Tables and trees of more members than anyone has use for, in formats that count them in a header.
fn structures(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    match target {
        "uki" | "kernel_file" => {
            vec![("a program of 20,000 sections", program(20_000)), ("one of 90", program(90))]
        }
        "device_tree" | "fit" => vec![
            ("a tree of nodes below each other", tree(&[&1_u32.to_be_bytes()[..], b"a\0\0\0"].concat())),
            (
                "a tree of nodes beside each other",
                tree(&[&1_u32.to_be_bytes()[..], b"a\0\0\0", &2_u32.to_be_bytes()].concat()),
            ),
            ("a tree of properties", tree(&[3_u32, 4, 0, 7].map(u32::to_be_bytes).concat())),
            ("a tree of nothing", tree(&4_u32.to_be_bytes())),
        ],
        // The pieces of a sparse device: where, how many bytes, which.
        "iso9660" => vec![
            ("a directory of 30,000 files", image(&record(b"A.;1", 0))),
            ("one of itself", image(&record(b"A", 2))),
        ],
        "smbios" => vec![
            ("structures of strings", filled(b"", b"\x0b\x05\x01\0\x01a\0\0", b"")),
            ("a structure of strings", filled(b"\x0b\x05\x01\0\xff", b"a\0", b"\0\0")),
        ],
        "hwids" => vec![(
            "a table of machines",
            filled(b"", &[&0x1000_001c_u32.to_le_bytes()[..], &[7; 24]].concat(), b""),
        )],
        "efi_boot" => vec![("a path of nodes", filled(b"\x01\0\0\0\xff\xffa\0\0\0", b"\x04\x01\x04\0", b""))],
        _ => Vec::new(),
    }
}

/// A PE program whose sections are named in turn as a profile's are, each all of the file.
fn program(sections: u16) -> Vec<u8> {
    let mut input = vec![0; 0x148];
    input[..2].copy_from_slice(b"MZ");
    input[0x3c] = 0x40;
    input[0x40..0x46].copy_from_slice(b"PE\0\0\x64\x86");
    input[0x46..0x48].copy_from_slice(&sections.to_le_bytes());
    input[0x54..0x56].copy_from_slice(&240_u16.to_le_bytes());
    input[0x58..0x5a].copy_from_slice(&[0x0b, 0x02]);
    for number in 0..sections {
        let name: [u8; 8] =
            *[b".profile", b".linux\0\0", b".osrel\0\0", b".cmdline"][usize::from(number % 4)];
        let size = u32::try_from(LENGTH).unwrap_or_default().to_le_bytes();
        input.extend([&name[..], &size, &[0; 4], &size, &[0; 20]].concat());
    }
    filled(&input, b"ID=a\nTITLE=b\n", b"")
}

/// A device tree whose structure block is one root of many times the same.
fn tree(piece: &[u8]) -> Vec<u8> {
    let structure = filled(&[0, 0, 0, 1, 0, 0, 0, 0], piece, &[0, 0, 0, 2, 0, 0, 0, 9]);
    let structure = &structure[..LENGTH - 128];
    let length = u32::try_from(structure.len()).unwrap_or_default();
    let header = [0xd00d_feed, length + 72, 56, length + 56, 40, 17, 16, 0, 16, length, 0, 0, 0, 0];
    [&header.map(u32::to_be_bytes).concat()[..], structure, b"a\0bootargs\0kernel"].concat()
}

/// A file's or directory's record of 40 bytes in a directory, its content all that follows the descriptors.
fn record(name: &[u8], flags: u8) -> Vec<u8> {
    let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    let size = u32::try_from(LENGTH - (24 << 11)).unwrap_or_default();
    let parts = [&[40, 0], &both(20)[..], &both(size), &[0; 7], &[flags, 0, 0, 1, 0, 0, 1]];
    let mut record = [&parts.concat()[..], &[u8::try_from(name.len()).unwrap_or_default()], name].concat();
    record.resize(40, 0);
    record
}

/// An image whose root directory is the same record over and over.
fn image(piece: &[u8]) -> Vec<u8> {
    let mut descriptor = [b"\x01CD001\x01", &[0; 149][..], &record(b"\0", 2)].concat();
    descriptor.resize(2048, 0);
    descriptor[128..132].copy_from_slice(&[0, 8, 8, 0]);
    let end = [b"\xffCD001\x01", &[0; 9][..]].concat();
    let sector = filled(b"", piece, b"")[..2040].iter().copied().chain([0; 8]).collect::<Vec<u8>>();
    let mut input = vec![0, 1];
    let mut lay = |offset: usize, bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
        input.extend([&u32::try_from(offset).unwrap_or_default().to_le_bytes()[..], &length, bytes].concat());
    };
    lay(16 << 11, &descriptor);
    lay(17 << 11, &end);
    iter::successors(Some(20_usize), |sector| Some(sector + 30))
        .take_while(|number| (number + 50) << 11 < LENGTH)
        .for_each(|number| lay(number << 11, &sector.repeat(30)));
    input
}
