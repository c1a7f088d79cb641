//! What is demonstrated: which city, which study, which first questions. Everything here is a function of the
//! options; nothing is run.

use super::Options;
use super::state::State;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Size relative to Milan unless the options say otherwise: six registers of 256,000 clients in all.
pub(super) const SCALE: f64 = 1.0;
const ORGANISATIONS: usize = 6;
const SEED: u64 = 1;
/// The study's id.
pub(super) const STUDY: &str = "quartieri-2025";

/// The city.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// Number of organisations.
    pub(super) organisations: usize,
    /// Size relative to Milan.
    pub(super) scale: f64,
    /// Seed of the city.
    pub(super) seed: u64,
}

impl Plan {
    /// What the options ask for; what they leave open is as the folder has it, or as by default.
    ///
    /// # Errors
    /// When they contradict what the folder holds.
    pub(super) fn resolve(options: &Options, state: Option<&State>) -> Result<Plan> {
        let there = state.map_or(
            Plan {
                organisations: ORGANISATIONS,
                scale: SCALE,
                seed: SEED,
            },
            |state| state.plan().clone(),
        );
        let plan = Plan {
            organisations: options
                .organisations
                .map_or(there.organisations, usize::from),
            scale: options.scale.unwrap_or(there.scale),
            seed: options.seed.unwrap_or(there.seed),
        };
        if state.is_some() && plan != there {
            bail!(
                "the folder holds a city of {} organisations at scale {} with seed {}; --fresh replaces it, --dir puts another beside it",
                there.organisations,
                there.scale,
                there.seed
            );
        }
        Ok(plan)
    }

    /// As `state.json` keeps it.
    pub(super) fn to_json(&self) -> Value {
        json!({ "organisations": self.organisations, "scale": self.scale, "seed": self.seed })
    }

    /// Reads what [`Plan::to_json`] wrote.
    ///
    /// # Errors
    /// When a field is missing.
    pub(super) fn from_json(value: &Value) -> Result<Plan> {
        let organisations = value["organisations"].as_u64().context("organisations")?;
        Ok(Plan {
            organisations: usize::try_from(organisations)?,
            scale: value["scale"].as_f64().context("scale")?,
            seed: value["seed"].as_u64().context("seed")?,
        })
    }
}

/// The study: the first organisation asks all of them. Valid for a year from the day before `now`, Unix seconds.
pub(super) fn study(organisations: &[String], now: i64) -> Value {
    const DAY: i64 = 86_400;
    json!({
        "version": 1,
        "id": STUDY,
        "title": "Bisogni e servizi nei quartieri di Milano",
        "requester": organisations.first(),
        "purpose": "service-planning",
        "lawful_basis": "art6-1-e",
        "special_categories": ["art9-2-g"],
        "participants": organisations,
        "measures": ["persons", "events", "households", "first-time", "sum", "bins"],
        "targets": [
            "minors", "elderly-75-plus", "women-18-64", "living-alone", "alone-75-plus", "single-parent-families",
            "housing-need", "income-support", "severe-disability", "low-income", "frequent-users",
        ],
        "finest_level": "micro-area",
        "max_rho_per_query": 250_000_000,
        // The first questions cost 0.6; what is left pays for twenty more at 0.1. Epsilon 14 in all, at delta 1e-6.
        "max_rho_total": 2_600_000_000_u64,
        "valid_from": now - DAY,
        "valid_until": now + 365 * DAY,
    })
}

/// A first question.
pub(super) struct Question {
    /// Its name in the state and in the idempotency key.
    pub(super) key: &'static str,
    /// What it asks, for people.
    pub(super) title: String,
    /// The question.
    pub(super) query: Value,
}

/// The first questions. Each cell's standard deviation over six nodes is named beside its price.
pub(super) fn questions(year: u16) -> Vec<Question> {
    let asked = json!({ "from": format!("{year}-01"), "to": format!("{year}-12") });
    let persons = |by: Value, cells: u32, rho: u32| {
        json!({
            "version": 1, "measure": "persons", "by": by, "period": asked,
            "bounds": { "cells": cells, "per_cell": 1 }, "rho": rho,
        })
    };
    vec![
        Question {
            key: "persons-by-nil",
            title: format!("Presences by neighbourhood, {year}"),
            // 1 cell: 7.7
            query: persons(json!({ "area": "nil" }), 1, 50_000_000),
        },
        Question {
            key: "persons-by-nil-and-quarter",
            title: format!("Presences by neighbourhood and quarter, {year}"),
            // 4 cells: 11
            query: persons(
                json!({ "area": "nil", "period": "quarter" }),
                4,
                100_000_000,
            ),
        },
        Question {
            key: "persons-by-municipio-and-target",
            title: format!("Presences by municipio and target group, {year}"),
            // Nobody is both a minor and over 75, so 3 of 4 cells bound nobody: 13
            query: persons(
                json!({ "area": "municipio", "target": ["minors", "elderly-75-plus", "low-income", "housing-need"] }),
                3,
                50_000_000,
            ),
        },
        Question {
            key: "home-care-by-nil",
            title: format!(
                "Home care: interventions by neighbourhood, {year} (at most 10 a person)"
            ),
            // 1 cell of at most 10: 55
            query: json!({
                "version": 1, "measure": "events", "by": { "area": "nil" }, "period": asked,
                "services": ["home-care"], "bounds": { "cells": 1, "per_cell": 10 }, "rho": 100_000_000,
            }),
        },
        Question {
            key: "persons-by-sex-and-age",
            title: format!("Presences by sex and age, whole city, {year}"),
            // 1 cell: 12
            query: persons(
                json!({ "area": "city", "sex": true, "age_band": true }),
                1,
                20_000_000,
            ),
        },
        Question {
            key: "persons-by-micro-area",
            title: format!("Presences by micro-area, {year}"),
            // 1 cell: 8.7
            query: persons(json!({ "area": "micro-area" }), 1, 40_000_000),
        },
        Question {
            key: "households-by-municipio-and-kind",
            title: format!("Households by municipio and kind, {year}"),
            // 1 cell, and a household may move from one to another: 12
            query: json!({
                "version": 1, "measure": "households", "by": { "area": "municipio", "household": true }, "period": asked,
                "bounds": { "cells": 1, "per_cell": 1 }, "rho": 40_000_000,
            }),
        },
        Question {
            key: "alone-75-plus-by-nil",
            title: format!(
                "Presences of people of 75 and over living alone, by neighbourhood, {year}"
            ),
            // 1 cell, and who lives alone follows from the household: 33
            query: persons(
                json!({ "area": "nil", "target": ["alone-75-plus"] }),
                1,
                200_000_000,
            ),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_questions_leave_budget_for_twenty_more() {
        let spent: u64 = (questions(2025).iter())
            .map(|question| question.query["rho"].as_u64().expect("rho"))
            .sum();
        assert_eq!(spent, 600_000_000);
        let study = study(&["a".to_owned()], 0);
        let total = study["max_rho_total"].as_u64().expect("total");
        assert!(total - spent >= 20 * 100_000_000);
    }

    #[test]
    fn every_first_question_is_within_the_study() {
        let study = study(&["a".to_owned(), "b".to_owned()], 0);
        for question in questions(2025) {
            let rho = question.query["rho"].as_u64();
            assert!(
                rho <= study["max_rho_per_query"].as_u64(),
                "{}",
                question.key
            );
            for target in question.query["by"]["target"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let targets = study["targets"].as_array().expect("targets");
                assert!(targets.contains(target), "{}", question.key);
            }
        }
        assert_eq!(study["requester"], "a");
    }

    #[test]
    fn first_questions_have_keys_of_their_own() {
        let mut keys: Vec<&str> = questions(2025)
            .iter()
            .map(|question| question.key)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), questions(2025).len());
    }

    #[test]
    fn options_win_over_defaults_and_may_not_contradict_the_folder() {
        let options = Options {
            scale: Some(0.5),
            ..Options::default()
        };
        let plan = Plan::resolve(&options, None).expect("resolved");
        assert_eq!((plan.scale, plan.organisations), (0.5, ORGANISATIONS));

        let dir = tempfile::tempdir().expect("folder");
        let state = State::create(dir.path(), plan.clone()).expect("made");
        assert_eq!(
            Plan::resolve(&Options::default(), Some(&state)).expect("as there"),
            plan
        );
        let other = Options {
            seed: Some(9),
            ..Options::default()
        };
        let error = Plan::resolve(&other, Some(&state)).expect_err("another city");
        assert!(error.to_string().contains("--fresh"));
    }
}
