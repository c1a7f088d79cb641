//! HSDS in JSON: objects of any of its API's answers, lists of them, and the tabular form, brought into tables.
//! An object inside another is linked to it as a row of a table would be.

use crate::error::OfferError;
use crate::hsds::{Tables, table_name};
use crate::sentences::{NO_OBJECT, NOT_JSON};
use sentence::Said;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Deepest nesting; the specification's own is nine.
const MOST_DEPTH: usize = 24;

/// Brings a document into tables.
pub(crate) fn read(file: &str, text: &str) -> Result<Tables, OfferError> {
    let format = |problem: Said| OfferError::Format {
        file: file.to_owned(),
        problem,
    };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line().to_string(), error.column().to_string());
        format(NOT_JSON.with([&line, &column, &error.to_string()]))
    })?;
    let mut reading = Reading {
        file,
        tables: Tables::default(),
    };
    match &value {
        Value::Object(object) if object.keys().any(|key| key.ends_with(".csv")) => {
            for (name, rows) in object {
                let (Some(table), Value::Array(rows)) = (table_name(name), rows) else {
                    continue;
                };
                for row in rows.iter().filter_map(Value::as_object) {
                    reading.tables.push(table, file, cells(row));
                }
            }
        }
        Value::Object(object) => {
            let listed = object.get("contents").or_else(|| object.get("items"));
            let one = std::slice::from_ref(&value);
            let objects = listed.and_then(Value::as_array).map_or(one, Vec::as_slice);
            objects.iter().for_each(|object| reading.root(object));
        }
        Value::Array(objects) => objects.iter().for_each(|object| reading.root(object)),
        _ => {
            return Err(format((&NO_OBJECT).into()));
        }
    }
    Ok(reading.tables)
}

/// The cells of an object: what is neither object nor list.
fn cells(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let cells = object.iter().filter_map(|(key, value)| {
        let text = match value {
            Value::String(text) if !text.trim().is_empty() => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => return None,
        };
        Some((key.to_lowercase(), text))
    });
    cells.collect()
}

struct Reading<'a> {
    file: &'a str,
    tables: Tables,
}

impl Reading<'_> {
    /// An object on its own, whose kind is told by its keys.
    fn root(&mut self, value: &Value) {
        let Some(object) = value.as_object() else {
            return;
        };
        let has = |keys: &[&str]| keys.iter().any(|key| object.contains_key(*key));
        let table = if has(&["location"]) && !has(&["name"]) || has(&["service"]) {
            "service_at_location"
        } else if has(&["location_type", "latitude", "addresses"]) {
            "locations"
        } else if has(&[
            "tax_status",
            "legal_status",
            "services",
            "year_incorporated",
        ]) {
            "organizations"
        } else if has(&[
            "status",
            "organization",
            "organization_id",
            "service_at_locations",
            "fees",
            "schedules",
        ]) {
            "services"
        } else {
            // A page's frame, a taxonomy: nothing that is offered.
            return;
        };
        self.object(table, object, &BTreeMap::new(), 0);
    }

    /// An object of a table, and the objects inside it; `links` are the cells by which it hangs on the one around it.
    fn object(
        &mut self,
        table: &'static str,
        object: &Map<String, Value>,
        links: &BTreeMap<String, String>,
        depth: usize,
    ) {
        if depth > MOST_DEPTH {
            return;
        }
        let mut own = cells(object);
        own.extend(links.clone());
        let id = own.get("id").cloned();
        let link = |key: &str| id.iter().map(|id| (key.to_owned(), id.clone())).collect();
        let down: BTreeMap<String, String> = match table {
            "organizations" => link("organization_id"),
            "services" => link("service_id"),
            "locations" => link("location_id"),
            "service_at_location" => link("service_at_location_id"),
            _ => BTreeMap::new(),
        };
        for (key, value) in object {
            let inner = match key.as_str() {
                "organization" | "organizations" => "organizations",
                "service" | "services" => "services",
                "location" | "locations" => "locations",
                "service_at_locations" | "services_at_location" => "service_at_location",
                "addresses" | "physical_addresses" => "addresses",
                "schedules" | "regular_schedules" => "schedules",
                "cost_options" => "cost_options",
                "attributes" => "attributes",
                "taxonomy_term" => "taxonomy_terms",
                _ => continue,
            };
            let one = std::slice::from_ref(value);
            let objects = value.as_array().map_or(one, Vec::as_slice);
            for inside in objects.iter().filter_map(Value::as_object) {
                let inside_id = inside.get("id").and_then(Value::as_str);
                // What an object names as its one organisation, service, place or term is a link of its own.
                let named = match inner {
                    "organizations" => Some("organization_id"),
                    "services" if table == "service_at_location" => Some("service_id"),
                    "locations" if table == "service_at_location" => Some("location_id"),
                    "taxonomy_terms" => Some("taxonomy_term_id"),
                    _ => None,
                };
                if let (Some(column), Some(inside_id)) = (named, inside_id) {
                    own.insert(column.to_owned(), inside_id.to_owned());
                }
                let links = match (inner, table) {
                    (_, _) if named.is_some() => BTreeMap::new(),
                    ("attributes", _) => id
                        .iter()
                        .map(|id| ("link_id".to_owned(), id.clone()))
                        .collect(),
                    _ => down.clone(),
                };
                self.object(inner, inside, &links, depth + 1);
            }
        }
        self.tables.push(table, self.file, own);
    }
}
