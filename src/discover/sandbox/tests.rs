//! Finders that end badly. What a confined process can do, tests/sandbox.rs tries.

use std::{cell::RefCell, os::unix::process::ExitStatusExt, path::Path};

use super::*;
use crate::{
    discover::{explain::report as report_of, testing},
    entry::{FilesystemKind, Layer, Volume, VolumeId},
    formats::efi_boot::LoadOption,
    storage::root::Root,
};

fn open(names: &[&str]) -> Vec<OpenVolume> {
    let open = |name: &&str| OpenVolume {
        volume: testing::volume(name, FilesystemKind::Ext4),
        root: Root::from_directory(Path::new("/")).unwrap(),
    };
    names.iter().map(open).collect()
}

fn ask_shell(script: &str, deadline: Duration) -> Result<Survey, SandboxError> {
    let program = Program::new(OsStr::new("/bin/sh"), &["sh", "-c", script]).unwrap();
    let volumes = open(&["sda1"]);
    ask(program, &volumes.iter().collect::<Vec<_>>(), &Context::default(), deadline)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_finder_that_dies_is_named_for_how_it_died() {
    for (script, message) in [
        ("exit 3", "the finder ended badly (exit status: 3)"),
        ("kill -SEGV $$", "the finder ended badly (signal: 11 (SIGSEGV))"),
        ("kill -SYS $$", "the finder ended badly (signal: 31 (SIGSYS))"),
        ("echo half; kill -KILL $$", "the finder ended badly (signal: 9 (SIGKILL))"),
    ] {
        assert_eq!(ask_shell(script, LONG).unwrap_err().to_string(), message, "{script}");
    }
}

#[test]
fn an_answer_is_all_or_nothing() {
    assert!(matches!(ask_shell("echo '{}'", LONG), Err(SandboxError::Garbled)));
    assert!(matches!(ask_shell("exit 0", LONG), Err(SandboxError::Garbled)));
    // Nothing is missing of the confinement. No timeout, the first style, no default, not locked, five counts of zero, and
    // what only the asker knows.
    assert_eq!(ask_shell("head -c 46 /dev/zero", LONG).unwrap(), Survey::default());
}

#[test]
fn what_is_missing_of_the_confinement_comes_first() {
    let survey = ask_shell("printf '\\005a gap'; head -c 45 /dev/zero", LONG).unwrap();
    assert_eq!(survey, Survey { unconfined: Some("a gap".into()), ..Survey::default() });
    let long = "ä".repeat(200);
    let opening = wire::opening(Some(&long));
    let (missing, rest) = wire::split_opening(&opening).unwrap();
    assert_eq!((missing.as_deref(), rest), (Some("ä".repeat(127).as_str()), &b""[..]));
    assert_eq!(wire::split_opening(&opening[..9]), None);
}

#[test]
fn what_a_finder_says_on_its_standard_error_reaches_no_terminal() {
    let program = Program::new(OsStr::new("/bin/sh"), &["sh", "-c", "[ ! -t 2 ] && printf '\\033[2J' >&2"]);
    let volumes = open(&["sda1"]);
    let volumes: Vec<_> = volumes.iter().collect();
    let probed = probe(program.unwrap(), &volumes, &Context::default()).unwrap();
    assert_eq!((probed.status.unwrap().code(), probed.said.as_str()), (Some(0), "\u{1b}[2J"));
}

#[test]
fn an_endless_answer_is_cut() {
    assert!(matches!(
        ask_shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done | cat", LONG),
        Err(SandboxError::TooLong)
    ));
}

#[test]
fn a_finder_that_hangs_is_killed_at_the_deadline() {
    let short = Duration::from_millis(100);
    for script in ["exec cat /dev/zero > /dev/null", "exec >&- <&-; exec cat /dev/zero > /dev/null"] {
        let begin = Instant::now();
        assert!(matches!(ask_shell(script, short), Err(SandboxError::TimedOut(_))), "{script}");
        assert!(begin.elapsed() < LONG, "{script}");
    }
}

#[test]
fn a_finder_that_is_not_there_says_so() {
    let volumes = open(&["sda1"]);
    let volumes: Vec<_> = volumes.iter().collect();
    let error =
        ask(Program::new(OsStr::new("/nonexistent"), &[""]).unwrap(), &volumes, &Context::default(), LONG)
            .unwrap_err();
    assert!(matches!(error, SandboxError::Start(_)));
}

/// Searches that die whenever one of the hostile volumes is among those searched.
fn survey_against(names: &[&str], hostile: &[&str]) -> (Result<Survey, SandboxError>, Vec<String>) {
    let volumes = open(names);
    let tried = RefCell::new(Vec::new());
    let survey = survey_by(&volumes.iter().collect::<Vec<_>>(), None, |volumes| {
        let names: Vec<&str> = volumes.iter().map(|open| open.volume.device.name.as_str()).collect();
        tried.borrow_mut().push(names.join(" "));
        if names.iter().any(|name| hostile.contains(name)) {
            return Err(SandboxError::Died(ExitStatus::from_raw(libc::SIGSEGV)));
        }
        let volumes: Vec<_> = volumes.iter().map(|open| open.volume.clone()).collect();
        Ok(report_of(&volumes, Vec::new(), &[], &[]))
    });
    (survey, tried.into_inner())
}

#[test]
fn a_hostile_volume_loses_only_itself() {
    let (survey, tried) = survey_against(&["sda1", "sda2", "sda3"], &["sda2"]);
    let survey = survey.unwrap();
    let summaries: Vec<_> = survey.volumes.iter().map(Report::summary).collect();
    let expected = [
        "sda1: ext4, no boot configuration",
        "sda2: ext4, search lost: the finder ended badly (signal: 11 (SIGSEGV))",
        "sda3: ext4, no boot configuration",
    ];
    assert_eq!(summaries, expected);
    assert_eq!(survey.discovery.warnings.len(), 1);
    assert_eq!(survey.discovery.warnings[0].volume.name, "sda2");
    assert_eq!(tried, ["sda1 sda2 sda3", "sda1", "sda1 sda2", "sda1 sda3"]);
}

#[test]
fn where_all_volumes_are_hostile_each_is_explained() {
    let (survey, _) = survey_against(&["sda1", "sda2"], &["sda1", "sda2"]);
    let survey = survey.unwrap();
    assert_eq!(
        survey.volumes.iter().map(|report| report.volume.name.as_str()).collect::<Vec<_>>(),
        ["sda1", "sda2"]
    );
    assert_eq!(survey.discovery.warnings.len(), 2);
}

#[test]
fn volumes_that_are_searched_one_at_a_time_are_named_before_and_after() {
    let volumes = open(&["sda1", "sda2"]);
    let steps = RefCell::new(Vec::new());
    let report = |step| steps.borrow_mut().push(step);
    let survey = survey_by(&volumes.iter().collect::<Vec<_>>(), Some(&report), |volumes| {
        let volumes: Vec<_> = volumes.iter().map(|open| open.volume.clone()).collect();
        Ok(report_of(&volumes, Vec::new(), &[], &[]))
    });
    assert_eq!(survey.unwrap().volumes.len(), 2);
    let step = |name: &str| [Progress::Begin(name.into()), Progress::End(name.into())];
    assert_eq!(steps.into_inner(), [step("sda1"), step("sda2")].concat());
}

fn every_form_of_a_volume() -> Vec<Volume> {
    let host = Volume { id: VolumeId(7), ..testing::volume("sda1", FilesystemKind::Vfat) };
    let image = Volume::in_image(&host, "/x.iso", 9, host.filesystem.clone());
    let layers = [
        Layer::LogicalVolume { name: "g-v".into(), group: "G".into(), volume: "V".into() },
        Layer::Array { uuid: Some("0-a".into()), name: None },
        Layer::Container { uuid: "0a1b".into() },
    ];
    let on = |layer| {
        let mut volume = testing::volume("dm-1", FilesystemKind::Btrfs);
        volume.device.layer = Some(layer);
        volume.device.beneath = vec!["sda".into(), "sda2".into()];
        Volume { subvolume: Some("/@".into()), boot_area: Some(vec![1, 2]), ..volume }
    };
    [host, image].into_iter().chain(layers.map(on)).collect()
}

#[test]
fn the_request_arrives_with_its_directories() {
    let tree = testing::tree(&[("marker", "here")]);
    let (own, mut other) = UnixStream::pair().unwrap();
    let request = FinderRequest {
        context: Context {
            efi: true,
            grub_flavour: Some("suse".into()),
            boot_options: vec![LoadOption {
                active: true,
                description: "debian".into(),
                partition: None,
                file: Some("\\EFI\\debian\\shimx64.efi".into()),
                data: vec![1, 2],
                number: 7,
            }],
            ..Context::default()
        },
        volumes: every_form_of_a_volume(),
    };
    let root = Root::from_directory(tree.path()).unwrap();
    let directories = request.volumes.iter().map(|_| root.as_fd()).collect::<Vec<_>>();
    wire::send(&own, &request, &directories).unwrap();
    let (received, directories) = wire::receive(&mut other).unwrap();
    assert_eq!(received, request);
    let root = Root::from_fd(directories.into_iter().next().unwrap());
    assert_eq!(root.read("/marker", 9).as_deref(), Ok(&b"here"[..]));
}
