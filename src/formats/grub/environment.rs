//! Variables: one set for each context (a configuration, a submenu), and what a new context is given of it.

use std::{collections::BTreeMap, rc::Rc};

/// The variables of one context.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Rc<BTreeMap<Rc<str>, Variable>>,
}

#[derive(Clone, Debug, Default)]
struct Variable {
    value: Rc<str>,
    exported: bool,
}

impl Environment {
    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Rc<str>> {
        self.variables.get(name).map(|variable| variable.value.clone())
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
        let variables = Rc::make_mut(&mut self.variables);
        if let Some(variable) = variables.get_mut(name) {
            variable.value = value.into();
        } else {
            variables.insert(name.into(), Variable { value: value.into(), exported: false });
        }
    }

    /// Forgets a variable.
    pub fn unset(&mut self, name: &str) {
        if self.variables.contains_key(name) {
            Rc::make_mut(&mut self.variables).remove(name);
        }
    }

    /// Hands a variable down to new contexts; one that is unset becomes empty.
    pub fn export(&mut self, name: &str) {
        Rc::make_mut(&mut self.variables).entry(name.into()).or_default().exported = true;
    }

    /// What a new context begins with: the exported variables.
    #[must_use]
    pub fn exported(&self) -> Self {
        let exported = self.variables.iter().filter(|(_, variable)| variable.exported);
        Self {
            variables: Rc::new(exported.map(|(name, variable)| (name.clone(), variable.clone())).collect()),
        }
    }

    /// All variables and their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, variable)| (&**name, &*variable.value))
    }
}
