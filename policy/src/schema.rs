//! The JSON Schema of policy documents, for editors and for other programs that write them.
//! It says what a field may hold; rules that join several fields are in `check` alone.

use crate::document::{ANY, PolicyDocument};
use crate::vocabulary::{Category, LAWFUL_BASES, Role, SPECIAL_GROUNDS};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The schema of policy documents of version 2, JSON Schema 2020-12.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PolicyDocument).to_value()
}

pub(crate) fn keys(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}})
}

pub(crate) fn level(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": geography::Level::ALL.map(geography::Level::id)})
}

pub(crate) fn nano_rho(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": i64::MAX})
}

pub(crate) fn nano_rhos(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": nano_rho(generator)})
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Schema {
    let all: Vec<&str> = words.into_iter().chain([ANY]).collect();
    json_schema!({"type": "array", "minItems": 1, "items": {"enum": all}})
}

pub(crate) fn roles(_: &mut SchemaGenerator) -> Schema {
    words(Role::ALL.iter().map(|role| role.id()))
}

pub(crate) fn categories(_: &mut SchemaGenerator) -> Schema {
    words(Category::ALL.iter().map(|category| category.id()))
}

pub(crate) fn measures(_: &mut SchemaGenerator) -> Schema {
    words(query::Measure::IDS)
}

pub(crate) fn lawful_bases(_: &mut SchemaGenerator) -> Schema {
    words(LAWFUL_BASES)
}

pub(crate) fn special_grounds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"enum": SPECIAL_GROUNDS.as_slice()}})
}
