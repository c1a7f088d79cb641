//! This project's plain columns: one row for each service at a site. What a spreadsheet can be brought to in an hour.

use crate::error::OfferError;
use crate::model::{Ages, Offer, OfferedService, Opening, Site};
use crate::place;
use crate::sentences::{AGES, NO_SERVICE, NO_TARGET, STRANGE_COLUMN};
use crate::table::{Notes, Row, Table, need_columns};
use taxonomy::Taxonomy;

/// The columns, of which `site` and `name` are required. `service` and `targets` are identifiers of the taxonomy, several
/// targets with `|` between them.
pub const COLUMNS: [&str; 18] = [
    "site",
    "name",
    "organisation",
    "service",
    "targets",
    "served",
    "minimum_age",
    "maximum_age",
    "capacity",
    "cost",
    "days",
    "opens_at",
    "closes_at",
    "access",
    "address",
    "latitude",
    "longitude",
    "nil",
];

/// Whether the columns are these.
pub(crate) fn fits(table: &Table) -> bool {
    ["site", "name"]
        .iter()
        .all(|needed| table.columns.iter().any(|column| column == needed))
}

pub(crate) fn read(table: &Table, notes: &mut Notes) -> Result<Offer, OfferError> {
    need_columns(table, &["site", "name"])?;
    let known = COLUMNS.iter().copied().chain(["municipio", "id"]);
    let known: Vec<&str> = known.collect();
    if let Some(column) = table
        .columns
        .iter()
        .find(|column| !known.contains(&column.as_str()))
    {
        return Err(OfferError::Format {
            file: table.file.clone(),
            problem: STRANGE_COLUMN.with([column, &known.join(", ")]),
        });
    }
    let mut offer = Offer::default();
    for row in &table.rows {
        let (site, name) = (
            notes.required(table, row, "site"),
            notes.required(table, row, "name"),
        );
        let (Some(site), Some(name)) = (site, name) else {
            continue;
        };
        if offer.site(&site).is_none() {
            offer.sites.push(Site {
                id: site.clone(),
                name: site.clone(),
                organisation: row.text("organisation"),
                address: row.text("address"),
                position: place::position(table, row, ["latitude", "longitude"], notes),
                nil: place::nil(table, row, "nil", notes),
                municipio: place::municipio(table, row, "municipio", notes),
            });
        }
        let age =
            |notes: &mut Notes, column| notes.number(table, row, column, 130).map(|age| age as u16);
        let ages = Ages {
            min: age(notes, "minimum_age"),
            max: age(notes, "maximum_age"),
        };
        if ages.min > ages.max && ages.max.is_some() {
            notes.fault(table, row, "maximum_age", &AGES);
        }
        let number = offer.services.len() + 1;
        offer.services.push(OfferedService {
            id: row.text("id").unwrap_or_else(|| format!("{number}")),
            name,
            organisation: row.text("organisation"),
            description: None,
            service: service(table, row, notes),
            targets: targets(table, row, notes),
            served: row.text("served"),
            ages,
            sites: [site].into(),
            capacity: notes.number(table, row, "capacity", 1_000_000),
            cost: row.text("cost"),
            opening: opening(row).into_iter().collect(),
            access: row.text("access"),
        });
    }
    Ok(offer)
}

fn service(table: &Table, row: &Row, notes: &mut Notes) -> Option<String> {
    let id = row.text("service")?;
    let services = Taxonomy::current().services();
    let known = services
        .iter()
        .find(|service| service.id == id || service.siuss.contains(&id));
    if known.is_none() {
        let ids: Vec<&str> = services.iter().map(|service| service.id.as_str()).collect();
        let problem = NO_SERVICE.with([&*id, &ids.join(", ")]);
        notes.fault(table, row, "service", problem);
    }
    known.map(|service| service.id.clone())
}

fn targets(table: &Table, row: &Row, notes: &mut Notes) -> std::collections::BTreeSet<String> {
    let ids = row
        .cell("targets")
        .unwrap_or_default()
        .split('|')
        .map(str::trim);
    let mut known = std::collections::BTreeSet::new();
    for id in ids.filter(|id| !id.is_empty()) {
        if Taxonomy::current().target(id).is_some() {
            known.insert(id.to_owned());
        } else {
            let problem = NO_TARGET.with([id, Taxonomy::current().version()]);
            notes.fault(table, row, "targets", problem);
        }
    }
    known
}

fn opening(row: &Row) -> Option<Opening> {
    let days = row
        .cell("days")
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned);
    let opening = Opening {
        days: days.collect(),
        from: row.text("opens_at"),
        to: row.text("closes_at"),
        description: None,
    };
    (opening != Opening::default()).then_some(opening)
}
