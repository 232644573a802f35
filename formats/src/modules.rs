//! Kernel modules as depmod indexes them (modules.dep(5), depmod(8)), and the order in which modprobe loads them.

mod aliases;
mod names;

use aliases::{Aliases, Records};
use names::{Names, is_same, name_of};

use super::lines::{split_at_byte, split_once_at_byte};

/// Soft dependencies may lead to further ones, this deep; real ones are three deep.
const DEPTH_LIMIT: u32 = 64;

/// The beginning of a line of modules.alias.
const ALIAS: &str = "alias ";

/// The text of depmod's files, as they lie in /lib/modules/VERSION; a missing file is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Index<'a> {
    /// modules.dep: each module's path and those that it needs.
    pub dependencies: &'a str,
    /// modules.alias: patterns of device and other names.
    pub aliases: &'a str,
    /// modules.softdep: what to load before and after a module, where it exists.
    pub soft_dependencies: &'a str,
    /// modules.builtin: paths of the modules that are part of the kernel.
    pub builtin: &'a str,
    /// modules.builtin.modinfo: `module.key=value`, each ended by NUL; gives the aliases of the built-in ones.
    pub builtin_information: &'a str,
}

/// Which modules there are, ready to be asked.
#[derive(Debug)]
pub struct Modules<'a> {
    modules: Names<'a, KernelModule<'a>>,
    aliases: Aliases<'a>,
    soft_dependencies: Vec<(&'a str, &'a str)>,
    builtin: Names<'a, ()>,
    builtin_aliases: Aliases<'a>,
}

/// A line of modules.dep.
#[derive(Debug)]
struct KernelModule<'a> {
    path: &'a str,
    needs: &'a str,
}

impl<'a> Modules<'a> {
    /// Reads depmod's files; lines that make no sense are passed over.
    #[must_use]
    pub fn parse(index: &Index<'a>) -> Self {
        let line = |line: &'a str| {
            let (path, needs) = split_once_at_byte(line, b':')?;
            Some((name_of(path), KernelModule { path, needs }))
        };
        let modules = Names::new(split_at_byte(index.dependencies, b'\n').filter_map(line));
        let soft = split_at_byte(index.soft_dependencies, b'\n').filter_map(|line| words(line, "softdep "));
        let builtin = split_at_byte(index.builtin, b'\n').filter(|line| !line.is_empty());
        let aliases = Records {
            text: index.aliases,
            separator: b'\n',
            pattern_at: Some(ALIAS.len()),
            read: |line| words(line, ALIAS),
        };
        let builtin_aliases = Records {
            text: index.builtin_information,
            separator: b'\0',
            pattern_at: None,
            read: |record| {
                let (module, field) = record.split_once('.')?;
                Some((field.strip_prefix("alias=")?, module))
            },
        };
        Self {
            modules,
            aliases: Aliases::new(aliases),
            soft_dependencies: soft.collect(),
            builtin: Names::new(builtin.map(|path| (name_of(path), ()))),
            builtin_aliases: Aliases::new(builtin_aliases),
        }
    }

    /// For who will ask often: the same answers, each sooner.
    #[must_use]
    pub fn filed(self) -> Self {
        self.aliases.file();
        self.builtin_aliases.file();
        self
    }

    /// The names of the modules that a request (a module's name, or an alias such as a device's MODALIAS) means, in the
    /// order of modules.alias: empty where the kernel has it built in, `None` where nothing provides it.
    fn find<'r>(&self, request: &'r str) -> Option<Vec<&'r str>>
    where
        'a: 'r,
    {
        if self.modules.find(request).is_some() {
            return Some(vec![request]);
        }
        let found = self.aliases.find(request);
        if !found.is_empty() {
            let mut names: Vec<&str> = Vec::new();
            for name in found {
                if !names.iter().any(|known| is_same(known, name)) {
                    names.push(name);
                }
            }
            return Some(names);
        }
        let built_in = self.builtin.find(request).is_some() || !self.builtin_aliases.find(request).is_empty();
        built_in.then(Vec::new)
    }

    /// The files to load for a request, in order and each once, as paths from /lib/modules/VERSION: what a module needs
    /// before it, and its soft dependencies around it. Empty and `None` as `find` says.
    #[must_use]
    pub fn resolve(&self, request: &str) -> Option<Vec<&'a str>> {
        let mut order = Order { modules: self, files: Vec::new(), visited: Vec::new() };
        for name in self.find(request)? {
            order.visit(name, 0);
        }
        Some(order.files)
    }
}

/// The list of files as it grows.
struct Order<'m, 'a> {
    modules: &'m Modules<'a>,
    files: Vec<&'a str>,
    /// Places of the modules that were visited.
    visited: Vec<usize>,
}

impl Order<'_, '_> {
    fn visit(&mut self, name: &str, depth: u32) {
        let Some((place, module)) = self.modules.modules.find(name) else { return };
        if depth > DEPTH_LIMIT || self.visited.contains(&place) {
            return;
        }
        self.visited.push(place);
        // modules.dep lists all that is needed, what must come first at the end.
        for path in module.needs.split_ascii_whitespace().rev() {
            self.add(path, depth);
        }
        self.add(module.path, depth);
    }

    /// Adds one file between its soft dependencies.
    fn add(&mut self, path: &str, depth: u32) {
        let name = name_of(path);
        let Some((_, module)) = self.modules.modules.find(name) else { return };
        self.add_soft(name, "pre:", depth);
        if !self.files.contains(&module.path) {
            self.files.push(module.path);
        }
        self.add_soft(name, "post:", depth);
    }

    fn add_soft(&mut self, name: &str, which: &str, depth: u32) {
        for (_, rest) in self.modules.soft_dependencies.iter().filter(|(module, _)| is_same(module, name)) {
            let mut wanted = false;
            for word in rest.split_ascii_whitespace() {
                if word.ends_with(':') {
                    wanted = word == which;
                } else if wanted {
                    for name in self.modules.find(word).unwrap_or_default() {
                        self.visit(name, depth.saturating_add(1));
                    }
                }
            }
        }
    }
}

/// The two parts of a line after its keyword.
fn words<'a>(line: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (first, rest) = split_once_at_byte(line.strip_prefix(keyword)?, b' ')?;
    Some((first, rest.trim_ascii_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: Index = Index {
        dependencies: "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz\n\
                       kernel/fs/jbd2/jbd2.ko.xz:\n\
                       kernel/fs/mbcache.ko.xz:\n\
                       kernel/crypto/crc32c_generic.ko.xz:\n\
                       kernel/arch/x86/crypto/crc32c-intel.ko.xz:\n\
                       kernel/drivers/net/e1000e/e1000e.ko.xz: kernel/drivers/ptp/ptp.ko.xz\n\
                       kernel/drivers/ptp/ptp.ko.xz:\n\
                       kernel/a.ko:\nkernel/b.ko:\n",
        aliases: "# Aliases extracted from modules themselves.\n\
                  alias fs-ext4 ext4\nalias ext3 ext4\n\
                  alias crypto-crc32c crc32c_generic\nalias crypto-crc32c crc32c_intel\n\
                  alias pci:v00008086d0000105Esv*sd*bc*sc*i* e1000e\n\
                  alias pci:v00008086d000010[5-9]*sv*sd*bc*sc*i* e1000e\n\
                  alias x-y[0-9]-z a\n\
                  alias * never_there\n",
        soft_dependencies: "# Soft dependencies extracted from modules themselves.\n\
                            softdep jbd2 pre: crypto-crc32c\n\
                            softdep a pre: b post: missing\nsoftdep b pre: a\n",
        builtin: "kernel/drivers/block/loop.ko\n",
        builtin_information: "loop.license=GPL\0loop.alias=devname:loop-control\0loop.alias=block-major-7-*\0",
    };

    #[test]
    fn requests_resolve_as_modprobe_resolves_them() {
        let index = Index { aliases: INDEX.aliases.trim_end_matches("alias * never_there\n"), ..INDEX };
        let (modules, filed) = (Modules::parse(&index), Modules::parse(&index).filed());
        let ext4 = [
            "kernel/fs/mbcache.ko.xz",
            "kernel/crypto/crc32c_generic.ko.xz",
            "kernel/arch/x86/crypto/crc32c-intel.ko.xz",
            "kernel/fs/jbd2/jbd2.ko.xz",
            "kernel/fs/ext4/ext4.ko.xz",
        ];
        let e1000e = ["kernel/drivers/ptp/ptp.ko.xz", "kernel/drivers/net/e1000e/e1000e.ko.xz"];
        let table: &[(&str, Option<&[&str]>)] = &[
            ("ext4", Some(&ext4)),
            ("fs-ext4", Some(&ext4)),
            ("fs_ext4", Some(&ext4)),
            ("pci:v00008086d0000105Esv00001234sd00005678bc02sc00i00", Some(&e1000e)),
            ("pci:v00008086d00001060sv00001234sd00005678bc02sc00i00", Some(&e1000e)),
            ("pci:v00008086d00001160sv00001234sd00005678bc02sc00i00", None),
            ("crc32c-intel", Some(&ext4[2..3])),
            ("x-y5_z", Some(&["kernel/b.ko", "kernel/a.ko"])),
            ("a", Some(&["kernel/b.ko", "kernel/a.ko"])),
            ("loop", Some(&[])),
            ("block-major-7-0", Some(&[])),
            ("nothing", None),
        ];
        for (request, expected) in table {
            assert_eq!(modules.resolve(request).as_deref(), *expected, "{request}");
            assert_eq!(filed.resolve(request).as_deref(), *expected, "{request}, filed");
        }
    }

    #[test]
    fn an_alias_of_a_module_that_is_not_there_loads_nothing() {
        assert_eq!(Modules::parse(&INDEX).resolve("anything"), Some(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(dependencies: String, aliases: String, soft: String, request: String) {
            let _ = Modules::parse(&Index {
                dependencies: &format!("{dependencies}\na: b\nb: a\n"),
                aliases: &format!("alias {aliases} a\n{aliases}"),
                soft_dependencies: &format!("softdep a pre: b {soft}\nsoftdep b post: a\n{soft}"),
                builtin: &soft,
                builtin_information: &aliases,
            })
            .resolve(&request);
        }
    }
}
