//! Files and folders that their owner alone may read, where the owner is whoever owns the folder they are in: what an administrator
//! writes as root into a service's folder is the service's own. It never changes what exists already.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the file, which must not exist; a link of that name counts as one.
///
/// # Errors
/// When it exists or cannot be made.
pub fn create_new(path: &Path) -> io::Result<File> {
    create_new_with_mode(path, 0o600)
}

/// As [`create_new`], with other permissions, where the system has them.
///
/// # Errors
/// When it exists or cannot be made.
pub fn create_new_with_mode(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let file = options.open(path)?;
    #[cfg(unix)]
    owned::give(&file, folder_of(path))?;
    Ok(file)
}

/// Opens a file that is there, for reading and writing; a link of that name is refused, since what it leads to may be another's.
///
/// # Errors
/// When it is a link, is not there or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        owned::follow_no_link(&mut options);
        if fs::symlink_metadata(path)?.is_symlink() {
            let link = "it is a link; put the file itself in its place";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, link));
        }
    }
    options.open(path)
}

/// Makes a folder and those above it that are missing.
///
/// # Errors
/// When one cannot be made.
pub fn create_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    create_folder(folder_of(path))?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            #[cfg(unix)]
            owned::give(&owned::folder(path)?, folder_of(path))?;
            Ok(())
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
mod owned {
    use rustix::fs::OFlags;
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
    use std::path::Path;

    const ROOT: u32 = 0;

    /// Lets opening fail where a link stands in the file's place, whenever it was put there.
    pub(super) fn follow_no_link(options: &mut OpenOptions) {
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    }

    /// The folder itself: whoever owns the one above it may have put a link in its place meanwhile.
    pub(super) fn folder(path: &Path) -> io::Result<File> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let flags = flags.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    }

    /// Gives what root has just made to the folder's owner. Nobody else may give files away, and a file system without owners has
    /// nobody to give them to: then it stays as it is.
    pub(super) fn give(made: &File, folder: &Path) -> io::Result<()> {
        let (made_by, owner) = (made.metadata()?, fs::metadata(folder)?);
        if made_by.uid() == ROOT && owner.uid() != ROOT {
            let _ = fchown(made, Some(owner.uid()), Some(owner.gid()));
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    #[test]
    fn what_root_makes_belongs_to_the_folders_owner_and_to_nobody_else() {
        const SERVICE: u32 = 4_321;
        let place = tempfile::tempdir().expect("a folder");
        let owner = |path: &Path| {
            let seen = fs::metadata(path).expect("there");
            (seen.uid(), seen.permissions().mode() & 0o777)
        };
        let (me, _) = owner(place.path());
        let expected = match chown(place.path(), Some(SERVICE), Some(SERVICE)) {
            Ok(()) => SERVICE,
            // Only root can make the case; for others, files stay their own.
            Err(_) => me,
        };
        let below = place.path().join("a/b");
        create_folder(&below).expect("made");
        create_folder(&below).expect("there already");
        create_new(&below.join("secret")).expect("made");
        create_new_with_mode(&below.join("public"), 0o644).expect("made");
        for (path, mode) in [
            ("a", 0o700),
            ("a/b", 0o700),
            ("a/b/secret", 0o600),
            ("a/b/public", 0o644),
        ] {
            assert_eq!(owner(&place.path().join(path)), (expected, mode), "{path}");
        }
        // Neither what is there nor what a link leads to is written or given away.
        let elsewhere = tempfile::NamedTempFile::new().expect("a file");
        symlink(elsewhere.path(), below.join("link")).expect("linked");
        for taken in ["secret", "link"] {
            let refused = create_new(&below.join(taken)).expect_err("taken");
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(owner(elsewhere.path()).0, me);
        open(&below.join("secret")).expect("there");
        assert!(open(&below.join("link")).is_err());
        assert!(open(&below.join("nothing")).is_err());
        assert!(create_folder(&below.join("secret/c")).is_err());
        symlink(place.path(), below.join("folder")).expect("linked");
        assert!(owned::folder(&below.join("folder")).is_err());
        assert!(owned::folder(&below).is_ok());
    }
}
