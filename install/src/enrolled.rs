//! Keys that can sign for this machine, and who trusts them: the firmware (`db`) or shim (MOK).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments::Options;
use crate::system::System;

/// Where keys are kept: sbctl's, now and before 0.14, Ubuntu's and DKMS's.
const PLACES: [(&str, &str); 4] = [
    ("/var/lib/sbctl/keys/db/db.key", "/var/lib/sbctl/keys/db/db.pem"),
    ("/usr/share/secureboot/keys/db/db.key", "/usr/share/secureboot/keys/db/db.pem"),
    ("/var/lib/shim-signed/mok/MOK.priv", "/var/lib/shim-signed/mok/MOK.der"),
    ("/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"),
];

/// Who trusts a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// The firmware: `db`.
    Firmware,
    /// shim: the machine owner's keys.
    Shim,
    /// Nobody, yet.
    Nobody,
}

/// A key to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The private key.
    pub key: PathBuf,
    /// Where its certificate is.
    pub certificate: PathBuf,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Who trusts it.
    pub trust: Trust,
}

/// The named key, or else all keys that are in a known place.
#[must_use]
pub fn keys(system: &System, options: &Options, variables: &BTreeMap<String, Vec<u8>>) -> Vec<Key> {
    let read = |(key, certificate): (PathBuf, PathBuf)| {
        let bytes = fs::read(&certificate).ok().filter(|_| key.exists())?;
        let der = der(&bytes)?;
        let trust = trust(&der, variables);
        Some(Key { key, certificate, der, trust })
    };
    if let (Some(key), Some(certificate)) = (&options.sign_key, &options.sign_cert) {
        return read((key.clone(), certificate.clone())).into_iter().collect();
    }
    PLACES.into_iter().filter_map(|(key, it)| read((system.path(key), system.path(it)))).collect()
}

fn trust(der: &[u8], variables: &BTreeMap<String, Vec<u8>>) -> Trust {
    let holds = |name: &str| {
        variables.get(name).is_some_and(|lists| lists.windows(der.len()).any(|piece| piece == der))
    };
    match (holds("db"), holds("MokListRT")) {
        (true, _) => Trust::Firmware,
        (_, true) => Trust::Shim,
        _ => Trust::Nobody,
    }
}

/// A certificate in DER, of one in PEM (RFC 7468) or DER.
fn der(bytes: &[u8]) -> Option<Vec<u8>> {
    const DER_SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Some(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let digit = |byte: u8| {
        Some(u32::from(match byte {
            b'A'..=b'Z' => byte.checked_sub(b'A')?,
            b'a'..=b'z' => byte.checked_sub(b'a')?.checked_add(26)?,
            b'0'..=b'9' => byte.checked_sub(b'0')?.checked_add(52)?,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }))
    };
    let digits: Vec<u32> = body.bytes().filter_map(digit).collect();
    let group = |digits: &[u32]| {
        let bits = digits.iter().fold(0_u32, |bits, digit| bits << 6 | digit);
        let missing = 4_usize.saturating_sub(digits.len());
        let whole = bits << (6_usize.saturating_mul(missing));
        whole.to_be_bytes().into_iter().skip(1).take(3_usize.saturating_sub(missing)).collect::<Vec<u8>>()
    };
    Some(digits.chunks(4).flat_map(group).collect())
        .filter(|der: &Vec<u8>| der.first() == Some(&DER_SEQUENCE))
}

/// A certificate in PEM, as sbsign(1) wants it.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8_usize.saturating_mul(3_usize.saturating_sub(group.len())));
            for place in 0..4_usize {
                let digit = bits >> 18_usize.saturating_sub(place.saturating_mul(6)) & 63;
                let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
                text.push(if place <= group.len() { char::from(digit) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// shim's program and what it starts by itself, from a directory of the ESP or from the package.
#[must_use]
pub fn shim(system: &System, esp: &str) -> Option<Vec<(&'static str, PathBuf)>> {
    let name = if cfg!(target_arch = "aarch64") { "shimaa64.efi" } else { "shimx64.efi" };
    let manager = if cfg!(target_arch = "aarch64") { "mmaa64.efi" } else { "mmx64.efi" };
    let directories = fs::read_dir(system.path(Path::new(esp).join("EFI"))).into_iter().flatten().flatten();
    let mut directories: Vec<PathBuf> = directories.map(|entry| entry.path()).collect();
    firstlight::formats::sort::ascending(&mut directories);
    let own = directories.iter().map(|path| (path.join(name), path.join(manager)));
    let packaged = system.path("/usr/lib/shim");
    let packaged = (packaged.join(format!("{name}.signed")), packaged.join(format!("{manager}.signed")));
    let mut candidates =
        own.chain([packaged]).filter(|(shim, _)| !shim.to_string_lossy().contains("/firstlight/"));
    let (shim, beside) = candidates.find(|(shim, _)| shim.is_file())?;
    Some(std::iter::once((name, shim)).chain(beside.is_file().then_some((manager, beside))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_the_same_in_pem_and_der() {
        for length in 1..100_u8 {
            let bytes: Vec<u8> = std::iter::once(0x30).chain((1..length).rev()).collect();
            assert_eq!(der(pem(&bytes).as_bytes()), Some(bytes.clone()));
            assert_eq!(der(&bytes), Some(bytes));
        }
        // `printf '0123' | base64`.
        assert!(pem(b"0123").contains("\nMDEyMw==\n"));
        assert_eq!(der(b"no certificate"), None);
    }
}
