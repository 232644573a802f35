//! Words of the kernel command line for modules: `module.parameter=value` and `modprobe.blacklist=module,…`
//! (Documentation/admin-guide/kernel-parameters.rst, modprobe(8)).

/// The words that concern modules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Module name in its normal form (with `_`) and `parameter=value`.
    given: Vec<(String, String)>,
    forbidden: Vec<String>,
}

impl Parameters {
    pub(super) fn of_cmdline(cmdline: &str) -> Self {
        let mut parameters = Self::default();
        for word in words(cmdline) {
            let Some((module, parameter)) = word.split_once('.') else { continue };
            let value = parameter.split_once('=').map(|(_, value)| value).unwrap_or_default();
            if module == "modprobe" && parameter.starts_with("blacklist=") {
                parameters.forbidden.extend(value.split(',').map(normalised));
            } else {
                parameters.given.push((normalised(module), parameter.to_owned()));
            }
        }
        parameters
    }

    /// Whether the module in this file must not be loaded for a device.
    pub(super) fn forbids(&self, file: &str) -> bool {
        self.forbidden.contains(&name_of(file))
    }

    /// The parameters of the module in this file, as init_module(2) takes them, then `extra`.
    pub(super) fn of_module(&self, file: &str, extra: &str) -> String {
        let name = name_of(file);
        let given =
            self.given.iter().filter(|(module, _)| *module == name).map(|(_, parameter)| parameter.as_str());
        given.chain((!extra.is_empty()).then_some(extra)).collect::<Vec<_>>().join(" ")
    }
}

/// Words as the kernel splits them: quotes keep spaces together and stay, since the module's own parameters are split
/// by the same rule.
fn words(cmdline: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let separator = move |character: char| {
        quoted ^= character == '"';
        character.is_ascii_whitespace() && !quoted
    };
    cmdline.split(separator).filter(|word| !word.is_empty())
}

fn name_of(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    normalised(name.split('.').next().unwrap_or(name))
}

fn normalised(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_reach_the_module_that_they_name() {
        let parameters = Parameters::of_cmdline(
            "quiet nvme-core.io_timeout=5 root=/dev/sda1 nvme_core.multipath usb_storage.quirks=a:b:u x.text=\"a b\"\n",
        );
        for (file, extra, expected) in [
            ("kernel/drivers/nvme/host/nvme-core.ko.xz", "", "io_timeout=5 multipath"),
            (
                "kernel/drivers/nvme/host/nvme-core.ko.xz",
                "admin_timeout=9",
                "io_timeout=5 multipath admin_timeout=9",
            ),
            ("kernel/drivers/usb/storage/usb-storage.ko", "", "quirks=a:b:u"),
            ("x.ko", "", "text=\"a b\""),
            ("kernel/drivers/nvme/host/nvme.ko", "", ""),
        ] {
            assert_eq!(parameters.of_module(file, extra), expected, "{file}");
        }
    }

    #[test]
    fn forbidden_modules_are_known_by_their_files() {
        let parameters =
            Parameters::of_cmdline("modprobe.blacklist=nouveau,usb-storage modprobe.blacklist=floppy");
        for (file, expected) in
            [("a/usb_storage.ko.zst", true), ("a/floppy.ko", true), ("a/usbcore.ko", false), ("", false)]
        {
            assert_eq!(parameters.forbids(file), expected, "{file}");
        }
    }
}
