//! The black-box audit once more, in small, over everything that lies between a register and a reader: an analyst asks the website's API of a
//! running coordinator, two running nodes answer, and the judge sees the releases. Each node has a study of its own, so that a release is
//! one node's answer. How faults are planted and what the bounds prove is said in `black_box_audit`.
//!
//! Error rates: a false alarm and a miss have probability below 1e-6 each; the latter is computed before anything is asked.

use anyhow::{Context, Result, ensure};
use privacy_loss::{NanoRho, epsilon};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use system_tests::PATIENCE;
use system_tests::audit::{Draws, Judge, miss};
use system_tests::neighbours::{newcomer, people, write_register};
use system_tests::node::Node;
use system_tests::requester::{REQUESTER, request_id, study};
use system_tests::stack::Office;

const FALSE_ALARM: f64 = 1e-6 / 4.0;
const MISS: f64 = 1e-6 / 2.0;
const TRAINING: usize = 15;
const TRIED: usize = 60;
/// Questions in the coordinator's hands at a time.
const AT_ONCE: usize = 40;
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The register without the person is the requester's own.
const SIDES: [(&str, &str); 2] = [(REQUESTER, "without"), ("cooperativa-lambro", "with")];

struct Case {
    name: &'static str,
    by: Value,
    asked: u64,
    claimed: u64,
    /// What these registers lose of what is asked.
    reach: f64,
    /// What must be proven.
    least: f64,
}

fn cases() -> [Case; 2] {
    let honest = 8_000_000_000;
    let claimed = 125_000_000;
    [
        Case {
            name: "persons",
            by: json!({ "area": "city" }),
            asked: honest,
            claimed: honest,
            reach: 1.0,
            least: 0.01 * honest as f64 / 1e9,
        },
        Case {
            name: "household not priced",
            by: json!({ "area": "city", "household": true }),
            asked: 72 * claimed,
            claimed,
            reach: 61.0 / 72.0,
            least: claimed as f64 / 1e9,
        },
    ]
}

/// The coordinator and both nodes, each with its study.
struct Bed {
    office: Office,
    _nodes: Vec<system_tests::process::Process>,
    _dir: tempfile::TempDir,
}

impl Bed {
    async fn start() -> Result<Bed> {
        let dir = tempfile::tempdir()?;
        let office = Office::start(dir.path()).await?;
        let mut nodes: Vec<Node> = Vec::new();
        for (organisation, side) in SIDES {
            let mut people = people();
            if side == "with" {
                people.push(newcomer());
            }
            let register = write_register(&dir.path().join(format!("{side}.csv")), &people)?;
            let requester = nodes.first().and_then(Node::requester_key);
            let pinned = requester.as_ref().map(|key| (REQUESTER, key));
            let node = Node::init(dir.path(), organisation, &register, pinned).await?;
            // One secret, so that choices that are keyed fall alike, as they do in one node.
            std::fs::write(node.dir().join("keys").join("pseudonym.key"), [7; 32])?;
            let cap = 1 << 50;
            let caps = [
                "lifetime",
                "per_year",
                "per_dataset",
                "per_purpose",
                "per_study",
                "max_rho_per_query",
            ];
            node.edit_policy(&caps.map(|key| (key, cap))).await?;
            node.join(&office.invite(organisation).await?).await?;
            nodes.push(node);
        }
        for (organisation, id) in SIDES {
            let mut content = study(id, &[organisation], 1 << 50);
            content.max_rho_per_query = NanoRho::new(1 << 40);
            let file = dir.path().join(format!("{id}.json"));
            std::fs::write(&file, serde_json::to_vec(&content)?)?;
            let file = file.to_str().context("a path in UTF-8")?;
            nodes[0]
                .command(&["study", "propose"], &["--file", file])
                .await?;
        }
        let mut running = Vec::new();
        for (node, (_, study)) in nodes.iter_mut().zip(SIDES) {
            node.countersign(study).await?;
            running.push(node.start(None)?);
        }
        let began = Instant::now();
        loop {
            let seen = office.website.get("/api/v1/nodes").await?;
            let online = (seen["nodes"].as_array().into_iter().flatten())
                .filter(|node| node["state"] == "online")
                .count();
            if online == SIDES.len() {
                break;
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "the nodes do not come up: {seen:#}\n{}",
                office.process.tail()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(Bed {
            office,
            _nodes: running,
            _dir: dir,
        })
    }

    async fn ask(&self, case: &Case, study: &str, number: usize) -> Result<String> {
        let query = json!({
            "version": 1, "measure": "persons", "by": case.by,
            "period": { "from": "2025-01", "to": "2025-12" },
            "bounds": { "cells": 1, "per_cell": 1 }, "rho": case.asked + number as u64,
        });
        let body =
            json!({ "study": study, "query": query, "ask_anew": true, "validity_seconds": 3_600 });
        let key = request_id()?;
        let headers = [("idempotency-key", key.as_str())];
        let reply = (self.office.website).post("/api/v1/queries", &body, &headers);
        let reply = reply.await?.with_status(&[202]).context("asking")?;
        reply.location_id().context("a query has an address")
    }

    /// The released values of one question asked so often.
    async fn released(&self, case: &Case, study: &str) -> Result<Vec<Vec<i64>>> {
        let (mut values, mut open, mut asked) = (Vec::new(), VecDeque::new(), 0);
        let mut began = Instant::now();
        while values.len() < TRAINING + TRIED {
            while open.len() < AT_ONCE && asked < TRAINING + TRIED {
                open.push_back(self.ask(case, study, asked).await?);
                asked += 1;
            }
            // The oldest first: whoever was asked later is seldom done earlier.
            let view = match open.front() {
                Some(id) => {
                    self.office
                        .website
                        .get(&format!("/api/v1/queries/{id}"))
                        .await?
                }
                None => break,
            };
            let Some(release) = view["release"].as_str() else {
                ensure!(
                    began.elapsed() < PATIENCE,
                    "no release: {view:#}\n{}",
                    self.office.process.tail()
                );
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            };
            let release = self
                .office
                .website
                .get(&format!("/api/v1/releases/{release}"))
                .await?;
            ensure!(
                release["nodes_answered"] == 1,
                "one node's answer: {release}"
            );
            values.push(serde_json::from_value(release["values"].clone())?);
            open.pop_front();
            began = Instant::now();
        }
        Ok(values)
    }
}

#[tokio::test]
async fn releases_prove_no_more_than_was_charged_and_a_planted_fault_is_caught_through_them()
-> Result<()> {
    for case in &cases() {
        let distance = 0.9 * (2.0 * case.reach * case.asked as f64 / 1e9).sqrt();
        let missed = miss(2 * TRIED, distance, case.least, FALSE_ALARM);
        ensure!(
            missed < MISS,
            "`{}` is missed with probability {missed:e}",
            case.name
        );
    }
    let bed = Bed::start().await?;
    for case in &cases() {
        let draws = Draws {
            without: bed.released(case, "without").await?,
            with: bed.released(case, "with").await?,
        };
        let (training, fresh) = draws.split(TRAINING);
        let bound = Judge::learn(&training).trial(&fresh, FALSE_ALARM);
        // Every repetition was charged a little more than the one before.
        let claim = NanoRho::new(case.claimed + (TRAINING + TRIED) as u64);
        println!(
            "{}: right {} of {}, rho >= {:.3} of {:.3} claimed, epsilon >= {:.2} of {:.2}",
            case.name,
            bound.right,
            bound.trials,
            bound.rho,
            claim.rho(),
            bound.epsilon(1e-6),
            epsilon(claim, 1e-6)
        );
        assert!(bound.rho > case.least, "`{}` is not seen", case.name);
        if case.asked == case.claimed {
            assert!(
                bound.rho <= claim.rho(),
                "{} loses more than claimed",
                case.name
            );
        }
    }
    Ok(())
}
