//! Orders of versions, one for each loader or distribution that sorts its kernels by them.

mod dpkg;
mod file;
mod rpm;
mod uapi;

pub use dpkg::dpkg;
pub use file::file;
pub use rpm::{entry_file, rpm};
pub use uapi::uapi;

/// Cuts the bytes of which all satisfy the condition off the front: those, and the rest.
fn split_while(bytes: &[u8], condition: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !condition(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// Compares digits as the numbers that they are, of any length.
fn compare_numbers(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (a, b) = (split_while(a, |&digit| digit == b'0').1, split_while(b, |&digit| digit == b'0').1);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    const ORDERS: [fn(&str, &str) -> Ordering; 5] = [uapi, rpm, entry_file, dpkg, file];

    proptest! {
        /// Sorting panics on an order that contradicts itself.
        #[test]
        fn every_order_is_one(a in "[a-c0-2.~^+_-]{0,6}", b in "[a-c0-2.~^+_-]{0,6}", c in "[a-c0-2.~^+_-]{0,6}") {
            for order in ORDERS {
                prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
                if order(&a, &b).is_le() && order(&b, &c).is_le() {
                    prop_assert!(order(&a, &c).is_le());
                }
            }
        }

        #[test]
        fn arbitrary_text_never_panics(a: String, b: String) {
            for order in ORDERS {
                let _ = order(&a, &b);
                prop_assert_eq!(order(&a, &a), Ordering::Equal);
            }
        }
    }
}
