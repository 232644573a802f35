//! Finders that end badly. What a confined process can do, tests/sandbox.rs tries.

use std::{cell::RefCell, os::unix::process::ExitStatusExt, path::Path, sync::Mutex};

use super::*;
use crate::{
    discover::{Report, explain::report as report_of, testing},
    entry::{FilesystemKind, Layer, LogState, Volume, VolumeId},
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

/// What nothing found makes of the volume.
fn nothing() -> Survey {
    report_of(&[testing::volume("sda1", FilesystemKind::Ext4)], &Context::default(), Vec::new(), &[])
}

#[test]
fn an_answer_is_all_or_nothing() {
    assert!(matches!(ask_shell("echo '{}'", LONG), Err(SandboxError::Garbled)));
    assert!(matches!(ask_shell("exit 0", LONG), Err(SandboxError::Garbled)));
    // Nothing is missing of the confinement, and three counts of zero.
    assert_eq!(ask_shell("head -c 25 /dev/zero", LONG).unwrap(), nothing());
}

#[test]
fn what_is_missing_of_the_confinement_comes_first() {
    let survey = ask_shell("printf '\\005a gap'; head -c 24 /dev/zero", LONG).unwrap();
    assert_eq!(survey, Survey { unconfined: Some("a gap".into()), ..nothing() });
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

/// Searches that die, or take too long, whenever one of these volumes is among those searched. Gives the survey and what was
/// searched, sorted.
fn survey_against(
    volumes: &[OpenVolume],
    verdicts: &mut Verdicts,
    dies: &[&str],
    hangs: &[&str],
) -> (Survey, Vec<String>) {
    let tried = Mutex::new(Vec::new());
    let search = |volumes: &[&OpenVolume], limit: Duration| {
        let names: Vec<&str> = volumes.iter().map(|open| open.volume.device.name.as_str()).collect();
        tried.lock().unwrap().push(names.join(" "));
        if names.iter().any(|name| dies.contains(name)) {
            return Err(SandboxError::Died(ExitStatus::from_raw(libc::SIGSEGV)));
        }
        if names.iter().any(|name| hangs.contains(name)) {
            return Err(SandboxError::TimedOut(limit));
        }
        let volumes: Vec<_> = volumes.iter().map(|open| open.volume.clone()).collect();
        Ok(report_of(&volumes, &Context::default(), Vec::new(), &[]))
    };
    let volumes: Vec<_> = volumes.iter().collect();
    let survey =
        isolate::survey_by(&volumes, verdicts, Duration::from_secs(12), &|_| {}, None, &search).unwrap();
    let mut tried = tried.into_inner().unwrap();
    tried.sort_unstable();
    (survey, tried)
}

#[test]
fn a_hostile_volume_loses_only_itself_and_is_not_searched_again() {
    let mut verdicts = Verdicts::default();
    let volumes = open(&["sda1", "sda2", "sda3"]);
    let expected = [
        "sda1: ext4, no boot configuration",
        "sda2: ext4, search lost: the finder ended badly (signal: 11 (SIGSEGV))",
        "sda3: ext4, no boot configuration",
    ];
    for searches in [&["sda1", "sda1 sda2 sda3", "sda1 sda3", "sda2", "sda3"][..], &["sda1 sda3"]] {
        let (survey, tried) = survey_against(&volumes, &mut verdicts, &["sda2"], &[]);
        let summaries: Vec<_> = survey.volumes.iter().map(Report::summary).collect();
        assert_eq!(summaries, expected);
        assert_eq!(survey.discovery.warnings.len(), 1);
        assert_eq!(survey.discovery.warnings[0].volume.name, "sda2");
        assert_eq!(tried, searches);
    }
    // One that is added and ends the search is the one to blame, without a further search.
    let (survey, tried) = survey_against(&open(&["sda1", "sda3", "sdb1"]), &mut verdicts, &["sdb1"], &[]);
    assert_eq!((survey.volumes.len(), tried.join(", ")), (3, "sda1 sda3, sda1 sda3 sdb1".into()));
}

#[test]
fn a_volume_that_takes_long_is_searched_again_when_there_is_time_and_then_given_up() {
    let mut verdicts = Verdicts::default();
    let volumes = open(&["sda1", "sda2"]);
    let search = |verdicts: &mut Verdicts| survey_against(&volumes, verdicts, &[], &["sda2"]).1.join(", ");
    assert_eq!(search(&mut verdicts), "sda1, sda1, sda1 sda2, sda2");
    assert_eq!((search(&mut verdicts), verdicts.is_any_late()), ("sda1".into(), true));
    verdicts.give_more_time();
    assert_eq!(search(&mut verdicts), "sda1, sda1 sda2");
    verdicts.give_up();
    assert!(!verdicts.is_any_late());
    verdicts.give_more_time();
    assert_eq!(search(&mut verdicts), "sda1");
}

#[test]
fn volumes_that_end_a_search_only_together_lose_one_of_them() {
    let volumes = open(&["sda1", "sda2", "sda3"]);
    let search = |volumes: &[&OpenVolume], _: Duration| {
        let names: Vec<&str> = volumes.iter().map(|open| open.volume.device.name.as_str()).collect();
        match names.contains(&"sda1") && names.contains(&"sda3") {
            true => Err(SandboxError::Garbled),
            false => {
                let volumes: Vec<_> = volumes.iter().map(|open| open.volume.clone()).collect();
                Ok(report_of(&volumes, &Context::default(), Vec::new(), &[]))
            }
        }
    };
    let volumes: Vec<_> = volumes.iter().collect();
    let limit = Duration::from_secs(12);
    let survey =
        isolate::survey_by(&volumes, &mut Verdicts::default(), limit, &|_| {}, None, &search).unwrap();
    assert_eq!(survey.discovery.warnings.len(), 1);
    assert_eq!(survey.discovery.warnings[0].volume.name, "sda3");
}

#[test]
fn where_all_volumes_are_hostile_each_is_explained() {
    let volumes = open(&["sda1", "sda2"]);
    let (survey, _) = survey_against(&volumes, &mut Verdicts::default(), &["sda1", "sda2"], &[]);
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
    let search = |volumes: &[&OpenVolume], _: Duration| {
        let volumes: Vec<_> = volumes.iter().map(|open| open.volume.clone()).collect();
        Ok(report_of(&volumes, &Context::default(), Vec::new(), &[]))
    };
    let volumes: Vec<_> = volumes.iter().collect();
    let mut verdicts = Verdicts::default();
    let survey = isolate::survey_by(&volumes, &mut verdicts, LONG, &|_| {}, Some(&report), &search);
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
        Volume {
            subvolume: Some("/@".into()),
            boot_area: Some(vec![1, 2]),
            log: LogState::Replayed,
            remarks: vec!["a".into()],
            ..volume
        }
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
