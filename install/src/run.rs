//! A request from its beginning to its end: facts, plan, steps, and the report to a person.

use std::path::Path;

use firstlight::running::guards::in_container;
use serde::Serialize;

use crate::InstallError;
use crate::arguments::{Action, Options, Request};
use crate::error::refuse;
use crate::facts::{self, Facts};
use crate::plan::{self, Plan};
use crate::step::Step;
use crate::system::{LOCK, System};

#[derive(Serialize)]
struct Report<'a> {
    /// Each step with its text.
    changes: Vec<Change<'a>>,
    notes: &'a [String],
    done: bool,
}

#[derive(Serialize)]
struct Change<'a> {
    text: String,
    #[serde(flatten)]
    step: &'a Step,
}

/// Runs a request; `print` gets what a person reads, line by line as it happens, or one JSON object.
///
/// # Errors
/// [`InstallError`] says why nothing was done, or what was taken back.
pub fn run(request: &Request, print: &mut dyn FnMut(&str)) -> Result<(), InstallError> {
    let root = request.root.as_deref().unwrap_or(Path::new("/"));
    let system = System::new(root, request.efivars.as_deref());
    if system.is_running() && in_container() {
        return refuse("this is a container: its firmware and its disks are those of the host");
    }
    if system.is_running() && !request.dry_run && !rustix::process::geteuid().is_root() {
        return refuse("this is done by root; --dry-run shows what would be done");
    }
    // Until the end, so that nothing that a plan is made of changes while it is carried out.
    let busy = || eprintln!("firstlight install: another run is at work; this one waits for its end");
    let lock = if request.dry_run { Ok(None) } else { system.lock(busy) };
    let _lock = lock.map_err(|error| InstallError::Read { path: LOCK.into(), error })?;
    let facts = facts::survey(&system)?;
    let plan = plan(&system, &facts, request)?;
    if !request.dry_run {
        execute(&system, &plan, &mut |step| {
            if !request.json {
                print(&format!("{step}\n"));
            }
        })?;
    }
    if request.json {
        let changes = plan.steps.iter().map(|step| Change { text: step.to_string(), step }).collect();
        let report = Report { changes, notes: &plan.notes, done: !request.dry_run };
        print(&format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default()));
        return Ok(());
    }
    if request.dry_run {
        plan.steps.iter().for_each(|step| print(&format!("would {step}\n")));
    }
    plan.notes.iter().for_each(|note| print(&format!("{note}\n")));
    Ok(())
}

/// The plan for a request.
///
/// # Errors
/// [`InstallError::Refused`] where there is a doubt.
pub fn plan(system: &System, facts: &Facts, request: &Request) -> Result<Plan, InstallError> {
    match (request.action, &facts.state) {
        (Action::Install, _) => plan::install(system, facts, &request.options, false),
        (Action::Confirm, _) => Ok(plan::confirm(facts)),
        (Action::Remove, _) => Ok(plan::remove(system, facts)),
        (Action::Update, None) => {
            Ok(Plan { notes: vec!["firstlight is not installed as a boot entry".into()], ..Plan::default() })
        }
        (Action::Update, Some(state)) => {
            let kept = &state.options;
            let given = &request.options;
            let or = |given: &Option<_>, kept: &Option<_>| given.clone().or_else(|| kept.clone());
            let options = Options {
                init: or(&given.init, &kept.init),
                stub: or(&given.stub, &kept.stub),
                ..kept.clone()
            };
            plan::install(system, facts, &options, true)
        }
    }
}

/// Carries a plan out. Where a step fails, what was done is taken back.
///
/// # Errors
/// The step that failed, and why.
pub fn execute(system: &System, plan: &Plan, done: &mut dyn FnMut(&Step)) -> Result<(), InstallError> {
    for step in &plan.steps {
        if let Err(error) = step.apply(system) {
            let mut reason = format!("{error}; {}", advice(step, &error));
            for step in &plan.undo {
                if let Err(error) = step.apply(system) {
                    reason.push_str(&format!("; {step}: {error}"));
                }
            }
            return Err(InstallError::Step { step: step.to_string(), error: reason });
        }
        done(step);
    }
    Ok(())
}

fn advice(step: &Step, error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{ReadOnlyFilesystem, StorageFull};
    let is_variable = matches!(
        step,
        Step::CreateEntry { .. } | Step::OrderLast { .. } | Step::OrderFirst { .. } | Step::BootNext { .. }
    );
    match (error.kind(), is_variable) {
        (StorageFull, true) => {
            "the firmware has no room for another boot entry: remove old ones, or use --recovery"
        }
        (StorageFull, false) => "the file system is full: make room and run it again",
        (ReadOnlyFilesystem, true) => {
            "the firmware's variables are read-only: remount them, or use --recovery"
        }
        (ReadOnlyFilesystem, false) => "the file system is read-only: remount it, and run it again",
        _ => "what was done until then is taken back where that is possible",
    }
}
