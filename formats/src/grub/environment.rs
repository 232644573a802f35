//! Variables: one set for each context (a configuration, a submenu), and what a new context is given of it.

#![expect(clippy::disallowed_types, reason = "its contexts share their names")]

use std::{collections::HashMap, rc::Rc};

/// The variables of one context.
///
/// The body of each menu entry runs on a copy of its menu's variables and changes a few of them: a copy shares what is
/// below, and has only what it changes for itself.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The variables when [`Environment::settle`] was last called.
    below: Rc<VariableMap>,
    /// The variables that were set or unset since.
    above: VariableMap,
}

/// By their names; `None` is one that is unset.
type VariableMap = HashMap<Rc<str>, Option<Variable>>;

#[derive(Clone, Debug, Default)]
struct Variable {
    value: Rc<str>,
    exported: bool,
}

impl Environment {
    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Rc<str>> {
        self.variable(name).map(|variable| variable.value.clone())
    }

    /// A variable's value, empty if it is unset.
    #[must_use]
    pub fn value(&self, name: &str) -> Rc<str> {
        self.get(name).unwrap_or_default()
    }

    /// Sets a variable. One pair of parentheses around a device name falls away from `root`.
    pub fn set(&mut self, name: &str, value: &str) {
        let value = match value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(device) if name == "root" => device,
            _ => value,
        };
        let exported = self.variable(name).is_some_and(|variable| variable.exported);
        self.put(name, Some(Variable { value: value.into(), exported }));
    }

    /// Forgets a variable.
    pub fn unset(&mut self, name: &str) {
        if self.variable(name).is_some() {
            self.put(name, None);
        }
    }

    /// Hands a variable down to new contexts; one that is unset becomes empty.
    pub fn export(&mut self, name: &str) {
        self.put(name, Some(Variable { value: self.value(name), exported: true }));
    }

    /// The variables of a new context: the exported ones.
    #[must_use]
    pub fn exported(&self) -> Self {
        let mut exported = Self::default();
        for (name, variable) in self.below.iter().chain(&self.above) {
            let variable = variable.clone().filter(|variable| variable.exported);
            exported.above.insert(name.clone(), variable);
        }
        exported.settle();
        exported
    }

    /// Makes further copies cheap: they share every variable that is there now.
    pub fn settle(&mut self) {
        if self.above.is_empty() {
            return;
        }
        let below = Rc::make_mut(&mut self.below);
        for (name, variable) in std::mem::take(&mut self.above) {
            below.insert(name, variable);
        }
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.above.get(name).or_else(|| self.below.get(name))?.as_ref()
    }

    fn put(&mut self, name: &str, variable: Option<Variable>) {
        match self.above.get_mut(name) {
            Some(place) => *place = variable,
            None => {
                self.above.insert(name.into(), variable);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_changes_to_itself_settled_or_not() {
        let mut menu = Environment::default();
        for (name, value) in [("root", "(hd0)"), ("default", "0"), ("chosen", "a")] {
            menu.set(name, value);
        }
        menu.export("chosen");
        let values = |it: &Environment| ["root", "default", "chosen", "new"].map(|name| it.get(name));
        let of = |values: [Option<&str>; 4]| values.map(|value| value.map(Rc::from));
        for settled in [false, true] {
            if settled {
                menu.settle();
            }
            let mut copy = menu.clone();
            copy.set("chosen", "a>b");
            copy.set("new", "1");
            copy.unset("default");
            copy.unset("nothing");
            assert_eq!(values(&copy), of([Some("hd0"), None, Some("a>b"), Some("1")]));
            copy.settle();
            assert_eq!(values(&copy), of([Some("hd0"), None, Some("a>b"), Some("1")]));
            assert_eq!(values(&copy.exported()), of([None, None, Some("a>b"), None]));
            copy.export("default");
            assert_eq!(copy.exported().get("default").as_deref(), Some(""));
            assert_eq!(values(&menu), of([Some("hd0"), Some("0"), Some("a"), None]));
        }
    }
}
