//! The one loop of PID 1: it waits for an event, asks the supervisor for the actions, and carries them out.

use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{WaitOptions, wait},
};

use super::{
    child::{self, Child},
    modules::Loading,
    power::Power,
    rescue, shutdown,
    signals::Signals,
    silent_disks,
    supervise::{Death, Event, Supervisor, SupervisorAction},
    timing::{self, Timing},
    watchdog::Watchdog,
};
use crate::{
    boot::remembered::Remembered,
    boot::settings::{AfterFailure, Settings},
    boot::supervision::{Request, Task},
    formats::text::printable,
    kexec,
    storage::partition_scan,
    ui::console::Consoles,
};

/// Maximum time for a slow serial line to send the last lines before the jump.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// PID 1's state outside of the supervisor.
#[derive(Debug)]
pub(super) struct Pid1 {
    pub(super) settings: Settings,
    pub(super) supervisor: Supervisor,
    pub(super) signals: Signals,
    pub(super) consoles: Consoles,
    pub(super) timing: Timing,
    /// Still loading.
    pub(super) modules: Option<Loading>,
    pub(super) watchdog: Option<Watchdog>,
    pub(super) child: Option<Child>,
    /// A sentence on how the last worker or PID 1 died, for the screen of the next worker.
    pub(super) died: Option<String>,
}

impl Pid1 {
    /// Runs for ever.
    pub(super) fn run(mut self) -> ! {
        let mut events = VecDeque::from([Event::Started]);
        events.extend(self.modules.is_none().then_some(Event::ModulesLoaded));
        loop {
            while let Some(event) = events.pop_front() {
                for action in self.supervisor.on(event) {
                    events.extend(self.act(action));
                }
            }
            self.wait();
            self.collect(&mut events);
        }
    }

    /// Waits until something happens.
    fn wait(&self) {
        let sources = [
            self.signals.descriptor(),
            self.child.as_ref().and_then(Child::descriptor),
            self.modules.as_ref().map(Loading::descriptor),
        ];
        let mut polled: Vec<_> =
            sources.iter().flatten().map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN)).collect();
        let deadlines = [
            self.child.as_ref().and_then(Child::deadline),
            self.modules.as_ref().map(Loading::deadline),
            self.watchdog.as_ref().map(Watchdog::due),
        ];
        let first = deadlines.into_iter().flatten().min();
        let left = first.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // However it ends, every source is checked afterwards.
        let _ = poll(&mut polled, left.and_then(|left| Timespec::try_from(left).ok()).as_ref());
    }

    /// Collects all events, a child's last requests before its death.
    fn collect(&mut self, events: &mut VecDeque<Event>) {
        self.watchdog.iter_mut().for_each(Watchdog::pet_if_due);
        self.signals.collect();
        events.extend(self.signals.asked().map(Event::Asked));
        if self.modules.take_if(|loading| loading.is_over()).is_some() {
            self.timing.stamp("modules loaded");
            self.start_watchdog();
            events.push_back(Event::ModulesLoaded);
        }
        self.hear_child(events);
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if self.child.as_ref().is_some_and(|child| child.pid() == pid) {
                self.bury_child(events);
                events.push_back(Event::Died(child::death(status)));
            }
        }
    }

    fn hear_child(&mut self, events: &mut VecDeque<Event>) {
        let Some(child) = &mut self.child else { return };
        events.extend(child.hear().into_iter().map(Event::Said));
        if child.is_overdue() {
            log::error!("the worker or rescue console has closed its connection to PID 1 and is killed");
            events.push_back(Event::HungUp);
        }
    }

    /// Ends the processes that the dead child left running, and takes its last requests.
    fn bury_child(&mut self, events: &mut VecDeque<Event>) {
        let Some(mut child) = self.child.take() else { return };
        child.kill();
        loop {
            let requests = child.hear();
            if requests.is_empty() {
                return;
            }
            events.extend(requests.into_iter().map(Event::Said));
        }
    }

    /// Starts the watchdog if the settings ask for it and it does not run yet.
    fn start_watchdog(&mut self) {
        if self.watchdog.is_none() {
            self.watchdog = self.settings.watchdog.and_then(Watchdog::start);
        }
    }

    /// Carries an action out; its immediate result is an event.
    fn act(&mut self, action: SupervisorAction) -> Option<Event> {
        match action {
            SupervisorAction::StartWorker { pass_over, search_apart } => {
                return self.start_worker(pass_over, search_apart);
            }
            SupervisorAction::StartRescue { unattended } => return self.start_rescue(unattended),
            SupervisorAction::KillChild => self.child.iter().for_each(Child::kill),
            SupervisorAction::Notify(notice) => self.child.iter().for_each(|child| child.notify(notice)),
            SupervisorAction::ReportDeath(death, busy_with) => self.report_death(death, &busy_with),
            SupervisorAction::ReportHelpless => self.consoles.write(
                "firstlight: neither the worker nor the rescue console can run. Ctrl-Alt-Del restarts the machine.\n",
            ),
            SupervisorAction::ReportLocked => return self.report_locked(),
            SupervisorAction::Stamp(request) => self.stamp(&request),
            SupervisorAction::Jump { entry, title } => return Some(self.jump(&entry, &title)),
            SupervisorAction::Leave(power) => return Some(self.leave(power)),
        }
        None
    }

    fn start_worker(&mut self, pass_over: Vec<Task>, search_apart: bool) -> Option<Event> {
        self.timing.stamp("worker started");
        // Written first, so that it comes before every line of the worker.
        self.consoles.landmark("worker", &[("state", "started"), ("passed-over", &names(&pass_over))]);
        let remembered = Remembered { pass_over, search_apart, died: self.died.take() };
        self.start_child(&["worker".to_owned()], Some(&remembered))
    }

    fn start_rescue(&mut self, unattended: bool) -> Option<Event> {
        // A person may attach and assemble what the worker knows nothing of.
        partition_scan::release();
        let after = if unattended { self.settings.after_failure } else { AfterFailure::Menu };
        self.start_child(&rescue::arguments(after), None)
    }

    fn start_child(&mut self, arguments: &[String], remembered: Option<&Remembered>) -> Option<Event> {
        // Modules may have brought new ones.
        self.consoles = Consoles::open();
        match Child::start(arguments, remembered) {
            Ok(child) => {
                self.child = Some(child);
                None
            }
            Err(error) => Some(Event::Died(Death::NotStarted(error.to_string()))),
        }
    }

    fn report_death(&mut self, death: Death, busy_with: &[Task]) {
        let passed_over = names(busy_with);
        let (key, value, why) = match death {
            Death::Exit(status) => ("status", status.to_string(), format!("it ended with status {status}")),
            Death::Signal(signal) => {
                let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
                ("signal", signal.to_string(), format!("{name} ended it"))
            }
            Death::Panic(line) => ("panic", line.clone(), printable(&line)),
            Death::NotStarted(error) => ("error", error.clone(), format!("it could not be started: {error}")),
        };
        log::error!("the worker died: {why}");
        self.consoles.landmark("worker", &[("state", "died"), (key, &value), ("passed-over", &passed_over)]);
        let died = format!("the worker died: {why}");
        self.consoles.write(&format!("firstlight: {died}\n"));
        self.died = Some(died);
    }

    /// Without `after-failure`, a person can only restart the machine.
    fn report_locked(&mut self) -> Option<Event> {
        self.consoles.write(
            "firstlight: the worker cannot run, and the rescue console is locked by a password. \
             Ctrl-Alt-Del restarts the machine.\n",
        );
        match self.settings.after_failure {
            AfterFailure::Menu => None,
            AfterFailure::Reboot => Some(self.leave(Power::Reboot)),
            AfterFailure::PowerOff => Some(self.leave(Power::Off)),
        }
    }

    fn stamp(&mut self, request: &Request) {
        let stage = match request {
            Request::Begin(Task::Entry(id)) => format!("loading {id}"),
            Request::End(Task::Entry(id)) => format!("done with {id}"),
            Request::End(Task::Device(name)) => format!("probed {name}"),
            Request::End(Task::Search(name)) => format!("searched {name}"),
            _ => return,
        };
        self.timing.stamp(&stage);
    }

    fn jump(&mut self, entry: &str, title: &str) -> Event {
        self.timing.stamp("jump");
        self.consoles.landmark("jump", &[("id", entry), ("title", title)]);
        self.end_everything();
        self.timing.stamp("unmounted");
        if self.settings.timing {
            self.consoles.write(&(self.timing.table() + &timing::memory()));
        }
        let guard = self.watchdog.as_ref().filter(|_| self.settings.watchdog_over_jump);
        if let Some(reason) = guard.and_then(Watchdog::ends_before_the_next_kernel) {
            self.consoles
                .write(&format!("firstlight: the watchdog does not guard the next kernel: {reason}.\n"));
        }
        self.consoles.drain(LAST_WORDS);
        match self.watchdog.take() {
            Some(watchdog) if self.settings.watchdog_over_jump => watchdog.leave_running(),
            Some(watchdog) => watchdog.stop(),
            None => {}
        }
        let reason = kexec::jump().to_string();
        self.start_watchdog();
        log::error!("the jump into {entry} failed: {reason}");
        self.consoles.landmark("fail", &[("stage", "jump"), ("id", entry), ("reason", &reason)]);
        Event::JumpFailed
    }

    /// Comes back only if the kernel refuses every end.
    fn leave(&mut self, power: Power) -> Event {
        self.consoles.write(&format!("firstlight: {}\n", power.describe()));
        self.end_everything();
        self.consoles.drain(LAST_WORDS);
        // It runs on and bites if the kernel hangs on its way down.
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.leave_running();
        }
        power.take();
        Power::Halt.take();
        Event::Started
    }

    fn end_everything(&mut self) {
        self.child = None;
        let all_ended = shutdown::end_processes(&mut self.signals);
        let all_written = shutdown::unmount_and_sync(all_ended);
        if !(all_ended && all_written) {
            silent_disks::give_up(Path::new("/sys"));
        }
    }
}

/// The tasks' names as a landmark has them.
fn names(tasks: &[Task]) -> String {
    tasks.iter().map(Task::name).collect::<Vec<_>>().join(",")
}
