//! `kill -9` at every step of the charge and of the answer, and at random moments, over real node processes.
//!
//! A failure is: a ledger that holds less than was released, another answer to a request that has one, an answer sent before
//! its charge was cosigned, a charge or stored answer that a kill undid, a request without an answer after a restart, an
//! unsound log. No failure is: a charge whose answer a kill prevented until the restart, or a repeated answer.

use anyhow::{Context, Result, ensure};
use audit::EntryKind;
use protocol::{Envelope, Outcome, VerifiedAnswer};
use query::AggregateQuery;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use system_tests::city::{City, ORGANISATIONS};
use system_tests::node::Node;
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::{Handed, Witness};

const KILLS_PER_STEP: usize = 20;
const STUDY: &str = "crash";
/// Nano-rho of the first question; each question after it costs one more, which makes it another question.
const FIRST_RHO: u64 = 1_000_000;
/// Random kills happen within this after a start: before the node says hello, while it answers, after it has.
const RANDOM_WITHIN_MILLIS: u64 = 2_000;

/// A failpoint, and what must be durable once it is reached.
struct Step {
    failpoint: &'static str,
    charged: bool,
    stored: bool,
}

const fn step(failpoint: &'static str, charged: bool, stored: bool) -> Step {
    Step {
        failpoint,
        charged,
        stored,
    }
}

const STEPS: [Step; 14] = [
    step("answer-permitted", false, false),
    step("charge-begun", false, false),
    step("charge-checked", false, false),
    step("charge-written", false, false),
    step("charge-committed", true, false),
    step("answer-charged", true, false),
    step("answer-aggregated", true, false),
    step("answer-noised", true, false),
    step("store-begun", true, false),
    step("store-written", true, false),
    step("store-committed", true, true),
    step("answer-stored", true, true),
    step("answer-sending", true, true),
    step("answer-sent", true, true),
];

/// One kill to come, with a question of its own.
struct Job {
    /// `None` is a random moment.
    step: Option<&'static Step>,
    rho: u64,
}

fn jobs() -> VecDeque<Job> {
    let rounds = (0..KILLS_PER_STEP).flat_map(|_| [None].into_iter().chain(STEPS.iter().map(Some)));
    (rounds.zip(FIRST_RHO..))
        .map(|(step, rho)| Job { step, rho })
        .collect()
}

struct World {
    witness: Witness,
    requester: Requester,
    study: Envelope,
    jobs: Mutex<VecDeque<Job>>,
    kills: Mutex<BTreeMap<&'static str, usize>>,
}

impl World {
    fn next_job(&self) -> Option<Job> {
        self.jobs.lock().expect("no test panicked").pop_front()
    }

    fn count_kill(&self, step: &'static str) {
        *(self.kills.lock().expect("no test panicked"))
            .entry(step)
            .or_default() += 1;
    }
}

/// A request that was asked, and how its answers are found.
struct Asked {
    id: String,
    known_as: String,
    rho: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_at_any_step_answers_once_and_its_ledger_covers_every_release() -> Result<()>
{
    let city = City::generate(0.001)?;
    let requester = Requester::new()?;
    let study = requester.sign_study(&requester::study(STUDY, &ORGANISATIONS, 1_000_000_000))?;
    let witness = Witness::start()?;
    witness.publish(study.clone());
    let world = Arc::new(World {
        witness,
        requester,
        study,
        jobs: Mutex::new(jobs()),
        kills: Mutex::default(),
    });

    let mut tasks = tokio::task::JoinSet::new();
    for organisation in ORGANISATIONS {
        let (world, home) = (world.clone(), city.path().to_owned());
        let register = city.register(organisation);
        tasks.spawn(async move {
            let key = world.requester.public_key();
            let node = Node::enrol(
                &home,
                organisation,
                &register,
                &key,
                &world.witness,
                &[STUDY],
            )
            .await?;
            endure(&world, node).await
        });
    }
    let mut requests = 0;
    while let Some(finished) = tasks.join_next().await {
        requests += finished??;
    }

    let kills = world.kills.lock().expect("no test panicked");
    println!("kills per step, over {requests} requests:");
    for (step, count) in kills.iter() {
        println!("  {count:>3}  {step}");
    }
    let steps = (STEPS.iter().map(|step| step.failpoint)).chain(["random"]);
    for step in steps {
        let count = kills.get(step).copied().unwrap_or(0);
        assert!(count >= KILLS_PER_STEP, "{count} kills at {step}");
    }
    Ok(())
}

/// Kills one node as long as there are jobs, then audits it; returns how many requests it answered.
async fn endure(world: &World, mut node: Node) -> Result<usize> {
    let mut asked = Vec::new();
    while let Some(job) = world.next_job() {
        let name = job.step.map_or("random", |step| step.failpoint);
        let request = kill_once(world, &mut node, &job, &asked)
            .await
            .with_context(|| format!("kill at {name} of {}", node.organisation()))?;
        world.count_kill(name);
        asked.push(request);
    }
    audit_all(world, &node, &asked).await?;
    Ok(asked.len())
}

/// Asks a new question, kills the node at the job's step, restarts it and checks the one answer.
async fn kill_once(world: &World, node: &mut Node, job: &Job, asked: &[Asked]) -> Result<Asked> {
    let organisation = node.organisation().to_owned();
    let witness = &world.witness;
    let request = requester::request(&organisation, &world.study, &persons_by_municipio(job.rho))?;
    let envelope = world.requester.sign_request(&request);
    let before = node.balance().await?;

    let mut process = node.start(job.step.map(|step| step.failpoint))?;
    let known_as = witness.offer(&organisation, &envelope);
    match job.step {
        Some(step) => {
            process
                .printed(&format!("failpoint {}", step.failpoint))
                .await?;
        }
        None => {
            let millis = random(RANDOM_WITHIN_MILLIS);
            // A third of the random kills also lose an answer on its way.
            witness.desk(&organisation, |desk| {
                desk.lose_answers = u32::from(millis.is_multiple_of(3));
            });
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }
    process.kill()?;
    let request = Asked {
        id: request.id,
        known_as,
        rho: job.rho,
    };

    let killed = node.balance().await?;
    let released: u64 = (asked.iter().chain([&request]))
        .filter(|asked| !distinct(witness, &organisation, asked).is_empty())
        .map(|asked| asked.rho)
        .sum();
    ensure!(
        killed.spent.nano() >= released,
        "spent {} but released {released}",
        killed.spent.nano()
    );
    if let Some(step) = job.step {
        let charges = killed.charges - before.charges;
        ensure!(
            charges == u64::from(step.charged),
            "{charges} charges after the kill"
        );
        let stored = node.stored_answer(&request.id).await?;
        ensure!(
            stored.is_some() == step.stored,
            "an answer is stored: {}",
            stored.is_some()
        );
    }

    let process = node.start(None)?;
    let first = witness
        .answered(&organisation, &request.known_as, 1)
        .await?;
    check_answer(&first, witness, &organisation, &envelope)?;
    let seen = witness.desk(&organisation, |desk| desk.answers(&request.known_as).len());
    witness.offer(&organisation, &envelope);
    let again = witness
        .answered(&organisation, &request.known_as, seen + 1)
        .await?;
    ensure!(again == first, "asked again, another answer came");
    process.kill()?;

    let after = node.balance().await?;
    ensure!(
        after.charges == before.charges + 1 && after.spent.nano() == before.spent.nano() + job.rho,
        "one question was charged {} times, {} nano-rho",
        after.charges - before.charges,
        after.spent.nano() - before.spent.nano()
    );
    let stored = node.stored_answer(&request.id).await?;
    ensure!(
        stored.as_ref() == Some(&first.bytes),
        "the stored answer is not the one sent"
    );
    Ok(request)
}

fn distinct(witness: &Witness, organisation: &str, asked: &Asked) -> Vec<Handed> {
    witness.desk(organisation, |desk| desk.distinct_answers(&asked.known_as))
}

fn check_answer(
    handed: &Handed,
    witness: &Witness,
    organisation: &str,
    envelope: &Envelope,
) -> Result<()> {
    let key = witness.desk(organisation, |desk| desk.node_key);
    let payload = envelope.unverified_payload().context("a payload")?;
    let request: protocol::Request = serde_json::from_slice(&payload)?;
    let query = AggregateQuery::parse(request.query.as_bytes())
        .ok()
        .context("a query")?;
    let verified = VerifiedAnswer::verify(&handed.envelope, &key, &request, &payload, &query)?;
    let outcome = &verified.answer().outcome;
    ensure!(
        matches!(outcome, Outcome::Answered { receipt, .. } if !receipt.reused),
        "the request came back as {outcome:?}"
    );
    Ok(())
}

/// The whole ledger against everything that was ever seen.
async fn audit_all(world: &World, node: &Node, asked: &[Asked]) -> Result<()> {
    let organisation = node.organisation();
    for request in asked {
        let answers = distinct(&world.witness, organisation, request).len();
        ensure!(
            answers == 1,
            "{answers} distinct answers to one request of {organisation}"
        );
    }
    let (early, contradictions) = world.witness.desk(organisation, |desk| {
        (desk.uncosigned_answers, desk.contradictions)
    });
    ensure!(early == 0, "{early} answers left before they were cosigned");
    ensure!(
        contradictions == 0,
        "{contradictions} checkpoints contradicted an earlier one"
    );
    node.audit().await?;
    let balance = node.balance().await?;
    let total: u64 = asked.iter().map(|request| request.rho).sum();
    ensure!(
        balance.spent.nano() == total && balance.charges == asked.len() as u64,
        "{organisation} spent {} in {} charges, {total} in {} were asked",
        balance.spent.nano(),
        balance.charges,
        asked.len()
    );
    let log = node.log().await?;
    for kind in [EntryKind::Charge, EntryKind::Answer] {
        for request in asked {
            let entries = (log.iter())
                .filter(|entry| {
                    entry.header.kind == kind && entry.header.text("request") == Some(&request.id)
                })
                .count();
            ensure!(
                entries == 1,
                "{entries} entries `{}` of one request",
                kind.as_str()
            );
        }
    }
    Ok(())
}

/// A number below `limit`.
fn random(limit: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(limit) % limit
}
