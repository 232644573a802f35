//! Tables of names that may be thousands: all of them over one hash table, since each type of it costs an image code of its own.
//! For tens of names, or where their order counts, there is [`NameMap`](crate::name_map::NameMap).

#![expect(clippy::disallowed_types, reason = "the one hash table")]

use std::collections::HashMap;

/// A number for each name: how often it came, or where what it names is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameNumbers(HashMap<String, usize>);

impl NameNumbers {
    /// Counts a name; gives how often it came before.
    pub fn count(&mut self, name: String) -> usize {
        let number = self.0.entry(name).or_default();
        let before = *number;
        *number = number.saturating_add(1);
        before
    }

    /// Counts a name; gives whether it is the first of it.
    pub fn is_new(&mut self, name: String) -> bool {
        self.count(name) == 0
    }

    /// Gives a name a number, in the place of the one that it had.
    pub fn insert(&mut self, name: String, number: usize) {
        self.0.insert(name, number);
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The number of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// Whether a name has a number.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for NameNumbers {
    /// Counts each name.
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut numbers = Self::default();
        for name in names {
            numbers.count(name);
        }
        numbers
    }
}

/// Values by name, in the order in which the names came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTable<V> {
    places: NameNumbers,
    values: Vec<V>,
}

impl<V> Default for NameTable<V> {
    fn default() -> Self {
        Self { places: NameNumbers::default(), values: Vec::new() }
    }
}

impl<V> NameTable<V> {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        self.values.get(self.places.get(name)?)
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.values.get_mut(self.places.get(name)?)
    }

    /// Gives a name a value, in the place of the one that it had.
    pub fn insert(&mut self, name: String, value: V) {
        if let Some(old) = self.get_mut(&name) {
            *old = value;
        } else {
            self.places.insert(name, self.values.len());
            self.values.push(value);
        }
    }

    /// All values, in the order in which their names came first.
    #[must_use]
    pub fn values(&self) -> &[V] {
        &self.values
    }
}

impl<V> FromIterator<(String, V)> for NameTable<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        let mut table = Self::default();
        for (name, value) in pairs {
            table.insert(name, value);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_does_what_a_tree_does(steps in prop::collection::vec(("[a-d]{0,2}", any::<u8>()), 0..60)) {
            let (mut table, mut tree) = (NameTable::default(), BTreeMap::new());
            for (name, value) in steps {
                table.insert(name.clone(), value);
                tree.insert(name.clone(), value);
                for name in ["", "a", "ab", &name] {
                    prop_assert_eq!(table.get(name), tree.get(name));
                }
                prop_assert_eq!(table.values().len(), tree.len());
            }
        }
    }

    #[test]
    fn names_are_counted() {
        let mut names: NameNumbers = ["a", "b", "a"].map(str::to_owned).into_iter().collect();
        assert_eq!((names.get("a"), names.get("b"), names.get("c")), (Some(2), Some(1), None));
        assert_eq!((names.count("a".into()), names.count("c".into()), names.len()), (2, 0, 3));
        assert!(!names.is_new("c".into()) && names.is_new("d".into()) && names.contains("d"));
        names.remove("d");
        assert!(!names.contains("d"));
    }
}
