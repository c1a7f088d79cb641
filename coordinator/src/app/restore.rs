//! Going on from a backup: handing a node what its earlier key signed, and taking in the officer's act that names the end of
//! its earlier log. A log under a new key is cosigned only after such an act; the coordinator writes none itself.

use super::witness;
use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::{checkpoints, organisations, restorations};
use audit::EntryKind;
use protocol::exchange::{Receipts, ReceiptsWanted, RestorationOffer};
use protocol::{LogState, Officers, PublicKey, Restoration, VerifiedRestoration};
use sqlx::SqliteConnection;

/// What an organisation's earlier key signed, a page at a time.
///
/// # Errors
/// [`NodeProblem`].
pub async fn receipts(
    app: &State,
    organisation: &str,
    wanted: &ReceiptsWanted,
) -> Result<Receipts, NodeProblem> {
    let mut reader = app.database.read().await?;
    let after = wanted.after.as_deref().unwrap_or_default();
    let receipts =
        restorations::receipts_after(&mut reader, organisation, &wanted.node_key, after).await?;
    let cosigned =
        checkpoints::checkpoint_latest(&mut reader, organisation, &wanted.node_key).await?;
    let (within, _) = cosigned_within(
        &mut reader,
        organisation,
        &wanted.node_key,
        wanted.kept_size,
    )
    .await?;
    Ok(Receipts {
        receipts,
        cosigned_checkpoint: cosigned.map(|witnessed| witnessed.cosigned),
        cosigned_within: within,
    })
}

/// Takes in the act by which the organisation's log goes on under its present key.
///
/// # Errors
/// [`NodeProblem`]; a refusal is logged.
pub async fn restoration(
    app: &State,
    organisation: &str,
    offer: &RestorationOffer,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    match accept(&mut transaction, organisation, offer, now).await {
        Ok(()) => {
            transaction.commit().await?;
            Ok(())
        }
        Err(NodeProblem::Refused {
            status,
            code,
            message,
        }) => {
            // Nothing was written before the refusal, so the entry commits alone.
            let entry = Entry::new(EntryKind::Alarm, "restoration-refused")
                .node(organisation)
                .fact("reason", code);
            log::append(&mut transaction, now, entry).await?;
            transaction.commit().await?;
            Err(NodeProblem::Refused {
                status,
                code,
                message,
            })
        }
        Err(error) => Err(error),
    }
}

async fn accept(
    transaction: &mut SqliteConnection,
    organisation: &str,
    offer: &RestorationOffer,
    now: i64,
) -> Result<(), NodeProblem> {
    let keys = organisations::organisation_by_id(transaction, organisation)
        .await?
        .and_then(|organisation| organisation.keys)
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?;
    let refused = |code, message| Err(NodeProblem::refused(422, code, message));
    let officers = Officers::any_of(&[keys.dpo]);
    let Ok(verified) = VerifiedRestoration::verify(&offer.act, &officers, organisation) else {
        return refused(
            "signature-not-accepted",
            "sign with the data protection officer's key shown when joining",
        );
    };
    let act = verified.act();
    if verified.check_fresh(now).is_err() {
        return refused("act-not-fresh", "sign the act again");
    }
    if act.new_key != keys.node {
        return refused(
            "other-key",
            "name the node key shown when joining as `new_key`",
        );
    }
    if let Some(known) =
        restorations::restoration_by_new_key(transaction, organisation, &act.new_key).await?
        && known == *act
    {
        return Ok(());
    }
    if restorations::restoration_is_used(transaction, organisation, act).await? {
        return refused(
            "restored-before",
            "a log goes on once; restore a backup of the log that went on",
        );
    }
    if ended(transaction, organisation, &act.old_key).await? != act.ended {
        return refused(
            "other-end",
            "name the checkpoint that was cosigned last under `old_key`",
        );
    }
    if restorations::earlier_key(transaction, organisation, &keys.node)
        .await?
        .is_some_and(|earlier| earlier != act.old_key)
    {
        return refused(
            "other-log",
            "name the key of this organisation's latest log as `old_key`",
        );
    }
    if !keeps_what_was_cosigned(transaction, organisation, act, offer).await? {
        return refused(
            "other-past",
            "the backup's log is not the beginning of the log cosigned under `old_key`; restore a backup of that log",
        );
    }
    restorations::restoration_insert(transaction, act, verified.envelope(), now).await?;
    let entry = Entry::new(EntryKind::Enrolment, "node-restored")
        .node(organisation)
        .fact("act", act.id.as_str())
        .fact("signer", verified.signer().to_string())
        .fact("old-key", act.old_key.to_string())
        .fact("new-key", act.new_key.to_string())
        .fact("kept-size", act.kept.size)
        .fact("ended-size", act.ended.size);
    log::append(transaction, now, entry).await?;
    Ok(())
}

/// Whether what the act kept extends the largest head of the ended log that it can hold. What follows that head in the backup
/// was never cosigned at that size, and rests on the officer's signature.
async fn keeps_what_was_cosigned(
    transaction: &mut SqliteConnection,
    organisation: &str,
    act: &Restoration,
    offer: &RestorationOffer,
) -> Result<bool, CoordinatorError> {
    let kept = &act.kept;
    let Some(root) = kept.root_bytes() else {
        return Ok(false);
    };
    if kept.size == 0 && act.ended.size > 0 {
        return Ok(false);
    }
    let (from, cosigned) =
        cosigned_within(transaction, organisation, &act.old_key, kept.size).await?;
    let extends = witness::hashes(&offer.consistency)
        .and_then(|proof| audit::verify_consistency(from, &cosigned, kept.size, &root, &proof));
    Ok(offer.from == from && extends.is_ok())
}

/// Size and root of the largest head of at most `size` entries that was cosigned under a key; those of the empty log where
/// there is none.
async fn cosigned_within(
    connection: &mut SqliteConnection,
    organisation: &str,
    key: &PublicKey,
    size: u64,
) -> Result<(u64, audit::Hash), CoordinatorError> {
    let head = checkpoints::checkpoint_within(connection, organisation, key, size).await?;
    Ok(head.map_or_else(|| (0, audit::root(&[])), |head| (head.size, head.root)))
}

/// Where a key's log was cosigned last; the empty log where it never was.
async fn ended(
    transaction: &mut SqliteConnection,
    organisation: &str,
    key: &PublicKey,
) -> Result<LogState, CoordinatorError> {
    let (size, root) = cosigned_within(transaction, organisation, key, u64::MAX).await?;
    Ok(LogState::new(size, &root))
}
