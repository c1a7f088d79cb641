//! What is not a legal query is refused, with the place, a code and a remedy.

use query::{AggregateQuery, RefusalCode as Code};

const LEGAL: &str = r#"{"version":1,"measure":"persons",
    "by":{"area":"nil","target":["minors"],"period":"quarter"},
    "period":{"from":"2025-01","to":"2025-12"},
    "filter":{"all":[{"sex":"F"},{"age":{"min":0,"max":30}}]},
    "bounds":{"cells":4,"per_cell":1},"rho":100000000}"#;

fn refusal(text: &str) -> (String, Code) {
    let refusal = AggregateQuery::parse(text.as_bytes()).expect_err("refused");
    assert!(!refusal.message.is_empty());
    (refusal.path, refusal.code)
}

/// Replaces `from` in the legal query and expects a refusal at `path`.
#[track_caller]
fn check(from: &str, to: &str, path: &str, code: Code) {
    assert!(LEGAL.contains(from), "`{from}` is not in the legal query");
    assert_eq!(
        refusal(&LEGAL.replace(from, to)),
        (path.to_owned(), code),
        "{from} -> {to}"
    );
}

#[test]
fn the_legal_query_is_legal() {
    AggregateQuery::parse(LEGAL.as_bytes()).expect("legal");
}

#[test]
fn numbers_that_are_not_whole_are_refused() {
    check("100000000", "0.1", "$.rho", Code::NotAnInteger);
    check("100000000", "1e8", "$.rho", Code::NotAnInteger);
    check(
        "100000000",
        "99999999999999999999",
        "$.rho",
        Code::NotAnInteger,
    );
    check("100000000", "\"100\"", "$.rho", Code::WrongType);
    check("100000000", "NaN", "$", Code::NotJson);
    check("100000000", "Infinity", "$", Code::NotJson);
}

#[test]
fn numbers_out_of_range_are_refused() {
    check("100000000", "-1", "$.rho", Code::OutOfRange);
    check("100000000", "0", "$.rho", Code::OutOfRange);
    check(
        "\"cells\":4",
        "\"cells\":5",
        "$.bounds.cells",
        Code::OutOfRange,
    );
    check(
        "\"cells\":4",
        "\"cells\":0",
        "$.bounds.cells",
        Code::OutOfRange,
    );
    check(
        "\"per_cell\":1",
        "\"per_cell\":2",
        "$.bounds.per_cell",
        Code::OutOfRange,
    );
    check(
        "\"per_cell\":1",
        "\"per_cell\":9223372036854775807",
        "$.bounds.per_cell",
        Code::OutOfRange,
    );
    check(
        "\"max\":30",
        "\"max\":201",
        "$.filter.all[1].age.max",
        Code::OutOfRange,
    );
}

#[test]
fn identifiers_outside_the_vocabulary_are_refused() {
    check(
        "\"minors\"",
        "\"miners\"",
        "$.by.target[0]",
        Code::UnknownId,
    );
    check(
        "\"minors\"",
        "\"minors\",\"minors\"",
        "$.by.target[1]",
        Code::DuplicateValue,
    );
    check("[\"minors\"]", "[]", "$.by.target", Code::Empty);
    check("\"nil\"", "\"street\"", "$.by.area", Code::UnknownId);
    check("\"persons\"", "\"people\"", "$.measure", Code::UnknownId);
    check("\"F\"", "\"f\"", "$.filter.all[0].sex", Code::UnknownId);
    check(
        "{\"sex\":\"F\"}",
        "{\"name\":\"F\"}",
        "$.filter.all[0].name",
        Code::UnknownField,
    );
}

#[test]
fn look_alike_letters_are_refused() {
    // Cyrillic і in place of i.
    check(
        "\"minors\"",
        "\"m\u{456}nors\"",
        "$.by.target[0]",
        Code::NotAscii,
    );
    check("\"rho\"", "\"rh\u{43e}\"", "$", Code::NotAscii);
    check(
        "\"minors\"",
        "\"minors\\u0000\"",
        "$.by.target[0]",
        Code::NotAscii,
    );
}

#[test]
fn unknown_missing_and_repeated_fields_are_refused() {
    check(
        "\"version\":1",
        "\"version\":2",
        "$.version",
        Code::UnknownVersion,
    );
    check(
        "\"version\":1",
        "\"version\":1,\"note\":1",
        "$.note",
        Code::UnknownField,
    );
    check("\"version\":1,", "", "$.version", Code::MissingField);
    check(
        "\"version\":1",
        "\"version\":1,\"rho\":5",
        "$",
        Code::DuplicateKey,
    );
    check(
        "{\"cells\":4,\"per_cell\":1}",
        "{\"cells\":4}",
        "$.bounds.per_cell",
        Code::MissingField,
    );
}

#[test]
fn periods_must_be_whole_and_in_order() {
    check(
        "\"2025-12\"",
        "\"2024-12\"",
        "$.period.to",
        Code::InvalidPeriod,
    );
    check(
        "\"2025-12\"",
        "\"2025-11\"",
        "$.period.to",
        Code::InvalidPeriod,
    );
    check(
        "\"2025-01\"",
        "\"2025-02\"",
        "$.period.from",
        Code::InvalidPeriod,
    );
    check(
        "\"2025-01\"",
        "\"2025-13\"",
        "$.period.from",
        Code::InvalidPeriod,
    );
    check(
        "\"2025-01\"",
        "\"1925-01\"",
        "$.period",
        Code::InvalidPeriod,
    );
}

#[test]
fn groups_that_could_be_harmed_are_not_shown_finely() {
    check(
        "[\"minors\"]",
        "[\"non-eu-citizens\"]",
        "$.by.area",
        Code::LevelTooFine,
    );
    check(
        "{\"sex\":\"F\"}",
        "{\"not\":{\"target\":\"severe-disability\"}}",
        "$.by.area",
        Code::LevelTooFine,
    );
    check(
        "{\"sex\":\"F\"}",
        "{\"citizenship\":\"eu\"}",
        "$.by.area",
        Code::LevelTooFine,
    );
}

#[test]
fn nesting_beyond_sixteen_levels_is_refused() {
    let nested = |depth: usize| {
        format!(
            "{}{{\"sex\":\"F\"}}{}",
            "{\"not\":".repeat(depth),
            "}".repeat(depth)
        )
    };
    // The query object, the filter's `all` and its list are three levels; the innermost condition one more.
    AggregateQuery::parse(LEGAL.replace("{\"sex\":\"F\"}", &nested(12)).as_bytes()).expect("legal");
    check("{\"sex\":\"F\"}", &nested(13), "$", Code::TooDeep);
    assert_eq!(refusal(&"[".repeat(1_000_000)).1, Code::TooLarge);
}

#[test]
fn more_than_a_million_cells_are_refused() {
    let text = r#"{"version":1,"measure":"persons","by":{"area":"micro-area","sex":true,"age_band":true,"period":"month",
        "target":["minors","elderly-75-plus"]},"period":{"from":"2015-01","to":"2025-12"},
        "bounds":{"cells":1,"per_cell":1},"rho":1}"#;
    assert_eq!(refusal(text), ("$.by".to_owned(), Code::TooManyCells));
}

#[test]
fn measures_have_the_fields_they_need_and_no_other() {
    let measure = |to: &str, path: &str, code: Code| check("\"persons\"", to, path, code);
    measure("\"people\"", "$.measure", Code::UnknownId);
    measure("\"sum\"", "$.quantity", Code::MissingField);
    measure(
        "\"sum\",\"quantity\":\"euros\"",
        "$.quantity",
        Code::UnknownId,
    );
    measure(
        "\"persons\",\"quantity\":\"amount\"",
        "$.quantity",
        Code::NotApplicable,
    );
    measure(
        "\"sum\",\"quantity\":\"amount\",\"edges\":[5]",
        "$.edges",
        Code::NotApplicable,
    );
    measure(
        "\"bins\",\"quantity\":\"amount\"",
        "$.edges",
        Code::MissingField,
    );
    let bins = |edges: &str, path: &str, code: Code| {
        measure(
            &format!("\"bins\",\"quantity\":\"duration\",\"edges\":{edges}"),
            path,
            code,
        )
    };
    bins("[]", "$.edges", Code::OutOfRange);
    bins("7", "$.edges", Code::WrongType);
    bins("[0]", "$.edges[0]", Code::OutOfRange);
    bins("[60,60]", "$.edges[1]", Code::OutOfRange);
    bins("[60,30]", "$.edges[1]", Code::OutOfRange);
    bins("[\"60\"]", "$.edges[0]", Code::WrongType);
}

#[test]
fn what_is_of_persons_is_not_asked_of_households() {
    for axis in ["sex", "age_band", "citizenship"] {
        let text = LEGAL.replace("\"persons\"", "\"households\"").replace(
            "\"area\":\"nil\"",
            &format!("\"area\":\"city\",\"{axis}\":true"),
        );
        assert_eq!(
            refusal(&text),
            (format!("$.by.{axis}"), Code::NotApplicable)
        );
    }
}

#[test]
fn bounds_whose_sensitivity_would_overflow_are_refused() {
    let text = LEGAL
        .replace("\"persons\"", "\"sum\",\"quantity\":\"amount\"")
        .replace("\"per_cell\":1", "\"per_cell\":100000000");
    assert_eq!(refusal(&text), ("$.bounds".to_owned(), Code::OutOfRange));
    AggregateQuery::parse(text.replace("\"cells\":4", "\"cells\":3").as_bytes()).expect("legal");
}

#[test]
fn a_first_time_happens_once_so_periods_add_no_cells() {
    let text = LEGAL.replace("\"persons\"", "\"first-time\"");
    assert_eq!(
        refusal(&text),
        ("$.bounds.cells".to_owned(), Code::OutOfRange)
    );
    let query = AggregateQuery::parse(text.replace("\"cells\":4", "\"cells\":1").as_bytes());
    assert_eq!(query.expect("legal").reachable_cells(), 1);
}

#[test]
fn citizenship_is_shown_citywide_and_counts_as_naming_its_target() {
    check(
        "\"area\":\"nil\"",
        "\"area\":\"nil\",\"citizenship\":true",
        "$.by.area",
        Code::LevelTooFine,
    );
    let text = LEGAL.replace("\"area\":\"nil\"", "\"area\":\"city\",\"citizenship\":true");
    let query = AggregateQuery::parse(text.as_bytes()).expect("legal");
    assert!(query.named_targets().contains(&"non-eu-citizens"));
}

#[test]
fn years_must_be_whole() {
    let text = LEGAL.replace("\"quarter\"", "\"year\"");
    assert_eq!(
        refusal(&text.replace("2025-12", "2025-09")),
        ("$.period.to".to_owned(), Code::InvalidPeriod)
    );
    let text = text.replace("\"cells\":4", "\"cells\":1");
    let query = AggregateQuery::parse(text.as_bytes()).expect("legal");
    let periods: Vec<String> = query.periods().into_iter().map(|p| p.key).collect();
    assert_eq!(periods, ["2025"]);
}
