//! Killed at each step, the machine has an entry that boots, and the next run finishes or takes back what was left.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use install::arguments::{Action, Options};

use crate::boots;
use crate::tree::{DEBIAN, Machine};

/// What has come before the action that is killed.
fn prepared(action: Action) -> (Machine, std::collections::BTreeMap<String, (u32, String)>) {
    let machine = Machine::new(&DEBIAN);
    let before = machine.snapshot();
    match action {
        Action::Install => {}
        Action::Confirm => {
            machine.run(Action::Install, Options::default());
            machine.boot(2);
        }
        Action::Update | Action::Remove => {
            machine.run(Action::Install, Options::default());
            machine.boot(2);
            machine.run(Action::Confirm, Options::default());
        }
    }
    (machine, before)
}

#[test]
fn at_each_step_an_entry_boots_and_the_next_run_restores_or_finishes() {
    for action in [Action::Install, Action::Confirm, Action::Update, Action::Remove] {
        for finish in [false, true] {
            for step in 0.. {
                let (machine, before) = prepared(action);
                if action == Action::Update {
                    machine.file("etc/firstlight.conf", "timeout = 3\n");
                }
                let plan = machine.plan(action, Options::default()).unwrap();
                let steps = &plan.steps;
                steps.iter().take(step).for_each(|step| step.apply(&machine.system).unwrap());
                let what = format!("{action:?}, {step} of {} steps, {finish}", steps.len());
                let booted = boots(&machine, "boot/efi").unwrap_or_else(|| panic!("{what}: nothing boots"));
                // What is tried or confirmed is whole: its hash is in the state.
                if let Some(state) = machine.facts().state {
                    let whole =
                        |copy: &install::state::Copy| copy.progress != install::state::Progress::Writing;
                    for file in state.copies().filter(|copy| whole(copy)).flat_map(|copy| &copy.files) {
                        if booted == file.path.replace("/boot/efi", "") {
                            assert_eq!(
                                std::fs::read(machine.path(&file.path)).unwrap().len() as u64,
                                file.size,
                                "{what}"
                            );
                        }
                    }
                }
                if finish {
                    let plan = machine.plan(action, Options::default()).unwrap();
                    plan.steps.iter().for_each(|step| step.apply(&machine.system).unwrap());
                    assert!(boots(&machine, "boot/efi").is_some(), "{what}");
                }
                machine.run(Action::Remove, Options::default());
                machine.boot(1);
                let mut after = machine.snapshot();
                after.remove("etc/firstlight.conf");
                let mut before = before;
                before.remove("etc/firstlight.conf");
                assert_eq!(after, before, "{what}");
                if step >= steps.len() {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_step_that_fails_is_taken_back() {
    let (machine, before) = prepared(Action::Install);
    let mut plan = machine.plan(Action::Install, Options::default()).unwrap();
    // The firmware has no room: here, something else is in the variable's place.
    let steps = plan.steps.len();
    plan.steps[steps - 2] = install::step::Step::WriteFile {
        path: "/nowhere/at/all".into(),
        size: 0,
        executable: false,
        content: Vec::new(),
    };
    let error = install::run::execute(&machine.system, &plan, &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("write /nowhere/at/all (0 bytes): No such file or directory"), "{error}");
    assert_eq!(machine.snapshot(), before);
}

/// The real program, killed by SIGKILL after it has said that it did a step.
#[test]
fn the_program_is_killed_while_it_works() {
    for action in [Action::Install, Action::Confirm, Action::Remove] {
        for lines in 0.. {
            let (machine, before) = prepared(action);
            let mut command = Command::new(env!("CARGO_BIN_EXE_firstlight-install"));
            command.arg("--root").arg(machine.directory.path()).stdout(Stdio::piped());
            command.args(match action {
                Action::Confirm => &["--confirm"][..],
                Action::Remove => &["--remove"],
                _ => &[],
            });
            let mut child = command.spawn().unwrap();
            let read = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(lines).count();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(boots(&machine, "boot/efi").is_some(), "{action:?} killed after {lines} lines");
            machine.run(Action::Remove, Options::default());
            machine.boot(1);
            assert_eq!(machine.snapshot(), before, "{action:?} killed after {lines} lines");
            if read < lines {
                break;
            }
        }
    }
}
