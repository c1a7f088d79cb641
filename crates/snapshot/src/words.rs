//! The register's words for the values of vocabularies: tables from one to the other.

use crate::error::SnapshotError;
use crate::mapping::fault;
use crate::mapping_faults::UNKNOWN_ID;
use std::collections::{BTreeMap, HashMap};

/// In place of a word, every word that stands nowhere else.
pub(crate) const EVERY_OTHER: &str = "*";

/// The register's words for the values of a vocabulary.
pub(crate) type Words<T> = HashMap<String, T, foldhash::fast::RandomState>;

pub(crate) const YES_NO: [&str; 2] = ["yes", "no"];

pub(crate) fn yes_no(id: &str) -> Option<bool> {
    match id {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// A table in which codes of the national nomenclature stand for themselves too, unless it says otherwise, or says what
/// every other word means.
pub(crate) fn with_codes<'c, T>(
    mut table: Words<T>,
    codes: impl IntoIterator<Item = (&'c str, T)>,
) -> Words<T> {
    let says_all = table.contains_key(EVERY_OTHER);
    let codes = codes.into_iter().filter(|_| !says_all);
    for (code, value) in codes {
        table.entry(code.to_owned()).or_insert(value);
    }
    table
}

pub(crate) fn ids<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| id(*value)).collect()
}

/// A table from the register's words to the vocabulary. Every identifier also stands for itself.
pub(crate) fn table<T>(
    name: &str,
    words: BTreeMap<String, String>,
    known: &[&str],
    find: impl Fn(&str) -> Option<T>,
) -> Result<Words<T>, SnapshotError> {
    let mut table: Words<T> = known
        .iter()
        .filter_map(|id| find(id).map(|value| ((*id).to_owned(), value)))
        .collect();
    for (word, id) in words {
        let Some(value) = find(&id) else {
            let problem = UNKNOWN_ID.with([&id, &known.join(", ")]);
            return Err(fault(&format!("values.{name}.{word}"), problem));
        };
        table.insert(word.trim().to_owned(), value);
    }
    Ok(table)
}
