//! End to end over the real coordinator and six real nodes: releases against the truth of the demo city.
//!
//! Nothing here fixes the noise. Each release is compared with the bounded truth summed over organisations by two
//! statistics: the number of cells outside their stated 99.99 percent margin (binomial), and the sum of squared residuals over the
//! stated variance (chi-square, both tails: noise that is too small fails too). All statistics of this file together raise a
//! false alarm with probability below 1e-6.

use anyhow::{Context, Result, ensure};
use demo_city::truth::{AreaLevel, Cells, PeriodKind, PersonRecord};
use demo_city::{Month, Truth};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use system_tests::city::ORGANISATIONS;
use system_tests::stack::Stack;
use system_tests::statistics::{binomial_upper_tail, chi_square_tails};

/// False alarm of each statistic; there are fewer than 32 in this file.
const ALPHA: f64 = 1e-6 / 32.0;
/// What a 99.99 percent margin may miss.
const MISS: f64 = 1e-4;
const MAX_RHO: u64 = 2_500_000_000;
const FROM: Month = Month::of(2025, 1);
const TO: Month = Month::of(2025, 12);
const HOUR: i64 = 3_600;

/// A question, and what a perfect, unbounded, noiseless answer of one organisation would be.
struct Question {
    name: &'static str,
    query: Value,
    bounded: fn(&Truth) -> Cells,
    raw: fn(&Truth) -> Cells,
}

fn everybody(_: &PersonRecord, _: Month) -> bool {
    true
}

fn query(measure: &str, by: Value, more: &[(&str, Value)], bounds: [u32; 2], rho: u64) -> Value {
    let mut query = json!({
        "version": 1, "measure": measure, "by": by,
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": bounds[0], "per_cell": bounds[1] }, "rho": rho,
    });
    for (key, value) in more {
        query[*key] = value.clone();
    }
    query
}

/// Questions whose bounds cut nothing but events of one person in one cell, so that the bounded truth of each cell is known.
fn questions() -> Vec<Question> {
    vec![
        Question {
            name: "persons by NIL and quarter",
            query: query(
                "persons",
                json!({ "area": "nil", "period": "quarter" }),
                &[],
                [4, 1],
                250_000_000,
            ),
            bounded: |truth| {
                truth.persons_by(AreaLevel::Nil, PeriodKind::Quarter, FROM, TO, everybody)
            },
            raw: |truth| truth.persons_by(AreaLevel::Nil, PeriodKind::Quarter, FROM, TO, everybody),
        },
        Question {
            name: "home care by municipio and quarter, at most 5 events a person and quarter",
            query: query(
                "events",
                json!({ "area": "municipio", "period": "quarter" }),
                &[("services", json!(["home-care"]))],
                [4, 5],
                250_000_000,
            ),
            bounded: |truth| home_care(truth, Some(5)),
            raw: |truth| home_care(truth, None),
        },
        Question {
            name: "people of 75 and over living alone, by municipio",
            query: query(
                "persons",
                json!({ "area": "municipio", "target": ["alone-75-plus"] }),
                &[],
                [1, 1],
                250_000_000,
            ),
            bounded: alone_75_plus,
            raw: alone_75_plus,
        },
        Question {
            name: "minors and people of low income, by municipio",
            query: query(
                "persons",
                json!({ "area": "municipio", "target": ["low-income", "minors"] }),
                &[],
                [2, 1],
                250_000_000,
            ),
            bounded: minors_and_low_income,
            raw: minors_and_low_income,
        },
        Question {
            name: "women of 65 and over, by micro-area",
            query: query(
                "persons",
                json!({ "area": "micro-area" }),
                &[(
                    "filter",
                    json!({ "all": [{ "sex": "F" }, { "age": { "min": 65, "max": 200 } }] }),
                )],
                [1, 1],
                150_000_000,
            ),
            bounded: women_65_plus,
            raw: women_65_plus,
        },
        Question {
            name: "persons by sex and age band",
            query: query(
                "persons",
                json!({ "area": "city", "sex": true, "age_band": true }),
                &[],
                [1, 1],
                100_000_000,
            ),
            bounded: by_sex_and_age,
            raw: by_sex_and_age,
        },
    ]
}

fn home_care(truth: &Truth, clamp: Option<u64>) -> Cells {
    let truth = truth.restricted_to(&["home-care"]);
    truth.events_by(
        AreaLevel::Municipio,
        PeriodKind::Quarter,
        FROM,
        TO,
        everybody,
        clamp,
    )
}

/// Cells of the whole year, under a second key of the test's choice.
fn in_year(
    truth: &Truth,
    level: AreaLevel,
    key: &str,
    filter: impl Fn(&PersonRecord, Month) -> bool,
) -> Cells {
    let cells = truth.persons_by(level, PeriodKind::Whole, FROM, TO, filter);
    (cells.into_iter())
        .map(|((area, _), count)| ((area, key.to_owned()), count))
        .collect()
}

fn alone_75_plus(truth: &Truth) -> Cells {
    in_year(truth, AreaLevel::Municipio, "", |person, month| {
        person.age_at(month).is_some_and(|age| age >= 75) && truth.household_of(person).len() == 1
    })
}

fn minors_and_low_income(truth: &Truth) -> Cells {
    let mut cells = in_year(truth, AreaLevel::Municipio, "minors", |person, month| {
        person.age_at(month).is_some_and(|age| age < 18)
    });
    cells.extend(in_year(
        truth,
        AreaLevel::Municipio,
        "low-income",
        |person, _| person.income_band.is_some_and(|band| band <= 2),
    ));
    cells
}

fn women_65_plus(truth: &Truth) -> Cells {
    in_year(truth, AreaLevel::MicroArea, "", |person, month| {
        person.sex == Some('F') && person.age_at(month).is_some_and(|age| age >= 65)
    })
}

fn by_sex_and_age(truth: &Truth) -> Cells {
    const BANDS: [(&str, u16); 11] = [
        ("0-2", 0),
        ("3-5", 3),
        ("6-10", 6),
        ("11-13", 11),
        ("14-17", 14),
        ("18-29", 18),
        ("30-44", 30),
        ("45-64", 45),
        ("65-74", 65),
        ("75-84", 75),
        ("85+", 85),
    ];
    let band = |age: Option<u16>| {
        let reached = |age| BANDS.iter().rev().find(|(_, first)| age >= *first);
        age.and_then(reached).map_or("unknown", |(name, _)| name)
    };
    let mut cells = Cells::new();
    for sex in ["F", "M", "X"] {
        for name in BANDS.iter().map(|(name, _)| *name).chain(["unknown"]) {
            cells.extend(in_year(
                truth,
                AreaLevel::City,
                &format!("{sex}|{name}"),
                |person, month| {
                    person.sex.map_or("X".to_owned(), String::from) == sex
                        && band(person.age_at(month)) == name
                },
            ));
        }
    }
    cells
}

/// The truth of several organisations, summed.
fn summed(stack: &Stack, organisations: &[&str], of: fn(&Truth) -> Cells) -> Result<Cells> {
    let mut sum = Cells::new();
    for organisation in organisations {
        for (key, count) in of(&stack.city.truth(organisation)?) {
            *sum.entry(key).or_default() += count;
        }
    }
    Ok(sum)
}

/// A release's cells, each with area and the keys of its other axes joined by `|`; axes of one key are left out.
fn keys(release: &Value) -> Result<Vec<(String, String)>> {
    let mut keys = vec![(String::new(), String::new())];
    for axis in release["dimensions"].as_array().context("dimensions")? {
        let name = axis["name"].as_str().context("an axis has a name")?;
        let values: Vec<&str> = (axis["keys"].as_array().context("keys")?.iter())
            .filter_map(Value::as_str)
            .collect();
        let extended = |(area, rest): (String, String)| {
            let join = |value: &&str| match (name, rest.as_str()) {
                ("area", _) => ((*value).to_owned(), rest.clone()),
                _ if values.len() == 1 => (area.clone(), rest.clone()),
                (_, "") => (area.clone(), (*value).to_owned()),
                _ => (area.clone(), format!("{rest}|{value}")),
            };
            values.iter().map(join).collect::<Vec<_>>()
        };
        keys = keys.into_iter().flat_map(extended).collect();
    }
    Ok(keys)
}

fn numbers(release: &Value, field: &str) -> Result<Vec<f64>> {
    let list = release[field]
        .as_array()
        .with_context(|| field.to_owned())?;
    Ok(list.iter().filter_map(Value::as_f64).collect())
}

/// Compares a release with the bounded truth; prints what it found.
fn check_release(name: &str, release: &Value, bounded: &Cells, raw: &Cells) -> Result<()> {
    let keys = keys(release)?;
    let (values, variances) = (numbers(release, "values")?, numbers(release, "variance")?);
    let margins = numbers(release, "margin_9999")?;
    ensure!(
        values.len() == keys.len() && variances.len() == keys.len() && margins.len() == keys.len(),
        "{name}: {} keys, {} values, {} variances, {} margins",
        keys.len(),
        values.len(),
        variances.len(),
        margins.len()
    );
    for key in bounded.keys() {
        ensure!(
            keys.contains(key),
            "{name}: the release has no cell {key:?}"
        );
    }
    let (mut outside, mut chi_square) = (0, 0.0);
    for (i, key) in keys.iter().enumerate() {
        let residual = values[i] - bounded.get(key).copied().unwrap_or(0) as f64;
        outside += usize::from(residual.abs() > margins[i]);
        chi_square += residual * residual / variances[i];
        let stated = 3.890_592 * variances[i].sqrt();
        ensure!(
            (margins[i] - stated).abs() <= 1.0,
            "{name}: a 99.99 percent margin of {} at variance {}",
            margins[i],
            variances[i]
        );
    }
    let cells = keys.len();
    let (low, high) = chi_square_tails(chi_square, cells);
    let outside_tail = binomial_upper_tail(cells, MISS, outside);
    let (total, raw_total): (u64, u64) = (bounded.values().sum(), raw.values().sum());
    println!("{name}: {cells} cells, {outside} outside 99.99 percent, chi-square {chi_square:.1}");
    println!(
        "  bounded truth {total}, raw truth {raw_total}: bounding cuts off {:.2} percent; the release says {}",
        100.0 * (raw_total - total) as f64 / raw_total.max(1) as f64,
        values.iter().sum::<f64>()
    );
    ensure!(
        outside_tail >= ALPHA,
        "{name}: {outside} of {cells} cells lie outside their margin"
    );
    ensure!(
        low >= ALPHA / 2.0 && high >= ALPHA / 2.0,
        "{name}: chi-square {chi_square:.1} of {cells} cells has tails {low:e} and {high:e}"
    );
    Ok(())
}

fn named(release: &Value, list: &str) -> Vec<String> {
    let mut nodes: Vec<String> = (release["coverage"][list].as_array().into_iter().flatten())
        .filter_map(|node| node["node"].as_str().map(str::to_owned))
        .collect();
    nodes.sort();
    nodes
}

fn sorted(organisations: &[&str]) -> Vec<String> {
    let mut sorted: Vec<String> = organisations.iter().map(|&id| id.to_owned()).collect();
    sorted.sort();
    sorted
}

fn state_of(view: &Value, organisation: &str) -> Option<String> {
    let nodes = view["nodes"].as_array()?;
    let node = nodes.iter().find(|node| node["node"] == organisation)?;
    node["state"].as_str().map(str::to_owned)
}

/// Everybody but `organisation` has answered.
fn others_answered(view: &Value, organisation: &str) -> Option<()> {
    let answered = |id: &&str| state_of(view, id).as_deref() == Some("answered");
    let others = ORGANISATIONS.iter().filter(|id| **id != organisation);
    others.copied().all(|id| answered(&id)).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_lie_within_their_intervals_of_the_bounded_truth() -> Result<()> {
    let stack = Stack::start(0.02, MAX_RHO).await?;
    let mut asked = Vec::new();
    for question in questions() {
        let id = (stack.ask(&question.query, HOUR).await).context(question.name)?;
        asked.push((question, id));
    }
    let truncated = stack.ask(&by_month_at_most_three(), HOUR).await?;
    for (question, id) in &asked {
        let release = stack.release_of(id).await.context(question.name)?;
        let bounded = summed(&stack, &ORGANISATIONS, question.bounded)?;
        let raw = summed(&stack, &ORGANISATIONS, question.raw)?;
        check_release(question.name, &release, &bounded, &raw)?;
        assert_eq!(named(&release, "answered"), sorted(&ORGANISATIONS));
    }
    check_truncated(&stack, &stack.release_of(&truncated).await?)?;

    // The same question again: the release there is, and no node spends anything.
    let spent = spent(&stack).await?;
    let (question, id) = asked.first().context("a question")?;
    let release = stack.release_of(id).await?;
    let body = json!({ "study": system_tests::stack::STUDY, "query": question.query });
    let again = stack
        .website
        .post(
            "/api/v1/queries",
            &body,
            &[("idempotency-key", "asked-again")],
        )
        .await?
        .with_status(&[200])?;
    assert_eq!(again.location_id().as_deref(), release["id"].as_str());
    assert_eq!(self::spent(&stack).await?, spent);
    for node in stack.nodes.values() {
        node.audit().await?;
    }
    Ok(())
}

/// Persons by month, each in at most three months: the bound cuts cells, and which is keyed; only the total is known.
fn by_month_at_most_three() -> Value {
    query(
        "persons",
        json!({ "area": "city", "period": "month" }),
        &[],
        [3, 1],
        100_000_000,
    )
}

fn check_truncated(stack: &Stack, release: &Value) -> Result<()> {
    let (mut bounded, mut raw) = (0, 0);
    for organisation in ORGANISATIONS {
        let truth = stack.city.truth(organisation)?;
        let mut months: BTreeMap<usize, Vec<Month>> = BTreeMap::new();
        for presence in truth
            .presences
            .iter()
            .filter(|at| (FROM..=TO).contains(&at.month))
        {
            let seen = months.entry(presence.person).or_default();
            if !seen.contains(&presence.month) {
                seen.push(presence.month);
            }
        }
        bounded += months.values().map(|seen| seen.len().min(3)).sum::<usize>();
        raw += months.values().map(Vec::len).sum::<usize>();
    }
    let total: f64 = numbers(release, "values")?.iter().sum();
    let variance: f64 = numbers(release, "variance")?.iter().sum();
    let residual = total - bounded as f64;
    println!(
        "persons by month, at most 3 months a person: bounded truth {bounded}, raw truth {raw}: bounding cuts off {:.2} percent; the \
         release says {total}",
        100.0 * (raw - bounded) as f64 / raw.max(1) as f64
    );
    let (_, tail) = chi_square_tails(residual * residual / variance, 1);
    ensure!(
        tail >= ALPHA,
        "the total is {residual} off at variance {variance}"
    );
    Ok(())
}

async fn spent(stack: &Stack) -> Result<Vec<u64>> {
    let mut spent = Vec::new();
    for node in stack.nodes.values() {
        spent.push(node.balance().await?.spent.nano());
    }
    Ok(spent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_in_mid_query_answers_once_and_one_that_is_away_answers_later() -> Result<()>
{
    const KILLED: &str = "cooperativa-girasole";
    const AWAY: &str = "associazione-ortica";
    let mut stack = Stack::start(0.002, MAX_RHO).await?;
    let persons = |rho: u64| query("persons", json!({ "area": "municipio" }), &[], [1, 1], rho);
    let truth = |truth: &Truth| in_year(truth, AreaLevel::Municipio, "", everybody);

    // Killed between charge and answer.
    stack.kill_node(KILLED)?;
    stack.start_node(KILLED, Some("answer-noised"))?;
    let id = stack.ask(&persons(100_000_000), HOUR).await?;
    let process = stack.running.get_mut(KILLED).context("the node runs")?;
    process.printed("failpoint answer-noised").await?;
    stack
        .query_when(&id, |view| others_answered(view, KILLED))
        .await?;
    stack.kill_node(KILLED)?;
    let view = stack.website.get(&format!("/api/v1/queries/{id}")).await?;
    assert_eq!(view["state"], "collecting");
    stack.start_node(KILLED, None)?;
    let release = stack.release_of(&id).await?;
    assert_eq!(named(&release, "answered"), sorted(&ORGANISATIONS));
    let expected = summed(&stack, &ORGANISATIONS, truth)?;
    check_release(
        "a node was killed in mid-query",
        &release,
        &expected,
        &expected,
    )?;
    let balance = stack.node(KILLED)?.balance().await?;
    assert_eq!((balance.charges, balance.spent.nano()), (1, 100_000_000));

    // Away: a short question closes without it, a long one waits.
    stack.kill_node(AWAY)?;
    let long = stack.ask(&persons(110_000_000), HOUR).await?;
    let short = stack.ask(&persons(120_000_000), 20).await?;
    stack
        .query_when(&long, |view| others_answered(view, AWAY))
        .await?;
    let present: Vec<&str> = ORGANISATIONS.into_iter().filter(|id| *id != AWAY).collect();
    let closed = stack.release_of(&short).await?;
    assert_eq!(named(&closed, "answered"), sorted(&present));
    let absent = [named(&closed, "offline"), named(&closed, "expired")].concat();
    assert_eq!(absent, [AWAY]);
    let expected = summed(&stack, &present, truth)?;
    check_release("a node was away", &closed, &expected, &expected)?;
    let view = stack
        .website
        .get(&format!("/api/v1/queries/{long}"))
        .await?;
    assert_eq!(view["state"], "collecting");
    assert!(view["release"].is_null());

    stack.start_node(AWAY, None)?;
    let release = stack.release_of(&long).await?;
    assert_eq!(named(&release, "answered"), sorted(&ORGANISATIONS));
    let expected = summed(&stack, &ORGANISATIONS, truth)?;
    check_release("a node came back", &release, &expected, &expected)?;
    let balance = stack.node(AWAY)?.balance().await?;
    assert_eq!((balance.charges, balance.spent.nano()), (2, 210_000_000));
    for node in stack.nodes.values() {
        node.audit().await?;
    }
    Ok(())
}
