//! Writes what a perfect node would know from a register, for tests only.
//! It takes what rows show, never what the city knows beyond them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::CityError;
use crate::calendar::Month;
use crate::circumstances::{BENEFITS, Circumstances, DWELLINGS, NEEDS, OCCUPATIONS, ROLE_IDS};
use crate::clientele::Client;
use crate::events::Row;
use crate::organisations::SERVICES;
use crate::population::Citizenship;
use crate::register::{RegisterJob, RowView};

/// A person seen by an organisation in a quarter of the window, at the latest home it knows (NIL 0 = unknown).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Presence {
    pub(crate) quarter: u8,
    pub(crate) nil: u8,
    pub(crate) person: u32,
}

/// Columns of `persons_{organisation}.csv`.
pub(crate) const PERSON_COLUMNS: &str = "person_key,nil,municipio,sex,birth_month,citizenship,household_key,income_band,disability,needs,benefits,role,carer,disability_from,income_band_from,occupation_from,dwelling_from";

/// Columns of `presences_{organisation}.csv`.
pub(crate) const PRESENCE_COLUMNS: &str = "person_key,month,service,events";

/// The two open truth files of one organisation.
pub(crate) struct TruthFiles {
    persons: BufWriter<File>,
    presences: BufWriter<File>,
    path: PathBuf,
    seen: Vec<Presence>,
}

impl TruthFiles {
    pub(crate) fn create(dir: &Path, organisation: &str) -> Result<Self, CityError> {
        let open = |kind: &str, columns: &str| {
            let path = dir.join(format!("{kind}_{organisation}.csv"));
            let make = || {
                let mut file = BufWriter::with_capacity(1 << 18, File::create(&path)?);
                writeln!(file, "{columns}")?;
                Ok(file)
            };
            make().map_err(CityError::at(&path))
        };
        Ok(Self {
            persons: open("persons", PERSON_COLUMNS)?,
            presences: open("presences", PRESENCE_COLUMNS)?,
            path: dir.to_owned(),
            seen: Vec::new(),
        })
    }

    /// Adds a client with its rows in order of their day; false when no row of it is valid.
    pub(crate) fn add_client(
        &mut self,
        job: &RegisterJob<'_>,
        client: &Client,
        lives: &Circumstances,
        rows: &[Row],
    ) -> Result<bool, CityError> {
        let mut latest = Latest::default();
        let mut months: BTreeMap<(usize, u8), u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_valid()) {
            latest.take(row, &job.view(client, lives, row));
            *months.entry((row.month(), row.service)).or_default() += 1;
        }
        if months.is_empty() {
            return Ok(false);
        }
        self.write(client, &latest, &months)
            .map_err(CityError::at(&self.path))?;
        for &(month, _) in months.keys() {
            let seen = Presence {
                quarter: (month / 3) as u8,
                nil: latest.home.0,
                person: client.person,
            };
            if self.seen.last() != Some(&seen) {
                self.seen.push(seen);
            }
        }
        Ok(true)
    }

    fn write(
        &mut self,
        client: &Client,
        latest: &Latest,
        months: &BTreeMap<(usize, u8), u64>,
    ) -> std::io::Result<()> {
        let key = client.person;
        writeln!(
            self.persons,
            "{key},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
            latest.home.0,
            latest.home.1,
            latest
                .female
                .map_or("", |female| if female { "F" } else { "M" }),
            latest
                .birth
                .map_or(String::new(), |month| month.to_string()),
            latest.citizenship.map_or("", citizenship_id),
            latest
                .household
                .map_or(String::new(), |number| number.to_string()),
            latest
                .isee_cents
                .map_or(String::new(), |cents| income_band(cents).to_string()),
            latest
                .disability
                .map_or(String::new(), |grade| grade.to_string()),
            spans(&latest.needs, &NEEDS),
            spans(&latest.benefits, &BENEFITS),
            latest.role.map_or("", |role| ROLE_IDS[usize::from(role)]),
            latest
                .carer
                .map_or("", |carer| if carer { "yes" } else { "no" }),
            latest.disability_from.written(|grade| grade.to_string()),
            latest.income_from.written(|band| band.to_string()),
            (latest.occupation_from).written(|id| OCCUPATIONS[usize::from(id)].to_owned()),
            (latest.dwelling_from).written(|id| DWELLINGS[usize::from(id)].to_owned()),
        )?;
        for (&(month, service), count) in months {
            writeln!(
                self.presences,
                "{key},{},{},{count}",
                window_month(month),
                SERVICES[usize::from(service)]
            )?;
        }
        Ok(())
    }

    /// Closes the files; gives back who was present where and when.
    pub(crate) fn finish(mut self) -> Result<Vec<Presence>, CityError> {
        self.persons
            .flush()
            .and_then(|()| self.presences.flush())
            .map_err(CityError::at(&self.path))?;
        Ok(self.seen)
    }
}

/// The value of each field in the latest valid row that has it; needs and benefits with first and last month seen.
#[derive(Default)]
struct Latest {
    /// NIL and municipio, 0 for unknown; rows that name no NIL say nothing about the home.
    home: (u8, u8),
    female: Option<bool>,
    birth: Option<Month>,
    citizenship: Option<Citizenship>,
    household: Option<u32>,
    isee_cents: Option<u64>,
    disability: Option<u8>,
    needs: BTreeMap<u8, (usize, usize)>,
    benefits: BTreeMap<u8, (usize, usize)>,
    role: Option<u8>,
    carer: Option<bool>,
    disability_from: Timeline,
    income_from: Timeline,
    occupation_from: Timeline,
    dwelling_from: Timeline,
}

/// What rows say of one condition, month by month: the last row of a month that says something.
#[derive(Default)]
struct Timeline(BTreeMap<usize, u8>);

impl Timeline {
    fn take(&mut self, month: usize, value: Option<u8>) {
        if let Some(value) = value {
            self.0.insert(month, value);
        }
    }

    /// `value:month` joined by `|`, where the value changes.
    fn written(&self, name: impl Fn(u8) -> String) -> String {
        let mut before = None;
        let changes = self.0.iter().filter(|(_, value)| {
            let changed = before != Some(**value);
            before = Some(**value);
            changed
        });
        let parts: Vec<String> = changes
            .map(|(month, value)| format!("{}:{}", name(*value), window_month(*month)))
            .collect();
        parts.join("|")
    }
}

impl Latest {
    fn take(&mut self, row: &Row, view: &RowView) {
        // Nobody learns where people at protected addresses live.
        if view.written_nil != 0 && !view.protected {
            self.home = (view.written_nil, view.written_municipio);
        }
        self.female = view.female.or(self.female);
        self.birth = view.birth.or(self.birth);
        self.citizenship = view.citizenship.or(self.citizenship);
        self.household = view.household.or(self.household);
        self.isee_cents = view.isee_cents.or(self.isee_cents);
        self.disability = view.disability.or(self.disability);
        self.role = view.role.or(self.role);
        self.carer = view.carer.or(self.carer);
        let month = row.month();
        self.disability_from.take(month, view.disability);
        self.income_from
            .take(month, view.isee_cents.map(income_band));
        self.occupation_from.take(month, view.occupation);
        self.dwelling_from.take(month, view.dwelling);
        for (seen, id) in [
            (&mut self.needs, row.need),
            (&mut self.benefits, row.benefit),
        ] {
            if id > 0 {
                seen.entry(id - 1).or_insert((row.month(), row.month())).1 = row.month();
            }
        }
    }
}

/// The month of a window index.
fn window_month(index: usize) -> Month {
    Month(Month::FIRST.0 + index as u16)
}

/// `id:first:last` joined by `|`.
fn spans(seen: &BTreeMap<u8, (usize, usize)>, ids: &[&str]) -> String {
    let parts: Vec<String> = seen
        .iter()
        .map(|(&id, &(first, last))| {
            format!(
                "{}:{}:{}",
                ids[usize::from(id)],
                window_month(first),
                window_month(last)
            )
        })
        .collect();
    parts.join("|")
}

/// The citizenship group's id.
pub(crate) fn citizenship_id(group: Citizenship) -> &'static str {
    match group {
        Citizenship::Italian => "italian",
        Citizenship::Eu => "eu",
        Citizenship::NonEu => "non-eu",
    }
}

/// Income band 0..=5 of an ISEE in cents: up to 3,000, 6,000, 9,360, 15,000, 25,000 euro, and above.
pub(crate) fn income_band(cents: u64) -> u8 {
    [300_000, 600_000, 936_000, 1_500_000, 2_500_000]
        .iter()
        .filter(|&&limit| cents > limit)
        .count() as u8
}

/// Writes `distinct.csv`: distinct persons over all organisations by NIL and quarter.
///
/// A person counts in a NIL when at least one organisation that saw them in the quarter places them there, so that
/// largest organisation <= distinct <= sum of organisations holds in every cell.
pub(crate) fn write_distinct(
    dir: &Path,
    per_organisation: Vec<Vec<Presence>>,
) -> Result<(), CityError> {
    let mut all: Vec<Presence> = per_organisation.into_iter().flatten().collect();
    all.sort_unstable();
    all.dedup();
    let mut cells: BTreeMap<(u8, u8), u64> = BTreeMap::new();
    for presence in all {
        *cells.entry((presence.quarter, presence.nil)).or_default() += 1;
    }
    let mut text = String::from("quarter,nil,persons\n");
    for ((quarter, nil), persons) in cells {
        let nil = if nil == 0 {
            "unknown".to_owned()
        } else {
            nil.to_string()
        };
        text.push_str(&format!(
            "{},{nil},{persons}\n",
            window_month(usize::from(quarter) * 3).quarter()
        ));
    }
    let path = dir.join("distinct.csv");
    std::fs::write(&path, text).map_err(CityError::at(&path))
}
