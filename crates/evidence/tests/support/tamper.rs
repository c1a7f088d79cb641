//! Changes of packs: of any of their members, with and without a new signature over them.

use super::{coordinator_signer, node_signer};
use audit::SignedNote;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

pub(crate) type Members = BTreeMap<String, Vec<u8>>;

pub(crate) fn unzip(bytes: &[u8]) -> Members {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

pub(crate) fn rezip(members: &Members, method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        archive.start_file(name.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Numbers without a source of randomness, so that a failure repeats itself: SplitMix64.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}

/// One change of a member: a byte, a line lost, two lines swapped, one said twice, the end cut off, or the member lost.
pub(crate) fn change(members: &mut Members, numbers: &mut Numbers) -> String {
    let filled = members.iter().filter(|(_, bytes)| !bytes.is_empty());
    let names: Vec<String> = filled.map(|(name, _)| name.clone()).collect();
    let name = names[numbers.next(names.len())].clone();
    let bytes = members[&name].clone();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (a, b) = (numbers.next(lines.len()), numbers.next(lines.len()));
    let what = numbers.next(6);
    let mut kept: Vec<&[u8]> = lines.clone();
    let changed = match what {
        0 => {
            let mut bytes = bytes.clone();
            let place = numbers.next(bytes.len());
            bytes[place] ^= 1 << numbers.next(7);
            bytes
        }
        1 => {
            kept.remove(a);
            kept.concat()
        }
        2 => {
            kept.swap(a, b);
            kept.concat()
        }
        3 => {
            kept.insert(a, lines[b]);
            kept.concat()
        }
        4 => bytes[..numbers.next(bytes.len())].to_vec(),
        _ => {
            members.remove(&name);
            return format!("{name} removed");
        }
    };
    members.insert(name.clone(), changed);
    format!("change {what} of {name} at {a}, {b}")
}

/// The manifest over other members, signed by the log's own key.
pub(crate) fn resign(note: &[u8], members: &Members, side: usize) -> Vec<u8> {
    let note = SignedNote::parse(std::str::from_utf8(note).unwrap()).unwrap();
    let mut manifest: evidence::Manifest = serde_json::from_str(note.text()).unwrap();
    manifest.files = (members.iter())
        .filter(|(name, _)| *name != "manifest.note")
        .map(|(name, bytes)| (name.clone(), protocol::hex(&protocol::sha256(bytes))))
        .collect();
    let text = format!("{}\n", serde_json::to_string(&manifest).unwrap());
    let signer = if side == 0 {
        node_signer()
    } else {
        coordinator_signer()
    };
    SignedNote::sign(&text, &signer)
        .unwrap()
        .to_string()
        .into_bytes()
}
