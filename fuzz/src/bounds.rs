//! The maximum cost of an input: a second of processor time, or 64 MiB beside what it brings itself.
//!
//! Every target is started through [`fuzz_target!`](crate::fuzz_target), so both are held for every input of every run. With
//! `FUZZ_LARGE` set to a path, each input is a seed, from which inputs of 1 MiB are made ([`large`](crate::large)); one that
//! costs too much is left at that path.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    env, fs,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use crate::large;

/// Bytes that may live at once while an input is read, the copy that the reader is handed not counted.
const MEMORY: usize = 64 << 20;
/// Processor time that an input may take.
const TIME: Duration = Duration::from_secs(1);

/// The system's allocator, which counts.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator as it came; beside that, only two numbers change.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        count(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(size: usize) {
    let live = LIVE.fetch_add(size, Relaxed).wrapping_add(size);
    PEAK.fetch_max(live, Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Defines the target, as libFuzzer's own macro does.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        $crate::libfuzzer_sys::fuzz_target!(|$data: &[u8]| {
            $crate::bounds::run($data, &|$data: &[u8]| {
                $body;
            });
        });
    };
}

/// Runs a target's body over an input, or over what is made of it.
///
/// # Panics
/// Where the body panics, and where an input costs too much.
pub fn run(data: &[u8], body: &dyn Fn(&[u8])) {
    let Ok(place) = env::var("FUZZ_LARGE") else {
        // libFuzzer itself keeps the time.
        NUMBER.store(data.len(), Relaxed);
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        body(data);
        let memory = PEAK.load(Relaxed).saturating_sub(before);
        assert!(memory <= MEMORY, "{memory} bytes at once");
        return;
    };
    let mut largest = Cost::default();
    let (mut runs, mut slowest) = (0, String::new());
    large::each(data, &mut |name, input| {
        NUMBER.store(runs, Relaxed);
        let mut cost = measure(input, body);
        // A machine that was busy with something else is no fault of the input: it is tried again.
        if cost.time > TIME {
            cost.time = cost.time.min(measure(input, body).time);
        }
        if !cost.within() {
            fs::write(&place, input).expect("writing the input that failed");
            println!("fuzz: {name}: {cost:?}; the input is in {place}");
            FAILED.fetch_add(1, Relaxed);
        }
        runs += 1;
        if cost.time > largest.time {
            slowest = name.chars().take(60).collect();
        }
        largest = Cost { time: largest.time.max(cost.time), memory: largest.memory.max(cost.memory) };
    });
    let (memory, time) = (largest.memory >> 20, largest.time.as_millis());
    println!("large: {runs} inputs, at most {memory} MiB and {time} ms ({slowest})");
    assert_eq!(FAILED.load(Relaxed), 0, "inputs of 1 MiB that cost too much");
}

static FAILED: AtomicUsize = AtomicUsize::new(0);
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// In which of so many ways an input is read, where trying all would leave less time for inputs: by its length, or by its
/// number where all have the same length.
#[must_use]
pub fn way(count: usize) -> usize {
    NUMBER.load(Relaxed) % count
}

/// The cost of an input.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    time: Duration,
    memory: usize,
}

impl Cost {
    fn within(self) -> bool {
        self.time <= TIME && self.memory <= MEMORY
    }
}

fn measure(input: &[u8], body: &dyn Fn(&[u8])) -> Cost {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    STARTED.set(Some(processor_time()));
    body(input);
    lap();
    STARTED.set(None);
    let memory = PEAK.load(Relaxed).saturating_sub(before);
    Cost { time: LONGEST.take(), memory }
}

/// Said by a target that reads its input in several ways, before each: the time is for one of them.
pub fn lap() {
    let Some(started) = STARTED.get() else { return };
    let now = processor_time();
    LONGEST.set(LONGEST.get().max(now.saturating_sub(started)));
    STARTED.set(Some(now));
}

thread_local! {
    /// When the reading began that is going on; `None` where none is timed.
    static STARTED: Cell<Option<Duration>> = const { Cell::new(None) };
    /// The longest reading of an input so far.
    static LONGEST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Time that this thread has been running on a processor: what others take from it is not counted.
fn processor_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(times.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default())
}
