//! The tables that depmod(8) writes beside the modules, read whole and cut down to what an image holds.

use crate::BuildError;
use std::{fs, io, path::Path};

/// The text of the tables; one that is not there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// modules.dep: each module's path and those that it needs.
    pub dependencies: String,
    /// modules.alias: patterns of device and other names.
    pub aliases: String,
    /// modules.softdep: what to load before and after a module, where it exists.
    pub soft_dependencies: String,
    /// modules.builtin: paths of the modules that are part of the kernel.
    pub builtin: String,
}

/// A module's name from its path: the file name up to the first dot, with `_` for `-`.
#[must_use]
pub fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

impl Tables {
    /// Reads the tables of a module tree.
    ///
    /// # Errors
    /// A table cannot be read; only modules.dep must be there.
    pub fn read(directory: &Path) -> Result<Self, BuildError> {
        let read = |name: &str| {
            let path = directory.join(name);
            match fs::read(&path) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && name != "modules.dep" => {
                    Ok(String::new())
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(BuildError::NoDependencies { path })
                }
                Err(error) => Err(BuildError::Read { path, error }),
            }
        };
        Ok(Self {
            dependencies: read("modules.dep")?,
            aliases: read("modules.alias")?,
            soft_dependencies: read("modules.softdep")?,
            builtin: read("modules.builtin")?,
        })
    }

    /// Paths of all modules, below the tree.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.dependencies.lines().filter_map(|line| line.split_once(':')).map(|(path, _)| path)
    }

    /// The lines that speak of the modules that `included` accepts.
    #[must_use]
    pub fn filtered(&self, included: impl Fn(&str) -> bool) -> Self {
        let keep = |table: &str, word: usize| {
            let speaks_of = |line: &&str| {
                let module =
                    line.split([' ', '\t']).nth(word).map(|path| module_name(path.trim_end_matches(':')));
                module.is_some_and(|module| included(&module))
            };
            table.lines().filter(speaks_of).flat_map(|line| [line, "\n"]).collect()
        };
        Self {
            dependencies: keep(&self.dependencies, 0),
            aliases: keep(&self.aliases, 2),
            soft_dependencies: keep(&self.soft_dependencies, 1),
            builtin: keep(&self.builtin, 0),
        }
    }

    /// The tables with their file names.
    #[must_use]
    pub fn files(self) -> [(&'static str, String); 4] {
        [
            ("modules.alias", self.aliases),
            ("modules.builtin", self.builtin),
            ("modules.dep", self.dependencies),
            ("modules.softdep", self.soft_dependencies),
        ]
    }
}
