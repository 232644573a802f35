//! Reasons against leaving this system now, or against leaving it at all.

use std::{env, fmt, fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use serde_json::Value;

use crate::formats::text::printable;

/// Inode number of the first PID namespace (`PROC_PID_INIT_INO`, Linux include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// A programme that asked logind not to shut down (systemd-inhibit(1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibitor {
    /// Who asked.
    pub who: String,
    pub why: String,
    /// It forbids the shutdown, rather than delaying it.
    pub blocks: bool,
    /// Number of the process.
    pub process: u64,
}

impl fmt::Display for Inhibitor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.blocks { "asks not to shut down" } else { "asks to wait with a shutdown" };
        let (who, why) = (printable(&self.who), printable(&self.why));
        write!(formatter, "{who} (process {}) {verb}: {why}", self.process)
    }
}

/// Why the machine cannot be left from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barrier {
    /// The kernel lets only the first PID namespace restart the machine.
    #[error(
        "this is a container (a PID namespace of its own), out of which no kernel can be started; run it on the host"
    )]
    Container,
    /// Xen loads kernels by a hypercall.
    #[error(
        "this kernel runs on Xen as a paravirtual guest, where the hypervisor loads kernels; use Xen's own kexec-tools \
         on a host, and on a guest restart it with xl reboot"
    )]
    Xen,
}

/// The reason why no other kernel can be started from here. `root` is `/` except in tests.
#[must_use]
pub fn barrier(root: &Path) -> Option<Barrier> {
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let guest_kind = text("sys/hypervisor/guest_type");
    if text("proc/xen/capabilities").contains("control_d") || guest_kind.trim() == "PV" {
        return Some(Barrier::Xen);
    }
    (root == Path::new("/") && in_container()).then_some(Barrier::Container)
}

/// Whether this process is in another PID namespace than the first one. False without /proc, where it is unknown.
#[must_use]
pub fn in_container() -> bool {
    // The link itself is followed to the namespace, whose inode number identifies it.
    fs::metadata("/proc/self/ns/pid").is_ok_and(|namespace| namespace.ino() != FIRST_PID_NAMESPACE)
}

/// Whether a person sits in a graphical session, whose programmes may hold unsaved work.
#[must_use]
pub fn graphical_session() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Who asked logind not to shut down, or to wait. Empty where there is no logind.
#[must_use]
pub fn inhibitors() -> Vec<Inhibitor> {
    let output = Command::new("busctl")
        .args(["--json=short", "call", "org.freedesktop.login1", "/org/freedesktop/login1"])
        .args(["org.freedesktop.login1.Manager", "ListInhibitors"])
        .output();
    output.map(|output| of_shutdown(&output.stdout)).unwrap_or_default()
}

/// `{"type":"a(ssssuu)","data":[[[what, who, why, mode, user, process], …]]}`.
fn of_shutdown(answer: &[u8]) -> Vec<Inhibitor> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let list = answer.pointer("/data/0").and_then(Value::as_array);
    let inhibitor = |item: &Value| {
        let text = |place: usize| item.get(place).and_then(Value::as_str);
        text(0)?.split(':').any(|what| what == "shutdown").then_some(())?;
        Some(Inhibitor {
            who: text(1)?.to_owned(),
            why: text(2)?.to_owned(),
            blocks: text(3)?.starts_with("block"),
            process: item.get(5).and_then(Value::as_u64).unwrap_or(0),
        })
    };
    list.into_iter().flatten().filter_map(inhibitor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_inhibit_a_shutdown_are_named() {
        // As busctl of systemd 252 prints it.
        let answer = br#"{"type":"a(ssssuu)","data":[[
            ["shutdown","Unattended Upgrades Shutdown","Stop ongoing upgrades","delay",0,500],
            ["handle-lid-switch:sleep","GNOME","Lid","block",1000,900],
            ["sleep:shutdown","dnf","A package is being installed","block",0,77]]]}"#;
        let said: Vec<String> = of_shutdown(answer).iter().map(Inhibitor::to_string).collect();
        assert_eq!(
            said,
            [
                "Unattended Upgrades Shutdown (process 500) asks to wait with a shutdown: Stop ongoing upgrades",
                "dnf (process 77) asks not to shut down: A package is being installed"
            ]
        );
        assert_eq!(of_shutdown(b""), []);
        assert_eq!(of_shutdown(br#"{"data":[[["shutdown"]]]}"#), []);
    }

    #[test]
    fn xen_is_recognised_by_its_files() {
        let root = tempfile::TempDir::new().unwrap();
        let write = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        assert_eq!(barrier(root.path()), None);
        write("sys/hypervisor/guest_type", "HVM\n");
        assert_eq!(barrier(root.path()), None);
        write("sys/hypervisor/guest_type", "PV\n");
        assert_eq!(barrier(root.path()), Some(Barrier::Xen));
        write("sys/hypervisor/guest_type", "PVH\n");
        write("proc/xen/capabilities", "control_d\n");
        assert_eq!(barrier(root.path()), Some(Barrier::Xen));
    }
}
