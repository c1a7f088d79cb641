//! Asks the first questions through the website's API, as the analyst would, and waits for their releases.

use super::city::City;
use super::plan::{STUDY, questions};
use super::processes::Processes;
use super::progress::Step;
use super::state::State;
use crate::http::Client;
use crate::interruption;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often the coordinator is asked how things stand.
const EVERY: Duration = Duration::from_millis(200);
/// How long nodes may take to build their first snapshot, or to answer all questions. Generous: a slow computer with
/// a city of full size is no failure.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How long a request stays open: until then a node that was away may still answer.
const VALIDITY_SECONDS: u32 = 3600;

/// A question that was asked, and its release.
pub(super) struct Released {
    /// What it asked, for people.
    pub(super) title: String,
    /// The release's id.
    pub(super) release: String,
}

/// Waits until the coordinator answers.
///
/// # Errors
/// When it ended, or does not come up.
pub(super) fn coordinator_is_up(client: &Client, processes: &mut Processes) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(60);
    while client.read("/health").is_err() {
        processes.check()?;
        ensure!(
            Instant::now() < until,
            "the coordinator does not come up; {}",
            processes.log_tails()
        );
        interruption::pause(Duration::from_millis(50))?;
    }
    Ok(())
}

/// Waits until every node is online.
///
/// # Errors
/// When a process ended or patience did.
pub(super) fn nodes_are_online(
    client: &Client,
    processes: &mut Processes,
    organisations: &[String],
) -> Result<()> {
    let step = Step::start("nodes read their registers", organisations.len());
    let until = Instant::now() + PATIENCE;
    loop {
        processes.check()?;
        let online = online(&client.read("/api/v1/nodes")?);
        let missing: Vec<&str> = (organisations.iter())
            .filter(|id| !online.contains(id))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            step.done(&format!("{} nodes online", organisations.len()));
            return Ok(());
        }
        step.at(organisations.len() - missing.len(), missing[0]);
        ensure!(
            Instant::now() < until,
            "these nodes are not online: {}\n{}",
            missing.join(", "),
            processes.log_tails()
        );
        interruption::pause(EVERY)?;
    }
}

fn online(nodes: &Value) -> Vec<String> {
    (nodes["nodes"].as_array().into_iter().flatten())
        .filter(|node| node["state"] == "online")
        .filter_map(|node| node["id"].as_str().map(str::to_owned))
        .collect()
}

/// Asks what was not asked before, waits for all releases.
///
/// # Errors
/// When a question is refused or expires, or a process ended.
pub(super) fn first_questions(
    client: &Client,
    processes: &mut Processes,
    state: &mut State,
    city: &City,
) -> Result<Vec<Released>> {
    let (questions, nodes) = (questions(city.year), city.organisations.len());
    for question in &questions {
        let step = format!("asked:{}", question.key);
        if !state.is_done(&step) {
            let query = ask(client, question.key, &question.query)
                .with_context(|| format!("the question `{}`", question.title))?;
            state.record(&step, &query)?;
        }
    }
    let step = Step::start("nodes answer", questions.len() * nodes);
    let until = Instant::now() + PATIENCE;
    let mut released = Vec::new();
    let mut answered_before = 0;
    for question in &questions {
        let id = state
            .step(&format!("asked:{}", question.key))
            .context("a question was asked and not recorded")?
            .to_owned();
        loop {
            processes.check()?;
            let release = match id.strip_prefix(RELEASE) {
                Some(release) => Some(release.to_owned()),
                None => {
                    let view = client.read(&format!("/api/v1/queries/{id}"))?;
                    step.at(answered_before + answered(&view), &question.title);
                    release_of(&view).with_context(|| {
                        format!(
                            "the question `{}`\n{}",
                            question.title,
                            processes.log_tails()
                        )
                    })?
                }
            };
            if let Some(release) = release {
                released.push(Released {
                    title: question.title.clone(),
                    release,
                });
                break;
            }
            ensure!(
                Instant::now() < until,
                "no release yet of `{}`; {}",
                question.title,
                processes.log_tails()
            );
            interruption::pause(EVERY)?;
        }
        answered_before += nodes;
        step.at(answered_before, "");
    }
    step.done(&format!("{} releases", released.len()));
    Ok(released)
}

/// Plans the default cubes and asks the past of the first.
///
/// # Errors
/// When the coordinator refuses.
pub(super) fn planned_questions(client: &Client, state: &mut State, city: &City) -> Result<()> {
    const CUBE: &str = "needs-by-quarter";
    if !state.is_done("planned") {
        let reply = client.post(
            &format!("/api/v1/studies/{STUDY}/default-cubes"),
            &json!({ "first": format!("{}-01", city.first_year) }),
            &[],
        )?;
        ensure!(
            reply.status == 201,
            "the cubes are not planned: {}",
            reply.complaint()
        );
        state.record("planned", "")?;
    }
    if !state.is_done("asked-cube") {
        let path = format!("/api/v1/cubes/{CUBE}/ask");
        let key = [("Idempotency-Key", "demo-cube")];
        let reply = client.post(&path, &json!({}), &key)?;
        ensure!(
            reply.status == 202,
            "the cube `{CUBE}` is not asked: {}",
            reply.complaint()
        );
        state.record("asked-cube", reply.location.as_deref().unwrap_or(""))?;
    }
    Ok(())
}

/// Waits for the release of the planned question at its finest level.
///
/// # Errors
/// When it is refused or expires, or a process ended.
pub(super) fn planned_release(
    client: &Client,
    processes: &mut Processes,
    state: &State,
    nodes: usize,
) -> Result<Released> {
    const TITLE: &str =
        "Presences by group of needs, neighbourhood and quarter, 2021-2026 (planned question)";
    let location = state
        .step("asked-cube")
        .context("no cube was asked")?
        .to_owned();
    let step = Step::start("nodes answer the planned question", nodes);
    let until = Instant::now() + PATIENCE;
    loop {
        processes.check()?;
        let view = client.read(&location)?;
        step.at(answered(&view), TITLE);
        if let Some(release) = release_of(&view).with_context(|| processes.log_tails())? {
            step.done("one release of each level");
            return Ok(Released {
                title: TITLE.to_owned(),
                release,
            });
        }
        ensure!(
            Instant::now() < until,
            "no release yet; {}",
            processes.log_tails()
        );
        interruption::pause(EVERY)?;
    }
}

/// Marks, in the state, a question that was answered by a release at once.
const RELEASE: &str = "release:";

/// Asks a question; returns the query's id, or [`RELEASE`] and the id of the release that answers it already.
fn ask(client: &Client, key: &str, query: &Value) -> Result<String> {
    let body = json!({ "study": STUDY, "query": query, "ask_anew": true, "validity_seconds": VALIDITY_SECONDS });
    let key = format!("demo-{key}");
    let reply = client.post("/api/v1/queries", &body, &[("Idempotency-Key", &key)])?;
    let location = reply
        .location
        .as_deref()
        .and_then(|path| path.rsplit('/').next());
    match (reply.status, location) {
        (202, Some(id)) => Ok(id.to_owned()),
        (200, Some(id)) => Ok(format!("{RELEASE}{id}")),
        _ => bail!("is not accepted: {}", reply.complaint()),
    }
}

/// How many nodes have answered.
fn answered(view: &Value) -> usize {
    let nodes = view["nodes"].as_array().into_iter().flatten();
    nodes.filter(|node| node["state"] == "answered").count()
}

/// The release of a query, once there is one.
fn release_of(view: &Value) -> Result<Option<String>> {
    if let Some(id) = view["release"].as_str() {
        return Ok(Some(id.to_owned()));
    }
    let state = view["state"].as_str().unwrap_or("without a state");
    if ["signing", "collecting"].contains(&state) {
        return Ok(None);
    }
    let nodes: Vec<String> = (view["nodes"].as_array().into_iter().flatten())
        .map(|node| {
            let text = |key: &str| node[key].as_str().unwrap_or("").to_owned();
            format!(
                "{} {} {} {}",
                text("node"),
                text("state"),
                text("rule"),
                text("field")
            )
        })
        .collect();
    bail!("is {state}; its nodes: {}", nodes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_count_when_they_are_online() {
        let nodes = json!({ "nodes": [{ "id": "a", "state": "online" }, { "id": "b", "state": "offline" }] });
        assert_eq!(online(&nodes), ["a"]);
    }

    #[test]
    fn a_query_is_waited_for_until_it_is_released_or_cannot_be() {
        let view = |state: &str, release: Value| {
            json!({ "state": state, "release": release,
                "nodes": [{ "node": "a", "state": "answered" }, { "node": "b", "state": "refused", "rule": "deny-all" }] })
        };
        assert_eq!(answered(&view("collecting", Value::Null)), 1);
        assert!(
            release_of(&view("signing", Value::Null))
                .expect("open")
                .is_none()
        );
        let released = release_of(&view("released", json!("r1"))).expect("released");
        assert_eq!(released.as_deref(), Some("r1"));
        let error = release_of(&view("refused", Value::Null)).expect_err("refused");
        assert!(error.to_string().contains("b refused deny-all"));
    }
}
