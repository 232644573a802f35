//! The menu on terminals of several sizes, driven by the bytes that a keyboard sends: a terminal emulator shows the same as one
//! that was drawn anew, and few bytes go over the line.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use firstlight::ui::{
    console::Consoles,
    input::Input,
    keys::Key,
    menu::{BootMenu, BootParts, FileVerdict, MenuChoice, MenuItem},
    picture::{Status, picture},
    screen::Screen,
};
use nix::pty::{Winsize, openpty};
use rustix::fs::{OFlags, fcntl_setfl};

/// A key that was typed is there within this time, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(20);

/// Rows and columns.
const SIZES: [(u16, u16); 3] = [(24, 80), (12, 40), (43, 132)];

/// What a console of few bits each second may get, in bytes: all of the first screen, and one key.
const FIRST_SCREEN: usize = 2048;
const ONE_KEY: usize = 200;

struct Terminal {
    size: (u16, u16),
    keyboard: File,
    consoles: Consoles,
    keys: Receiver<Key>,
    screen: Screen,
    menu: BootMenu,
    status: Status,
    emulator: vt100::Parser,
}

fn counting_down() -> Status {
    Status { next: "Debian GNU/Linux boots in 5 s. Any key stops the countdown.".into(), ..Status::default() }
}

fn open_terminal((rows, columns): (u16, u16)) -> (File, Consoles) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(Some(&size), None).unwrap();
    let (own, other): (OwnedFd, OwnedFd) = (pair.master, pair.slave);
    for end in [&own, &other] {
        fcntl_setfl(end, OFlags::NONBLOCK).unwrap();
    }
    (own.into(), Consoles::over(vec![other]))
}

/// All that the terminal was sent and nobody has read.
fn sent(terminal: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    // It ends with the error that there is no more now.
    let _ = terminal.read_to_end(&mut bytes);
    bytes
}

impl Terminal {
    fn new(size: (u16, u16), items: Vec<MenuItem>) -> Self {
        let (keyboard, consoles) = open_terminal(size);
        let (sender, keys) = channel();
        let listen = Input::listen(&consoles, move |key| {
            // Nobody waits for it at the end of a test.
            let _ = sender.send(key);
        });
        listen.unwrap();
        let mut menu = BootMenu::default();
        menu.offer(items);
        let devices = [("sda1", "vfat, no boot configuration"), ("sda2", "ext4, 4 entries")];
        let devices = devices.map(|(name, text)| (name.to_owned(), text.to_owned()));
        menu.inform(devices.to_vec(), vec!["A message of an earlier time.".into()]);
        let (screen, emulator) = (Screen::default(), vt100::Parser::new(size.0, size.1, 0));
        Self { size, keyboard, consoles, keys, screen, menu, status: counting_down(), emulator }
    }

    /// Draws, and gives how many bytes that took.
    fn draw(&mut self) -> usize {
        let (menu, status) = (&self.menu, &self.status);
        self.screen.show(&self.consoles, |size| picture(menu, status, size));
        let bytes = sent(&mut self.keyboard);
        self.emulator.process(&bytes);
        bytes.len()
    }

    /// Types what makes one key, and gives the choice that comes of it and the bytes that were drawn.
    fn key(&mut self, bytes: &str) -> (Option<MenuChoice>, usize) {
        self.keyboard.write_all(bytes.as_bytes()).unwrap();
        let key = self.keys.recv_timeout(LIMIT).unwrap();
        let choice = self.menu.press(key);
        (choice, self.draw())
    }

    fn text(&self) -> String {
        self.emulator.screen().contents()
    }

    /// Checks that the screen is the same as one that is drawn from the beginning.
    fn assert_drawn_right(&self, after: &str) {
        let (mut other, consoles) = open_terminal(self.size);
        Screen::default().show(&consoles, |size| picture(&self.menu, &self.status, size));
        let mut fresh = vt100::Parser::new(self.size.0, self.size.1, 0);
        fresh.process(&sent(&mut other));
        assert_eq!(self.text(), fresh.screen().contents(), "{:?} after {after}", self.size);
    }
}

fn debian() -> Vec<MenuItem> {
    let item = |id: &str, submenus: &[&str], title: &str| MenuItem {
        id: id.into(),
        submenus: submenus.iter().map(|&title| title.to_owned()).collect(),
        title: title.into(),
        age: "12 days".into(),
        details: vec![
            ("id", format!("entry {id}")),
            ("written in", "sda2 /boot/grub/grub.cfg, line 110".into()),
            ("kernel", format!("sda2 /boot/vmlinuz-{id}")),
            ("initrd", format!("sda2 /boot/initrd.img-{id}")),
            ("command line", "root=UUID=9f0a4f6c-07a5-4a4a-8b5b-5d5dbb1ae6d1 ro quiet".into()),
        ],
        parts: Some(BootParts {
            kernel: format!("sda2:/boot/vmlinuz-{id}"),
            initrds: vec![format!("sda2:/boot/initrd.img-{id}")],
            cmdline: "root=UUID=9f0a4f6c-07a5-4a4a-8b5b-5d5dbb1ae6d1 ro quiet".into(),
        }),
        ..MenuItem::default()
    };
    let advanced = &["Advanced options for Debian GNU/Linux"];
    let mut items = vec![
        MenuItem {
            default: true,
            version: "6.1.0-56-amd64".into(),
            ..item("simple", &[], "Debian GNU/Linux")
        },
        item("6.1", advanced, "Debian GNU/Linux, with Linux 6.1.0-56-amd64"),
        item("6.1-recovery", advanced, "Debian GNU/Linux, with Linux 6.1.0-56-amd64 (recovery mode)"),
    ];
    items.extend((1..=60).map(|number| item(&format!("other-{number}"), &[], &format!("System {number}"))));
    items
}

#[test]
fn every_key_changes_what_the_manual_says_it_does() {
    let boots = |id: &str| Some(MenuChoice::Boot(id.to_owned()));
    // Bytes of a key, what is on the screen then, and what is chosen.
    let script: &[(&str, &str, Option<MenuChoice>)] = &[
        ("\x1b[B", "> 2 Advanced", None),
        ("k", ">* 1 Debian", None),
        ("j", "> 2 Advanced", None),
        ("\x10", ">* 1 Debian", None),
        ("\x0e", "> 2 Advanced", None),
        ("\r", "> 1 Debian", None),
        ("\x1bOB", "(recovery mode)", None),
        ("\x1b[D", "> 2 Advanced", None),
        ("\x1b[C", "> 1 Debian", None),
        ("\x1b[D", "> 2 Advanced", None),
        ("\x1b[6~", "> 12 System 10", None),
        ("\x1b[5~", "> 2 Advanced", None),
        ("\x1b[F", "> 62 System 60", None),
        ("\x1b[1~", ">* 1 Debian", None),
        ("3", "> 3 System 1", None),
        ("7", "> 37 System 35", None),
        ("\x7f", "3_", None),
        ("\r", "System 1", boots("other-1")),
        ("d", "written in", None),
        ("\x1b[B", "entry other-2", None),
        ("d", "> 4 System 2", None),
        ("e", "vmlinuz-other-2", None),
        ("x", "quietx", None),
        ("\x7f", "ro quiet", None),
        ("\x1b[A", "vmlinuz-other-2", None),
        ("\x0f", "initrd", None),
        ("\x03", "> 4 System 2", None),
        ("o", "ro quiet", None),
        ("s", "ro quiet s", None),
        ("\x03", "> 4 System 2", None),
        ("/", "Search:", None),
        ("y", "Search: y", None),
        ("\x1b[B", "> 5 System 3", None),
        ("\x1b[A", "> 4 System 2", None),
        ("\r", "> 4 System 2", None),
        ("i", "ext4, 4 entries", None),
        ("i", "> 4 System 2", None),
        ("l", "A message of an earlier time.", None),
        ("l", "> 4 System 2", None),
        ("?", "Selects the entry above.", None),
        ("\x1b[F", "Draws the screen anew.", None),
        ("h", "> 4 System 2", None),
        ("\x1bOP", "Selects the entry above.", None),
        ("?", "> 4 System 2", None),
        ("\x0c", "> 4 System 2", Some(MenuChoice::Redraw)),
        ("r", "> 4 System 2", Some(MenuChoice::Rescue)),
        ("b", "> 4 System 2", Some(MenuChoice::Reboot)),
        ("t", "> 4 System 2", None),
        ("p", "f Restarts", None),
        ("b", "f Restarts", Some(MenuChoice::Reboot)),
        ("f", "f Restarts", Some(MenuChoice::FirmwareSetup)),
        ("p", "f Restarts", Some(MenuChoice::PowerOff)),
    ];
    for size in SIZES {
        let mut terminal = Terminal::new(size, debian());
        let first = terminal.draw();
        assert!(size != SIZES[0] || first <= FIRST_SCREEN, "{first} bytes");
        for (bytes, expected, choice) in script {
            let name = format!("{bytes:?}");
            let (chosen, drawn) = terminal.key(bytes);
            let text = terminal.text().replace('>', "> ").replace("> *", ">*");
            let text = text.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
            let text = text.collect::<Vec<_>>().join("\n");
            // A row may be broken or cut on the small terminal.
            let is_there = text.contains(expected) || (size == SIZES[1] && expected.len() > 12);
            assert!(is_there, "{size:?}, {name}: no {expected:?} in\n{text}");
            assert_eq!(&chosen, choice, "{name}");
            terminal.assert_drawn_right(&name);
            // Moving to the next row, not to another screen.
            if size == SIZES[0] && ["k", "j", "\x10", "\x0e"].contains(bytes) {
                assert!(drawn <= ONE_KEY, "{name}: {drawn} bytes");
            }
        }
    }
}

#[test]
fn noise_on_the_line_leaves_a_screen_that_is_drawn_right() {
    let mut state = 0x5eed_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    // Sequences, parts of them, and any byte.
    let pieces: [&[u8]; 18] = [
        b"\x1b",
        b"[",
        b"O",
        b"A",
        b"B",
        b"\x1b[A",
        b"\x1b[B",
        b"\x1b[C",
        b"\x1b[D",
        b"\x1b[5~",
        b"\x1b[6~",
        b"\r",
        b"e",
        b"/",
        "ä統".as_bytes(),
        b"\x1b[[A",
        b"\x1b[999;999R",
        b"\x9b31m",
    ];
    for size in SIZES {
        let mut terminal = Terminal::new(size, debian());
        terminal.draw();
        for round in 0..400 {
            let mut bytes = Vec::new();
            for _ in 0..next() % 12 {
                match next() % 3 {
                    0 => bytes.push((next() % 256) as u8),
                    _ => bytes.extend(pieces[next() % pieces.len()]),
                }
            }
            terminal.keyboard.write_all(&bytes).unwrap();
            // Whatever has come of it by now; the rest comes with a later round.
            while let Ok(key) = terminal.keys.try_recv() {
                terminal.menu.press(key);
            }
            terminal.draw();
            terminal.assert_drawn_right(&format!("round {round}"));
        }
        // It still takes keys: what is open is left, and the list comes back.
        // A sequence that is not at its end takes the first.
        terminal.keyboard.write_all(b"\x03\x03\x03\x03").unwrap();
        for _ in 0..3 {
            while terminal.keys.recv_timeout(LIMIT).unwrap() != Key::Control('c') {}
            terminal.menu.press(Key::Control('c'));
        }
        terminal.draw();
        terminal.assert_drawn_right("the end");
    }
}

/// The screen as a picture, for the manual.
fn drawing(terminal: &Terminal, title: &str) -> String {
    let (rows, columns) = terminal.size;
    let (width, height) = (usize::from(columns) * 8 + 24, usize::from(rows) * 16 + 24);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans Mono, Menlo, \
         Consolas, monospace\" font-size=\"13\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#11151c\"/>\n"
    );
    for (place, row) in terminal.emulator.screen().rows(0, columns).enumerate() {
        let row = row.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if !row.is_empty() {
            let y = place * 16 + 24;
            picture +=
                &format!("<text x=\"12\" y=\"{y}\" fill=\"#e6e6e6\" xml:space=\"preserve\">{row}</text>\n");
        }
    }
    picture + "</svg>\n"
}

/// The system of an entry where there are two.
fn group_of(id: &str) -> String {
    let name = if id.starts_with("other") { "sdb1, backup, USB Flash Disk" } else { "sda2, Samsung SSD 860" };
    name.into()
}

/// `FIRSTLIGHT_DRAW=1` draws them anew; look at them then.
#[test]
fn the_pictures_in_the_manual_show_the_menu_as_it_is() {
    for (name, title, keys) in [
        ("list", "The menu counts down", &[][..]),
        ("submenu", "A submenu is open", &["\x1b[B", "\r", "\x1b[B"][..]),
        ("details", "The details of an entry", &["d"]),
        ("editor", "An entry is edited for one boot", &["e", " ", "d", "e", "b", "u", "g"]),
        ("search", "The search has found an entry in a submenu", &["/", "r", "e", "c", "o"]),
        ("systems", "Entries of several systems", &["\x1b[F"]),
        ("power", "Ways to leave", &["p"]),
    ] {
        let mut items = debian();
        items.truncate(6);
        if name == "systems" {
            items.iter_mut().for_each(|item| item.group = group_of(&item.id));
        }
        let mut terminal = Terminal::new((16, 80), items);
        terminal.draw();
        if !keys.is_empty() {
            terminal.status = Status::default();
        }
        keys.iter().for_each(|key| drop(terminal.key(key)));
        if name == "editor" {
            let asked = terminal.menu.unknown_files().map(|(id, files)| (id, files.len()));
            assert_eq!(asked, Some(("simple".to_owned(), 2)));
            for (text, fault, cmdline_limit) in [
                ("sda2:/boot/vmlinuz-simple", None, Some(2016)),
                ("sda2:/boot/initrd.img-simple", Some("no such file".to_owned()), None),
            ] {
                terminal.menu.judge(FileVerdict { text: text.into(), fault, cmdline_limit });
            }
            terminal.draw();
        }
        let drawn = drawing(&terminal, title);
        let file = format!("{}/docs/menu-{name}.svg", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("FIRSTLIGHT_DRAW").is_some() {
            std::fs::write(&file, &drawn).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), drawn, "{file}");
    }
}
