//! The worker: everything between the devices and the jump. Threads probe, search, load and listen. They send their events to
//! one channel; [`WorkerState`] decides, and the worker carries its actions out.

use std::{
    ffi::OsString,
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant, SystemTime},
};

use super::{
    before_jump, boot_next, check, firmware, firmware_setup,
    link::Link,
    loader::{AttemptError, EntryLoader, Turn},
    passwords::Answer,
    remembered::Remembered,
    settings::{ON_VOLUME, Settings, texts::SettingsTexts},
    state::{Event, Patience, Visibility, WorkerAction, WorkerState},
    supervision::{Notice, Request, Task},
};
use crate::{
    discover::{
        finder::Context,
        sandbox::{self, Conduct, Verdicts},
    },
    entry::{Entry, FileReference, VolumeId},
    formats::{sort, text::printable},
    kexec::{self, LoadedKernel, cmdline::Firmware, consoles},
    storage::{
        OpenVolume, VolumeEvent, controllers,
        table::VolumeTable,
        watch::{Progress, Watch},
    },
    sys::{kmsg, threads},
    ui::{console::Consoles, input::Input, menu::TypedFile, picture::picture, screen::Screen},
};

/// Maximum number of messages that are taken before the screen is drawn.
const BURST: usize = 256;

/// Maximum characters of a command line that are said before the jump: a slow line takes a second for a thousand.
const BANNER_LIMIT: usize = 1000;

/// A message of a thread.
enum Message {
    Event(Event),
    Volume(VolumeEvent),
    /// An image file is mounted.
    Image(Arc<OpenVolume>),
    /// PID 1 is gone.
    End,
}

/// Runs the boot under PID 1, until that ends this process.
#[must_use]
pub fn run(_arguments: &[OsString]) -> ExitCode {
    let link = match Link::inherited() {
        Ok(link) => link,
        Err(error) => {
            // There is no other place for the message.
            let _ = writeln!(io::stderr(), "firstlight worker: not started by PID 1 ({error})");
            return ExitCode::from(2);
        }
    };
    // PID 1 has said so where it could not hand it over.
    match Worker::start(Remembered::inherited().unwrap_or_default(), link) {
        Ok((worker, messages)) => worker.run(&messages),
        Err(error) => {
            log::error!("the worker cannot start: {error}");
            Consoles::open().write(&format!("firstlight: the worker cannot start: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

struct Worker {
    state: WorkerState,
    start: Instant,
    link: Link,
    consoles: Consoles,
    screen: Screen,
    input: Input,
    watch: Watch,
    volumes: VolumeTable,
    verdicts: Arc<Mutex<Verdicts>>,
    /// Sources of volumes that still probe what was there at the start.
    busy_sources: usize,
    texts: SettingsTexts,
    append: Vec<String>,
    keeps_state: bool,
    context: Context,
    turn: Turn,
    /// The firmware's variables ended an earlier worker.
    without_variables: bool,
    /// Volumes are searched one at a time: a search of several ended an earlier worker.
    search_apart: bool,
    /// Devices whose search is reported to PID 1 as begun.
    searching: Vec<String>,
    /// The search has ended: once its result is on the screen, that is reported.
    searched: bool,
    /// A key is handled or the menu drawn, which is reported to PID 1 as begun.
    in_menu: bool,
    sender: Sender<Message>,
}

impl Worker {
    fn start(remembered: Remembered, link: Link) -> io::Result<(Self, Receiver<Message>)> {
        let start = Instant::now();
        link.report_panics();
        let texts = SettingsTexts::read();
        let (settings, mistakes) = texts.settings();
        kmsg::install("firstlight", settings.log_level, printable);
        let consoles = Consoles::open();
        let (sender, messages) = channel();

        let (mut devices, mut entries) = (Vec::new(), Vec::new());
        let (mut without_variables, mut without_menu) = (false, false);
        for task in remembered.pass_over {
            match task {
                Task::Device(name) | Task::Search(name) => devices.push(name),
                Task::Entry(id) | Task::Jump(id) => entries.push(id),
                Task::Firmware => without_variables = true,
                Task::Menu => without_menu = true,
            }
        }
        let (events, progress) = (sender.clone(), link.clone());
        let watch = Watch::start(
            devices,
            move |event| send(&events, Message::Volume(event)),
            move |step| progress.ask(&task(step)),
        )?;
        let (events, end) = (sender.clone(), sender.clone());
        link.listen(
            move |notice| send(&events, Message::Event(Event::Notice(notice))),
            move || send(&end, Message::End),
        )?;
        let events = sender.clone();
        let input = Input::listen(&consoles, move |key| send(&events, Message::Event(Event::Key(key))))?;

        let (append, keeps_state) = (settings.append.clone(), settings.keeps_state);
        let context = Context {
            grub_flavour: settings.grub_flavour.clone(),
            images: settings.iso.clone(),
            ..Context::default()
        };
        let mut state = WorkerState::new(settings, entries);
        state.set_uefi(firmware::is_efi());
        state.set_clock(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()));
        for mistake in mistakes {
            consoles.write(&format!("firstlight: {}\n", printable(&mistake)));
            log::warn!("{mistake}");
            state.report(mistake);
        }
        if let Some(how) = remembered.died {
            state.report(format!("started again: {how}"));
        }
        if without_menu {
            state.give_up_menu();
            consoles.write(
                "firstlight: The menu ended the last attempt: it is not shown. A key opens the rescue console.\n",
            );
        }
        if without_variables {
            state.report(
                "The firmware's variables are not read: reading them ended the last attempt.".to_owned(),
            );
        }
        let (screen, volumes, turn) = (Screen::default(), VolumeTable::default(), Turn::default());
        let worker = Self {
            state,
            start,
            link,
            consoles,
            screen,
            input,
            watch,
            volumes,
            verdicts: Arc::default(),
            // The watch.
            busy_sources: 1,
            texts,
            append,
            keeps_state,
            context,
            turn,
            without_variables,
            search_apart: remembered.search_apart,
            searching: Vec::new(),
            searched: false,
            in_menu: false,
            sender,
        };
        Ok((worker, messages))
    }

    fn run(mut self, messages: &Receiver<Message>) -> ExitCode {
        self.read_variables();
        loop {
            let first = match self.state.next_moment() {
                Some(moment) => messages.recv_timeout(moment.saturating_sub(self.now())),
                None => messages.recv().map_err(RecvTimeoutError::from),
            };
            // This process holds a sender, so only the time can be up.
            let first = first.unwrap_or(Message::Event(Event::Moment));
            for message in std::iter::once(first).chain(messages.try_iter()).take(BURST) {
                let event = match message {
                    Message::Event(event) => event,
                    Message::Volume(event) => self.take_in(event),
                    Message::Image(open) => self.opened(open),
                    Message::End => return ExitCode::FAILURE,
                };
                if let Event::Notice(Notice::ModulesLoaded) = event {
                    self.watch.modules_loaded();
                    // The firmware's variables may need a module, too.
                    if self.context.boot_options.is_empty() {
                        self.read_variables();
                    }
                }
                self.searched |= matches!(event, Event::Discovered(_));
                if let Event::Settings(settings, messages) = &event {
                    messages.iter().for_each(|message| self.tell(message));
                    settings.iter().for_each(|settings| self.keep_settings(settings));
                }
                if matches!(event, Event::Key(_)) {
                    self.enter_menu();
                }
                self.decide(event);
            }
            self.draw();
            if std::mem::take(&mut self.in_menu) {
                self.link.ask(&Request::End(Task::Menu));
            }
            self.end_search();
        }
    }

    /// Reads the firmware's variables, once: each is a call into the firmware.
    fn read_variables(&mut self) {
        if self.without_variables {
            return;
        }
        self.link.ask(&Request::Begin(Task::Firmware));
        let Context { grub_flavour, images, .. } = std::mem::take(&mut self.context);
        self.context = Context { grub_flavour, images, ..firmware::context(firmware::VARIABLES.as_ref()) };
        self.link.ask(&Request::End(Task::Firmware));
        let order = firmware::partitions(&self.context);
        log::debug!("the firmware's boot order names the partitions {}", order.join(" "));
        self.decide(Event::BootOrder(order));
    }

    /// Puts a message onto the consoles and into the log: nobody may open the menu, where it stands, too.
    fn tell(&mut self, message: &str) {
        self.screen.leave(&self.consoles);
        self.consoles.write(&format!("firstlight: {}\n", printable(message)));
        log::warn!("{message}");
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Keeps the volume's handle, and makes an event of the rest.
    fn take_in(&mut self, event: VolumeEvent) -> Event {
        match event {
            VolumeEvent::Probing(name) => Event::Probing(name),
            VolumeEvent::Opened(open) => self.opened(Arc::new(open)),
            VolumeEvent::Rejected { device, rejection } => {
                self.volumes.remove(&device.name);
                Event::Rejected(device, rejection)
            }
            VolumeEvent::Gone(name) => {
                self.volumes.remove(&name);
                Event::Gone(name)
            }
            VolumeEvent::Awaited(devices) => Event::Awaited(devices),
            VolumeEvent::KnownProbed => {
                self.busy_sources = self.busy_sources.saturating_sub(1);
                if self.busy_sources == 0 { Event::KnownProbed } else { Event::Moment }
            }
        }
    }

    fn opened(&mut self, open: Arc<OpenVolume>) -> Event {
        let volume = open.volume.clone();
        // An image may be mounted just when its host goes.
        if self.volumes.insert(open) { Event::Found(volume) } else { Event::Moment }
    }

    fn decide(&mut self, event: Event) {
        let now = self.now();
        for action in self.state.on(event, now) {
            self.act(action);
        }
    }

    fn act(&mut self, action: WorkerAction) {
        match action {
            WorkerAction::Discover(patience) => self.discover(patience),
            WorkerAction::Load { number, entry, nokaslr } => {
                self.turn.give(number);
                let loader = EntryLoader {
                    volumes: self.volumes.all(),
                    append: self.append.clone(),
                    firmware: Firmware::of_this_machine(),
                    nokaslr,
                    turn: self.turn.clone(),
                    before_jump: firmware::one_shots(firmware::VARIABLES.as_ref()),
                    keeps_state: Some(self.keeps_state),
                };
                let load = move || Event::Loaded(number, loader.load(number, &entry));
                self.spawn("load", load, |error| Event::Loaded(number, Err(AttemptError::NoThread(error))));
            }
            WorkerAction::Unload => {
                if let Err(error) = kexec::unload() {
                    log::warn!("the loaded kernel was not dropped: {error}");
                }
            }
            WorkerAction::Jump { entry, title, kernel } => {
                self.leave_screen();
                self.link.ask(&Request::Begin(Task::Jump(entry.clone())));
                let failures = before_jump::perform_in_time(&kernel, self.volumes.all());
                let active = if kernel.is_linux { consoles::active() } else { String::new() };
                let silent = consoles::silent(&active, &kernel.cmdline);
                for warning in kernel.warnings.iter().chain(&failures).chain(&silent) {
                    self.consoles.write(&format!("firstlight: {}\n", printable(warning)));
                }
                self.consoles.write(&banner(&title, &kernel, self.now()));
                self.link.ask(&Request::Jump { entry, title });
            }
            WorkerAction::CheckPassword { number, question, user, typed } => {
                let check = move || Event::PasswordChecked(number, question.answer(&user, typed.text()));
                self.spawn("password", check, |_| Event::PasswordChecked(number, Answer::Wrong));
            }
            WorkerAction::StartByFirmware(entry) => self.start_by_firmware(&entry),
            WorkerAction::EnterSetup => {
                self.link.ask(&Request::Begin(Task::Firmware));
                let asked = firmware_setup::ask_for(firmware::VARIABLES.as_ref());
                self.link.ask(&Request::End(Task::Firmware));
                match asked {
                    Ok(()) => self.ask(&Request::Reboot),
                    Err(error) => self.decide(Event::FirmwareRefused(format!("Firmware setup: {error}."))),
                }
            }
            WorkerAction::Ask(request) => self.ask(&request),
            WorkerAction::Landmark(name, fields) => {
                self.screen.leave(&self.consoles);
                let fields: Vec<_> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
                self.consoles.landmark(name, &fields);
            }
            WorkerAction::LookAt(files) => self.look_at(files),
            WorkerAction::FindControllers => {
                self.decide(Event::Controllers(controllers::without_driver(Path::new("/sys"))));
            }
            WorkerAction::ReadSettings(id) => self.read_settings_on(id),
            WorkerAction::LookAgain => {
                self.watch.look_again();
                self.decide(Event::Starting(controllers::starting(Path::new("/sys"))));
            }
            WorkerAction::Redraw => self.screen.forget(),
        }
    }

    /// Reads the file of settings of a volume on a thread of its own, since a disk may hang.
    fn read_settings_on(&mut self, id: VolumeId) {
        let not_read = |reason: &dyn fmt::Display| {
            Event::Settings(
                None,
                vec![format!("{ON_VOLUME} was not read: {reason}. The image's settings count.")],
            )
        };
        let Some(open) = self.volumes.all().into_iter().find(|open| open.volume.id == id) else {
            return self.decide(not_read(&"its volume is gone"));
        };
        let texts = self.texts.clone();
        let read = move || {
            let (settings, messages) = texts.with_volume(&open);
            Event::Settings(settings.map(Box::new), messages)
        };
        self.spawn("settings", read, |error| not_read(&error));
    }

    /// Keeps the settings that others than the state need.
    fn keep_settings(&mut self, settings: &Settings) {
        (self.append, self.keeps_state) = (settings.append.clone(), settings.keeps_state);
        self.context.grub_flavour.clone_from(&settings.grub_flavour);
        self.context.images.clone_from(&settings.iso);
    }

    fn discover(&mut self, patience: Patience) {
        // The volumes of the search before are not those of this one.
        self.end_search();
        let mut volumes = self.volumes.in_order(&self.state.search_order());
        let (context, sender) = (self.context.clone(), self.sender.clone());
        let verdicts = Arc::clone(&self.verdicts);
        let limit = match patience {
            Patience::Until(end) => end.saturating_sub(self.now()),
            Patience::ForLate => sandbox::DEADLINE,
        };
        let apart = self.search_apart.then(|| self.link.clone());
        if apart.is_none() {
            // An image file is passed over with the device that it lies on.
            let names = volumes.iter().map(|open| device(&open.volume.device.name).to_owned());
            self.searching = names.collect();
            sort::ascending(&mut self.searching);
            self.searching.dedup();
            self.searching.iter().for_each(|name| self.link.ask(&Request::Begin(Task::Search(name.clone()))));
        }
        let discover = move || {
            let known = volumes.len();
            // One survey at a time.
            let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            if patience == Patience::ForLate {
                verdicts.give_more_time();
            }
            let report = |step: Progress| match step {
                Progress::Begin(name) => Request::Begin(Task::Search(device(&name).to_owned())),
                Progress::End(name) => Request::End(Task::Search(device(&name).to_owned())),
            };
            let report = apart.map(|link| move |step: Progress| link.ask(&report(step)));
            let waiting = |volumes| send(&sender, Message::Event(Event::Searching(volumes)));
            let mut conduct = Conduct {
                context: &context,
                verdicts: &mut verdicts,
                limit,
                waiting: &waiting,
                apart: report.as_ref().map(|report| report as &dyn Fn(Progress)),
            };
            let survey = sandbox::survey_with_images(&mut volumes, &mut conduct);
            if patience == Patience::ForLate {
                verdicts.give_up();
            }
            if verdicts.is_any_late() {
                send(&sender, Message::Event(Event::VolumesLate));
            }
            for image in volumes.drain(known..) {
                send(&sender, Message::Image(image));
            }
            Event::Discovered(survey.map(|survey| survey.discovery).map_err(|error| error.to_string()))
        };
        self.spawn("discover", discover, |error| {
            Event::Discovered(Err(format!("no thread for it: {error}")))
        });
    }

    /// Reports the search as ended whose result is on the screen, or has led to a load.
    fn end_search(&mut self) {
        if std::mem::take(&mut self.searched) {
            let ended = std::mem::take(&mut self.searching).into_iter();
            ended.for_each(|name| self.link.ask(&Request::End(Task::Search(name))));
        }
    }

    fn ask(&mut self, request: &Request) {
        // An entry that ends this process while it is loaded must not cost the volume that it was found on.
        if matches!(request, Request::Begin(Task::Entry(_))) {
            self.end_search();
        }
        if !matches!(request, Request::Begin(_) | Request::End(_) | Request::Lock(_)) {
            self.leave_screen();
        }
        self.link.ask(request);
    }

    /// Leaves the screen to PID 1, the rescue console or the next kernel, which write below the picture, and restores the
    /// terminals.
    fn leave_screen(&mut self) {
        self.screen.leave(&self.consoles);
        self.input.restore();
    }

    /// Tells the firmware what to start next, and has PID 1 restart the machine.
    fn start_by_firmware(&mut self, entry: &Entry) {
        let file = entry.kernel.as_ref();
        let volume =
            self.volumes.all().into_iter().find(|open| file.is_some_and(|file| file.volume.is(&open.volume)));
        let Some(open) = volume else {
            return self.decide(Event::FirmwareRefused(format!("{}: its volume is gone", entry.title)));
        };
        self.link.ask(&Request::Begin(Task::Firmware));
        let set = boot_next::set(entry, &open.volume, firmware::VARIABLES.as_ref(), Path::new("/sys"));
        self.link.ask(&Request::End(Task::Firmware));
        match set {
            Ok(()) => {
                self.leave_screen();
                self.consoles
                    .write(&format!("The firmware starts {} after a reset.\n", printable(&entry.title)));
                self.ask(&Request::Reboot);
            }
            Err(error) => {
                self.decide(Event::FirmwareRefused(printable(&format!("{}: {error}", entry.title))));
            }
        }
    }

    /// Looks at files on a thread of its own, since a disk may hang.
    fn look_at(&self, files: Vec<(TypedFile, Option<FileReference>)>) {
        let (volumes, sender) = (self.volumes.all(), self.sender.clone());
        let look = move || {
            for (typed, file) in files {
                let verdict = check::look(typed, file.as_ref(), &volumes);
                send(&sender, Message::Event(Event::Judged(verdict)));
            }
        };
        if let Err(error) = threads::start("look", None, Box::new(look)) {
            log::warn!("files in the editor are not looked at: no thread for it: {error}");
        }
    }

    /// Runs work on a thread of its own, which ends in an event; `failed` makes the event where no thread can be started.
    fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() -> Event + Send + 'static,
        failed: impl FnOnce(io::Error) -> Event,
    ) {
        let sender = self.sender.clone();
        let run = move || send(&sender, Message::Event(work()));
        if let Err(error) = threads::start(name, None, Box::new(run)) {
            send(&self.sender, Message::Event(failed(error)));
        }
    }

    /// Reports that the menu is at work, until it is drawn.
    fn enter_menu(&mut self) {
        if !std::mem::replace(&mut self.in_menu, true) {
            self.link.ask(&Request::Begin(Task::Menu));
        }
    }

    fn draw(&mut self) {
        if self.state.shown() != Visibility::Nothing {
            self.enter_menu();
        }
        let status = self.state.status(self.now());
        match self.state.shown() {
            Visibility::Nothing => self.screen.leave(&self.consoles),
            Visibility::Line => self.screen.show(&self.consoles, |_| vec![status.next.clone()].into()),
            Visibility::Menu => {
                self.screen.show(&self.consoles, |size| picture(self.state.menu(), &status, size));
            }
        }
    }
}

/// What is said last, so that a system that says nothing is known by what was started: its title, its kernel and its command line, with
/// the time since the worker's start.
fn banner(title: &str, kernel: &LoadedKernel, since_start: Duration) -> String {
    let seconds = since_start.as_secs();
    let tenths = since_start.subsec_millis() / 100;
    let cmdline: String = kernel.cmdline.chars().take(BANNER_LIMIT).collect();
    format!(
        "Starting {title} after {seconds}.{tenths} s ...\n  {}\n  {}\n",
        printable(&kernel.name),
        printable(&cmdline)
    )
}

/// The kernel name of the device that a volume of this name lies on; that of an image file is `sda2:/path`.
fn device(volume: &str) -> &str {
    volume.split_once(':').map_or(volume, |(device, _)| device)
}

fn task(step: Progress) -> Request {
    match step {
        Progress::Begin(name) => Request::Begin(Task::Device(name)),
        Progress::End(name) => Request::End(Task::Device(name)),
    }
}

/// The receiver lives as long as the process.
fn send(sender: &Sender<Message>, message: Message) {
    let _ = sender.send(message);
}
