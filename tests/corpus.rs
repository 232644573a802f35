//! Every directory of tests/corpus: the volumes of one installed system, and beside them exactly what `firstlight list
//! --json` must say of them, reviewed by hand against the loader's documentation (tests/corpus/README.md).

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

/// The directories that hold a system, sorted.
fn systems() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut systems: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    systems.retain(|path| path.is_dir());
    systems.sort();
    systems
}

/// The fields of an entry that an expectation may leave out.
fn unremarkable() -> Value {
    json!({"path_in_menu": [], "kind": "linux", "hidden": false, "kernel": null, "initrds": [], "cmdline": ""})
}

/// A string `sda2:/path` in the place of a file.
fn file(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.split_once(':')) {
        Some((volume, path)) => json!({"volume": volume, "path": path}),
        None => value.clone(),
    }
}

/// A string `sda2:/grub/grubenv name=value` in the place of a change of the environment block; without a value, the name is
/// left out of it.
fn change(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.split_once(' ')) {
        Some((block, change)) => {
            let (name, value) =
                change.split_once('=').map_or((change, None), |(name, value)| (name, Some(value)));
            json!({"block": file(&block.into()), "name": name, "value": value})
        }
        None => value.clone(),
    }
}

/// Writes an entry out in full: what is left out is unremarkable, or follows from the rest.
fn entry(short: &Value, list: &Map<String, Value>) -> Map<String, Value> {
    let mut entry = short.as_object().unwrap().clone();
    for name in ["kernel", "devicetree"] {
        if let Some(value) = entry.get_mut(name) {
            *value = file(value);
        }
    }
    if let Some(initrds) = entry.get_mut("initrds").and_then(Value::as_array_mut) {
        initrds.iter_mut().for_each(|initrd| *initrd = file(initrd));
    }
    if let Some(changes) = entry.get("changes").or(list.get("changes")).and_then(Value::as_array) {
        let changes: Vec<Value> = changes.iter().map(change).collect();
        entry.remove("changes");
        if !changes.is_empty() {
            entry.insert("changes".into(), changes.into());
        }
    }
    if !entry.contains_key("id") {
        let titles = entry.get("path_in_menu").and_then(Value::as_array).cloned().unwrap_or_default();
        let titles = titles.iter().chain(entry.get("title")).filter_map(Value::as_str);
        let id = titles.map(|title| title.replace('>', ">>")).collect::<Vec<_>>().join(">");
        entry.insert("id".into(), id.into());
    }
    let is_default = list.get("default") == entry.get("id");
    entry.entry("default").or_insert(is_default.into());
    if let Some(source) = list.get("source") {
        entry.entry("source").or_insert(source.clone());
    }
    if let Some(words) = entry.get("source").and_then(Value::as_str) {
        let (format, file) = words.split_once(' ').unwrap();
        let (volume, path) = file.split_once(':').unwrap();
        let source = json!({"format": format, "volume": volume, "path": path});
        entry.insert("source".into(), source);
    }
    for (name, value) in unremarkable().as_object().unwrap() {
        entry.entry(name).or_insert(value.clone());
    }
    entry
}

/// The answer without its empty fields: a field that no expectation knows must be empty.
fn answered(object: &Value, expected: &Map<String, Value>, ignored: &[&str]) -> Map<String, Value> {
    let mut answer = object.as_object().unwrap().clone();
    answer.retain(|name, value| {
        let empty = match &*value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        expected.contains_key(name) || !(empty || ignored.contains(&name.as_str()))
    });
    answer
}

#[test]
fn every_system_of_the_corpus_is_listed_as_expected() {
    let mut wrong = String::new();
    let systems = systems();
    assert!(!systems.is_empty());
    for system in &systems {
        let name = system.file_name().unwrap().to_str().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
        command.args(["list", "--json"]).current_dir(system);
        for volume in fs::read_to_string(system.join("volumes")).unwrap().lines() {
            command.args(["--volume", volume]);
        }
        command.args(fs::read_to_string(system.join("options")).unwrap_or_default().split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected: Value =
            serde_json::from_slice(&fs::read(system.join("expected.json")).unwrap()).unwrap();
        let expected = expected.as_object().unwrap();
        compare(name, &listed, expected, &mut wrong);
    }
    assert!(wrong.is_empty(), "expected, and then the answer:\n{wrong}");
}

/// Adds to `wrong` what differs between the list and what was expected.
fn compare(name: &str, listed: &Value, expected: &Map<String, Value>, wrong: &mut String) {
    let mut differs = |what: &str, expected: &Value, answer: &Value| {
        if expected != answer {
            writeln!(wrong, "{name}: {what}:\n  {expected}\n  {answer}").unwrap();
        }
    };
    let mut head = expected.clone();
    let entries = head.remove("entries").unwrap();
    head.remove("source");
    head.remove("changes");
    head.entry("warnings").or_insert(json!([]));
    head.entry("timeout").or_insert(Value::Null);
    head.entry("default").or_insert(Value::Null);
    differs("head", &head.clone().into(), &answered(listed, &head, &["entries"]).into());
    let listed = listed["entries"].as_array().unwrap();
    let entries = entries.as_array().unwrap();
    differs("number of entries", &entries.len().into(), &listed.len().into());
    for (number, listed) in listed.iter().enumerate() {
        let Some(short) = entries.get(number) else {
            differs(&format!("entry {number}"), &Value::Null, listed);
            continue;
        };
        let expected = entry(short, expected);
        let mut answer = answered(listed, &expected, &["version"]);
        // Where an expectation leaves the line open, the entry's text must be there: the oracle sees to that.
        if let Some(source) = answer.get_mut("source").and_then(Value::as_object_mut)
            && expected["source"].get("line").is_none()
        {
            source.remove("line");
        }
        // That it cannot be booted is the expectation; the words for it are not.
        if expected.get("problem") == Some(&json!(true))
            && let Some(problem) = answer.get_mut("problem")
        {
            *problem = problem.is_string().into();
        }
        differs(&format!("entry {number}"), &expected.into(), &answer.into());
    }
}
