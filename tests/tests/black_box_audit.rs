//! A black-box audit: two registers that differ in all rows of one person, a node for each, and a judge who sees only the answers
//! the nodes sign. What the judge proves about the loss must stay under what was charged, for every measure.
//!
//! The person joins a family that is on record already, and has more events, in more cells and worth more than any bound lets
//! through, so that answers differ as far as bounds and price allow. Equal questions are answered from the store, so every ask
//! raises rho by one nano-rho: another question with the same bounds and, to a relative 1e-5, the same noise; the claim is the largest.
//! Each register stands in several nodes that were given the same secret: a ledger's work grows with its length.
//!
//! **Planted faults.** The noise of a discrete Gaussian depends on D2 / sqrt(2 rho) only. So a node that forgot something and is
//! asked for rho answers exactly as an honest node does to a dearer question, and the audit is given those answers with the cheaper
//! claim. No faulty node has to be built, and nothing of this can be linked into a program:
//! - *noise halved*: sigma / 2 is the noise of the same question at 4 rho;
//! - *L0 not enforced*: cells of 12 months with the noise of L0 = 1 are what L0 = 12 answers at 12 rho;
//! - *values not clamped*: sums up to 4 Linf with the noise of Linf are what the bound 4 Linf answers at 16 rho;
//! - *household not priced*: kinds of household with the noise of D2 = 1 instead of sqrt(72) are what is answered at 72 rho.
//!
//! **Error rates.** Each bound is wrong with probability at most 1e-6 / 20 (Clopper-Pearson; see `system_tests::audit`), 13 bounds in all:
//! a false alarm has probability below 1e-6. That a planted fault is missed, or that an honest question is proven to lose less than a
//! 25th of what it does lose, has probability below 1e-6 / 13 each, computed before anything is asked, for a judge that has learnt nine
//! tenths of the distance.

use anyhow::{Context, Result, ensure};
use privacy_loss::{NanoRho, epsilon};
use protocol::Envelope;
use query::AggregateQuery;
use serde_json::{Value, json};
use std::sync::Arc;
use system_tests::audit::{Bound, Draws, Judge, miss};
use system_tests::library_node::{Allowance, LibraryNode};
use system_tests::neighbours::{SERVICES, newcomer, people, write_register};
use system_tests::requester::{Requester, study};
use system_tests::witness::Witness;

const FALSE_ALARM: f64 = 1e-6 / 20.0;
const MISS: f64 = 1e-6 / 13.0;
const DELTA: f64 = 1e-6;
/// Answers of each register on which a judge learns.
const TRAINING: usize = 100;
/// Answers of each register on which it is tried, for a question asked honestly.
const TRIED: usize = 320;
/// Nodes for each register.
const NODES: usize = 30;
/// rho of an honest question: Gaussians 1.7 standard deviations apart, where a judge proves most of the loss.
const RHO: u64 = 1_500_000_000;
/// An audit that proves less than this part of the loss shows next to nothing.
const FLOOR: f64 = 0.04;
/// The family's members by kind of household: five leave one cell, six are counted in another, of a price for 72.
const ELEVEN_COUNTS: f64 = 61.0 / 72.0;
/// The family's members among single-parent families: five leave.
const FIVE_COUNTS: f64 = 25.0 / 72.0;

/// A question of an audit, and what is claimed about it.
struct Case {
    name: &'static str,
    /// The question, but for rho.
    query: Value,
    /// What is asked, nano-rho.
    asked: u64,
    /// What a node that forgot something would have claimed, nano-rho; what is asked where it forgot nothing.
    claimed: u64,
    /// What these registers can lose of what is asked: 1 where they differ by all that the price allows for.
    reach: f64,
    /// Answers of each register on which the judge is tried.
    tried: usize,
}

fn question(measure: &str, by: Value, cells: u32, per_cell: u32) -> Value {
    let mut by = by;
    by["area"] = json!("city");
    json!({
        "version": 1, "measure": measure, "by": by, "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": cells, "per_cell": per_cell },
    })
}

fn with(mut question: Value, more: Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        question[key] = value.clone();
    }
    question
}

/// Every measure, and questions that read the household.
fn honest() -> Vec<Case> {
    let monthly = || json!({ "period": "month" });
    let questions = [
        ("persons", question("persons", monthly(), 3, 1)),
        (
            "households",
            question(
                "households",
                json!({ "household": true, "period": "quarter" }),
                2,
                1,
            ),
        ),
        ("events", question("events", monthly(), 2, 4)),
        (
            "sum",
            with(
                question("sum", monthly(), 2, 50_000),
                json!({ "quantity": "amount" }),
            ),
        ),
        (
            "bins",
            with(
                question("bins", monthly(), 3, 1),
                json!({ "quantity": "amount", "edges": [500, 100_000] }),
            ),
        ),
        (
            "first-time",
            with(
                question(
                    "first-time",
                    json!({ "service": true, "period": "quarter" }),
                    2,
                    1,
                ),
                json!({ "services": SERVICES }),
            ),
        ),
        // Several levels and what the bounds cut off, each with its share of the loss.
        (
            "persons at two levels",
            with(
                question("persons", json!({ "period": "quarter" }), 1, 1),
                json!({
                    "by": { "area": { "city": 40, "municipio": 30 }, "period": "quarter" },
                    "cut_off": { "at_most": 3, "share": 30 },
                }),
            ),
        ),
        (
            "persons by kind of household",
            question("persons", json!({ "household": true }), 1, 1),
        ),
        (
            "persons in a family target",
            question(
                "persons",
                json!({ "target": ["single-parent-families"] }),
                1,
                1,
            ),
        ),
    ];
    (questions.into_iter())
        .map(|(name, query)| {
            let reach = match name {
                "persons by kind of household" => ELEVEN_COUNTS,
                "persons in a family target" => FIVE_COUNTS,
                _ => 1.0,
            };
            // Asked so dear that the registers lose the same in each case.
            let asked = (RHO as f64 / reach) as u64;
            Case {
                name,
                query,
                asked,
                claimed: asked,
                reach,
                tried: TRIED,
            }
        })
        .collect()
}

fn planted() -> Vec<Case> {
    let monthly = || json!({ "period": "month" });
    vec![
        Case {
            name: "noise halved",
            query: question("persons", monthly(), 3, 1),
            asked: 4 * RHO,
            claimed: RHO,
            reach: 1.0,
            tried: 1_200,
        },
        Case {
            name: "L0 not enforced",
            query: question("persons", monthly(), 12, 1),
            asked: 12 * RHO / 4,
            claimed: RHO / 4,
            reach: 1.0,
            tried: 300,
        },
        Case {
            name: "values not clamped",
            query: with(
                question("sum", monthly(), 2, 200_000),
                json!({ "quantity": "amount" }),
            ),
            asked: 16 * RHO / 4,
            claimed: RHO / 4,
            reach: 1.0,
            tried: 300,
        },
        Case {
            name: "household not priced",
            query: question("persons", json!({ "household": true }), 1, 1),
            asked: 72 * RHO / 24,
            claimed: RHO / 24,
            reach: ELEVEN_COUNTS,
            tried: 300,
        },
    ]
}

impl Case {
    fn answers(&self) -> usize {
        TRAINING + self.tried
    }

    /// The question as it is asked for the `number`-th time.
    fn text(&self, number: usize) -> String {
        with(
            self.query.clone(),
            json!({ "rho": self.asked + number as u64 }),
        )
        .to_string()
    }

    fn claim(&self) -> NanoRho {
        // Every repetition was charged a little more than the one before.
        NanoRho::new(self.claimed + self.answers() as u64)
    }

    /// Standard deviations between the answers of the two registers.
    fn distance(&self) -> f64 {
        (2.0 * self.reach * NanoRho::new(self.asked).rho()).sqrt()
    }

    /// What must be proven: a fault, or of an honest question a part of what the registers lose.
    fn least(&self) -> f64 {
        if self.asked == self.claimed {
            FLOOR * self.reach * self.claim().rho()
        } else {
            self.claim().rho()
        }
    }

    fn print(&self, bound: &Bound) {
        let claim = self.claim();
        println!(
            "{:<30} right {:>4} of {:>4}  rho >= {:.3} of {:.3} claimed ({:>3.0}%)  epsilon >= {:.2} of {:.2} at delta {DELTA:.0e}",
            self.name,
            bound.right,
            bound.trials,
            bound.rho,
            claim.rho(),
            100.0 * bound.rho / claim.rho(),
            bound.epsilon(DELTA),
            epsilon(claim, DELTA),
        );
    }
}

/// Nodes of one register.
struct Side {
    nodes: Vec<Arc<LibraryNode>>,
}

struct Bed {
    requester: Arc<Requester>,
    study: Arc<Envelope>,
    without: Side,
    with: Side,
    _witness: Witness,
    _dir: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Result<Bed> {
        let dir = tempfile::tempdir()?;
        let requester = Requester::new()?;
        let witness = Witness::start()?;
        let names = |side: &'static str| (0..NODES).map(move |n| format!("{side}-{n}"));
        let participants: Vec<String> = names("without").chain(names("with")).collect();
        let participants: Vec<&str> = participants.iter().map(String::as_str).collect();
        let allowance = Allowance {
            cap: 1 << 50,
            per_query: 1 << 40,
        };
        let mut content = study("audit", &participants, allowance.cap);
        content.max_rho_per_query = NanoRho::new(allowance.per_query);
        let study = requester.sign_study(&content)?;
        witness.publish(study.clone());

        let mut sides = Vec::new();
        for side in ["without", "with"] {
            let mut people = people();
            if side == "with" {
                people.push(newcomer());
            }
            let register = write_register(&dir.path().join(format!("{side}.csv")), &people)?;
            let mut nodes = Vec::new();
            for name in names(side) {
                // One secret, so that choices that are keyed fall alike, as they do in one node.
                let node = LibraryNode::enrol(
                    dir.path(),
                    &name,
                    &register,
                    &[7; 32],
                    &requester,
                    &witness,
                    allowance,
                );
                nodes.push(Arc::new(node.await?));
            }
            sides.push(Side { nodes });
        }
        let with = sides.pop().context("two sides")?;
        let without = sides.pop().context("two sides")?;
        Ok(Bed {
            requester: Arc::new(requester),
            study: Arc::new(study),
            without,
            with,
            _witness: witness,
            _dir: dir,
        })
    }

    /// Asks every question as often as its case says, at every node of a side its share.
    async fn ask_all(&self, side: &Side, cases: &[Case]) -> Result<Vec<Vec<Vec<i64>>>> {
        let mut tasks = Vec::new();
        for (share, node) in side.nodes.iter().enumerate() {
            let questions: Vec<(usize, Vec<String>)> = (cases.iter().enumerate())
                .map(|(case, asked)| {
                    let mine = (share..asked.answers()).step_by(side.nodes.len());
                    (case, mine.map(|number| asked.text(number)).collect())
                })
                .collect();
            let (node, requester) = (Arc::clone(node), Arc::clone(&self.requester));
            let study = Arc::clone(&self.study);
            tasks.push(tokio::spawn(async move {
                let mut answers = Vec::new();
                for (case, texts) in questions {
                    for text in texts {
                        answers.push((case, node.cells(&requester, &study, &text).await?));
                    }
                }
                anyhow::Ok(answers)
            }));
        }
        let mut drawn = vec![Vec::new(); cases.len()];
        for task in tasks {
            for (case, cells) in task.await?? {
                drawn[case].push(cells);
            }
        }
        Ok(drawn)
    }

    /// What a judge proves in each case.
    async fn audit(&self, cases: &[Case]) -> Result<Vec<Bound>> {
        let (without, with) = tokio::try_join!(
            self.ask_all(&self.without, cases),
            self.ask_all(&self.with, cases)
        )?;
        let draws = without.into_iter().zip(with);
        let bounds = draws.map(|(without, with)| {
            let (training, fresh) = Draws { without, with }.split(TRAINING);
            Judge::learn(&training).trial(&fresh, FALSE_ALARM)
        });
        Ok(bounds.collect())
    }

    /// No answer came from the store, and each was charged for.
    async fn charged_for_each(&self, cases: &[Case]) -> Result<()> {
        let expected: usize = cases.iter().map(Case::answers).sum();
        for side in [&self.without, &self.with] {
            let mut charges = 0;
            for node in &side.nodes {
                charges += node.node.ledger().balance().await?.charges;
            }
            ensure!(
                charges == expected as u64,
                "{charges} charges for {expected} answers"
            );
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_judge_proves_from_answers_stays_under_the_charge_and_planted_faults_are_caught()
-> Result<()> {
    let (honest, planted) = (honest(), planted());
    for case in honest.iter().chain(&planted) {
        let missed = miss(
            2 * case.tried,
            0.9 * case.distance(),
            case.least(),
            FALSE_ALARM,
        );
        ensure!(
            missed < MISS,
            "`{}` is missed with probability {missed:e}",
            case.name
        );
    }

    let cases: Vec<Case> = honest.into_iter().chain(planted).collect();
    for case in &cases {
        AggregateQuery::parse(case.text(0).as_bytes())
            .map_err(|refusal| anyhow::anyhow!("{}: {refusal}", case.name))?;
    }
    let bed = Bed::new().await?;
    let began = std::time::Instant::now();
    let bounds = bed.audit(&cases).await?;
    println!(
        "{} answers in {:.0} s",
        2 * cases.iter().map(Case::answers).sum::<usize>(),
        began.elapsed().as_secs_f64()
    );
    bed.charged_for_each(&cases).await?;
    for (case, bound) in cases.iter().zip(&bounds) {
        case.print(bound);
    }
    for (case, bound) in cases.iter().zip(&bounds) {
        if case.asked == case.claimed {
            assert!(
                bound.rho <= case.claim().rho(),
                "{} loses more than claimed",
                case.name
            );
            assert!(
                bound.epsilon(DELTA) <= epsilon(case.claim(), DELTA),
                "{}",
                case.name
            );
            assert!(bound.rho > case.least(), "{} is hardly audited", case.name);
        } else {
            assert!(bound.rho > case.least(), "`{}` went unnoticed", case.name);
        }
    }
    Ok(())
}
