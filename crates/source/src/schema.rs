//! The JSON Schema of a mapping, made of the same lists that the mapping's reader is made of, so that the two cannot part.

use crate::meanings::identifiers;
use serde_json::{Map, Value, json};
use snapshot::Field;

/// The schema of `mapping.toml`, draft 2020-12.
pub fn mapping_schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let columns: Map<String, Value> = Field::ALL
        .iter()
        .map(|field| (field.name().to_owned(), text.clone()))
        .collect();
    let constant = |field: &&Field| !matches!(field, Field::CodiceFiscale | Field::Household);
    let constants: Map<String, Value> = Field::ALL
        .iter()
        .filter(constant)
        .map(|field| (field.name().to_owned(), text.clone()))
        .collect();
    let values = Field::ALL
        .iter()
        .filter(|field| !identifiers(**field).is_empty());
    let values: Map<String, Value> = values
        .map(|field| {
            let words = json!({ "type": "object", "additionalProperties": { "enum": identifiers(*field) } });
            (field.name().to_owned(), words)
        })
        .collect();
    let home = [
        "nil",
        "municipio",
        "section",
        "latitude",
        "longitude",
        "street",
        "civic",
    ];
    let home: Map<String, Value> = home
        .map(|key| (key.to_owned(), text.clone()))
        .into_iter()
        .collect();
    let encoding = json!({ "enum": ["utf-8", "iso-8859-1", "windows-1252", "utf-16"] });
    let header_line = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    let delimiter = json!({ "type": "string", "minLength": 1, "maxLength": 1 });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "How a register becomes the common model",
        "type": "object",
        "required": ["version", "finest_level", "columns"],
        "additionalProperties": false,
        "properties": {
            "version": { "const": 1 },
            "delimiter": delimiter,
            "encoding": encoding,
            "header_line": header_line,
            "decimal_mark": { "enum": [",", "."] },
            "thousands_mark": { "enum": [".", ",", "'", "\u{2019}", " ", "\u{a0}", "\u{202f}"] },
            "date_format": { "enum": ["dd/mm/yyyy", "dd-mm-yyyy", "dd.mm.yyyy", "dd/mm/yy", "yyyy-mm-dd", "yyyy/mm/dd"] },
            "finest_level": { "enum": ["micro-area", "nil", "municipio", "city"] },
            "derive_from_codice_fiscale": { "type": "boolean" },
            "person_key": { "type": "array", "items": text },
            "columns": { "type": "object", "additionalProperties": false, "properties": columns },
            "constants": { "type": "object", "additionalProperties": false, "properties": constants },
            "home": { "type": "object", "additionalProperties": false, "properties": home },
            "join": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "key", "their_key"],
                    "additionalProperties": false,
                    "properties": { "name": text, "key": text, "their_key": text, "delimiter": delimiter, "encoding": encoding, "header_line": header_line },
                },
            },
            "values": { "type": "object", "additionalProperties": false, "properties": values },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{HMIS, SINA, SINBA};
    use snapshot::Mapping;

    /// What a value breaks of the parts of JSON Schema used here.
    fn faults(schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        let fault = |what: &str| format!("{at}: {what}");
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            found.push(fault("enum"));
        }
        if !schema["const"].is_null() && schema["const"] != *value {
            found.push(fault("const"));
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            found.push(fault("type"));
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => found.push(format!("{at}: unknown")),
                (Value::Null, other) => found.extend(faults(other, inner, &at)),
                (known, _) => found.extend(faults(known, inner, &at)),
            }
        }
        for inner in value.as_array().into_iter().flatten() {
            found.extend(faults(&schema["items"], inner, at));
        }
        found
    }

    fn check(text: &str) -> Vec<String> {
        let value: toml::Table = toml::from_str(text).expect("TOML");
        faults(
            &mapping_schema(),
            &serde_json::to_value(value).expect("JSON"),
            "",
        )
    }

    #[test]
    fn the_schema_takes_every_ready_mapping_and_refuses_what_the_reader_refuses() {
        for text in [SINA, SINBA, HMIS, Mapping::municipal_register()] {
            assert_eq!(check(text), Vec::<String>::new());
        }
        let text = Mapping::municipal_register();
        for (from, to) in [
            ("nil = \"NIL\"", "nihil = \"NIL\""),
            ("\"dd/mm/yyyy\"", "\"mm/dd/yyyy\""),
            ("version = 1", "version = 2"),
            ("IT = \"italian\"", "IT = \"Italian\""),
            ("decimal_mark = \",\"", "decimal_mark = \"'\""),
            ("\"micro-area\"\n", "\"street\"\n"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(Mapping::parse(&changed).is_err(), "{to}");
            assert!(!check(&changed).is_empty(), "{to}");
        }
    }
}
