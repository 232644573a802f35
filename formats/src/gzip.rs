//! Reads gzip files (RFC 1952), with their check sums verified. The frame is read here: flate2's check sums would make an image 19 KB
//! larger (docs/measurements.md).

use crc::{CRC_32_ISO_HDLC, Crc};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use std::io::{self, BufRead, BufReader, Read, Write};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Header flags of RFC 1952, 2.3.1.
const HEADER_CHECK: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// Decompresses the first member of a gzip file. What follows it is ignored, as a kernel's build may pad the file.
///
/// # Errors
/// The file is damaged or cut off, or the kernel's reason for a failed read or write.
pub fn decompress(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let mut input = BufReader::new(input);
    skip_header(&mut input)?;
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut buffer = vec![0; 64 << 10];
    let mut digest = CRC.digest();
    let mut size: u32 = 0;
    loop {
        let available = input.fill_buf()?;
        let at_end = available.is_empty();
        let step = inflate(&mut state, available, &mut buffer, MZFlush::None);
        input.consume(step.bytes_consumed);
        let written = buffer.get(..step.bytes_written).unwrap_or_default();
        digest.update(written);
        size = size.wrapping_add(step.bytes_written as u32);
        output.write_all(written)?;
        match step.status {
            Ok(MZStatus::StreamEnd) => break,
            // It asks for more input while there is some left only when the output buffer was full.
            Ok(_) | Err(MZError::Buf) if !at_end || step.bytes_written > 0 => {}
            Ok(_) | Err(MZError::Buf) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(_) => return Err(damaged("damaged deflate data")),
        }
    }
    let mut trailer = [0; 8];
    input.read_exact(&mut trailer)?;
    let expected = u64::from(digest.finalize()) | u64::from(size) << 32;
    if u64::from_le_bytes(trailer) != expected {
        return Err(damaged("the check sum is wrong"));
    }
    Ok(())
}

fn skip_header(input: &mut impl BufRead) -> io::Result<()> {
    let mut header = [0; 10];
    input.read_exact(&mut header)?;
    let [0x1f, 0x8b, 8, flags, ..] = header else { return Err(damaged("no gzip header")) };
    if flags & EXTRA != 0 {
        let mut length = [0; 2];
        input.read_exact(&mut length)?;
        skip(input, u64::from(u16::from_le_bytes(length)))?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            input.skip_until(0)?;
        }
    }
    skip(input, if flags & HEADER_CHECK != 0 { 2 } else { 0 })
}

fn skip(input: &mut impl BufRead, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut input.by_ref().take(count), &mut io::sink())?;
    if skipped < count { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello | gzip -9nc`, and the deflate part of it.
    const HELLO: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";

    fn unpack(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        decompress(&mut bytes, &mut output).map(|()| output)
    }

    #[test]
    fn every_optional_header_field_is_passed_over() {
        assert_eq!(unpack(HELLO).unwrap(), b"hello");
        let mut header = HELLO[..10].to_vec();
        header[3] = HEADER_CHECK | EXTRA | NAME | COMMENT;
        let full = [&header, &b"\x03\0abcvmlinux\0comment\0\x12\x34"[..], &HELLO[10..]].concat();
        assert_eq!(unpack(&full).unwrap(), b"hello");
    }

    #[test]
    fn what_follows_is_ignored_and_a_wrong_check_sum_is_not() {
        assert_eq!(unpack(&[HELLO, &[0; 100]].concat()).unwrap(), b"hello");
        for place in HELLO.len() - 8..HELLO.len() {
            let mut bytes = HELLO.to_vec();
            bytes[place] ^= 1;
            assert_eq!(unpack(&bytes).unwrap_err().to_string(), "the check sum is wrong");
        }
    }
}
