//! From a request to loaded modules: depmod's tables say which files, in which order; the kernel command line with what
//! parameters.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{insert::insert, parameters::Parameters};
use crate::formats::{
    modules::{Index, Modules},
    text,
};

/// The text of depmod's tables for the running kernel (modules.dep(5), depmod(8)).
pub(super) struct Tables {
    directory: PathBuf,
    dependencies: String,
    aliases: String,
    soft_dependencies: String,
    builtin: String,
    builtin_information: String,
}

impl Tables {
    /// Reads them; `None` if there is no modules.dep, and so no module.
    pub(super) fn read() -> Option<Self> {
        let system = rustix::system::uname();
        let directory = Path::new("/lib/modules").join(system.release().to_string_lossy().as_ref());
        let read = |name| fs::read(directory.join(name)).map(text::decode_owned);
        let optional = |name| read(name).unwrap_or_default();
        let dependencies = read("modules.dep")
            .inspect_err(|error| log::info!("no modules: {}/modules.dep: {error}", directory.display()))
            .ok()?;
        Some(Self {
            dependencies,
            aliases: optional("modules.alias"),
            soft_dependencies: optional("modules.softdep"),
            builtin: optional("modules.builtin"),
            builtin_information: optional("modules.builtin.modinfo"),
            directory,
        })
    }
}

/// Loads modules for the running kernel; may be shared between threads.
pub(super) struct ModuleLoader<'a> {
    directory: &'a Path,
    modules: Modules<'a>,
    parameters: Parameters,
    /// Parameters of every module.
    common: &'static str,
    /// Files that the kernel was given, whatever came of it, with what came of it.
    done: Mutex<Vec<(&'a str, bool)>>,
}

impl<'a> ModuleLoader<'a> {
    /// Over these tables, with the parameters of the kernel command line.
    pub(super) fn new(tables: &'a Tables) -> Self {
        let cmdline = fs::read("/proc/cmdline").unwrap_or_default();
        let index = Index {
            dependencies: &tables.dependencies,
            aliases: &tables.aliases,
            soft_dependencies: &tables.soft_dependencies,
            builtin: &tables.builtin,
            builtin_information: &tables.builtin_information,
        };
        Self {
            directory: &tables.directory,
            modules: Modules::parse(&index),
            parameters: Parameters::of_cmdline(&String::from_utf8_lossy(&cmdline)),
            common: "",
            done: Mutex::default(),
        }
    }

    /// For many devices.
    pub(super) fn for_many(self) -> Self {
        Self { modules: self.modules.filed(), ..self }
    }

    /// For a request of the kernel's own, which waits for the module alone: the load does not wait for the drivers that are starting,
    /// of which one may hang (the parameter `async_probe` of every module).
    pub(super) fn for_kernel(self) -> Self {
        Self { common: "async_probe ", ..self }
    }

    /// Number of modules that this loader has loaded or found loaded.
    pub(super) fn count(&self) -> usize {
        self.lock().iter().filter(|(_, loaded)| *loaded).count()
    }

    /// Loads what a device's alias means; what the kernel command line forbids and what is not there is passed over.
    pub(super) fn load_for_device(&self, modalias: &str) {
        let files = self.modules.resolve(modalias).unwrap_or_default();
        let last = files.last().copied().unwrap_or_default();
        if self.parameters.forbids(last) {
            log::info!("{last}: not loaded for {modalias}: the kernel command line forbids it");
        } else {
            self.load(&files, "");
        }
    }

    /// Loads what a name or an alias means, the module itself with `extra` parameters; whether all of it is there now.
    /// A module that is built into the kernel is there; one that nothing provides is not.
    pub(super) fn load_by_name(&self, request: &str, extra: &str) -> bool {
        self.modules.resolve(request).is_some_and(|files| self.load(&files, extra))
    }

    fn load(&self, files: &[&'a str], extra: &str) -> bool {
        let last = files.last();
        let wanted =
            files.iter().map(|file| self.load_file(file, if Some(file) == last { extra } else { "" }));
        // Each is tried: a soft dependency that fails need not mean anything.
        wanted.fold(true, |_, loaded| loaded)
    }

    fn load_file(&self, file: &'a str, extra: &str) -> bool {
        if let Some((_, loaded)) = self.lock().iter().find(|(other, _)| *other == file) {
            return *loaded;
        }
        let parameters = format!("{}{}", self.common, self.parameters.of_module(file, extra));
        // Two threads may come here at once: the kernel lets the second wait until the module is there.
        let result = insert(&self.directory.join(file), &parameters);
        match &result {
            Ok(()) => log::debug!("{file}: loaded"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => log::debug!("{file}: {error}"),
            Err(error) => log::warn!("{file}: not loaded: {error}"),
        }
        let mut done = self.lock();
        if !done.iter().any(|(other, _)| *other == file) {
            done.push((file, result.is_ok()));
        }
        result.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(&'a str, bool)>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
