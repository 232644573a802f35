//! ioctl(2)s of btrfs that look into its trees (linux/btrfs.h); both want CAP_SYS_ADMIN.
#![expect(unsafe_code, reason = "every ioctl has a meaning of its own")]

use std::os::fd::BorrowedFd;

use rustix::{
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
};

/// Both take and give back a page.
type Page = [u64; 512];

const TREE_SEARCH: Opcode = opcode::read_write::<Page>(0x94, 17);
const INO_LOOKUP: Opcode = opcode::read_write::<Page>(0x94, 18);

/// The first item of a tree that has this number and type: its offset and its bytes.
///
/// # Errors
/// The kernel's reason; `ENOENT` if there is none.
pub fn first_item(files: BorrowedFd<'_>, tree: u64, number: u64, kind: u32) -> Result<(u64, Vec<u8>), Errno> {
    let kinds = u64::from(kind) | u64::from(kind) << 32;
    let mut page = [0; 512];
    // struct btrfs_ioctl_search_key: tree; the least and the greatest number, offset and transaction; types; how many items.
    let key = [tree, number, number, 0, u64::MAX, 0, u64::MAX, kinds, 1];
    page.iter_mut().zip(key).for_each(|(to, value)| *to = value);
    // SAFETY: BTRFS_IOC_TREE_SEARCH reads and writes one `struct btrfs_ioctl_search_args` of 4096 bytes through its pointer.
    unsafe { ioctl(files, Updater::<TREE_SEARCH, Page>::new(&mut page)) }?;
    // struct btrfs_ioctl_search_header follows the 104 bytes of the key: transaction, number, offset, type, length.
    let [_, _, offset, kind_and_length] =
        *page.get(13..17).and_then(|it| it.first_chunk()).ok_or(Errno::IO)?;
    let found = page.get(8).is_some_and(|count| *count as u32 == 1);
    let length = usize::try_from(kind_and_length >> 32).unwrap_or(usize::MAX);
    let bytes: Vec<u8> = page.iter().skip(17).flat_map(|word| word.to_ne_bytes()).collect();
    let item = bytes.get(..length).filter(|_| found).ok_or(Errno::NOENT)?;
    Ok((offset, item.to_vec()))
}

/// The path of a directory of a subvolume from the subvolume's root: empty, or with a slash at its end.
///
/// # Errors
/// The kernel's reason.
pub fn path_of(files: BorrowedFd<'_>, subvolume: u64, directory: u64) -> Result<Vec<u8>, Errno> {
    let mut page = [0; 512];
    page.iter_mut().zip([subvolume, directory]).for_each(|(to, value)| *to = value);
    // SAFETY: BTRFS_IOC_INO_LOOKUP reads and writes one `struct btrfs_ioctl_ino_lookup_args` of 4096 bytes through its
    // pointer.
    unsafe { ioctl(files, Updater::<INO_LOOKUP, Page>::new(&mut page)) }?;
    Ok(page.iter().skip(2).flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect())
}
