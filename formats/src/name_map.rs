//! A map of names in their order, as one list: for tens of names, where a tree costs an image more code than it saves time.

/// Values by name, sorted by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMap<V>(Vec<(String, V)>);

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> NameMap<V> {
    /// The place of a name, or the one where it would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        self.0.get(self.place(name).ok()?).map(|(_, value)| value)
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let place = self.place(name).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Gives a name a value, in the place of the one that it had.
    pub fn insert(&mut self, name: String, value: V) {
        if let Some(old) = self.get_mut(&name) {
            *old = value;
        } else if let Err(place) = self.place(&name) {
            self.0.insert(place, (name, value));
        }
    }

    /// Takes a name out, with its value.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    /// Takes out all names but those for which `is_kept` holds.
    pub fn retain(&mut self, is_kept: impl Fn(&str, &V) -> bool) {
        self.0.retain(|(name, value)| is_kept(name, value));
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// All values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// How many there are.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps in prop::collection::vec(("[a-d]{0,2}", any::<Option<u8>>()), 0..60)) {
            let (mut map, mut tree) = (NameMap::default(), BTreeMap::new());
            for (name, value) in steps {
                match value {
                    Some(value) => {
                        map.insert(name.clone(), value);
                        tree.insert(name.clone(), value);
                    }
                    None => prop_assert_eq!(map.remove(&name), tree.remove(&name)),
                }
                if let Some(value) = map.get_mut(&name) {
                    *value = value.wrapping_add(1);
                }
                if let Some(value) = tree.get_mut(&name) {
                    *value = value.wrapping_add(1);
                }
                prop_assert_eq!(map.get(&name), tree.get(&name));
                if name == "ab" {
                    map.retain(|name, _| name > "b");
                    tree.retain(|name, _| name.as_str() > "b");
                }
                let all: Vec<_> = tree.iter().map(|(name, value)| (name.as_str(), value)).collect();
                prop_assert_eq!(map.iter().collect::<Vec<_>>(), all);
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
            }
        }
    }
}
