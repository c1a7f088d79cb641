//! Going on with a coordinator that was restored from a backup: what was lost between the head that this node holds and the one that is
//! shown, drawing up the act by which officers accept that, and entering it. Nothing is accepted without them, and no budget comes back.

use crate::acts::act_id;
use crate::config::{NodeDir, write_private};
use crate::coordinator_head::{held, log_key, state_of};
use crate::link::{Link, LinkError};
use crate::node::{open_ledger, read_policy};
use crate::{keys, oversight, policies};
use anyhow::{Context, Result, ensure};
use audit::SignedCheckpoint;
use identity::SigningKey;
use ledger::{AllowedRequest, LedgerReader};
use protocol::exchange::LogHeadWanted;
use protocol::{Act, CoordinatorAcceptance, Envelope, VerifiedAcceptance};
use std::collections::BTreeSet;

/// The coordinator's log as this node holds it beside what the coordinator shows now.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The head that is held.
    pub held: SignedCheckpoint,
    /// The head that is shown.
    pub shown: SignedCheckpoint,
    /// Whether what is shown extends what is held: then there is nothing to accept.
    pub extends: bool,
    /// The requests that this node allowed and whose answers the coordinator does not hold, in the order of the node's log.
    pub lost: Vec<AllowedRequest>,
}

impl Comparison {
    /// When the head that is held was cosigned here, Unix seconds.
    pub fn seen_at(&self) -> Option<i64> {
        let lines = self.held.note().signatures().iter();
        (lines.filter_map(|line| line.claimed_time()).max())
            .and_then(|time| i64::try_from(time).ok())
    }
}

/// Asks the coordinator for the head of its log and for what it holds of this node's answers. Nothing is written.
///
/// # Errors
/// When the node has not joined, has seen no head yet, or the coordinator is out of reach.
pub async fn compare(dir: &NodeDir) -> Result<Comparison> {
    let config = dir.read_config()?;
    let ledger = LedgerReader::open(&dir.ledger())
        .await
        .context("there is no ledger yet; it is made at the first start")?;
    let key = log_key(dir)?;
    let held = held(dir, &key, &ledger).await?.context(
        "this node has seen no head of the coordinator's log yet; there is nothing to accept",
    )?;
    let link = Link::open(dir, &config)?;
    let wanted = |from| LogHeadWanted {
        version: protocol::VERSION,
        from,
        root: (from > 0).then(|| protocol::hex(&held.checkpoint().root)),
        cosignature: None,
    };
    let shown = match link.log_head(&wanted(held.checkpoint().size)).await {
        Err(LinkError::Refused { code, .. }) if code == oversight::HISTORY_DIFFERS => None,
        shown => Some(shown?),
    };
    let extends = shown
        .as_ref()
        .is_some_and(|shown| oversight::extends(&key, Some(&held), shown).is_ok());
    let note = match shown {
        Some(shown) => shown.checkpoint,
        None => link.log_head(&wanted(0)).await?.checkpoint,
    };
    let shown = SignedCheckpoint::open(&note, &key)
        .context("the coordinator shows a head that its own key did not sign")?;
    let known = answers_held(&link, dir, &ledger).await?;
    let mut lost = ledger.allowed_requests().await?;
    lost.retain(|request| !known.contains(&request.id));
    Ok(Comparison {
        held,
        shown,
        extends,
        lost,
    })
}

/// The requests that this node allowed, for whoever has its folder.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn allowed(dir: &NodeDir) -> Result<Vec<AllowedRequest>> {
    let ledger = LedgerReader::open(&dir.ledger())
        .await
        .context("there is no ledger in that folder")?;
    Ok(ledger.allowed_requests().await?)
}

/// The requests to which the coordinator holds an answer of this node, under its key of today or one that it had before a restoration.
async fn answers_held(
    link: &Link,
    dir: &NodeDir,
    ledger: &LedgerReader,
) -> Result<BTreeSet<String>> {
    let mut all = ledger.earlier_keys().await?;
    all.push(keys::public(&SigningKey::load(&dir.key(keys::NODE))?));
    let mut known = BTreeSet::new();
    for key in all {
        let mut after = None;
        loop {
            let page = link.receipts(&key, 0, after).await?;
            let Some(last) = page.receipts.last() else {
                break;
            };
            after = Some(last.request_id.clone());
            known.extend(page.receipts.into_iter().map(|held| held.request_id));
        }
    }
    Ok(known)
}

/// The act by which officers accept what was compared, for nobody's signature yet.
///
/// # Errors
/// When there is nothing to accept, or `reason` breaks the rule of an act.
pub fn draw_up(dir: &NodeDir, compared: &Comparison, reason: String, now: i64) -> Result<Envelope> {
    ensure!(
        !compared.extends,
        "the coordinator's log extends the head that this node holds: there is nothing to accept"
    );
    let organisation = dir.read_config()?.organisation;
    let lost: BTreeSet<String> = compared.lost.iter().map(|it| it.id.clone()).collect();
    let act = CoordinatorAcceptance {
        version: protocol::VERSION,
        id: act_id()?,
        organisation: organisation.clone(),
        held: state_of(&compared.held),
        held_note: compared.held.to_string(),
        accepted: state_of(&compared.shown),
        accepted_note: compared.shown.to_string(),
        lost: lost.into_iter().collect(),
        reason,
        signed_at: now,
    };
    act.check(&organisation)?;
    let payload = serde_json::to_vec(&act)?;
    Ok(Envelope::unsigned(CoordinatorAcceptance::TYPE, &payload))
}

/// The act in an envelope, with its own rules checked, for whoever is about to sign it. Its signatures are not.
///
/// # Errors
/// When the envelope holds another act, or a field breaks its rule.
pub fn claimed(envelope: &Envelope) -> Result<CoordinatorAcceptance> {
    ensure!(
        envelope.payload_type == CoordinatorAcceptance::TYPE,
        "this file holds no acceptance of a restored coordinator"
    );
    let payload = envelope
        .unverified_payload()
        .context("the act cannot be read")?;
    let act: CoordinatorAcceptance =
        serde_json::from_slice(&payload).context("the act cannot be read")?;
    act.check(&act.organisation)?;
    Ok(act)
}

/// Adds an officer's signature.
///
/// # Errors
/// When the key signed already.
pub fn sign(envelope: &mut Envelope, officer: &SigningKey) -> Result<()> {
    let public = keys::public(officer);
    ensure!(
        !(envelope.signatures.iter()).any(|signature| signature.keyid == public.key_id()),
        "this key signed it already; another officer's is needed"
    );
    envelope.add_signature(&public, |bytes| officer.sign(bytes))?;
    Ok(())
}

/// Enters the act in the ledger and returns it with its entry's index: from now on this node holds the accepted head. The head held
/// before stays in the entry, as the coordinator signed it.
///
/// # Errors
/// When fewer officers of the policy in force signed than it asks for, a head is not the coordinator's, or this node holds another head
/// than the act names.
pub async fn accept(
    dir: &NodeDir,
    envelope: &Envelope,
    now: i64,
) -> Result<(CoordinatorAcceptance, u64)> {
    let config = dir.read_config()?;
    ensure!(
        policies::in_force(dir).await?.is_some(),
        "no policy is in force yet, so nobody may sign for this node; let it serve once"
    );
    let policy = read_policy(dir).await?;
    let verified = VerifiedAcceptance::verify(envelope, &policy.officers(), &config.organisation)?;
    let act = verified.act().clone();
    let key = log_key(dir)?;
    for (note, state) in [
        (&act.held_note, &act.held),
        (&act.accepted_note, &act.accepted),
    ] {
        let head = SignedCheckpoint::open(note, &key).ok();
        ensure!(
            head.as_ref().map(state_of).as_ref() == Some(state),
            "the act names a head of {} entries that the coordinator's key did not sign",
            state.size
        );
    }
    let ledger = open_ledger(dir, &config.organisation).await?;
    let held = held(dir, &key, ledger.reader()).await?;
    // The very note: the same head cosigned anew is one that the coordinator has shown again, and needs no act.
    ensure!(
        held.as_ref().map(ToString::to_string).as_ref() == Some(&act.held_note),
        "this node holds another head of the coordinator's log by now than the act names; draw up a new act"
    );
    let index = ledger.accept_coordinator(&verified, now).await?;
    let path = dir.acts().join(format!("{}.json", act.id));
    write_private(&path, &serde_json::to_vec(envelope)?)?;
    Ok((act, index))
}
