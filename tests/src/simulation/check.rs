//! What must hold after every operation, and once the faults have ended.

use super::network::Network;
use super::operation::NODES;
use super::world::{CAP, RHO, Simulated, World};
use anyhow::{Context, Result, bail, ensure};
use ledger::LedgerReader;
use node_agent::node::NodeError;
use protocol::{Answer, Envelope, Outcome, Request};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds in which everything left over is done, once nothing goes wrong any more.
const ROUNDS: usize = 20;

/// What has been seen of the outside: answers as they left nodes, releases as they were published.
#[derive(Default)]
pub(super) struct Seen {
    /// By organisation and request: the answer's payload, if it holds cells.
    answers: BTreeMap<(String, String), Released>,
    releases: BTreeMap<String, Value>,
    /// Requests that nodes were handed, by identifier.
    requests: BTreeMap<String, Envelope>,
}

struct Released {
    body: Vec<u8>,
    cells: Vec<i64>,
    rho: u64,
    reused: bool,
    edition: u32,
    request_hash: String,
}

impl Seen {
    /// Takes in what nodes have sent since.
    fn look(&mut self, network: &Network) -> Result<()> {
        for (organisation, body) in network.answers() {
            let envelope = Envelope::from_bytes(&body)?;
            let answer = Answer::unverified(&envelope).context("an answer")?;
            // A refusal holds nothing of the register.
            let Outcome::Answered { cells, receipt } = answer.outcome else {
                continue;
            };
            let released = Released {
                body,
                cells,
                rho: receipt.rho.nano(),
                reused: receipt.reused,
                edition: receipt.edition,
                request_hash: answer.request_hash,
            };
            let key = (organisation, answer.request_id);
            if let Some(known) = self.answers.get(&key) {
                ensure!(
                    known.body == released.body,
                    "two different answers to one request: {key:?}"
                );
            } else {
                self.answers.insert(key, released);
            }
        }
        Ok(())
    }

    /// A node was handed a request.
    pub(super) fn handed(&mut self, request: &Envelope) {
        let payload = request.unverified_payload().unwrap_or_default();
        if let Ok(content) = serde_json::from_slice::<Request>(&payload) {
            self.requests.insert(content.id, request.clone());
        }
    }

    /// Whether a node may leave a request open for this reason.
    pub(super) fn tolerable(&self, error: &NodeError) -> Result<()> {
        match error.cause() {
            NodeError::Unwitnessed(_) => Ok(()),
            other => bail!("a node failed: {other}: {other:?}"),
        }
    }
}

impl World {
    /// Checks what must hold at every moment.
    ///
    /// # Errors
    /// What does not.
    pub async fn check(&mut self) -> Result<()> {
        self.seen.look(&self.network)?;
        for node in &self.nodes {
            let organisation = &node.organisation;
            if !node.dir.ledger().exists() {
                continue;
            }
            let balance = match &node.node {
                Some(running) => running.ledger().balance().await?,
                None => {
                    LedgerReader::open(&node.dir.ledger())
                        .await?
                        .balance()
                        .await?
                }
            };
            let released: u64 = (self.seen.answers.iter())
                .filter(|((by, _), answer)| by == organisation && !answer.reused)
                .map(|(_, answer)| answer.rho)
                .sum();
            ensure!(
                balance.spent.nano() >= released,
                "{organisation} let out {released} and holds {}",
                balance.spent
            );
            ensure!(
                balance.spent.nano() <= CAP,
                "{organisation} passed its cap: {}",
                balance.spent
            );
        }
        Ok(())
    }

    /// Ends all faults and checks what must hold then.
    ///
    /// # Errors
    /// What does not.
    pub async fn settle(&mut self) -> Result<Simulated> {
        self.network.forget_late();
        self.right_clocks();
        self.restart_coordinator().await?;
        for _ in 0..ROUNDS {
            let mut worked = false;
            for node in 0..NODES {
                self.greet(node, None).await?;
                while self.poll(node, None).await? {
                    worked = true;
                    self.work_off(node).await?;
                    self.check().await?;
                }
            }
            if !worked {
                break;
            }
        }
        self.sweep().await?;
        self.check().await?;
        self.questions_have_ended().await?;
        self.releases_are_sums_of_what_was_sent().await?;
        self.answers_are_to_be_had_again().await?;
        self.ledgers_verify().await
    }

    async fn questions_have_ended(&mut self) -> Result<()> {
        for id in &self.queries {
            let view = self.get(&format!("/api/v1/queries/{id}")).await?;
            let state = view["state"].as_str().unwrap_or_default();
            let ended = ["released", "refused", "expired", "declined"].contains(&state);
            ensure!(
                ended,
                "a question stays open though nothing hinders it: {view:#}"
            );
            if let Some(release) = view["release"].as_str() {
                let now = self.get(&format!("/api/v1/releases/{release}")).await?;
                self.seen.releases.insert(release.to_owned(), now);
            }
        }
        Ok(())
    }

    async fn releases_are_sums_of_what_was_sent(&mut self) -> Result<()> {
        self.restart_coordinator().await?;
        for (id, seen) in &self.seen.releases {
            let again = self.get(&format!("/api/v1/releases/{id}")).await?;
            ensure!(&again == seen, "release {id} changed");
            let values: Vec<i64> = serde_json::from_value(seen["values"].clone())?;
            let answered = seen["coverage"]["answered"]
                .as_array()
                .context("coverage")?;
            let mut sums: BTreeSet<Vec<i64>> = [vec![0; values.len()]].into();
            for part in answered {
                let (node, edition) = (part["node"].as_str(), part["edition"].as_u64());
                let sent: BTreeSet<&Vec<i64>> = (self.seen.answers.iter())
                    .filter(|((by, _), answer)| {
                        Some(by.as_str()) == node
                            && Some(u64::from(answer.edition)) == edition
                            && Some(answer.rho) == seen["privacy"]["rho"].as_u64()
                    })
                    .map(|(_, answer)| &answer.cells)
                    .collect();
                sums = (sums.iter())
                    .flat_map(|sum| {
                        sent.iter()
                            .map(|cells| sum.iter().zip(*cells).map(|(a, b)| a + b).collect())
                    })
                    .collect();
            }
            ensure!(
                sums.contains(&values),
                "release {id} is not the sum of what its nodes sent"
            );
        }
        Ok(())
    }

    async fn answers_are_to_be_had_again(&mut self) -> Result<()> {
        let known: Vec<(String, String)> = self.seen.answers.keys().cloned().collect();
        for (organisation, request) in known {
            let number = self
                .nodes
                .iter()
                .position(|node| node.organisation == organisation);
            let number = number.context("a node")?;
            self.greet(number, None).await?;
            let node = self.nodes[number].node.clone().context("it runs")?;
            let stored = node.ledger().reader().answer(&request).await?;
            let sent = &self.seen.answers[&(organisation, request.clone())];
            ensure!(
                stored.as_ref() == Some(&sent.body),
                "what was sent is not what is stored: {request}"
            );
            let envelope = self
                .seen
                .requests
                .get(&request)
                .cloned()
                .context("it was handed out")?;
            let payload = envelope.unverified_payload().context("a payload")?;
            ensure!(
                protocol::hex(&protocol::sha256(&payload)) == sent.request_hash,
                "another request's answer"
            );
            let content: Request = serde_json::from_slice(&payload)?;
            let current = node.edition_number() == Some(content.edition)
                && (content.issued_at..content.expires_at).contains(&self.time());
            if current {
                let again = self.answer_again(number, &envelope).await?;
                let sent = &self.seen.answers[&(content.node.clone(), request)];
                ensure!(
                    again == sent.body,
                    "the same request is answered otherwise: {content:?}"
                );
            }
        }
        Ok(())
    }

    async fn ledgers_verify(&self) -> Result<Simulated> {
        let mut simulated = Simulated {
            queries: self.queries.len(),
            releases: self.seen.releases.len(),
            answers: self.seen.answers.len(),
            charges: 0,
            stops: self.stops,
        };
        for node in &self.nodes {
            let reader = LedgerReader::open(&node.dir.ledger()).await?;
            let report = reader.verify(&[]).await?;
            ensure!(
                report.is_sound(),
                "{}: {:?}",
                node.organisation,
                report.problems
            );
            simulated.charges += report.charges;
            // One question of one edition is charged once, but where a second request of it came before the first was answered.
            let mut questions: BTreeMap<(u32, u64), usize> = BTreeMap::new();
            for ((by, _), answer) in &self.seen.answers {
                if by == &node.organisation && !answer.reused {
                    ensure!(
                        (RHO - 100..=RHO).contains(&answer.rho),
                        "an answer at another price"
                    );
                    *questions.entry((answer.edition, answer.rho)).or_default() += 1;
                }
            }
            let distinct = questions.len() as u64;
            ensure!(
                report.charges >= distinct,
                "{} charged less than it answered",
                node.organisation
            );
        }
        Ok(simulated)
    }
}
