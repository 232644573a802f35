//! The environment block, `grubenv`: variables that outlive a boot (GNU GRUB manual, "Environment block").
//!
//! A text of fixed size: a first line that names it, `name=value` lines in which a backslash comes before a backslash
//! or a newline of a value, and `#` up to the end. GRUB writes it in place by its place on the disk, so whoever changes
//! it must keep its length.

pub use crate::entry::EnvironmentChange as Change;
use crate::text::{decode, encode};

const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// Offset of the block on a btrfs, whose files GRUB cannot write, in bytes; how long it is; and how GRUB writes this
/// down, in sectors of 512 bytes.
pub const RESERVED_OFFSET: u64 = 256 << 10;
/// Its length in bytes.
pub const RESERVED_LENGTH: usize = 512;
/// The list of blocks that it is.
pub const RESERVED: &str = "512+1";

/// Maximum size of an environment block, in bytes.
pub const BLOCK_LIMIT: usize = 64 << 10;

/// Why a block could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The file is something else.
    #[error("not a GRUB environment block")]
    NotABlock,
    /// The variables need more room than the block has, in bytes.
    #[error(
        "the environment block of {size} bytes is full: {needed} bytes are needed; unset a variable in it"
    )]
    Full {
        /// Its size.
        size: usize,
        /// Size of all variables together.
        needed: usize,
    },
}

/// A line of the block.
struct BlockLine<'b> {
    raw: &'b [u8],
    /// Name and value; `None` for a comment.
    variable: Option<(String, String)>,
}

/// Variables of a block in order; `None` if it is none.
#[must_use]
pub fn read(block: &[u8]) -> Option<Vec<(String, String)>> {
    let body = block.strip_prefix(SIGNATURE)?;
    Some(lines(body).0.into_iter().filter_map(|line| line.variable).collect())
}

/// The same block with other variables, at the same length.
///
/// # Errors
/// [`ChangeError`]: the block is none, or too small.
pub fn write(block: &[u8], changes: &[(&str, Option<&str>)]) -> Result<Vec<u8>, ChangeError> {
    let body = block.strip_prefix(SIGNATURE).filter(|_| block.len() <= BLOCK_LIMIT);
    let body = body.ok_or(ChangeError::NotABlock)?;
    let (lines, _) = lines(body);
    let mut pending: Vec<(&str, Option<&str>)> = Vec::new();
    for change in changes {
        pending.retain(|(name, _)| *name != change.0);
        pending.push(*change);
    }
    let mut written = SIGNATURE.to_vec();
    for line in lines {
        let change =
            line.variable.as_ref().and_then(|(name, _)| pending.iter().position(|it| it.0 == name.as_str()));
        match change {
            None => written.extend_from_slice(line.raw),
            Some(place) => append(&mut written, pending.remove(place)),
        }
    }
    for change in pending {
        append(&mut written, change);
    }
    if written.len() > block.len() {
        return Err(ChangeError::Full { size: block.len(), needed: written.len() });
    }
    written.resize(block.len(), b'#');
    Ok(written)
}

fn append(written: &mut Vec<u8>, (name, value): (&str, Option<&str>)) {
    let Some(value) = value else { return };
    written.extend(encode(name));
    written.push(b'=');
    for byte in encode(value) {
        if byte == b'\\' || byte == b'\n' {
            written.push(b'\\');
        }
        written.push(byte);
    }
    written.push(b'\n');
}

/// Lines up to the padding or the first thing that is no whole line.
fn lines(mut body: &[u8]) -> (Vec<BlockLine<'_>>, &[u8]) {
    let mut lines = Vec::new();
    while let Some(first) = body.first() {
        let (length, variable) = if matches!(first, b'#' | b'\n' | b'\r') {
            match body.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end.saturating_add(1), None),
                None => break,
            }
        } else {
            match variable(body) {
                Some((length, variable)) => (length, Some(variable)),
                None => break,
            }
        };
        let Some((raw, rest)) = body.split_at_checked(length) else { break };
        lines.push(BlockLine { raw, variable });
        body = rest;
    }
    (lines, body)
}

/// The variable at the beginning and the length of its line.
fn variable(body: &[u8]) -> Option<(usize, (String, String))> {
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (name, value) = body.split_at_checked(equals)?;
    let mut text = Vec::new();
    let mut escaped = false;
    for (index, byte) in value.iter().enumerate().skip(1) {
        match byte {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b'\n' if !escaped => {
                let length = equals.saturating_add(index).saturating_add(1);
                return Some((length, (decode(name), decode(&text))));
            }
            byte => text.push(*byte),
        }
        escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(body: &str, size: usize) -> Vec<u8> {
        let mut block = [SIGNATURE, body.as_bytes()].concat();
        block.resize(size, b'#');
        block
    }

    fn pairs(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    // As load_env of grub-emu 2.06 reads them.
    #[test]
    fn variables_are_read_up_to_the_padding() {
        let cases: [(&str, &[(&str, &str)]); 5] = [
            ("saved_entry=a b\nx=1\\\\2\nnext=\n", &[("saved_entry", "a b"), ("x", "1\\2"), ("next", "")]),
            ("# comment\nb=c\\\nd\n", &[("b", "c\nd")]),
            ("kernelopts=root=UUID=1 $b \"c\"\n", &[("kernelopts", "root=UUID=1 $b \"c\"")]),
            ("a=1\nlast=without an end", &[("a", "1")]),
            ("", &[]),
        ];
        for (body, expected) in cases {
            assert_eq!(read(&block(body, 200)), Some(pairs(expected)), "{body}");
        }
        assert_eq!(read(b"hello"), None);
    }

    // As grub-editenv 2.06 writes them.
    #[test]
    fn changes_keep_the_order_and_the_length() {
        let before = block("# WARNING\na=1\nb=2\n", 80);
        let after = write(&before, &[("c", Some("x\\y\nz")), ("a", Some("longer")), ("b", None)]).unwrap();
        assert_eq!(after, block("# WARNING\na=longer\nc=x\\\\y\\\nz\n", 80));
        assert_eq!(after.len(), before.len());
    }

    #[test]
    fn a_full_block_is_left_alone() {
        let before = block("a=1\n", 32);
        assert_eq!(write(&before, &[("b", Some("12345"))]), Err(ChangeError::Full { size: 32, needed: 37 }));
        assert_eq!(write(b"x", &[]), Err(ChangeError::NotABlock));
    }
}
