//! Verifying signed acts: every row against its leaf, and every leaf against the signatures in its body.
//! The keys are those the leaf names; whether they are the right persons' is for the reader, who is shown them.

use crate::LedgerError;
use crate::act_rows::{GuaranteeRow, MoveRow, RestorationRow, WriteOffRow};
use crate::facts::Facts;
use crate::report::{Act, Problem};
use crate::verify::{Log, Stated, check_rows};
use audit::{EntryKind, Header};
use protocol::{
    Envelope, Officers, PublicKey, VerifiedBudgetMove, VerifiedGuarantee, VerifiedRestoration,
};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// Checks moves and guarantees, and returns them in the order of the log.
pub(crate) async fn check_acts(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<Vec<Act>, LedgerError> {
    let mut stated = Vec::new();
    for row in sqlx::query(MoveRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (act, index) = MoveRow::read(&row)?;
        let facts = act.facts();
        stated.push(Stated { index, facts });
    }
    for row in sqlx::query(GuaranteeRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (act, index) = GuaranteeRow::read(&row)?;
        let facts = act.facts();
        stated.push(Stated { index, facts });
    }
    check_rows(log, EntryKind::BudgetMove, stated);
    let mut stated = Vec::new();
    for row in sqlx::query(RestorationRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (act, index) = RestorationRow::read(&row)?;
        let facts = act.facts();
        stated.push(Stated { index, facts });
    }
    check_rows(log, EntryKind::Restoration, stated);
    let mut stated = Vec::new();
    for row in sqlx::query(WriteOffRow::SELECT)
        .fetch_all(&mut *connection)
        .await?
    {
        let (write_off, index) = WriteOffRow::read(&row)?;
        let facts = write_off.facts();
        stated.push(Stated { index, facts });
    }
    check_rows(log, EntryKind::WriteOff, stated);

    let bodies: BTreeMap<i64, Vec<u8>> = sqlx::query_as::<_, (i64, Vec<u8>)>(
        "SELECT b.entry_index, b.body FROM bodies b JOIN entries e ON e.entry_index = b.entry_index \
         WHERE e.kind IN ('budget-move', 'restoration')",
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .collect();
    let (mut acts, mut unsigned) = (Vec::new(), Vec::new());
    for (index, header) in &log.headers {
        if !matches!(header.kind, EntryKind::BudgetMove | EntryKind::Restoration) {
            continue;
        }
        let body = (i64::try_from(*index).ok()).and_then(|index| bodies.get(&index));
        match body.and_then(|body| signed(header, body)) {
            Some(act) => acts.push(act),
            None => unsigned.push(Problem::ActUnsigned { index: *index }),
        }
    }
    log.problems.append(&mut unsigned);
    Ok(acts)
}

/// The act in a leaf's body, if the keys that the leaf names signed it and it says what the leaf says.
fn signed(header: &Header, body: &[u8]) -> Option<Act> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let key = |name| header.text(name).and_then(PublicKey::from_hex);
    let signer = key("signer")?;
    let officers = Officers::any_of(&[signer]);
    let organisation = claimed_organisation(&envelope)?;
    let (facts, words, signers): (Facts, String, Vec<PublicKey>) = match header.text("act")? {
        "move" => {
            let act = VerifiedBudgetMove::verify(&envelope, &officers, &organisation).ok()?;
            let row = MoveRow::of(&act)?;
            let words = format!(
                "{} moved from {} {} to {}",
                act.act().rho,
                act.act().part,
                act.act().from,
                act.act().to
            );
            (row.facts(), words, vec![signer])
        }
        "new-guarantee" => {
            let second = key("second-signer")?;
            let both = Officers {
                second_keys: vec![second],
                ..officers
            };
            let act = VerifiedGuarantee::verify(&envelope, &both, &organisation).ok()?;
            let row = GuaranteeRow::of(&act)?;
            let words = format!(
                "lifetime cap raised from {} to {}",
                act.act().lifetime_before,
                act.act().lifetime
            );
            (row.facts(), words, vec![signer, second])
        }
        "restoration" => {
            let act = VerifiedRestoration::verify(&envelope, &officers, &organisation).ok()?;
            let row = RestorationRow::of(&act)?;
            let words = format!(
                "went on from a backup of {} entries; the log before had {} when it was cosigned last",
                act.act().kept.size,
                act.act().ended.size
            );
            (row.facts(), words, vec![signer])
        }
        _ => return None,
    };
    (facts == header.facts).then_some(Act {
        index: header.index,
        at: header.at,
        words,
        signers,
    })
}

/// The organisation an act says it is for; the log it is in is that organisation's own.
pub(crate) fn claimed_organisation(envelope: &Envelope) -> Option<String> {
    let payload = envelope.unverified_payload()?;
    let value: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    Some(value.get("organisation")?.as_str()?.to_owned())
}
