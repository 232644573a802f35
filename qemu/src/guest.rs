//! A machine that runs: its console, its landmarks, its input; dropping it ends it.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use firstlight::ui::landmark;
use probe::Report;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::json;

use crate::console::{Console, Line, Seen};
use crate::error::{Context, Error};
use crate::machine::Machine;
use crate::monitor::Monitor;
use crate::{Result, place};

/// A running machine.
pub struct Guest {
    name: String,
    process: Child,
    console: Console,
    serial: UnixStream,
    second_serial: Option<UnixStream>,
    monitor: Option<UnixStream>,
    _slot: Slot,
}

/// A landmark line that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// Its name, without the `@`.
    pub name: String,
    /// Its fields in order.
    pub fields: Vec<(String, String)>,
    /// When it came, since the machine was started.
    pub at: Duration,
}

impl Landmark {
    /// The value of a field; empty where it has none of this name.
    #[must_use]
    pub fn field(&self, key: &str) -> &str {
        self.fields.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    fn read(line: &Line) -> Option<Self> {
        // Half a line would give half a value.
        landmark::parse(line.text.as_str()).filter(|_| line.whole).map(|(name, fields)| Self {
            name,
            fields,
            at: line.at,
        })
    }

    fn has(&self, name: &str, fields: &[(&str, &str)]) -> bool {
        self.name == name && fields.iter().all(|(key, value)| self.field(key) == *value)
    }
}

impl Guest {
    pub(crate) fn start(machine: &Machine) -> Result<Self> {
        let slot = Slot::take();
        let log = place::directory("machines")?.join(format!("{}.log", machine.name));
        let mut command = machine.command()?;
        let (serial, their_serial) = pair()?;
        let (monitor, their_monitor) = pair()?;
        command.args(["-chardev", "socket,id=serial,fd=3", "-serial", "chardev:serial"]);
        command.args(["-chardev", "socket,id=monitor,fd=4", "-mon", "chardev=monitor,mode=control"]);
        let mut theirs = vec![their_serial, their_monitor];
        let mut second_serial = None;
        if machine.second_serial {
            let (ours, their) = pair()?;
            command.args(["-chardev", "socket,id=second,fd=5", "-serial", "chardev:second"]);
            theirs.push(their);
            second_serial = Some(ours);
        }
        give(&mut command, theirs)?;
        let errors = place::directory("machines")?.join(format!("{}.qemu", machine.name));
        let error_file =
            std::fs::File::create(&errors).context(|| format!("writing {}", errors.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(error_file);
        let process = command
            .spawn()
            .map_err(|source| Error::Start { program: "setpriv qemu-system-x86_64".into(), source })?;
        // The command holds the guest's ends of the sockets: with them open here, the console would never be closed.
        drop(command);
        let source = serial.try_clone().context(|| "the serial port's socket".into())?;
        let console = Console::read(source, &log, machine.echo)?;
        Ok(Self {
            name: machine.name.clone(),
            process,
            console,
            serial,
            second_serial,
            monitor: Some(monitor),
            _slot: slot,
        })
    }

    /// Its serial console.
    #[must_use]
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Waits until `look` finds something in a console line, looking at all lines since the start. `awaited` says what
    /// it is in the error.
    ///
    /// # Errors
    /// When `limit` passes, the machine goes off or its kernel panics first.
    pub fn wait<T>(&self, awaited: &str, limit: Duration, look: impl FnMut(&Line) -> Option<T>) -> Result<T> {
        let (machine, awaited) = (self.name.clone(), awaited.to_owned());
        match self.console.wait(Instant::now() + limit, look) {
            Seen::Found(found) => Ok(found),
            Seen::Deadline => Err(Error::Deadline { machine, awaited, limit, console: self.console.tail() }),
            Seen::Panicked => Err(Error::Panicked { machine, awaited, console: self.console.tail() }),
            Seen::Closed => {
                let errors = place::directory("machines")?.join(format!("{machine}.qemu"));
                let mut console = self.console.tail();
                console
                    .lines
                    .extend(std::fs::read_to_string(errors).unwrap_or_default().lines().map(str::to_owned));
                Err(Error::Ended { machine, awaited, console })
            }
        }
    }

    /// Waits for a line that holds `text`, and returns when it came.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_for_text(&self, text: &str, limit: Duration) -> Result<Duration> {
        self.wait(&format!("\"{text}\""), limit, |line| line.text.contains(text).then_some(line.at))
    }

    /// Waits for a landmark of this name that has these fields.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_for_landmark(
        &self,
        name: &str,
        fields: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Landmark> {
        self.wait(&landmark::line(name, fields), limit, |line| {
            Landmark::read(line).filter(|landmark| landmark.has(name, fields))
        })
    }

    /// Waits for the probe's report.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_for_report(&self, limit: Duration) -> Result<Report> {
        self.wait("probe report", limit, |line| Report::parse(&line.text))
    }

    /// Waits until the machine is off.
    ///
    /// # Errors
    /// When it is still on after `limit`.
    pub fn wait_off(&self, limit: Duration) -> Result<()> {
        if self.console.wait_closed(Instant::now() + limit) {
            return Ok(());
        }
        let (machine, awaited) = (self.name.clone(), "power-off".to_owned());
        Err(Error::Deadline { machine, awaited, limit, console: self.console.tail() })
    }

    /// Has QEMU end in its own way, so that its plugins write down what they have to say, and waits until it has.
    ///
    /// # Errors
    /// When it is still there after `limit`.
    pub fn quit(mut self, limit: Duration) -> Result<()> {
        let process = pidfd_open(Pid::from_child(&self.process), PidfdFlags::empty())
            .map_err(std::io::Error::from)
            .context(|| format!("ending {}", self.name))?;
        self.monitor()?.execute("quit", &json!({}))?;
        let limit = Timespec::try_from(limit).unwrap_or_default();
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)) {
            Ok(0) => Err(Error::Other(format!("{} does not end", self.name))),
            Ok(_) => Ok(()),
            Err(error) => Err(std::io::Error::from(error)).context(|| format!("ending {}", self.name)),
        }
    }

    /// All landmarks so far.
    #[must_use]
    pub fn landmarks(&self) -> Vec<Landmark> {
        self.console.lines().iter().filter_map(Landmark::read).collect()
    }

    /// Types `text` on the serial console.
    ///
    /// # Errors
    /// When the machine is off.
    pub fn send(&mut self, text: &str) -> Result<()> {
        self.serial.write_all(text.as_bytes()).context(|| format!("typing to {}", self.name))
    }

    /// The other end of the second serial port.
    ///
    /// # Errors
    /// When the machine was made without one.
    pub fn second_serial(&self) -> Result<&UnixStream> {
        self.second_serial
            .as_ref()
            .ok_or_else(|| Error::Other(format!("{}: no second serial port", self.name)))
    }

    /// QEMU's monitor. It can be asked for once.
    ///
    /// # Errors
    /// When QEMU does not answer.
    pub fn monitor(&mut self) -> Result<Monitor> {
        let stream = self.monitor.take();
        Monitor::new(stream.ok_or_else(|| Error::Other("the monitor is in use already".into()))?)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.console.finish();
    }
}

fn pair() -> Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = UnixStream::pair().context(|| "a socket pair".into())?;
    Ok((ours, theirs.into()))
}

/// Gives `command` these descriptors as 3, 4 …
fn give(command: &mut Command, descriptors: Vec<OwnedFd>) -> Result<()> {
    let mappings =
        (3..).zip(descriptors).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
    command
        .fd_mappings(mappings)
        .map(drop)
        .map_err(|error| Error::Other(format!("descriptors for {}: {error}", std::process::id())))
}

/// The right to run a guest: never more than two at a time in one process, as small machines have two processors.
struct Slot;

static FREE: Mutex<usize> = Mutex::new(2);
static GIVEN_BACK: Condvar = Condvar::new();

impl Slot {
    fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = GIVEN_BACK.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        GIVEN_BACK.notify_one();
    }
}
