//! A policy's life over real processes: it is trusted as installed, leaves requests to a person, is replaced only as its officers
//! signed, and is tried out on what was asked. A file that is edited on disk changes nothing.

use anyhow::{Context, Result, ensure};
use axum::http::StatusCode;
use protocol::{Answer, Envelope, OfferNotice, Outcome, VerifiedPolicyPublication};
use std::time::Duration;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::process::{run, run_ok};
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::{Desk, Witness};

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "policies";
const RHO: u64 = 1_000_000;

async fn outcome(witness: &Witness, known_as: &str) -> Result<Outcome> {
    let handed = witness.answered(ORGANISATION, known_as, 1).await?;
    let answer = Answer::unverified(&handed.envelope).context("an answer")?;
    Ok(answer.outcome)
}

/// Waits until so many requests wait for a person, and returns the last one's id.
async fn waiting(node: &Node, count: usize) -> Result<String> {
    for _ in 0..600 {
        let listed = node.command(&["requests", "list"], &[]).await?;
        if listed.lines().count() == count {
            let last = listed
                .lines()
                .last()
                .and_then(|line| line.split_whitespace().next());
            return Ok(last.context("an id")?.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no request waits")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_signed_tried_out_and_leaves_requests_to_a_person() -> Result<()> {
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
    let at_once = node.command(&["policy", "show"], &["--document"]).await?;
    let manual = at_once.replacen("approval = \"auto\"", "approval = \"manual\"", 1);
    ensure!(manual != at_once, "the starter answers at once");
    node.replace_policy(&manual).await?;
    let ask = |rho: u64| -> Result<String> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        Ok(witness.offer(ORGANISATION, &asker.sign_request(&request)))
    };
    let _process = node.start(None)?;

    // It waits; whoever approves reads the question and its cost.
    let first = ask(RHO)?;
    let id = waiting(&node, 1).await?;
    assert_eq!(node.balance().await?.charges, 0);
    let shown = node
        .command(&["requests", "show"], &["--request", &id[..8]])
        .await?;
    for words in [
        "(waiting)",
        "in the study policies",
        "would reveal",
        "costs         rho 0.001000000",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let said = node
        .command(&["requests", "show"], &["--request", &id, "--lang", "it"])
        .await?;
    assert!(
        said.contains("rivelerebbe") && said.contains("in attesa"),
        "{said}"
    );
    let stranger = node.officer_key().with_file_name("stranger.key");
    let stranger = stranger.to_str().context("a path")?;
    run_ok("node-agent", &["keygen", "--out", stranger], "").await?;
    let words = ["--request", &id, "--reason", "useful"];
    let by_stranger = [&words[..], &["--dpo-key", stranger]].concat();
    assert!(
        node.command(&["requests", "approve"], &by_stranger)
            .await
            .is_err()
    );
    node.act(&["requests", "approve"], &words).await?;
    assert!(matches!(
        outcome(&witness, &first).await?,
        Outcome::Answered { .. }
    ));
    assert!(
        node.act(&["requests", "refuse"], &words).await.is_err(),
        "it was decided"
    );

    // Refused: nothing is charged.
    let second = ask(RHO + 1)?;
    let id = waiting(&node, 1).await?;
    node.act(
        &["requests", "refuse"],
        &["--request", &id, "--reason", "too fine"],
    )
    .await?;
    match outcome(&witness, &second).await? {
        Outcome::Refused { rule, field, code } => {
            assert_eq!(
                [&*rule, &*field, &*code],
                ["planning-counts", "approval", "refused-by-a-person"]
            );
        }
        Outcome::Answered { .. } => anyhow::bail!("it was refused"),
    }
    assert_eq!(node.balance().await?.charges, 1);

    // A file edited on disk changes nothing.
    std::fs::write(node.dir().join("policy.toml"), &at_once)?;
    let third = ask(RHO + 2)?;
    waiting(&node, 1).await?;
    let shown = node.command(&["policy", "show"], &[]).await?;
    assert!(
        shown.contains("is another document and changes nothing"),
        "{shown}"
    );

    // What the officer signs does, and is tried out before.
    let next = node.officer_key().with_file_name("tried.toml");
    std::fs::write(&next, &at_once)?;
    let next = next.to_str().context("a path")?;
    let ledger = node.dir().join("node.db");
    let ledger = ledger.to_str().context("a path")?;
    let tried = run(
        "node-agent",
        &["policy", "simulate", next, "--log", ledger],
        "",
    )
    .await?;
    assert_eq!(tried.code, Some(3), "{}{}", tried.stdout, tried.stderr);
    assert!(
        tried.stdout.contains("newly allowed: 3"),
        "{}",
        tried.stdout
    );
    let exported = node.officer_key().with_file_name("asked.jsonl");
    std::fs::write(&exported, node.command(&["requests", "export"], &[]).await?)?;
    let exported = exported.to_str().context("a path")?;
    // The coordinator's command says the same of an exported log.
    let again = run(
        "coordinator",
        &["policy", "simulate", next, "--log", exported],
        "",
    )
    .await?;
    assert_eq!(
        (again.code, &again.stdout),
        (Some(3), &tried.stdout),
        "{}",
        again.stderr
    );
    let checked = run("coordinator", &["policy", "check", next], "").await?;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);

    node.replace_policy(&at_once).await?;
    assert!(matches!(
        outcome(&witness, &third).await?,
        Outcome::Answered { .. }
    ));
    // The same act again, and a stranger's, change nothing.
    let signed = node.officer_key().with_file_name("next.json");
    let again = ["--signed", signed.to_str().context("a path")?];
    assert!(node.command(&["policy", "apply"], &again).await.is_err());
    let hash = protocol::hex(&protocol::sha256(at_once.as_bytes()));
    let wider = at_once.replacen("display_minimum = 5", "display_minimum = 4", 1);
    std::fs::write(next, wider)?;
    let forged = node.officer_key().with_file_name("forged.json");
    let forged = forged.to_str().context("a path")?;
    let words = [
        "policy",
        "sign",
        next,
        "--replaces",
        &hash,
        "--reason",
        "x",
        "--dpo-key",
        stranger,
        "--out",
        forged,
    ];
    run_ok("node-agent", &words, "").await?;
    assert!(
        node.command(&["policy", "apply"], &["--signed", forged])
            .await
            .is_err()
    );

    let changes = (node.log().await?.into_iter())
        .filter(|entry| entry.header.kind == audit::EntryKind::PolicyChange);
    let acts: Vec<_> = changes
        .filter_map(|entry| Some(entry.header.text("act")?.to_owned()))
        .collect();
    assert_eq!(acts, ["policy-installed", "policy-signed"]);
    node.audit().await?;
    Ok(())
}

/// Waits until an offer of that version was handed in, signed by the node.
async fn offered(witness: &Witness, revision: u64) -> Result<OfferNotice> {
    let found = |desk: &Desk| {
        let read = desk.published_offers.iter().filter_map(|envelope| {
            OfferNotice::verify(envelope, &desk.node_key, ORGANISATION).ok()
        });
        read.into_iter().find(|notice| notice.revision == revision)
    };
    (witness.when(ORGANISATION, found).await)
        .with_context(|| format!("version {revision} of the offer was never handed in"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_lets_no_offer_be_published_takes_back_what_was() -> Result<()> {
    let city = City::generate(0.001)?;
    let asker = Requester::new()?;
    let witness = Witness::start()?;
    let study: Envelope =
        asker.sign_study(&requester::study(STUDY, &[ORGANISATION], 1_000_000_000))?;
    witness.publish(study.clone());
    let register = city.register(ORGANISATION);
    let key = asker.public_key();
    let mut node = Node::enrol(
        city.path(),
        ORGANISATION,
        &register,
        &key,
        &witness,
        &[STUDY],
    )
    .await?;
    let _process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    let file = city.offer(ORGANISATION);
    let publish = ["--file", file.to_str().context("a path")?];
    // What is asked ends the wait of a node that has nothing to do.
    let wake = |rho: u64| -> Result<()> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        witness.offer(ORGANISATION, &asker.sign_request(&request));
        Ok(())
    };
    node.command(&["offer", "publish"], &publish).await?;
    wake(RHO)?;
    let published = offered(&witness, 1).await?;
    ensure!(!published.offer.sites.is_empty());

    let open = node.command(&["policy", "show"], &["--document"]).await?;
    let closed = open.replacen("publish_offer = true", "publish_offer = false", 1);
    ensure!(closed != open, "the starter publishes the offer");
    node.replace_policy(&closed).await?;
    wake(RHO + 1)?;
    let taken_back = offered(&witness, 2).await?;
    assert!(taken_back.offer.sites.is_empty() && taken_back.offer.services.is_empty());
    let refused = node.command(&["offer", "publish"], &publish).await;
    assert!(refused.is_err(), "the policy does not let it be published");
    // It is not withdrawn again and again; withdrawing by hand is still allowed.
    node.command(&["offer", "withdraw"], &[]).await?;
    wake(RHO + 2)?;
    offered(&witness, 3).await?;

    // Allowed again, it is published when somebody publishes it.
    node.replace_policy(&open).await?;
    node.command(&["offer", "publish"], &publish).await?;
    wake(RHO + 3)?;
    assert_eq!(offered(&witness, 4).await?.offer, published.offer);
    let acts: Vec<_> = (node.log().await?.into_iter())
        .filter(|entry| entry.header.kind == audit::EntryKind::AdminAct)
        .filter_map(|entry| Some(entry.header.text("act")?.to_owned()))
        .filter(|act| act.starts_with("offer-"))
        .collect();
    let expected = ["published", "withdrawn", "withdrawn", "published"];
    assert_eq!(acts, expected.map(|act| format!("offer-{act}")));
    node.audit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_publishes_each_policy_that_the_one_in_force_follows_from() -> Result<()> {
    let city = City::generate(0.001)?;
    let asker = Requester::new()?;
    let witness = Witness::start()?;
    let register = city.register(ORGANISATION);
    let key = asker.public_key();
    let mut node = Node::enrol(city.path(), ORGANISATION, &register, &key, &witness, &[]).await?;
    let process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    process.kill()?;

    // Two policies, and back to the first of them, between one contact and the next.
    let first = node.command(&["policy", "show"], &["--document"]).await?;
    let [second, third] = [6, 7].map(|minimum| {
        first.replacen(
            "display_minimum = 5",
            &format!("display_minimum = {minimum}"),
            1,
        )
    });
    ensure!(
        second != first && third != first,
        "the starter's minimum is 5"
    );
    for document in [&second, &third, &second] {
        node.replace_policy(document).await?;
    }
    witness.desk(ORGANISATION, |desk| desk.wants_policies = true);
    let process = node.start(None)?;
    let published = witness
        .when(ORGANISATION, |desk| {
            let read = desk.published_policies.iter().filter_map(|envelope| {
                VerifiedPolicyPublication::verify(envelope, &desk.node_key, ORGANISATION).ok()
            });
            let read: Vec<_> = read.collect();
            Some(read).filter(|read| read.len() >= 4)
        })
        .await
        .context("not every way was ever published")?;
    let officers = policy::PolicyDocument::parse(&first)?.dpo.keys;
    let read: Vec<_> = (published.iter().take(4))
        .map(|policy| {
            let replaces = policy.act().map(|act| act.replaces.clone());
            (
                policy.document(),
                replaces,
                policy.signed_by(&officers).len(),
            )
        })
        .collect();
    let hash = |document: &str| Some(protocol::hex(&protocol::sha256(document.as_bytes())));
    // First the one in force as it came into force first, with what it follows from, and then the way in which it came back.
    let expected = [
        (&*second, hash(&first), 1),
        (&*first, None, 0),
        (&*second, hash(&third), 1),
        (&*third, hash(&second), 1),
    ];
    assert_eq!(read, expected);
    drop(process);

    node.replace_policy(&third).await?;
    let before = witness.desk(ORGANISATION, |desk| desk.published_policies.len());
    let process = node.start(None)?;
    let newest = witness
        .when(ORGANISATION, |desk| {
            let newest = desk.published_policies.get(before)?;
            VerifiedPolicyPublication::verify(newest, &desk.node_key, ORGANISATION).ok()
        })
        .await
        .context("the next policy was never published")?;
    assert_eq!(newest.document(), third);
    drop(process);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_came_at_a_bad_moment_is_published_again_and_keeps_the_node_from_nothing()
-> Result<()> {
    let city = City::generate(0.001)?;
    let asker = Requester::new()?;
    let witness = Witness::start()?;
    let register = city.register(ORGANISATION);
    let key = asker.public_key();
    let mut node = Node::enrol(city.path(), ORGANISATION, &register, &key, &witness, &[]).await?;
    let first = node.command(&["policy", "show"], &["--document"]).await?;
    let process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    process.kill()?;
    let second = first.replacen("display_minimum = 5", "display_minimum = 6", 1);
    ensure!(second != first, "the starter's minimum is 5");
    node.replace_policy(&second).await?;

    // The second call of the first try, and the first of the next, meet a coordinator that cannot serve.
    let [unavailable, broken] = [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::INTERNAL_SERVER_ERROR,
    ];
    let polls = |desk: &Desk| desk.certificates.len() - desk.hellos.len();
    let before = witness.desk(ORGANISATION, |desk| {
        desk.wants_policies = true;
        desk.refuse_policies = [None, Some(unavailable), Some(broken)].into();
        polls(desk)
    });
    let process = node.start(None)?;
    let published = |desk: &Desk| {
        let read = desk.published_policies.iter().filter_map(|envelope| {
            VerifiedPolicyPublication::verify(envelope, &desk.node_key, ORGANISATION).ok()
        });
        let read: Vec<String> = read.map(|policy| policy.document().to_owned()).collect();
        let asked = polls(desk) > before;
        read.contains(&first).then_some((read, asked))
    };
    let (published, asked) = (witness.when(ORGANISATION, published).await)
        .context("the installed policy was never published")?;
    assert_eq!(published, [&*second, &*second, &*first]);
    assert!(asked, "it asks for work meanwhile");
    process.kill()?;

    // What is refused as it is, is left at that until the next greeting.
    witness.desk(ORGANISATION, |desk| {
        desk.refuse_policies = [Some(StatusCode::UNPROCESSABLE_ENTITY)].into();
    });
    let _process = node.start(None)?;
    let refused = |desk: &Desk| desk.refuse_policies.is_empty().then_some(());
    witness.when(ORGANISATION, refused).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let came = witness.desk(ORGANISATION, |desk| desk.published_policies.len());
    assert_eq!(came, 3);
    Ok(())
}
