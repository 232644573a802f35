//! Measurements that take a machine each, two machines at a time. Instructions are counted, so that does no harm.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::tool;

/// Machines at once: one for each of two processors.
const AT_ONCE: usize = 2;

/// Measures each cell, begun in their order, and gives the results in that order. Says how far it is.
pub(super) fn measure<C: Sync, R: Send>(cells: &[C], what: &str, run: impl Fn(&C) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::default();
    let lock = || results.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(number) else { return };
                    let result = run(cell);
                    let mut results = lock();
                    results.push((number, result));
                    tool::say(&format!("{what}: {} of {} machines done", results.len(), cells.len()));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_cells() {
        let cells: Vec<u32> = (0..50).collect();
        assert_eq!(
            measure(&cells, "squares", |it| it * it),
            cells.iter().map(|it| it * it).collect::<Vec<_>>()
        );
    }
}
