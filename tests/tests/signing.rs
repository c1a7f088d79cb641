//! The requesting body's own node: it signs the questions its people ask inside a study it signed, and nothing beyond.

use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
use privacy_loss::NanoRho;
use protocol::exchange::{Declined, Signed};
use protocol::{Envelope, PublicKey, Request, Study, VerifiedRequest};
use std::time::Instant;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::requester::{self, REQUESTER, now, persons_by_municipio};
use system_tests::witness::Witness;

const STUDY: &str = "signing";
const ASKED: &str = "cooperativa-lambro";
const RHO: u64 = 1_000_000;

struct World {
    witness: Witness,
    study: Envelope,
    key: PublicKey,
    node: Node,
}

impl World {
    /// Makes the requester's node, which proposes the study, and lets it serve.
    async fn start(city: &City) -> Result<(World, system_tests::process::Process)> {
        let witness = Witness::start()?;
        let register = city.register(REQUESTER);
        let mut node = Node::init(city.path(), REQUESTER, &register, None).await?;
        node.join(&witness.invite(REQUESTER)?).await?;
        let file = city.path().join("study.json");
        let study = requester::study(STUDY, &[REQUESTER, ASKED], 100 * RHO);
        std::fs::write(&file, serde_json::to_vec(&study)?)?;
        let file = file.to_str().context("a path in UTF-8")?;
        node.command(&["study", "propose"], &["--file", file])
            .await?;
        let study = witness.studies().pop().context("the study was handed in")?;
        let key = node
            .requester_key()
            .context("the requester's key was printed")?;
        let process = node.start(None)?;
        witness.greeted(REQUESTER, 1).await?;
        Ok((
            World {
                witness,
                study,
                key,
                node,
            },
            process,
        ))
    }

    fn request(&self, rho: u64) -> Result<Request> {
        requester::request(ASKED, &self.study, &persons_by_municipio(rho))
    }

    /// Asks the node to sign these; returns what it handed in.
    async fn sign(&self, query_id: &str, requests: &[&Request]) -> Result<Signed> {
        let payloads = requests
            .iter()
            .map(|request| BASE64_STANDARD.encode(request.to_bytes()));
        let payloads = payloads.collect();
        self.witness
            .desk(REQUESTER, |desk| desk.offer_to_sign(query_id, payloads));
        let began = Instant::now();
        loop {
            let found = self.witness.desk(REQUESTER, |desk| {
                (desk
                    .signed
                    .iter()
                    .find(|signed| signed.query_id == query_id))
                .cloned()
            });
            if let Some(signed) = found {
                return Ok(signed);
            }
            anyhow::ensure!(
                began.elapsed() < system_tests::PATIENCE,
                "nothing was handed in"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn declines(
        &self,
        query_id: &str,
        request: &Request,
        field: &str,
        code: &str,
    ) -> Result<()> {
        // All or none: a good request beside it is not signed either.
        let good = self.request(RHO)?;
        let signed = self.sign(query_id, &[&good, request]).await?;
        assert!(signed.requests.is_empty(), "{query_id} was signed");
        let (field, code) = (field.to_owned(), code.to_owned());
        assert_eq!(
            signed.declined,
            Some(Declined { field, code }),
            "{query_id}"
        );
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requesters_node_signs_within_its_study_and_declines_anything_beyond() -> Result<()> {
    let city = City::generate(0.001)?;
    let (world, _process) = World::start(&city).await?;

    let request = world.request(RHO)?;
    let signed = world.sign("good", &[&request]).await?;
    assert_eq!(signed.declined, None);
    let envelope = signed.requests.first().context("one request")?;
    let verified = VerifiedRequest::verify(envelope, &[world.key], ASKED, now())?;
    assert_eq!(verified.request(), &request);

    let over = world.request(200 * RHO)?;
    world
        .declines("over-the-limit", &over, "rho", "over-the-study-limit")
        .await?;
    let stranger = Request {
        node: "associazione-ortica".to_owned(),
        ..world.request(RHO)?
    };
    world
        .declines("stranger", &stranger, "node", "not-a-participant")
        .await?;
    let purpose = Request {
        purpose: "research".to_owned(),
        ..world.request(RHO)?
    };
    world
        .declines("purpose", &purpose, "purpose", "other-purpose")
        .await?;
    let body = Request {
        requester: ASKED.to_owned(),
        ..world.request(RHO)?
    };
    world
        .declines("other-body", &body, "requester", "other-requester")
        .await?;
    let study = Request {
        study: "unknown".to_owned(),
        ..world.request(RHO)?
    };
    world
        .declines("unknown-study", &study, "study", "unknown-study")
        .await?;
    let cheaper = Request {
        rho: NanoRho::new(1),
        ..world.request(RHO)?
    };
    world
        .declines("other-price", &cheaper, "rho", "other-than-the-query")
        .await?;
    let payload = world.study.unverified_payload().context("a payload")?;
    let text: Study = serde_json::from_slice(&payload)?;
    let late = Request {
        issued_at: text.valid_until - 10,
        expires_at: text.valid_until + 10,
        ..world.request(RHO)?
    };
    world
        .declines("after-the-study", &late, "expires_at", "after-the-study")
        .await?;

    // Every signing is in the node's own log.
    let log = world.node.log().await?;
    let logged = |query: &str, signed: u64| {
        log.iter().any(|entry| {
            entry.header.text("query") == Some(query)
                && entry.header.number("signed") == Some(signed)
        })
    };
    assert!(logged("good", 1) && logged("over-the-limit", 0));
    world.node.audit().await?;
    Ok(())
}
