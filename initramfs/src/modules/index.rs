//! The tables that depmod(8) writes, as the builder needs them: paths, dependencies, soft dependencies, aliases.

use crate::BuildError;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::{fs, io, path::Path};

/// What depmod(8) knows about a module tree. Module names are in their normal form, with `_` for `-`.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Each module's path below the tree, by name.
    pub paths: BTreeMap<String, String>,
    /// Names of modules built into the kernel.
    pub built_in: BTreeSet<String>,
    /// Each table's lines, for the part of it that goes into the image.
    tables: Vec<(&'static str, Vec<String>)>,
    needs: HashMap<String, Vec<String>>,
    wants: HashMap<String, Vec<String>>,
    aliases: HashMap<String, Vec<String>>,
}

/// A module's name from its path: the file name up to the first dot, with `_` for `-`.
#[must_use]
pub fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

impl Index {
    /// Reads the tables of a module tree.
    ///
    /// # Errors
    /// A table cannot be read; only modules.dep must be there.
    pub fn read(directory: &Path) -> Result<Self, BuildError> {
        let read = |name: &str| {
            let path = directory.join(name);
            match fs::read(&path) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(BuildError::Read { path, error }),
            }
        };
        let dependencies = read("modules.dep")?;
        let dependencies =
            dependencies.ok_or_else(|| BuildError::NoDependencies { path: directory.join("modules.dep") })?;
        let [soft, aliases, built_in] = ["modules.softdep", "modules.alias", "modules.builtin"].map(read);
        Ok(Self::parse(
            &dependencies,
            &soft?.unwrap_or_default(),
            &aliases?.unwrap_or_default(),
            &built_in?.unwrap_or_default(),
        ))
    }

    /// The index of these tables: modules.dep, modules.softdep, modules.alias and modules.builtin.
    #[must_use]
    pub fn parse(dependencies: &str, soft: &str, aliases: &str, built_in: &str) -> Self {
        let mut index = Self::default();
        for line in dependencies.lines() {
            let Some((path, needed)) = line.split_once(':') else { continue };
            index.paths.insert(module_name(path), path.to_owned());
            index.needs.insert(module_name(path), needed.split_whitespace().map(module_name).collect());
        }
        for line in soft.lines() {
            let mut words = line.split_whitespace();
            let (Some("softdep"), Some(module)) = (words.next(), words.next()) else { continue };
            let names = words.filter(|word| !matches!(*word, "pre:" | "post:")).map(str::to_owned);
            index.wants.entry(module.replace('-', "_")).or_default().extend(names);
        }
        for line in aliases.lines() {
            let mut words = line.split_whitespace();
            let (Some("alias"), Some(alias), Some(module)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            index.aliases.entry(alias.to_owned()).or_default().push(module.replace('-', "_"));
        }
        index.built_in = built_in.lines().map(module_name).collect();
        index.tables = [
            ("modules.dep", dependencies),
            ("modules.softdep", soft),
            ("modules.alias", aliases),
            ("modules.builtin", built_in),
        ]
        .map(|(name, text)| (name, text.lines().map(str::to_owned).collect()))
        .into();
        index
    }

    /// Names of the modules that a module needs loaded before it, or asks for beside it, as far as they exist.
    pub fn dependencies<'a>(&'a self, module: &str) -> impl Iterator<Item = &'a str> {
        let needs = self.needs.get(module).into_iter().flatten().map(String::as_str);
        let wants = self.wants.get(module).into_iter().flatten().flat_map(|name| self.resolve(name));
        needs.chain(wants)
    }

    /// The modules that a name or an alias stands for.
    fn resolve<'a>(&'a self, name: &str) -> Vec<&'a str> {
        if let Some((module, _)) = self.paths.get_key_value(&name.replace('-', "_")) {
            return vec![module];
        }
        let modules = self.aliases.get(name).into_iter().flatten();
        modules.filter(|module| self.paths.contains_key(*module)).map(String::as_str).collect()
    }

    /// The lines of each table that speak of the modules that `included` accepts.
    pub fn filtered(&self, included: impl Fn(&str) -> bool) -> impl Iterator<Item = (&'static str, String)> {
        self.tables.iter().map(move |(table, lines)| {
            let speaks_of = |line: &&String| {
                let mut words = line.split_whitespace();
                let module = match *table {
                    "modules.alias" => words.nth(2),
                    "modules.softdep" => words.nth(1),
                    _ => words.next().map(|path| path.trim_end_matches(':')),
                };
                module.is_some_and(|module| included(&module_name(module)))
            };
            let kept = lines.iter().filter(speaks_of).flat_map(|line| [line.as_str(), "\n"]);
            (*table, kept.collect())
        })
    }
}
