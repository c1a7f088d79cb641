//! The quality report of the last edition in plain words, for the organisation's own eyes.
//! It prints exact counts, and never leaves this screen.

use serde_json::Value;
use std::path::Path;

/// The report, as `status` prints it; `rejects` is the file that lists the rows left out.
pub(crate) fn in_words(quality: &Value, rejects: &Path) -> String {
    let count = |key: &str| quality[key].as_u64().unwrap_or(0);
    let mut lines = vec![
        "register       exact, never sent:".to_owned(),
        format!(
            "               {} rows: {} used, {} of them repeating another",
            count("rows"),
            count("loaded"),
            count("duplicates")
        ),
        format!(
            "               {} people in {} households; {} without a known home",
            count("persons"),
            count("households"),
            count("homes_unknown")
        ),
        format!(
            "               left out of every answer: {} rows without a codice fiscale or key, {} with one that is not valid, {} unreadable",
            count("unlinked_missing"),
            count("unlinked_invalid"),
            count("rejected")
        ),
    ];
    if count("fields_ignored") > 0 {
        lines.push(format!(
            "               {} unreadable fields counted as blank",
            count("fields_ignored")
        ));
    }
    for (key, words) in [
        (
            "births_differ",
            "people whose recorded date of birth is not that of their codice fiscale",
        ),
        (
            "sexes_differ",
            "people whose recorded sex is not that of their codice fiscale",
        ),
        (
            "objections",
            "people left out because they objected or must be forgotten",
        ),
    ] {
        if count(key) > 0 {
            lines.push(format!("               {} {words}", count(key)));
        }
    }
    if count("beyond_household") > 0 {
        lines.push(format!(
            "               {} people beyond the most members a household may have, left out of what reads the household",
            count("beyond_household")
        ));
    }
    for (column, kinds) in quality["by_column"].as_object().into_iter().flatten() {
        for (kind, rows) in kinds.as_object().into_iter().flatten() {
            let column = match column.as_str() {
                "" => "whole line",
                column => column,
            };
            lines.push(format!(
                "               {column}: {rows} x {}",
                kind.replace('-', " ")
            ));
        }
    }
    if count("rejected") + count("fields_ignored") > 0 {
        lines.push(format!(
            "               row by row in {}",
            rejects.display()
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_told_in_words_and_nothing_is_told_of_what_did_not_happen() {
        let quality = json!({
            "rows": 100, "loaded": 90, "duplicates": 3, "persons": 40, "households": 20, "homes_unknown": 2,
            "unlinked_missing": 5, "unlinked_invalid": 4, "rejected": 1, "fields_ignored": 0, "beyond_household": 0,
            "by_column": { "DATA": { "unknown-value": 1 } },
        });
        let text = in_words(&quality, Path::new("rejects.csv"));
        for part in [
            "100 rows: 90 used, 3",
            "40 people in 20 households; 2",
            "5 rows without",
            "DATA: 1 x unknown value",
            "rejects.csv",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(
            !text.contains("blank") && !text.contains("beyond"),
            "{text}"
        );
    }
}
