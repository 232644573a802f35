//! The words about the machine that SYSAPPEND asks for (the Syslinux Project's core/dmi.c and core/sysappend.c).

use crate::smbios;

/// The places of the words among the bits that ask for them.
const SYSTEM_UUID: usize = 2;
const PROCESSOR: usize = 3;
const FORM_FACTOR: usize = 17;

/// Words that are a text of SMBIOS: the place of each, the type of the structure and the offset in it.
const TEXTS: [(&str, u8, usize); 13] = [
    ("SYSVENDOR", 1, 4),
    ("SYSPRODUCT", 1, 5),
    ("SYSVERSION", 1, 6),
    ("SYSSERIAL", 1, 7),
    ("SYSSKU", 1, 0x19),
    ("SYSFAMILY", 1, 0x1a),
    ("MBVENDOR", 2, 4),
    ("MBPRODUCT", 2, 5),
    ("MBVERSION", 2, 6),
    ("MBSERIAL", 2, 7),
    ("MBASSET", 2, 8),
    ("BIOSVENDOR", 0, 4),
    ("BIOSVERSION", 0, 5),
];

/// Features of processors, and their letters: the place of its word among [`Processor::features`], the bit in that.
const FEATURES: [(usize, u32, char); 6] =
    [(0, 6, 'P'), (1, 5, 'V'), (1, 6, 'T'), (2, 20, 'X'), (2, 29, 'L'), (3, 2, 'S')];

/// The processor's CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// EAX of leaf 1.
    pub signature: u32,
    /// EDX and ECX of leaf 1, EDX and ECX of leaf 0x8000_0001.
    pub features: [u32; 4],
}

/// The words, each at the place of its bit, empty where it is not known. An underline stands for spaces in a text.
#[must_use]
pub fn words(table: &[u8], processor: Option<Processor>) -> Vec<String> {
    let mut words = vec![String::new(); FORM_FACTOR.saturating_add(1)];
    let is_blank = |c: char| c <= ' ' || c == '\x7f';
    for (place, (name, kind, offset)) in (PROCESSOR.saturating_add(1)..).zip(TEXTS) {
        let text = smbios::text(table, kind, offset).unwrap_or_default();
        let text = text.split(is_blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
        if let Some(word) = words.get_mut(place).filter(|_| !text.is_empty()) {
            *word = format!("{name}={text}");
        }
    }
    let mut set = |place: usize, value: Option<String>| {
        if let (Some(word), Some(value)) = (words.get_mut(place), value) {
            *word = value;
        }
    };
    set(SYSTEM_UUID, system_uuid(table));
    set(PROCESSOR, processor.map(processor_word));
    let form = smbios::field(table, 3, 5).and_then(|field| field.first()).filter(|form| **form != 0);
    set(FORM_FACTOR, form.map(|form| format!("SYSFF={}", form & 0x7f)));
    words
}

/// The bytes in their order, which is not that of other programs.
fn system_uuid(table: &[u8]) -> Option<String> {
    let uuid: [u8; 16] = *smbios::field(table, 1, 8)?.first_chunk()?;
    let mut text = String::from("SYSUUID=");
    for (place, byte) in uuid.iter().enumerate() {
        text.push_str(if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" });
        text.push_str(&format!("{byte:02x}"));
    }
    matches!(uuid.get(6), Some(0x10..0xf0)).then_some(text)
}

fn processor_word(processor: Processor) -> String {
    let family = match processor.signature & 0x0ff0_0f00 {
        family @ ..0x600 => family >> 8,
        _ => 6,
    };
    let has = |word: usize, bit: u32| processor.features.get(word).is_some_and(|word| word >> bit & 1 == 1);
    let letters = FEATURES.iter().filter(|(word, bit, _)| has(*word, *bit)).map(|(.., letter)| letter);
    format!("CPU={family}{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smbios::tests::structure;

    #[test]
    fn words_stand_at_the_places_of_their_bits() {
        let system = [
            &[1, 2, 0, 3][..],
            &[0xde, 0xad, 0xbe, 0xef, 1, 2, 0x43, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            &[6, 4, 0],
        ]
        .concat();
        let table = [
            structure(0, &[1, 2], &["SeaBIOS", "1.16"]),
            structure(1, &system, &[" QEMU ", "Standard PC (i440FX  + PIIX, 1996)", "  ", "sku"]),
            structure(3, &[1, 0x81], &["x"]),
        ]
        .concat();
        // PAE, VMX, NX, long mode.
        let processor =
            Processor { signature: 0x000a_0652, features: [1 << 6, 1 << 5, 1 << 20 | 1 << 29, 0] };
        let words = words(&table, Some(processor));
        let known: Vec<_> = words.iter().enumerate().filter(|(_, word)| !word.is_empty()).collect();
        let expected = [
            (2, "SYSUUID=deadbeef-0102-4304-0506-0708090a0b0c"),
            (3, "CPU=6PVXL"),
            (4, "SYSVENDOR=QEMU"),
            (5, "SYSPRODUCT=Standard_PC_(i440FX_+_PIIX,_1996)"),
            (8, "SYSSKU=sku"),
            (15, "BIOSVENDOR=SeaBIOS"),
            (16, "BIOSVERSION=1.16"),
            (17, "SYSFF=1"),
        ];
        assert_eq!(
            known,
            expected
                .map(|(place, word)| (place, word.to_owned()))
                .iter()
                .map(|(place, word)| (*place, word))
                .collect::<Vec<_>>()
        );
        assert!(super::words(&[], None).iter().all(String::is_empty));
    }

    #[test]
    fn processors_before_the_sixth_family_go_by_their_family() {
        let word = |signature| processor_word(Processor { signature, features: [0; 4] });
        assert_eq!([word(0x543), word(0x673), word(0x0060_0f12)], ["CPU=5", "CPU=6", "CPU=6"]);
    }
}
