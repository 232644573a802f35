//! Every block device, probed the moment it appears: each on a thread of its own, so that one that hangs holds up no other.

use std::{
    fs, io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{
    OpenVolume, VolumeEvent,
    keeper::{Keeper, KeeperAction, Limits},
    mount::Care,
    partition_scan,
    probe::{ProbeOutcome, ProbeRequest, Probed, Prober, errno},
    rejection::Rejection,
    uevent::{Socket, Uevent, UeventAction, UeventMessage},
};
use crate::{entry::Device, formats::sort, sys::threads};

/// A disk that answers is probed in milliseconds; one that has to spin up takes some seconds.
const LIMITS: Limits =
    Limits { probes: 16, deadline: Duration::from_secs(10), barrier: Duration::from_secs(30) };

/// How often the kernel itself asks drives that do not speak up whether their medium changed, in milliseconds. It does
/// not by itself; udev sets the same.
const POLL: (&str, &str) = ("/sys/module/block/parameters/events_dfl_poll_msecs", "2000");

/// Size of the stack of a probe's thread, in bytes: probing and mounting call nothing deep.
const STACK_SIZE: usize = 256 << 10;

/// The beginning and the end of a probe, for whoever passes over a device that the process died on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The probe of the device with this kernel name begins.
    Begin(String),
    /// It ended, whatever it found.
    End(String),
}

/// The watch over the machine's block devices; it ends with the process.
#[derive(Debug)]
pub struct Watch(Sender<WatchInput>);

enum WatchInput {
    Uevent(UeventMessage),
    /// No further uevents can be received.
    UeventsLost(io::Error),
    Probed {
        name: String,
        number: u64,
        probed: Box<Probed>,
    },
    ModulesLoaded,
    /// Take in all devices that there are.
    Walk,
}

impl Watch {
    /// Begins to watch. Devices named in `skip` are rejected without a probe. `events` is given what is found, `progress`
    /// which probe begins and ends, both from one thread and in order.
    ///
    /// # Errors
    /// The kernel's reason why there is no uevent socket or no thread.
    pub fn start(
        skip: Vec<String>,
        events: impl Fn(VolumeEvent) + Send + 'static,
        progress: impl Fn(Progress) + Send + 'static,
    ) -> io::Result<Self> {
        // Before sysfs is walked, so that no device is missed.
        let socket = Socket::open()?;
        if let Err(error) = fs::write(POLL.0, POLL.1) {
            log::info!("{}: {error}: discs that are put in later may go unnoticed", POLL.0);
        }
        let (sender, inputs) = channel();
        let uevents = sender.clone();
        spawn("uevents", move || {
            loop {
                let input = socket.receive().map_or_else(WatchInput::UeventsLost, WatchInput::Uevent);
                let is_last = matches!(input, WatchInput::UeventsLost(_));
                if uevents.send(input).is_err() || is_last {
                    break;
                }
            }
        })?;
        let watcher = Watcher::new(Prober::at_machine(Care::Alone), skip, sender.clone(), events, progress);
        spawn("devices", move || watcher.watch(&inputs))?;
        Ok(Self(sender))
    }

    /// Takes in all devices that there are, also those that the kernel has not announced: it announces a disk once it has read
    /// the partition table.
    pub fn look_again(&self) {
        // As below.
        let _ = self.0.send(WatchInput::Walk);
    }

    /// Says that the modules for all hardware are loaded: [`VolumeEvent::KnownProbed`] waits for the devices that there
    /// are now.
    pub fn modules_loaded(&self) {
        // The receiver lives as long as the process.
        let _ = self.0.send(WatchInput::ModulesLoaded);
    }
}

/// Probes all devices once, on a running system without a change that others would notice: volumes, and devices that nothing
/// can be read from, by their kernel names.
#[must_use]
pub fn survey(care: Care) -> (Vec<OpenVolume>, Vec<(Device, Rejection)>) {
    let (sender, inputs) = channel();
    let events = Arc::new(Mutex::new(Vec::new()));
    let reported = Arc::clone(&events);
    let report = move |event| reported.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let prober = Prober::at_machine(care);
    let mut watcher = Watcher::new(prober, Vec::new(), sender, report, |_| {});
    watcher.walk();
    watcher.keeper.modules_loaded(Instant::now());
    let mut volumes = Vec::new();
    // The last report on each device counts.
    let mut rejected: Vec<(Device, Rejection)> = Vec::new();
    loop {
        watcher.act();
        let new = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
        for event in new {
            match event {
                VolumeEvent::Opened(open) => {
                    rejected.retain(|(device, _)| device.name != open.volume.device.name);
                    volumes.push(open);
                }
                VolumeEvent::Rejected { device, rejection } => {
                    rejected.retain(|(other, _)| other.name != device.name);
                    rejected.push((device, rejection));
                }
                VolumeEvent::Gone(name) => rejected.retain(|(device, _)| device.name != name),
                VolumeEvent::Probing(_) | VolumeEvent::Awaited(_) => {}
                VolumeEvent::KnownProbed => {
                    sort::by(&mut rejected, |(one, _), (other, _)| one.name.cmp(&other.name));
                    return (volumes, rejected);
                }
            }
        }
        watcher.wait(&inputs);
    }
}

struct Watcher {
    prober: Arc<Prober>,
    skip: Vec<String>,
    keeper: Keeper,
    inputs: Sender<WatchInput>,
    events: Box<dyn Fn(VolumeEvent) + Send>,
    progress: Box<dyn Fn(Progress) + Send>,
}

impl Watcher {
    fn new(
        prober: Prober,
        skip: Vec<String>,
        inputs: Sender<WatchInput>,
        events: impl Fn(VolumeEvent) + Send + 'static,
        progress: impl Fn(Progress) + Send + 'static,
    ) -> Self {
        let (events, progress) = (Box::new(events), Box::new(progress));
        Self { prober: Arc::new(prober), skip, keeper: Keeper::new(LIMITS), inputs, events, progress }
    }

    fn watch(mut self, inputs: &Receiver<WatchInput>) {
        match self.prober.care {
            // Not those that are still being started.
            Care::Alone => self.prober.sysfs.announce_all(),
            Care::Shared => self.walk(),
        }
        loop {
            self.act();
            self.wait(inputs);
        }
    }

    /// Takes in all devices that there are now.
    fn walk(&mut self) {
        let names = self.prober.sysfs.names();
        self.keeper.only(&names, Instant::now());
        for name in &names {
            self.take_in(name, None);
        }
    }

    /// Takes in a device, new (`None`) or with the event that it changed by.
    fn take_in(&mut self, name: &str, change: Option<&Uevent>) {
        let Some(device) = self.prober.sysfs.device(name) else {
            return;
        };
        if self.prober.care == Care::Alone {
            partition_scan::permit(&self.prober.sysfs.number_words(name).unwrap_or_default());
        }
        let now = Instant::now();
        if self.prober.sysfs.is_placeholder(&device) {
            return self.keeper.removed(name, now);
        }
        let rejection = match self.skip.iter().any(|other| other == name) {
            true => Some(Rejection::PassedOver),
            false => self.prober.sysfs.rejection(&device),
        };
        match change {
            None => self.keeper.appeared(device, rejection, now),
            Some(event) => {
                let medium = event.medium_changed.then_some(event.disk_sequence);
                self.keeper.changed(device, rejection, medium, now);
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.keeper.next_action() {
            match action {
                KeeperAction::Probe { request, number } => self.probe(request, number),
                KeeperAction::Ended(name) => (self.progress)(Progress::End(name)),
                KeeperAction::Report(event) => (self.events)(*event),
            }
        }
    }

    fn probe(&mut self, request: ProbeRequest, number: u64) {
        let name = request.name.clone();
        (self.progress)(Progress::Begin(name.clone()));
        (self.events)(VolumeEvent::Probing(name.clone()));
        let (prober, inputs) = (Arc::clone(&self.prober), self.inputs.clone());
        let started = spawn(&format!("probe {name}"), move || {
            let probed = Box::new(prober.probe(&request));
            // Nobody receives it once the survey is over.
            let _ = inputs.send(WatchInput::Probed { name: request.name, number, probed });
        });
        if let Err(error) = started {
            let rejection = Rejection::NoThread(errno(&error));
            let outcome = match self.prober.sysfs.device(&name) {
                Some(device) => ProbeOutcome::Rejected { device, rejection },
                None => ProbeOutcome::Gone,
            };
            self.keeper.probed(&name, number, Probed::without_medium(outcome), Instant::now());
        }
    }

    /// Waits for the next input and takes it in.
    fn wait(&mut self, inputs: &Receiver<WatchInput>) {
        let input = match self.keeper.next_deadline() {
            Some(deadline) => inputs.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => inputs.recv().map_err(RecvTimeoutError::from),
        };
        match input {
            Ok(WatchInput::Uevent(UeventMessage::Event(event))) if event.subsystem == "block" => {
                self.take_in_event(&event);
            }
            Ok(WatchInput::Uevent(UeventMessage::Lost) | WatchInput::Walk) => self.walk(),
            Ok(WatchInput::ModulesLoaded) => {
                self.walk();
                self.keeper.modules_loaded(Instant::now());
            }
            Ok(WatchInput::Uevent(UeventMessage::Event(_))) => {}
            Ok(WatchInput::Probed { name, number, probed }) => {
                self.keeper.probed(&name, number, *probed, Instant::now());
            }
            Ok(WatchInput::UeventsLost(error)) => {
                log::error!("uevents: {error}: disks that appear from now on are not noticed");
            }
            // A sender is held here, so only the time can be up.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.keeper.expire(Instant::now());
    }

    fn take_in_event(&mut self, event: &Uevent) {
        let name = event.kernel_name();
        match event.action {
            UeventAction::Add => self.take_in(name, None),
            UeventAction::Change => self.take_in(name, Some(event)),
            UeventAction::Remove => self.keeper.removed(name, Instant::now()),
            UeventAction::Other => {}
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    threads::start(name, Some(STACK_SIZE), Box::new(run))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    use super::*;
    use crate::storage::sysfs::{Sysfs, tests::add};

    /// Any test that waits longer than this has failed.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A machine of files: its tree like /sys, and a directory like /dev.
    fn machine(disks: &[(&str, &[u8])]) -> (TempDir, Prober) {
        let directory = TempDir::new().unwrap();
        let (sys, dev) = (directory.path().join("sys"), directory.path().join("dev"));
        fs::create_dir(&dev).unwrap();
        for (name, content) in disks {
            let sectors = (content.len() / 512).to_string();
            add(
                &sys,
                &format!("pci0000:00/0000:00:02.0/virtio1/block/{name}"),
                &[("size", sectors.as_str())],
            );
            fs::write(dev.join(name), content).unwrap();
        }
        (directory, Prober { sysfs: Sysfs::at(&sys), nodes: dev, care: Care::Shared })
    }

    fn swap() -> Vec<u8> {
        let mut page = vec![0; 1 << 20];
        page[1024] = 1;
        page[1028..1032].copy_from_slice(&255_u32.to_le_bytes());
        page[4086..4096].copy_from_slice(b"SWAPSPACE2");
        page
    }

    /// Starts a watcher over a machine and gives its inputs and what it reports, in words.
    fn watch(prober: Prober, skip: &[&str], limits: Limits) -> (Sender<WatchInput>, Receiver<String>) {
        let (sender, inputs) = channel();
        let (reported, words) = channel();
        let progress = reported.clone();
        let report = move |event| {
            let _ = reported.send(match event {
                VolumeEvent::Probing(_) | VolumeEvent::Awaited(_) => return,
                VolumeEvent::Rejected { device, rejection } => format!("{}: {rejection}", device.name),
                VolumeEvent::KnownProbed => "all probed".to_owned(),
                other => format!("{other:?}"),
            });
        };
        let skip = skip.iter().map(|name| (*name).to_owned()).collect();
        let progress = move |step| drop(progress.send(format!("{step:?}")));
        let mut watcher = Watcher::new(prober, skip, sender.clone(), report, progress);
        watcher.keeper = Keeper::new(limits);
        spawn("devices", move || watcher.watch(&inputs)).unwrap();
        (sender, words)
    }

    fn uevent(action: UeventAction, name: &str) -> WatchInput {
        WatchInput::Uevent(UeventMessage::Event(Uevent {
            action,
            devpath: format!("/devices/vbd-1/block/{name}"),
            subsystem: "block".to_owned(),
            devname: Some(name.to_owned()),
            modalias: None,
            medium_changed: false,
            disk_sequence: None,
        }))
    }

    fn next(words: &Receiver<String>, count: usize) -> Vec<String> {
        let mut all: Vec<String> = (0..count).map(|_| words.recv_timeout(PATIENCE).unwrap()).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_device_gets_its_reason_and_then_the_barrier_falls() {
        let (_directory, prober) = machine(&[
            ("vda", &swap()),
            ("vdb", &[0; 4096]),
            ("vdc", &[]),
            ("vdd", &[0; 4096]),
            ("ram0", &[0; 512]),
        ]);
        let (inputs, words) = watch(prober, &["vdd"], LIMITS);
        inputs.send(WatchInput::ModulesLoaded).unwrap();
        let all = [
            "Begin(\"vda\")",
            "Begin(\"vdb\")",
            "End(\"vda\")",
            "End(\"vdb\")",
            "vda: swap space",
            "vdb: no file system that is known",
            "vdc: no medium",
            "vdd: passed over, because looking at it ended the last attempt",
        ];
        assert_eq!(next(&words, all.len()), all);
        assert_eq!(next(&words, 1), ["all probed"]);
    }

    #[test]
    fn devices_that_come_and_go_are_noticed_by_event_and_by_walk() {
        let (directory, prober) = machine(&[("vda", &[])]);
        let (inputs, words) = watch(prober, &[], LIMITS);
        assert_eq!(next(&words, 1), ["vda: no medium"]);
        let sys = directory.path().join("sys");
        add(&sys, "vbd-1/block/vdb", &[("size", "0")]);
        inputs.send(uevent(UeventAction::Add, "vdb")).unwrap();
        assert_eq!(next(&words, 1), ["vdb: no medium"]);
        inputs.send(uevent(UeventAction::Remove, "vdb")).unwrap();
        assert_eq!(next(&words, 1), ["Gone(\"vdb\")"]);
        add(&sys, "vbd-2/block/vdc", &[("size", "0")]);
        fs::remove_file(sys.join("class/block/vdb")).unwrap();
        inputs.send(WatchInput::Uevent(UeventMessage::Lost)).unwrap();
        assert_eq!(next(&words, 1), ["vdc: no medium"]);
    }

    #[test]
    fn a_device_that_never_answers_holds_up_no_other() {
        let (directory, prober) = machine(&[("vda", &[0; 512]), ("vdb", &[0; 512])]);
        let node = directory.path().join("dev/vda");
        fs::remove_file(&node).unwrap();
        // A fifo without a writer hangs whoever opens it, as a broken disk does.
        mknodat(CWD, &node, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let limits = Limits { probes: 1, deadline: Duration::from_millis(100), ..LIMITS };
        let (inputs, words) = watch(prober, &[], limits);
        inputs.send(WatchInput::ModulesLoaded).unwrap();
        let all: Vec<String> = (0..6).map(|_| words.recv_timeout(PATIENCE).unwrap()).collect();
        assert_eq!(
            all,
            [
                "Begin(\"vda\")",
                "vda: no answer within 0.1 s; not waited for",
                "Begin(\"vdb\")",
                "End(\"vdb\")",
                "vdb: no file system that is known",
                "all probed",
            ]
        );
        // It comes to itself after all.
        fs::write(&node, "").unwrap();
        assert_eq!(words.recv_timeout(PATIENCE).unwrap(), "End(\"vda\")");
    }

    #[test]
    fn a_node_that_cannot_be_opened_is_a_reason() {
        let (directory, prober) = machine(&[("vda", &[0; 512])]);
        fs::remove_file(directory.path().join("dev/vda")).unwrap();
        let (_inputs, words) = watch(prober, &[], LIMITS);
        let all = next(&words, 3);
        assert!(
            all[2].starts_with("vda: ") && all[2].ends_with("No such file or directory (os error 2)"),
            "{all:?}"
        );
    }
}
