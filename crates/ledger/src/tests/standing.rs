//! What an account's standing says: limits by key, what is left, and until when it lasts.

use super::{NOW, Place, caps, debited, sound, terms};
use crate::{Cap, CapStanding, Exhaustion, LedgerError};
use policy::Caps;
use privacy_loss::NanoRho;
use protocol::SubCap;

const DAY: i64 = 86_400;

#[track_caller]
fn find<'a>(standings: &'a [CapStanding], cap: Cap, key: &str) -> &'a CapStanding {
    standings
        .iter()
        .find(|standing| standing.cap == cap && standing.key == key)
        .expect("a standing")
}

#[tokio::test]
async fn a_cap_given_for_one_key_binds_that_key_alone_and_is_named_in_the_refusal() {
    for part in SubCap::ALL {
        let place = Place::new();
        let ledger = place.open().await;
        let mut caps = caps(1_000);
        let key = match part {
            SubCap::Year => "2025",
            SubCap::Dataset => "register",
            SubCap::Purpose => "planning",
            SubCap::Study => "elderly-2025",
        };
        let given = match part {
            SubCap::Year => &mut caps.year,
            SubCap::Dataset => &mut caps.dataset,
            SubCap::Purpose => &mut caps.purpose,
            SubCap::Study => &mut caps.study,
        };
        given.insert(key.to_owned(), NanoRho::new(50));
        let _ = debited(
            ledger
                .charge_terms(&terms(1, 50, caps.clone()), NOW)
                .await
                .unwrap(),
        );
        let refused = ledger
            .charge_terms(&terms(2, 1, caps.clone()), NOW)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, LedgerError::CapExceeded { cap } if cap == Cap::Part(part)),
            "{refused}"
        );
        let last = ledger.reader().entries(2, 10).await.unwrap();
        assert_eq!(last[0].header.text("field"), Some(part.as_str()));

        let mut other = terms(3, 1, caps.clone());
        let mut later = NOW;
        match part {
            SubCap::Year => later += 366 * DAY,
            SubCap::Dataset => other.dataset = "other".to_owned(),
            SubCap::Purpose => other.purpose = "other".to_owned(),
            SubCap::Study => other.study = "other".to_owned(),
        }
        let _ = debited(ledger.charge_terms(&other, later).await.unwrap());
        let standings = ledger.reader().standing(&caps, &[], NOW).await.unwrap();
        let bound = find(&standings, Cap::Part(part), key);
        assert_eq!(
            (bound.limit, bound.left()),
            (NanoRho::new(50), NanoRho::ZERO)
        );
        assert_eq!(bound.recent, Exhaustion::UsedUp);
        sound(&ledger).await;
    }
}

#[tokio::test]
async fn a_study_never_passes_its_own_signed_limit() {
    let place = Place::new();
    let ledger = place.open().await;
    let mut first = terms(1, 30, caps(1_000));
    first.study_limit = NanoRho::new(40);
    let _ = debited(ledger.charge_terms(&first, NOW).await.unwrap());
    let mut second = terms(2, 11, caps(1_000));
    second.study_limit = NanoRho::new(40);
    let refused = ledger.charge_terms(&second, NOW).await.unwrap_err();
    assert!(matches!(
        refused,
        LedgerError::CapExceeded {
            cap: Cap::Part(SubCap::Study)
        }
    ));
}

#[tokio::test]
async fn the_standing_follows_from_the_ledger_alone() {
    let place = Place::new();
    let ledger = place.open().await;
    let caps = Caps {
        per_year: NanoRho::new(400),
        ..caps(1_000)
    };
    let untouched = ledger.reader().standing(&caps, &[], NOW).await.unwrap();
    let lifetime = find(&untouched, Cap::Lifetime, "");
    assert_eq!(
        (lifetime.left(), lifetime.overall),
        (NanoRho::new(1_000), Exhaustion::NoPace)
    );

    // Ten a day over ten days, the first ten days ago.
    for day in 1..=10 {
        let at = NOW - day * DAY;
        let mut terms = terms(day.unsigned_abs(), 10, caps.clone());
        terms.request_id = format!("day-{day}");
        let _ = debited(ledger.charge_terms(&terms, at).await.unwrap());
    }
    let known = [(SubCap::Study, "asked-next".to_owned())];
    let standings = ledger.reader().standing(&caps, &known, NOW).await.unwrap();
    let lifetime = find(&standings, Cap::Lifetime, "");
    assert_eq!(
        (lifetime.limit, lifetime.spent),
        (NanoRho::new(1_000), NanoRho::new(100))
    );
    // 900 left at a hundred in thirty days, the least that a pace is taken over.
    assert_eq!(lifetime.recent, Exhaustion::At(NOW + 270 * DAY));
    assert_eq!(lifetime.overall, Exhaustion::At(NOW + 270 * DAY));
    // NOW is in June: 300 left at that pace end in September.
    let year = find(&standings, Cap::Part(SubCap::Year), "2025");
    assert_eq!(year.recent, Exhaustion::At(NOW + 90 * DAY));
    let study = find(&standings, Cap::Part(SubCap::Study), "asked-next");
    assert_eq!(
        (study.spent, study.recent),
        (NanoRho::ZERO, Exhaustion::NoPace)
    );

    // Half a year on nothing was charged in the last 90 days; next year's budget is whole and has no pace of its own.
    let later = NOW + 200 * DAY;
    let standings = ledger.reader().standing(&caps, &[], later).await.unwrap();
    let lifetime = find(&standings, Cap::Lifetime, "");
    assert_eq!(lifetime.recent, Exhaustion::NoPace);
    assert_eq!(lifetime.overall, Exhaustion::At(later + 9 * 210 * DAY));
    let year = find(&standings, Cap::Part(SubCap::Year), "2026");
    assert_eq!(year.left(), NanoRho::new(400));
    let past = find(&standings, Cap::Part(SubCap::Year), "2025");
    assert_eq!(past.overall, Exhaustion::NotInPeriod);
    let again = ledger.reader().standing(&caps, &[], later).await.unwrap();
    assert_eq!(again, standings);
}
