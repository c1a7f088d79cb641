//! The published JSON Schema against the parser: whatever the parser accepts the schema accepts, and what the schema lets
//! pass is refused only for what a schema cannot say, such as limits that depend on other fields.

use query::{AggregateQuery, JSON_SCHEMA, RefusalCode as Code};
use serde_json::{Map, Value, json};

/// Legal queries that together use every field.
fn legal() -> Vec<Value> {
    let year = json!({ "from": "2025-01", "to": "2025-12" });
    let one = json!({ "cells": 1, "per_cell": 1 });
    vec![
        json!({ "version": 1, "measure": "persons", "by": { "area": "nil" }, "period": year, "bounds": one, "rho": 1 }),
        json!({
            "version": 1, "measure": "persons", "rho": 100_000_000,
            "by": { "area": "municipio", "target": ["minors", "low-income"], "sex": true, "age_band": false, "period": "quarter" },
            "period": year, "services": ["home-care"], "bounds": { "cells": 8, "per_cell": 1 },
            "filter": { "all": [
                { "any": [{ "sex": "F" }, { "not": { "target": "minors" } }] }, { "age": { "min": 0, "max": 30 } },
            ] },
        }),
        json!({
            "version": 1, "measure": "events", "by": { "area": "city", "service": true, "household": true, "period": "year" },
            "period": year, "bounds": { "cells": 2, "per_cell": 10 }, "rho": 5,
        }),
        json!({
            "version": 1, "measure": "persons", "by": { "area": "city", "citizenship": true }, "period": year,
            "filter": { "citizenship": "italian" }, "bounds": one, "rho": 5,
        }),
        json!({
            "version": 1, "measure": "sum", "quantity": "amount", "by": { "area": "micro-area", "period": "month" },
            "period": year, "bounds": { "cells": 12, "per_cell": 50_000 }, "rho": 5,
        }),
        json!({
            "version": 1, "measure": "bins", "quantity": "duration", "edges": [60, 600], "by": { "area": "city" },
            "period": year, "bounds": one, "rho": 5,
        }),
        json!({ "version": 1, "measure": "households", "by": { "area": "city" }, "period": year, "bounds": one, "rho": 5 }),
        json!({ "version": 1, "measure": "first-time", "by": { "area": "city" }, "period": year, "bounds": one, "rho": 5 }),
        json!({
            "version": 1, "measure": "persons", "by": { "area": { "nil": 50, "city": 20, "micro-area": 25 }, "period": "quarter" },
            "period": year, "cut_off": { "share": 5, "at_most": 9 }, "bounds": { "cells": 4, "per_cell": 1 }, "rho": 1_000,
        }),
        json!({
            "version": 1, "measure": "persons", "by": { "area": { "nil": 60, "municipio": 40 } },
            "period": year, "bounds": one, "rho": 1_000,
        }),
    ]
}

/// What is put in place of each value, in turn.
fn replacements() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(17),
        json!(201),
        json!(100_000_001),
        json!(1_000_000_000_000_001_i64),
        json!(0.5),
        json!(""),
        json!("x"),
        json!("UPPER"),
        json!("minors"),
        json!("2025-13"),
        json!("2025-02"),
        json!([]),
        json!(["minors"]),
        json!(["minors", "minors"]),
        json!([1, 2]),
        json!([2, 1]),
        json!({}),
        json!({ "x": 1 }),
        json!({ "sex": "F" }),
        json!({ "sex": "F", "target": "minors" }),
    ];
    let words = [
        "persons",
        "events",
        "households",
        "first-time",
        "sum",
        "bins",
        "amount",
        "duration",
        "city",
        "municipio",
        "nil",
        "micro-area",
        "month",
        "quarter",
        "year",
        "F",
        "M",
        "X",
        "italian",
        "eu",
        "non-eu",
        "home-care",
    ];
    values.extend(words.map(Value::from));
    values
}

/// `value` and everything one change away from it: a value replaced, a field left out, an unknown field added.
fn neighbours(value: &Value) -> Vec<Value> {
    let mut all = replacements();
    match value {
        Value::Object(fields) => {
            let with = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut fields = fields.clone();
                change(&mut fields);
                Value::Object(fields)
            };
            all.push(with(&|fields| {
                drop(fields.insert("surplus".to_owned(), json!(1)))
            }));
            for (key, inner) in fields {
                all.push(with(&|fields| drop(fields.remove(key))));
                for changed in neighbours(inner) {
                    all.push(with(&|fields| {
                        drop(fields.insert(key.clone(), changed.clone()))
                    }));
                }
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                for changed in neighbours(inner) {
                    let mut items = items.clone();
                    items[i] = changed;
                    all.push(Value::Array(items));
                }
            }
        }
        _ => {}
    }
    all
}

/// Whether a schema accepts a value. It knows the keywords this schema uses, and fails at any other.
fn accepts(root: &Value, schema: &Value, value: &Value) -> bool {
    let rules = schema.as_object().expect("a schema is an object");
    rules
        .iter()
        .all(|(keyword, rule)| accepts_by(root, rules, keyword, rule, value))
}

fn accepts_by(
    root: &Value,
    rules: &Map<String, Value>,
    keyword: &str,
    rule: &Value,
    value: &Value,
) -> bool {
    let (object, array) = (value.as_object(), value.as_array());
    let at_least = |length: usize| length as u64 >= rule.as_u64().expect("a number");
    let at_most = |length: usize| length as u64 <= rule.as_u64().expect("a number");
    match keyword {
        "$schema" | "title" | "description" | "$defs" => true,
        "$ref" => {
            let path = rule.as_str().and_then(|path| path.strip_prefix('#'));
            let named = path.and_then(|path| root.pointer(path));
            accepts(root, named.expect("a definition of this schema"), value)
        }
        "type" => match rule.as_str().expect("one type") {
            "object" => object.is_some(),
            "array" => array.is_some(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("unknown type {other}"),
        },
        "oneOf" => {
            let choices = rule.as_array().expect("a list").iter();
            choices
                .filter(|choice| accepts(root, choice, value))
                .count()
                == 1
        }
        "const" => value == rule,
        "enum" => rule.as_array().expect("a list").contains(value),
        "required" => {
            let names = rule
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Value::as_str);
            object.is_none_or(|fields| names.into_iter().all(|name| fields.contains_key(name)))
        }
        "properties" => object.is_none_or(|fields| {
            (fields.iter()).all(|(name, inner)| {
                rule.get(name)
                    .is_none_or(|schema| accepts(root, schema, inner))
            })
        }),
        "additionalProperties" => {
            assert_eq!(rule, &json!(false));
            let known = &rules["properties"];
            object.is_none_or(|fields| fields.keys().all(|name| known.get(name).is_some()))
        }
        "minProperties" => object.is_none_or(|fields| at_least(fields.len())),
        "maxProperties" => object.is_none_or(|fields| at_most(fields.len())),
        "items" => array.is_none_or(|items| items.iter().all(|item| accepts(root, rule, item))),
        "minItems" => array.is_none_or(|items| at_least(items.len())),
        "maxItems" => array.is_none_or(|items| at_most(items.len())),
        "uniqueItems" => array.is_none_or(|items| {
            (items.iter().enumerate()).all(|(i, item)| !items[..i].contains(item))
        }),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| number >= rule.as_f64().expect("a number")),
        "maximum" => value
            .as_f64()
            .is_none_or(|number| number <= rule.as_f64().expect("a number")),
        "pattern" => value
            .as_str()
            .is_none_or(|text| matches(rule.as_str().expect("a pattern"), text)),
        other => panic!("this test does not know the keyword `{other}`"),
    }
}

/// The two patterns the schema uses.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[a-z0-9-]{1,64}$" => {
            let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=64).contains(&text.len()) && text.bytes().all(is_part)
        }
        "^[0-9]{4}-(0[1-9]|1[0-2])$" => text.split_once('-').is_some_and(|(year, month)| {
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            let month = (month.len() == 2 && digits(month))
                .then(|| month.parse::<u8>().ok())
                .flatten();
            year.len() == 4 && digits(year) && month.is_some_and(|month| (1..=12).contains(&month))
        }),
        other => panic!("this test does not know the pattern {other}"),
    }
}

/// Whether a refusal is for something that a schema of this kind cannot say.
fn beyond_a_schema(path: &str, code: Code) -> bool {
    match code {
        // Vocabularies of targets and services stand in the taxonomy.
        Code::UnknownId => path.contains("target") || path.starts_with("$.services"),
        // Limits that depend on other fields.
        Code::OutOfRange => {
            ["$.bounds", "$.edges", "$.by.area", "$.cut_off", "$.rho"]
                .iter()
                .any(|start| path.starts_with(start))
                || path.contains(".age")
        }
        Code::MissingField => ["$.quantity", "$.edges"].contains(&path),
        Code::NotApplicable | Code::InvalidPeriod | Code::LevelTooFine | Code::TooManyCells => true,
        _ => false,
    }
}

#[test]
fn schema_and_parser_agree_on_everything_one_change_away_from_a_legal_query() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).expect("the schema is JSON");
    let (mut accepted, mut refused, mut beyond) = (0, 0, 0);
    for query in legal() {
        let parsed = AggregateQuery::parse(query.to_string().as_bytes());
        assert!(parsed.is_ok(), "{query}: {:?}", parsed.err());
        for value in neighbours(&query).into_iter().chain([query]) {
            let schema_accepts = accepts(&schema, &schema, &value);
            match AggregateQuery::parse(value.to_string().as_bytes()) {
                Ok(_) => {
                    assert!(schema_accepts, "the schema alone refuses {value}");
                    accepted += 1;
                }
                Err(refusal) if schema_accepts => {
                    assert!(
                        beyond_a_schema(&refusal.path, refusal.code),
                        "the parser alone refuses {value}: {refusal}"
                    );
                    beyond += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!(
        "{accepted} accepted by both, {refused} refused by both, {beyond} refused for what a schema cannot say"
    );
    assert!(
        accepted > 100 && refused > 2_000 && beyond > 50,
        "{accepted} {refused} {beyond}"
    );
}
