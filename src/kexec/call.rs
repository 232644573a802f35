//! Which of the kernel's two calls loads: `kexec_load`, which is faster and shows no signature, or `kexec_file_load`.

use rustix::io::Errno;

use super::{error::LoadError, signatures::Signatures, state::Slot};

/// Which system call loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// `kexec_load` where no signature is asked for, since nothing is hashed then; `kexec_file_load` where one is, or where
    /// the first cannot. A kernel that `kexec_file_load` refuses for its content is refused.
    #[default]
    Auto,
    /// `kexec_file_load` only.
    File,
    /// `kexec_load` only, for a caller who knows that it looks at no signature.
    Segments,
    /// `kexec_load` only, for something that it alone can do, where no signature is asked for.
    SegmentsIfAllowed,
}

/// Whether `kexec_load` can load a crash kernel here.
pub const MAKES_CRASH_HEADERS: bool = cfg!(all(feature = "running-system", target_arch = "x86_64"));

/// Loads by the one call or the other. `ask` finds out whether signatures are enforced, and is called only where `kexec_load` would
/// be tried; `attempt` tries a call.
///
/// kexec-tools goes on to `kexec_load` in the same cases; it begins with `kexec_file_load` always.
pub(super) fn by_either(
    slot: Slot,
    ask: &mut dyn FnMut() -> Signatures,
    attempt: &mut dyn FnMut(Method) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    // Of a crash kernel the running kernel itself describes the crashed memory best.
    let known = if slot == Slot::Boot { Some(ask()) } else { None };
    if known == Some(Signatures::NotEnforced) {
        let Err(error) = attempt(Method::Segments) else { return Ok(()) };
        // The other call takes a shorter one.
        if matches!(error, LoadError::CommandLineTooLong { .. }) {
            return Err(error);
        }
        log::warn!("{error}; trying kexec_file_load");
        return match attempt(Method::File) {
            // Then there is only the call that was asked first.
            Err(other) if other.errno() == Some(Errno::NOSYS) => Err(error),
            result => result,
        };
    }
    let Err(error) = attempt(Method::File) else { return Ok(()) };
    let can = slot == Slot::Boot || MAKES_CRASH_HEADERS;
    if !(can && error.says_nothing_of_the_content()) {
        return Err(error);
    }
    if let Signatures::Enforced(why) = known.unwrap_or_else(ask) {
        log::debug!("{why}: kexec_load is not tried");
        return Err(error);
    }
    log::warn!("{error}; trying kexec_load");
    attempt(Method::Segments)
}

/// That `kexec_load` may be asked without somebody's explicit word.
pub(super) fn allowed(kernel: &str, signatures: Signatures, remedy: &'static str) -> Result<(), LoadError> {
    match signatures {
        Signatures::Enforced(why) => Err(LoadError::Unsigned { kernel: kernel.to_owned(), why, remedy }),
        Signatures::NotEnforced | Signatures::Unknown => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kexec::{error::refused, reason};

    /// The calls that are tried when each returns the given error, and the error that is left.
    fn tried(slot: Slot, signatures: Signatures, segments: Errno, file: Errno) -> (String, Option<Errno>) {
        let mut calls = Vec::new();
        let mut asked = 0;
        let mut ask = || {
            asked += 1;
            signatures
        };
        let mut attempt = |method| {
            let (name, errno) = match method {
                Method::Segments => ("segments", segments),
                _ => ("file", file),
            };
            calls.push(name);
            Err(refused("/vmlinuz".into(), errno, &reason::Circumstances::default()))
        };
        let error = by_either(slot, &mut ask, &mut attempt).unwrap_err();
        assert!(asked <= 1, "asked {asked} times");
        let question = if asked > 0 { "asked: " } else { "" };
        (format!("{question}{}", calls.join(" ")), error.errno())
    }

    /// kexec_file_load(2) has these for what a file holds; kexec-tools ends with them, too (its kexec/kexec.c,
    /// `do_kexec_file_load`).
    #[test]
    fn a_verdict_about_the_content_ends_the_load_and_what_says_nothing_of_it_leads_on() {
        let verdicts = [
            Errno::NODATA,
            Errno::NOKEY,
            Errno::KEYREJECTED,
            Errno::NOPKG,
            Errno::BADMSG,
            Errno::LIBBAD,
            Errno::ACCESS,
            Errno::PERM,
        ];
        let neutral = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOEXEC, Errno::ADDRNOTAVAIL];
        let enforced = Signatures::Enforced("so it is");
        let busy = Errno::BUSY;
        let row = |calls: &str, errno| (calls.to_owned(), Some(errno));
        let crash = |calls: &str, file| match MAKES_CRASH_HEADERS {
            true => row(calls, if calls.ends_with("segments") { busy } else { file }),
            false => row("file", file),
        };
        for file in verdicts {
            assert_eq!(tried(Slot::Boot, Signatures::Unknown, busy, file), row("asked: file", file));
            assert_eq!(tried(Slot::Boot, enforced, busy, file), row("asked: file", file));
            assert_eq!(tried(Slot::Crash, Signatures::NotEnforced, busy, file), row("file", file));
        }
        for file in neutral {
            assert_eq!(tried(Slot::Boot, Signatures::Unknown, busy, file), row("asked: file segments", busy));
            assert_eq!(tried(Slot::Boot, enforced, busy, file), row("asked: file", file));
            let calls = "asked: file segments";
            assert_eq!(tried(Slot::Crash, Signatures::NotEnforced, busy, file), crash(calls, file));
            assert_eq!(tried(Slot::Crash, enforced, busy, file), crash("asked: file", file));
        }
        // Where nothing is enforced, the faster call comes first; what it cannot do, the other may.
        for (segments, file, left) in [
            (Errno::ACCESS, Errno::PERM, Errno::PERM),
            (Errno::ADDRNOTAVAIL, Errno::NODATA, Errno::NODATA),
            (Errno::ADDRNOTAVAIL, Errno::NOSYS, Errno::ADDRNOTAVAIL),
        ] {
            let calls = tried(Slot::Boot, Signatures::NotEnforced, segments, file);
            assert_eq!(calls, row("asked: segments file", left));
        }
    }

    #[test]
    fn what_only_the_call_without_signatures_can_do_is_refused_where_they_are_enforced() {
        let refusal = allowed("/boot/xen", Signatures::Enforced("lockdown is on"), "boot a signed kernel");
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "kexec: /boot/xen: refused: lockdown is on, and kexec_load, which alone can load this, shows it no signature; \
             boot a signed kernel"
        );
        assert!(allowed("/boot/xen", Signatures::NotEnforced, "").is_ok());
    }
}
