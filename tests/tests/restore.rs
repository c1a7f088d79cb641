//! Backup and restore over real processes: nothing that was released comes back as budget, whether or not the witness holds
//! its answer, and a copy of the node that was replaced says nothing more.

use anyhow::{Context, Result, ensure};
use identity::SigningKey;
use jiff::tz::TimeZone;
use privacy_loss::NanoRho;
use protocol::{Act, Answer, Envelope, LogState, Outcome, PublicKey, Request, Restoration};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use std::path::Path;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::process::{Process, run, run_ok};
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;

const ORGANISATION: &str = "cooperativa-lambro";
const RHO: u64 = 1_000_000;

struct World {
    witness: Witness,
    requester: Requester,
    study: Envelope,
}

impl World {
    /// A node that has joined and countersigned a study, with its witness and its requester.
    async fn begin(city: &City) -> Result<(World, Node)> {
        let asker = Requester::new()?;
        let witness = Witness::start()?;
        let study =
            asker.sign_study(&requester::study("before", &[ORGANISATION], 1_000_000_000))?;
        witness.publish(study.clone());
        let (register, key) = (city.register(ORGANISATION), asker.public_key());
        let studies = ["before"];
        let node = Node::enrol(
            city.path(),
            ORGANISATION,
            &register,
            &key,
            &witness,
            &studies,
        )
        .await?;
        let world = World {
            witness,
            requester: asker,
            study,
        };
        Ok((world, node))
    }

    fn ask(&self, study: &Envelope, rho: u64) -> Result<(Envelope, String)> {
        let request: Request = requester::request(ORGANISATION, study, &persons_by_municipio(rho))?;
        let envelope = self.requester.sign_request(&request);
        let known_as = self.witness.offer(ORGANISATION, &envelope);
        Ok((envelope, known_as))
    }

    async fn outcome(&self, known_as: &str, count: usize) -> Result<Outcome> {
        let handed = self.witness.answered(ORGANISATION, known_as, count).await?;
        let answer = Answer::unverified(&handed.envelope).context("an answer")?;
        Ok(answer.outcome)
    }

    async fn cells(&self, known_as: &str, count: usize) -> Result<Vec<i64>> {
        match self.outcome(known_as, count).await? {
            Outcome::Answered { cells, .. } => Ok(cells),
            Outcome::Refused { field, code, .. } => anyhow::bail!("refused: {field} {code}"),
        }
    }

    async fn refused_field(&self, known_as: &str) -> Result<String> {
        match self.outcome(known_as, 1).await? {
            Outcome::Refused { field, .. } => Ok(field),
            Outcome::Answered { .. } => anyhow::bail!("answered"),
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Leaves an act in the folder as an officer signed it 31 days ago, in a restore that went no further.
fn leave_a_stale_act(node: &Node) -> Result<()> {
    let path = node.dir().join("restore.json");
    let mut pending: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let officer = SigningKey::load(node.officer_key())?;
    let key = PublicKey(*officer.public_key().as_bytes());
    let kept: LogState = serde_json::from_value(pending["kept"].clone())?;
    let act = Restoration {
        version: 1,
        id: "5".repeat(32),
        organisation: ORGANISATION.to_owned(),
        old_key: serde_json::from_value(pending["old_key"].clone())?,
        new_key: key,
        kept: kept.clone(),
        ended: kept,
        reason: "the disk failed".to_owned(),
        signed_at: jiff::Timestamp::now().as_second() - 31 * 86_400,
    };
    let payload = serde_json::to_vec(&act)?;
    let signed = Envelope::sign(Restoration::TYPE, &payload, &key, |bytes| {
        officer.sign(bytes)
    });
    pending["act"] = serde_json::to_value(&signed)?;
    std::fs::write(&path, serde_json::to_vec(&pending)?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_node_counts_everything_released_as_spent_and_goes_on() -> Result<()> {
    let city = City::generate(0.001)?;
    let (world, mut node) = World::begin(&city).await?;

    // One answer before the backup, one after it that the witness holds, and one after it that it says it never got.
    let process = node.start(None)?;
    let (_, first) = world.ask(&world.study, RHO)?;
    world.cells(&first, 1).await?;
    let file = city.path().join("node.wib");
    let out = file.to_str().context("a path")?;
    let said = node.command(&["backup"], &["--out", out]).await?;
    ensure!(said.contains("no secret"), "{said}");
    let (second_request, second) = world.ask(&world.study, RHO + 1)?;
    let second_cells = world.cells(&second, 1).await?;
    (world.witness).desk(ORGANISATION, |desk| desk.lose_answers = u32::MAX);
    let (_, third) = world.ask(&world.study, RHO + 2)?;
    let lost = async {
        while world
            .witness
            .desk(ORGANISATION, |desk| desk.lost.is_empty())
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(system_tests::PATIENCE, lost).await?;
    process.kill()?;
    (world.witness).desk(ORGANISATION, |desk| desk.lose_answers = 0);
    let released = NanoRho::new(RHO + RHO + 1 + RHO + 2);
    assert_eq!(node.balance().await?.spent, released);

    // The machine is lost; a copy of its folder lives on somewhere.
    let clone = city.path().join("clone");
    copy(node.dir(), &clone)?;
    std::fs::remove_dir_all(node.dir())?;
    node.command(&["restore"], &["--from", out]).await?;
    let dir = node.dir().to_str().context("a path")?.to_owned();
    let early = run("node-agent", &["serve", "--dir", &dir], "").await?;
    assert_eq!(early.code, Some(1));
    assert!(early.stderr.contains("restore"), "{}", early.stderr);
    node.join(&world.witness.invite(ORGANISATION)?).await?;
    let early = run("node-agent", &["serve", "--dir", &dir], "").await?;
    assert_eq!(early.code, Some(1), "joining alone accounts for nothing");
    // An act that was signed and then lay about for too long is in nobody's way.
    leave_a_stale_act(&node)?;
    // Killed at any step, the restore is finished by the same command, and books once.
    let officer = node.officer_key().to_str().context("a path")?.to_owned();
    let words = [
        "restore",
        "--dir",
        &dir,
        "--dpo-key",
        &officer,
        "--reason",
        "the disk failed",
    ];
    for step in [
        "restore-begun",
        "restore-recovered",
        "restore-written",
        "restore-committed",
        "restore-told",
    ] {
        let log = city.path().join(format!("{step}.log"));
        let mut process = Process::start("node-agent", &words, &[("WI_FAILPOINT", step)], &log)?;
        process.printed(&format!("failpoint {step}")).await?;
        process.kill()?;
    }
    run_ok("node-agent", &words, "").await?;

    let balance = node.balance().await?;
    assert!(balance.spent >= released, "{balance:?}");
    assert_eq!(
        balance.charges, 2,
        "the backup's and the one the witness proved"
    );
    let standing = node.command(&["budget", "show"], &["--json"]).await?;
    let standing: serde_json::Value = serde_json::from_str(&standing)?;
    let year = jiff::Timestamp::now().to_zoned(TimeZone::UTC).year();
    let (this, next) = (year.to_string(), (year + 1).to_string());
    let of_this_year = (standing.as_array().into_iter().flatten())
        .find(|row| row["cap"] == "year" && row["key"] == this.as_str())
        .context("this year")?;
    assert_eq!(of_this_year["left"], 0);
    let audit = node.audit().await?;
    assert!(audit.contains("went on from a backup"), "{audit}");

    // The answer that the receipt proved is stored again, byte for byte, and its question costs nothing more.
    let payload = second_request.unverified_payload().context("a payload")?;
    let request: Request = serde_json::from_slice(&payload)?;
    let sent = world.witness.answered(ORGANISATION, &second, 1).await?;
    assert_eq!(node.stored_answer(&request.id).await?, Some(sent.bytes));
    let process = node.start(None)?;
    let (_, repeated) = world.ask(&world.study, RHO + 1)?;
    assert_eq!(world.cells(&repeated, 1).await?, second_cells);
    // The one that nothing proves is spent, and its question is refused rather than answered with other noise.
    let refused = world.refused_field(&third).await?;
    assert_eq!(refused, "year");
    assert_eq!(node.balance().await?.spent, balance.spent);
    process.kill()?;

    // What is left of the lifetime cap can still be used: by an officer's move, in a study that nothing was written off of.
    let fresh =
        (world.requester).sign_study(&requester::study("after", &[ORGANISATION], 1_000_000_000))?;
    world.witness.publish(fresh.clone());
    node.countersign("after").await?;
    let amount = (10 * RHO).to_string();
    let words = [
        "--part", "year", "--from", &next, "--to", &this, "--rho", &amount, "--reason", "go on",
    ];
    node.act(&["budget", "move"], &words).await?;
    let process = node.start(None)?;
    let (_, later) = world.ask(&fresh, RHO + 3)?;
    world.cells(&later, 1).await?;
    assert_eq!(
        node.balance().await?.spent,
        balance
            .spent
            .checked_add(NanoRho::new(RHO + 3))
            .context("a sum")?
    );
    node.audit().await?;
    process.kill()?;

    // The copy of the old folder finds that the log went on without it.
    std::fs::remove_dir_all(node.dir())?;
    copy(&clone, node.dir())?;
    let mut process = node.start(None)?;
    let (_, last) = world.ask(&world.study, RHO + 4)?;
    process.printed("a request stays open").await?;
    let answers = (world.witness).desk(ORGANISATION, |desk| desk.answers(&last).len());
    assert_eq!(answers, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_lacks_a_kept_request_is_restored_with_a_warning() -> Result<()> {
    let city = City::generate(0.001)?;
    let (world, mut node) = World::begin(&city).await?;
    let process = node.start(None)?;
    let (_, asked) = world.ask(&world.study, RHO)?;
    world.cells(&asked, 1).await?;
    process.kill()?;
    let options = SqliteConnectOptions::new().filename(node.dir().join("node.db"));
    let mut ledger = SqliteConnection::connect_with(&options).await?;
    let lost = ledger.execute("DELETE FROM requests").await?;
    assert_eq!(lost.rows_affected(), 1);
    ledger.close().await?;

    let file = city.path().join("node.wib");
    let out = file.to_str().context("a path")?;
    node.command(&["backup"], &["--out", out]).await?;
    std::fs::remove_dir_all(node.dir())?;
    let said = node
        .command(&["restore"], &["--from", out, "--lang", "en"])
        .await?;
    assert!(
        said.contains("PROBLEM") && said.contains("is not kept"),
        "{said}"
    );
    Ok(())
}
