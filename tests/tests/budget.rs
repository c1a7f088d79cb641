//! An account's life over real processes: a cap that refuses, an officer's move that gives room, and a lifetime cap
//! that only two persons raise.

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use protocol::{Answer, Envelope, Outcome};
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::process::{Process, run};
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "budget";
const RHO: u64 = 1_000_000;

/// The refusing field of an answer, or nothing for cells.
async fn outcome(witness: &Witness, known_as: &str) -> Result<Option<String>> {
    let handed = witness.answered(ORGANISATION, known_as, 1).await?;
    let answer = Answer::unverified(&handed.envelope).context("an answer")?;
    Ok(match answer.outcome {
        Outcome::Answered { .. } => None,
        Outcome::Refused { field, .. } => Some(field),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn budget_moves_by_an_officers_act_and_grows_only_by_two_persons() -> Result<()> {
    let city = City::generate(0.001)?;
    let asker = Requester::new()?;
    let witness = Witness::start()?;
    let study: Envelope =
        asker.sign_study(&requester::study(STUDY, &[ORGANISATION], 1_000_000_000))?;
    witness.publish(study.clone());
    let mut node = Node::enrol(
        city.path(),
        ORGANISATION,
        &city.register(ORGANISATION),
        &asker.public_key(),
        &witness,
        &[STUDY],
    )
    .await?;
    let second = node.second_key().await?;
    let small = i64::try_from(2 * RHO)?;
    node.edit_policy(&[
        ("lifetime", small + small),
        ("per_year", small),
        ("per_dataset", small + small),
        ("per_purpose", small + small),
        ("per_study", small + small),
    ])
    .await?;
    let ask = |rho: u64| -> Result<String> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        Ok(witness.offer(ORGANISATION, &asker.sign_request(&request)))
    };
    let _process = node.start(None)?;
    assert_eq!(outcome(&witness, &ask(RHO + 1)?).await?, None);
    let refused = outcome(&witness, &ask(RHO)?).await?;
    assert_eq!(refused.as_deref(), Some("year"));

    // The officer moves what next year would have had.
    let year = jiff::Timestamp::now().to_zoned(TimeZone::UTC).year();
    let (this, next) = (year.to_string(), (year + 1).to_string());
    let amount = (RHO + 5).to_string();
    let words = [
        "--part", "year", "--from", &next, "--to", &this, "--rho", &amount, "--reason", "a survey",
    ];
    node.act(&["budget", "move"], &words).await?;
    assert_eq!(outcome(&witness, &ask(RHO + 2)?).await?, None);

    // All of the lifetime cap but a little is spent; a policy alone promises nothing more.
    node.edit_policy(&[("lifetime", 100 * small), ("per_year", 50 * small)])
        .await?;
    node.edit_policy(&[("per_dataset", 50 * small), ("per_study", 50 * small)])
        .await?;
    node.edit_policy(&[("per_purpose", 50 * small)]).await?;
    assert_eq!(outcome(&witness, &ask(RHO + 3)?).await?, None);
    let refused = outcome(&witness, &ask(RHO + 4)?).await?;
    assert_eq!(refused.as_deref(), Some("lifetime"));
    let lifetime = (4 * RHO + RHO + 100).to_string();
    let begun = node
        .act(
            &["budget", "raise"],
            &["--lifetime", &lifetime, "--reason", "more"],
        )
        .await?;
    let id = begun
        .split_whitespace()
        .find(|word| word.len() == 33 && word.ends_with(':'))
        .map(|word| word.trim_end_matches(':').to_owned())
        .context("the act's id")?;
    // One person twice is one person.
    let dir = node.dir().to_str().context("a path")?.to_owned();
    let officer = node.officer_key().to_str().context("a path")?.to_owned();
    let twice = run(
        "node-agent",
        &[
            "budget",
            "countersign",
            "--dir",
            &dir,
            "--act",
            &id,
            "--dpo-key",
            &officer,
        ],
        "",
    )
    .await?;
    assert_eq!(twice.code, Some(1), "{}", twice.stdout);
    assert!(twice.stderr.contains("two different"), "{}", twice.stderr);
    let refused = outcome(&witness, &ask(RHO + 5)?).await?;
    assert_eq!(refused.as_deref(), Some("lifetime"));

    // The process is lost after the ledger's commit, and the folder's copy of the act with it; it is in force and announced.
    let second = second.to_str().context("a path")?;
    let words = [
        "budget",
        "countersign",
        "--dir",
        &dir,
        "--act",
        &id,
        "--dpo-key",
        second,
    ];
    let log = city.path().join("countersign.log");
    let at = [("WI_FAILPOINT", "guarantee-committed")];
    let mut lost = Process::start("node-agent", &words, &at, &log)?;
    lost.printed("failpoint guarantee-committed").await?;
    lost.kill()?;
    std::fs::remove_file(node.dir().join("acts").join(format!("{id}.json")))?;
    assert_eq!(outcome(&witness, &ask(RHO + 6)?).await?, None);
    assert_eq!(outcome(&witness, &ask(RHO + 7)?).await?, None);
    assert_eq!(
        outcome(&witness, &ask(RHO + 8)?).await?.as_deref(),
        Some("lifetime"),
        "what was promised is all there is"
    );

    // Whoever reads the coordinator's log hears of it at the next greeting.
    assert!(witness.desk(ORGANISATION, |desk| !desk.guarantees.is_empty()));

    let audit = node.audit().await?;
    assert!(audit.contains("moved from year"), "{audit}");
    assert!(audit.contains("lifetime cap raised from"), "{audit}");
    let status = node.command(&["status"], &["--json"]).await?;
    let status: serde_json::Value = serde_json::from_str(&status)?;
    assert_eq!(status["lifetime_cap"], 5 * RHO + 100);
    assert_eq!(status["budget"][0]["cap"], "lifetime");
    Ok(())
}
