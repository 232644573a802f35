//! Image trees of U-Boot: flattened device trees (Devicetree Specification, chapter 5).

const STRINGS: &[u8] = b"data\0kernel\0default\0algo\0value\0fdt\0";

fn place(name: &str) -> usize {
    let text = [name.as_bytes(), b"\0"].concat();
    STRINGS.windows(text.len()).position(|window| window == text).unwrap()
}

/// A tree, its structure written by the closure with nodes and properties.
pub fn tree(write: impl Fn(&mut dyn FnMut(Option<&str>, Option<(&str, &[u8])>))) -> Vec<u8> {
    let mut structure = Vec::new();
    write(&mut |begin, property| {
        match (begin, property) {
            (Some(name), _) => {
                structure.extend(1_u32.to_be_bytes());
                structure.extend(name.bytes().chain([0]));
            }
            (None, Some((name, value))) => {
                for word in [3, value.len(), place(name)] {
                    structure.extend((word as u32).to_be_bytes());
                }
                structure.extend(value);
            }
            (None, None) => structure.extend(2_u32.to_be_bytes()),
        }
        structure.resize(structure.len().next_multiple_of(4), 0);
    });
    let strings_at = 40 + structure.len();
    let size = strings_at + STRINGS.len();
    let header = [0xd00d_feed, size, 40, strings_at, 40, 17, 16, 0, STRINGS.len(), structure.len()];
    let header = header.iter().flat_map(|field| (*field as u32).to_be_bytes());
    [header.collect(), structure, STRINGS.to_vec()].concat()
}
