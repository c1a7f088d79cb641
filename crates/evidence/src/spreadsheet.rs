//! `entries.csv`, for people with a spreadsheet: a function of the entries, so that a verifier makes it again and compares.
//! No cell can be taken for a formula, whatever separator a spreadsheet assumes.

use crate::entries::Read;
use audit::{Fact, Header};
use std::fmt::Write as _;

const COLUMNS: [&str; 10] = [
    "index", "time", "kind", "code", "node", "study", "query", "request", "rho", "facts",
];
/// Facts that have a column of their own.
const OWN: [&str; 6] = ["code", "node", "study", "query", "request", "rho"];

/// The whole table; lines end in CR LF (RFC 4180), every cell is quoted.
pub(crate) fn table(entries: &[Read]) -> String {
    let mut text = String::new();
    line(&mut text, &COLUMNS.map(str::to_owned));
    for (index, entry) in entries.iter().enumerate() {
        match &entry.header {
            Some(header) => line(&mut text, &cells(header)),
            None => {
                let mut cells = [const { String::new() }; COLUMNS.len()];
                cells[0] = index.to_string();
                cells[2] = "withheld".to_owned();
                line(&mut text, &cells);
            }
        }
    }
    text
}

fn cells(header: &Header) -> [String; COLUMNS.len()] {
    let own = |name: &str| match header.facts.get(name) {
        Some(Fact::Text(text)) => text.clone(),
        Some(Fact::Number(number)) => number.to_string(),
        None => String::new(),
    };
    let time = jiff::Timestamp::from_second(header.at).map(|time| time.to_string());
    let others: Vec<String> = (header.facts.iter())
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .map(|(name, fact)| match fact {
            Fact::Text(text) => format!("{name}: {text}"),
            Fact::Number(number) => format!("{name}: {number}"),
        })
        .collect();
    [
        header.index.to_string(),
        time.unwrap_or_else(|_| header.at.to_string()),
        header.kind.as_str().to_owned(),
        own("code"),
        own("node"),
        own("study"),
        own("query"),
        own("request"),
        own("rho"),
        others.join(" | "),
    ]
}

fn line(text: &mut String, cells: &[String; COLUMNS.len()]) {
    for (place, cell) in cells.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Unwrap safety: writing to a string cannot fail.
        write!(text, "{comma}\"{}\"", harmless(cell)).unwrap();
    }
    text.push_str("\r\n");
}

/// Control characters become spaces, quotes are doubled, and `'` stands before any `= + - @` that begins a cell or would
/// begin one if the table were split at commas, semicolons, quotes or bars.
fn harmless(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut at_start = true;
    for c in cell.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if at_start && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            text.push('\'');
        }
        if c == '"' {
            text.push('"');
        }
        text.push(c);
        at_start = matches!(c, ',' | ';' | '"' | '|') || (at_start && c.is_whitespace());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula_under_any_separator() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("  @SUM(A1)", "  '@SUM(A1)"),
            ("\t=1", " '=1"),
            ("\r-1", " '-1"),
            ("a;=1", "a;'=1"),
            ("a, +1", "a, '+1"),
            ("say \"=1\"", "say \"\"'=1\"\""),
            ("a-b", "a-b"),
            ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(harmless(cell), expected, "{cell:?}");
        }
    }
}
