//! Acts on the budget count only as signed by whom they need, for whom they name, and while fresh.

use privacy_loss::NanoRho;
use protocol::{
    Act, ActError, BudgetMove, Envelope, EnvelopeError, MAX_ACT_AGE_SECONDS, NewGuarantee,
    Officers, PublicKey, SubCap, VerifiedBudgetMove, VerifiedGuarantee,
};
use ring::signature::{Ed25519KeyPair, KeyPair};

const NOW: i64 = 1_790_000_000;
const NODE: &str = "cooperativa-lambro";

struct Key(Ed25519KeyPair);

impl Key {
    fn new(seed: u8) -> Key {
        Key(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
    }

    fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().expect("32 bytes"))
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
    }
}

fn seal<T: serde::Serialize>(payload_type: &str, value: &T, keys: &[&Key]) -> Envelope {
    let payload = serde_json::to_vec(value).expect("json");
    let mut envelope = Envelope::sign(payload_type, &payload, &keys[0].public(), |bytes| {
        keys[0].sign(bytes)
    });
    for key in &keys[1..] {
        envelope
            .add_signature(&key.public(), |bytes| key.sign(bytes))
            .expect("signed");
    }
    envelope
}

fn budget_move() -> BudgetMove {
    BudgetMove {
        version: 1,
        id: "0".repeat(32),
        organisation: NODE.to_owned(),
        part: SubCap::Year,
        from: "2027".to_owned(),
        to: "2026".to_owned(),
        rho: NanoRho::new(5),
        reason: "the survey".to_owned(),
        signed_at: NOW,
    }
}

fn new_guarantee() -> NewGuarantee {
    NewGuarantee {
        version: 1,
        id: "1".repeat(32),
        organisation: NODE.to_owned(),
        lifetime_before: NanoRho::new(10),
        lifetime: NanoRho::new(20),
        reason: "a second programme".to_owned(),
        signed_at: NOW,
    }
}

#[test]
fn a_move_is_bound_to_officer_organisation_bytes_and_time() {
    let (officer, stranger) = (Key::new(1), Key::new(2));
    let pinned = Officers::any_of(&[officer.public()]);
    let envelope = seal(BudgetMove::TYPE, &budget_move(), &[&officer]);
    let verified = VerifiedBudgetMove::verify(&envelope, &pinned, NODE).expect("accepted");
    assert_eq!(verified.act(), &budget_move());
    assert_eq!(verified.signer(), officer.public());

    let other = VerifiedBudgetMove::verify(&envelope, &pinned, "fondazione-navigli");
    assert!(matches!(
        other,
        Err(ActError::Invalid {
            field: "organisation",
            ..
        })
    ));
    let forged = seal(BudgetMove::TYPE, &budget_move(), &[&stranger]);
    assert_eq!(
        VerifiedBudgetMove::verify(&forged, &pinned, NODE).expect_err("refused"),
        ActError::Envelope(EnvelopeError::KeyNotPinned)
    );
    let mut altered = envelope.clone();
    altered.payload = seal(
        BudgetMove::TYPE,
        &BudgetMove {
            rho: NanoRho::new(6),
            ..budget_move()
        },
        &[&officer],
    )
    .payload;
    assert_eq!(
        VerifiedBudgetMove::verify(&altered, &pinned, NODE).expect_err("refused"),
        ActError::Envelope(EnvelopeError::Altered)
    );
    let with_second = Officers {
        second_keys: vec![stranger.public()],
        ..pinned
    };
    let as_guarantee = VerifiedGuarantee::verify(&envelope, &with_second, NODE);
    assert_eq!(
        as_guarantee.expect_err("refused"),
        ActError::Envelope(EnvelopeError::OtherType)
    );

    assert_eq!(verified.check_fresh(NOW + MAX_ACT_AGE_SECONDS), Ok(()));
    for late in [NOW + MAX_ACT_AGE_SECONDS + 1, NOW - 301] {
        assert!(verified.check_fresh(late).is_err(), "{late}");
    }
}

#[test]
fn a_move_that_breaks_a_rule_names_the_field() {
    type Break = fn(&mut BudgetMove);
    let cases: [(&str, Break); 8] = [
        ("version", |act| act.version = 2),
        ("id", |act| act.id = "1".to_owned()),
        ("reason", |act| act.reason = "two\nlines".to_owned()),
        ("reason", |act| act.reason = " ".to_owned()),
        ("from", |act| act.from = "27".to_owned()),
        ("to", |act| act.to = "next-year".to_owned()),
        ("to", |act| act.to = act.from.clone()),
        ("rho", |act| act.rho = NanoRho::ZERO),
    ];
    for (expected, change) in cases {
        let mut act = budget_move();
        change(&mut act);
        match act.check(NODE) {
            Err(ActError::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_new_guarantee_needs_two_persons_and_an_officer_among_them() {
    let (officer, colleague, director, stranger) =
        (Key::new(1), Key::new(2), Key::new(3), Key::new(4));
    let officers = [officer.public(), colleague.public()];
    let seconds = [director.public(), Key::new(5).public()];
    let verify = |keys: &[&Key]| {
        let envelope = seal(NewGuarantee::TYPE, &new_guarantee(), keys);
        let signers = Officers {
            second_keys: seconds.to_vec(),
            ..Officers::any_of(&officers)
        };
        VerifiedGuarantee::verify(&envelope, &signers, NODE)
    };
    for pair in [
        [&officer, &colleague],
        [&officer, &director],
        [&director, &officer],
    ] {
        let verified = verify(&pair).expect("two persons");
        assert!(officers.contains(&verified.signers()[0]));
        assert_ne!(verified.signers()[0], verified.signers()[1]);
    }
    let other_director = Key::new(5);
    for alone in [
        vec![&officer],
        vec![&officer, &officer],
        vec![&officer, &stranger],
        vec![&director],
        vec![&director, &other_director],
    ] {
        assert_eq!(
            verify(&alone).expect_err("refused"),
            ActError::TwoPersonsNeeded
        );
    }
    assert_eq!(
        verify(&[&stranger]).expect_err("refused"),
        ActError::Envelope(EnvelopeError::KeyNotPinned)
    );
    let lower = NewGuarantee {
        lifetime: NanoRho::new(10),
        ..new_guarantee()
    };
    assert!(matches!(
        lower.check(NODE),
        Err(ActError::Invalid {
            field: "lifetime",
            ..
        })
    ));
}
