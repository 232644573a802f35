//! A survey that loses only the volumes which end it or hold it up: they are found out by searching each alone, and passed
//! over from then on.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::SandboxError;
use crate::{
    discover::explain::{Outcome, Report, Search, Survey},
    entry::{VolumeReference, Warning},
    storage::{OpenVolume, watch::Progress},
};

/// The first search of all volumes gets this part of the time, but no more than this, and the searches of volumes alone get
/// this part of the rest.
const FIRST_PART: u32 = 3;
const FIRST_LIMIT: Duration = Duration::from_secs(5);
const ALONE_PART: u32 = 2;

/// Volumes that are searched alone at the same time.
const ALONE_AT_ONCE: usize = 8;

/// Minimum time of the search that gives the result: the volumes in it have ended a search before.
const LAST_LIMIT: Duration = Duration::from_secs(2);

/// What earlier surveys found out about volumes, for as long as the process lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts(Vec<(VolumeReference, Verdict)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// A search of it has ended well.
    Good,
    /// A search of it took too long, for this reason.
    Late(String),
    /// A search of it ended badly, for this reason.
    Lost(String),
}

impl Verdict {
    fn of(error: &SandboxError) -> Self {
        match error {
            SandboxError::TimedOut(_) => Self::Late(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl Verdicts {
    /// Whether a volume was late, and [`Verdicts::give_more_time`] would have it searched again.
    #[must_use]
    pub fn is_any_late(&self) -> bool {
        self.0.iter().any(|(_, verdict)| matches!(verdict, Verdict::Late(_)))
    }

    /// Has the next survey search the late volumes again.
    pub fn give_more_time(&mut self) {
        self.0.retain(|(_, verdict)| !matches!(verdict, Verdict::Late(_)));
    }

    /// Takes the volumes that are late for lost: they have had their time.
    pub fn give_up(&mut self) {
        for (_, verdict) in &mut self.0 {
            if let Verdict::Late(reason) = verdict {
                *verdict = Verdict::Lost(std::mem::take(reason));
            }
        }
    }

    fn of(&self, open: &OpenVolume) -> Option<&Verdict> {
        let known = self.0.iter().find(|(volume, _)| volume.is(&open.volume));
        known.map(|(_, verdict)| verdict)
    }

    fn reason(&self, open: &OpenVolume) -> Option<&str> {
        match self.of(open)? {
            Verdict::Good => None,
            Verdict::Late(reason) | Verdict::Lost(reason) => Some(reason),
        }
    }

    fn note<'a>(&mut self, volumes: impl IntoIterator<Item = &'a &'a OpenVolume>, verdict: &Verdict) {
        for open in volumes {
            self.0.retain(|(volume, _)| !volume.is(&open.volume));
            self.0.push((open.volume.reference(), verdict.clone()));
        }
    }
}

/// Searches some volumes, within a time.
pub(super) type SearchVolumes<'a> =
    &'a (dyn Fn(&[&OpenVolume], Duration) -> Result<Survey, SandboxError> + Sync);

/// Searches all volumes at once, but for those that a verdict is against. If that ends badly or takes too long, searches each
/// of those alone of which nothing is known, and then all that ended well. `waiting` is given the volumes that are
/// searched alone, whenever one of them ends. With `apart` it adds one volume at a time from the beginning, and tells it which.
pub(super) fn survey_by(
    volumes: &[&OpenVolume],
    verdicts: &mut Verdicts,
    limit: Duration,
    waiting: &(dyn Fn(Vec<VolumeReference>) + Sync),
    apart: Option<&dyn Fn(Progress)>,
    search: SearchVolumes<'_>,
) -> Result<Survey, SandboxError> {
    let begin = Instant::now();
    let left = || limit.saturating_sub(begin.elapsed());
    let good = |verdicts: &Verdicts| -> Vec<&OpenVolume> {
        volumes.iter().copied().filter(|open| verdicts.reason(open).is_none()).collect()
    };
    // Without any volume, there is no search to be made.
    let search = |volumes: &[&OpenVolume], limit| match volumes {
        [] => Ok(Survey::default()),
        some => search(some, limit),
    };
    let mut taken = good(verdicts);
    // A single volume has nobody to hold up.
    let first_limit = if taken.len() > 1 { (limit / FIRST_PART).min(FIRST_LIMIT) } else { limit };
    let mut result = match apart {
        Some(apart) => search_growing(&taken, verdicts, limit, apart, &search),
        None => search(&taken, first_limit),
    };
    if let Err(error) = &result
        && !matches!(error, SandboxError::Start(_))
    {
        let suspects: Vec<&OpenVolume> =
            taken.iter().copied().filter(|open| verdicts.of(open).is_none()).collect();
        match suspects.as_slice() {
            [only] => verdicts.note([only], &Verdict::of(error)),
            _ => search_alone(&suspects, verdicts, left() / ALONE_PART, waiting, &search),
        }
        taken = good(verdicts);
        result = search(&taken, left().max(LAST_LIMIT));
    }
    if !matches!(result, Ok(_) | Err(SandboxError::Start(_))) {
        result = search_growing(&taken, verdicts, left().max(LAST_LIMIT), &|_| {}, &search);
        taken = good(verdicts);
    }
    let mut survey = result?;
    verdicts.note(&taken, &Verdict::Good);
    for (place, open) in volumes.iter().enumerate() {
        let Some(reason) = verdicts.reason(open).map(str::to_owned) else { continue };
        let mut report = Report::new(&open.volume);
        report.searches.push(Search { format: None, outcome: Outcome::Died { reason: reason.clone() } });
        survey.volumes.insert(place.min(survey.volumes.len()), report);
        survey.discovery.warnings.push(Warning {
            volume: open.volume.reference(),
            path: "/".into(),
            line: None,
            message: format!("{reason}; nothing on this volume is offered"),
        });
    }
    Ok(survey)
}

/// Searches each of these volumes alone, several at a time, and notes how that ended. Together they take no longer than
/// `limit`, as far as that depends on us.
fn search_alone(
    suspects: &[&OpenVolume],
    verdicts: &mut Verdicts,
    limit: Duration,
    waiting: &(dyn Fn(Vec<VolumeReference>) + Sync),
    search: SearchVolumes<'_>,
) {
    let rounds = u32::try_from(suspects.len().div_ceil(ALONE_AT_ONCE)).unwrap_or(u32::MAX).max(1);
    let each = limit / rounds;
    let unfinished = Mutex::new(suspects.iter().map(|open| open.volume.reference()).collect::<Vec<_>>());
    let ended = Mutex::new(Vec::new());
    let queue = Mutex::new(suspects.iter().copied());
    waiting(locked(&unfinished).clone());
    let work = || {
        // The queue is free again before the search begins.
        let next = || locked(&queue).next();
        while let Some(open) = next() {
            let verdict = search(&[open], each).map_or_else(|error| Verdict::of(&error), |_| Verdict::Good);
            locked(&ended).push((open, verdict));
            let mut unfinished = locked(&unfinished);
            unfinished.retain(|reference| !reference.is(&open.volume));
            waiting(unfinished.clone());
        }
    };
    thread::scope(|scope| {
        for _ in 1..ALONE_AT_ONCE.min(suspects.len()) {
            // Without another thread, this one does it all.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    for (open, verdict) in ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
        verdicts.note(&[open], &verdict);
    }
}

/// Searches one volume, that and another one, and so on: each volume with which a search ends badly only beside others is
/// lost.
fn search_growing(
    volumes: &[&OpenVolume],
    verdicts: &mut Verdicts,
    limit: Duration,
    report: &dyn Fn(Progress),
    search: SearchVolumes<'_>,
) -> Result<Survey, SandboxError> {
    let each = limit / u32::try_from(volumes.len()).unwrap_or(u32::MAX).max(1);
    let mut survey = Survey::default();
    let mut good = Vec::new();
    for open in volumes {
        good.push(*open);
        let name = &open.volume.device.name;
        report(Progress::Begin(name.clone()));
        let wider = search(&good, each);
        report(Progress::End(name.clone()));
        match wider {
            Ok(wider) => survey = wider,
            Err(error @ SandboxError::Start(_)) => return Err(error),
            Err(error) => {
                good.pop();
                verdicts.note(&[*open], &Verdict::Lost(error.to_string()));
            }
        }
    }
    Ok(survey)
}

/// A thread that panicked ends the process.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
