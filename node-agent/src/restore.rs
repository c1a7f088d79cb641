//! Finishing a restore: fetches what the earlier key signed, has the officer sign how the log goes on, books what was lost and
//! tells the witness. Each step can be repeated after a crash; until the last one the node answers nothing.

use crate::backup::Pending;
use crate::commands::budget;
use crate::config::{Config, NodeDir, write_private};
use crate::fault::{
    Fault, LARGER_LOG, NO_COSIGNATURE, NO_PROOF, NOT_OFFICER, NOT_RESTORING, OTHER_LOG_KEY, OrFault,
};
use crate::keys;
use crate::link::Link;
use crate::node::open_ledger_to_restore;
use crate::policies;
use anyhow::{Result, ensure};
use audit::{NoteKey, SignedCheckpoint, verify_cosignature};
use identity::SigningKey;
use ledger::{LedgerError, Restored};
use policy::Authorizer;
use protocol::exchange::RestorationOffer;
use protocol::{
    Act, COORDINATOR_LOG, Envelope, LogState, ReceiptError, Restoration, VerifiedReceipt,
    VerifiedRestoration,
};

/// Accounts for what was lost since the backup and goes on, under the officer's signature.
///
/// # Errors
/// When nothing is being restored, the node has not joined, the key is not the officer's, or the coordinator holds something
/// that the earlier key did not sign.
pub async fn finish(
    dir: &NodeDir,
    officer: &SigningKey,
    reason: String,
    now: i64,
) -> Result<Restored> {
    let config = dir.read_config()?;
    // The officer that the folder's policy names; the coordinator accepts the act only from the one it pinned, who may be new.
    let (document, policy) = policies::read_file(dir)?;
    let mut pending = dir.pending()?.or_fault(|| (&NOT_RESTORING).into())?;
    ensure!(
        policy.dpo_keys().contains(&keys::public(officer)),
        Fault::new(&NOT_OFFICER)
    );
    let ledger = open_ledger_to_restore(dir, &config.organisation).await?;
    let had = ledger.reader().latest_policy().await?;
    if let Some(had) = &had {
        // Before anything is written off: the node could serve under no policy afterwards.
        policies::ensure_may_go_on(&had.document, &document, &keys::public(officer))?;
    }
    let link = Link::open(dir, &config)?;
    let Past {
        receipts,
        ended,
        within,
    } = fetch(&link, dir, &config, &pending).await?;
    let tree = ledger.reader().tree().await?;
    let entered = LogState::new(tree.size(), &tree.root()) != pending.kept;
    // An act that lay about for too long, or that another officer signed, is signed anew, unless the ledger took it already.
    let usable = |signed: &Envelope| {
        let verified =
            VerifiedRestoration::verify(signed, &policy.officers(), &config.organisation);
        let is_usable = |act: VerifiedRestoration| {
            act.check_fresh(now).is_ok() && act.signer() == keys::public(officer)
        };
        entered || verified.is_ok_and(is_usable)
    };
    let envelope = match pending.act.take().filter(usable) {
        Some(signed) => signed,
        None => {
            let act = Restoration {
                version: protocol::VERSION,
                id: crate::acts::act_id()?,
                organisation: config.organisation.clone(),
                old_key: pending.old_key,
                new_key: keys::public(&SigningKey::load(&dir.key(keys::NODE))?),
                kept: pending.kept.clone(),
                ended,
                reason,
                signed_at: now,
            };
            act.check(&config.organisation)?;
            keys::sign_json(officer, Restoration::TYPE, &act)?
        }
    };
    pending.act = Some(envelope.clone());
    dir.write_pending(&pending)?;
    let verified =
        VerifiedRestoration::verify(&envelope, &policy.officers(), &config.organisation)?;
    let known = budget::known_parts(dir, &policy)?;
    // What the lost node could spend is bounded by the policy it had, not by one put beside the backup.
    let had = had
        .map(|had| Authorizer::from_toml(&had.document))
        .transpose()?;
    let caps = had.as_ref().unwrap_or(&policy).caps();
    let restored = match ledger
        .restore(&verified, &receipts, caps, &known, pending.made_at, now)
        .await
    {
        // The process ended after the ledger's commit, before the witness heard of it.
        Err(LedgerError::ActUsed { .. }) => Restored::default(),
        restored => restored?,
    };
    let consistency = ledger.consistency(within, pending.kept.size).await?;
    let offer = RestorationOffer {
        version: protocol::VERSION,
        act: envelope.clone(),
        from: within,
        consistency: consistency.iter().map(|hash| protocol::hex(hash)).collect(),
    };
    link.restoration(&offer).await?;
    failpoint::reach("restore-told");
    let act_path = dir.acts().join(format!("{}.json", verified.act().id));
    write_private(&act_path, &serde_json::to_vec(&envelope)?)?;
    dir.remove_pending()?;
    Ok(restored)
}

/// What the coordinator holds of the earlier key.
struct Past {
    /// Every answer with cells that it signed.
    receipts: Vec<VerifiedReceipt>,
    /// Where its log was cosigned last.
    ended: LogState,
    /// Size of the largest head that was cosigned and that the backup can hold.
    within: u64,
}

/// Fetches it, page by page.
async fn fetch(link: &Link, dir: &NodeDir, config: &Config, pending: &Pending) -> Result<Past> {
    let (mut receipts, mut after) = (Vec::new(), None);
    loop {
        let page = link
            .receipts(&pending.old_key, pending.kept.size, after)
            .await?;
        let Some(last) = page.receipts.last() else {
            let ended = ended(dir, config, pending, page.cosigned_checkpoint.as_deref())?;
            ensure!(
                page.cosigned_within <= pending.kept.size,
                Fault::new(&LARGER_LOG)
            );
            return Ok(Past {
                receipts,
                ended,
                within: page.cosigned_within,
            });
        };
        after = Some(last.request_id.clone());
        for held in &page.receipts {
            match verify(&held.request, &held.answer, config, pending) {
                Ok(receipt) => receipts.push(receipt),
                // A refusal cost nothing.
                Err(ReceiptError::NoCells) => {}
                Err(error) => {
                    let id = held.request_id.escape_default().to_string();
                    return Ok(Err(error).or_fault(|| NO_PROOF.with([&id]))?);
                }
            }
        }
    }
}

fn verify(
    request: &Envelope,
    answer: &Envelope,
    config: &Config,
    pending: &Pending,
) -> Result<VerifiedReceipt, ReceiptError> {
    VerifiedReceipt::verify(request, answer, &pending.old_key, &config.organisation)
}

/// Where the earlier log ended, from the cosigned checkpoint that the coordinator holds.
fn ended(
    dir: &NodeDir,
    config: &Config,
    pending: &Pending,
    cosigned: Option<&str>,
) -> Result<LogState> {
    let Some(note) = cosigned else {
        return Ok(LogState::new(0, &audit::root(&[])));
    };
    let log_key = NoteKey::log(&protocol::node_log(&config.organisation), pending.old_key.0)?;
    let signed = SignedCheckpoint::open(note, &log_key).or_fault(|| (&OTHER_LOG_KEY).into())?;
    let witness = NoteKey::witness(
        COORDINATOR_LOG,
        keys::read_public(&dir.key(keys::COORDINATOR))?.0,
    )?;
    let head = signed.checkpoint();
    ensure!(
        (signed.note().signatures().iter())
            .any(|line| verify_cosignature(head, line, &witness).is_ok()),
        Fault::new(&NO_COSIGNATURE)
    );
    Ok(LogState::new(head.size, &head.root))
}
