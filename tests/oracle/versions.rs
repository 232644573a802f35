//! Where the versions of GRUB differ: what each of them answers, which one is followed, and why. The same table for people
//! is in docs/formats.md.

use crate::{answers, emulator::Grub};

/// A script that versions of GRUB answer in different ways.
struct Row {
    what: &'static str,
    script: &'static str,
    /// The record of each version for it.
    theirs: [(&'static str, &'static str); 3],
    /// The version whose answer is ours.
    followed: &'static str,
}

const ROWS: [Row; 1] = [
    // The manual of all versions has it so, and the distributions of today ship it.
    Row {
        what: "cmp of files that differ",
        script: "if cmp $base/tree/file $base/tree/empty; then emit same; else emit differ; fi",
        theirs: [("2.06", "|1:<same>"), ("2.12", "|1:<differ>"), ("2.14", "|1:<differ>")],
        followed: "2.12",
    },
];

/// GRUB and ours do what the table says.
pub fn table(grub: &Grub) {
    let directory = tempfile::tempdir().unwrap();
    let scripts = ROWS.map(|row| row.script.to_owned());
    for (row, (theirs, ours)) in ROWS.iter().zip(answers(grub, directory.path(), &scripts)) {
        let of = |wanted: &str| row.theirs.iter().find(|(version, _)| *version == wanted).unwrap().1;
        // The epilogue's record is the same everywhere.
        let recorded = |answer: Option<String>| Some(answer?.split_once("|8:<end>")?.0.to_owned());
        assert_eq!(
            recorded(theirs).as_deref(),
            Some(of(grub.version)),
            "GRUB {}: {}",
            grub.version,
            row.what
        );
        assert_eq!(recorded(ours).as_deref(), Some(of(row.followed)), "ours: {}", row.what);
    }
}
