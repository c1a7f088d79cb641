//! Answers at several levels, and the count of what the bounds cut off: shares make up the whole, and each part is a question.

use geography::Level;
use query::{AggregateQuery, RefusalCode as Code, SliceOf};

fn text(area: &str, more: &str, rho: u64) -> String {
    format!(
        r#"{{"version":1,"measure":"persons","by":{{"area":{area},"period":"quarter"}},
            "period":{{"from":"2025-01","to":"2025-12"}},{more}
            "bounds":{{"cells":4,"per_cell":1}},"rho":{rho}}}"#
    )
}

fn parse(area: &str, more: &str, rho: u64) -> AggregateQuery {
    AggregateQuery::parse(text(area, more, rho).as_bytes()).expect("a legal query")
}

const LEVELS: &str = r#"{"nil":50,"city":20,"micro-area":25}"#;
const CUT_OFF: &str = r#""cut_off":{"at_most":9,"share":5},"#;

#[test]
fn parts_lie_side_by_side_from_the_coarsest_level_on() {
    let query = parse(LEVELS, CUT_OFF, 1_000);
    let parts: Vec<_> = (query.slices().into_iter())
        .map(|slice| (slice.of.id(), slice.cells, slice.rho_nano))
        .collect();
    let expected = [
        ("city", 0..4, 200),
        ("nil", 4..360, 500),
        ("micro-area", 360..856, 250),
        ("cut-off", 856..857, 50),
    ];
    assert_eq!(parts, expected);
    assert_eq!((query.cells(), query.level()), (857, Level::MicroArea));
    assert!(query.is_split());
}

#[test]
fn each_level_is_the_answer_to_a_plain_question_at_its_share() {
    let query = parse(LEVELS, CUT_OFF, 1_000);
    let plain = parse(r#""nil""#, "", 500);
    assert_eq!(query.at_level(Level::Nil), Some(plain.clone()));
    assert_eq!(query.at_level(Level::Municipio), None);
    assert_eq!(plain.at_level(Level::Nil), Some(plain.clone()));
    assert!(!plain.is_split());
    let slices = plain.slices();
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0].of, SliceOf::Level(Level::Nil));
    assert_eq!((slices[0].cells.clone(), slices[0].rho_nano), (0..356, 500));
}

#[test]
fn a_split_question_reads_back_from_its_canonical_form() {
    for (area, more) in [
        (LEVELS, CUT_OFF),
        (r#""nil""#, CUT_OFF),
        (r#"{"nil":60,"city":40}"#, ""),
    ] {
        let query = parse(area, more, 12_345);
        let again = AggregateQuery::parse(query.canonical().as_bytes()).expect("legal");
        assert_eq!((&again, again.hash()), (&query, query.hash()));
    }
    let other_order = parse(r#"{"micro-area":25,"nil":50,"city":20}"#, CUT_OFF, 1_000);
    assert_eq!(other_order.hash(), parse(LEVELS, CUT_OFF, 1_000).hash());
    assert_ne!(
        parse(LEVELS, CUT_OFF, 1_000).hash(),
        parse(r#""micro-area""#, "", 1_000).hash()
    );
}

#[test]
fn shares_that_do_not_make_up_the_whole_are_refused() {
    let check = |area: &str, more: &str, rho: u64, path: &str, code: Code| {
        let refusal = AggregateQuery::parse(text(area, more, rho).as_bytes()).expect_err("refused");
        assert_eq!(
            (refusal.path.as_str(), refusal.code),
            (path, code),
            "{area} {more}"
        );
        assert!(!refusal.message.is_empty());
    };
    check(LEVELS, "", 1_000, "$.by.area", Code::OutOfRange);
    check(
        r#"{"nil":60,"city":41}"#,
        "",
        1_000,
        "$.by.area",
        Code::OutOfRange,
    );
    check(r#"{"nil":100}"#, "", 1_000, "$.by.area", Code::Empty);
    check(r#"{}"#, "", 1_000, "$.by.area", Code::Empty);
    check(
        r#"{"nil":0,"city":100}"#,
        "",
        1_000,
        "$.by.area.city",
        Code::OutOfRange,
    );
    check(
        r#"{"nil":50,"zone":50}"#,
        "",
        1_000,
        "$.by.area.zone",
        Code::UnknownField,
    );
    check(
        r#"{"nil":"50","city":50}"#,
        "",
        1_000,
        "$.by.area.nil",
        Code::WrongType,
    );
    check(r#"["nil","city"]"#, "", 1_000, "$.by.area", Code::WrongType);
    check(
        r#""nil""#,
        r#""cut_off":{"share":51,"at_most":1},"#,
        1_000,
        "$.cut_off.share",
        Code::OutOfRange,
    );
    check(
        r#""nil""#,
        r#""cut_off":{"share":5,"at_most":0},"#,
        1_000,
        "$.cut_off.at_most",
        Code::OutOfRange,
    );
    check(
        r#""nil""#,
        r#""cut_off":{"share":5},"#,
        1_000,
        "$.cut_off.at_most",
        Code::MissingField,
    );
    check(r#"{"nil":99,"city":1}"#, "", 99, "$.rho", Code::OutOfRange);
}

#[test]
fn a_group_shown_coarsely_keeps_every_level_coarse() {
    let by = r#"{"version":1,"measure":"persons","by":{"area":{"city":50,"nil":50},"target":["non-eu-citizens"]},
        "period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":1,"per_cell":1},"rho":1000}"#;
    let refusal = AggregateQuery::parse(by.as_bytes()).expect_err("refused");
    assert_eq!(
        (refusal.path.as_str(), refusal.code),
        ("$.by.area", Code::LevelTooFine)
    );
}
