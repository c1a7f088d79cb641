//! Equal questions have one canonical form and one hash; no bytes make the parser fail in any other way than by a refusal.

use proptest::prelude::*;
use query::AggregateQuery;

const TARGETS: [&str; 4] = ["minors", "elderly-75-plus", "housing-need", "alone-75-plus"];
const SERVICES: [&str; 3] = ["food-aid", "home-care", "day-centre"];

fn filter() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&TARGETS[..]).prop_map(|id| format!(r#"{{"target":"{id}"}}"#)),
        prop::sample::select(&["F", "M", "X"][..]).prop_map(|id| format!(r#"{{"sex":"{id}"}}"#)),
        (0u16..=90, 0u16..=90).prop_map(|(a, b)| format!(
            r#"{{"age":{{"max":{},"min":{}}}}}"#,
            a.max(b),
            a.min(b)
        )),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!(r#"{{"all":[{}]}}"#, parts.join(","))),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!(r#"{{"any":[{}]}}"#, parts.join(","))),
            inner.prop_map(|part| format!(r#"{{"not":{part}}}"#)),
        ]
    })
}

/// Weighted measures, so that one bound fits all.
const MEASURES: [&[&str]; 3] = [
    &[r#""measure":"events""#],
    &[r#""measure":"sum""#, r#""quantity":"amount""#],
    &[r#""measure":"sum""#, r#""quantity":"duration""#],
];

/// The fields of a legal query, in no particular order.
fn fields() -> impl Strategy<Value = Vec<String>> {
    let ids = |known: &'static [&'static str]| {
        prop::sample::subsequence(known, 1..=known.len()).prop_shuffle()
    };
    let quoted = |ids: Vec<&str>| {
        ids.iter()
            .map(|id| format!("\"{id}\""))
            .collect::<Vec<_>>()
            .join(",")
    };
    (
        prop::option::of(ids(&TARGETS)),
        prop::option::of(ids(&SERVICES)),
        prop::option::of(filter()),
        any::<[bool; 3]>(),
        1u64..=1_000_000_000,
        prop::sample::select(&MEASURES[..]),
    )
        .prop_map(
            move |(targets, services, filter, [sex, service, household], rho, measure)| {
                let mut by = vec![
                    r#""area":"municipio""#.to_owned(),
                    format!(r#""sex":{sex}"#),
                    format!(r#""service":{service}"#),
                    format!(r#""household":{household}"#),
                ];
                by.extend(targets.map(|ids| format!(r#""target":[{}]"#, quoted(ids))));
                by.reverse();
                let mut fields = vec![
                    r#""version":1"#.to_owned(),
                    format!(r#""by":{{{}}}"#, by.join(",")),
                    r#""period":{"to":"2025-12","from":"2025-01"}"#.to_owned(),
                    r#""bounds":{"per_cell":7,"cells":1}"#.to_owned(),
                    format!(r#""rho":{rho}"#),
                ];
                fields.extend(measure.iter().map(|field| (*field).to_owned()));
                fields.extend(services.map(|ids| format!(r#""services":[{}]"#, quoted(ids))));
                fields.extend(filter.map(|filter| format!(r#""filter":{filter}"#)));
                fields
            },
        )
}

proptest! {
    #[test]
    fn the_canonical_form_parses_to_the_same_query(fields in fields()) {
        let query = AggregateQuery::parse(format!("{{{}}}", fields.join(",")).as_bytes()).expect("legal");
        let again = AggregateQuery::parse(query.canonical().as_bytes()).expect("canonical is legal");
        prop_assert_eq!(again.canonical(), query.canonical());
        prop_assert_eq!(again.hash(), query.hash());
        prop_assert_eq!(again, query);
    }

    #[test]
    fn the_order_of_fields_and_white_space_do_not_matter(fields in fields().prop_flat_map(|f| (Just(f.clone()), Just(f).prop_shuffle()))) {
        let (one, other) = fields;
        let parse = |fields: &[String], space: &str| {
            AggregateQuery::parse(format!("{{{space}{}}}", fields.join(&format!("{space},{space}"))).as_bytes()).expect("legal").hash()
        };
        prop_assert_eq!(parse(&one, ""), parse(&other, " \n\t"));
    }

    #[test]
    fn whatever_bytes_come_in_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = AggregateQuery::parse(&bytes);
    }

    #[test]
    fn damaged_queries_are_parsed_or_refused(fields in fields(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = format!("{{{}}}", fields.join(",")).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(query) = AggregateQuery::parse(&bytes) {
            prop_assert!(query.cells() <= query::MAX_CELLS);
            prop_assert!(query.bounds().cells <= query.reachable_cells());
        }
    }
}

#[test]
fn double_negation_and_nested_lists_are_the_same_question() {
    let hash = |filter: &str| {
        let text = format!(
            r#"{{"version":1,"measure":"persons","by":{{"area":"city"}},"period":{{"from":"2025-01","to":"2025-01"}},
                "filter":{filter},"bounds":{{"cells":1,"per_cell":1}},"rho":1}}"#
        );
        AggregateQuery::parse(text.as_bytes())
            .expect("legal")
            .hash()
    };
    let plain = hash(r#"{"all":[{"sex":"F"},{"target":"minors"}]}"#);
    assert_eq!(
        plain,
        hash(r#"{"all":[{"target":"minors"},{"all":[{"sex":"F"},{"sex":"F"}]}]}"#)
    );
    assert_eq!(
        plain,
        hash(r#"{"not":{"not":{"all":[{"target":"minors"},{"sex":"F"}]}}}"#)
    );
    assert_ne!(plain, hash(r#"{"any":[{"sex":"F"},{"target":"minors"}]}"#));
}
