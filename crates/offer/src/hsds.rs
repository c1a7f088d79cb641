//! Open Referral HSDS 3.0 as tables of a datapackage; names of versions 1.x are taken too.
//! Tables that say nothing of sites and services are left aside.

use crate::error::OfferError;
use crate::model::{Ages, Offer, OfferedService, Opening, Site};
use crate::place;
use crate::qubi::named;
use crate::sentences::{
    ADDRESS_NOWHERE, NO_LOCATION, SERVICE_NOWHERE, TWO_LOCATIONS, TWO_SERVICES,
};
use crate::table::{Notes, Row, Table};
use std::collections::BTreeMap;
use taxonomy::Taxonomy;

/// Tables read, under the names of version 3.0, then those of 1.x.
const TABLES: [(&str, &[&str]); 9] = [
    ("organizations", &["organization"]),
    ("services", &["service"]),
    ("locations", &["location"]),
    (
        "service_at_location",
        &["services_at_location", "service_at_locations"],
    ),
    (
        "addresses",
        &["address", "physical_address", "physical_addresses"],
    ),
    (
        "schedules",
        &["schedule", "regular_schedule", "regular_schedules"],
    ),
    ("cost_options", &["cost_option", "service_cost"]),
    (
        "attributes",
        &[
            "attribute",
            "service_attribute",
            "service_attributes",
            "service_taxonomy",
            "services_taxonomy",
        ],
    ),
    ("taxonomy_terms", &["taxonomy_term", "taxonomy"]),
];

/// Columns of 1.x that have another name in 3.0.
const COLUMNS: [(&str, &str); 7] = [
    ("address_1", "address1"),
    ("byday", "weekday"),
    ("service_at_location_id", "services_at_location_id"),
    ("link_id", "service_id"),
    ("taxonomy_term_id", "taxonomy_id"),
    ("eligibility_description", "eligibility"),
    ("fees_description", "fees"),
];

/// Tables by their names of version 3.0.
#[derive(Debug, Default)]
pub(crate) struct Tables(BTreeMap<&'static str, Table>);

/// The name of version 3.0 of a file or key.
pub(crate) fn table_name(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".csv").unwrap_or(name);
    let table = |(now, before): &&(&str, &[&str])| *now == name || before.contains(&name);
    TABLES.iter().find(table).map(|(now, _)| *now)
}

impl Tables {
    /// Takes in a table of the package; false where it is none that is read.
    pub(crate) fn insert(&mut self, name: &str, table: Table) -> bool {
        let Some(name) = table_name(name) else {
            return false;
        };
        self.0.insert(name, table);
        true
    }

    /// Adds one row to a table that grows object by object; a second object of one id is the same.
    pub(crate) fn push(
        &mut self,
        name: &'static str,
        file: &str,
        mut cells: BTreeMap<String, String>,
    ) {
        let table = self.0.entry(name).or_insert_with(|| Table {
            file: format!("{file}, {name}"),
            ..Table::default()
        });
        let same = |row: &Row| {
            cells.contains_key("id") && row.cell("id") == cells.get("id").map(String::as_str)
        };
        if let Some(known) = table.rows.iter_mut().find(|row| same(row)) {
            cells.append(&mut known.cells);
            known.cells = cells;
            return;
        }
        let number = table.rows.len() as u64 + 1;
        table.rows.push(Row { number, cells });
    }

    fn rows(&self, name: &str) -> impl Iterator<Item = (&Table, &Row)> {
        let table = self.0.get(name);
        table
            .into_iter()
            .flat_map(|table| table.rows.iter().map(move |row| (table, row)))
    }
}

/// A cell under its name of 3.0 or of 1.x.
fn cell<'r>(row: &'r Row, column: &str) -> Option<&'r str> {
    let before = COLUMNS.iter().find(|(now, _)| *now == column);
    row.cell(column)
        .or_else(|| before.and_then(|(_, before)| row.cell(before)))
}

fn text(row: &Row, column: &str) -> Option<String> {
    cell(row, column).map(str::to_owned)
}

pub(crate) fn read(tables: &Tables, notes: &mut Notes) -> Result<Offer, OfferError> {
    let organisations: BTreeMap<&str, String> = (tables.rows("organizations"))
        .filter_map(|(_, row)| Some((row.cell("id")?, text(row, "name")?)))
        .collect();
    let organisation = |row: &Row| {
        row.cell("organization_id")
            .and_then(|id| organisations.get(id).cloned())
    };
    let mut offer = Offer::default();
    for (table, row) in tables.rows("locations") {
        let Some(id) = notes.required(table, row, "id") else {
            continue;
        };
        if offer.site(&id).is_some() {
            notes.fault(table, row, "id", TWO_LOCATIONS.with([&id]));
        }
        let name = text(row, "name").or_else(|| text(row, "alternate_name"));
        offer.sites.push(Site {
            name: name.unwrap_or_else(|| id.clone()),
            id,
            organisation: organisation(row),
            address: None,
            position: place::position(table, row, ["latitude", "longitude"], notes),
            nil: None,
            municipio: None,
        });
    }
    for (table, row) in tables.rows("addresses") {
        let Some(id) = row.cell("location_id") else {
            continue;
        };
        let parts = ["address_1", "address_2", "postal_code", "city"];
        let parts: Vec<&str> = parts
            .iter()
            .filter_map(|column| cell(row, column))
            .collect();
        match offer.sites.iter_mut().find(|site| site.id == id) {
            Some(site) => site.address = Some(parts.join(", ")),
            None => notes.remark(table, row, "location_id", ADDRESS_NOWHERE.with([id])),
        }
    }
    for (table, row) in tables.rows("services") {
        let (id, name) = (
            notes.required(table, row, "id"),
            notes.required(table, row, "name"),
        );
        let (Some(id), Some(name)) = (id, name) else {
            continue;
        };
        if offer.services.iter().any(|service| service.id == id) {
            notes.fault(table, row, "id", TWO_SERVICES.with([&id]));
        }
        let age =
            |notes: &mut Notes, column| notes.number(table, row, column, 130).map(|age| age as u16);
        let ages = Ages {
            min: age(notes, "minimum_age"),
            max: age(notes, "maximum_age"),
        };
        let served = text(row, "eligibility_description");
        offer.services.push(OfferedService {
            id,
            name,
            organisation: organisation(row),
            description: text(row, "description"),
            service: None,
            targets: served.as_deref().map(named).unwrap_or_default(),
            served,
            ages,
            cost: text(row, "fees_description"),
            access: text(row, "application_process"),
            ..OfferedService::default()
        });
    }
    at_locations(tables, &mut offer, notes);
    schedules(tables, &mut offer);
    costs_and_terms(tables, &mut offer);
    Ok(offer)
}

/// Which services are given where.
fn at_locations(tables: &Tables, offer: &mut Offer, notes: &mut Notes) {
    for (table, row) in tables.rows("service_at_location") {
        let ids = ["service_id", "location_id"].map(|column| notes.required(table, row, column));
        let [Some(service), Some(location)] = ids else {
            continue;
        };
        let there = offer.site(&location).is_some();
        if !there {
            notes.fault(table, row, "location_id", NO_LOCATION.with([&location]));
        }
        match offer
            .services
            .iter_mut()
            .find(|offered| offered.id == service)
        {
            Some(offered) if there => {
                offered.sites.insert(location);
            }
            Some(_) => {}
            None => notes.fault(table, row, "service_id", SERVICE_NOWHERE.with([&service])),
        }
    }
}

/// When services are open: schedules of the service itself and of the service at a location.
fn schedules(tables: &Tables, offer: &mut Offer) {
    let at: BTreeMap<&str, &str> = (tables.rows("service_at_location"))
        .filter_map(|(_, row)| Some((row.cell("id")?, row.cell("service_id")?)))
        .collect();
    for (_, row) in tables.rows("schedules") {
        let through = || cell(row, "service_at_location_id").and_then(|id| at.get(id).copied());
        let Some(service) = row.cell("service_id").or_else(through) else {
            continue;
        };
        let opening = Opening {
            days: (cell(row, "byday").unwrap_or_default().split(','))
                .map(|day| day.trim().to_owned())
                .filter(|day| !day.is_empty())
                .collect(),
            from: text(row, "opens_at"),
            to: text(row, "closes_at"),
            description: text(row, "description"),
        };
        let offered = offer
            .services
            .iter_mut()
            .find(|offered| offered.id == service);
        if let Some(offered) = offered.filter(|offered| !offered.opening.contains(&opening)) {
            offered.opening.push(opening);
        }
    }
}

/// What services cost, and which service of the taxonomy they are, by codes that it knows.
fn costs_and_terms(tables: &Tables, offer: &mut Offer) {
    for (_, row) in tables.rows("cost_options") {
        let parts = ["option", "amount", "currency", "amount_description"];
        let parts: Vec<&str> = parts.iter().filter_map(|column| row.cell(column)).collect();
        let service = row.cell("service_id");
        let offered = offer
            .services
            .iter_mut()
            .find(|offered| Some(offered.id.as_str()) == service);
        if let Some(offered) = offered.filter(|_| !parts.is_empty()) {
            let said = offered.cost.take().into_iter().chain([parts.join(" ")]);
            offered.cost = Some(said.collect::<Vec<_>>().join("; "));
        }
    }
    let codes: BTreeMap<&str, &str> = (tables.rows("taxonomy_terms"))
        .filter_map(|(_, row)| Some((row.cell("id")?, row.cell("code").or(row.cell("id"))?)))
        .collect();
    for (_, row) in tables.rows("attributes") {
        let code = cell(row, "taxonomy_term_id").and_then(|id| codes.get(id).copied());
        let service = cell(row, "link_id");
        let offered = offer
            .services
            .iter_mut()
            .find(|offered| Some(offered.id.as_str()) == service);
        let (Some(code), Some(offered)) = (code, offered) else {
            continue;
        };
        let known = Taxonomy::current().services().iter();
        let known = known.filter(|service| {
            service.id == code || service.siuss.iter().any(|known| known == code)
        });
        offered.service = known
            .map(|service| service.id.clone())
            .next()
            .or(offered.service.take());
        if Taxonomy::current().target(code).is_some() {
            offered.targets.insert(code.to_owned());
        }
    }
}
