//! What the node's own page says about the quality of its register.
//! These are exact counts: they stay inside the node and are never sent, logged elsewhere or measured.

use crate::records::Part;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most rejects of one kind listed one by one, so that thousands of one fault hide no other; all are counted.
pub const LISTED_REJECTS: usize = 1_000;

taxonomy::vocabulary! {
    /// What is wrong with a row or a field.
    RejectKind {
        /// Bytes that the declared encoding does not have.
        Encoding = "encoding",
        /// Another number of fields than the header has, or a quote that is never closed.
        Shape = "shape",
        /// A line longer than any row may be.
        TooLong = "too-long",
        /// A field that every row needs is blank.
        Missing = "missing",
        /// Not a date, or not in the declared format.
        Date = "date",
        /// Not a number, or not in the declared notation.
        Number = "number",
        /// A value neither in the vocabulary nor in the mapping's table of values.
        UnknownValue = "unknown-value",
        /// A codice fiscale that is none: its check character does not fit, or its shape. The row counts as unlinked.
        CodiceFiscale = "codice-fiscale",
        /// A row of one file that belongs to a row of another, which is not there.
        Unmatched = "unmatched",
        /// A period that ends before it begins, or is longer than a life.
        Period = "period",
    }
}

/// One rejected row, or one field of a row that counted as blank. Never the value itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The file, where the register is kept in several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in the register, from 1.
    pub row: u64,
    /// The register's column; empty where the whole line is meant.
    pub column: String,
    /// What is wrong.
    pub kind: RejectKind,
}

/// Exact counts over one build, for the node's own page. **Never leaves the node.**
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LocalQuality {
    /// Rows after the header, blank lines aside.
    pub rows: u64,
    /// Rows that became part of the snapshot.
    pub loaded: u64,
    /// Rows without a codice fiscale; left out of every answer.
    pub unlinked_missing: u64,
    /// Rows whose codice fiscale is not one; left out of every answer.
    pub unlinked_invalid: u64,
    /// Rows rejected for another reason.
    pub rejected: u64,
    /// Fields that could not be read and counted as blank, in rows that were loaded.
    pub fields_ignored: u64,
    /// Loaded rows that repeat an event: same person, service, date, quantity and amount.
    pub duplicates: u64,
    /// People.
    pub persons: u64,
    /// People without a known home.
    pub homes_unknown: u64,
    /// Households.
    pub households: u64,
    /// People beyond the most members one household may have.
    pub beyond_household: u64,
    /// People whose recorded date of birth is not that of their codice fiscale.
    pub births_differ: u64,
    /// People whose recorded sex is not that of their codice fiscale.
    pub sexes_differ: u64,
    /// People left out because they objected or must be forgotten.
    pub objections: u64,
    /// First rejects, in the order of the register, at most [`LISTED_REJECTS`] of each kind.
    pub rejects: Vec<Reject>,
    /// All rejects and ignored fields by column and kind; of a register in several files, the column is `FILE: COLUMN`.
    pub by_column: BTreeMap<String, BTreeMap<RejectKind, u64>>,
}

impl LocalQuality {
    pub(crate) fn note(&mut self, row: u64, part: Option<&Part>, column: &str, kind: RejectKind) {
        let column = part.map_or(column, |part| part.column(column, kind));
        let counted: Cow<'_, str> = match part {
            None => column.into(),
            Some(part) if column.is_empty() => part.file.as_str().into(),
            Some(part) => format!("{}: {column}", part.file).into(),
        };
        if !self.by_column.contains_key(&*counted) {
            self.by_column
                .insert(counted.clone().into_owned(), BTreeMap::new());
        }
        if let Some(kinds) = self.by_column.get_mut(&*counted) {
            *kinds.entry(kind).or_default() += 1;
        }
        let alike = self.by_column.values().filter_map(|kinds| kinds.get(&kind));
        if alike.sum::<u64>() <= LISTED_REJECTS as u64 {
            self.rejects.push(Reject {
                file: part.map(|part| part.file.clone()),
                row,
                column: column.to_owned(),
                kind,
            });
        }
    }

    /// Keeps the first rejects of each kind; `before` says how many there are of each already.
    pub(crate) fn first_of_each_kind(
        rejects: &mut Vec<Reject>,
        before: &mut BTreeMap<RejectKind, usize>,
    ) {
        rejects.retain(|reject| {
            let alike = before.entry(reject.kind).or_default();
            *alike += 1;
            *alike <= LISTED_REJECTS
        });
    }

    /// Adds what was counted of other rows, their list of rejects aside.
    pub(crate) fn add(&mut self, other: LocalQuality) {
        self.rows += other.rows;
        self.loaded += other.loaded;
        self.unlinked_missing += other.unlinked_missing;
        self.unlinked_invalid += other.unlinked_invalid;
        self.rejected += other.rejected;
        self.fields_ignored += other.fields_ignored;
        for (column, kinds) in other.by_column {
            let counts = self.by_column.entry(column).or_default();
            for (kind, count) in kinds {
                *counts.entry(kind).or_default() += count;
            }
        }
    }
}
