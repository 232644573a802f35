//! Every directory of tests/corpus: the volumes of one installed system, and beside them exactly what `firstlight list
//! --json` must say of them, reviewed by hand against the loader's documentation.
//!
//! `volumes` holds one `--volume` value a line (its directory relative to the system's), `options` further ones, where there
//! are any, `expected.json` the answer,
//! `make.sh` how the configuration was generated.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

#[test]
fn every_system_of_the_corpus_is_listed_as_expected() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut systems: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    systems.retain(|path| path.is_dir());
    systems.sort();
    assert!(!systems.is_empty());
    for system in systems {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight"));
        command.args(["list", "--json"]).current_dir(&system);
        for volume in fs::read_to_string(system.join("volumes")).unwrap().lines() {
            command.args(["--volume", volume]);
        }
        command.args(fs::read_to_string(system.join("options")).unwrap_or_default().split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}", system.display(), String::from_utf8_lossy(&output.stderr));
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected: Value =
            serde_json::from_slice(&fs::read(system.join("expected.json")).unwrap()).unwrap();
        assert_eq!(listed, expected, "{}", system.display());
    }
}
