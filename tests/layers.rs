//! Imports run downwards: no source imports a room that the table in docs/architecture.md does not allow its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

type Rooms = BTreeMap<String, BTreeSet<String>>;

/// The rooms that each room may import by the table: those in its row, and all that these may import.
fn allowed(table: &str) -> Rooms {
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | ").collect();
        let [name, _, imports] = cells[..] else { return None };
        let imports = imports.trim_end_matches(" |").split(", ").filter(|name| *name != "nothing of ours");
        let name = name.trim_end_matches('`').trim_start_matches("formats::");
        Some((name.to_owned(), imports.map(str::to_owned).collect()))
    });
    let direct: Rooms = rows.collect();
    let below = |room: &String| {
        let mut all = BTreeSet::from([room.clone()]);
        let mut next = vec![room.clone()];
        while let Some(room) = next.pop() {
            for import in &direct[&room] {
                if all.insert(import.clone()) {
                    next.push(import.clone());
                }
            }
        }
        all
    };
    direct.keys().map(|room| (room.clone(), below(room))).collect()
}

/// The first names after `crate::` in a source.
fn imports(source: &str) -> BTreeSet<String> {
    let identifier =
        |text: &str| text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, found) in source.match_indices("crate::") {
        let rest = &source[at + found.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(identifier(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !character.is_whitespace() => {
                    names.insert(identifier(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            all.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            all.push(entry);
        }
    }
    all
}

#[test]
fn no_room_imports_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let allowed = allowed(&fs::read_to_string(root.join("docs/architecture.md")).unwrap());
    let mut found = Rooms::new();
    for room in fs::read_dir(root.join("src")).unwrap().map(|entry| entry.unwrap().path()) {
        if !room.is_dir() {
            continue;
        }
        let name = room.file_name().unwrap().to_str().unwrap().to_owned();
        let allowed =
            allowed.get(&name).unwrap_or_else(|| panic!("docs/architecture.md has no room `{name}`"));
        for file in sources(&room) {
            let imports = imports(&fs::read_to_string(&file).unwrap());
            let forbidden: Vec<&String> = imports.difference(allowed).collect();
            assert!(forbidden.is_empty(), "{} imports {forbidden:?}", file.display());
            found.entry(name.clone()).or_default().extend(imports);
        }
    }
    // The sources were read: these are imports that the plan is made of.
    for (room, import) in
        [("init", "boot"), ("cli", "discover"), ("boot", "ui"), ("discover", "entry"), ("storage", "sys")]
    {
        assert!(found[room].contains(import), "{room} imports {:?}", found[room]);
    }
}

#[test]
fn imports_are_read_whatever_their_form() {
    let source = "use crate::boot::state;\nuse crate::{\n    entry::{Device, Entry},\n    kexec,\n    ui::console,\n};\n\
                  fn f(file: &crate::image::Kernel) {}\nuse crate::{sys::{a, b::{c}}, init};";
    let expected = ["boot", "entry", "image", "init", "kexec", "sys", "ui"];
    assert_eq!(imports(source), expected.map(str::to_owned).into());
}

#[test]
fn a_room_may_import_what_those_below_it_may() {
    let table = "| room | holds | may import |\n|---|---|---|\n| `formats::entry` | Entry | nothing of ours |\n\
                 | `formats` | bytes in | entry |\n| `storage` | devices | formats |\n| `ui` | menu | entry |\n";
    let allowed = allowed(table);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(allowed["storage"], names(&["entry", "formats", "storage"]));
    assert_eq!(allowed["ui"], names(&["entry", "ui"]));
}
