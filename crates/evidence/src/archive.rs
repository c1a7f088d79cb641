//! The ZIP around a pack: members by name, no more than a verifier can hold in memory.
//! What it reads is bytes; nothing is believed here.

use crate::EvidenceError;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most members of a pack.
const MAX_MEMBERS: usize = 10_000;
/// Most bytes of all members together, uncompressed.
const MAX_BYTES: u64 = 2 << 30;

/// Members by name.
pub(crate) type Members = BTreeMap<String, Vec<u8>>;

/// Writes members in the order of their names. Equal members give equal bytes.
pub(crate) fn write(members: &Members) -> Result<Vec<u8>, EvidenceError> {
    let unwritable = |error: zip::result::ZipError| EvidenceError::Unwritable(error.into());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(false)
        .unix_permissions(0o600);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive
            .start_file(name.as_str(), options)
            .map_err(unwritable)?;
        archive
            .write_all(bytes)
            .map_err(EvidenceError::Unwritable)?;
    }
    Ok(archive.finish().map_err(unwritable)?.into_inner())
}

/// Reads all members. A second member of one name, a name that leads out of a folder and too many bytes are refused.
pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Members, EvidenceError> {
    let unreadable = |reason: String| EvidenceError::Unreadable {
        name: name.to_owned(),
        reason,
    };
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(error.to_string()))?;
    if archive.len() > MAX_MEMBERS {
        return Err(unreadable(format!("more than {MAX_MEMBERS} members")));
    }
    let mut members = Members::new();
    let mut left = MAX_BYTES;
    for index in 0..archive.len() {
        let mut member = archive
            .by_index(index)
            .map_err(|error| unreadable(error.to_string()))?;
        let path = (member.name())
            .map_err(|error| unreadable(error.to_string()))?
            .into_owned();
        if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(unreadable(
                "a member's name leads out of the pack".to_owned(),
            ));
        }
        let mut read = Vec::new();
        (&mut member)
            .take(left + 1)
            .read_to_end(&mut read)
            .map_err(|error| unreadable(format!("{path}: {error}")))?;
        left = left
            .checked_sub(read.len() as u64)
            .ok_or_else(|| unreadable(format!("more than {MAX_BYTES} bytes")))?;
        if members.insert(path.clone(), read).is_some() {
            return Err(unreadable(format!("{path} is there twice")));
        }
    }
    if members.len() != archive.len() {
        return Err(unreadable("members share a name".to_owned()));
    }
    Ok(members)
}
