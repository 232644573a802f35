//! The commands about files: they read any, and write only where a volume was made writable.

use std::{
    fs::{self, File, Metadata},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    output::{Failure, Output, about},
    shell::{Next, Shell},
    table::Command,
};
use crate::{
    formats::{
        sort,
        text::{decode, os_string, printable},
    },
    sys::files::open_at_once,
};

/// Maximum length of a line that is shown whole, in bytes.
const LINE_LIMIT: u64 = 4096;

/// Maximum number of names of a directory that are shown.
const NAMES_LIMIT: usize = 20_000;

/// Bytes that `hexdump` shows where nobody says how many.
const HEAD: u64 = 256;

/// Bytes in a row of `hexdump`.
const ROW: usize = 16;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

pub(super) fn path(word: &str) -> PathBuf {
    PathBuf::from(os_string(word))
}

pub(super) fn cd(_: &mut Shell, words: &[String]) -> Result<Next, Failure> {
    let directory = words.first().map_or("/", String::as_str);
    std::env::set_current_dir(path(directory)).map_err(|error| about(directory, &error))?;
    Ok(Next::Prompt)
}

pub(super) fn ls(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let is_long = words.first().is_some_and(|word| word == "-l");
    let rest = words.get(usize::from(is_long)..).unwrap_or_default();
    if rest.iter().any(|word| word.starts_with('-')) {
        return Err(Command::usage("ls"));
    }
    let here = [".".to_owned()];
    let places = if rest.is_empty() { &here[..] } else { rest };
    for place in places {
        let at = path(place);
        let status = fs::symlink_metadata(&at).map_err(|error| about(place, &error))?;
        if !fs::metadata(&at).is_ok_and(|status| status.is_dir()) {
            output.line(&if is_long { long(place, &at, &status) } else { place.clone() })?;
            continue;
        }
        if places.len() > 1 {
            output.line(&format!("{place}:"))?;
        }
        list(place, is_long, output)?;
    }
    Ok(())
}

fn list(place: &str, is_long: bool, output: &mut Output) -> Result<(), Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path(place)).map_err(|error| about(place, &error))?.take(NAMES_LIMIT) {
        let entry = entry.map_err(|error| about(place, &error))?;
        found.push((decode(entry.file_name().as_encoded_bytes()), entry.path()));
    }
    sort::ascending(&mut found);
    if !is_long {
        let is_directory = |at: &PathBuf| at.symlink_metadata().is_ok_and(|status| status.is_dir());
        let marked = |(name, at): &(String, PathBuf)| name.clone() + if is_directory(at) { "/" } else { "" };
        return output.columns_of(&found.iter().map(marked).collect::<Vec<_>>());
    }
    for (name, at) in found {
        match fs::symlink_metadata(&at) {
            Ok(status) => output.line(&long(&name, &at, &status))?,
            Err(error) => output.line(&format!("?  {name}: {error}"))?,
        }
    }
    Ok(())
}

/// Kind and rights, owner, size or number of a device, time, name, and where a link leads.
fn long(name: &str, at: &Path, status: &Metadata) -> String {
    let kind = status.file_type();
    let kinds = [
        (kind.is_dir(), 'd'),
        (kind.is_symlink(), 'l'),
        (kind.is_block_device(), 'b'),
        (kind.is_char_device(), 'c'),
        (kind.is_fifo(), 'p'),
        (kind.is_socket(), 's'),
    ];
    let letter = kinds.iter().find(|(is_it, _)| *is_it).map_or('-', |(_, letter)| *letter);
    let size = if kind.is_block_device() || kind.is_char_device() {
        let number = status.rdev();
        format!("{},{}", rustix::fs::major(number), rustix::fs::minor(number))
    } else {
        status.size().to_string()
    };
    let target = if kind.is_symlink() {
        let target = fs::read_link(at).unwrap_or_default();
        " -> ".to_owned() + &decode(target.as_os_str().as_encoded_bytes())
    } else {
        String::new()
    };
    let (owner, group) = (status.uid(), status.gid());
    let (rights, time) = (rights(status.mode()), time(status.mtime()));
    format!("{letter}{rights} {owner:>5} {group:>5} {size:>12} {time} {name}{target}")
}

/// As `rwxr-xr-x`, with the letters of ls(1) for set-user-id, set-group-id and sticky.
fn rights(mode: u32) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode.checked_shr(shift).unwrap_or_default();
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// A time of Unix as `2026-11-30 19:45` in UTC; days become dates as in Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn time(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Beyond these years no file was written.
    let days = days.clamp(-719_468, 2_932_896).saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = day_of_era
        .saturating_sub(day_of_era / 1460)
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(day_of_era / 146_096)
        / 365;
    let days_before =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(days_before);
    // Years begin in March here.
    let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = day_of_year.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(i64::from(month <= 2));
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", second / 3600, second / 60 % 60)
}

pub(super) fn cat(words: &[String], output: &mut Output) -> Result<(), Failure> {
    if words.is_empty() {
        return Err(Command::usage("cat"));
    }
    for word in words {
        let mut reader = BufReader::new(open(word, false)?);
        let mut line = Vec::new();
        while reader
            .by_ref()
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)
            .map_err(|error| about(word, &error))?
            > 0
        {
            output.line(&decode(line.strip_suffix(b"\n").unwrap_or(&line)))?;
            line.clear();
        }
    }
    Ok(())
}

/// Opens a file to show it, or a block device.
fn open(word: &str, devices: bool) -> Result<File, Failure> {
    let file = open_at_once(&path(word)).map_err(|error| about(word, &error))?;
    let kind = file.metadata().map_err(|error| about(word, &error))?.file_type();
    if kind.is_file() || (devices && kind.is_block_device()) {
        return Ok(file);
    }
    let what = if kind.is_dir() { "a directory; `ls` lists it" } else { "neither a file nor a disk" };
    Err(Failure::Said(format!("{}: {what}", printable(word))))
}

pub(super) fn hexdump(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let usage = || Command::usage("hexdump");
    let (mut length, mut offset, mut name) = (HEAD, 0, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|number| number.parse::<u64>().ok()).ok_or_else(usage);
        match word.as_str() {
            "-n" => length = number()?,
            "-s" => offset = number()?,
            _ if name.is_none() => name = Some(word),
            _ => return Err(usage()),
        }
    }
    let name = name.ok_or_else(usage)?;
    let mut file = open(name, true)?;
    // UEFI's variables can only be read from their beginning.
    if offset > 0 {
        file.seek(SeekFrom::Start(offset)).map_err(|error| about(name, &error))?;
    }
    let mut reader = BufReader::new(file.take(length));
    loop {
        let mut row = Vec::with_capacity(ROW);
        let read = reader.by_ref().take(16).read_to_end(&mut row).map_err(|error| about(name, &error))?;
        if read == 0 {
            return Ok(());
        }
        let mut line = format!("{offset:08x} ");
        for place in 0..ROW {
            line.push_str(if place == ROW / 2 { "  " } else { " " });
            match row.get(place) {
                Some(byte) => line.push_str(&format!("{byte:02x}")),
                None => line.push_str("  "),
            }
        }
        line.push_str("  |");
        line.extend(row.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }));
        line.push('|');
        output.line(&line)?;
        offset = offset.saturating_add(16);
    }
}

pub(super) fn cp(words: &[String], _: &mut Output) -> Result<(), Failure> {
    let Some((destination, sources)) = words.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(Command::usage("cp"));
    };
    let into = path(destination);
    let is_directory = into.is_dir();
    if sources.len() > 1 && !is_directory {
        return Err(Failure::Said(format!(
            "{}: no directory; several files go into one",
            printable(destination)
        )));
    }
    for source in sources {
        let target = match (is_directory, path(source).file_name()) {
            (true, Some(name)) => into.join(name),
            _ => into.clone(),
        };
        copy(source, &target)?;
    }
    Ok(())
}

fn copy(source: &str, target: &Path) -> Result<(), Failure> {
    let name = decode(target.as_os_str().as_encoded_bytes());
    let mut from = open(source, false)?;
    let status = from.metadata().map_err(|error| about(source, &error))?;
    let replaced = fs::metadata(target).ok();
    if replaced.is_some_and(|it| (it.dev(), it.ino()) == (status.dev(), status.ino())) {
        return Err(Failure::Said(format!("{}: the same file", printable(&name))));
    }
    let mut piece = vec![0; PIECE];
    let write = |to: &mut File| loop {
        let length = from.read(&mut piece)?;
        match piece.get(..length) {
            None | Some([]) => return Ok(()),
            Some(piece) => to.write_all(piece)?,
        }
    };
    replace(target, Some(&status), write).map_err(|error| about(&name, &error))
}

/// Writes a file beside the one that it replaces, and puts it into its place once it is whole and on the disk. It has the owner
/// and the rights of the one that it replaces, or else these.
pub(super) fn replace(
    target: &Path,
    otherwise: Option<&Metadata>,
    mut write: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // A link's target is replaced, not the link.
    let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
    let replaced = fs::metadata(&target).ok();
    let mut unfinished = target.clone().into_os_string();
    unfinished.push(".unfinished");
    let mut whole = || {
        let mut file = File::create(&unfinished)?;
        write(&mut file)?;
        if let Some(kept) = replaced.as_ref().or(otherwise) {
            // FAT has neither owners nor rights.
            let _ = std::os::unix::fs::fchown(&file, Some(kept.uid()), Some(kept.gid()));
            let _ = file.set_permissions(fs::Permissions::from_mode(kept.mode() & 0o7777));
        }
        file.sync_all()?;
        fs::rename(&unfinished, &target)
    };
    whole().inspect_err(|_| {
        // It may not have been made.
        let _ = fs::remove_file(&unfinished);
    })
}

pub(super) fn mv(words: &[String], _: &mut Output) -> Result<(), Failure> {
    let [source, destination] = words else { return Err(Command::usage("mv")) };
    let (from, mut to) = (path(source), path(destination));
    if let (true, Some(name)) = (to.is_dir(), from.file_name()) {
        to.push(name);
    }
    fs::rename(&from, &to).map_err(|error| about(source, &error))
}

#[cfg(test)]
mod tests {
    use std::process::Command as Program;

    use tempfile::TempDir;

    use super::*;

    type Apart = fn(&[String], &mut Output) -> Result<(), Failure>;

    fn run(command: Apart, line: &str) -> (String, Option<String>) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let mut output = Output::kept();
        let failure = match command(&words, &mut output) {
            Ok(()) => None,
            Err(Failure::Said(sentence)) => Some(sentence),
            Err(Failure::Stopped) => Some("stopped".to_owned()),
        };
        (output.said, failure)
    }

    fn tree() -> (TempDir, String) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        fs::create_dir(directory.path().join("sub")).unwrap();
        fs::write(directory.path().join("text"), "one\ntwo\x1b[2J\n\tthree").unwrap();
        std::os::unix::fs::symlink("text", directory.path().join("link")).unwrap();
        (directory, path)
    }

    #[test]
    fn names_are_listed_in_order() {
        let (_kept, path) = tree();
        assert_eq!(run(ls, &path), ("link  sub/  text\n".to_owned(), None));
        let (said, failure) = run(ls, &format!("{path}/text {path}/none"));
        assert_eq!(
            (said, failure),
            (format!("{path}/text\n"), Some(format!("{path}/none: No such file or directory (os error 2)")))
        );
        assert!(run(ls, "--all").1.unwrap().contains("`ls [-l] [PATH]…`"));
    }

    #[test]
    fn long_lists_say_what_ls_says() {
        let (_kept, path) = tree();
        fs::set_permissions(format!("{path}/text"), fs::Permissions::from_mode(0o4751)).unwrap();
        let script = format!("TZ=UTC ls -l --time-style='+%Y-%m-%d %H:%M' {path} /dev/null /dev/tty");
        let output = Program::new("sh").args(["-c", &script]).env("LC_ALL", "C").output().unwrap();
        // Rights, size, date, time, name.
        let facts = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let rest: Vec<&str> =
                fields.iter().rev().take(if line.contains("->") { 6 } else { 4 }).copied().collect();
            format!("{} {rest:?}", fields[0])
        };
        let mut theirs: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .replace(", ", ",")
            .lines()
            .filter(|line| line.len() > 20 && !line.ends_with(':'))
            .map(facts)
            .collect();
        let (said, _) = run(ls, &format!("-l {path}"));
        let (more, _) = run(ls, "-l /dev/null /dev/tty");
        let mut ours: Vec<String> = said.lines().chain(more.lines()).map(facts).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn times_are_those_of_date() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_827_696, "2000-02-29 12:34"),
            (1_709_251_199, "2024-02-29 23:59"),
            (4_107_542_399, "2100-02-28 23:59"),
            (i64::MAX, "9999-12-31 15:30"),
        ] {
            assert_eq!(time(seconds), expected);
        }
    }

    #[test]
    fn text_is_shown_harmless() {
        let (_kept, path) = tree();
        assert_eq!(run(cat, &format!("{path}/text")).0, "one\ntwo?[2J\n        three\n");
        assert_eq!(run(cat, &path).1, Some(format!("{path}: a directory; `ls` lists it")));
        assert!(run(cat, "").1.is_some());
    }

    #[test]
    fn bytes_are_shown_as_hexdump_shows_them() {
        let (_kept, path) = tree();
        let bytes: Vec<u8> = (0..=255).chain(0..45).map(|byte: u32| byte as u8).collect();
        fs::write(format!("{path}/bytes"), bytes).unwrap();
        let (said, _) = run(hexdump, &format!("-n 1000 {path}/bytes"));
        // As `hexdump -Cv` of util-linux 2.38 has the first, the seventeenth and the last row.
        let rows: Vec<&str> = said.lines().collect();
        assert_eq!(rows[0], "00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|");
        assert_eq!(rows[4], "00000040  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|");
        assert_eq!(rows[18], "00000120  20 21 22 23 24 25 26 27  28 29 2a 2b 2c           | !\"#$%&'()*+,|");
        assert_eq!(run(hexdump, &format!("{path}/bytes")).0.lines().count(), 16);
        assert_eq!(run(hexdump, &format!("-s 288 -n 1 {path}/bytes")).0.get(..12), Some("00000120  20"));
        for line in ["", "-n", "-n x a", "a b"] {
            assert!(run(hexdump, line).1.unwrap().contains("`hexdump [-n"), "{line}");
        }
    }

    #[test]
    fn a_copy_replaces_a_file_as_a_whole() {
        let (_kept, path) = tree();
        fs::write(format!("{path}/sub/text"), "old").unwrap();
        fs::set_permissions(format!("{path}/sub/text"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(run(cp, &format!("{path}/text {path}/sub")).1, None);
        let status = fs::metadata(format!("{path}/sub/text")).unwrap();
        assert_eq!((status.len(), status.mode() & 0o777), (18, 0o600));
        assert_eq!(run(cp, &format!("{path}/text {path}/new")).1, None);
        assert_eq!(fs::read(format!("{path}/new")).unwrap(), fs::read(format!("{path}/text")).unwrap());
        for (line, expected) in [
            (
                format!("{path}/none {path}/new"),
                format!("{path}/none: No such file or directory (os error 2)"),
            ),
            (format!("{path}/text {path}/link"), format!("{path}/link: the same file")),
            (
                format!("{path}/text {path}/new {path}/text"),
                format!("{path}/text: no directory; several files go into one"),
            ),
            (format!("{path}/sub {path}/new"), format!("{path}/sub: a directory; `ls` lists it")),
            (format!("{path}/text"), "it is typed as `cp FILE… DEST`; `help cp` says more".to_owned()),
        ] {
            assert_eq!(run(cp, &line).1, Some(expected), "{line}");
        }
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }

    #[test]
    fn a_file_is_given_another_name() {
        let (_kept, path) = tree();
        assert_eq!(run(mv, &format!("{path}/text {path}/sub")).1, None);
        assert_eq!(run(mv, &format!("{path}/sub/text {path}/back")).1, None);
        assert!(fs::exists(format!("{path}/back")).unwrap());
        assert!(run(mv, &format!("{path}/text {path}/sub")).1.unwrap().contains("No such file"));
    }
}
