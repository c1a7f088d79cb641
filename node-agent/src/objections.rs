//! The list of people who objected or must be forgotten: one line each, a mark under the node's key, a day and a reason.
//! It never holds a name or a code. Each edition that is built from now on leaves them out.

use crate::config::{NodeDir, write_private};
use crate::fault::{
    DAMAGED, Fault, LIST_HELD, OTHER_FORMAT, OTHER_NODE_KEY, OTHER_PERSON_KEY, OrFault,
};
use crate::people::PeopleList;
use crate::{clock, keys};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use snapshot::{Mapping, NodeKey, Objections, PersonKey};
use std::collections::HashSet;
use std::fs::TryLockError;
use std::time::Duration;

/// Why somebody is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The person objected (Art. 21 GDPR).
    Objection,
    /// The person must be forgotten (Art. 17 GDPR).
    Erasure,
}

/// One person on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The mark, 64 hexadecimal digits.
    pub mark: String,
    /// The day it was entered, `YYYY-MM-DD`.
    pub entered: String,
    /// Why.
    pub reason: Reason,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    /// The mark that this node's key gives to nobody: marks made under another key would leave nobody out.
    key: String,
    /// The columns that named a person when the marks were made; none for the codice fiscale. Absent in lists of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person_key: Option<Vec<String>>,
    #[serde(default)]
    entries: Vec<Entry>,
}

impl Entry {
    /// The beginning of the mark, by which a person calls the entry.
    pub fn id(&self) -> &str {
        self.mark.get(..12).unwrap_or(&self.mark)
    }
}

/// The entries.
///
/// # Errors
/// When the file is there and cannot be read: nobody is asked for an edition that would hold who objected.
pub fn entries(dir: &NodeDir) -> Result<Vec<Entry>> {
    Ok(list(dir)?.entries)
}

fn list(dir: &NodeDir) -> Result<File> {
    let path = dir.objections();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            return Ok(Err(error).or_unread(&path)?);
        }
    };
    let at = path.display().to_string();
    let file: File = serde_json::from_str(&text).or_fault(|| DAMAGED.with([&at]))?;
    ensure!(file.version == 1, Fault::new(OTHER_FORMAT.with([&at])));
    Ok(file)
}

/// The mark of nobody.
fn key_mark(key: &NodeKey) -> Result<String> {
    let nobody = PersonKey::of_columns(["nobody"]).context("a key")?;
    Ok(protocol::hex(&Objections::mark(key, &nobody)))
}

/// The people a build leaves out.
///
/// # Errors
/// As [`entries`]; marks of another key, and marks that are none.
pub fn read(dir: &NodeDir, key: &NodeKey, person_key: &[String]) -> Result<Objections> {
    let list = list(dir)?;
    let at = dir.objections().display().to_string();
    let named = |columns: &[String]| match columns {
        [] => "`codice_fiscale`".to_owned(),
        columns => format!("`person_key` = {}", columns.join(", ")),
    };
    if let Some(then) = &list.person_key {
        ensure!(
            list.entries.is_empty() || then == person_key,
            Fault::new(OTHER_PERSON_KEY.with([&*at, &named(then), &named(person_key)]))
        );
    }
    ensure!(
        list.entries.is_empty() || list.key == key_mark(key)?,
        Fault::new(OTHER_NODE_KEY.with([&at]))
    );
    let marks = list.entries.into_iter().map(|entry| {
        let mark = protocol::from_hex(&entry.mark);
        mark.or_fault(|| DAMAGED.with([&at]))
    });
    Ok(marks.collect::<Result<_, _>>()?)
}

/// What came of entering people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    /// How many are on the list now that were not before.
    pub new: usize,
    /// How many were on it already.
    pub known: usize,
}

/// Enters the people of a list as of today.
///
/// # Errors
/// As [`enter`]; and where the node's own key cannot be read.
pub fn enter_list(
    dir: &NodeDir,
    mapping: &Mapping,
    list: &PeopleList,
    reason: Reason,
) -> Result<Entered> {
    let key = NodeKey::new(&keys::pseudonym_secret(dir)?);
    let now = jiff::Timestamp::from_second(clock::now()).context("a day")?;
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    enter(dir, &key, mapping.person_key(), &list.people, reason, &day)
}

/// Enters people, in one write: all of them, or none where the list cannot be written.
///
/// # Errors
/// When the list cannot be read or written.
pub fn enter(
    dir: &NodeDir,
    key: &NodeKey,
    person_key: &[String],
    people: &[PersonKey],
    reason: Reason,
    day: &str,
) -> Result<Entered> {
    let _alone = Alone::wait(dir)?;
    // A list under another key must not grow by marks under this one.
    read(dir, key, person_key)?;
    let mut entries = entries(dir)?;
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.mark.clone()).collect();
    let mut entered = Entered::default();
    for person in people {
        let mark = protocol::hex(&Objections::mark(key, person));
        if known.insert(mark.clone()) {
            entries.push(Entry {
                mark,
                entered: day.to_owned(),
                reason,
            });
            entered.new += 1;
        } else {
            entered.known += 1;
        }
    }
    if entered.new > 0 {
        write(dir, key_mark(key)?, Some(person_key.to_vec()), entries)?;
    }
    Ok(entered)
}

/// Takes an entry off the list; false where there is no such entry.
///
/// # Errors
/// When the list cannot be read or written.
pub fn remove(dir: &NodeDir, id: &str) -> Result<bool> {
    let _alone = Alone::wait(dir)?;
    let mut list = list(dir)?;
    let before = list.entries.len();
    list.entries.retain(|entry| entry.id() != id);
    let found = list.entries.len() < before;
    if found {
        write(dir, list.key, list.person_key, list.entries)?;
    }
    Ok(found)
}

/// The only one, of all processes and threads, that changes the list, until dropped. The lock is on a file beside the list, since
/// the list is replaced as a whole. Like the list it belongs to the folder's owner, and nobody else can open it, hold it and so keep
/// people from being entered. It ends with its process; the file stays, so that all wait for the same. Whoever only reads needs
/// none: a reader meets the list before or after.
struct Alone {
    _lock: std::fs::File,
}

/// How long the list is waited for; changing it takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

impl Alone {
    fn wait(dir: &NodeDir) -> Result<Alone> {
        let path = dir.objections().with_extension("lock");
        let lock = match private_file::create_new(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                private_file::open(&path)
            }
            made => made,
        };
        let lock = lock.or_unread(&path)?;
        // Nobody is waited for without end.
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            match lock.try_lock() {
                Ok(()) => return Ok(Alone { _lock: lock }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Ok(Err(error).or_unread(&path)?),
            }
        }
        let held = [
            &*path.display().to_string(),
            &PATIENCE.as_secs().to_string(),
        ];
        bail!(Fault::new(LIST_HELD.with(held)))
    }
}

fn write(
    dir: &NodeDir,
    key: String,
    person_key: Option<Vec<String>>,
    entries: Vec<Entry>,
) -> Result<()> {
    let text = serde_json::to_vec_pretty(&File {
        version: 1,
        key,
        person_key,
        entries,
    })?;
    Ok(write_private(&dir.objections(), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_entered_once_found_again_and_taken_off() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = NodeDir::new(place.path());
        let key = NodeKey::new(&[1; 32]);
        let anna = PersonKey::of_columns(["Anna"]).expect("a key");
        let bruno = PersonKey::of_columns(["Bruno"]).expect("a key");
        assert!(read(&dir, &key, &[]).expect("nobody").is_empty());
        let add = |people: &[PersonKey], reason| {
            let entered = enter(&dir, &key, &[], people, reason, "2026-01-31").expect("entered");
            (entered.new, entered.known)
        };
        assert_eq!(add(&[anna, anna], Reason::Objection), (1, 1));
        assert_eq!(add(&[anna, bruno], Reason::Erasure), (1, 1));
        let all = entries(&dir).expect("entries");
        assert_eq!(all.len(), 2);
        assert!(
            !std::fs::read_to_string(dir.objections())
                .expect("text")
                .contains("Anna")
        );
        assert!(remove(&dir, all[0].id()).expect("removed"));
        assert!(!remove(&dir, all[0].id()).expect("nothing"));
        assert_eq!(entries(&dir).expect("entries"), all[1..]);
        assert!(!read(&dir, &key, &[]).expect("one").is_empty());
        // Another way of naming people gives other marks, under which nobody would be left out.
        let renamed = read(&dir, &key, &["TESSERA".to_owned()])
            .expect_err("refused")
            .to_string();
        assert!(
            renamed.contains("TESSERA") && renamed.contains("put the"),
            "{renamed}"
        );
        let other = read(&dir, &NodeKey::new(&[2; 32]), &[])
            .expect_err("refused")
            .to_string();
        assert!(other.contains("another key"), "{other}");
        std::fs::write(dir.objections(), "{").expect("written");
        assert!(read(&dir, &key, &[]).is_err());
    }

    #[test]
    fn a_list_that_root_entered_is_the_services_own() {
        use std::os::unix::fs::{MetadataExt, chown};
        const SERVICE: u32 = 4_321;
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("node");
        std::fs::create_dir(&folder).expect("made");
        if chown(&folder, Some(SERVICE), Some(SERVICE)).is_err() {
            eprintln!("skipped: only root can make files of another user");
            return;
        }
        let dir = NodeDir::new(&folder);
        let anna = PersonKey::of_columns(["Anna"]).expect("a key");
        let key = NodeKey::new(&[1; 32]);
        enter(&dir, &key, &[], &[anna], Reason::Objection, "2026-01-31").expect("entered");
        let made: Vec<_> = (std::fs::read_dir(&folder).expect("a folder"))
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let owner = std::fs::metadata(&path).expect("there").uid();
                (path, owner)
            })
            .collect();
        // Nor does a lock stay behind that the service could not open, or that another user could.
        let lock = dir.objections().with_extension("lock");
        let mode = std::fs::metadata(&lock).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
        let expected = [(dir.objections(), SERVICE), (lock, SERVICE)];
        assert_eq!(made.len(), expected.len());
        assert!(expected.iter().all(|file| made.contains(file)), "{made:?}");
    }

    #[test]
    fn people_entered_at_once_from_many_sides_are_all_on_the_list() {
        const SIDES: usize = 8;
        const EACH: usize = 20;
        let place = tempfile::tempdir().expect("a folder");
        let dir = NodeDir::new(place.path());
        let key = NodeKey::new(&[1; 32]);
        std::thread::scope(|scope| {
            for side in 0..SIDES {
                let (dir, key) = (&dir, &key);
                scope.spawn(move || {
                    for number in 0..EACH {
                        let name = format!("{side} {number}");
                        let person = PersonKey::of_columns([name.as_str()]).expect("a key");
                        enter(dir, key, &[], &[person], Reason::Objection, "2026-01-31")
                            .expect("entered");
                    }
                });
            }
        });
        let all = entries(&dir).expect("entries");
        assert_eq!(all.len(), SIDES * EACH);
        // Entries are taken off by one side while another enters: neither undoes the other.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for entry in &all {
                    assert!(remove(&dir, entry.id()).expect("removed"));
                }
            });
            scope.spawn(|| {
                let people = (0..EACH).map(|number| format!("new {number}"));
                for name in people {
                    let person = PersonKey::of_columns([name.as_str()]).expect("a key");
                    enter(&dir, &key, &[], &[person], Reason::Erasure, "2026-02-01")
                        .expect("entered");
                }
            });
        });
        let left = entries(&dir).expect("entries");
        assert_eq!(left.len(), EACH);
        assert!(left.iter().all(|entry| entry.reason == Reason::Erasure));
    }
}
