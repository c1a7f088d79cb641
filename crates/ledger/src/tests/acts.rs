//! Signed acts: what they move, what they cannot do, and that verification finds each forged one.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::{Cap, Ledger, LedgerError};
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::{
    Act, BudgetMove, Envelope, NewGuarantee, Officers, PublicKey, SubCap, VerifiedBudgetMove,
    VerifiedGuarantee,
};
use ring::signature::{Ed25519KeyPair, KeyPair};

const ORGANISATION: &str = "cooperativa-lambro";

pub(super) struct Officer(Ed25519KeyPair);

impl Officer {
    pub(super) fn new(seed: u8) -> Officer {
        Officer(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    pub(super) fn key(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().unwrap())
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().unwrap()
    }
}

pub(super) fn moved(number: u64, from: &str, to: &str, rho: u64) -> BudgetMove {
    BudgetMove {
        version: 1,
        id: format!("{number:032x}"),
        organisation: ORGANISATION.to_owned(),
        part: SubCap::Year,
        from: from.to_owned(),
        to: to.to_owned(),
        rho: NanoRho::new(rho),
        reason: "the survey of the district".to_owned(),
        signed_at: NOW,
    }
}

pub(super) fn signed(act: &BudgetMove) -> VerifiedBudgetMove {
    let officer = Officer::new(40);
    let payload = serde_json::to_vec(act).unwrap();
    let envelope = Envelope::sign(BudgetMove::TYPE, &payload, &officer.key(), |bytes| {
        officer.sign(bytes)
    });
    VerifiedBudgetMove::verify(&envelope, &Officers::any_of(&[officer.key()]), ORGANISATION)
        .unwrap()
}

pub(super) fn guarantee(number: u64, before: u64, lifetime: u64) -> VerifiedGuarantee {
    let (officer, second) = (Officer::new(40), Officer::new(41));
    let act = NewGuarantee {
        version: 1,
        id: format!("{number:032x}"),
        organisation: ORGANISATION.to_owned(),
        lifetime_before: NanoRho::new(before),
        lifetime: NanoRho::new(lifetime),
        reason: "a second programme".to_owned(),
        signed_at: NOW,
    };
    let payload = serde_json::to_vec(&act).unwrap();
    let mut envelope = Envelope::sign(NewGuarantee::TYPE, &payload, &officer.key(), |bytes| {
        officer.sign(bytes)
    });
    envelope
        .add_signature(&second.key(), |bytes| second.sign(bytes))
        .unwrap();
    let signers = Officers {
        second_keys: vec![second.key()],
        ..Officers::any_of(&[officer.key()])
    };
    VerifiedGuarantee::verify(&envelope, &signers, ORGANISATION).unwrap()
}

fn yearly(per_year: u64) -> Caps {
    Caps {
        per_year: NanoRho::new(per_year),
        ..caps(1_000)
    }
}

async fn charge(ledger: &Ledger, number: u64, rho: u64, caps: Caps) -> Result<(), LedgerError> {
    ledger
        .charge_terms(&terms(number, rho, caps), NOW)
        .await
        .map(|charge| drop(debited(charge)))
}

#[tokio::test]
async fn a_move_gives_one_year_what_it_takes_from_another() {
    let place = Place::new();
    let ledger = place.open().await;
    let caps = yearly(100);
    charge(&ledger, 1, 100, caps.clone()).await.unwrap();
    assert!(charge(&ledger, 2, 1, caps.clone()).await.is_err());
    let act = signed(&moved(1, "2026", "2025", 30));
    ledger.move_budget(&act, &caps, NOW).await.unwrap();
    charge(&ledger, 3, 30, caps.clone()).await.unwrap();
    let refused = charge(&ledger, 4, 1, caps.clone()).await.unwrap_err();
    assert!(matches!(
        refused,
        LedgerError::CapExceeded {
            cap: Cap::Part(SubCap::Year)
        }
    ));
    let next_year = NOW + 366 * 86_400;
    let refused = ledger
        .charge_terms(&terms(5, 71, caps.clone()), next_year)
        .await;
    assert!(refused.is_err(), "the year that gave has 70 left");
    let _ = debited(
        ledger
            .charge_terms(&terms(6, 70, caps.clone()), next_year)
            .await
            .unwrap(),
    );
    let report = sound(&ledger).await;
    assert_eq!(report.acts.len(), 1);
    assert_eq!(report.acts[0].signers, [Officer::new(40).key()]);
    assert_eq!(
        report.acts[0].words,
        "0.000000030 moved from year 2026 to 2025"
    );
}

#[tokio::test]
async fn an_act_counts_once_and_only_while_fresh() {
    let place = Place::new();
    let ledger = place.open().await;
    let caps = yearly(100);
    let act = signed(&moved(1, "2026", "2025", 30));
    ledger.move_budget(&act, &caps, NOW).await.unwrap();
    let again = ledger.move_budget(&act, &caps, NOW).await.unwrap_err();
    assert!(matches!(again, LedgerError::ActUsed { .. }), "{again}");
    let same_id = signed(&moved(1, "2027", "2025", 1));
    let again = ledger.move_budget(&same_id, &caps, NOW).await.unwrap_err();
    assert!(matches!(again, LedgerError::ActUsed { .. }), "{again}");
    for late in [NOW + protocol::MAX_ACT_AGE_SECONDS + 1, NOW - 301] {
        let act = signed(&moved(2, "2026", "2025", 1));
        let stale = ledger.move_budget(&act, &caps, late).await.unwrap_err();
        assert!(matches!(stale, LedgerError::Act(_)), "{stale}");
    }
    // A guarantee cannot take the id of a move either.
    charge(&ledger, 1, 1, caps.clone()).await.unwrap();
    let again = ledger
        .raise_lifetime(&guarantee(1, 1_000, 2_000), NOW)
        .await
        .unwrap_err();
    assert!(matches!(again, LedgerError::ActUsed { .. }), "{again}");
    assert_eq!(sound(&ledger).await.acts.len(), 1);
}

#[tokio::test]
async fn only_what_is_unspent_of_part_and_lifetime_moves() {
    let place = Place::new();
    let ledger = place.open().await;
    let caps = Caps {
        per_year: NanoRho::new(600),
        ..caps(1_000)
    };
    charge(&ledger, 1, 500, caps.clone()).await.unwrap();
    let left_of = |error: LedgerError| match error {
        LedgerError::NotUnspent { left, .. } => left.nano(),
        other => panic!("{other}"),
    };
    // 100 of the year are left.
    let act = signed(&moved(1, "2025", "2026", 101));
    let refused = ledger.move_budget(&act, &caps, NOW).await.unwrap_err();
    assert_eq!(left_of(refused), 100);
    // 2026 has 600, but the account only 500.
    let act = signed(&moved(2, "2026", "2027", 501));
    let refused = ledger.move_budget(&act, &caps, NOW).await.unwrap_err();
    assert_eq!(left_of(refused), 500);
    // Twice the same budget cannot be given.
    let act = signed(&moved(3, "2025", "2026", 100));
    ledger.move_budget(&act, &caps, NOW).await.unwrap();
    let act = signed(&moved(4, "2025", "2027", 1));
    let refused = ledger.move_budget(&act, &caps, NOW).await.unwrap_err();
    assert_eq!(left_of(refused), 0);
    sound(&ledger).await;
}

#[tokio::test]
async fn a_higher_lifetime_needs_its_act_and_the_policy() {
    let place = Place::new();
    let ledger = place.open().await;
    let early = ledger.raise_lifetime(&guarantee(1, 100, 200), NOW).await;
    assert!(
        matches!(early, Err(LedgerError::NothingPromised)),
        "before the account is open the policy alone says what is promised"
    );
    charge(&ledger, 1, 100, caps(100)).await.unwrap();
    assert!(charge(&ledger, 2, 1, caps(200)).await.is_err());
    let stale = ledger.raise_lifetime(&guarantee(1, 99, 200), NOW).await;
    assert!(matches!(stale, Err(LedgerError::OtherLifetime { .. })));
    ledger
        .raise_lifetime(&guarantee(1, 100, 200), NOW)
        .await
        .unwrap();
    assert!(
        charge(&ledger, 3, 1, caps(100)).await.is_err(),
        "the policy still promises 100"
    );
    charge(&ledger, 4, 50, caps(150)).await.unwrap();
    assert!(charge(&ledger, 5, 1, caps(150)).await.is_err());
    charge(&ledger, 6, 50, caps(1_000)).await.unwrap();
    assert!(
        charge(&ledger, 7, 1, caps(1_000)).await.is_err(),
        "200 are promised, no more"
    );
    let balance = ledger.balance().await.unwrap();
    assert_eq!(balance.lifetime, Some(NanoRho::new(200)));
    let report = sound(&ledger).await;
    assert_eq!(
        report.acts[0].signers,
        [Officer::new(40).key(), Officer::new(41).key()]
    );
}
