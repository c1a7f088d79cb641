//! Tests of the whole ledger over real SQLite files.
//! They charge from terms instead of permits, since only the policy can make a permit.

mod acceptance;
mod acts;
mod charging;
mod fixtures;
mod interleavings;
mod kept_requests;
mod model;
mod policies;
mod processes;
mod proving;
mod random_edits;
mod restore;
mod retention;
mod standing;
mod tampering;

use crate::charge::ChargeTerms;
use crate::{Charge, Debit, Ledger};
use audit::LogSigner;
use policy::Caps;
use privacy_loss::NanoRho;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::path::PathBuf;
use tempfile::TempDir;

/// A time in 2025, UTC.
const NOW: i64 = 1_750_000_000;

pub(crate) fn signer(name: &str, seed: u8) -> LogSigner {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public_key = pair.public_key().as_ref().try_into().unwrap();
    LogSigner::new(name, public_key, move |message| {
        pair.sign(message).as_ref().try_into().unwrap()
    })
    .unwrap()
}

/// A ledger in a folder of its own, removed with it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            folder: TempDir::new().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("node.db")
    }

    async fn open(&self) -> Ledger {
        Ledger::open(&self.path(), signer("node/log", 1))
            .await
            .unwrap()
    }
}

fn caps(all: u64) -> Caps {
    Caps::undivided(NanoRho::new(all))
}

/// Terms of request `number` for a question of its own.
fn terms(number: u64, rho: u64, caps: Caps) -> ChargeTerms {
    ChargeTerms {
        request_id: format!("request-{number}"),
        request_hash: protocol::sha256(&number.to_be_bytes()),
        query_hash: protocol::sha256(format!("question {number}").as_bytes()),
        dataset: "register".to_owned(),
        edition: 1,
        study: "elderly-2025".to_owned(),
        purpose: "planning".to_owned(),
        policy_hash: "00".repeat(32),
        rule: "planning-counts".to_owned(),
        waits_for_person: false,
        rho: NanoRho::new(rho),
        caps,
        study_limit: NanoRho::new(u64::MAX),
    }
}

#[track_caller]
fn debited(charge: Charge) -> Debit {
    match charge {
        Charge::Debited(debit) => debit,
        other => panic!("not debited: {other:?}"),
    }
}

async fn sound(ledger: &Ledger) -> crate::Report {
    let report = ledger.verify(&[]).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    report
}
