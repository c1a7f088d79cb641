//! A released answer, summed by `compose::CellMap`, is the answer the node itself would have given to the coarser question.
//! Exact values, random registers, of every finest level: no false alarms. Looser bounds never make a cell smaller.

mod support;

use ::kernel as kernel_under_test;
use compose::{CellMap, Lattice, LeastSquares, area_tiling};
use geography::Level;
use kernel::aggregate;
use proptest::prelude::*;
use query::{AggregateQuery, MAX_PER_CELL};
use serde_json::{Value, json};
use snapshot::{Edition, Mapping, NodeKey, Snapshot};
use support::{Dice, cells, csv, query, register};

/// A register that knows homes at a level of its own.
fn snapshot(dice: &mut Dice) -> Snapshot {
    let finest = dice.pick(&["micro-area", "micro-area", "nil", "municipio"]);
    snapshot_of(finest, dice)
}

fn snapshot_of(finest: &str, dice: &mut Dice) -> Snapshot {
    let rows = register(dice.roll(), 1 + dice.below(25), 1 + dice.below(6), 14);
    let known = r#"finest_level = "micro-area""#;
    let text = Mapping::municipal_register();
    assert!(text.contains(known));
    let text = text.replace(known, &format!(r#"finest_level = "{finest}""#));
    let mapping = Mapping::parse(&text).expect("a mapping");
    let edition = Edition {
        number: 1,
        label: "2026-01".to_owned(),
        created_at: 1_767_225_600,
    };
    let rows = csv(&rows);
    let built = Snapshot::build(&mapping, &rows[..], &NodeKey::new(&[7; 32]), edition);
    built.expect("a snapshot").0
}

/// The query at one level: releases are of one level each.
fn plain(mut query: Value) -> Option<Value> {
    query.as_object_mut()?.remove("cut_off");
    if query["by"]["area"].is_object() {
        query["by"]["area"] = json!("nil");
    }
    Some(query)
}

/// The query with one of its bounds loosened or tightened at random.
fn bounded(query: &Value, dice: &mut Dice) -> Option<AggregateQuery> {
    let mut query = plain(query.clone())?;
    let per_cell = match query["measure"].as_str() {
        Some("events") => 1 + dice.below(4),
        Some("sum") => 1 + dice.below(3_000),
        _ => 1,
    };
    query["bounds"] = json!({ "cells": 1, "per_cell": per_cell });
    let one = AggregateQuery::parse(query.to_string().as_bytes()).ok()?;
    query["bounds"]["cells"] = json!(1 + dice.below(one.reachable_cells() as usize));
    AggregateQuery::parse(query.to_string().as_bytes()).ok()
}

/// The query with bounds that cut nothing off.
fn unbounded(mut query: Value) -> Option<AggregateQuery> {
    let per_cell = match query["measure"].as_str() {
        Some("events") => MAX_PER_CELL,
        Some("sum") => 40_000_000,
        _ => 1,
    };
    query["bounds"] = json!({ "cells": 1, "per_cell": per_cell });
    let mut query = plain(query)?;
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
    if dice.one_in(4) {
        filtered(&mut wanted, dice);
    }
    if wanted["measure"] == "bins" && dice.one_in(2) {
        if let Some(edges) = wanted["edges"].as_array_mut() {
            edges.remove(0);
        }
        if dice.one_in(2) || wanted["edges"] == json!([]) {
            wanted["measure"] = json!("persons");
            for field in ["quantity", "edges"] {
                wanted.as_object_mut().expect("an object").remove(field);
            }
        }
    }
    wanted
}

/// Filters by a group instead of splitting by it.
fn filtered(wanted: &mut Value, dice: &mut Dice) {
    let mut parts = match wanted["filter"]["all"].as_array() {
        Some(parts) => parts.clone(),
        None if wanted["filter"].is_null() => Vec::new(),
        None => vec![wanted["filter"].clone()],
    };
    let by = wanted["by"].as_object_mut().expect("an object");
    if let Some(targets) = by.remove("target") {
        let targets = targets.as_array().expect("a list");
        parts.push(json!({ "target": targets[dice.below(targets.len())] }));
    }
    if by.remove("sex").is_some() || dice.one_in(4) {
        parts.push(json!({ "sex": dice.pick(&["F", "M", "X"]) }));
    }
    if by.remove("citizenship").is_some() {
        parts.push(json!({ "citizenship": dice.pick(&["italian", "eu", "non-eu"]) }));
    }
    if !parts.is_empty() {
        wanted["filter"] = json!({ "all": parts });
    }
}

#[test]
fn sums_of_released_cells_are_the_answer_to_the_coarser_question() {
    let (mut derived, mut refused, mut merged, mut narrowed) = (0, 0, 0, 0);
    for seed in 0..400u64 {
        let mut dice = Dice(seed);
        let snapshot = snapshot(&mut dice);
        for _ in 0..6 {
            let text = query(dice.roll()).canonical();
            let source: Value = serde_json::from_str(&text).expect("JSON");
            let wanted = coarser(&source, &mut dice);
            let (Some(source), Some(wanted)) = (unbounded(source), unbounded(wanted)) else {
                continue;
            };
            let Ok(map) = CellMap::new(&source, &wanted) else {
                refused += 1;
                continue;
            };
            derived += 1;
            assert!(!map.cuts_more());
            merged += usize::from(source.edges().len() > wanted.edges().len());
            narrowed += usize::from(source.filter() != wanted.filter());
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
    let seen = format!(
        "{derived} derived ({merged} of merged bins, {narrowed} of a filter), {refused} refused"
    );
    println!("{seen}");
    assert!(
        derived > 400 && refused > 100 && merged > 20 && narrowed > 20,
        "{seen}"
    );
}

/// What `compose` takes for true of a register by the finest level it declares is true of whatever it holds: exact cells of all
/// levels are left alone by least squares, which moves all that do not add up.
#[test]
fn exact_cells_of_all_levels_add_up_as_the_register_declares() {
    let mut checked = 0;
    let mut apart = 0;
    for seed in 3_000..3_120u64 {
        let mut dice = Dice(seed);
        let level = Level::ALL[dice.below(4)];
        let snapshot = snapshot_of(level.id(), &mut dice);
        let lattice = |finest| {
            let tilings = Level::ALL.map(|level| area_tiling(level, finest));
            Lattice::try_new(tilings.into()).expect("levels of one register")
        };
        let source: Value = serde_json::from_str(&query(dice.roll()).canonical()).expect("JSON");
        let answers: Option<Vec<Vec<i64>>> = (Level::ALL.iter())
            .map(|level| {
                let mut asked = source.clone();
                asked["by"]["area"] = json!(level.id());
                let asked = unbounded(asked)?;
                Some(cells(aggregate(&asked, &snapshot)))
            })
            .collect();
        let Some(answers) = answers else { continue };
        let inner = answers[0].len();
        for (finest, must) in [
            (Some(level), true),
            (None, true),
            (Some(Level::MicroArea), false),
        ] {
            let lattice = lattice(finest);
            let least = LeastSquares::new(&lattice, vec![1.0; lattice.cells()]).expect("variances");
            for at in 0..inner {
                let exact: Vec<f64> = (answers.iter().flatten().skip(at).step_by(inner))
                    .map(|cell| *cell as f64)
                    .collect();
                let found = least.estimate(&exact).expect("as many cells");
                let gap = exact
                    .iter()
                    .zip(&found)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                let tolerance = 1e-9
                    * exact
                        .iter()
                        .fold(1.0, |most: f64, cell| most.max(cell.abs()));
                if must {
                    assert!(gap <= tolerance, "{level}: {gap} in {source}");
                    checked += 1;
                } else {
                    apart += usize::from(gap > tolerance);
                }
            }
        }
    }
    // Taking every register for one that knows pieces would be wrong, and is seen to be.
    assert!(
        checked > 200 && apart > 20,
        "{checked} checked, {apart} apart"
    );
}

#[test]
fn where_bounds_cut_no_more_no_cell_is_smaller_than_asked_anew() {
    let (mut no_more, mut more, mut smaller) = (0, 0, 0);
    for seed in 1_000..1_400u64 {
        let mut dice = Dice(seed);
        let snapshot = snapshot(&mut dice);
        for _ in 0..6 {
            let source: Value =
                serde_json::from_str(&query(dice.roll()).canonical()).expect("JSON");
            let wanted = if dice.one_in(2) {
                source.clone()
            } else {
                coarser(&source, &mut dice)
            };
            let (Some(source), Some(wanted)) =
                (bounded(&source, &mut dice), bounded(&wanted, &mut dice))
            else {
                continue;
            };
            let Ok(map) = CellMap::new(&source, &wanted) else {
                continue;
            };
            let summed = map.apply(&cells(aggregate(&source, &snapshot)));
            let summed = summed.expect("as many cells");
            let anew = cells(aggregate(&wanted, &snapshot));
            let is_smaller = summed.iter().zip(&anew).any(|(a, b)| a < b);
            if map.cuts_more() {
                more += 1;
                smaller += usize::from(is_smaller);
            } else {
                no_more += 1;
                assert!(
                    !is_smaller,
                    "{}\nfrom {}",
                    wanted.canonical(),
                    source.canonical()
                );
            }
        }
    }
    let seen =
        format!("{no_more} cut no more, {more} may cut more, of which {smaller} were smaller");
    println!("{seen}");
    assert!(no_more > 200 && more > 100 && smaller > 10, "{seen}");
}

proptest! {
    #[test]
    fn any_two_questions_make_a_map_or_none(one: u64, other: u64) {
        let (source, wanted) = (query(one), query(other));
        if let Ok(map) = CellMap::new(&source, &wanted) {
            prop_assert_eq!(map.draws().len(), wanted.cells());
            prop_assert!(map.apply(&vec![0; source.cells()]).is_some());
        }
    }
}
