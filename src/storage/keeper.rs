//! The bookkeeping of the watch: which devices there are, which are being probed, what is joined with what, and what is to
//! be done next. It does no I/O and knows no clock but the time that is passed to it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    OpenVolume, VolumeEvent,
    probe::{ProbeOutcome, ProbeRequest, Probed},
    rejection::Rejection,
    stack::{Stack, StackId},
};
use crate::{
    entry::Device,
    formats::{name_map::NameMap, sort},
};

/// How many probes run at once, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of probes at the same time; one that let its deadline pass does not count.
    pub probes: usize,
    /// How long a device may take to answer.
    pub deadline: Duration,
    /// How long all devices that were known when the modules were loaded may take together.
    pub barrier: Duration,
}

/// Something to be done.
#[derive(Debug)]
pub enum KeeperAction {
    /// Probe a device, and hand in the result with the same number.
    Probe {
        request: ProbeRequest,
        /// Number of this probe.
        number: u64,
    },
    /// Say that the probe of the device with this kernel name ended.
    Ended(String),
    /// Report this.
    Report(Box<VolumeEvent>),
}

/// The devices that are known, and the probes of them.
#[derive(Debug)]
pub struct Keeper {
    limits: Limits,
    /// By their kernel names.
    devices: NameMap<KnownDevice>,
    queue: VecDeque<ProbeRequest>,
    actions: VecDeque<KeeperAction>,
    /// Number of the last probe.
    probes: u64,
    barrier: Barrier,
}

#[derive(Debug)]
struct KnownDevice {
    device: Device,
    state: DeviceState,
    /// Number of the medium that the last probe found.
    medium: Option<u64>,
}

#[derive(Debug)]
enum DeviceState {
    Queued,
    Probing {
        number: u64,
        deadline: Instant,
        /// The medium changed meanwhile; to the one with this number.
        changed: Option<Option<u64>>,
    },
    /// Its deadline passed; the probe may still come to an end.
    Late {
        number: u64,
    },
    /// It is a volume, which is read once for all parts of this stack.
    Opened {
        stack: Option<StackId>,
    },
    /// It is no volume. It is a part of this stack, if other parts are still to be found.
    Rejected {
        incomplete: Option<Stack>,
    },
}

/// The devices that are waited for before a countdown may end.
#[derive(Debug)]
enum Barrier {
    /// The modules are not loaded yet.
    Ahead,
    /// For the devices of these names, and no longer than to the deadline.
    Waiting {
        names: Vec<String>,
        deadline: Instant,
        /// These names have been reported.
        reported: bool,
    },
    Passed,
}

impl Keeper {
    /// Without any device.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            devices: NameMap::default(),
            queue: VecDeque::new(),
            actions: VecDeque::new(),
            probes: 0,
            barrier: Barrier::Ahead,
        }
    }

    /// A device is there; it is not probed if it is rejected already. A known device is probed again if its size has
    /// changed.
    pub fn appeared(&mut self, device: Device, rejection: Option<Rejection>, now: Instant) {
        if self.devices.get(&device.name).is_none_or(|known| known.device.size != device.size) {
            self.enter(device, rejection, now);
        }
    }

    /// Something about a device changed: its `medium`, with the number of the new one where the kernel numbers them, or
    /// something else. It is probed again if its medium or its size is another, or if the last probe found no volume.
    pub fn changed(
        &mut self,
        device: Device,
        rejection: Option<Rejection>,
        medium: Option<Option<u64>>,
        now: Instant,
    ) {
        let again = self.devices.get_mut(&device.name).is_none_or(|known| match (&mut known.state, medium) {
            // Opening the drive makes it announce the medium that is being probed; which one that is shows at the end.
            (DeviceState::Probing { changed, .. }, Some(number)) => {
                *changed = Some(number);
                false
            }
            (DeviceState::Rejected { .. }, None) => true,
            (_, Some(number)) => !is_at(known.medium, number),
            (_, None) => known.device.size != device.size,
        });
        if again {
            self.enter(device, rejection, now);
        }
    }

    /// A device is gone.
    pub fn removed(&mut self, name: &str, now: Instant) {
        self.forget(name);
        self.settled(name, now);
    }

    /// These are all devices that there are; others that were known are gone.
    pub fn only(&mut self, names: &[String], now: Instant) {
        let gone = self.names(|known| !names.contains(&known.device.name));
        for name in gone {
            self.removed(&name, now);
        }
    }

    /// The result of a probe. That of a device which has gone or changed since is dropped.
    pub fn probed(&mut self, name: &str, number: u64, probed: Probed, now: Instant) {
        self.actions.push_back(KeeperAction::Ended(name.to_owned()));
        let Probed { outcome, medium, partitions } = probed;
        let Some(known) = self.devices.get(name) else { return };
        match known.state {
            DeviceState::Probing { number: current, changed, .. } if current == number => {
                if changed.is_some_and(|newer| !is_at(medium, newer)) {
                    return self.enter(known.device.clone(), None, now);
                }
            }
            DeviceState::Late { number: current } if current == number => {}
            _ => return,
        }
        // Before anything that makes the barrier wait for this device again.
        self.leave_barrier(name);
        self.wait_for_announced(partitions);
        match outcome {
            ProbeOutcome::Gone => return self.removed(name, now),
            ProbeOutcome::Opened(open) => self.opened(open, medium),
            ProbeOutcome::Rejected { device, rejection } => self.rejected(device, rejection, medium),
            ProbeOutcome::Joined { device, stack, children } => self.joined(device, &stack, children, medium),
        }
        self.start(now);
        self.pass_barrier(now);
    }

    /// The modules for all hardware are loaded, and all devices that there are have been reported.
    pub fn modules_loaded(&mut self, now: Instant) {
        if matches!(self.barrier, Barrier::Ahead) {
            let names = self.names(is_awaited);
            let deadline = now + self.limits.barrier;
            self.barrier = Barrier::Waiting { names, deadline, reported: false };
            self.pass_barrier(now);
        }
    }

    /// Stops waiting for the devices whose deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        let is_late = |known: &KnownDevice| matches!(known.state, DeviceState::Probing { deadline, .. } if deadline <= now);
        for name in self.names(is_late) {
            let Some(known) = self.devices.get_mut(&name) else { continue };
            let DeviceState::Probing { number, .. } = known.state else { continue };
            known.state = DeviceState::Late { number };
            let device = known.device.clone();
            self.report(VolumeEvent::Rejected { device, rejection: Rejection::Late(self.limits.deadline) });
            self.settled(&name, now);
        }
        self.pass_barrier(now);
    }

    /// When [`Keeper::expire`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let probes = self.devices.values().filter_map(|known| match known.state {
            DeviceState::Probing { deadline, .. } => Some(deadline),
            _ => None,
        });
        let barrier = match self.barrier {
            Barrier::Waiting { deadline, .. } => Some(deadline),
            _ => None,
        };
        probes.chain(barrier).min()
    }

    /// The next thing to be done.
    pub fn next_action(&mut self) -> Option<KeeperAction> {
        self.actions.pop_front()
    }

    fn enter(&mut self, device: Device, rejection: Option<Rejection>, now: Instant) {
        let name = device.name.clone();
        self.forget(&name);
        match rejection {
            Some(rejection) => {
                self.keep_rejected(device, rejection, None);
                self.settled(&name, now);
            }
            None => {
                let known = KnownDevice { device, state: DeviceState::Queued, medium: None };
                self.devices.insert(name.clone(), known);
                self.queue.push_back(ProbeRequest { name, ..ProbeRequest::default() });
            }
        }
        self.start(now);
    }

    /// Removes a device, and reports that if the device was reported.
    fn forget(&mut self, name: &str) {
        self.queue.retain(|queued| queued.name != name);
        let Some(known) = self.devices.remove(name) else { return };
        if !is_awaited(&known) {
            self.report(VolumeEvent::Gone(known.device.name));
        }
    }

    fn start(&mut self, now: Instant) {
        let probing = |known: &&KnownDevice| matches!(known.state, DeviceState::Probing { .. });
        let running = self.devices.values().filter(probing).count();
        for _ in running..self.limits.probes {
            let Some(request) = self.queue.pop_front() else { break };
            let number = self.probes.wrapping_add(1);
            let deadline = now + self.limits.deadline;
            let Some(known) = self.devices.get_mut(&request.name) else { continue };
            known.state = DeviceState::Probing { number, deadline, changed: None };
            self.probes = number;
            self.actions.push_back(KeeperAction::Probe { request, number });
        }
    }

    /// Takes in a volume. One that is read through another part of its stack already is not reported again.
    fn opened(&mut self, open: OpenVolume, medium: Option<u64>) {
        let device = open.volume.device.clone();
        let stack = StackId::of(&open.volume.filesystem);
        let read_through = stack.as_ref().and_then(|stack| {
            let first = self.devices.values().find(|known| known.is_opened(stack))?;
            Some(Rejection::ReadThrough { kind: stack.kind, device: first.device.name.clone() })
        });
        if let Some(rejection) = read_through {
            return self.keep_rejected(device, rejection, medium);
        }
        let name = device.name.clone();
        self.devices.insert(
            name.clone(),
            KnownDevice { device, state: DeviceState::Opened { stack: stack.clone() }, medium },
        );
        self.report(VolumeEvent::Opened(open));
        if let Some(stack) = stack {
            self.explain_parts(&stack, &Rejection::ReadThrough { kind: stack.kind, device: name });
        }
    }

    fn rejected(&mut self, device: Device, rejection: Rejection, medium: Option<u64>) {
        let stack = rejection.incomplete_stack().cloned();
        self.keep_rejected(device, rejection, medium);
        if let Some(stack) = stack {
            self.assemble(&stack, false);
        }
    }

    /// Takes in what a device was joined to with the other parts of its stack: devices that the kernel announces, for
    /// which the barrier waits as it did for their parts.
    fn joined(&mut self, device: Device, stack: &StackId, children: Vec<String>, medium: Option<u64>) {
        let rejection = Rejection::MemberOf(children.clone());
        self.keep_rejected(device, rejection.clone(), medium);
        self.explain_parts(stack, &rejection);
        self.wait_for_announced(children);
    }

    /// The barrier waits for devices that the kernel announces because of the probe of another.
    fn wait_for_announced(&mut self, children: Vec<String>) {
        for child in children {
            if self.devices.get(&child).is_none_or(is_awaited) {
                self.wait_for(child);
            }
        }
    }

    fn keep_rejected(&mut self, device: Device, rejection: Rejection, medium: Option<u64>) {
        let state = DeviceState::Rejected { incomplete: rejection.incomplete_stack().cloned() };
        self.devices.insert(device.name.clone(), KnownDevice { device: device.clone(), state, medium });
        self.report(VolumeEvent::Rejected { device, rejection });
    }

    /// Has a stack read through the first of its parts, once all are there, or `degraded` with those that are.
    fn assemble(&mut self, stack: &Stack, degraded: bool) {
        let mut parts = self.names(|known| known.is_part_of(|of| of == stack));
        let missing = stack.parts.saturating_sub(u64::try_from(parts.len()).unwrap_or(u64::MAX));
        let missing = Some(missing).filter(|missing| *missing > 0);
        if missing.is_some() && !degraded {
            return;
        }
        if parts.is_empty() {
            return;
        }
        let name = parts.remove(0);
        if let Some(first) = self.devices.get_mut(&name) {
            first.state = DeviceState::Queued;
        }
        self.wait_for(name.clone());
        self.queue.push_back(ProbeRequest { name, companions: parts, missing, ..ProbeRequest::default() });
    }

    /// Reports for the other parts of a stack, once that is read, what has become of them.
    fn explain_parts(&mut self, stack: &StackId, rejection: &Rejection) {
        for known in self.devices.values_mut() {
            if known.is_part_of(|of| of.id == *stack) {
                known.state = DeviceState::Rejected { incomplete: None };
                let (device, rejection) = (known.device.clone(), rejection.clone());
                let event = VolumeEvent::Rejected { device, rejection };
                self.actions.push_back(KeeperAction::Report(Box::new(event)));
            }
        }
    }

    /// The barrier does not wait for this device any more.
    fn settled(&mut self, name: &str, now: Instant) {
        self.leave_barrier(name);
        self.start(now);
        self.pass_barrier(now);
    }

    fn wait_for(&mut self, name: String) {
        if let Barrier::Waiting { names, reported, .. } = &mut self.barrier
            && !names.contains(&name)
        {
            *reported = false;
            names.push(name);
        }
    }

    fn leave_barrier(&mut self, name: &str) {
        if let Barrier::Waiting { names, reported, .. } = &mut self.barrier {
            let count = names.len();
            names.retain(|other| other != name);
            *reported &= names.len() == count;
        }
    }

    fn pass_barrier(&mut self, now: Instant) {
        // Nothing else is waited for: a mirror of which one disk is lost is read now.
        if matches!(&self.barrier, Barrier::Waiting { names, .. } if names.is_empty()) {
            let incomplete = self.devices.values().filter_map(|known| match &known.state {
                DeviceState::Rejected { incomplete } => incomplete.clone(),
                _ => None,
            });
            let mut incomplete: Vec<Stack> = incomplete.collect();
            sort::ascending(&mut incomplete);
            incomplete.dedup();
            for stack in incomplete {
                self.assemble(&stack, true);
            }
            self.start(now);
        }
        let Barrier::Waiting { names, deadline, reported } = &mut self.barrier else { return };
        if names.is_empty() || *deadline <= now {
            self.barrier = Barrier::Passed;
            self.report(VolumeEvent::KnownProbed);
        } else if !std::mem::replace(reported, true) {
            let device = |name: &String| match self.devices.get(name) {
                Some(known) => known.device.clone(),
                None => Device::new(name),
            };
            let devices = names.iter().map(device).collect();
            self.report(VolumeEvent::Awaited(devices));
        }
    }

    /// Kernel names of devices, in their order.
    fn names(&self, which: impl Fn(&KnownDevice) -> bool) -> Vec<String> {
        self.devices.iter().filter(|(_, known)| which(known)).map(|(name, _)| name.to_owned()).collect()
    }

    fn report(&mut self, event: VolumeEvent) {
        self.actions.push_back(KeeperAction::Report(Box::new(event)));
    }
}

impl KnownDevice {
    fn is_opened(&self, stack: &StackId) -> bool {
        matches!(&self.state, DeviceState::Opened { stack: Some(own) } if own == stack)
    }

    /// Whether it is a part of such a stack, other parts of which are still to be found.
    fn is_part_of(&self, is_meant: impl Fn(&Stack) -> bool) -> bool {
        matches!(&self.state, DeviceState::Rejected { incomplete: Some(of) } if is_meant(of))
    }
}

/// Whether a first result of a probe is still to come.
fn is_awaited(known: &KnownDevice) -> bool {
    matches!(known.state, DeviceState::Queued | DeviceState::Probing { .. })
}

/// Whether a probe found the medium that an event announces, or a later one. Without numbers nobody knows.
fn is_at(probed: Option<u64>, event: Option<u64>) -> bool {
    matches!((probed, event), (Some(probed), Some(event)) if probed >= event)
}

#[cfg(test)]
mod tests;
