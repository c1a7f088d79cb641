//! Writes key and certificate files so that a crash leaves either the whole file or none.
//! A key file is never overwritten; only public files, such as a renewed certificate, are replaced.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use crate::{IdentityError, hex};

/// Writes a new file that only its owner may read (mode 0600 where the system has modes).
pub(crate) fn write_new_secret(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    write_new(path, bytes, 0o600)
}

/// Writes a new file that everybody may read.
pub(crate) fn write_new_public(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    write_new(path, bytes, 0o644)
}

/// Replaces a public file (such as a certificate after renewal) in one step: readers see the old
/// content or the new one, and after the call the new one survives a power cut.
///
/// # Errors
/// [`IdentityError::File`] when the directory cannot be written.
pub fn replace_public(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    let temporary = write_temporary(path, bytes, 0o644)?;
    let moved = fs::rename(&temporary, path);
    if moved.is_err() {
        // The rename's error is the one to report; a left-over temporary file is harmless.
        let _ = fs::remove_file(&temporary);
    }
    moved
        .and_then(|()| sync_directory(path))
        .map_err(|source| file_error(path, source))
}

/// Reads a whole file as text.
pub(crate) fn read_text(path: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(path).map_err(|source| file_error(path, source))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), IdentityError> {
    if path.symlink_metadata().is_ok() {
        return Err(IdentityError::AlreadyExists(path.to_owned()));
    }
    let temporary = write_temporary(path, bytes, mode)?;
    // A hard link fails if the name is taken, which a rename would not.
    let linked = match fs::hard_link(&temporary, path) {
        Err(error) if has_no_hard_links(&error) => create_and_write(path, bytes, mode),
        other => other,
    };
    let removed = fs::remove_file(&temporary);
    linked
        .and(removed)
        .and_then(|()| sync_directory(path))
        .map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => IdentityError::AlreadyExists(path.to_owned()),
            _ => file_error(path, source),
        })
}

/// FAT, the usual file system of the stick that carries an officer's key, has no hard links.
fn has_no_hard_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::PermissionDenied
    )
}

fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> Result<PathBuf, IdentityError> {
    let mut suffix = [0; 8];
    SystemRandom::new()
        .fill(&mut suffix)
        .map_err(|_| IdentityError::NoRandomness)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", hex::encode(&suffix)));
    let temporary = path.with_file_name(name);
    create_and_write(&temporary, bytes, mode).map_err(|source| file_error(&temporary, source))?;
    Ok(temporary)
}

fn create_and_write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = private_file::create_new_with_mode(path, mode)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn file_error(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_key_file_is_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write_new_secret(&path, b"first").unwrap();
        assert!(matches!(
            write_new_secret(&path, b"second"),
            Err(IdentityError::AlreadyExists(_))
        ));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write_new_secret(&path, b"secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_public_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.pem");
        replace_public(&path, b"first").unwrap();
        replace_public(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
