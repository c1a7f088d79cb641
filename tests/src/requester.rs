//! The requesting body, where a test plays it: signs studies and requests with a key that nodes pin.
//! It can also make what an honest requester never would: other bytes, other keys, other addressees.

use anyhow::{Context, Result};
use geography::Level;
use identity::SigningKey;
use privacy_loss::NanoRho;
use protocol::{Envelope, PublicKey, Request, Study};
use query::AggregateQuery;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The requesting organisation of the tests.
pub const REQUESTER: &str = "comune-milano";
/// The purpose of the tests' studies.
pub const PURPOSE: &str = "service-planning";

const HOUR: i64 = 3_600;

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// An organisation that asks.
#[derive(Debug)]
pub struct Requester {
    key: SigningKey,
}

impl Requester {
    /// A requester with a new key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Requester> {
        Ok(Requester {
            key: SigningKey::ephemeral()?,
        })
    }

    /// A requester with the key in a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(path: &Path) -> Result<Requester> {
        Ok(Requester {
            key: SigningKey::load(path)?,
        })
    }

    /// Its public key, as nodes pin it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.key.public_key().as_bytes())
    }

    /// Signs any payload.
    pub fn sign(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        Envelope::sign(payload_type, payload, &self.public_key(), |bytes| {
            self.key.sign(bytes)
        })
    }

    /// Signs a study.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign_study(&self, study: &Study) -> Result<Envelope> {
        Ok(self.sign(Study::TYPE, &serde_json::to_vec(study)?))
    }

    /// Signs a request.
    pub fn sign_request(&self, request: &Request) -> Envelope {
        self.sign(Request::TYPE, &request.to_bytes())
    }
}

/// A study of all organisations in `participants`, valid for a day around now, at most rho 0.25 a question.
pub fn study(id: &str, participants: &[&str], max_rho_total: u64) -> Study {
    let targets = taxonomy::Taxonomy::built_in().targets().iter();
    Study {
        version: protocol::VERSION,
        id: id.to_owned(),
        title: format!("Study {id}"),
        requester: REQUESTER.to_owned(),
        purpose: PURPOSE.to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_categories: vec!["art9-2-g".to_owned()],
        participants: participants.iter().map(|&id| id.to_owned()).collect(),
        measures: query::Measure::IDS.map(str::to_owned).to_vec(),
        targets: targets.map(|target| target.id.clone()).collect(),
        finest_level: Level::MicroArea,
        max_rho_per_query: NanoRho::new(max_rho_total.min(250_000_000)),
        max_rho_total: NanoRho::new(max_rho_total),
        valid_from: now() - HOUR,
        valid_until: now() + 24 * HOUR,
    }
}

/// The edition every node serves this month: editions follow the calendar, the first was January 2020.
pub fn edition_now() -> u32 {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let months = (i32::from(today.year()) - 2020) * 12 + i32::from(today.month());
    u32::try_from(months).unwrap_or(0)
}

/// A new request identifier.
///
/// # Errors
/// When the system gives no randomness.
pub fn request_id() -> Result<String> {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .ok()
        .context("no randomness")?;
    Ok(protocol::hex(&bytes))
}

/// Persons by municipio in 2025, at a loss of `rho` nano-rho: each `rho` makes another question.
pub fn persons_by_municipio(rho: u64) -> String {
    serde_json::json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    })
    .to_string()
}

/// A well-formed request to `node` in the signed study.
///
/// # Errors
/// When the query is not legal.
pub fn request(node: &str, study: &Envelope, query: &str) -> Result<Request> {
    let query = AggregateQuery::parse(query.as_bytes())
        .map_err(|refusal| anyhow::anyhow!("the question is refused at {refusal}"))?;
    let study_bytes = study.unverified_payload().context("a study")?;
    let content: Study = serde_json::from_slice(&study_bytes)?;
    Ok(Request {
        version: protocol::VERSION,
        id: request_id()?,
        phase: "single".to_owned(),
        requester: content.requester,
        node: node.to_owned(),
        dataset: "clients".to_owned(),
        edition: edition_now(),
        study: content.id,
        study_hash: protocol::hex(&protocol::sha256(&study_bytes)),
        purpose: content.purpose,
        query: query.canonical().to_owned(),
        query_hash: query.hash().to_string(),
        rho: NanoRho::new(query.rho_nano()),
        issued_at: now(),
        expires_at: now() + 12 * HOUR,
    })
}
