//! Groups and age bands are judged on the last day of each period, not once for all.
//! Cells are found by their public keys, as a reader of the answer would.

mod support;

use ::kernel as kernel_under_test;
use kernel::aggregate;
use query::AggregateQuery;
use support::{cells, snapshot_with_quality};

/// The value of the cell with these keys.
fn value(query: &AggregateQuery, csv: &str, keys: &[&str]) -> i64 {
    let (snapshot, _) =
        snapshot_with_quality(format!("{}\n{csv}", support::HEADER).as_bytes(), "2026-01");
    let cells = cells(aggregate(query, &snapshot));
    let dimensions = query.dimensions();
    assert_eq!(dimensions.len(), keys.len());
    let index = dimensions
        .iter()
        .zip(keys)
        .fold(0, |index, (dimension, key)| {
            index * dimension.keys.len()
                + dimension
                    .keys
                    .iter()
                    .position(|other| other == key)
                    .expect("a public key")
        });
    cells[index]
}

fn parse(text: &str) -> AggregateQuery {
    AggregateQuery::parse(text.as_bytes()).expect("a legal query")
}

/// A row each month of the first half of 2023, of somebody born in June 1948 and living alone.
fn turns_75_in_june() -> String {
    let row = |month| {
        format!(
            "{};B;A;F;17/06/1948;IT;15;3;N1;;;;;home-care;02/{month:02}/2023;1;0,00\n",
            support::code(1)
        )
    };
    (1..=8).map(row).collect()
}

#[test]
fn someone_who_turns_75_in_june_2023_changes_group_that_month() {
    let query = parse(
        r#"{"version":1,"measure":"persons","by":{"area":"nil","target":["alone-75-plus","elderly-75-plus"],"period":"month"},
            "period":{"from":"2023-01","to":"2023-12"},"bounds":{"cells":24,"per_cell":1},"rho":1000000}"#,
    );
    for target in ["elderly-75-plus", "alone-75-plus"] {
        for (month, expected) in [
            ("2023-05", 0),
            ("2023-06", 1),
            ("2023-08", 1),
            ("2023-09", 0),
        ] {
            assert_eq!(
                value(&query, &turns_75_in_june(), &["15", target, month]),
                expected,
                "{target} {month}"
            );
        }
    }
}

#[test]
fn someone_who_turns_75_in_june_2023_changes_age_band_that_month() {
    let query = parse(
        r#"{"version":1,"measure":"events","by":{"area":"nil","age_band":true,"period":"month"},
            "period":{"from":"2023-01","to":"2023-12"},"bounds":{"cells":12,"per_cell":1},"rho":1000000}"#,
    );
    for (month, before, after) in [("2023-05", 1, 0), ("2023-06", 0, 1)] {
        assert_eq!(
            value(&query, &turns_75_in_june(), &["15", "65-74", month]),
            before,
            "{month}"
        );
        assert_eq!(
            value(&query, &turns_75_in_june(), &["15", "75-84", month]),
            after,
            "{month}"
        );
    }
}

#[test]
fn a_quarter_is_judged_on_its_last_day() {
    let query = parse(
        r#"{"version":1,"measure":"events","by":{"area":"city","target":["elderly-75-plus"],"period":"quarter"},
            "period":{"from":"2023-01","to":"2023-06"},"bounds":{"cells":2,"per_cell":9},"rho":1000000}"#,
    );
    let keys = ["milano", "elderly-75-plus"];
    assert_eq!(
        value(&query, &turns_75_in_june(), &[keys[0], keys[1], "2023-Q1"]),
        0
    );
    assert_eq!(
        value(&query, &turns_75_in_june(), &[keys[0], keys[1], "2023-Q2"]),
        3
    );
}

#[test]
fn frequent_use_counts_all_services_though_only_some_are_counted_in_cells() {
    let rows: String = ["home-care", "food-aid", "food-aid", "food-aid"]
        .iter()
        .enumerate()
        .map(|(n, service)| {
            format!(
                "{};B;A;F;;;15;3;;;;;;{service};{:02}/03/2023;1;0,00\n",
                support::code(2),
                n + 1
            )
        })
        .collect();
    let query = parse(
        r#"{"version":1,"measure":"events","by":{"area":"nil","target":["frequent-users"]},"services":["home-care"],
            "period":{"from":"2023-01","to":"2023-12"},"bounds":{"cells":1,"per_cell":9},"rho":1000000}"#,
    );
    assert_eq!(
        value(&query, &rows, &["15", "frequent-users", "2023-01/2023-12"]),
        1
    );
}

#[test]
fn a_need_counts_from_the_month_it_was_first_recorded() {
    let row = |need: &str, month: u8| {
        format!(
            "{};B;A;F;;;15;3;;;;{need};;home-care;02/{month:02}/2023;1;0,00\n",
            support::code(3)
        )
    };
    let rows = row("", 3) + &row("housing", 4) + &row("", 5);
    let query = parse(
        r#"{"version":1,"measure":"persons","by":{"area":"nil","target":["housing-need"],"period":"month"},
            "period":{"from":"2023-01","to":"2023-06"},"bounds":{"cells":6,"per_cell":1},"rho":1000000}"#,
    );
    for (month, expected) in [
        ("2023-03", 0),
        ("2023-04", 1),
        ("2023-05", 1),
        ("2023-06", 0),
    ] {
        assert_eq!(
            value(&query, &rows, &["15", "housing-need", month]),
            expected,
            "{month}"
        );
    }
}
