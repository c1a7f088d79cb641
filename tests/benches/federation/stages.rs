//! Where a coordinator's time goes: each thing it does with an answer, on its own, in nanoseconds per cell and as a ratio to adding the cells.

use crate::fleet::answered;
use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
use compose::Composition;
use identity::SigningKey;
use protocol::{Answer, Envelope, Outcome, PublicKey, VerifiedAnswer};
use query::AggregateQuery;
use serde_json::Value;
use std::hint::black_box;
use std::time::Instant;
use system_tests::requester::{Requester, request, study};

/// Each stage is done so often, and its fastest time counts: others use the machine too.
const TIMES: usize = 15;

fn fastest<T>(mut act: impl FnMut() -> T) -> f64 {
    (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            black_box(act());
            began.elapsed().as_secs_f64() * 1e9
        })
        .fold(f64::INFINITY, f64::min)
}

/// Prints the stages for one vector; returns the nanoseconds that verifying one signature takes.
pub(crate) fn print(query: &Value, cells: &[i64]) -> Result<f64> {
    let text = query.to_string();
    let parsed =
        AggregateQuery::parse(text.as_bytes()).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let requester = Requester::new()?;
    let study = requester.sign_study(&study("stages", &["node"], 1 << 40))?;
    let request = request("node", &study, &text)?;
    let request_bytes = request.to_bytes();
    let answer = answered(&request, &parsed, &request_bytes, cells.to_vec());
    let key = SigningKey::ephemeral()?;
    let public = PublicKey(*key.public_key().as_bytes());
    let seal = || answer.seal(&public, |bytes| key.sign(bytes));
    let envelope = seal()?;
    let body = envelope.to_bytes();
    let statement = Envelope {
        attachment: None,
        ..envelope.clone()
    };
    let attached = envelope.attachment.as_ref().context("cells")?;
    let Outcome::Answered { receipt, .. } = &answer.outcome else {
        anyhow::bail!("an answer with cells");
    };
    let part = compose::Part {
        cells,
        variance: receipt.slices[0].variance,
    };
    let checked = || VerifiedAnswer::check(&envelope, &public, &request, &request_bytes, &parsed);
    let vouched = checked().context("it verifies")?.vouched().clone();

    let mut sum = vec![0i64; cells.len()];
    let adding = fastest(|| {
        sum.iter_mut()
            .zip(cells)
            .for_each(|(sum, cell)| *sum = sum.wrapping_add(*cell));
        sum.last().copied()
    });
    let signature = fastest(|| {
        statement
            .verify(Answer::TYPE, std::slice::from_ref(&public))
            .is_ok()
    });
    let stages = [
        ("adding", adding),
        ("signing, at the node", fastest(|| seal().is_ok())),
        (
            "reading the envelope",
            fastest(|| Envelope::from_bytes(&body).is_ok()),
        ),
        ("signature", signature),
        (
            "SHA-256 of the cells",
            fastest(|| protocol::sha256(&attached.0)),
        ),
        (
            "SHA-256 and reading of the cells",
            fastest(|| Answer::unverified(&envelope).is_some()),
        ),
        ("all of checking", fastest(|| checked().is_ok())),
        (
            "reading again what was verified",
            fastest(|| VerifiedAnswer::read_again(&envelope, &vouched, &request_bytes).is_ok()),
        ),
        (
            "composing a release of one answer, once a release",
            fastest(|| {
                let mut composition = Composition::new(parsed.measure(), &vec![1; cells.len()], 1);
                composition.add(part).is_ok() && composition.sums().is_ok()
            }),
        ),
        (
            "writing values as they are stored, once a release, and for presences lower ends too",
            fastest(|| BASE64_STANDARD.encode(protocol::packed::encode(cells))),
        ),
    ];
    println!(
        "      {} cells in {:.2} bytes each: what is done with one answer, fastest of {TIMES}",
        cells.len(),
        body.len() as f64 / cells.len() as f64
    );
    for (name, ns) in stages {
        println!(
            "      {:>9.2} ns/cell {:>8.1} times adding  {name}",
            ns / cells.len() as f64,
            ns / adding
        );
    }
    Ok(signature)
}
