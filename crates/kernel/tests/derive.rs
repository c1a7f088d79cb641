//! A released answer, summed by `compose::CellMap`, is the answer the node itself would have given to the coarser question.
//! Exact values, bounds that cut nothing off, random registers: no false alarms.

mod support;

use ::kernel as kernel_under_test;
use compose::CellMap;
use kernel::aggregate;
use proptest::prelude::*;
use query::{AggregateQuery, MAX_PER_CELL};
use serde_json::{Value, json};
use support::{Dice, cells, query, register, snapshot};

/// The query with bounds that cut nothing off.
fn unbounded(mut query: Value) -> Option<AggregateQuery> {
    let per_cell = match query["measure"].as_str() {
        Some("events") => MAX_PER_CELL,
        Some("sum") => 10_000_000,
        _ => 1,
    };
    query["bounds"] = json!({ "cells": 1, "per_cell": per_cell });
    // Releases are of one level each.
    query.as_object_mut()?.remove("cut_off");
    if query["by"]["area"].is_object() {
        query["by"]["area"] = json!("nil");
    }
    let one = AggregateQuery::parse(query.to_string().as_bytes()).ok()?;
    query["bounds"]["cells"] = json!(one.reachable_cells());
    AggregateQuery::parse(query.to_string().as_bytes()).ok()
}

/// A question that says less than `source`: some keys, splits, levels or periods left out.
fn coarser(source: &Value, dice: &mut Dice) -> Value {
    let mut wanted = source.clone();
    let by = &mut wanted["by"];
    if dice.one_in(2) {
        by["area"] = json!(dice.pick(&["city", "municipio", "nil", "micro-area"]));
    }
    if let Some(targets) = by["target"].as_array() {
        let kept: Vec<Value> = (targets.iter().filter(|_| !dice.one_in(2)).cloned()).collect();
        if !kept.is_empty() {
            by["target"] = Value::Array(kept);
        }
    }
    for axis in ["sex", "age_band", "citizenship", "household", "service"] {
        if dice.one_in(2) {
            by.as_object_mut().expect("an object").remove(axis);
        }
    }
    if dice.one_in(3) {
        by["period"] = json!("quarter");
    }
    if by["period"].is_null() {
        by.as_object_mut().expect("an object").remove("period");
    }
    if dice.one_in(4) {
        wanted["services"] = json!(["home-care"]);
    }
    wanted
}

#[test]
fn sums_of_released_cells_are_the_answer_to_the_coarser_question() {
    let (mut derived, mut refused) = (0, 0);
    for seed in 0..400u64 {
        let mut dice = Dice(seed);
        let rows = register(dice.roll(), 1 + dice.below(25), 1 + dice.below(6), 14);
        let snapshot = snapshot(&rows, "2026-01");
        for _ in 0..6 {
            let text = query(dice.roll()).canonical();
            let source: Value = serde_json::from_str(&text).expect("JSON");
            let wanted = coarser(&source, &mut dice);
            let (Some(source), Some(wanted)) = (unbounded(source), unbounded(wanted)) else {
                continue;
            };
            let Some(map) = CellMap::new(&source, &wanted) else {
                refused += 1;
                continue;
            };
            derived += 1;
            let summed = map.apply(&cells(aggregate(&source, &snapshot)));
            assert_eq!(
                summed,
                Some(cells(aggregate(&wanted, &snapshot))),
                "{}\nfrom {}",
                wanted.canonical(),
                source.canonical()
            );
        }
    }
    println!("{derived} derived, {refused} refused");
    assert!(
        derived > 500 && refused > 100,
        "{derived} derived, {refused} refused"
    );
}

proptest! {
    #[test]
    fn any_two_questions_make_a_map_or_none(one: u64, other: u64) {
        let (source, wanted) = (query(one), query(other));
        if let Some(map) = CellMap::new(&source, &wanted) {
            prop_assert_eq!(map.draws().len(), wanted.cells());
            prop_assert!(map.apply(&vec![0; source.cells()]).is_some());
        }
    }
}
