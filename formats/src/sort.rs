//! Stable sorting with one copy of the algorithm in the program: the standard library's own is 4 KB of code for each type
//! that is sorted, and a boot loader sorts thirty short lists.

use std::{cmp::Ordering, mem};

/// Sorts `items` from the smallest to the largest. Equal items keep their order.
pub fn ascending<T: Ord>(items: &mut [T]) {
    by(items, T::cmp);
}

/// Sorts `items` by what `key` says about each. Items with equal keys keep their order.
pub fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    by(items, |one, other| key(one).cmp(&key(other)));
}

/// As [`by_key`] for a key that takes work: it is made once for each item.
pub fn by_cached_key<T, K: Ord>(items: &mut [T], key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let order = order(keys.len(), &mut |one, other| keys.get(one).cmp(&keys.get(other)));
    arrange(items, order);
}

/// Sorts `items` as `compare` says, which must be a total order. Items that it calls equal keep their order.
pub fn by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let order = order(items.len(), &mut |one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    arrange(items, order);
}

/// The indices of `length` items in their sorted order.
#[inline(never)]
fn order(length: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    #[expect(clippy::disallowed_methods, reason = "the one call")]
    order.sort_by(|one, other| compare(*one, *other));
    order
}

/// Moves each item to its place: `order` holds for each place the index of its item, and each index once.
fn arrange<T>(items: &mut [T], mut order: Vec<usize>) {
    for start in 0..items.len() {
        // A place that has its item names itself from then on.
        let mut place = start;
        while let Some(from) = order.get_mut(place).map(|from| mem::replace(from, place)) {
            if from == start {
                break;
            }
            items.swap(place, from);
            place = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_are_sorted_as_the_standard_library_sorts_them(list: Vec<(u8, u16)>) {
            let (mut ours, mut expected) = (list.clone(), list.clone());
            super::ascending(&mut ours);
            expected.sort();
            prop_assert_eq!(&ours, &expected);

            let (mut ours, mut cached, mut expected) = (list.clone(), list.clone(), list);
            super::by_key(&mut ours, |(key, _)| *key);
            super::by_cached_key(&mut cached, |(key, _)| *key);
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &expected);
            prop_assert_eq!(&cached, &expected);
        }
    }
}
