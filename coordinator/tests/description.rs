//! The description of the API is a valid document: names, descriptions and references that lead somewhere.

use coordinator::http::openapi;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the OpenAPI 3.1 schema demands of each operation, and what a reader of ours may count on.
#[test]
fn every_operation_has_a_name_of_its_own_and_every_answer_a_description() {
    let description = serde_json::to_value(openapi()).expect("JSON");
    let mut names = BTreeSet::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                let at = format!("{method} {path} {status}");
                assert!(answer["description"].is_string(), "{at}");
                if status.starts_with(['4', '5']) {
                    let content = &answer["content"]["application/problem+json"];
                    assert!(content["schema"]["$ref"].is_string(), "{at}");
                }
            }
        }
    }
    assert!(names.len() > 15);
    for reference in references(&description) {
        let found = description.pointer(reference.trim_start_matches('#'));
        assert!(found.is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => (fields.iter())
            .flat_map(|(key, inner)| match inner {
                Value::String(to) if key == "$ref" => vec![to.clone()],
                inner => references(inner),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
