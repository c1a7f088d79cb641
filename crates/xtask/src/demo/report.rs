//! Prints releases as tables for people: the largest cells, each with its margin, and who answered.

use crate::http::Client;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many cells of a release are printed.
const CELLS: usize = 8;

/// Names of areas, by id.
pub(super) type Names = BTreeMap<String, String>;

/// The names of the city's areas.
///
/// # Errors
/// When the coordinator does not give them.
pub(super) fn names(client: &Client) -> Result<Names> {
    let geography = client.read("/api/v1/geography")?;
    Ok((geography["areas"].as_array().into_iter().flatten())
        .filter_map(|area| {
            Some((
                area["nil"].as_str()?.to_owned(),
                area["name"].as_str()?.to_owned(),
            ))
        })
        .collect())
}

/// Whether every one of `nodes` answered; if not, says who did not and why.
///
/// # Errors
/// Then.
pub(super) fn is_complete(release: &Value, nodes: usize) -> Result<()> {
    let coverage = &release["coverage"];
    let answered = list(&coverage["answered"]).len();
    let missing: Vec<String> = ["refused", "offline", "expired"]
        .iter()
        .filter(|state| !list(&coverage[**state]).is_empty())
        .map(|state| {
            format!(
                "{state}: {}",
                Value::Array(list(&coverage[*state]).to_vec())
            )
        })
        .collect();
    ensure!(
        answered == nodes,
        "{answered} of {nodes} nodes answered; {}",
        missing.join("; ")
    );
    Ok(())
}

/// The table of one release.
///
/// # Errors
/// When the release lacks a field.
pub(super) fn table(title: &str, release: &Value, nodes: usize, names: &Names) -> Result<String> {
    let values: Vec<i64> = list(&release["values"])
        .iter()
        .filter_map(Value::as_i64)
        .collect();
    let margins = list(&release["margin_95"]);
    let dimensions = dimensions(release);
    let cells: usize = dimensions.iter().map(|(_, keys)| keys.len()).product();
    ensure!(
        values.len() == cells && margins.len() == cells,
        "the release has {} values and {} margins for {cells} cells",
        values.len(),
        margins.len()
    );
    let epsilon = release["privacy"]["epsilon"]
        .as_f64()
        .context("privacy.epsilon")?;
    let level = release["level"].as_str().context("level")?;
    let answered = list(&release["coverage"]["answered"]).len();
    let mut order: Vec<usize> = (0..cells).collect();
    order.sort_by_key(|cell| std::cmp::Reverse(values[*cell]));
    let mut lines = vec![format!(
        "{title}\n  {answered}/{nodes} nodes, epsilon {epsilon:.2} at delta 1e-6 for each, {cells} cells, the largest:"
    )];
    order.truncate(CELLS);
    let labels: Vec<String> = (order.iter())
        .map(|cell| label(*cell, &dimensions, level, names))
        .collect();
    let width = labels.iter().map(|label| label.chars().count()).max();
    let width = width.unwrap_or(0);
    for (cell, label) in order.into_iter().zip(labels) {
        let margin = margins[cell].as_f64().context("margin_95")?;
        lines.push(format!(
            "  {label:<width$}{:>9} ± {margin:.0}",
            values[cell]
        ));
    }
    Ok(lines.join("\n"))
}

/// Name and keys of each dimension.
fn dimensions(release: &Value) -> Vec<(&str, Vec<&str>)> {
    (list(&release["dimensions"]).iter())
        .map(|dimension| {
            let keys = list(&dimension["keys"])
                .iter()
                .filter_map(Value::as_str)
                .collect();
            (dimension["name"].as_str().unwrap_or(""), keys)
        })
        .collect()
}

/// What a cell counts. Cells are in row-major order, the last dimension fastest.
fn label(mut cell: usize, dimensions: &[(&str, Vec<&str>)], level: &str, names: &Names) -> String {
    let mut parts = Vec::new();
    for (name, keys) in dimensions.iter().rev() {
        let key = keys[cell % keys.len()];
        cell /= keys.len();
        if keys.len() == 1 && *name != "area" {
            // The title says it.
            continue;
        }
        parts.push(if *name == "area" {
            area(key, level, names)
        } else {
            key.to_owned()
        });
    }
    parts.reverse();
    parts.join(" · ")
}

/// An area for people: a neighbourhood by its name, a micro-area by the name and its municipio.
fn area(key: &str, level: &str, names: &Names) -> String {
    match level {
        "city" => return "whole city".to_owned(),
        "municipio" if key != "unknown" => return format!("municipio {key}"),
        _ => {}
    }
    let (nil, municipio) = key
        .split_once('.')
        .map_or((key, None), |(nil, rest)| (nil, Some(rest)));
    match (names.get(nil), municipio) {
        (Some(name), None) => name.clone(),
        (Some(name), Some("0")) => format!("{name}, municipio unknown"),
        (Some(name), Some(municipio)) => format!("{name}, municipio {municipio}"),
        (None, _) => key.to_owned(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release() -> Value {
        json!({
            "level": "nil",
            "dimensions": [{ "name": "area", "keys": ["1", "15", "unknown"] }, { "name": "period", "keys": ["2025-Q1", "2025-Q2"] }],
            "values": [3, 12, -4, 90, 0, 1],
            "margin_95": [21.4, 21.4, 21.4, 21.4, 21.4, 21.4],
            "coverage": { "answered": [{ "node": "a" }, { "node": "b" }], "refused": [], "offline": [{ "node": "c" }], "expired": [] },
            "privacy": { "epsilon": 1.467 },
        })
    }

    fn names() -> Names {
        BTreeMap::from([
            ("1".to_owned(), "Duomo".to_owned()),
            ("15".to_owned(), "Umbria - Molise".to_owned()),
        ])
    }

    #[test]
    fn the_largest_cells_come_first_with_names_and_margins() {
        let table = table("Presences", &release(), 3, &names()).expect("table");
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "Presences");
        assert!(
            lines[1].contains("2/3 nodes") && lines[1].contains("1.47"),
            "{table}"
        );
        assert!(
            lines[2].contains("Umbria - Molise · 2025-Q2") && lines[2].ends_with("90 ± 21"),
            "{table}"
        );
        assert!(lines[3].contains("Duomo · 2025-Q2"), "{table}");
        assert!(lines[7].contains("-4"), "{table}");
    }

    #[test]
    fn areas_of_each_level_have_names() {
        let check =
            |key: &str, level: &str, name: &str| assert_eq!(area(key, level, &names()), name);
        check("15.3", "micro-area", "Umbria - Molise, municipio 3");
        check("15.0", "micro-area", "Umbria - Molise, municipio unknown");
        check("unknown", "nil", "unknown");
        check("1", "nil", "Duomo");
        check("1", "municipio", "municipio 1");
        check("unknown", "municipio", "unknown");
        check("milano", "city", "whole city");
    }

    #[test]
    fn a_release_that_lacks_a_node_says_which() {
        assert!(is_complete(&release(), 2).is_ok());
        let error = is_complete(&release(), 3)
            .expect_err("one is offline")
            .to_string();
        assert!(
            error.contains("2 of 3") && error.contains("offline") && error.contains("\"c\""),
            "{error}"
        );
    }

    #[test]
    fn a_release_with_too_few_values_is_refused() {
        let mut short = release();
        short["values"] = json!([1]);
        assert!(table("t", &short, 3, &names()).is_err());
    }
}
