//! Version 1 of every signed document, as files: each reads back as what it says and is written again byte for byte, so
//! that what was signed once can be read for as long as version 1 is.
//!
//! A format that changes gets a new version and a new file; the old file stays and stays readable.

use geography::Level;
use privacy_loss::NanoRho;
use protocol::{
    Act, BudgetMove, Consent, CoordinatorAcceptance, Envelope, LogState, NewGuarantee,
    PolicyPublication, PublicKey, PublishedAs, Request, Restoration, Study, SubCap,
};
use query::AggregateQuery;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::path::PathBuf;

const NODE: &str = "cooperativa-lambro";

/// Reads the file of that name and compares both directions. With `WI_WRITE_FIXTURES` set, a file that is missing is written.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, expected: &T) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let written = serde_json::to_string(expected).expect("json");
    if !path.exists() && std::env::var_os("WI_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, format!("{written}\n")).expect("written");
    }
    let text = std::fs::read_to_string(&path).expect("the fixture");
    let read: T = serde_json::from_str(&text).expect("readable");
    assert_eq!(&read, expected, "{name}");
    assert_eq!(written, text.trim_end(), "{name}");
}

fn id(digit: char) -> String {
    digit.to_string().repeat(32)
}

#[test]
fn a_request_of_version_1_is_readable() {
    let query = AggregateQuery::parse(
        br#"{"version":1,"measure":"persons","by":{"area":"nil","period":"quarter"},"period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":4,"per_cell":1},"rho":100000000}"#,
    )
    .expect("a question");
    let request = Request {
        version: 1,
        id: id('a'),
        phase: "single".to_owned(),
        requester: "comune-milano".to_owned(),
        node: NODE.to_owned(),
        dataset: "clients".to_owned(),
        edition: 83,
        study: "planning-2026".to_owned(),
        study_hash: "11".repeat(32),
        purpose: "service-planning".to_owned(),
        query: query.canonical().to_owned(),
        query_hash: query.hash().to_string(),
        rho: NanoRho::new(100_000_000),
        issued_at: 1_790_000_000,
        expires_at: 1_790_003_600,
    };
    check("request-1.json", &request);
    Request::parse(&request.to_bytes()).expect("a legal request");
}

#[test]
fn a_published_policy_of_version_1_is_readable_installed_or_signed() {
    let publication = |policy| PolicyPublication {
        version: 1,
        organisation: NODE.to_owned(),
        policy,
        published_at: 1_790_000_000,
    };
    let installed = PublishedAs::Installed {
        document: "version = 2\n".to_owned(),
    };
    check("policy-publication-1.json", &publication(installed));
    let act = Envelope {
        payload_type: protocol::PolicyChange::TYPE.to_owned(),
        payload: "e30=".to_owned(),
        signatures: vec![],
        attachment: None,
    };
    let signed = publication(PublishedAs::Signed { act });
    check("policy-publication-1-signed.json", &signed);
}

#[test]
fn a_study_and_a_consent_of_version_1_are_readable() {
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    let study = Study {
        version: 1,
        id: "planning-2026".to_owned(),
        title: "Service planning 2026".to_owned(),
        requester: "comune-milano".to_owned(),
        purpose: "service-planning".to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_categories: ids(&["art9-2-g"]),
        participants: ids(&["comune-milano", NODE]),
        measures: ids(&["persons", "events"]),
        targets: ids(&["minors"]),
        finest_level: Level::Nil,
        max_rho_per_query: NanoRho::new(250_000_000),
        max_rho_total: NanoRho::new(2_000_000_000),
        valid_from: 1_767_225_600,
        valid_until: 1_798_761_600,
    };
    check("study-1.json", &study);
    assert_eq!(study.check(), Ok(()));
    let consent = Consent {
        version: 1,
        organisation: NODE.to_owned(),
        study: study.id,
        study_hash: "22".repeat(32),
        signed_at: 1_790_000_000,
    };
    check("consent-1.json", &consent);
}

#[test]
fn acts_of_version_1_are_readable() {
    let moved = BudgetMove {
        version: 1,
        id: id('b'),
        organisation: NODE.to_owned(),
        part: SubCap::Year,
        from: "2027".to_owned(),
        to: "2026".to_owned(),
        rho: NanoRho::new(500_000_000),
        reason: "the survey of the district".to_owned(),
        signed_at: 1_790_000_000,
    };
    check("budget-move-1.json", &moved);
    assert_eq!(moved.check(NODE), Ok(()));
    let guarantee = NewGuarantee {
        version: 1,
        id: id('c'),
        organisation: NODE.to_owned(),
        lifetime_before: NanoRho::new(10_000_000_000),
        lifetime: NanoRho::new(12_000_000_000),
        reason: "a second programme".to_owned(),
        signed_at: 1_790_000_000,
    };
    check("new-guarantee-1.json", &guarantee);
    assert_eq!(guarantee.check(NODE), Ok(()));
    let restoration = Restoration {
        version: 1,
        id: id('d'),
        organisation: NODE.to_owned(),
        old_key: PublicKey([1; 32]),
        new_key: PublicKey([2; 32]),
        kept: LogState::new(12, &[3; 32]),
        ended: LogState::new(20, &[4; 32]),
        reason: "the disk failed".to_owned(),
        signed_at: 1_790_000_000,
    };
    check("restoration-1.json", &restoration);
    assert_eq!(restoration.check(NODE), Ok(()));
    let acceptance = CoordinatorAcceptance {
        version: 1,
        id: id('e'),
        organisation: NODE.to_owned(),
        held: LogState::new(20, &[5; 32]),
        held_note: "held\n".to_owned(),
        accepted: LogState::new(12, &[6; 32]),
        accepted_note: "accepted\n".to_owned(),
        lost: vec![id('a'), id('b')],
        reason: "the disk failed".to_owned(),
        signed_at: 1_790_000_000,
    };
    check("coordinator-acceptance-1.json", &acceptance);
    assert_eq!(acceptance.check(NODE), Ok(()));
}

#[test]
fn an_envelope_is_readable_and_still_verifies() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
    let key = PublicKey(pair.public_key().as_ref().try_into().expect("32 bytes"));
    let envelope = Envelope::sign("application/x", b"{\"version\":1}", &key, |bytes| {
        pair.sign(bytes).as_ref().try_into().expect("64 bytes")
    });
    check("envelope-1.json", &envelope);
    let (payload, signer) = envelope.verify("application/x", &[key]).expect("verified");
    assert_eq!((payload.as_slice(), signer), (&b"{\"version\":1}"[..], key));
}

/// An answer of 2025 to a question of four areas, as a node sealed it in each format.
#[test]
fn answers_of_both_formats_are_readable_and_still_verify() {
    use protocol::{Answer, Outcome};
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
    let key = PublicKey(pair.public_key().as_ref().try_into().expect("32 bytes"));
    let query = AggregateQuery::parse(
        br#"{"version":1,"measure":"persons","by":{"area":"city","period":"quarter"},"period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":4,"per_cell":1},"rho":100000000}"#,
    )
    .expect("a question");
    let price = privacy_loss::price(&query);
    let expected = |version| Answer {
        version,
        request_id: id('a'),
        request_hash: "11".repeat(32),
        node: NODE.to_owned(),
        outcome: Outcome::Answered {
            cells: vec![-3, 0, 70_000, 12],
            receipt: protocol::Receipt {
                mechanism: "discrete-gaussian".to_owned(),
                slices: price.slices.iter().map(Into::into).collect(),
                cells_per_unit: 4,
                per_cell: 1,
                rho: price.rho,
                reused: false,
                noise_source: "opendp-chacha20".to_owned(),
                edition: 83,
                rule: "planning".to_owned(),
                policy_hash: "22".repeat(32),
                charge_index: 7,
                obligations: (version > 2).then_some(protocol::Obligations {
                    display_minimum: 5,
                    retention_months: 24,
                    audience: protocol::Audience::Participants,
                }),
            },
        },
    };
    for (version, name) in [
        (1, "answer-1.json"),
        (2, "answer-2.bin"),
        (3, "answer-3.bin"),
        (4, "answer-4.bin"),
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        let sealed = expected(version)
            .seal(&key, |bytes| {
                pair.sign(bytes).as_ref().try_into().expect("64 bytes")
            })
            .expect("sealed")
            .to_bytes();
        if !path.exists() && std::env::var_os("WI_WRITE_FIXTURES").is_some() {
            std::fs::write(&path, &sealed).expect("written");
        }
        let held = std::fs::read(&path).expect("the fixture");
        assert_eq!(held, sealed, "{name}");
        let envelope = Envelope::from_bytes(&held).expect("an envelope");
        assert_eq!(Answer::signed_by(&envelope, &[key]), Ok(expected(version)));
        // Both may also be held as JSON, as receipts are.
        let json = serde_json::to_vec(&envelope).expect("JSON");
        let again: Envelope = serde_json::from_slice(&json).expect("an envelope");
        assert_eq!(Answer::signed_by(&again, &[key]), Ok(expected(version)));
    }
}
