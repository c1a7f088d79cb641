//! Requests and answers are accepted only signed by a pinned key, unaltered, for this node, in time, and for exactly
//! the question and request they name.

use privacy_loss::NanoRho;
use protocol::dsse::Attachment;
use protocol::{
    Answer, AnswerError, Consent, Envelope, EnvelopeError, Outcome, PublicKey, Receipt, Request,
    RequestError, Said, Study, VerifiedAnswer, VerifiedConsent, VerifiedRequest, VerifiedStudy,
};
use query::AggregateQuery;
use ring::signature::{Ed25519KeyPair, KeyPair};

struct Key(Ed25519KeyPair);

impl Key {
    fn new(seed: u8) -> Key {
        Key(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
    }

    fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().expect("32 bytes"))
    }

    fn seal(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        Envelope::sign(payload_type, payload, &self.public(), |bytes| {
            self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
        })
    }
}

fn query() -> AggregateQuery {
    let text = r#"{"version":1,"measure":"persons","by":{"area":"municipio"},"period":{"from":"2025-01","to":"2025-12"},
        "bounds":{"cells":1,"per_cell":1},"rho":50000000}"#;
    AggregateQuery::parse(text.as_bytes()).expect("legal")
}

fn request() -> Request {
    let query = query();
    Request {
        version: 1,
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        phase: "single".to_owned(),
        requester: "comune-milano".to_owned(),
        node: "cooperativa-lambro".to_owned(),
        dataset: "clients".to_owned(),
        edition: 83,
        study: "planning-2026".to_owned(),
        study_hash: "00".repeat(32),
        purpose: "service-planning".to_owned(),
        query: query.canonical(),
        query_hash: query.hash().to_string(),
        rho: NanoRho::new(50_000_000),
        issued_at: 1_000,
        expires_at: 2_000,
    }
}

#[track_caller]
fn check_request(change: impl FnOnce(&mut Request), at: i64, expected: (&str, &str)) {
    let key = Key::new(1);
    let mut request = request();
    change(&mut request);
    let envelope = key.seal(Request::TYPE, &request.to_bytes());
    let error = VerifiedRequest::verify(&envelope, &[key.public()], "cooperativa-lambro", at)
        .expect_err("refused");
    assert_eq!(error.field_and_code(), expected);
}

#[test]
fn a_good_request_is_accepted_and_knows_its_signer() {
    let key = Key::new(1);
    let envelope = key.seal(Request::TYPE, &request().to_bytes());
    let verified = VerifiedRequest::verify(
        &envelope,
        &[Key::new(2).public(), key.public()],
        "cooperativa-lambro",
        1_500,
    );
    assert_eq!(verified.expect("accepted").signer(), key.public());
}

#[test]
fn a_request_is_refused_when_anything_about_it_is_off() {
    check_request(|_| {}, 2_000, ("expires_at", "expired"));
    check_request(|_| {}, 0, ("issued_at", "not-yet-valid"));
    check_request(
        |r| r.node = "cooperativa-girasole".to_owned(),
        1_500,
        ("node", "addressed-to-another-node"),
    );
    check_request(
        |r| r.rho = NanoRho::new(1),
        1_500,
        ("rho", "other-than-the-query"),
    );
    check_request(
        |r| r.query_hash = "00".repeat(32),
        1_500,
        ("query_hash", "other-query"),
    );
    check_request(|r| r.query.push(' '), 1_500, ("query", "not-canonical"));
    check_request(
        |r| r.query = "{}".to_owned(),
        1_500,
        ("query", "not-a-legal-query"),
    );
    check_request(
        |r| r.phase = "masked".to_owned(),
        1_500,
        ("phase", "unknown-phase"),
    );
    check_request(|r| r.id = "12".to_owned(), 1_500, ("id", "not-128-bit-hex"));
    check_request(
        |r| r.study = "a b".to_owned(),
        1_500,
        ("study", "not-an-identifier"),
    );
    check_request(
        |r| r.expires_at = 1_000 + 32 * 86_400,
        1_500,
        ("expires_at", "validity-out-of-range"),
    );
    check_request(|r| r.version = 2, 1_500, ("version", "unknown-version"));
}

#[test]
fn a_signature_holds_for_one_key_one_type_and_every_byte() {
    let (key, payload) = (Key::new(1), request().to_bytes());
    let envelope = key.seal(Request::TYPE, &payload);
    let verify = |envelope: &Envelope, pinned: &PublicKey| {
        VerifiedRequest::verify(envelope, &[*pinned], "cooperativa-lambro", 1_500).map(drop)
    };
    let envelope_error = |error| Err(RequestError::Envelope(error));
    assert_eq!(
        verify(&envelope, &Key::new(2).public()),
        envelope_error(EnvelopeError::KeyNotPinned)
    );

    let other_type = key.seal(Answer::TYPE, &payload);
    assert_eq!(
        verify(&other_type, &key.public()),
        envelope_error(EnvelopeError::OtherType)
    );
    // The type is part of what is signed: relabelling does not help.
    let relabelled = Envelope {
        payload_type: Request::TYPE.to_owned(),
        ..other_type
    };
    assert_eq!(
        verify(&relabelled, &key.public()),
        envelope_error(EnvelopeError::Altered)
    );

    let mut altered = request();
    altered.edition += 1;
    let swapped = Envelope {
        payload: key.seal(Request::TYPE, &altered.to_bytes()).payload,
        ..envelope
    };
    assert_eq!(
        verify(&swapped, &key.public()),
        envelope_error(EnvelopeError::Altered)
    );
}

fn answer() -> Answer {
    answer_of(1)
}

/// The answer in a format; what is owed is stated from format 3 on.
fn answer_of(version: u32) -> Answer {
    let (request, query) = (request(), query());
    let price = privacy_loss::price(&query);
    Answer {
        version,
        request_id: request.id.clone(),
        request_hash: protocol::hex(&protocol::sha256(&request.to_bytes())),
        node: request.node.clone(),
        outcome: Outcome::Answered {
            cells: vec![3; query.cells()],
            receipt: Receipt {
                mechanism: "discrete-gaussian".to_owned(),
                slices: price.slices.iter().map(Into::into).collect(),
                cells_per_unit: 1,
                per_cell: 1,
                rho: price.rho,
                reused: false,
                noise_source: "test".to_owned(),
                edition: 83,
                rule: "planning".to_owned(),
                policy_hash: "00".repeat(32),
                charge_index: 7,
                obligations: (version > 2).then_some(protocol::Obligations::UNSTATED),
            },
        },
    }
}

fn verify_answer(answer: &Answer) -> Result<VerifiedAnswer, AnswerError> {
    let key = Key::new(3);
    let envelope = key.seal(Answer::TYPE, &serde_json::to_vec(answer).expect("JSON"));
    let bytes = serde_json::to_vec(&envelope).expect("JSON");
    verify_sealed(&serde_json::from_slice(&bytes).expect("an envelope"))
}

#[test]
fn an_answer_is_bound_to_its_request_and_its_price() {
    verify_answer(&answer()).expect("accepted");
    let refused = |change: fn(&mut Answer)| {
        let mut answer = answer();
        change(&mut answer);
        verify_answer(&answer).map(drop).expect_err("refused")
    };
    fn receipt(answer: &mut Answer) -> &mut Receipt {
        match &mut answer.outcome {
            Outcome::Answered { receipt, .. } => receipt,
            Outcome::Refused { .. } => unreachable!("the test's answer has cells"),
        }
    }
    assert_eq!(
        refused(|a| a.node = "cooperativa-girasole".to_owned()),
        AnswerError::Mismatch("node")
    );
    assert_eq!(
        refused(|a| a.request_hash = "00".repeat(32)),
        AnswerError::Mismatch("request_hash")
    );
    assert_eq!(
        refused(|a| a.request_id = "00".repeat(16)),
        AnswerError::Mismatch("request_id")
    );
    assert_eq!(
        refused(|a| receipt(a).slices[0].sigma *= 0.5),
        AnswerError::Mismatch("receipt.slices.sigma")
    );
    assert_eq!(
        refused(|a| receipt(a).edition = 82),
        AnswerError::Mismatch("receipt.edition")
    );
    assert_eq!(
        refused(|a| receipt(a).rho = NanoRho::new(1)),
        AnswerError::Mismatch("receipt.rho")
    );
    assert_eq!(
        refused(|a| a.outcome = Outcome::Answered {
            cells: vec![1],
            receipt: receipt(a).clone()
        }),
        AnswerError::Mismatch("cells")
    );
}

#[test]
fn what_is_owed_is_stated_from_format_3_on() {
    for version in 1..=Answer::VERSION {
        let mut answer = answer_of(version);
        let Outcome::Answered { receipt, .. } = &mut answer.outcome else {
            unreachable!("the test's answer has cells");
        };
        receipt.obligations = match receipt.obligations {
            Some(_) => None,
            None => Some(protocol::Obligations::UNSTATED),
        };
        assert_eq!(
            verify_sealed(&sealed(&answer)).expect_err("refused"),
            AnswerError::Mismatch("receipt.obligations")
        );
    }
}

fn sealed(answer: &Answer) -> Envelope {
    let key = Key::new(3);
    answer
        .seal(&key.public(), |bytes| {
            key.0.sign(bytes).as_ref().try_into().expect("64 bytes")
        })
        .expect("sealed")
}

fn cells_of(answer: &Answer) -> Option<&[i64]> {
    match &answer.outcome {
        Outcome::Answered { cells, .. } => Some(cells),
        Outcome::Refused { .. } => None,
    }
}

/// The answer, verified; who only checks it and does not keep its cells finds the same.
fn verify_sealed(envelope: &Envelope) -> Result<VerifiedAnswer, AnswerError> {
    let key = Key::new(3).public();
    let (request, query) = (request(), query());
    let payload = request.to_bytes();
    let verified = VerifiedAnswer::verify(envelope, &key, &request, &payload, &query);
    let checked = VerifiedAnswer::check(envelope, &key, &request, &payload, &query);
    match (&verified, &checked) {
        (Ok(verified), Ok(checked)) => {
            let said = match verified.answer().outcome.clone() {
                Outcome::Answered { receipt, .. } => Said::Answered { receipt },
                Outcome::Refused { rule, field, code } => Said::Refused { rule, field, code },
            };
            assert_eq!(checked.said(), &said);
            assert_eq!(checked.hash(), verified.hash());
            let vouched = checked.vouched().clone();
            assert_eq!(vouched.without_cells(), verified.vouched());
        }
        _ => assert_eq!(
            checked.map(drop),
            verified.as_ref().map(drop).map_err(Clone::clone)
        ),
    }
    verified
}

#[test]
fn attached_cells_are_those_that_were_signed() {
    let of_format_2 = answer_of(Answer::VERSION);
    let envelope = sealed(&of_format_2);
    let verified = verify_sealed(&envelope).expect("accepted");
    assert_eq!(cells_of(verified.answer()), cells_of(&of_format_2));
    let attached = |attachment: Option<Vec<u8>>| Envelope {
        attachment: attachment.map(|bytes| Attachment(bytes.into())),
        ..envelope.clone()
    };
    let cells = envelope.attachment.clone().expect("cells").0.to_vec();
    let mut others = cells.clone();
    *others.last_mut().expect("a cell") ^= 2;
    for (changed, why) in [
        (
            attached(Some(others.clone())),
            AnswerError::Mismatch("cells.sha256"),
        ),
        (
            attached(Some(Vec::new())),
            AnswerError::Mismatch("cells.sha256"),
        ),
        (attached(None), AnswerError::Unreadable),
        (
            Envelope {
                attachment: Some(Attachment(cells.clone().into())),
                ..sealed(&answer())
            },
            AnswerError::Unreadable,
        ),
    ] {
        assert_eq!(verify_sealed(&changed).map(drop), Err(why.clone()));
        assert_eq!(
            Answer::signed_by(&changed, &[Key::new(3).public()]).map(drop),
            Err(why)
        );
    }
    // Cells that are signed without their hash are of format 1.
    let relabelled = Key::new(3).seal(
        Answer::TYPE,
        &serde_json::to_vec(&of_format_2).expect("JSON"),
    );
    assert_eq!(
        verify_sealed(&relabelled).map(drop),
        Err(AnswerError::Mismatch("version"))
    );
    // Nothing but an answer has bytes beside its payload.
    let request = Envelope {
        attachment: Some(Attachment(cells.into())),
        ..Key::new(3).seal(Request::TYPE, &request().to_bytes())
    };
    assert_eq!(
        request.verify(Request::TYPE, &[Key::new(3).public()]),
        Err(EnvelopeError::Unsigned)
    );
}

#[test]
fn an_answer_read_again_is_the_one_that_was_verified() {
    for version in 1..=Answer::VERSION {
        let envelope = sealed(&answer_of(version));
        let verified = verify_sealed(&envelope).expect("accepted");
        let key = Key::new(3).public();
        let payload = request().to_bytes();
        let checked = VerifiedAnswer::check(&envelope, &key, &request(), &payload, &query());
        let with_cells = checked.expect("accepted").vouched().clone();
        assert_eq!(with_cells.cells_held() > 0, version > 1);
        // Known by the cells that are remembered, and by their hash alone: nothing else is told apart or taken for it.
        let again = |envelope: &Envelope, request: &Request| {
            let [one, other] = [&with_cells, &verified.vouched()].map(|vouched| {
                VerifiedAnswer::read_again(envelope, vouched, &request.to_bytes())
                    .map(|answer| answer.answer().clone())
            });
            assert_eq!(one, other);
            one
        };
        assert_eq!(again(&envelope, &request()).as_ref(), Ok(verified.answer()));
        // Another answer to the same request, though rightly signed; one whose cells alone were changed; another request.
        let mut other = answer_of(version);
        if let Outcome::Answered { cells, .. } = &mut other.outcome {
            cells[0] += 1;
        }
        let other = sealed(&other);
        assert!(verify_sealed(&other).is_ok());
        let swapped = match version {
            1 => Envelope {
                payload: other.payload.clone(),
                ..envelope.clone()
            },
            _ => Envelope {
                attachment: other.attachment.clone(),
                ..envelope.clone()
            },
        };
        for altered in [other, swapped] {
            assert!(matches!(
                again(&altered, &request()),
                Err(AnswerError::Mismatch(_))
            ));
        }
        let mut asked = request();
        asked.edition += 1;
        assert_eq!(
            again(&envelope, &asked),
            Err(AnswerError::Mismatch("request_hash"))
        );
    }
}

#[test]
fn bytes_of_envelopes_are_read_as_written_and_cut_ones_refused() {
    let envelope = sealed(&answer_of(Answer::VERSION));
    let bytes = envelope.to_bytes();
    assert_eq!(Envelope::from_bytes(&bytes), Ok(envelope.clone()));
    assert_eq!(
        Envelope::from_shared(&bytes.clone().into()),
        Ok(envelope.clone())
    );
    assert_eq!(Envelope::media_type(&bytes), Envelope::ATTACHED_TYPE);
    let json = sealed(&answer()).to_bytes();
    assert_eq!(Envelope::from_bytes(&json), Ok(sealed(&answer())));
    assert_eq!(Envelope::media_type(&json), "application/json");
    let cells = envelope.attachment.expect("cells").0.len();
    for length in 0..bytes.len() - cells {
        assert_eq!(
            Envelope::from_bytes(&bytes[..length]),
            Err(EnvelopeError::Unreadable),
            "{length}"
        );
    }
}

#[test]
fn a_consent_is_for_one_text_of_one_study_by_one_organisation() {
    let (requester, officer) = (Key::new(1), Key::new(4));
    let study = |title: &str| Study {
        version: 1,
        id: "planning-2026".to_owned(),
        title: title.to_owned(),
        requester: "comune-milano".to_owned(),
        purpose: "service-planning".to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_categories: Vec::new(),
        participants: vec!["cooperativa-lambro".to_owned()],
        measures: vec!["persons".to_owned()],
        targets: Vec::new(),
        finest_level: geography::Level::Nil,
        max_rho_per_query: NanoRho::new(1),
        max_rho_total: NanoRho::new(2),
        valid_from: 0,
        valid_until: 10,
    };
    let verified = |study: &Study| {
        let envelope = requester.seal(Study::TYPE, &serde_json::to_vec(study).expect("JSON"));
        VerifiedStudy::verify(&envelope, &[requester.public()]).expect("a study")
    };
    let (one, other) = (verified(&study("One")), verified(&study("Other")));
    let consent = Consent {
        version: 1,
        organisation: "cooperativa-lambro".to_owned(),
        study: one.study().id.clone(),
        study_hash: protocol::hex(&one.hash()),
        signed_at: 5,
    };
    let envelope = officer.seal(Consent::TYPE, &serde_json::to_vec(&consent).expect("JSON"));
    let verify = |organisation: &str, study: &VerifiedStudy, key: &Key| {
        VerifiedConsent::verify(&envelope, &[key.public()], organisation, study).is_ok()
    };
    assert!(verify("cooperativa-lambro", &one, &officer));
    assert!(!verify("cooperativa-lambro", &other, &officer));
    assert!(!verify("cooperativa-girasole", &one, &officer));
    assert!(!verify("cooperativa-lambro", &one, &requester));
}
