//! QEMU's own control channel: QMP, one JSON object a line.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::RangeBounds;
use std::os::unix::net::UnixStream;
use std::path::Path;
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

    /// The content of the screen, which is also written to `file`, as a PNG file.
    ///
    /// # Errors
    /// As [`Self::execute`], and when a file cannot be written or read.
    pub fn screenshot(&mut self, file: &Path) -> Result<Screen> {
        let pixels = file.with_extension("ppm");
        for (file, format) in [(file, "png"), (&pixels, "ppm")] {
            self.execute("screendump", &json!({"filename": file, "format": format}))?;
        }
        let bytes = fs::read(&pixels).context(|| format!("reading {}", pixels.display()))?;
        fs::remove_file(&pixels).context(|| format!("removing {}", pixels.display()))?;
        Screen::parse(&bytes).ok_or_else(|| Error::Other(format!("{}: no portable pixmap", pixels.display())))
    }
}

/// The content of a machine's screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    width: usize,
    pixels: Vec<u8>,
}

impl Screen {
    /// Reads a portable pixmap with 255 shades, `P6`: width and height in its second line, then three bytes a pixel.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
        let (magic, size, shades) = (parts.next()?, parts.next()?, parts.next()?);
        let (width, height) = std::str::from_utf8(size).ok()?.split_once(' ')?;
        let (width, height): (usize, usize) = (width.parse().ok()?, height.parse().ok()?);
        let pixels = parts.next()?.to_vec();
        let whole = magic == b"P6" && shades == b"255" && pixels.len() == width * height * 3;
        whole.then_some(Self { width, pixels })
    }

    /// How many pixels are brighter than half in these lines of pixels.
    #[must_use]
    pub fn bright(&self, lines: impl RangeBounds<usize>) -> usize {
        let line = |pixel: usize| pixel / self.width;
        let pixels = self.pixels.chunks_exact(3).enumerate();
        pixels
            .filter(|(pixel, rgb)| lines.contains(&line(*pixel)) && rgb.iter().all(|shade| *shade > 127))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixmap_is_read_and_its_bright_pixels_are_counted_by_lines() {
        let pixmap = b"P6\n2 2\n255\n\xff\xff\xff\x0a\x00\x00\xaa\xaa\xaa\xaa\xaa\xaa";
        let screen = Screen::parse(pixmap).unwrap();
        assert_eq!((screen.bright(..), screen.bright(..1), screen.bright(1..)), (3, 1, 2));
        assert_eq!(Screen::parse(b"P6\n2 2\n255\n\xff"), None);
    }
}
