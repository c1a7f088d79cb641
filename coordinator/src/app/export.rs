//! Releases as tables for people's own tools: one row per cell, with everything needed to read it rightly.
//! No cell can be taken for a formula by a spreadsheet.

use super::release::{Axis, Release};
use super::statistics::Statistics;
use crate::areas::Areas;
use std::fmt::Write as _;

/// The release as CSV (RFC 4180, UTF-8, with a header row).
pub fn csv(release: &Release, areas: &Areas) -> String {
    let mut table = String::new();
    let mut header = key_names(&release.dimensions);
    header.extend(
        [
            "value",
            "display",
            "margin_95",
            "margin_9999",
            "variance",
            "too_uncertain",
            "estimand",
            "epsilon",
            "delta",
            "rho_nano",
            "mechanism",
            "query_hash",
            "study",
            "released_at",
            "derived_from",
            "coverage",
        ]
        .map(str::to_owned),
    );
    row(&mut table, &header);

    let level = &release.summary.level;
    let common = [
        text(&release.estimand),
        release.privacy.epsilon.to_string(),
        release.privacy.delta.to_string(),
        release.privacy.rho.to_string(),
        text(&release.privacy.mechanism),
        text(&release.summary.query_hash),
        text(&release.summary.study),
        text(&release.summary.released_at),
        text(release.summary.derived_from.as_deref().unwrap_or_default()),
        text(&coverage(release)),
    ];
    for (cell, value) in release.values.iter().enumerate() {
        let mut fields = keys(&release.dimensions, level, cell, areas);
        fields.extend([
            value.to_string(),
            shown(release, cell),
            release.margin_95[cell].to_string(),
            release.margin_9999[cell].to_string(),
            release.variance[cell].to_string(),
            release.too_uncertain[cell].to_string(),
        ]);
        fields.extend(common.iter().cloned());
        row(&mut table, &fields);
    }
    table
}

/// A cell as it is shown: below the display minimum as "<" and that minimum.
fn shown(release: &Release, cell: usize) -> String {
    let display = release.display[cell];
    match release.display_minimum {
        Some(minimum) if display < u64::from(minimum) => format!("<{minimum}"),
        _ => display.to_string(),
    }
}

/// A statistic as CSV, in the same form: one row per cell and number wanted. An empty `low` and `high`: too uncertain to
/// say; an empty `high` alone: at least `low`.
pub fn statistics_csv(statistics: &Statistics, areas: &Areas) -> String {
    let mut table = String::new();
    let mut header = key_names(&statistics.dimensions);
    let columns = [
        "statistic",
        "percent",
        "estimate",
        "estimate_to",
        "low",
        "high",
        "confidence",
        "release",
        "of",
        "source",
        "date",
    ];
    header.extend(columns.map(str::to_owned));
    row(&mut table, &header);
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let whole = statistics.whole.as_ref();
    let of = whole.map_or(statistics.of.as_deref(), |whole| Some(whole.what.as_str()));
    for series in &statistics.series {
        for (index, cell) in series.cells.iter().enumerate() {
            let mut fields = keys(&statistics.dimensions, &statistics.level, index, areas);
            fields.extend([
                text(&series.statistic),
                series
                    .percent
                    .map_or(String::new(), |percent| percent.to_string()),
                number(cell.estimate),
                number(cell.estimate_to),
                number(cell.low),
                number(cell.high),
                statistics.confidence.to_string(),
                text(&statistics.release),
                text(of.unwrap_or_default()),
                text(whole.map_or("", |whole| &whole.source)),
                text(whole.map_or("", |whole| &whole.date)),
            ]);
            row(&mut table, &fields);
        }
    }
    table
}

/// The columns that say which cell it is.
fn key_names(dimensions: &[Axis]) -> Vec<String> {
    let others = dimensions.iter().skip(1).map(|axis| axis.name.clone());
    (["area", "area_name"].map(str::to_owned).into_iter())
        .chain(others)
        .collect()
}

/// The keys of a cell, the area's with its name.
fn keys(dimensions: &[Axis], level: &str, cell: usize, areas: &Areas) -> Vec<String> {
    let lengths: Vec<usize> = dimensions.iter().map(|axis| axis.keys.len()).collect();
    let mut fields = Vec::new();
    for (axis, dimension) in dimensions.iter().enumerate() {
        let key = &dimension.keys[key_index(&lengths, axis, cell)];
        fields.push(text(key));
        if axis == 0 {
            fields.push(text(&areas.name(level, key)));
        }
    }
    fields
}

/// Which key of an axis a cell has, row-major.
fn key_index(lengths: &[usize], axis: usize, cell: usize) -> usize {
    let inner: usize = lengths[axis + 1..].iter().product();
    cell / inner % lengths[axis]
}

fn coverage(release: &Release) -> String {
    let coverage = &release.coverage;
    let names = |names: Vec<&str>| names.join(" ");
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "answered: {}; refused: {}; offline: {}; expired: {}",
        names(
            coverage
                .answered
                .iter()
                .map(|node| node.node.as_str())
                .collect()
        ),
        names(
            coverage
                .refused
                .iter()
                .map(|node| node.node.as_str())
                .collect()
        ),
        names(
            coverage
                .offline
                .iter()
                .map(|node| node.node.as_str())
                .collect()
        ),
        names(
            coverage
                .expired
                .iter()
                .map(|node| node.node.as_str())
                .collect()
        ),
    );
    text
}

/// Text that no spreadsheet takes for a formula: an apostrophe before whatever could begin one.
fn text(value: &str) -> String {
    match value.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{value}"),
        _ => value.to_owned(),
    }
}

fn row(table: &mut String, fields: &[String]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            table.push(',');
        }
        if field.contains([',', '"', '\n', '\r', ';']) {
            table.push('"');
            table.push_str(&field.replace('"', "\"\""));
            table.push('"');
        } else {
            table.push_str(field);
        }
    }
    table.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_be_a_formula_is_defused_and_numbers_are_not() {
        for dangerous in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert!(text(dangerous).starts_with('\''), "{dangerous}");
        }
        assert_eq!(text("2025-Q1"), "2025-Q1");
    }

    #[test]
    fn cells_find_their_keys_row_major() {
        let lengths = [3, 2, 4];
        let keys = |cell| [0, 1, 2].map(|axis| key_index(&lengths, axis, cell));
        assert_eq!(keys(0), [0, 0, 0]);
        assert_eq!(keys(7), [0, 1, 3]);
        assert_eq!(keys(23), [2, 1, 3]);
    }

    #[test]
    fn fields_with_separators_are_quoted() {
        let mut table = String::new();
        row(
            &mut table,
            &["a,b".to_owned(), "say \"x\"".to_owned(), "1".to_owned()],
        );
        assert_eq!(table, "\"a,b\",\"say \"\"x\"\"\",1\r\n");
    }
}
