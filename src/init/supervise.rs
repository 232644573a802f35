//! PID 1's decisions as a pure state machine: events in, actions out, with no system call between, so that tables can test it.
//!
//! There is one child at a time that talks with the person: the worker, or the rescue console.

use super::power::Power;
use crate::boot::supervision::{Notice, Request, Task};

/// Maximum number of deaths of the rescue console; after them nothing is started any more.
const RESCUE_DEATHS: u32 = 3;

/// Maximum number of tasks that are remembered, those of the worker and those to pass over.
const TASKS_LIMIT: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// No child runs, and one is needed.
    Started,
    /// The child sent a request.
    Said(Request),
    /// The child closed its end and lives on.
    HungUp,
    /// The child is gone, or could not be started.
    Died(Death),
    /// The modules for the hardware that was there at the start are loaded.
    ModulesLoaded,
    /// A signal, Ctrl-Alt-Del among them.
    Asked(Power),
    JumpFailed,
}

/// The end of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Death {
    Exit(i32),
    Signal(i32),
    /// By a panic, which said this.
    Panic(String),
    /// It never lived, because of this error.
    NotStarted(String),
}

/// An action that PID 1 carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SupervisorAction {
    /// Start the worker.
    StartWorker {
        /// Tasks that it passes over.
        pass_over: Vec<Task>,
        /// Whether it searches one volume at a time.
        search_apart: bool,
    },
    /// Start the rescue console, which leaves on its own if nobody uses it, where the settings say so.
    StartRescue {
        /// Because the worker kept dying, not because somebody asked for it.
        unattended: bool,
    },
    /// Kill the child and all its group; [`Event::Died`] follows.
    KillChild,
    /// Send the worker a notice.
    Notify(Notice),
    /// Report on every console how the worker died, and its unfinished tasks.
    ReportDeath(Death, Vec<Task>),
    /// Report on every console that nothing can be started any more, and the remedy.
    ReportHelpless,
    /// Report on every console that the rescue console is locked, and carry out `after-failure`.
    ReportLocked,
    /// Stamp the beginning or end of a task, for the timing table.
    Stamp(Request),
    /// End all processes, unmount and jump into the loaded kernel.
    Jump {
        /// Id of the entry.
        entry: String,
        title: String,
    },
    /// End all processes, unmount and leave.
    Leave(Power),
}

/// The child that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Worker,
    /// The worker, killed to make room for the rescue console.
    MakingRoom,
    Rescue,
    /// Everybody is being ended, for the jump or the power.
    Leaving,
    /// Nobody: PID 1 waits for signals.
    Helpless,
}

/// The state of the supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    phase: Phase,
    busy_with: Vec<Task>,
    /// The worker's report of the panic that is ending it.
    panic: Option<String>,
    /// Id of the entry that the worker asked to jump into.
    jumps_into: String,
    pass_over: Vec<Task>,
    search_apart: bool,
    deaths: u32,
    deaths_allowed: u32,
    rescue_deaths: u32,
    /// The jump was asked for at the rescue console.
    rescuing: bool,
    modules_loaded: bool,
    /// The settings lock the rescue console.
    locked_at_start: bool,
    /// The rescue console is locked, as the worker has reported last.
    locked: bool,
}

impl Supervisor {
    /// After `deaths_allowed` deaths the worker is not started again on its own; `crashes` of PID 1 itself count.
    pub(super) fn new(deaths_allowed: u32, crashes: u32) -> Self {
        Self {
            phase: Phase::Helpless,
            busy_with: Vec::new(),
            panic: None,
            jumps_into: String::new(),
            pass_over: Vec::new(),
            search_apart: false,
            deaths: crashes,
            deaths_allowed,
            rescue_deaths: 0,
            rescuing: false,
            modules_loaded: false,
            locked_at_start: false,
            locked: false,
        }
    }

    /// The same, with the rescue console locked by the settings, if it is.
    pub(super) fn with_lock(self, locked: bool) -> Self {
        Self { locked_at_start: locked, locked, ..self }
    }

    /// The actions for an event, in this order.
    pub(super) fn on(&mut self, event: Event) -> Vec<SupervisorAction> {
        match event {
            Event::Started => self.next_child(),
            Event::Asked(power) => self.leave(power),
            Event::Said(_) if self.phase == Phase::Leaving => vec![],
            Event::Said(Request::Reboot) => self.leave(Power::Reboot),
            Event::Said(Request::PowerOff) => self.leave(Power::Off),
            Event::Said(request) if self.phase == Phase::Worker => self.worker_said(request),
            Event::Said(Request::Jump { entry, title }) if self.phase == Phase::Rescue => {
                self.phase = Phase::Leaving;
                self.rescuing = true;
                vec![SupervisorAction::Jump { entry, title }]
            }
            Event::Said(_) => vec![],
            Event::HungUp => vec![SupervisorAction::KillChild],
            Event::Died(death) => self.child_died(death),
            Event::ModulesLoaded => {
                self.modules_loaded = true;
                if self.phase == Phase::Worker {
                    vec![SupervisorAction::Notify(Notice::ModulesLoaded)]
                } else {
                    vec![]
                }
            }
            Event::JumpFailed if std::mem::take(&mut self.rescuing) => self.start_rescue(false),
            Event::JumpFailed => {
                let entry = std::mem::take(&mut self.jumps_into);
                self.pass_over(vec![Task::Entry(entry)]);
                let mut actions = self.start_worker();
                actions.push(SupervisorAction::Notify(Notice::JumpFailed));
                actions
            }
        }
    }

    fn worker_said(&mut self, request: Request) -> Vec<SupervisorAction> {
        match &request {
            Request::Begin(task) => {
                if self.busy_with.len() < TASKS_LIMIT && !self.busy_with.contains(task) {
                    self.busy_with.push(task.clone());
                }
            }
            Request::End(task) => self.busy_with.retain(|begun| begun != task),
            Request::Jump { entry, title } => {
                self.phase = Phase::Leaving;
                self.jumps_into.clone_from(entry);
                return vec![SupervisorAction::Jump { entry: entry.clone(), title: title.clone() }];
            }
            Request::Rescue if self.locked => return vec![],
            Request::Rescue => {
                self.phase = Phase::MakingRoom;
                return vec![SupervisorAction::KillChild];
            }
            Request::Panicked(line) => {
                self.panic = Some(line.clone());
                return vec![];
            }
            Request::Lock(locked) => {
                self.locked = *locked;
                return vec![];
            }
            Request::Reboot | Request::PowerOff | Request::SearchApart => {}
        }
        match request {
            // The table would be full of it.
            Request::Begin(Task::Menu) | Request::End(Task::Menu) => vec![],
            request => vec![SupervisorAction::Stamp(request)],
        }
    }

    fn child_died(&mut self, death: Death) -> Vec<SupervisorAction> {
        match self.phase {
            Phase::Worker => {
                self.deaths = self.deaths.saturating_add(1);
                let death = self.panic.take().map_or(death, Death::Panic);
                let busy_with = self.take_blamed();
                self.pass_over(busy_with.clone());
                let mut actions = vec![SupervisorAction::ReportDeath(death, busy_with)];
                actions.extend(self.next_child());
                actions
            }
            Phase::MakingRoom => self.start_rescue(false),
            Phase::Rescue if death == Death::Exit(0) => {
                // A person wants to try again: nothing is held against any device or entry.
                (self.deaths, self.rescue_deaths) = (0, 0);
                // Whoever was let in may have left.
                self.locked = self.locked_at_start;
                self.pass_over.clear();
                self.search_apart = false;
                self.start_worker()
            }
            Phase::Rescue => {
                self.rescue_deaths = self.rescue_deaths.saturating_add(1);
                if self.rescue_deaths < RESCUE_DEATHS {
                    return self.start_rescue(false);
                }
                self.phase = Phase::Helpless;
                vec![SupervisorAction::ReportHelpless]
            }
            Phase::Leaving | Phase::Helpless => vec![],
        }
    }

    fn leave(&mut self, power: Power) -> Vec<SupervisorAction> {
        self.phase = Phase::Leaving;
        vec![SupervisorAction::Leave(power)]
    }

    fn next_child(&mut self) -> Vec<SupervisorAction> {
        if self.deaths < self.deaths_allowed {
            self.start_worker()
        } else if self.locked {
            self.phase = Phase::Helpless;
            vec![SupervisorAction::ReportLocked]
        } else {
            self.start_rescue(true)
        }
    }

    fn start_worker(&mut self) -> Vec<SupervisorAction> {
        self.phase = Phase::Worker;
        self.busy_with.clear();
        self.panic = None;
        let (pass_over, search_apart) = (self.pass_over.clone(), self.search_apart);
        let mut actions = vec![SupervisorAction::StartWorker { pass_over, search_apart }];
        if self.modules_loaded {
            actions.push(SupervisorAction::Notify(Notice::ModulesLoaded));
        }
        actions
    }

    fn start_rescue(&mut self, unattended: bool) -> Vec<SupervisorAction> {
        self.phase = Phase::Rescue;
        vec![SupervisorAction::StartRescue { unattended }]
    }

    /// The unfinished tasks of a worker that died, those that are to blame. Of several volumes that were searched at once none
    /// is: the next worker searches one at a time. A search lasts until its entries are drawn, so the menu is to blame only where
    /// there is none.
    fn take_blamed(&mut self) -> Vec<Task> {
        let mut tasks = std::mem::take(&mut self.busy_with);
        let is_search = |task: &Task| matches!(task, Task::Search(_));
        if tasks.iter().filter(|task| is_search(task)).count() > 1 {
            self.search_apart = true;
            tasks.retain(|task| !is_search(task) && *task != Task::Menu);
        } else if tasks.iter().any(is_search) {
            tasks.retain(|task| *task != Task::Menu);
        }
        tasks
    }

    fn pass_over(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            if self.pass_over.len() < TASKS_LIMIT && !self.pass_over.contains(&task) {
                self.pass_over.push(task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> Task {
        Task::Device(name.into())
    }

    fn entry(id: &str) -> Task {
        Task::Entry(id.into())
    }

    fn begin(task: Task) -> Event {
        Event::Said(Request::Begin(task))
    }

    fn start(pass_over: &[Task]) -> SupervisorAction {
        SupervisorAction::StartWorker { pass_over: pass_over.to_vec(), search_apart: false }
    }

    fn killed() -> Death {
        Death::Signal(9)
    }

    /// Feeds the events and gives the actions of the last one.
    fn last(supervisor: &mut Supervisor, events: Vec<Event>) -> Vec<SupervisorAction> {
        events.into_iter().map(|event| supervisor.on(event)).last().unwrap()
    }

    #[test]
    fn the_rescue_console_is_locked_again_once_whoever_was_let_in_has_left() {
        let mut supervisor = Supervisor::new(1, 0).with_lock(true);
        let rescue = |supervisor: &mut Supervisor| {
            supervisor.on(Event::Said(Request::Rescue)) == [SupervisorAction::KillChild]
        };
        supervisor.on(Event::Started);
        assert!(!rescue(&mut supervisor));
        supervisor.on(Event::Said(Request::Lock(false)));
        assert!(rescue(&mut supervisor));
        last(&mut supervisor, vec![Event::Died(killed()), Event::Died(Death::Exit(0))]);
        assert!(!rescue(&mut supervisor));
        let end = last(&mut supervisor, vec![Event::Died(killed())]);
        assert_eq!(end.last(), Some(&SupervisorAction::ReportLocked));
    }

    #[test]
    fn a_worker_that_dies_is_started_again_with_the_tasks_take_blamed() {
        let mut supervisor = Supervisor::new(3, 0);
        assert_eq!(supervisor.on(Event::Started), [start(&[])]);
        let events = vec![
            begin(device("sda")),
            begin(device("sdb")),
            Event::Said(Request::End(device("sda"))),
            Event::Died(Death::Exit(101)),
        ];
        assert_eq!(
            last(&mut supervisor, events),
            [SupervisorAction::ReportDeath(Death::Exit(101), vec![device("sdb")]), start(&[device("sdb")])]
        );
        // A second death adds to what is passed over.
        assert_eq!(
            last(&mut supervisor, vec![begin(entry("a")), Event::Died(killed())]),
            [SupervisorAction::ReportDeath(killed(), vec![entry("a")]), start(&[device("sdb"), entry("a")])]
        );
    }

    #[test]
    fn the_menu_is_passed_over_unless_it_draws_what_a_search_found() {
        let search = |name: &str| Task::Search(name.into());
        for (begun, blamed) in [
            (vec![Task::Menu], vec![Task::Menu]),
            (vec![entry("a"), Task::Menu], vec![entry("a"), Task::Menu]),
            (vec![search("sda1"), Task::Menu], vec![search("sda1")]),
            (vec![search("sda1"), search("sda2"), Task::Menu], vec![]),
        ] {
            let mut supervisor = Supervisor::new(3, 0);
            let events = std::iter::once(Event::Started).chain(begun.into_iter().map(begin));
            last(&mut supervisor, events.collect());
            let report = SupervisorAction::ReportDeath(killed(), blamed);
            assert_eq!(supervisor.on(Event::Died(killed())).first(), Some(&report));
        }
        // Its end is no stage of the boot.
        let mut supervisor = Supervisor::new(3, 0);
        let events = [Event::Started, begin(Task::Menu), Event::Said(Request::End(Task::Menu))];
        assert_eq!(last(&mut supervisor, events.into()), []);
    }

    #[test]
    fn the_third_death_brings_the_rescue_console_and_a_person_starts_afresh_from_there() {
        let mut supervisor = Supervisor::new(3, 0);
        let died = || Event::Died(killed());
        assert_eq!(
            last(&mut supervisor, vec![Event::Started, begin(device("sda")), died(), died(), died()]),
            [
                SupervisorAction::ReportDeath(killed(), vec![]),
                SupervisorAction::StartRescue { unattended: true }
            ]
        );
        assert_eq!(supervisor.on(Event::Died(Death::Exit(0))), [start(&[])]);
        // The count starts again as well.
        assert_eq!(
            last(&mut supervisor, vec![died()]),
            [SupervisorAction::ReportDeath(killed(), vec![]), start(&[])]
        );
    }

    #[test]
    fn a_worker_that_panicked_died_of_that() {
        let mut supervisor = Supervisor::new(3, 0);
        let words = "panicked at src/a.rs:1:2 in thread load: why";
        let said = Event::Said(Request::Panicked(words.into()));
        let died = || Event::Died(Death::Signal(6));
        let again = start(&[entry("e")]);
        assert_eq!(
            last(&mut supervisor, vec![Event::Started, begin(entry("e")), said, died()]),
            [SupervisorAction::ReportDeath(Death::Panic(words.into()), vec![entry("e")]), again.clone()]
        );
        // The next one's death is its own.
        assert_eq!(supervisor.on(died()), [SupervisorAction::ReportDeath(Death::Signal(6), vec![]), again]);
    }

    #[test]
    fn where_the_search_of_several_volumes_ends_the_worker_the_next_one_searches_one_at_a_time() {
        let mut supervisor = Supervisor::new(3, 0);
        let search = |name: &str| Task::Search(name.into());
        let died = || Event::Died(killed());
        let apart = |pass_over: &[Task]| SupervisorAction::StartWorker {
            pass_over: pass_over.to_vec(),
            search_apart: true,
        };
        let first =
            vec![Event::Started, begin(search("sda1")), begin(search("sda2")), begin(entry("a")), died()];
        assert_eq!(
            last(&mut supervisor, first),
            [SupervisorAction::ReportDeath(killed(), vec![entry("a")]), apart(&[entry("a")])]
        );
        // The one to blame is known by now.
        let ended = Event::Said(Request::End(search("sda1")));
        let second = vec![begin(search("sda1")), ended, begin(search("sda2")), died()];
        let pass_over = [entry("a"), search("sda2")];
        assert_eq!(
            last(&mut supervisor, second),
            [SupervisorAction::ReportDeath(killed(), vec![search("sda2")]), apart(&pass_over)]
        );
        // One volume alone is to blame at once, and a person starts afresh.
        let mut supervisor = Supervisor::new(1, 0);
        let only = vec![Event::Started, begin(search("sda1")), died()];
        assert_eq!(
            last(&mut supervisor, only),
            [
                SupervisorAction::ReportDeath(killed(), vec![search("sda1")]),
                SupervisorAction::StartRescue { unattended: true }
            ]
        );
        assert_eq!(supervisor.on(Event::Died(Death::Exit(0))), [start(&[])]);
    }

    #[test]
    fn a_locked_rescue_console_is_neither_asked_for_nor_left_when_the_worker_keeps_dying() {
        let mut supervisor = Supervisor::new(2, 0);
        let died = || Event::Died(killed());
        let lock = |locked| Event::Said(Request::Lock(locked));
        assert_eq!(last(&mut supervisor, vec![Event::Started, lock(true), Event::Said(Request::Rescue)]), []);
        assert_eq!(
            last(&mut supervisor, vec![died(), died()]),
            [SupervisorAction::ReportDeath(killed(), vec![]), SupervisorAction::ReportLocked]
        );
        // The disks' configurations may change.
        let mut supervisor = Supervisor::new(2, 0);
        let asked = vec![Event::Started, lock(true), lock(false), Event::Said(Request::Rescue)];
        assert_eq!(last(&mut supervisor, asked), [SupervisorAction::KillChild]);
    }

    #[test]
    fn crashes_of_pid_1_itself_count_as_deaths() {
        for (crashes, expected) in [
            (2, start(&[])),
            (3, SupervisorAction::StartRescue { unattended: true }),
            (u32::MAX, SupervisorAction::StartRescue { unattended: true }),
        ] {
            assert_eq!(Supervisor::new(3, crashes).on(Event::Started), [expected], "{crashes}");
        }
    }

    #[test]
    fn the_rescue_console_takes_the_workers_place() {
        let mut supervisor = Supervisor::new(3, 0);
        assert_eq!(
            last(&mut supervisor, vec![Event::Started, Event::Said(Request::Rescue)]),
            [SupervisorAction::KillChild]
        );
        assert_eq!(
            supervisor.on(Event::Died(killed())),
            [SupervisorAction::StartRescue { unattended: false }]
        );
        // The rescue console can ask for power and for the jump, and nothing else.
        assert_eq!(supervisor.on(Event::Said(Request::Rescue)), []);
        assert_eq!(supervisor.on(begin(entry("x"))), []);
        assert_eq!(supervisor.on(Event::Said(Request::PowerOff)), [SupervisorAction::Leave(Power::Off)]);
    }

    #[test]
    fn a_rescue_console_that_keeps_dying_leaves_pid_1_alive() {
        let mut supervisor = Supervisor::new(3, 3);
        let died = || Event::Died(Death::NotStarted("out of memory".into()));
        assert_eq!(
            last(&mut supervisor, vec![Event::Started, died()]),
            [SupervisorAction::StartRescue { unattended: false }]
        );
        assert_eq!(last(&mut supervisor, vec![died(), died()]), [SupervisorAction::ReportHelpless]);
        assert_eq!(supervisor.on(Event::Asked(Power::Reboot)), [SupervisorAction::Leave(Power::Reboot)]);
    }

    #[test]
    fn a_failed_jump_passes_over_its_entry() {
        let mut supervisor = Supervisor::new(3, 0);
        let jump = Request::Jump { entry: "b".into(), title: "Bee".into() };
        let jump = last(
            &mut supervisor,
            vec![
                Event::Started,
                Event::ModulesLoaded,
                begin(entry("b")),
                Event::Said(Request::End(entry("b"))),
                begin(entry("a")),
                Event::Said(jump),
            ],
        );
        assert_eq!(jump, [SupervisorAction::Jump { entry: "b".into(), title: "Bee".into() }]);
        // The worker dies of it, or died after its last word: either way that is no death of its own.
        assert_eq!(supervisor.on(Event::Died(killed())), []);
        assert_eq!(
            supervisor.on(Event::JumpFailed),
            [
                start(&[entry("b")]),
                SupervisorAction::Notify(Notice::ModulesLoaded),
                SupervisorAction::Notify(Notice::JumpFailed)
            ]
        );
    }

    #[test]
    fn a_jump_of_the_rescue_console_leads_back_to_it_where_it_fails() {
        let mut supervisor = Supervisor::new(3, 0);
        let jump = || Event::Said(Request::Jump { entry: "b".into(), title: "Bee".into() });
        let actions = last(
            &mut supervisor,
            vec![Event::Started, Event::Said(Request::Rescue), Event::Died(killed()), jump()],
        );
        assert_eq!(actions, [SupervisorAction::Jump { entry: "b".into(), title: "Bee".into() }]);
        // A second one comes too late.
        assert_eq!(supervisor.on(jump()), []);
        assert_eq!(supervisor.on(Event::Died(killed())), []);
        assert_eq!(supervisor.on(Event::JumpFailed), [SupervisorAction::StartRescue { unattended: false }]);
    }

    #[test]
    fn every_new_worker_gets_the_notice_that_modules_are_loaded() {
        let mut supervisor = Supervisor::new(3, 0);
        assert_eq!(supervisor.on(Event::ModulesLoaded), []);
        let started = [start(&[]), SupervisorAction::Notify(Notice::ModulesLoaded)];
        assert_eq!(supervisor.on(Event::Started), started);
    }

    #[test]
    fn power_is_answered_at_any_time() {
        for before in [vec![], vec![Event::Started], vec![Event::Started, Event::Said(Request::Rescue)]] {
            let mut supervisor = Supervisor::new(3, 0);
            for event in before {
                supervisor.on(event);
            }
            assert_eq!(supervisor.on(Event::Asked(Power::Halt)), [SupervisorAction::Leave(Power::Halt)]);
        }
    }

    #[test]
    fn the_number_of_remembered_tasks_is_bounded() {
        let mut supervisor = Supervisor::new(3, 0);
        supervisor.on(Event::Started);
        for number in 0..10_000 {
            supervisor.on(begin(entry(&number.to_string())));
            supervisor.on(begin(device("sda")));
        }
        assert_eq!(supervisor.busy_with.len(), TASKS_LIMIT);
    }
}
