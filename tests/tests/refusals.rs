//! What a real node process refuses: each refusal is signed, names field and code, costs nothing and stands in the log.

use anyhow::{Context, Result};
use audit::EntryKind;
use base64::prelude::{BASE64_STANDARD, Engine};
use protocol::{Answer, Envelope, Outcome, Request};
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::process::Process;
use system_tests::requester::{self, Requester, now, persons_by_municipio};
use system_tests::witness::{Handed, Witness};

const ORGANISATION: &str = "cooperativa-lambro";
const OTHER: &str = "associazione-ortica";
/// Countersigned, with room for everything.
const WIDE: &str = "wide";
/// Countersigned, with room for one question.
const NARROW: &str = "narrow";
/// Known, never countersigned.
const UNSIGNED: &str = "unsigned";
const RHO: u64 = 1_000_000;

/// A node that serves, and who asks it.
struct World {
    witness: Witness,
    requester: Requester,
    wide: Envelope,
    narrow: Envelope,
    unsigned: Envelope,
    node: Node,
    _process: Process,
    _city: City,
}

impl World {
    async fn start() -> Result<World> {
        let city = City::generate(0.001)?;
        let requester = Requester::new()?;
        let witness = Witness::start()?;
        let sign = |id, total| requester.sign_study(&requester::study(id, &[ORGANISATION], total));
        let wide = sign(WIDE, 1_000_000_000)?;
        let narrow = sign(NARROW, 2 * RHO - 1)?;
        let unsigned = sign(UNSIGNED, 1_000_000_000)?;
        for study in [&wide, &narrow, &unsigned] {
            witness.publish(study.clone());
        }
        let mut node = Node::enrol(
            city.path(),
            ORGANISATION,
            &city.register(ORGANISATION),
            &requester.public_key(),
            &witness,
            &[WIDE, NARROW],
        )
        .await?;
        let process = node.start(None)?;
        witness.greeted(ORGANISATION, 1).await?;
        Ok(World {
            witness,
            requester,
            wide,
            narrow,
            unsigned,
            node,
            _process: process,
            _city: city,
        })
    }

    fn request(&self, study: &Envelope, rho: u64) -> Result<Request> {
        requester::request(ORGANISATION, study, &persons_by_municipio(rho))
    }

    /// Offers a request and returns the next answer to it.
    async fn ask(&self, envelope: &Envelope) -> Result<Handed> {
        let payload = envelope.unverified_payload().context("a payload")?;
        let known_as = protocol::hex(&protocol::sha256(&payload));
        let seen = (self.witness).desk(ORGANISATION, |desk| desk.answers(&known_as).len());
        self.witness.offer(ORGANISATION, envelope);
        self.witness
            .answered(ORGANISATION, &known_as, seen + 1)
            .await
    }

    /// Asks, and expects a signed and logged refusal with this rule, field and code that spends nothing.
    async fn refuses(&self, envelope: &Envelope, expected: [&str; 3]) -> Result<()> {
        let before = self.node.balance().await?;
        let handed = self.ask(envelope).await?;
        assert_eq!(
            self.node.balance().await?,
            before,
            "a refusal costs nothing"
        );
        let Outcome::Refused { rule, field, code } = outcome(&handed, &self.witness)? else {
            panic!("answered, though {expected:?} was expected");
        };
        assert_eq!([rule.as_str(), field.as_str(), code.as_str()], expected);
        self.logged(&handed.request(), expected).await
    }

    async fn logged(&self, request_hash: &str, [rule, field, code]: [&str; 3]) -> Result<()> {
        let log = self.node.log().await?;
        let found = log.iter().any(|entry| {
            let header = &entry.header;
            header.kind == EntryKind::Refusal
                && header.text("request-hash") == Some(request_hash)
                && header.text("rule") == Some(rule)
                && header.text("field") == Some(field)
                && header.text("code") == Some(code)
        });
        assert!(found, "the refusal of {field} ({code}) is in the log");
        Ok(())
    }
}

/// What a node said, after checking that it was the node that said it.
fn outcome(handed: &Handed, witness: &Witness) -> Result<Outcome> {
    let key = witness.desk(ORGANISATION, |desk| desk.node_key);
    let answer = Answer::signed_by(&handed.envelope, &[key])?;
    assert_eq!(answer.node, ORGANISATION);
    Ok(answer.outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_refuses_signs_and_logs_whatever_is_not_a_valid_request_in_a_countersigned_study()
-> Result<()> {
    let world = World::start().await?;
    let requester = &world.requester;

    // Asked twice, the same bytes: the stored answer, free of charge.
    let request = world.request(&world.wide, RHO)?;
    let envelope = requester.sign_request(&request);
    let first = world.ask(&envelope).await?;
    assert!(matches!(
        outcome(&first, &world.witness)?,
        Outcome::Answered { .. }
    ));
    let spent = world.node.balance().await?;
    assert_eq!(spent.spent.nano(), RHO);
    assert_eq!(
        world.ask(&envelope).await?,
        first,
        "a replay gets the stored answer"
    );
    assert_eq!(world.node.balance().await?, spent);

    // The same question under another request id: the released cells, free of charge, and logged as reuse.
    let same_question = Request {
        id: requester::request_id()?,
        ..request.clone()
    };
    let reused = world.ask(&requester.sign_request(&same_question)).await?;
    let (
        Outcome::Answered { cells, .. },
        Outcome::Answered {
            cells: again,
            receipt,
        },
    ) = (
        outcome(&first, &world.witness)?,
        outcome(&reused, &world.witness)?,
    )
    else {
        panic!("a repeated question was refused");
    };
    assert_eq!(cells, again);
    assert!(receipt.reused);
    assert_eq!(world.node.balance().await?, spent);

    // The same request id with another body.
    let other_body = Request {
        id: request.id.clone(),
        ..world.request(&world.wide, RHO + 1)?
    };
    let expected = ["ledger", "request-id", "request-id-reused"];
    world
        .refuses(&requester.sign_request(&other_body), expected)
        .await?;

    // Addressed to another node.
    let elsewhere = Request {
        node: OTHER.to_owned(),
        ..world.request(&world.wide, RHO + 2)?
    };
    let expected = ["request", "node", "addressed-to-another-node"];
    world
        .refuses(&requester.sign_request(&elsewhere), expected)
        .await?;

    // Expired.
    let expired = Request {
        issued_at: now() - 7_200,
        expires_at: now() - 3_600,
        ..world.request(&world.wide, RHO + 3)?
    };
    let expected = ["request", "expires_at", "expired"];
    world
        .refuses(&requester.sign_request(&expired), expected)
        .await?;

    // Altered after signing: one byte of the payload.
    let mut altered = requester.sign_request(&world.request(&world.wide, RHO + 4)?);
    let payload = altered.unverified_payload().context("a payload")?;
    let text = String::from_utf8(payload)?.replacen("\"version\":1", "\"version\":2", 1);
    altered.payload = BASE64_STANDARD.encode(text);
    let expected = ["request", "signature", "altered"];
    world.refuses(&altered, expected).await?;

    // Signed by a key that the policy does not pin.
    let stranger = Requester::new()?;
    let request = world.request(&world.wide, RHO + 5)?;
    let expected = ["request", "signature", "key-not-pinned"];
    world
        .refuses(&stranger.sign_request(&request), expected)
        .await?;

    // A study nobody handed in, one without countersignature, one with another text.
    let unknown = requester.sign_study(&requester::study("unknown", &[ORGANISATION], RHO))?;
    let request = world.request(&unknown, RHO)?;
    let expected = ["study", "study", "unknown-study"];
    world
        .refuses(&requester.sign_request(&request), expected)
        .await?;
    let request = world.request(&world.unsigned, RHO + 6)?;
    let expected = ["study", "study", "not-countersigned"];
    world
        .refuses(&requester.sign_request(&request), expected)
        .await?;
    let other_text = requester.sign_study(&requester::study(WIDE, &[ORGANISATION, OTHER], RHO))?;
    let request = world.request(&other_text, RHO + 7)?;
    let expected = ["study", "study_hash", "other-study-text"];
    world
        .refuses(&requester.sign_request(&request), expected)
        .await?;

    // Another edition than the one served.
    let request = Request {
        edition: requester::edition_now() - 1,
        ..world.request(&world.wide, RHO + 8)?
    };
    let expected = ["edition", "edition", "not-the-current-edition"];
    world
        .refuses(&requester.sign_request(&request), expected)
        .await?;

    world.node.audit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_requests_at_once_with_budget_for_one_one_is_answered() -> Result<()> {
    let world = World::start().await?;
    let mut offered = Vec::new();
    for offset in 0..64 {
        let request = world.request(&world.narrow, RHO + offset)?;
        let envelope = world.requester.sign_request(&request);
        offered.push((world.witness.offer(ORGANISATION, &envelope), RHO + offset));
    }
    let mut answered = Vec::new();
    for (known_as, rho) in &offered {
        let handed = world.witness.answered(ORGANISATION, known_as, 1).await?;
        match outcome(&handed, &world.witness)? {
            Outcome::Answered { .. } => answered.push(*rho),
            Outcome::Refused { rule, field, code } => {
                let refusal = [rule.as_str(), field.as_str(), code.as_str()];
                assert_eq!(refusal, ["ledger", "study", "cap-exceeded"]);
                world.logged(known_as, refusal).await?;
            }
        }
    }
    assert_eq!(answered.len(), 1, "answered: {answered:?}");
    let balance = world.node.balance().await?;
    assert_eq!((balance.charges, balance.spent.nano()), (1, answered[0]));
    world.node.audit().await?;
    Ok(())
}
