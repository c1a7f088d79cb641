//! Reads the truth of a demo city and computes bounded aggregates from it the plain way, for tests.
//! It shares no code with a node's mapping, snapshot or kernel, and only tests may open these files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::CityError;
use crate::calendar::Month;
use crate::margins;

/// A partition of the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaLevel {
    /// NIL x municipio pieces, `"15.3"`; `"5.0"` for a shared NIL without municipio; `"unknown"`.
    MicroArea,
    /// `"1"` to `"88"` and `"unknown"`.
    Nil,
    /// `"1"` to `"9"` and `"unknown"`.
    Municipio,
    /// `"milano"`.
    City,
}

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    /// Keys `2025-03`.
    Month,
    /// Keys `2025-Q1`.
    Quarter,
    /// One period, key `2025-01/2025-12`.
    Whole,
}

/// A need or benefit with the first and last month of the rows that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its id.
    pub id: String,
    /// First month.
    pub first: Month,
    /// Last month.
    pub last: Month,
}

/// A person as one register shows them: each field from the latest valid row that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// The same in all organisations of the city.
    pub key: u64,
    /// NIL, 0 when unknown.
    pub nil: u8,
    /// Municipio, 0 when unknown.
    pub municipio: u8,
    /// `F` or `M`.
    pub sex: Option<char>,
    /// Month of birth.
    pub birth: Option<Month>,
    /// `italian`, `eu` or `non-eu`.
    pub citizenship: Option<String>,
    /// Number of the household in this register.
    pub household: Option<u64>,
    /// Income band 0..=5.
    pub income_band: Option<u8>,
    /// Disability grade 0..=3.
    pub disability: Option<u8>,
    /// Needs ever named.
    pub needs: Vec<Span>,
    /// Benefits ever named.
    pub benefits: Vec<Span>,
    /// Place in the household.
    pub role: Option<String>,
    /// Whether the person cares for a relative.
    pub carer: Option<bool>,
    /// Disability grades, each with the first month it was named in.
    pub disability_from: Vec<(u8, Month)>,
    /// Income bands likewise.
    pub income_band_from: Vec<(u8, Month)>,
    /// Conditions in work and study likewise.
    pub occupation_from: Vec<(String, Month)>,
    /// Dwellings likewise.
    pub dwelling_from: Vec<(String, Month)>,
}

/// What was last named by the end of a month.
pub fn as_of<T>(named: &[(T, Month)], month: Month) -> Option<&T> {
    let so_far = named.iter().take_while(|(_, from)| *from <= month);
    so_far.last().map(|(value, _)| value)
}

impl PersonRecord {
    /// Completed years at the end of a month; `None` without a birth date.
    pub fn age_at(&self, month: Month) -> Option<u16> {
        self.birth.map(|birth| month.age_of(birth))
    }

    /// Whether a need was named up to the end of a month.
    pub fn has_need(&self, id: &str, month: Month) -> bool {
        self.needs
            .iter()
            .any(|span| span.id == id && span.first <= month)
    }

    /// Whether a benefit was named up to the end of a month.
    pub fn has_benefit(&self, id: &str, month: Month) -> bool {
        self.benefits
            .iter()
            .any(|span| span.id == id && span.first <= month)
    }
}

/// Events of one person, month and service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRecord {
    /// Position of the person in [`Truth::persons`].
    pub person: usize,
    /// The month.
    pub month: Month,
    /// Service id.
    pub service: String,
    /// Valid, distinct rows.
    pub events: u64,
}

/// Values by area key and period key; cells without anybody are absent.
pub type Cells = BTreeMap<(String, String), u64>;

/// What a perfect node would know of one register.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Persons with at least one valid row, by ascending key.
    pub persons: Vec<PersonRecord>,
    /// Their presences, by person and month.
    pub presences: Vec<PresenceRecord>,
    /// Municipio of the NIL that lie in one municipio alone.
    single: BTreeMap<u8, u8>,
    households: BTreeMap<u64, Vec<usize>>,
}

impl Truth {
    /// Reads the truth of organisation `organisation` from the city directory `dir`.
    ///
    /// # Errors
    /// [`CityError::Io`] when a file cannot be read, [`CityError::InvalidTruth`] when a line is not as written.
    pub fn load(dir: &Path, organisation: &str) -> Result<Self, CityError> {
        let read = |kind: &str| {
            let path = dir.join("truth").join(format!("{kind}_{organisation}.csv"));
            std::fs::read_to_string(&path).map_err(CityError::at(&path))
        };
        let persons = lines(&read("persons")?, person)?;
        let position: BTreeMap<u64, usize> = persons
            .iter()
            .enumerate()
            .map(|(index, person)| (person.key, index))
            .collect();
        let presences = lines(&read("presences")?, |cells| {
            let [key, month, service, events] = *cells else {
                return None;
            };
            Some(PresenceRecord {
                person: *position.get(&key.parse().ok()?)?,
                month: month.parse().ok()?,
                service: service.to_owned(),
                events: events.parse().ok()?,
            })
        })?;
        let mut households: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, person) in persons.iter().enumerate() {
            if let Some(household) = person.household {
                households.entry(household).or_default().push(index);
            }
        }
        let single = margins::milan()
            .into_iter()
            .filter_map(|nil| {
                if let [(municipio, _)] = nil.municipi[..] {
                    Some((nil.nil, municipio))
                } else {
                    None
                }
            })
            .collect();
        Ok(Self {
            persons,
            presences,
            single,
            households,
        })
    }

    /// The same truth with the events of these services alone; persons stay as they are.
    pub fn restricted_to(&self, services: &[&str]) -> Self {
        let kept = self
            .presences
            .iter()
            .filter(|presence| services.contains(&presence.service.as_str()));
        Self {
            presences: kept.cloned().collect(),
            ..self.clone()
        }
    }

    /// Positions of the persons this register has in a person's household, the person included; empty when unknown.
    pub fn household_of(&self, person: &PersonRecord) -> &[usize] {
        person
            .household
            .and_then(|household| self.households.get(&household))
            .map_or(&[], Vec::as_slice)
    }

    /// The key of a person's home.
    pub fn area_key(&self, level: AreaLevel, person: &PersonRecord) -> String {
        let municipio = match person.municipio {
            0 => self.single.get(&person.nil).copied().unwrap_or(0),
            known => known,
        };
        match level {
            AreaLevel::City => "milano".to_owned(),
            _ if person.nil == 0 => "unknown".to_owned(),
            AreaLevel::MicroArea => format!("{}.{municipio}", person.nil),
            AreaLevel::Nil => person.nil.to_string(),
            AreaLevel::Municipio if municipio == 0 => "unknown".to_owned(),
            AreaLevel::Municipio => municipio.to_string(),
        }
    }

    /// Persons with at least one event in a period, by area and period.
    ///
    /// `from` and `to` are included; `filter` is asked with the last month of each period. No cell is cut off.
    pub fn persons_by(
        &self,
        level: AreaLevel,
        kind: PeriodKind,
        from: Month,
        to: Month,
        filter: impl Fn(&PersonRecord, Month) -> bool,
    ) -> Cells {
        self.events_by(level, kind, from, to, filter, Some(1))
    }

    /// Events by area and period; each person's events of a period count at most `per_cell_clamp`.
    ///
    /// `from` and `to` are included; `filter` is asked with the last month of each period.
    pub fn events_by(
        &self,
        level: AreaLevel,
        kind: PeriodKind,
        from: Month,
        to: Month,
        filter: impl Fn(&PersonRecord, Month) -> bool,
        per_cell_clamp: Option<u64>,
    ) -> Cells {
        self.sum_by(level, kind, from, to, |person, end, events| {
            let counted = per_cell_clamp.map_or(events, |clamp| events.min(clamp));
            filter(person, end).then_some(counted)
        })
    }

    /// Sums what `value` makes of each person, last month of a period, and events of the person in it (at least 1).
    ///
    /// For rules that read the number of events, such as frequent users; `None` leaves the person out of the cell.
    pub fn sum_by(
        &self,
        level: AreaLevel,
        kind: PeriodKind,
        from: Month,
        to: Month,
        value: impl Fn(&PersonRecord, Month, u64) -> Option<u64>,
    ) -> Cells {
        let mut per_person: BTreeMap<(usize, Month), u64> = BTreeMap::new();
        let inside = |presence: &&PresenceRecord| (from..=to).contains(&presence.month);
        for presence in self.presences.iter().filter(inside) {
            let end = period_end(kind, presence.month, to);
            *per_person.entry((presence.person, end)).or_default() += presence.events;
        }
        let mut cells = Cells::new();
        for ((index, end), events) in per_person {
            let person = &self.persons[index];
            if let Some(value) = value(person, end, events) {
                let key = (
                    self.area_key(level, person),
                    period_key(kind, end, from, to),
                );
                *cells.entry(key).or_default() += value;
            }
        }
        cells
    }
}

/// The last month of the period that holds `month`.
fn period_end(kind: PeriodKind, month: Month, to: Month) -> Month {
    match kind {
        PeriodKind::Month => month,
        PeriodKind::Quarter => Month(month.0 / 3 * 3 + 2),
        PeriodKind::Whole => to,
    }
}

fn period_key(kind: PeriodKind, end: Month, from: Month, to: Month) -> String {
    match kind {
        PeriodKind::Month => end.to_string(),
        PeriodKind::Quarter => end.quarter(),
        PeriodKind::Whole => format!("{from}/{to}"),
    }
}

/// Every line after the column names, read by `parse`.
fn lines<T>(text: &str, parse: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, CityError> {
    text.lines()
        .enumerate()
        .skip(1)
        .map(|(index, line)| {
            parse(&line.split(',').collect::<Vec<_>>())
                .ok_or(CityError::InvalidTruth { line: index + 1 })
        })
        .collect()
}

fn person(cells: &[&str]) -> Option<PersonRecord> {
    let [
        key,
        nil,
        municipio,
        sex,
        birth,
        citizenship,
        household,
        income,
        disability,
        needs,
        benefits,
        role,
        carer,
        disability_from,
        income_band_from,
        occupation_from,
        dwelling_from,
    ] = *cells
    else {
        return None;
    };
    /// `None` inside for a blank cell, `None` outside for one that does not parse.
    fn optional<T: std::str::FromStr>(cell: &str) -> Option<Option<T>> {
        if cell.is_empty() {
            Some(None)
        } else {
            cell.parse().ok().map(Some)
        }
    }
    Some(PersonRecord {
        key: key.parse().ok()?,
        nil: nil.parse().ok()?,
        municipio: municipio.parse().ok()?,
        sex: optional(sex)?,
        birth: optional(birth)?,
        citizenship: optional(citizenship)?,
        household: optional(household)?,
        income_band: optional(income)?,
        disability: optional(disability)?,
        needs: spans(needs)?,
        benefits: spans(benefits)?,
        role: optional(role)?,
        carer: match carer {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return None,
        },
        disability_from: changes(disability_from)?,
        income_band_from: changes(income_band_from)?,
        occupation_from: changes(occupation_from)?,
        dwelling_from: changes(dwelling_from)?,
    })
}

fn changes<T: std::str::FromStr>(cell: &str) -> Option<Vec<(T, Month)>> {
    cell.split('|')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (value, month) = part.split_once(':')?;
            Some((value.parse().ok()?, month.parse().ok()?))
        })
        .collect()
}

fn spans(cell: &str) -> Option<Vec<Span>> {
    cell.split('|')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let mut pieces = part.split(':');
            let span = Span {
                id: pieces.next()?.to_owned(),
                first: pieces.next()?.parse().ok()?,
                last: pieces.next()?.parse().ok()?,
            };
            pieces.next().is_none().then_some(span)
        })
        .collect()
}
