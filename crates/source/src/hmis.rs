//! A folder of HMIS CSV files as one register: entries, months of stay and services, one after the other, each with the columns of
//! Enrollment.csv, so that a mapping reads all of them in the same way.
//!
//! An entry is an event on its day. A row of Services.csv is one on `DateProvided`, in the project of its enrollment; a bed night is
//! such a row. A stay is one more on the first day of each later month in which the enrollment is open: HUD counts somebody in a
//! period where the entry is not after its end and the exit, if any, after its start ('1+ Nights Active' of the HMIS Standard
//! Reporting Terminology Glossary, FY 2026), in projects of the types [`STAYS`]. Elsewhere the day of a service counts, not that of
//! the exit. Nothing is known after the end of the export, so no stay goes on beyond it.
//!
//! Enrollments are found by person and number together: what becomes of a person's rows follows from that person's rows alone,
//! as it does for every register. Large files are read one row at a time; of Enrollment.csv the columns in use are held.

use crate::error::SourceError;
use crate::join::Lookup;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::HMIS_COLUMN;
use crate::text;
use snapshot::{Batch, CsvFormat, CsvRecords, Day, Part, Record, Records, RejectKind};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

const FORMAT: &str = "HMIS CSV";
const ENROLLMENT: &str = "Enrollment.csv";
const EXIT: &str = "Exit.csv";
const SERVICES: &str = "Services.csv";
const EXPORT: &str = "Export.csv";
const EXPORT_END: &str = "ExportEndDate";
const PROJECT: &str = "Project.csv";

/// Types of projects in which people stay from entry to exit: emergency shelter (not night by night), transitional, permanent
/// supportive, safe haven, permanent without and with services, rapid re-housing.
const STAYS: [&str; 7] = ["0", "2", "3", "8", "9", "10", "13"];
/// Before 2024 every emergency shelter had the type 1, and another column said whether it counted by entry and exit.
const ANY_SHELTER: &str = "1";
const BY_ENTRY_AND_EXIT: &str = "0";
/// Most months of a stay: 100 years. A longer one is a slip.
const MONTHS: u16 = 1_200;

/// How the files are written, and what is wanted of them.
#[derive(Clone)]
pub(crate) struct Reading {
    /// The format of every file.
    pub(crate) format: Option<CsvFormat>,
    /// How days are written.
    pub(crate) notation: Notation,
    /// The column of Enrollment.csv that a day of stay or service takes the place in.
    pub(crate) date: String,
    /// The columns of Enrollment.csv that are in use; all where nobody says which.
    pub(crate) used: Option<Vec<String>>,
}

/// Whether a folder has a register in it.
pub(crate) fn is_folder(path: &Path) -> bool {
    path.join(ENROLLMENT).is_file() && path.join(PROJECT).is_file()
}

/// Opens a folder.
pub(crate) fn open(folder: &Path, reading: Reading) -> Result<Piped, SourceError> {
    let path = folder.to_owned();
    piped(folder, FORMAT, move |sink| {
        Folder { path, reading }.stream(sink)
    })
}

/// One file, its first line read.
struct Table {
    path: PathBuf,
    records: CsvRecords<'static>,
    /// The column that says when a row was taken back; such rows are passed over.
    deleted: Option<usize>,
}

impl Table {
    fn column(&self, name: &str) -> Result<usize, SourceError> {
        self.find(name).ok_or_else(|| SourceError::Refused {
            path: self.path.clone(),
            problem: HMIS_COLUMN.with([name]),
        })
    }

    fn find(&self, name: &str) -> Option<usize> {
        let mut columns = self.records.columns().iter();
        columns.position(|column| column.trim() == name)
    }

    /// Reads all rows that count: those that cannot be used come with why.
    fn each(
        mut self,
        mut row: impl FnMut(&Record<'_>, Option<RejectKind>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let width = self.records.columns().len();
        let mut batch = Batch::default();
        while (self.records.next(&mut batch)).map_err(|error| self.fault(&*error))? {
            for record in batch.records() {
                let shape = (record.len() != width).then_some(RejectKind::Shape);
                let problem = record.problem().or(shape);
                let deleted = self.deleted.map_or("", |place| record.field(place));
                if problem.is_some() || deleted.is_empty() {
                    row(&record, problem)?;
                }
            }
        }
        Ok(())
    }

    fn fault(&self, error: &(dyn std::error::Error + Send + Sync)) -> SourceError {
        SourceError::File {
            path: self.path.clone(),
            source: std::io::Error::other(error.to_string()),
        }
    }
}

/// Enrollments by person and number.
struct Enrollments {
    rows: Lookup,
    /// Where each column of the register stands in `rows`.
    places: Vec<Option<usize>>,
    project: usize,
    entry: usize,
    date: usize,
}

impl Enrollments {
    fn find(&self, person: &str, number: &str) -> Option<(u32, Vec<&str>)> {
        let key = key(person, number)?;
        let place = self.rows.place(&key)?;
        Some((place, self.rows.find(&key).collect()))
    }

    /// Writes a row of the register on another day than that of the entry.
    fn write(
        &self,
        sink: &mut Sink,
        row: u64,
        held: &[&str],
        day: &str,
    ) -> Result<(), SourceError> {
        sink.begin(row)?;
        for (column, place) in self.places.iter().enumerate() {
            sink.field(match place {
                _ if column == self.date => day,
                Some(place) => held[*place],
                None => "",
            });
        }
        Ok(())
    }
}

/// A person's enrollment as it is looked up; `None` where either is blank. The length keeps the two apart, whatever they hold.
fn key(person: &str, number: &str) -> Option<String> {
    let words = Vec::from_iter(person.split_whitespace()).join("\u{1e}");
    let blank = words.is_empty() || number.trim().is_empty();
    (!blank).then(|| format!("{}\u{1f}{words}\u{1f}{number}", words.len()))
}

/// What a bad row of a file is called by.
fn part(file: &str, columns: &[(&str, &str)], faults: &[(RejectKind, &str)]) -> Part {
    Part {
        file: file.to_owned(),
        columns: (columns.iter())
            .map(|(column, own)| ((*column).to_owned(), (*own).to_owned()))
            .collect(),
        faults: (faults.iter())
            .map(|(kind, own)| (*kind, (*own).to_owned()))
            .collect(),
    }
}

fn reject(sink: &mut Sink, row: u64, kind: RejectKind) -> Result<(), SourceError> {
    sink.begin(row)?;
    sink.spoil(kind);
    Ok(())
}

struct Folder {
    path: PathBuf,
    reading: Reading,
}

impl Folder {
    fn stream(&self, sink: &mut Sink) -> Result<(), SourceError> {
        // Everything is opened first, so that a file that does not fit is named before a row of another is read.
        let enrollments = self.table(ENROLLMENT)?;
        let columns = enrollments.records.columns().to_vec();
        let (exits, services) = (self.optional(EXIT)?, self.optional(SERVICES)?);
        let exits = exits.map(|table| Pair::of(table, "ExitDate")).transpose()?;
        let services = (services.map(|table| Pair::of(table, "DateProvided"))).transpose()?;
        let export = match exits.is_some() {
            true => self.optional(EXPORT)?,
            false => None,
        };
        let last = (export
            .map(|export| Ok::<_, SourceError>((export.column(EXPORT_END)?, export))))
        .transpose()?;
        let held = match exits.is_some() || services.is_some() {
            true => Some(self.hold()?),
            false => None,
        };
        let projects = exits.as_ref().map(|_| self.projects()).transpose()?;
        sink.columns(columns)?;
        sink.part(part(ENROLLMENT, &[], &[]))?;
        enrollments.each(|record, problem| {
            sink.begin(record.number)?;
            (0..record.len()).for_each(|column| sink.field(record.field(column)));
            if let Some(problem) = problem {
                sink.spoil(problem);
            }
            Ok(())
        })?;
        let Some(held) = &held else {
            return Ok(());
        };
        if let (Some(exits), Some(projects)) = (exits, projects) {
            let end = last.map(|(last, export)| self.end(export, last, sink));
            let end = end.transpose()?;
            self.stays(exits, held, &projects, end.flatten(), sink)?;
        }
        match services {
            Some(services) => self.services(services, held, sink),
            None => Ok(()),
        }
    }

    fn table(&self, name: &str) -> Result<Table, SourceError> {
        let path = self.path.join(name);
        let records = text::open(&path, self.reading.format)?;
        let mut table = Table {
            path,
            records,
            deleted: None,
        };
        table.deleted = table.find("DateDeleted");
        Ok(table)
    }

    fn optional(&self, name: &str) -> Result<Option<Table>, SourceError> {
        match self.path.join(name).exists() {
            true => self.table(name).map(Some),
            false => Ok(None),
        }
    }

    /// Reads the columns of Enrollment.csv that are in use.
    fn hold(&self) -> Result<Enrollments, SourceError> {
        let table = self.table(ENROLLMENT)?;
        let (person, number) = (table.column("PersonalID")?, table.column("EnrollmentID")?);
        let (project, entry) = (table.column("ProjectID")?, table.column("EntryDate")?);
        let columns = table.records.columns();
        let used = |column: &str| match &self.reading.used {
            Some(used) => used.iter().any(|name| name.trim() == column),
            None => true,
        };
        let mut held = Vec::new();
        let mut places = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let wanted = used(column.trim()) || [project, entry].contains(&place);
            places.push(wanted.then_some(held.len()));
            if wanted {
                held.push(place);
            }
        }
        let at = |column: usize| places[column].unwrap_or_default();
        let mut enrollments = Enrollments {
            project: at(project),
            entry: at(entry),
            date: table.find(self.reading.date.trim()).unwrap_or(entry),
            rows: Lookup::of(held.iter().map(|place| columns[*place].clone()).collect()),
            places,
        };
        let path = table.path.clone();
        table.each(|record, problem| {
            let key = key(record.field(person), record.field(number));
            let (None, Some(key)) = (problem, key) else {
                return Ok(());
            };
            let fields = held.iter().map(|place| record.field(*place));
            match enrollments.rows.insert(&key, fields) {
                true => Ok(()),
                false => Err(SourceError::TooLarge {
                    place: path.display().to_string(),
                }),
            }
        })?;
        Ok(enrollments)
    }

    /// The type of each project, and how its nights are counted where a column says it.
    fn projects(&self) -> Result<Lookup, SourceError> {
        let table = self.table(PROJECT)?;
        let tracking = table.find("TrackingMethod").map(|_| "TrackingMethod");
        let wanted = Vec::from_iter(
            ["ProjectType"]
                .into_iter()
                .chain(tracking)
                .map(String::from),
        );
        let name = table.path.display().to_string();
        Lookup::read(table.records, &name, "project", "ProjectID", &wanted)
    }

    /// The last day of which the export knows: its end, or the day it was made where that is before. Never a guess: `None` where
    /// the file does not say it.
    fn end(&self, export: Table, last: usize, sink: &mut Sink) -> Result<Option<Day>, SourceError> {
        let made = export.find("ExportDate");
        let faults = [RejectKind::Date, RejectKind::Missing].map(|kind| (kind, EXPORT_END));
        sink.part(part(EXPORT, &[], &faults))?;
        let mut end = None;
        let dates = self.reading.notation.dates;
        export.each(|record, problem| {
            match (problem, self.day(record.field(last))) {
                (Some(problem), _) | (None, Err(problem)) => reject(sink, record.number, problem)?,
                (None, Ok(day)) => {
                    let made = made.and_then(|made| Day::read(record.field(made), dates));
                    end = Some(made.map_or(day, |made| made.min(day)));
                }
            }
            Ok(())
        })?;
        Ok(end)
    }

    fn day(&self, text: &str) -> Result<Day, RejectKind> {
        match text {
            "" => Err(RejectKind::Missing),
            text => Day::read(text, self.reading.notation.dates).ok_or(RejectKind::Date),
        }
    }

    /// The months of stays that ended, then of those that are open.
    fn stays(
        &self,
        exits: Pair,
        held: &Enrollments,
        projects: &Lookup,
        end: Option<Day>,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        let dates = self.reading.notation.dates;
        let mut faults = vec![(RejectKind::Unmatched, "EnrollmentID")];
        let of_day = [RejectKind::Date, RejectKind::Missing, RejectKind::Period];
        faults.extend(of_day.map(|kind| (kind, "ExitDate")));
        sink.part(part(EXIT, &[], &faults))?;
        // Enrollments that have a row here, whatever it says.
        let mut ended = HashSet::new();
        exits.each(held, sink, |row, (place, fields), exit, sink| {
            ended.insert(place);
            let exit = match self.day(exit) {
                Ok(exit) => exit,
                Err(problem) => return reject(sink, row, problem),
            };
            // A row of Enrollment.csv without a day of entry is among the rejects already.
            let Some(entry) = Day::read(fields[held.entry], dates) else {
                return Ok(());
            };
            match months(entry, Until::Exit(exit), end) {
                None => reject(sink, row, RejectKind::Period),
                Some(months) if is_stay(projects, fields[held.project]) => {
                    self.write_months(months, held, row, &fields, sink)
                }
                Some(_) => Ok(()),
            }
        })?;
        let Some(end) = end else {
            return Ok(());
        };
        sink.part(part(ENROLLMENT, &[], &[(RejectKind::Period, "EntryDate")]))?;
        let table = self.table(ENROLLMENT)?;
        let (person, number) = (table.column("PersonalID")?, table.column("EnrollmentID")?);
        table.each(|record, problem| {
            let found = held.find(record.field(person), record.field(number));
            let (None, Some((place, fields))) = (problem, found) else {
                return Ok(());
            };
            if ended.contains(&place) || !is_stay(projects, fields[held.project]) {
                return Ok(());
            }
            let Some(entry) = Day::read(fields[held.entry], dates) else {
                return Ok(());
            };
            match months(entry, Until::Export, Some(end)) {
                None => reject(sink, record.number, RejectKind::Period),
                Some(months) => self.write_months(months, held, record.number, &fields, sink),
            }
        })
    }

    fn write_months(
        &self,
        months: std::ops::RangeInclusive<u16>,
        held: &Enrollments,
        row: u64,
        fields: &[&str],
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        let mut day = String::new();
        for month in months {
            day.clear();
            let year = i64::from(1900 + month / 12);
            (self.reading.notation).date(year, (month % 12) as u8 + 1, 1, &mut day);
            held.write(sink, row, fields, &day)?;
        }
        Ok(())
    }

    fn services(
        &self,
        services: Pair,
        held: &Enrollments,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        let columns = [(self.reading.date.as_str(), "DateProvided")];
        let faults = [(RejectKind::Unmatched, "EnrollmentID")];
        sink.part(part(SERVICES, &columns, &faults))?;
        services.each(held, sink, |row, (_, fields), day, sink| {
            held.write(sink, row, &fields, day)
        })
    }
}

/// A file whose rows belong to enrollments and have a day.
struct Pair {
    table: Table,
    person: usize,
    number: usize,
    day: usize,
}

impl Pair {
    fn of(table: Table, day: &str) -> Result<Pair, SourceError> {
        Ok(Pair {
            person: table.column("PersonalID")?,
            number: table.column("EnrollmentID")?,
            day: table.column(day)?,
            table,
        })
    }

    /// Hands on each row with its enrollment; the others are rejected, and rows of nobody are counted as such.
    fn each(
        self,
        held: &Enrollments,
        sink: &mut Sink,
        mut row: impl FnMut(u64, (u32, Vec<&str>), &str, &mut Sink) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let nobody = vec![""; held.rows.columns().len()];
        self.table.each(|record, problem| {
            let (person, number) = (record.field(self.person), record.field(self.number));
            match (problem, held.find(person, number)) {
                (Some(problem), _) => reject(sink, record.number, problem),
                (None, Some(found)) => row(record.number, found, record.field(self.day), sink),
                (None, None) if person.is_empty() => held.write(sink, record.number, &nobody, ""),
                (None, None) => reject(sink, record.number, RejectKind::Unmatched),
            }
        })
    }
}

/// Whether people stay in a project from entry to exit.
fn is_stay(projects: &Lookup, project: &str) -> bool {
    let mut found = projects.find(project);
    let (kind, tracking) = (found.next().unwrap_or_default(), found.next());
    STAYS.contains(&kind) || kind == ANY_SHELTER && tracking == Some(BY_ENTRY_AND_EXIT)
}

/// What a stay ends with.
#[derive(Clone, Copy)]
enum Until {
    /// The day of the exit, on whose night nobody stays.
    Exit(Day),
    /// The end of the export.
    Export,
}

/// The months after that of the entry on whose first day the stay is open, from January 1900; `None` where the stay ends before
/// it begins, or lasts longer than people live. Nothing after `end` is told.
fn months(entry: Day, until: Until, end: Option<Day>) -> Option<std::ops::RangeInclusive<u16>> {
    let (last, month) = match until {
        Until::Exit(exit) => {
            // Open in a month where the exit is after its first day.
            let first = exit.date().day() == 1;
            (Some(exit), exit.month().saturating_sub(first.into()))
        }
        Until::Export => (None, u16::MAX),
    };
    if last.is_some_and(|exit| exit < entry) {
        return None;
    }
    let month = end.map_or(month, |end| month.min(end.month()));
    let from = entry.month() + 1;
    (month < from + MONTHS).then_some(from..=month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::DateFormat;

    fn day(text: &str) -> Day {
        Day::read(text, DateFormat::Iso).expect(text)
    }

    #[test]
    fn a_stay_is_open_in_each_month_of_which_it_has_a_night_and_not_beyond_the_export() {
        let run = |entry: &str, exit: Option<&str>, end: Option<&str>| {
            let until = exit.map_or(Until::Export, |exit| Until::Exit(day(exit)));
            let months = months(day(entry), until, end.map(day))?;
            Some(Vec::from_iter(months.map(|month| {
                format!("{}-{:02}", 1900 + month / 12, month % 12 + 1)
            })))
        };
        let months = |all: &[&str]| Some(all.iter().map(|month| (*month).to_owned()).collect());
        assert_eq!(
            run("2024-11-14", Some("2025-01-02"), None),
            months(&["2024-12", "2025-01"])
        );
        // The night before the first of January is the last one.
        assert_eq!(
            run("2024-11-14", Some("2025-01-01"), None),
            months(&["2024-12"])
        );
        for exit in ["2024-11-14", "2024-11-30", "2024-12-01"] {
            assert_eq!(run("2024-11-14", Some(exit), None), months(&[]), "{exit}");
        }
        assert_eq!(run("2024-11-14", Some("2024-11-13"), None), None);
        // An exit that is planned says nothing of days that have not come.
        assert_eq!(
            run("2024-11-14", Some("2026-01-01"), Some("2024-12-15")),
            months(&["2024-12"])
        );
        assert_eq!(
            run("2024-11-14", None, Some("2025-01-01")),
            months(&["2024-12", "2025-01"])
        );
        assert_eq!(run("2024-11-14", None, Some("2024-01-01")), months(&[]));
        assert_eq!(
            run("1900-01-01", Some("2000-02-01"), None).map(|all| all.len()),
            Some(1_200)
        );
        assert_eq!(run("1900-01-01", Some("2000-02-02"), None), None);
        assert_eq!(run("1900-01-01", None, Some("2199-12-31")), None);
        assert_eq!(run("1900-01-01", Some("1900-01-01"), None), months(&[]));
    }

    #[test]
    fn an_enrollment_is_one_persons() {
        assert_eq!(key(" ", "1"), None);
        assert_eq!(key("1", ""), None);
        assert_ne!(key("1", "23"), key("12", "3"));
        assert_ne!(key("a b", "1"), key("ab", "1"));
        assert_ne!(key("a\u{1f}b", "c"), key("a", "b\u{1f}c"));
        assert_eq!(key("a  b", "1"), key("a b", "1"));
    }
}
