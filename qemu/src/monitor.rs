//! QEMU's own control channel: QMP, one JSON object a line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::error::{Context, Error};

/// No answer takes longer, unless QEMU hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection to QEMU's monitor.
pub struct Monitor {
    out: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Monitor {
    /// Greets QEMU on the other end of `stream`.
    ///
    /// # Errors
    /// When QEMU does not answer.
    pub fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(LIMIT)).context(|| "the monitor's deadline".into())?;
        let out = stream.try_clone().context(|| "the monitor's socket".into())?;
        let mut monitor = Self { out, lines: BufReader::new(stream) };
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Has QEMU execute `command` with `arguments` and returns what it answers. Events that come between are dropped.
    ///
    /// # Errors
    /// When QEMU refuses it or says nothing.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let line = json!({"execute": command, "arguments": arguments}).to_string() + "\n";
        self.out.write_all(line.as_bytes()).context(|| format!("telling the monitor {command}"))?;
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).context(|| format!("the monitor's answer to {command}"))?;
            let answer: Value = serde_json::from_str(&line)
                .map_err(|error| Error::Monitor { command: command.to_owned(), answer: error.to_string() })?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                return Err(Error::Monitor { command: command.to_owned(), answer: error.to_string() });
            }
        }
    }

    /// Presses keys at the same time and lets them go, by QEMU's names: `ret`, `esc`, `down`, `ctrl` and `alt` and
    /// `delete` …
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn press(&mut self, keys: &[&str]) -> Result<()> {
        let keys: Vec<Value> = keys.iter().map(|key| json!({"type": "qcode", "data": key})).collect();
        self.execute("send-key", &json!({ "keys": keys })).map(drop)
    }

    /// Writes what the screen shows as a PNG file.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn screenshot(&mut self, file: &std::path::Path) -> Result<()> {
        self.execute("screendump", &json!({"filename": file, "format": "png"})).map(drop)
    }
}
