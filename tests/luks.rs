//! LUKS headers as cryptsetup writes them, read as cryptsetup reads them.

mod images;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use firstlight::formats::{
    bytes::{ReadAt, be32},
    luks::{Container, Derivation, Hash, LuksError},
};
use images::{Image, scratch};
use qemu::{pinned, tool};
use serde_json::Value;

fn run(image: &Path, command: &str) -> String {
    let mut shell = pinned::tests().unwrap().command("sh");
    let done = tool::finish(shell.args(["-c", &format!("set -e; {command}")]).env("I", image));
    done.unwrap_or_else(|error| panic!("{command}: {error}"))
}

fn format(name: &str, options: &str) -> std::path::PathBuf {
    let image = scratch(&format!("luks-{name}")).join("image");
    File::create(&image).unwrap().set_len(32 << 20).unwrap();
    run(&image, &format!("echo secret | cryptsetup luksFormat -q {options} $I -"));
    image
}

/// Base64 by Python's words would be another dependency: coreutils decode it.
fn decoded(text: &Value) -> Vec<u8> {
    let mut base64 = pinned::tests().unwrap().command("sh");
    let hex = tool::finish(
        base64.args(["-c", "printf %s \"$B\" | base64 -d | od -An -v -tx1"]).env("B", text.as_str().unwrap()),
    );
    hex.unwrap().split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn hash(text: &Value) -> Hash {
    match text.as_str().unwrap() {
        "sha1" => Hash::Sha1,
        "sha256" => Hash::Sha256,
        "sha512" => Hash::Sha512,
        other => panic!("{other}"),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

#[test]
fn luks2_is_read_as_cryptsetup_dumps_it() {
    if pinned::for_test().is_none() {
        return;
    }
    for (name, options) in [
        (
            "argon2id",
            "--type luks2 --pbkdf argon2id --pbkdf-memory 4096 --pbkdf-parallel 2 --pbkdf-force-iterations 5",
        ),
        (
            "argon2i",
            "--type luks2 --pbkdf argon2i --pbkdf-memory 1024 --pbkdf-parallel 1 --pbkdf-force-iterations 4 --sector-size 4096",
        ),
        (
            "pbkdf2",
            "--type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --hash sha512 --cipher aes-cbc-essiv:sha256 --key-size 256",
        ),
    ] {
        let image = format(name, options);
        run(
            &image,
            "printf secret'\\n' >/tmp/one; printf another >/tmp/other; \
            cryptsetup luksAddKey -q --key-file /tmp/one --pbkdf pbkdf2 --pbkdf-force-iterations 2000 $I /tmp/other; \
            cryptsetup config --key-slot 1 --priority prefer $I",
        );
        let dump: Value =
            serde_json::from_str(&run(&image, "cryptsetup luksDump --dump-json-metadata $I")).unwrap();
        let found = Container::read(&Image::open(&image)).unwrap();
        assert_eq!((found.version, found.uuid.as_str()), (2, run(&image, "cryptsetup luksUUID $I").trim()));
        let segment = &dump["segments"]["0"];
        assert_eq!(found.segment.cipher, segment["encryption"].as_str().unwrap());
        assert_eq!(
            (found.segment.offset, found.segment.length, found.segment.iv_offset, found.segment.sector),
            (number(&segment["offset"]), None, number(&segment["iv_tweak"]), number(&segment["sector_size"]))
        );
        // The one that is preferred comes first.
        assert_eq!(found.keyslots.iter().map(|slot| slot.number).collect::<Vec<_>>(), [1, 0], "{name}");
        for slot in &found.keyslots {
            let dumped = &dump["keyslots"][slot.number.to_string()];
            let (area, kdf, split) = (&dumped["area"], &dumped["kdf"], &dumped["af"]);
            let salt = decoded(&kdf["salt"]);
            let expected = match kdf["type"].as_str().unwrap() {
                "pbkdf2" => Derivation::Pbkdf2 {
                    hash: hash(&kdf["hash"]),
                    iterations: number(&kdf["iterations"]) as u32,
                    salt,
                },
                kind => Derivation::Argon2 {
                    is_id: kind == "argon2id",
                    passes: number(&kdf["time"]) as u32,
                    memory: number(&kdf["memory"]) as u32,
                    lanes: number(&kdf["cpus"]) as u32,
                    salt,
                },
            };
            assert_eq!(slot.derivation, expected, "{name}");
            assert_eq!(slot.cipher, area["encryption"].as_str().unwrap());
            assert_eq!(slot.hash, hash(&split["hash"]));
            let numbers = [slot.area_key as u64, slot.offset, slot.key as u64, slot.stripes as u64];
            let dumped =
                [&area["key_size"], &area["offset"], &dumped["key_size"], &split["stripes"]].map(number);
            assert_eq!(numbers, dumped, "{name}");
            let digest = &dump["digests"]["0"];
            assert_eq!(slot.digest.hash, hash(&digest["hash"]));
            assert_eq!(u64::from(slot.digest.iterations), number(&digest["iterations"]));
            assert_eq!(
                (&slot.digest.salt, &slot.digest.value),
                (&decoded(&digest["salt"]), &decoded(&digest["digest"]))
            );
        }
        // The first header is overwritten: the second one is the same.
        let file = File::options().write(true).open(&image).unwrap();
        for (offset, length) in [(4096, 100), (0, 8192)] {
            file.write_all_at(&vec![0; length], offset).unwrap();
            assert_eq!(Container::read(&Image::open(&image)).unwrap(), found, "{name}");
        }
        file.write_all_at(&[0; 4096], 0x4000).unwrap();
        assert_eq!(Container::read(&Image::open(&image)), Err(LuksError::None), "{name}");
        fs::remove_file(&image).unwrap();
    }
}

#[test]
fn luks1_is_read_as_cryptsetup_dumps_it() {
    if pinned::for_test().is_none() {
        return;
    }
    for (name, options, hash) in [
        ("usual", "--type luks1", Hash::Sha256),
        ("old", "--type luks1 --hash sha1 --cipher aes-cbc-essiv:sha256 --key-size 256", Hash::Sha1),
    ] {
        let image = format(name, &format!("{options} --pbkdf-force-iterations 1234"));
        let dump = run(&image, "cryptsetup luksDump $I");
        let field = |name: &str| {
            let line = dump.lines().find_map(|line| line.trim().strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {dump}")).trim().to_owned()
        };
        let count = |name: &str| field(name).parse::<u64>().unwrap();
        let found = Container::read(&Image::open(&image)).unwrap();
        assert_eq!((found.version, found.uuid), (1, field("UUID:")));
        let cipher = format!("{}-{}", field("Cipher name:"), field("Cipher mode:"));
        assert_eq!(found.segment.cipher, cipher);
        assert_eq!((found.segment.offset, found.segment.sector), (count("Payload offset:") * 512, 512));
        let [slot] = &found.keyslots[..] else { panic!("{:?}", found.keyslots) };
        let Derivation::Pbkdf2 { hash: own, iterations, salt } = &slot.derivation else { panic!("{slot:?}") };
        assert_eq!(
            (slot.number, *own, slot.hash, u64::from(*iterations)),
            (0, hash, hash, count("Iterations:"))
        );
        assert_eq!(
            (slot.offset, slot.stripes as u64),
            (count("Key material offset:") * 512, count("AF stripes:"))
        );
        assert_eq!((slot.key as u64 * 8, &slot.cipher), (count("MK bits:"), &cipher));
        // Salts are two rows of bytes.
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
        assert!(dump.contains(hex(&salt[..16]).trim_end()), "{dump}");
        assert!(dump.contains(hex(&slot.digest.salt[16..]).trim_end()), "{dump}");
        assert_eq!(hex(&slot.digest.value).trim_end(), field("MK digest:"));
        assert_eq!(u64::from(slot.digest.iterations), count("MK iterations:"));
        fs::remove_file(&image).unwrap();
    }
}

/// A device in memory.
struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&self.0[..]).read_at(offset, buffer)
    }
}

#[test]
fn a_header_that_is_damaged_or_asks_for_more_is_refused_with_the_reason() {
    if pinned::for_test().is_none() {
        return;
    }
    let image = format("damaged", "--type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000");
    let mut head = fs::read(&image).unwrap();
    head.truncate(0x4000);
    fs::remove_file(&image).unwrap();
    let read = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&head[4096..]).trim_end_matches('\0').replacen(from, to, 1);
        assert!(from.is_empty() || text.contains(to), "{from}");
        let mut bytes = head[..4096].to_vec();
        bytes.extend(text.as_bytes());
        bytes.resize(0x4000, 0);
        Container::read(&Bytes(bytes)).map_err(|error| error.to_string())
    };
    assert!(read("", "").is_ok());
    let unknown = |what: &str| Err(format!("{what} is not known here: open it with a cryptsetup"));
    let damaged = |what: &str| {
        Err(format!("its header is damaged ({what}): `cryptsetup repair` or a copy of the header helps"))
    };
    for (from, to, expected) in [
        (
            "\"pbkdf2\",\"hash\":\"sha256\"",
            "\"pbkdf2\",\"hash\":\"whirlpool\"",
            unknown("the hash whirlpool"),
        ),
        ("\"pbkdf2\",\"hash\"", "\"scrypt\",\"hash\"", unknown("the key derivation scrypt")),
        ("\"crypt\"", "\"linear\"", unknown("data that is authenticated")),
        ("\"stripes\":4000", "\"stripes\":4000000", damaged("the size of a key")),
        ("\"key_size\":64", "\"key_size\":0", damaged("the size of a key")),
        ("aes-xts-plain64", "aes xts", damaged("a cipher's name")),
        ("\"keyslots\":{", "\"keyslots\":", damaged("its JSON")),
        (
            "\"luks2\"",
            "\"reencrypt\"",
            Err("no keyslot with a passphrase is in use: nothing opens it".into()),
        ),
    ] {
        assert_eq!(read(from, to), expected, "{from} {to}");
    }
    for (length, expected) in
        [(0, LuksError::None), (200, LuksError::None), (511, LuksError::Damaged("its JSON"))]
    {
        assert_eq!(Container::read(&Bytes(head[..length].to_vec())), Err(expected), "{length}");
    }
    assert_eq!(be32(&head, 0), Some(0x4c55_4b53));
}
