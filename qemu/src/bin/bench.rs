//! `scripts/bench.sh`: measures, and checks what was measured against the budgets.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use qemu::bench::{GROUPS, Group, Report};
use qemu::place;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "-h" || word == "--help") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    if let Some(word) = words.iter().find(|word| GROUPS.iter().all(|group| group.name != word.as_str())) {
        eprintln!("bench: no group {word:?}; --help tells what there is");
        return ExitCode::from(2);
    }
    let chosen =
        GROUPS.iter().filter(|group| words.is_empty() || words.iter().any(|word| word == group.name));
    match measure(chosen) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let groups: String = GROUPS.iter().map(|group| format!("  {:<9} {}\n", group.name, group.what)).collect();
    format!(
        "Usage: scripts/bench.sh [GROUP]…\n\n\
         Measures and prints a line for each value, `name value unit`; target/bench.json has them with their budgets.\n\n\
         Groups (default all):\n{groups}\n\
         Exit code: 0 done, 1 past a budget or failed, 2 wrong usage.\n"
    )
}

/// Whether everything is within its budget.
fn measure<'a>(groups: impl Iterator<Item = &'a Group>) -> qemu::Result<bool> {
    let mut report = Report::default();
    for group in groups {
        (group.run)(&mut report)?;
        // After each group, so that a later failure loses nothing.
        report.write(&place::target().join("bench.json"))?;
    }
    for over in report.exceeded() {
        let budget = over.budget.unwrap_or_default();
        eprintln!("bench: {} is past its budget: {} of {budget} {}", over.name, over.value, over.unit);
    }
    for (missing, error) in report.failures() {
        eprintln!("bench: {} could not be measured: {error}", missing.name);
    }
    Ok(report.exceeded().next().is_none() && report.failures().next().is_none())
}
