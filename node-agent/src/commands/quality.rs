//! The quality report of the last edition in plain words, for the organisation's own eyes.
//! It prints exact counts, and never leaves this screen.

use crate::words::Language;
use serde_json::Value;
use std::path::Path;

/// Counts that are told only where they are not zero, each with its sentence.
const TOLD_IF_ANY: [(&str, &str); 5] = [
    ("fields_ignored", "terminal-quality-blank"),
    ("births_differ", "terminal-quality-births"),
    ("sexes_differ", "terminal-quality-sexes"),
    ("objections", "terminal-quality-objections"),
    ("beyond_household", "terminal-quality-beyond"),
];

/// The report, as `status` prints it; `rejects` is the file that lists the rows left out.
pub(crate) fn in_words(quality: &Value, rejects: &Path, language: Language) -> String {
    let count = |key: &str| quality[key].as_u64().unwrap_or(0);
    let told = |sentence: &str, counts: &[(&str, &str)]| {
        let counts = counts
            .iter()
            .map(|(place, key)| (*place, count(key).to_string()));
        let counts = Vec::from_iter(counts);
        let places = counts.iter().map(|(place, count)| (*place, count.as_str()));
        language.fill(sentence, &Vec::from_iter(places))
    };
    let mut lines = vec![
        language.say("terminal-quality").to_owned(),
        told(
            "terminal-quality-rows",
            &[
                ("rows", "rows"),
                ("used", "loaded"),
                ("duplicates", "duplicates"),
            ],
        ),
        told(
            "terminal-quality-people",
            &[
                ("persons", "persons"),
                ("households", "households"),
                ("homes", "homes_unknown"),
            ],
        ),
        told(
            "terminal-quality-unlinked",
            &[
                ("missing", "unlinked_missing"),
                ("invalid", "unlinked_invalid"),
                ("rejected", "rejected"),
            ],
        ),
    ];
    for (key, sentence) in TOLD_IF_ANY {
        if count(key) > 0 {
            lines.push(told(sentence, &[("count", key)]));
        }
    }
    for (column, kinds) in quality["by_column"].as_object().into_iter().flatten() {
        for (kind, rows) in kinds.as_object().into_iter().flatten() {
            let column = match column.as_str() {
                "" => language.say("terminal-whole-row"),
                column => column,
            };
            let rows = rows.to_string();
            let places = [
                ("column", column),
                ("rows", &rows),
                ("problem", language.problem(kind)),
            ];
            lines.push(language.fill("terminal-quality-column", &places));
        }
    }
    if count("rejected") + count("fields_ignored") + count("unlinked_invalid") > 0 {
        let file = rejects.display().to_string();
        lines.push(language.fill("terminal-quality-rejects", &[("file", &file)]));
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
        let text = in_words(&quality, Path::new("rejects.csv"), Language::En);
        for part in [
            "100 rows: 90 used, 3",
            "40 people in 20 households; 2",
            "5 rows without",
            "DATA: 1 x unknown word",
            "rejects.csv",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        let italian = in_words(&quality, Path::new("rejects.csv"), Language::It);
        assert!(
            italian.contains("40 persone in 20 famiglie; 2")
                && italian.lines().count() == text.lines().count(),
            "{italian}"
        );
        assert!(
            !text.contains("blank") && !text.contains("beyond"),
            "{text}"
        );
    }
}
