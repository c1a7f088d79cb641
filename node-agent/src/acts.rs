//! Making signed acts on the budget and entering them in the ledger, for officers at the node's command line.
//! An officer's key is handed in for one act; a copy of each act stays in the folder, for a second person and for a restore.

use crate::config::{NodeDir, write_private};
use crate::fault::OrFault;
use crate::keys;
use crate::node::{open_ledger, read_policy};
use crate::studies::Studies;
use anyhow::{Context, Result, bail, ensure};
use identity::SigningKey;
use ledger::{EnteredGuarantee, LedgerError, LedgerReader};
use policy::Authorizer;
use privacy_loss::NanoRho;
use protocol::exchange::GuaranteeNotice;
use protocol::{
    Act, BudgetMove, Envelope, NewGuarantee, PublicKey, SubCap, VerifiedBudgetMove,
    VerifiedGuarantee,
};

/// How many years ahead of the present one may give budget.
const YEARS_AHEAD: i16 = 10;

/// What an officer wants moved.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What both parts are.
    pub part: SubCap,
    /// The part that gives.
    pub from: String,
    /// The part that receives.
    pub to: String,
    /// How much.
    pub rho: NanoRho,
    /// Why.
    pub reason: String,
}

/// Signs a move with the officer's key, enters it in the ledger and returns its entry's index.
///
/// # Errors
/// When the key is not pinned, a part is not known here, or less is unspent; the message says which.
pub async fn move_budget(dir: &NodeDir, wish: Wish, officer: &SigningKey, now: i64) -> Result<u64> {
    let config = dir.read_config()?;
    let policy = read_policy(dir).await?;
    ensure_officer(&policy, officer)?;
    for key in [&wish.from, &wish.to] {
        ensure_known(dir, &policy, wish.part, key, now)?;
    }
    let act = BudgetMove {
        version: protocol::VERSION,
        id: act_id()?,
        organisation: config.organisation.clone(),
        part: wish.part,
        from: wish.from,
        to: wish.to,
        rho: wish.rho,
        reason: wish.reason,
        signed_at: now,
    };
    act.check(&config.organisation)?;
    let envelope = keys::sign_json(officer, BudgetMove::TYPE, &act)?;
    let verified = VerifiedBudgetMove::verify(&envelope, &policy.officers(), &config.organisation)?;
    let ledger = open_ledger(dir, &config.organisation).await?;
    let index = ledger.move_budget(&verified, policy.caps(), now).await?;
    keep(dir, &act.id, &envelope)?;
    Ok(index)
}

/// Signs a new guarantee with the officer's key and leaves it for a second person. Nothing is entered.
///
/// # Errors
/// When the key is not pinned, nothing was promised yet, or the cap would not be higher.
pub async fn begin_raise(
    dir: &NodeDir,
    lifetime: NanoRho,
    reason: String,
    officer: &SigningKey,
    now: i64,
) -> Result<NewGuarantee> {
    let config = dir.read_config()?;
    let policy = read_policy(dir).await?;
    ensure_officer(&policy, officer)?;
    let ledger = open_ledger(dir, &config.organisation).await?;
    let lifetime_before = (ledger.balance().await?.lifetime).context(
        "this node has not served yet, so the policy alone says the lifetime cap; change it there",
    )?;
    let act = NewGuarantee {
        version: protocol::VERSION,
        id: act_id()?,
        organisation: config.organisation.clone(),
        lifetime_before,
        lifetime,
        reason,
        signed_at: now,
    };
    act.check(&config.organisation)?;
    let envelope = keys::sign_json(officer, NewGuarantee::TYPE, &act)?;
    keep(dir, &act.id, &envelope)?;
    Ok(act)
}

/// Adds a second person's signature to a new guarantee, enters it in the ledger and returns it with its entry's index.
/// `show` is handed what the first person signed before the second does; where it fails nothing is signed.
///
/// # Errors
/// When the act is not known here, the key is not pinned or signed already, or another cap is in force by now.
pub async fn countersign(
    dir: &NodeDir,
    id: &str,
    second: &SigningKey,
    now: i64,
    show: impl FnOnce(&NewGuarantee) -> Result<()>,
) -> Result<(NewGuarantee, u64)> {
    let config = dir.read_config()?;
    let policy = read_policy(dir).await?;
    ensure!(
        protocol::from_hex::<16>(id).is_some(),
        "`--act` must be the 32 hexadecimal digits that `node-agent budget raise` printed"
    );
    let key = keys::public(second);
    let (officers, seconds) = (policy.dpo_keys(), policy.second_keys());
    if !officers.contains(&key) && !seconds.contains(&key) {
        bail!("this key is pinned neither in the policy's `dpo.keys` nor in its `dpo.second_keys`");
    }
    let path = dir.acts().join(format!("{id}.json"));
    let bytes = std::fs::read(&path).or_unread(&path)?;
    let mut envelope: Envelope = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is no signed act", path.display()))?;
    ensure!(
        envelope.payload_type == NewGuarantee::TYPE,
        "act {id} is no new guarantee; only those need a second signature"
    );
    let pinned = [officers.as_slice(), seconds.as_slice()].concat();
    let (payload, _) = envelope.verify_each(NewGuarantee::TYPE, &pinned)?;
    show(&serde_json::from_slice(&payload)?)?;
    envelope.add_signature(&key, |bytes| second.sign(bytes))?;
    let verified = VerifiedGuarantee::verify(&envelope, &policy.officers(), &config.organisation)?;
    let ledger = open_ledger(dir, &config.organisation).await?;
    let index = ledger.raise_lifetime(&verified, now).await?;
    keep(dir, id, &envelope)?;
    Ok((verified.act().clone(), index))
}

fn ensure_officer(policy: &Authorizer, officer: &SigningKey) -> Result<()> {
    ensure!(
        policy.dpo_keys().contains(&keys::public(officer)),
        "this key is not the data protection officer's: the policy's `dpo.keys` pins another"
    );
    Ok(())
}

/// Refuses a part that nothing can be charged to, whose cap would be budget out of nowhere.
fn ensure_known(
    dir: &NodeDir,
    policy: &Authorizer,
    part: SubCap,
    key: &str,
    now: i64,
) -> Result<()> {
    let config = dir.read_config()?;
    match part {
        SubCap::Year => {
            let present = jiff::Timestamp::from_second(now)?
                .to_zoned(jiff::tz::TimeZone::UTC)
                .year();
            let near = key
                .parse::<i16>()
                .is_ok_and(|year| year <= present + YEARS_AHEAD);
            ensure!(
                part.is_key(key) && near,
                "`{}` is no year from 2020 to {}",
                key.escape_default(),
                present + YEARS_AHEAD
            );
        }
        SubCap::Dataset => ensure!(
            key == config.dataset.id,
            "this node serves `{}` alone",
            config.dataset.id
        ),
        SubCap::Purpose => ensure!(
            policy.document().purposes.contains_key(key),
            "`{}` is no purpose of the policy",
            key.escape_default()
        ),
        SubCap::Study => ensure!(
            Studies::new(dir, &config.organisation)
                .ids()
                .iter()
                .any(|id| id == key),
            "`{}` is no study this node knows; `node-agent study list` shows them",
            key.escape_default()
        ),
    }
    Ok(())
}

fn keep(dir: &NodeDir, id: &str, envelope: &Envelope) -> Result<()> {
    let path = dir.acts().join(format!("{id}.json"));
    write_private(&path, &serde_json::to_vec(envelope)?)?;
    Ok(())
}

pub(crate) fn act_id() -> Result<String> {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    Ok(protocol::hex(&bytes))
}

/// The new guarantees that the ledger holds, to be made known with the keys that signed them: what is in force is announced
/// whether or not a copy lies in the folder or the policy still pins those keys. The coordinator keeps each once.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn promised(ledger: &LedgerReader) -> Result<Vec<GuaranteeNotice>, LedgerError> {
    let notice = |entered: EnteredGuarantee| GuaranteeNotice {
        version: protocol::VERSION,
        act: entered.act,
        second_keys: entered.signers.to_vec(),
    };
    Ok((ledger.guarantees().await?.into_iter())
        .map(notice)
        .collect())
}

fn kept(dir: &NodeDir) -> Vec<Envelope> {
    let mut paths: Vec<_> = std::fs::read_dir(dir.acts())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    (paths.into_iter())
        .filter_map(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok())
        .collect()
}

/// The new guarantees that wait for a second signature, oldest first.
pub fn waiting(dir: &NodeDir, officers: &[PublicKey], seconds: &[PublicKey]) -> Vec<NewGuarantee> {
    let pinned = [officers, seconds].concat();
    let mut waiting: Vec<NewGuarantee> = (kept(dir).into_iter())
        .filter_map(|envelope| envelope.verify_each(NewGuarantee::TYPE, &pinned).ok())
        .filter(|(_, signers)| signers.len() == 1)
        .filter_map(|(payload, _)| serde_json::from_slice(&payload).ok())
        .collect();
    waiting.sort_by(|a, b| (a.signed_at, &a.id).cmp(&(b.signed_at, &b.id)));
    waiting
}
