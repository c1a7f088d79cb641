//! An independent, plain reader of the register format, for tests.
//! It knows the format and the rules for leaving rows out, and nothing of how rows were made.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Year and month.
type YearMonth = (u32, u32);

/// A register as read, row by row.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Lines after the column names.
    pub(crate) rows: usize,
    /// Rows without a codice fiscale.
    pub(crate) missing_codes: usize,
    /// Rows with a bad one.
    pub(crate) malformed_codes: usize,
    /// Rows with one that needed normalising.
    pub(crate) untidy_codes: usize,
    /// Linked rows with a date that does not exist.
    pub(crate) bad_dates: usize,
    /// Linked rows with a service that does not exist.
    pub(crate) bad_services: usize,
    /// Lines that are byte for byte another line.
    pub(crate) copied_lines: usize,
    /// Persons by normalised codice fiscale.
    pub(crate) persons: BTreeMap<String, Seen>,
}

/// What is known of a person: for each field the value of the latest row that has it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Field name -> (date, value).
    fields: BTreeMap<&'static str, ((u32, u32, u32), String)>,
    /// (year, month, service) -> events.
    pub(crate) events: BTreeMap<(u32, u32, String), u64>,
    /// Needs and benefits -> first and last month.
    pub(crate) spans: BTreeMap<String, (YearMonth, YearMonth)>,
}

impl Seen {
    /// The latest value of a field, blank when no row has it.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |(_, value)| value)
    }

    /// Keeps the later value; of one day the first or the last in the file.
    fn take(&mut self, name: &'static str, date: (u32, u32, u32), value: &str, last_of_day: bool) {
        if value.is_empty() {
            return;
        }
        let kept = self
            .fields
            .get(name)
            .is_some_and(|(known, _)| *known > date || (*known == date && !last_of_day));
        if !kept {
            self.fields.insert(name, (date, value.to_owned()));
        }
    }
}

/// Reads a register; `last_of_day` says which of several rows of one day wins, which must not matter.
pub(crate) fn read(path: &Path, last_of_day: bool) -> Reading {
    let text: String = std::fs::read(path)
        .unwrap()
        .into_iter()
        .map(char::from)
        .collect();
    assert!(text.ends_with("\r\n"));
    let mut lines = text.split_terminator("\r\n");
    assert_eq!(lines.next().unwrap(), demo_city::COLUMNS.join(";"));
    let mut reading = Reading::default();
    let mut whole = HashSet::new();
    let mut events = HashSet::new();
    for line in lines {
        reading.rows += 1;
        reading.copied_lines += usize::from(!whole.insert(line.to_owned()));
        let cells: Vec<&str> = line.split(';').collect();
        let [
            code,
            _,
            _,
            sex,
            birth,
            citizenship,
            nil,
            municipio,
            household,
            isee,
            disability,
            need,
            benefit,
            service,
            date,
            hours,
            euro,
            role,
            carer,
            occupation,
            dwelling,
            protected,
        ] = cells[..]
        else {
            panic!("a line of {} cells", cells.len())
        };
        assert!(hours.contains(',') && euro.contains(','));
        let normalised: String = code
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_uppercase();
        if normalised.is_empty() {
            reading.missing_codes += 1;
            continue;
        }
        if !demo_city::is_valid(&normalised) {
            reading.malformed_codes += 1;
            continue;
        }
        reading.untidy_codes += usize::from(normalised != code);
        let Some(date) = calendar_date(date) else {
            reading.bad_dates += 1;
            continue;
        };
        if !demo_city::SERVICES.contains(&service) {
            reading.bad_services += 1;
            continue;
        }
        if !events.insert((
            normalised.clone(),
            service.to_owned(),
            date,
            hours.to_owned(),
            euro.to_owned(),
        )) {
            continue;
        }
        let seen = reading.persons.entry(normalised).or_default();
        *seen
            .events
            .entry((date.0, date.1, service.to_owned()))
            .or_default() += 1;
        let birth = calendar_date(birth).map_or(String::new(), |(year, month, _)| {
            format!("{year:04}-{month:02}")
        });
        let home = if nil.is_empty() || protected == "SI" {
            String::new()
        } else {
            format!("{nil}.{municipio}")
        };
        for (name, value) in [
            ("sex", sex),
            ("birth", birth.as_str()),
            ("citizenship", citizenship),
            ("home", home.as_str()),
            ("household", household),
            ("isee", isee),
            ("disability", disability),
            ("role", role),
            ("carer", carer),
            ("occupation", occupation),
            ("dwelling", dwelling),
        ] {
            seen.take(name, date, value, last_of_day);
        }
        for id in [need, benefit].into_iter().filter(|id| !id.is_empty()) {
            let month = (date.0, date.1);
            let span = seen.spans.entry(id.to_owned()).or_insert((month, month));
            *span = (span.0.min(month), span.1.max(month));
        }
    }
    reading
}

/// Year, month and day of `dd/mm/yyyy` where the calendar has that day.
fn calendar_date(text: &str) -> Option<(u32, u32, u32)> {
    let parts: Vec<u32> = text
        .split('/')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [day, month, year] = parts[..] else {
        return None;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((year, month, day))
}

/// An amount such as `8.412,50` in cents.
pub(crate) fn cents(text: &str) -> u64 {
    let (whole, fraction) = text.split_once(',').unwrap();
    whole.replace('.', "").parse::<u64>().unwrap() * 100 + fraction.parse::<u64>().unwrap()
}
