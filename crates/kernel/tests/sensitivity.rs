//! One person's raw rows, taken out of a register before the snapshot builder, move no answer by more than priced.
//! The check is exact, in integers, over seeded registers and queries: it has no false alarms.

mod support;

use ::kernel as kernel_under_test;
use kernel::aggregate;
use privacy_loss::{HOUSEHOLD_MEMBERS, price};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use query::{AggregateQuery, SliceOf};
use snapshot::Snapshot;
use std::cell::Cell;
use support::{Dice, RawRow, cells, query, register, slice_distances, snapshot, squared_distance};

const LABEL: &str = "2026-01";

/// The squared distance between the answers with and without the rows of `person`.
fn moved(query: &AggregateQuery, rows: &[RawRow], person: usize, label: &str) -> u128 {
    let without: Vec<RawRow> = rows
        .iter()
        .filter(|row| row.person != Some(person))
        .cloned()
        .collect();
    moved_between(query, &snapshot(rows, label), &snapshot(&without, label))
}

fn moved_between(query: &AggregateQuery, a: &Snapshot, b: &Snapshot) -> u128 {
    squared_distance(&cells(aggregate(query, a)), &cells(aggregate(query, b)))
}

/// What the query would cost if only one unit's vector could change.
fn one_unit(query: &AggregateQuery) -> u128 {
    u128::from(query.bounds().cells) * u128::from(query.bounds().per_cell).pow(2)
}

#[test]
fn one_persons_raw_rows_move_no_answer_beyond_its_price() {
    let (beyond_one_unit, at_bound, changed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let cut_off = Cell::new(0);
    let config = Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let cases = (
        any::<u64>(),
        1usize..18,
        1usize..4,
        1usize..14,
        any::<u64>(),
    );
    let result = TestRunner::new_with_rng(config, rng).run(
        &cases,
        |(seed, persons, households, most, asked)| {
            let rows = register(seed, persons, households, most);
            let person = if Dice(seed ^ 1).one_in(3) {
                0
            } else {
                Dice(seed ^ 2).below(persons)
            };
            let without: Vec<RawRow> = rows
                .iter()
                .filter(|row| row.person != Some(person))
                .cloned()
                .collect();
            let (with, without) = (snapshot(&rows, LABEL), snapshot(&without, LABEL));
            for turn in 0..12 {
                // Half of the queries read households.
                let mut queries = (0..).map(|step| query(asked.wrapping_add(turn + 12 * step)));
                let query = queries
                    .find(|query| turn % 2 == 0 || query.reads_household())
                    .expect("some query does");
                let answer = |snapshot| cells(aggregate(&query, snapshot));
                let slices = slice_distances(&query, &answer(&with), &answer(&without));
                for (slice, (distance, declared)) in query.slices().iter().zip(slices) {
                    prop_assert!(
                        distance <= declared,
                        "{distance} > {declared} at {} for {}",
                        slice.of.id(),
                        query.canonical()
                    );
                    if slice.of == SliceOf::CutOff {
                        cut_off.set(cut_off.get() + u32::from(distance == declared));
                        continue;
                    }
                    changed.set(changed.get() + u32::from(distance > 0));
                    at_bound.set(at_bound.get() + u32::from(distance == declared));
                    let beyond = distance > one_unit(&query);
                    beyond_one_unit.set(beyond_one_unit.get() + u32::from(beyond));
                }
            }
            Ok(())
        },
    );
    result.expect("every distance within its price");
    // The cases reach where it matters: answers that change, the bound itself, and changes that a price
    // without the household would not cover.
    println!(
        "{} changed, {} at the bound, {} beyond one unit, {} counts of what was cut off at theirs",
        changed.get(),
        at_bound.get(),
        beyond_one_unit.get(),
        cut_off.get()
    );
    assert!(changed.get() > 500 && at_bound.get() > 50 && beyond_one_unit.get() > 30);
    assert!(cut_off.get() > 20);
}

/// A row of the `number`-th person, with a low income, in household N0.
fn member(number: usize, born: &str) -> RawRow {
    let line = format!(
        "{};Rossi;Anna;F;01/01/{born};IT;15;3;N0;1.000,00;0;;;home-care;10/03/2025;1;0,00",
        support::code(number)
    );
    RawRow {
        person: Some(number),
        line: line.into_bytes(),
    }
}

/// People in single-parent households or with a low income, each counted in one of the two.
fn single_parents_or_low_income() -> AggregateQuery {
    let text = br#"{"version":1,"measure":"persons","by":{"area":"nil","target":["low-income","single-parent-families"]},
        "period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":1,"per_cell":1},"rho":1000000}"#;
    AggregateQuery::parse(text).expect("a legal query")
}

/// The largest squared distance over editions, so over keyed choices.
fn largest(rows: &[RawRow], person: usize) -> u128 {
    let query = single_parents_or_low_income();
    let labels = (0..300).map(|number| format!("edition-{number}"));
    labels
        .map(|label| moved(&query, rows, person, &label))
        .max()
        .expect("some editions")
}

#[test]
fn a_member_added_to_a_household_of_five_moves_eleven_counts_and_only_the_household_price_covers_it()
 {
    // One parent and four minors; a second parent joins: five people leave 'single parent', six are counted elsewhere.
    let rows: Vec<RawRow> = ["1980", "2015", "2016", "2017", "2018", "1981"]
        .iter()
        .enumerate()
        .map(|(n, born)| member(n, born))
        .collect();
    let query = single_parents_or_low_income();
    let distance = largest(&rows, 5);
    assert_eq!(distance, 25 + 36);
    assert!(
        distance > one_unit(&query),
        "a price without the household would have passed"
    );
    assert!(distance <= u128::from(price(&query).finest().sensitivity.squared));
}

#[test]
fn a_member_displaced_from_a_full_household_keeps_the_answer_within_its_price() {
    let query = single_parents_or_low_income();
    let declared = u128::from(price(&query).finest().sensitivity.squared);
    let mut reached = Vec::new();
    for parent in 0..HOUSEHOLD_MEMBERS as usize {
        // One parent and five minors fill the household; whoever joins, an adult, may take a place of theirs.
        let joining = HOUSEHOLD_MEMBERS as usize + parent;
        let mut rows: Vec<RawRow> = (0..HOUSEHOLD_MEMBERS as usize)
            .map(|number| member(number, if number == parent { "1980" } else { "2015" }))
            .collect();
        rows.push(member(joining, "1981"));
        reached.push(largest(&rows, joining));
    }
    assert!(
        reached.iter().all(|distance| *distance <= declared),
        "{reached:?}"
    );
    // Six people leave one cell and six are counted in another: the price is met exactly.
    assert_eq!(reached.iter().max(), Some(&declared), "{reached:?}");
}

/// Households with events of one service, by kind.
fn households_by_kind(cells: u32) -> AggregateQuery {
    let text = format!(
        r#"{{"version":1,"measure":"households","by":{{"area":"nil","household":true,"period":"month"}},
        "period":{{"from":"2025-03","to":"2025-04"}},"bounds":{{"cells":{cells},"per_cell":1}},"rho":1000000}}"#
    );
    AggregateQuery::parse(text.as_bytes()).expect("a legal query")
}

#[test]
fn a_member_added_moves_its_household_from_one_cell_to_another_and_no_more() {
    // One parent with four minors; a second parent joins: the household of five is of another kind, in each month.
    let mut rows: Vec<RawRow> = ["1980", "2015", "2016", "2017", "2018", "1981"]
        .iter()
        .enumerate()
        .map(|(n, born)| member(n, born))
        .collect();
    let april: Vec<RawRow> = (rows.iter().cloned())
        .map(|row| {
            let text = String::from_utf8(row.line).expect("ASCII");
            RawRow {
                line: text.replace("10/03/2025", "10/04/2025").into_bytes(),
                ..row
            }
        })
        .collect();
    rows.extend(april);
    for cells in [1, 2] {
        let query = households_by_kind(cells);
        let declared = u128::from(price(&query).finest().sensitivity.squared);
        assert_eq!(declared, 2 * u128::from(cells));
        let labels = (0..100).map(|number| format!("edition-{number}"));
        let most = labels.map(|label| moved(&query, &rows, 5, &label)).max();
        assert_eq!(
            most,
            Some(declared),
            "a price of one cell less would not cover it"
        );
    }
}

#[test]
fn a_sum_moves_by_its_bound_however_much_one_person_received() {
    let text = br#"{"version":1,"measure":"sum","quantity":"amount","by":{"area":"nil","period":"month"},
        "period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":2,"per_cell":5000},"rho":1000000}"#;
    let query = AggregateQuery::parse(text).expect("a legal query");
    let rows: Vec<RawRow> = (0..500)
        .map(|n| {
            let line = format!(
                "{};Rossi;Anna;F;01/01/1980;IT;{};;;;;;;home-care;{:02}/{:02}/2025;1;{}.000,00",
                support::code(1),
                1 + n % 88,
                1 + n % 28,
                1 + n % 12,
                1 + n,
            );
            RawRow {
                person: Some(1),
                line: line.into_bytes(),
            }
        })
        .collect();
    assert_eq!(moved(&query, &rows, 1, LABEL), 2 * 5_000 * 5_000);
    assert_eq!(
        price(&query).finest().sensitivity.squared,
        2 * 5_000 * 5_000
    );
}

#[test]
fn thousands_of_rows_in_all_areas_weigh_as_much_as_the_bounds_allow() {
    let text = br#"{"version":1,"measure":"events","by":{"area":"nil","period":"month"},
        "period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":3,"per_cell":4},"rho":1000000}"#;
    let query = AggregateQuery::parse(text).expect("a legal query");
    let rows: Vec<RawRow> = (0..5_000)
        .map(|n| {
            let line = format!(
                "{};Rossi;Anna;F;01/01/1980;IT;{};;;;;;;home-care;{:02}/{:02}/2025;{};1,00",
                support::code(1),
                1 + n % 88,
                1 + n % 28,
                1 + n % 12,
                n
            );
            RawRow {
                person: Some(1),
                line: line.into_bytes(),
            }
        })
        .collect();
    assert_eq!(moved(&query, &rows, 1, LABEL), 3 * 16);
    assert_eq!(price(&query).finest().sensitivity.squared, 3 * 16);
}
