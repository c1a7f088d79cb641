//! A coordinator that hands out what it should not: its database is changed under the running process, as a dishonest
//! operator would. The node refuses each such request in its own log, and the coordinator's log shows what came of it.

use anyhow::{Context, Result};
use audit::EntryKind;
use base64::prelude::{BASE64_STANDARD, Engine};
use protocol::{Envelope, Request};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use std::time::Duration;
use system_tests::requester::{REQUESTER, Requester, now, persons_by_municipio};
use system_tests::stack::Stack;

const NODE: &str = "cooperativa-lambro";
const OTHER: &str = "associazione-ortica";
const MAX_RHO: u64 = 2_500_000_000;
const RHO: u64 = 10_000_000;
const HOUR: i64 = 3_600;

/// The coordinator's database in an operator's hands.
struct Operator {
    database: SqlitePool,
}

/// A request as the coordinator holds it.
struct Held {
    id: String,
    payload: Vec<u8>,
    envelope: Envelope,
}

impl Held {
    fn request(&self) -> Result<Request> {
        Ok(serde_json::from_slice(&self.payload)?)
    }
}

impl Operator {
    async fn of(stack: &Stack) -> Result<Operator> {
        let file = SqliteConnectOptions::new()
            .filename(stack.coordinator_dir().join("coordinator.db"))
            .busy_timeout(Duration::from_secs(30));
        let database = SqlitePool::connect_with(file).await?;
        // Whoever runs the coordinator is not held by its own guards.
        for guard in [
            "DROP TRIGGER requests_fixed",
            "DROP TRIGGER requests_signed_once",
            "DROP TRIGGER requests_step",
        ] {
            sqlx::query(guard).execute(&database).await?;
        }
        Ok(Operator { database })
    }

    /// The request to an organisation in a query, once it is signed.
    async fn held(&self, query: &str, organisation: &str) -> Result<Held> {
        let find =
            "SELECT id, payload, envelope FROM requests WHERE query = $1 AND organisation = $2";
        loop {
            let row: Option<(String, Vec<u8>, Option<String>)> = sqlx::query_as(find)
                .bind(query)
                .bind(organisation)
                .fetch_optional(&self.database)
                .await?;
            if let Some((id, payload, Some(envelope))) = row {
                let envelope = serde_json::from_str(&envelope)?;
                return Ok(Held {
                    id,
                    payload,
                    envelope,
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Hands out these bytes and this envelope in place of the request `id`.
    async fn replace(&self, id: &str, payload: &[u8], envelope: &Envelope) -> Result<()> {
        let change =
            "UPDATE requests SET payload = $2, envelope = $3, state = 'signed' WHERE id = $1";
        sqlx::query(change)
            .bind(id)
            .bind(payload)
            .bind(serde_json::to_string(envelope)?)
            .execute(&self.database)
            .await?;
        Ok(())
    }
}

/// What is done to a request, with the code of the node's refusal and words of the coordinator's log entry.
struct Misdeed {
    code: &'static str,
    seen: &'static [&'static str],
    payload: Vec<u8>,
    envelope: Envelope,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_refuses_what_a_dishonest_coordinator_hands_out_and_both_sides_log_it() -> Result<()>
{
    let mut stack = Stack::start(0.001, MAX_RHO).await?;
    let operator = Operator::of(&stack).await?;
    let keys = stack.node(REQUESTER)?.dir().join("keys");
    let requester = Requester::load(&keys.join("requester.key"))?;
    let sign = |request: &Request| (request.to_bytes(), requester.sign_request(request));

    // One question is asked and answered as it should be.
    let honest = ask(&stack, 0).await?;
    stack.release_of(&honest).await?;
    let answered = operator.held(&honest, NODE).await?;
    let spent = stack.node(NODE)?.balance().await?;
    assert_eq!((spent.charges, spent.spent.nano()), (1, RHO));

    // The node is away while others are asked and their requests changed.
    stack.kill_node(NODE)?;
    let mut done: Vec<(String, &str, &[&str])> = Vec::new();
    for number in 1..=6 {
        let query = ask(&stack, number).await?;
        let held = operator.held(&query, NODE).await?;
        let request = held.request()?;
        let refused = |code, seen, (payload, envelope)| Misdeed {
            code,
            seen,
            payload,
            envelope,
        };
        let misdeed = match number {
            1 => {
                let expired = Request {
                    issued_at: now() - 2 * HOUR,
                    expires_at: now() - HOUR,
                    ..request
                };
                refused("expired", &["node-refused", "expired"], sign(&expired))
            }
            2 => {
                let text = String::from_utf8(held.payload.clone())?;
                let text = text.replacen("\"version\":1", "\"version\":2", 1);
                let envelope = Envelope {
                    payload: BASE64_STANDARD.encode(text),
                    ..held.envelope.clone()
                };
                let seen = &["answer-refused", "answer-mismatch"];
                refused("altered", seen, (held.payload.clone(), envelope))
            }
            3 => {
                let other = operator.held(&query, OTHER).await?;
                let seen = &["answer-refused", "unknown-request"];
                let code = "addressed-to-another-node";
                refused(code, seen, (other.payload, other.envelope))
            }
            4 => {
                let stranger = Requester::new()?.sign_request(&request);
                let seen = &["node-refused", "key-not-pinned"];
                refused("key-not-pinned", seen, (held.payload.clone(), stranger))
            }
            5 => {
                let unknown = Request {
                    study: "unknown".to_owned(),
                    ..request
                };
                let seen = &["node-refused", "unknown-study"];
                refused("unknown-study", seen, sign(&unknown))
            }
            // The id of the answered request under another question.
            _ => {
                let replayed = Request {
                    id: answered.id.clone(),
                    ..request
                };
                let seen = &["answer-refused", "answer-mismatch"];
                refused("request-id-reused", seen, sign(&replayed))
            }
        };
        operator
            .replace(&held.id, &misdeed.payload, &misdeed.envelope)
            .await?;
        done.push((held.id, misdeed.code, misdeed.seen));
    }
    // And the answered request once more, unchanged: it brings the stored answer and no new noise.
    operator
        .replace(&answered.id, &answered.payload, &answered.envelope)
        .await?;

    stack.start_node(NODE, None)?;
    for (id, code, seen) in done {
        stack
            .node_logged(NODE, EntryKind::Refusal, code)
            .await
            .context(code)?;
        // Entries name the request they are about; where its id was not believed, the node alone.
        let by = if code == "addressed-to-another-node" || code == "request-id-reused" {
            NODE
        } else {
            id.as_str()
        };
        stack.logged(&[seen, &[by]].concat()).await.context(code)?;
    }
    assert_eq!(stack.node(NODE)?.balance().await?, spent);
    let release = stack.release_of(&honest).await?;
    assert_eq!(release["nodes_answered"], 6);
    stack.node(NODE)?.audit().await?;
    Ok(())
}

/// Asks a question of its own; returns the query's id.
async fn ask(stack: &Stack, number: u64) -> Result<String> {
    let query = serde_json::from_str(&persons_by_municipio(RHO + number))?;
    stack.ask(&query, HOUR).await
}
