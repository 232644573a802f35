//! The options of a call of the `kexec` command.

use crate::kexec::{Method, state::Slot};

/// The actions and their options. The order of actions is: status, unload, load, then sync, interfaces, and the jump or a shutdown. Paths and command
/// lines are text as in [`crate::formats::text`], so that every byte of them survives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Options {
    /// Ask whether something is loaded, and nothing else.
    pub status: bool,
    /// Unload what is loaded.
    pub unload: bool,
    /// Load the named kernel.
    pub load: bool,
    /// Jump into what is loaded.
    pub exec: bool,
    /// Leave the jump to `shutdown -r now`: no action was named.
    pub shutdown: bool,
    /// Write back dirty data after loading or before the jump.
    pub sync: bool,
    /// Take network interfaces down before the jump.
    pub interfaces_down: bool,
    /// Which system call loads.
    pub method: Method,
    /// For the next boot, or for a panic (`-p`).
    pub slot: Slot,
    /// `--status` asks for the image of the next boot, not for the crash image as it does by default.
    pub status_of_boot: bool,
    /// Say what is done.
    pub debug: bool,
    /// Leave the digest of the segments out: `-i`.
    pub no_checks: bool,
    /// `--type`: the image type that the caller insists on.
    pub image_type: Option<String>,
    /// `--append` or `--command-line`; the last one counts.
    pub append: Option<String>,
    /// `--reuse-cmdline`: begin with the running kernel's command line.
    pub reuse_cmdline: bool,
    /// `--initrd` or `--ramdisk`; several are joined in order.
    pub initrds: Vec<String>,
    /// `--dtb`: device tree to hand over.
    pub devicetree: Option<String>,
    /// `--module`: multiboot modules with their command lines.
    pub modules: Vec<String>,
    /// `--noefi`: hide the EFI firmware from the next kernel.
    pub no_efi: bool,
    /// `--mem-min`: lowest physical address for segments.
    pub memory_min: u64,
    /// `--mem-max`: highest physical address for segments.
    pub memory_max: u64,
    /// `--print-ckr-size`: print the size of the crash kernel's reservation, and nothing else.
    pub print_crash_size: bool,
    /// `--hotplug`: the kernel keeps the description of a crash kernel's memory true when memory and processors come and go.
    pub hotplug: bool,
    /// Options that are accepted and have nothing to act on here.
    pub without_effect: Vec<&'static str>,
    /// The kernel: the first word that is no option.
    pub kernel: Option<String>,
}

impl Default for Options {
    /// `kexec KERNEL` without any option: load, then a clean shutdown into it.
    fn default() -> Self {
        Self {
            status: false,
            unload: false,
            load: true,
            exec: false,
            shutdown: true,
            sync: true,
            interfaces_down: false,
            method: Method::Auto,
            slot: Slot::Boot,
            status_of_boot: false,
            debug: false,
            no_checks: false,
            image_type: None,
            append: None,
            reuse_cmdline: false,
            initrds: Vec::new(),
            devicetree: None,
            modules: Vec::new(),
            no_efi: false,
            memory_min: 0,
            memory_max: u64::MAX,
            print_crash_size: false,
            hotplug: false,
            without_effect: Vec::new(),
            kernel: None,
        }
    }
}
