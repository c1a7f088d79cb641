//! What an asker may try in order to learn more than was paid for: asking the same in other words, asking a part and its complement,
//! overlapping groups, averaging. Equal questions are answered from the store at no charge; every other question is charged, the sum of
//! charges is what the ledger holds, and no sequence passes a cap.
//!
//! The node is the real one as a library; the asker has a pinned key and says whatever is legal. False alarms: 1e-6 for each of
//! the two tests that look at noise.

use anyhow::{Context, Result, ensure};
use privacy_loss::NanoRho;
use protocol::{Answer, Envelope, Outcome, Receipt};
use query::AggregateQuery;
use serde_json::{Value, json};
use system_tests::library_node::{Allowance, LibraryNode};
use system_tests::neighbours::{people, write_register};
use system_tests::requester::{Requester, study};
use system_tests::statistics::chi_square_tails;
use system_tests::witness::Witness;

const FALSE_ALARM: f64 = 1e-6;
const RHO: u64 = 100_000_000;
const NODE: &str = "cooperativa-lambro";

struct Bed {
    requester: Requester,
    studies: Vec<Envelope>,
    node: LibraryNode,
    _witness: Witness,
    _dir: tempfile::TempDir,
}

impl Bed {
    async fn new(cap: u64) -> Result<Bed> {
        let dir = tempfile::tempdir()?;
        let requester = Requester::new()?;
        let witness = Witness::start()?;
        let mut studies = Vec::new();
        for id in ["elderly", "families"] {
            let mut content = study(id, &[NODE], cap);
            content.max_rho_per_query = NanoRho::new(cap);
            let study = requester.sign_study(&content)?;
            witness.publish(study.clone());
            studies.push(study);
        }
        let register = write_register(&dir.path().join("register.csv"), &people())?;
        let allowance = Allowance {
            cap,
            per_query: cap,
        };
        let node = LibraryNode::enrol(
            dir.path(),
            NODE,
            &register,
            &[7; 32],
            &requester,
            &witness,
            allowance,
        )
        .await?;
        Ok(Bed {
            requester,
            studies,
            node,
            _witness: witness,
            _dir: dir,
        })
    }

    async fn ask_in(&self, study: usize, query: &str) -> Result<Answer> {
        let answer = self.node.ask(&self.requester, &self.studies[study], query);
        answer.await.with_context(|| query.to_owned())
    }

    async fn released(&self, query: &str) -> Result<(Vec<i64>, Receipt)> {
        opened(self.ask_in(0, query).await?)
    }

    async fn spent(&self) -> Result<u64> {
        Ok(self.node.node.ledger().balance().await?.spent.nano())
    }
}

fn opened(answer: Answer) -> Result<(Vec<i64>, Receipt)> {
    match answer.outcome {
        Outcome::Answered { cells, receipt } => Ok((cells, receipt)),
        Outcome::Refused { field, code, .. } => anyhow::bail!("refused at {field}: {code}"),
    }
}

fn hash(query: &str) -> Result<String> {
    let query = AggregateQuery::parse(query.as_bytes())
        .map_err(|refusal| anyhow::anyhow!("{refusal}: {query}"))?;
    Ok(query.hash().to_string())
}

/// One question, spelt in every way that an asker may think of.
fn spellings() -> Vec<String> {
    let services: Vec<&str> = (taxonomy::Taxonomy::built_in().services().iter())
        .map(|service| service.id.as_str())
        .collect();
    let spelt = |filter: &str, rest: &str| {
        format!(
            r#"{{"version":1,"measure":"persons","by":{{"area":"municipio","target":["minors"]}},
                "period":{{"from":"2025-01","to":"2025-12"}},"bounds":{{"cells":1,"per_cell":1}},
                "filter":{filter}{rest},"rho":{RHO}}}"#
        )
    };
    let plain = r#"{"all":[{"sex":"F"},{"age":{"min":0,"max":40}}]}"#;
    let all_services = format!(r#","services":{}"#, json!(services));
    let mut reversed = services.clone();
    reversed.reverse();
    vec![
        spelt(plain, ""),
        // Keys in another order, white space.
        format!(
            r#"{{ "rho" : {RHO}, "bounds" : {{ "per_cell" : 1, "cells" : 1 }}, "filter" :
                {{ "all" : [ {{ "age" : {{ "max" : 40, "min" : 0 }} }}, {{ "sex" : "F" }} ] }},
                "period" : {{ "to" : "2025-12", "from" : "2025-01" }},
                "by" : {{ "target" : [ "minors" ], "area" : "municipio" }}, "measure" : "persons", "version" : 1 }}"#
        ),
        // Conditions twice, nested, alone in a list, negated twice.
        spelt(
            r#"{"all":[{"age":{"min":0,"max":40}},{"sex":"F"},{"sex":"F"}]}"#,
            "",
        ),
        spelt(
            r#"{"all":[{"all":[{"sex":"F"}]},{"any":[{"age":{"min":0,"max":40}}]}]}"#,
            "",
        ),
        spelt(
            r#"{"not":{"not":{"all":[{"sex":"F"},{"age":{"min":0,"max":40}}]}}}"#,
            "",
        ),
        spelt(
            r#"{"all":[{"not":{"not":{"sex":"F"}}},{"age":{"min":0,"max":40}}]}"#,
            "",
        ),
        // Every service is what no list of services means, in whatever order.
        spelt(plain, &all_services),
        spelt(plain, &format!(r#","services":{}"#, json!(reversed))),
        // What is false is what is absent.
        spelt(plain, "").replace(
            r#""area":"municipio","#,
            r#""area":"municipio","sex":false,"service":false,"household":false,"#,
        ),
    ]
}

#[tokio::test]
async fn a_question_spelt_anew_is_answered_from_the_store_at_no_charge() -> Result<()> {
    let bed = Bed::new(10 * RHO).await?;
    let spellings = spellings();
    let (first, receipt) = bed.released(&spellings[0]).await?;
    ensure!(!receipt.reused && bed.spent().await? == RHO);
    for spelling in &spellings {
        assert_eq!(hash(spelling)?, hash(&spellings[0])?, "{spelling}");
        // In another study too: it is the same people's data, whatever it is asked for.
        for study in 0..2 {
            let (cells, receipt) = opened(bed.ask_in(study, spelling).await?)?;
            assert_eq!(cells, first, "{spelling}");
            assert!(receipt.reused, "{spelling}");
        }
    }
    assert_eq!(bed.spent().await?, RHO);
    Ok(())
}

fn persons(filter: Option<Value>, rho: u64) -> String {
    let mut question = json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    });
    if let Some(filter) = filter {
        question["filter"] = filter;
    }
    question.to_string()
}

#[tokio::test]
async fn complements_and_overlapping_groups_are_each_charged_and_no_sequence_passes_the_cap()
-> Result<()> {
    let affordable = 12;
    let cap = affordable * RHO + RHO / 2;
    let bed = Bed::new(cap).await?;
    let age = |min: u16, max: u16| json!({ "age": { "min": min, "max": max } });
    let women = json!({ "sex": "F" });
    let mut questions = vec![
        // A group, its complement, everybody.
        persons(Some(women.clone()), RHO),
        persons(Some(json!({ "not": women })), RHO),
        persons(None, RHO),
        // Groups that differ in one year of age, so in few people.
        persons(Some(age(0, 10)), RHO),
        persons(Some(age(0, 11)), RHO),
        persons(Some(age(11, 200)), RHO),
        // The same group in words the normal form does not bring together: charged as another question.
        persons(Some(json!({ "not": { "any": [women, age(0, 10)] } })), RHO),
        persons(
            Some(json!({ "all": [{ "not": women }, { "not": age(0, 10) }] })),
            RHO,
        ),
        persons(
            Some(json!({ "all": [{ "not": women }, age(11, 200)] })),
            RHO,
        ),
    ];
    questions.extend((20..40).map(|max| persons(Some(age(0, max)), RHO)));

    let mut charged = 0;
    for question in &questions {
        let before = bed.spent().await?;
        match bed.ask_in(0, question).await?.outcome {
            Outcome::Answered { receipt, .. } => {
                assert!(!receipt.reused, "{question}");
                assert_eq!(receipt.rho.nano(), RHO);
                charged += RHO;
            }
            Outcome::Refused { rule, code, .. } => {
                assert_eq!((&*rule, &*code), ("ledger", "cap-exceeded"), "{question}");
                assert_eq!(
                    before,
                    affordable * RHO,
                    "refused only where the cap would be passed"
                );
            }
        }
        assert_eq!(bed.spent().await?, charged);
        assert!(charged <= cap);
    }
    assert_eq!(charged, affordable * RHO);
    // What was released stays to be had.
    let (_, receipt) = bed.released(&questions[0]).await?;
    assert!(receipt.reused);
    // The book says the same as the log, entry by entry.
    let report = bed.node.node.ledger().verify(&[]).await?;
    ensure!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(
        (report.charges, report.spent_nano),
        (affordable, u128::from(charged))
    );
    Ok(())
}

#[tokio::test]
async fn the_difference_of_a_whole_and_a_part_is_noisier_than_either() -> Result<()> {
    let bed = Bed::new(1 << 50).await?;
    // Nobody lives in any area but one: what is left of `all - women - men` is noise, in every cell.
    let mut residues = Vec::new();
    let mut variance = 0.0;
    for turn in 0..8 {
        let rho = RHO + turn;
        let (women, receipt) = bed
            .released(&persons(Some(json!({ "sex": "F" })), rho))
            .await?;
        let (others, _) =
            (bed.released(&persons(Some(json!({ "not": { "sex": "F" } })), rho))).await?;
        let (all, _) = bed.released(&persons(None, rho)).await?;
        variance = receipt.slices[0].variance;
        residues.extend(
            all.iter()
                .zip(women.iter().zip(&others))
                .map(|(all, (a, b))| all - a - b),
        );
    }
    // Three independent noises: chi-square in units of three variances, two-sided.
    let squares: f64 = residues.iter().map(|r| (r * r) as f64).sum();
    let (below, above) = chi_square_tails(squares / (3.0 * variance), residues.len());
    ensure!(
        below > FALSE_ALARM / 2.0 && above > FALSE_ALARM / 2.0,
        "the residue's variance is {} times that of one answer, not 3",
        squares / residues.len() as f64 / variance
    );
    Ok(())
}

#[tokio::test]
async fn averaging_answers_gains_nothing_over_one_question_at_their_summed_charge() -> Result<()> {
    let bed = Bed::new(1 << 50).await?;
    let times = 40;
    let mut sum: Vec<i64> = Vec::new();
    for turn in 0..times {
        // The least that makes it another question, so that it is computed anew.
        let (cells, receipt) = bed.released(&persons(None, RHO + turn)).await?;
        ensure!(!receipt.reused);
        if sum.is_empty() {
            sum = vec![0; cells.len()];
        }
        sum.iter_mut()
            .zip(cells)
            .for_each(|(sum, cell)| *sum += cell);
    }
    let paid = bed.spent().await?;
    assert_eq!(paid, (0..times).map(|turn| RHO + turn).sum::<u64>());

    // What one question at the whole price would have: the variance of the mean may not fall below it.
    let one = AggregateQuery::parse(persons(None, paid).as_bytes())
        .map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let at_once = privacy_loss::price(&one).finest().variance();
    // All live in NIL 15, which lies in one municipio or more: elsewhere the exact count is zero.
    let exact: Vec<f64> = exact_counts(&bed).await?;
    let squares: f64 = (sum.iter().zip(&exact))
        .map(|(&sum, exact)| (sum as f64 / times as f64 - exact).powi(2))
        .sum();
    let (below, above) = chi_square_tails(squares / at_once, sum.len());
    ensure!(
        below > FALSE_ALARM / 2.0 && above > FALSE_ALARM / 2.0,
        "the mean's variance is {} times that of one question at the same charge",
        squares / sum.len() as f64 / at_once
    );
    Ok(())
}

/// The exact counts, through a question at a price no real policy allows, whose noise is zero in every cell but with probability
/// exp(-2000).
async fn exact_counts(bed: &Bed) -> Result<Vec<f64>> {
    let (cells, receipt) = bed.released(&persons(None, 2_000 * 1_000_000_000)).await?;
    ensure!(receipt.slices[0].sigma < 0.02, "{:?}", receipt.slices);
    ensure!(
        cells.iter().sum::<i64>() == people().len() as i64,
        "{cells:?}"
    );
    Ok(cells.into_iter().map(|cell| cell as f64).collect())
}
