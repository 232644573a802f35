//! Every block device, looked at the moment it appears: each on a thread of its own, so that one that hangs holds up
//! nobody.

use std::{
    fs, io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    OpenVolume,
    keeper::{Action, Keeper, Limits},
    look::{Look, Looked, Looker, Order},
    mount::Care,
    uevent::{self, Message, Uevent},
};
use crate::entry::Device;

/// Looking at a disk that answers takes milliseconds; spinning up one that slept, some seconds.
const LIMITS: Limits =
    Limits { looks: 16, deadline: Duration::from_secs(10), barrier: Duration::from_secs(30) };

/// How often the kernel itself asks drives that do not speak up whether their medium changed, in milliseconds. It does
/// not unless told to; udev tells it the same.
const POLL: (&str, &str) = ("/sys/module/block/parameters/events_dfl_poll_msecs", "2000");

/// Probing and mounting call nothing deep.
const STACK: usize = 256 << 10;

/// What the watch sees.
#[derive(Debug)]
pub enum Sighting {
    /// A volume whose files can be read.
    Opened(OpenVolume),
    /// A device that nothing can be read from. A volume may still come of it, if it answers late or changes.
    Rejected {
        /// The device.
        device: Device,
        /// Why, in the kernel's terms.
        reason: String,
    },
    /// A device that was told of is gone, or is about to be looked at anew; holds its kernel name.
    Gone(String),
    /// Every device that was known when the modules were loaded has been looked at, or let its deadline pass. Told once.
    KnownLookedAt,
}

/// Where a look stands, for whoever passes over a device that the process died on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Looking at the device with this kernel name begins.
    Begin(String),
    /// It ended, whatever came of it.
    End(String),
}

/// The watch over the machine's block devices; it ends with the process.
#[derive(Debug)]
pub struct Watch(Sender<Input>);

enum Input {
    Heard(Message),
    Deaf(io::Error),
    Looked { name: String, number: u64, looked: Looked },
    ModulesLoaded,
}

impl Watch {
    /// Begins to watch. Devices named in `skip` are told of but not looked at. `sink` is told what is seen, `progress`
    /// which look begins and ends, both from one thread and in order.
    ///
    /// # Errors
    /// The kernel's reason why there is no uevent socket or no thread.
    pub fn start(
        skip: Vec<String>,
        sink: impl Fn(Sighting) + Send + 'static,
        progress: impl Fn(Progress) + Send + 'static,
    ) -> io::Result<Self> {
        // The ears first: what appears during the walk is heard.
        let socket = uevent::Socket::open()?;
        if let Err(error) = fs::write(POLL.0, POLL.1) {
            log::info!("{}: {error}: discs that are put in later may go unnoticed", POLL.0);
        }
        let (inputs, mail) = channel();
        let ears = inputs.clone();
        spawn("uevents", move || {
            loop {
                let input = socket.receive().map_or_else(Input::Deaf, Input::Heard);
                let deaf = matches!(input, Input::Deaf(_));
                if ears.send(input).is_err() || deaf {
                    break;
                }
            }
        })?;
        let watcher = Watcher::new(Looker::at_machine(Care::Alone), skip, inputs.clone(), sink, progress);
        spawn("devices", move || watcher.watch(&mail))?;
        Ok(Self(inputs))
    }

    /// Says that the modules for all hardware are loaded: the barrier of [`Sighting::KnownLookedAt`] stands from now on.
    pub fn modules_loaded(&self) {
        // The receiver lives as long as the process.
        let _ = self.0.send(Input::ModulesLoaded);
    }
}

/// Looks once at all devices of a running system, in whose use nothing changes: volumes, and devices with the reason why
/// there is none on them.
#[must_use]
pub fn survey() -> (Vec<OpenVolume>, Vec<(Device, String)>) {
    let (inputs, mail) = channel();
    let (seen, sightings) = channel();
    // The receiver is here until all is told.
    let sink = move |sighting| drop(seen.send(sighting));
    let mut watcher = Watcher::new(Looker::at_machine(Care::Shared), Vec::new(), inputs, sink, |_| {});
    watcher.walk();
    watcher.keeper.modules_loaded(Instant::now());
    let mut volumes = Vec::new();
    // The last word on each device counts.
    let mut rejected: Vec<(Device, String)> = Vec::new();
    loop {
        watcher.act();
        for sighting in sightings.try_iter() {
            let name = match &sighting {
                Sighting::Opened(open) => &open.volume.device.name,
                Sighting::Rejected { device, .. } => &device.name,
                Sighting::Gone(name) => name,
                Sighting::KnownLookedAt => {
                    rejected.sort_unstable_by(|(one, _), (other, _)| one.name.cmp(&other.name));
                    return (volumes, rejected);
                }
            };
            rejected.retain(|(device, _)| device.name != *name);
            match sighting {
                Sighting::Opened(open) => volumes.push(open),
                Sighting::Rejected { device, reason } => rejected.push((device, reason)),
                Sighting::Gone(_) | Sighting::KnownLookedAt => {}
            }
        }
        watcher.wait(&mail);
    }
}

struct Watcher<S, P> {
    looker: Arc<Looker>,
    skip: Vec<String>,
    keeper: Keeper,
    inputs: Sender<Input>,
    sink: S,
    progress: P,
}

impl<S: Fn(Sighting), P: Fn(Progress)> Watcher<S, P> {
    fn new(looker: Looker, skip: Vec<String>, inputs: Sender<Input>, sink: S, progress: P) -> Self {
        Self { looker: Arc::new(looker), skip, keeper: Keeper::new(LIMITS), inputs, sink, progress }
    }

    fn watch(mut self, mail: &Receiver<Input>) {
        self.walk();
        loop {
            self.act();
            self.wait(mail);
        }
    }

    /// Takes in all devices that there are now.
    fn walk(&mut self) {
        let names = self.looker.sysfs.names();
        self.keeper.only(&names, Instant::now());
        for name in &names {
            self.meet(name, None);
        }
    }

    /// Takes in a device, new (`None`) or with the event that it changed by.
    fn meet(&mut self, name: &str, change: Option<&Uevent>) {
        let Some(device) = self.looker.sysfs.device(name) else {
            return;
        };
        let now = Instant::now();
        if self.looker.sysfs.is_placeholder(&device) {
            return self.keeper.removed(name, now);
        }
        let unfit = if self.skip.iter().any(|skipped| skipped == name) {
            Some("passed over, because looking at it ended the last attempt".to_owned())
        } else {
            self.looker.sysfs.unfit(&device)
        };
        match change {
            None => self.keeper.appeared(device, unfit, now),
            Some(event) => {
                let medium = event.medium_changed.then_some(event.disk_sequence);
                self.keeper.changed(device, unfit, medium, now);
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.keeper.next_action() {
            match action {
                Action::Look { order, number } => self.look(order, number),
                Action::Ended(name) => (self.progress)(Progress::End(name)),
                Action::Tell(sighting) => (self.sink)(sighting),
            }
        }
    }

    fn look(&mut self, order: Order, number: u64) {
        let name = order.name.clone();
        (self.progress)(Progress::Begin(name.clone()));
        let (looker, inputs) = (Arc::clone(&self.looker), self.inputs.clone());
        let started = spawn(&format!("look {name}"), move || {
            let looked = looker.look(&order);
            // Where the survey is over, nobody waits any more.
            let _ = inputs.send(Input::Looked { name: order.name, number, looked });
        });
        if let Err(error) = started {
            let reason = format!("no thread to look at it: {error}");
            let device = self.looker.sysfs.device(&name);
            let look = device.map_or(Look::Gone, |device| Look::Rejected { device, reason, part: None });
            self.keeper.looked(&name, number, Looked { look, medium: None }, Instant::now());
        }
    }

    /// Waits for the next thing to happen and writes it into the books.
    fn wait(&mut self, mail: &Receiver<Input>) {
        let input = match self.keeper.next_deadline() {
            Some(deadline) => mail.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => mail.recv().map_err(RecvTimeoutError::from),
        };
        match input {
            Ok(Input::Heard(Message::Event(event))) if event.subsystem == "block" => self.hear(&event),
            Ok(Input::Heard(Message::Lost)) => self.walk(),
            Ok(Input::ModulesLoaded) => {
                self.walk();
                self.keeper.modules_loaded(Instant::now());
            }
            Ok(Input::Heard(Message::Event(_))) => {}
            Ok(Input::Looked { name, number, looked }) => {
                self.keeper.looked(&name, number, looked, Instant::now());
            }
            Ok(Input::Deaf(error)) => {
                log::error!("uevents: {error}: disks that appear from now on are not noticed");
            }
            // A sender is held here, so only the time can be up.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.keeper.expire(Instant::now());
    }

    fn hear(&mut self, event: &Uevent) {
        let name = event.kernel_name();
        match event.action {
            uevent::Action::Add => self.meet(name, None),
            uevent::Action::Change => self.meet(name, Some(event)),
            uevent::Action::Remove => self.keeper.removed(name, Instant::now()),
            uevent::Action::Other => {}
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run).map(drop)
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
    fn machine(disks: &[(&str, &[u8])]) -> (TempDir, Looker) {
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
        (directory, Looker { sysfs: Sysfs::at(&sys), nodes: dev, care: Care::Shared })
    }

    fn swap() -> Vec<u8> {
        let mut page = vec![0; 1 << 20];
        page[1024] = 1;
        page[1028..1032].copy_from_slice(&255_u32.to_le_bytes());
        page[4086..4096].copy_from_slice(b"SWAPSPACE2");
        page
    }

    /// Starts a watcher over a machine and gives its mail box and what it says, in words.
    fn watch(looker: Looker, skip: &[&str], limits: Limits) -> (Sender<Input>, Receiver<String>) {
        let (inputs, mail) = channel();
        let (told, words) = channel();
        let progress = told.clone();
        let sink = move |sighting| {
            let _ = told.send(match sighting {
                Sighting::Rejected { device, reason } => format!("{}: {reason}", device.name),
                Sighting::KnownLookedAt => "all looked at".to_owned(),
                other => format!("{other:?}"),
            });
        };
        let skip = skip.iter().map(|name| (*name).to_owned()).collect();
        let progress = move |step| drop(progress.send(format!("{step:?}")));
        let mut watcher = Watcher::new(looker, skip, inputs.clone(), sink, progress);
        watcher.keeper = Keeper::new(limits);
        spawn("devices", move || watcher.watch(&mail)).unwrap();
        (inputs, words)
    }

    fn heard(action: uevent::Action, name: &str) -> Input {
        Input::Heard(Message::Event(Uevent {
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
        let (_directory, looker) = machine(&[
            ("vda", &swap()),
            ("vdb", &[0; 4096]),
            ("vdc", &[]),
            ("vdd", &[0; 4096]),
            ("ram0", &[0; 512]),
        ]);
        let (inputs, words) = watch(looker, &["vdd"], LIMITS);
        inputs.send(Input::ModulesLoaded).unwrap();
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
        assert_eq!(next(&words, 1), ["all looked at"]);
    }

    #[test]
    fn devices_that_come_and_go_are_noticed_by_event_and_by_walk() {
        let (directory, looker) = machine(&[("vda", &[])]);
        let (inputs, words) = watch(looker, &[], LIMITS);
        assert_eq!(next(&words, 1), ["vda: no medium"]);
        let sys = directory.path().join("sys");
        add(&sys, "vbd-1/block/vdb", &[("size", "0")]);
        inputs.send(heard(uevent::Action::Add, "vdb")).unwrap();
        assert_eq!(next(&words, 1), ["vdb: no medium"]);
        inputs.send(heard(uevent::Action::Remove, "vdb")).unwrap();
        assert_eq!(next(&words, 1), ["Gone(\"vdb\")"]);
        add(&sys, "vbd-2/block/vdc", &[("size", "0")]);
        fs::remove_file(sys.join("class/block/vdb")).unwrap();
        inputs.send(Input::Heard(Message::Lost)).unwrap();
        assert_eq!(next(&words, 1), ["vdc: no medium"]);
    }

    #[test]
    fn a_device_that_never_answers_is_left_behind() {
        let (directory, looker) = machine(&[("vda", &[0; 512]), ("vdb", &[0; 512])]);
        let node = directory.path().join("dev/vda");
        fs::remove_file(&node).unwrap();
        // A fifo without a writer hangs whoever opens it, as a broken disk does.
        mknodat(CWD, &node, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let limits = Limits { looks: 1, deadline: Duration::from_millis(100), ..LIMITS };
        let (inputs, words) = watch(looker, &[], limits);
        inputs.send(Input::ModulesLoaded).unwrap();
        let all: Vec<String> = (0..6).map(|_| words.recv_timeout(PATIENCE).unwrap()).collect();
        assert_eq!(
            all,
            [
                "Begin(\"vda\")",
                "vda: no answer within 0.1 s; not waited for",
                "Begin(\"vdb\")",
                "End(\"vdb\")",
                "vdb: no file system that is known",
                "all looked at",
            ]
        );
        // It comes to itself after all.
        fs::write(&node, "").unwrap();
        assert_eq!(words.recv_timeout(PATIENCE).unwrap(), "End(\"vda\")");
    }

    #[test]
    fn a_node_that_cannot_be_opened_is_a_reason() {
        let (directory, looker) = machine(&[("vda", &[0; 512])]);
        fs::remove_file(directory.path().join("dev/vda")).unwrap();
        let (_inputs, words) = watch(looker, &[], LIMITS);
        let all = next(&words, 3);
        assert!(
            all[2].starts_with("vda: ") && all[2].ends_with("No such file or directory (os error 2)"),
            "{all:?}"
        );
    }
}
