//! The file a command writes: never one that it reads, found out to be writable before any work is done, and not left
//! behind empty where the work fails.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The first of `read` that is the same file as `out`, by whatever name or link.
pub fn overwritten<'a>(out: &Path, read: impl IntoIterator<Item = &'a Path>) -> Option<&'a Path> {
    let one = |file: &Path| {
        let facts = std::fs::metadata(file)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        Some((facts.dev(), facts.ino()))
    };
    let written = one(out)?;
    read.into_iter().find(|file| one(file) == Some(written))
}

/// A file that can be written, once there is something to write.
#[derive(Debug)]
pub struct OutFile {
    path: PathBuf,
    file: File,
    /// It was not there before, and nothing has been written.
    is_empty: bool,
}

impl OutFile {
    /// Opens the file without changing what it holds.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn try_new(path: &Path) -> io::Result<Self> {
        // A link that leads nowhere yet is there too.
        let was_there = path.symlink_metadata().is_ok();
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_empty: !was_there,
        })
    }

    /// Empties it to be written. What is written stays.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn create(mut self) -> io::Result<File> {
        self.is_empty = false;
        // A pipe has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.try_clone()
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        // Another run may have written it meanwhile.
        let is_empty =
            || (self.path.symlink_metadata()).is_ok_and(|is| is.is_file() && is.len() == 0);
        if self.is_empty && is_empty() {
            // An empty file would look like a result; that it stays where it cannot be removed harms nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_every_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("demand.csv"), "id,demand\n").expect("written");
        std::fs::hard_link(at("demand.csv"), at("hard.csv")).expect("linked");
        std::os::unix::fs::symlink("demand.csv", at("soft.csv")).expect("linked");
        let read = at("demand.csv");
        for name in ["demand.csv", "hard.csv", "soft.csv"] {
            let found = overwritten(&at(name), [read.as_path()]);
            assert_eq!(found, Some(read.as_path()), "{name}");
        }
        assert_eq!(overwritten(&at("plan.json"), [read.as_path()]), None);
    }

    #[test]
    fn nothing_is_left_behind_or_lost_where_the_work_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plan.json");
        drop(OutFile::try_new(&file).expect("writable"));
        assert!(!file.exists());
        std::fs::write(&file, "before").expect("written");
        drop(OutFile::try_new(&file).expect("writable"));
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "before");
        OutFile::try_new(&file)
            .expect("writable")
            .create()
            .expect("created");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "");
        assert!(OutFile::try_new(&folder.path().join("no/plan.json")).is_err());
        // A link that leads nowhere yet is the user's, and what another run has written meanwhile is its result.
        let link = folder.path().join("latest.json");
        std::os::unix::fs::symlink("today.json", &link).expect("linked");
        drop(OutFile::try_new(&link).expect("writable"));
        assert!(link.symlink_metadata().is_ok());
        let other = folder.path().join("other.json");
        let waiting = OutFile::try_new(&other).expect("writable");
        std::fs::write(&other, "a plan").expect("written");
        drop(waiting);
        assert_eq!(std::fs::read_to_string(&other).expect("there"), "a plan");
    }
}
