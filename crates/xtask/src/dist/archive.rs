//! Archives whose bytes follow from their content: entries sorted by path, owned by root, dated as told.

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use std::fs;
use std::io::Write;
use std::path::Path;

/// One file of an archive.
pub(super) struct Entry {
    path: String,
    content: Vec<u8>,
    mode: u32,
}

impl Entry {
    /// A file with this content.
    pub(super) fn new(path: &str, content: Vec<u8>, mode: u32) -> Entry {
        Entry {
            path: path.to_owned(),
            content,
            mode,
        }
    }

    /// The file `from`, as `path` in the archive.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(path: &str, from: &Path, mode: u32) -> Result<Entry> {
        let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        Ok(Entry::new(path, content, mode))
    }
}

/// A gzipped tar archive of `entries`, all dated `time`.
///
/// # Errors
/// When a path does not fit.
pub(super) fn tar_gz(entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut tar = tar::Builder::new(Vec::new());
    for entry in sorted {
        let mut header = tar::Header::new_ustar();
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &entry.path, entry.content.as_slice())?;
    }
    // Without name and time of its own.
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(&tar.into_inner()?)?;
    Ok(gzip.finish()?)
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_follow_from_the_content_alone() {
        let file = |path: &str, content: &str| Entry::new(path, content.as_bytes().to_vec(), 0o644);
        let one = tar_gz(&[file("a/x", "1"), file("a/b", "2")], 1_000).expect("packs");
        let other = tar_gz(&[file("a/b", "2"), file("a/x", "1")], 1_000).expect("packs");
        assert_eq!(sha256(&one), sha256(&other));
        let changed = tar_gz(&[file("a/b", "2"), file("a/x", "3")], 1_000).expect("packs");
        assert_ne!(sha256(&one), sha256(&changed));
        let unpacked = flate2::read::GzDecoder::new(one.as_slice());
        let mut unpacked = tar::Archive::new(unpacked);
        let paths: Vec<String> = (unpacked.entries().expect("a tar"))
            .map(|entry| {
                let entry = entry.expect("an entry");
                assert_eq!(entry.header().mtime().expect("a time"), 1_000);
                entry.path().expect("a path").display().to_string()
            })
            .collect();
        assert_eq!(paths, ["a/b", "a/x"]);
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-4, the message "abc".
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
