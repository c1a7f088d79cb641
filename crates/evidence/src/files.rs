//! The check of packs that lie in files, for command lines: the only place of this crate that opens one.

use crate::{EvidenceError, Report, Trust, verify};
use std::path::{Path, PathBuf};

/// Checks the packs in `packs` with the keys in `keys` and the checkpoints in `checkpoints`, one to a file; `witnesses` of the keys must
/// have cosigned each log.
///
/// # Errors
/// [`EvidenceError`] where a file cannot be read or is not what it must be, named by its path.
pub fn verify_files(
    packs: &[PathBuf],
    keys: &Path,
    checkpoints: &[PathBuf],
    witnesses: usize,
) -> Result<Report, EvidenceError> {
    let mut trust = Trust::from_keys(&keys.display().to_string(), &text(keys)?)?;
    trust.require_witnesses(witnesses);
    for path in checkpoints {
        trust.add_checkpoint(&path.display().to_string(), &text(path)?)?;
    }
    let packs: Vec<(String, Vec<u8>)> = (packs.iter())
        .map(|path| Ok((path.display().to_string(), bytes(path)?)))
        .collect::<Result<_, EvidenceError>>()?;
    verify(&packs, &trust)
}

fn bytes(path: &Path) -> Result<Vec<u8>, EvidenceError> {
    std::fs::read(path).map_err(|error| EvidenceError::Unreadable {
        name: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn text(path: &Path) -> Result<String, EvidenceError> {
    String::from_utf8(bytes(path)?).map_err(|_| EvidenceError::Unreadable {
        name: path.display().to_string(),
        reason: "it is no text".to_owned(),
    })
}
