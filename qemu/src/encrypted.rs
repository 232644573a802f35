//! A disk of LUKS containers as cryptsetup makes them, each with an ext4 in it: in the workshop, since that needs the kernel's
//! dm-crypt.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::cache::cached;
use crate::debian::{self, Debian};
use crate::disk::{self, Filesystem, Image, PartitionKind, Table, Volume};
use crate::workshop::{self, Job};

/// The passphrase of all containers.
pub const PASSPHRASE: &str = "a secret, with ä";

/// Another one of the last container, in a keyslot of its own.
pub const OTHER: &str = "another";

/// How each container is made, beside what keeps the key derivation short.
pub const KINDS: [&str; 4] = [
    "--type luks1 --hash sha1 --cipher aes-cbc-essiv:sha256 --key-size 256",
    "--type luks1",
    "--type luks2 --pbkdf argon2id --pbkdf-memory 65536 --pbkdf-parallel 2 --sector-size 4096",
    "--type luks2 --pbkdf argon2i --pbkdf-memory 4096 --pbkdf-parallel 1 --hash sha512",
];

/// MiB of each.
const SIZE: u64 = 48;

const LIMIT: Duration = Duration::from_secs(180);

/// The disk, made now if it is not there: in each container a file `number`, and in the last one these files, too. Not to be written.
///
/// # Errors
/// When a program is missing or fails, or the workshop guest does.
pub fn disk(debian: &Debian, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf> {
    let mut script = "mkdir -p /run/cryptsetup /from /to; mount -t ext4 /dev/vdb1 /from\n".to_owned();
    for (number, kind) in (1..).zip(KINDS) {
        let costs = if kind.contains("argon2") { 4 } else { 1000 };
        script += &format!(
            "printf %s '{PASSPHRASE}' | cryptsetup luksFormat -q {kind} --pbkdf-force-iterations {costs} /dev/vda{number} -
             printf %s '{PASSPHRASE}' | cryptsetup open /dev/vda{number} inside -
             /bin/mke2fs -q -t ext4 -L inside{number} /dev/mapper/inside
             mount -t ext4 /dev/mapper/inside /to; echo {number} >/to/number
             [ {number} != {last} ] || cp -a /from/. /to
             umount /to; cryptsetup close inside\n",
            last = KINDS.len()
        );
    }
    script += &format!(
        "printf %s '{PASSPHRASE}' >/one; printf %s '{OTHER}' >/other
         cryptsetup luksAddKey -q --key-file /one --pbkdf pbkdf2 --hash sha512 --pbkdf-force-iterations 1000 /dev/vda{last} /other\n",
        last = KINDS.len()
    );
    let mut recipe = debian::recipe().and(&script).and(workshop::INIT);
    let mut volume = Volume::new(Filesystem::Ext4, name).with_large_blocks();
    for (path, bytes) in files {
        recipe = recipe.and(path).and(bytes);
        volume = volume.file(path, bytes.to_vec());
    }
    cached(name, &recipe, |image| {
        let source = Image::new().volume(volume).build(&format!("{name}-files"))?;
        let layout: Vec<_> =
            (0..KINDS.len() as u64).map(|place| (1 + place * SIZE, SIZE, PartitionKind::Linux)).collect();
        disk::partition(image, Table::Gpt, &layout)?;
        let job = Job {
            name: &format!("workshop-{name}"),
            disks: &[image],
            sources: &[&source],
            modules: &["ext4", "dm_crypt", "aes_generic", "xts", "cbc", "essiv", "sha256_generic"],
            programs: &["cryptsetup", "mke2fs"],
            script: &script,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}
