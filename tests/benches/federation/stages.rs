//! Where a coordinator's time goes: each thing it does with an answer, on its own, in nanoseconds per cell and as a ratio to adding the cells.

use crate::fleet::answered;
use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
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

/// Prints the stages for one vector.
pub(crate) fn print(query: &Value, cells: &[i64]) -> Result<()> {
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
    let payload = serde_json::to_vec(&answer)?;
    let envelope = Envelope::sign(Answer::TYPE, &payload, &public, |bytes| key.sign(bytes));
    let body = serde_json::to_vec(&envelope)?;
    let Outcome::Answered { receipt, .. } = &answer.outcome else {
        anyhow::bail!("an answer with cells");
    };
    let part = compose::Part {
        cells,
        variance: receipt.slices[0].variance,
    };
    let composed = compose::compose(parsed.measure(), cells.len(), &[part])?;
    let verified = || VerifiedAnswer::verify(&envelope, &public, &request, &request_bytes, &parsed);
    verified().context("it verifies")?;

    let mut sum = vec![0i64; cells.len()];
    let adding = fastest(|| {
        sum.iter_mut()
            .zip(cells)
            .for_each(|(sum, cell)| *sum = sum.wrapping_add(*cell));
        sum.last().copied()
    });
    let stages = [
        ("adding", adding),
        (
            "signing, at the node",
            fastest(|| Envelope::sign(Answer::TYPE, &payload, &public, |bytes| key.sign(bytes))),
        ),
        (
            "reading the envelope",
            fastest(|| serde_json::from_slice::<Envelope>(&body).is_ok()),
        ),
        (
            "base64 of the payload",
            fastest(|| BASE64_STANDARD.decode(&envelope.payload).is_ok()),
        ),
        (
            "signature",
            fastest(|| {
                envelope
                    .verify(Answer::TYPE, std::slice::from_ref(&public))
                    .is_ok()
            }),
        ),
        ("SHA-256", fastest(|| protocol::sha256(&payload))),
        (
            "reading the answer",
            fastest(|| serde_json::from_slice::<Answer>(&payload).is_ok()),
        ),
        ("all of verifying", fastest(|| verified().is_ok())),
        (
            "writing the envelope",
            fastest(|| serde_json::to_vec(&envelope).is_ok()),
        ),
        (
            "composing, once a release",
            fastest(|| compose::compose(parsed.measure(), cells.len(), &[part]).is_ok()),
        ),
        (
            "writing values and margins as JSON, once a release",
            fastest(|| {
                let margins = [
                    &composed.variance,
                    &composed.margin_95,
                    &composed.margin_9999,
                ];
                serde_json::to_vec(&(&composed.values, &composed.display, margins)).is_ok()
            }),
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
    Ok(())
}
