//! A node's log and its witness: nothing is charged unwitnessed, and a ledger that was set back answers nothing.

use anyhow::{Context, Result};
use protocol::{Answer, Envelope, Outcome};
use std::path::Path;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "history";
const RHO: u64 = 1_000_000;

struct World {
    witness: Witness,
    requester: Requester,
    study: Envelope,
    node: Node,
    city: City,
}

impl World {
    async fn new() -> Result<World> {
        let city = City::generate(0.001)?;
        let requester = Requester::new()?;
        let witness = Witness::start()?;
        let study =
            requester.sign_study(&requester::study(STUDY, &[ORGANISATION], 1_000_000_000))?;
        witness.publish(study.clone());
        let node = Node::enrol(
            city.path(),
            ORGANISATION,
            &city.register(ORGANISATION),
            &requester.public_key(),
            &witness,
            &[STUDY],
        )
        .await?;
        Ok(World {
            witness,
            requester,
            study,
            node,
            city,
        })
    }

    /// Offers a new question; returns how its answers are known.
    fn offer(&self, rho: u64) -> Result<String> {
        let request = requester::request(ORGANISATION, &self.study, &persons_by_municipio(rho))?;
        let envelope = self.requester.sign_request(&request);
        Ok(self.witness.offer(ORGANISATION, &envelope))
    }

    async fn is_answered(&self, known_as: &str) -> Result<bool> {
        let handed = self.witness.answered(ORGANISATION, known_as, 1).await?;
        let answer = Answer::unverified(&handed.envelope).context("an answer")?;
        Ok(matches!(answer.outcome, Outcome::Answered { .. }))
    }
}

/// Copies the ledger's files, which no process may hold open.
fn copy_ledger(from: &Path, to: &Path) -> Result<()> {
    for name in ["node.db", "node.db-wal", "node.db-shm"] {
        let target = to.join(name);
        if target.exists() {
            std::fs::remove_file(&target)?;
        }
        if from.join(name).exists() {
            std::fs::copy(from.join(name), target)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_charges_nothing_while_its_witness_is_silent_and_answers_afterwards() -> Result<()> {
    let mut world = World::new().await?;
    let mut process = world.node.start(None)?;
    world.witness.greeted(ORGANISATION, 1).await?;
    world.witness.desk(ORGANISATION, |desk| desk.mute = true);
    let known_as = world.offer(RHO)?;
    // The node says in its own log that it cannot go on; that is what this waits for.
    process.printed("a request stays open").await?;
    assert_eq!(world.node.balance().await?.charges, 0);
    world.witness.desk(ORGANISATION, |desk| desk.mute = false);
    assert!(world.is_answered(&known_as).await?);
    assert_eq!(world.node.balance().await?.charges, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_restored_from_a_backup_answers_nothing() -> Result<()> {
    let mut world = World::new().await?;
    let process = world.node.start(None)?;
    let first = world.offer(RHO)?;
    assert!(world.is_answered(&first).await?);
    process.kill()?;
    let backup = world.city.path().join("backup");
    std::fs::create_dir_all(&backup)?;
    copy_ledger(world.node.dir(), &backup)?;

    let process = world.node.start(None)?;
    let second = world.offer(RHO + 1)?;
    assert!(world.is_answered(&second).await?);
    process.kill()?;

    // The second question's debit is gone; its answer is out.
    copy_ledger(&backup, world.node.dir())?;
    let mut process = world.node.start(None)?;
    let third = world.offer(RHO + 2)?;
    process.printed("restored from a backup").await?;
    assert_eq!(world.node.balance().await?.charges, 1);
    let answers = world
        .witness
        .desk(ORGANISATION, |desk| desk.answers(&third).len());
    assert_eq!(answers, 0);
    Ok(())
}
