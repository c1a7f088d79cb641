//! A register's records with what completes them: columns of joined sources, the home, fixed words.
//! Each record is completed by itself, from its own fields and from files that are not the register.

use crate::error::SourceError;
use crate::join::Lookup;
use crate::local::Local;
use crate::locate::Locator;
use crate::notation::Notation;
use crate::place::Place;
use crate::register::open;
use crate::sentences::JOINED_NOWHERE;
use snapshot::{
    Batch, Completion, Field, HOME_MUNICIPIO, HOME_NIL, Mapping, Records, RecordsError,
};

/// Records with more columns.
struct Completed<R> {
    inner: R,
    columns: Vec<String>,
    width: usize,
    /// Each source with the place of its key among the columns before it.
    joins: Vec<(usize, Lookup)>,
    home: Option<Locator>,
    constants: Vec<String>,
    from: Batch,
    /// Space for a record whose joined fields are keys or homes themselves.
    joined: Batch,
}

/// Completes records as a mapping says; hands them on as they are where it says nothing.
///
/// # Errors
/// A source that is joined and cannot be read, or a column that is not there.
pub fn complete<'r>(
    records: Box<dyn Records + 'r>,
    register: &str,
    mapping: &Mapping,
    local: &Local,
) -> Result<Box<dyn Records + 'r>, SourceError> {
    let completion = mapping.completion();
    if completion.is_empty() {
        return Ok(records);
    }
    let mut columns: Vec<String> = records
        .columns()
        .iter()
        .map(|column| column.trim().to_owned())
        .collect();
    let width = columns.len();
    let find = |columns: &[String], column: &str, key: &str| {
        columns
            .iter()
            .position(|known| known == column.trim())
            .ok_or_else(|| SourceError::MissingColumn {
                place: register.to_owned(),
                column: column.to_owned(),
                key: key.to_owned(),
            })
    };
    let mut joins = Vec::new();
    for join in &completion.joins {
        let key = find(&columns, &join.key, &format!("join.{}.key", join.name))?;
        let config = local
            .joined
            .get(&join.name)
            .ok_or_else(|| SourceError::Config {
                key: format!("joined.{}.at", join.name),
                problem: JOINED_NOWHERE.with([&join.name]),
            })?;
        let place = Place::of(config.at.as_deref().unwrap_or_default(), config)?;
        let theirs = open(&place, join.format, Notation::of(mapping))?;
        let wanted = wanted(mapping, &join.name);
        let lookup = Lookup::read(theirs, &place.name(), &join.name, &join.their_key, &wanted)?;
        columns.extend(
            lookup
                .columns()
                .iter()
                .map(|column| format!("{}.{column}", join.name)),
        );
        joins.push((key, lookup));
    }
    let home = match &completion.home {
        None => None,
        Some(home) => Some(Locator::new(home, &local.places, |column, key| {
            find(&columns, column, key)
        })?),
    };
    if home.is_some() {
        columns.extend([HOME_NIL, HOME_MUNICIPIO].map(str::to_owned));
    }
    let constants = completion.constants.iter();
    columns.extend(
        constants
            .clone()
            .map(|(field, _)| Completion::constant_column(*field)),
    );
    Ok(Box::new(Completed {
        inner: records,
        columns,
        width,
        joins,
        home,
        constants: constants.map(|(_, word)| word.clone()).collect(),
        from: Batch::default(),
        joined: Batch::default(),
    }))
}

/// The columns that the mapping names anywhere, those of joined sources under the source's name.
pub(crate) fn named(mapping: &Mapping) -> impl Iterator<Item = &str> {
    let completion = mapping.completion();
    let fields = Field::ALL.iter().filter_map(|field| mapping.column(*field));
    let keys = completion.joins.iter().map(|join| join.key.as_str());
    let home = completion.home.iter().flat_map(|home| {
        [
            &home.nil,
            &home.municipio,
            &home.section,
            &home.latitude,
            &home.longitude,
            &home.street,
            &home.civic,
        ]
    });
    let home = home.filter_map(|column| column.as_deref());
    let people = mapping.person_key().iter().map(String::as_str);
    fields.chain(keys).chain(home).chain(people)
}

/// The columns of a source that the mapping names, without the source's name.
fn wanted(mapping: &Mapping, name: &str) -> Vec<String> {
    let mut wanted: Vec<String> = named(mapping)
        .filter_map(|column| column.trim().strip_prefix(name)?.strip_prefix('.'))
        .map(str::to_owned)
        .collect();
    wanted.sort();
    wanted.dedup();
    wanted
}

impl<R: Records> Records for Completed<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, batch: &mut Batch) -> Result<bool, RecordsError> {
        batch.clear();
        let more = self.inner.next(&mut self.from)?;
        batch.set_part(self.from.part().cloned());
        let (mut nil, mut municipio) = (String::new(), String::new());
        for record in self.from.records() {
            batch.begin(record.number);
            let problem = record.problem();
            if problem.is_some() || record.len() != self.width {
                (0..record.len()).for_each(|index| batch.field(record.field(index)));
                if let Some(problem) = problem {
                    batch.spoil(problem);
                }
                continue;
            }
            // Joined fields can be keys and homes, so they are put in place before they are looked at.
            let joined = &mut self.joined;
            joined.clear();
            joined.begin(record.number);
            (0..self.width).for_each(|index| joined.field(record.field(index)));
            for (key, lookup) in &self.joins {
                let key = joined
                    .records()
                    .next()
                    .map(|record| record.field(*key).to_owned());
                lookup
                    .find(&key.unwrap_or_default())
                    .for_each(|field| joined.field(field));
            }
            let Some(all) = self.joined.records().next() else {
                continue;
            };
            (0..all.len()).for_each(|index| batch.field(all.field(index)));
            if let Some(problem) = all.problem() {
                batch.spoil(problem);
            }
            if let Some(home) = &self.home {
                home.find(&all, &mut nil, &mut municipio);
                batch.field(&nil);
                batch.field(&municipio);
            }
            self.constants.iter().for_each(|word| batch.field(word));
        }
        Ok(more)
    }
}
