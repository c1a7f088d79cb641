//! `node-agent status`: edition, data quality, studies, budget and log of this node.
//! It shows exact local facts, so it prints only here and never sends anything.

use crate::acts;
use crate::clock;
use crate::commands::{budget, quality};
use crate::config::NodeDir;
use crate::editions;
use crate::node;
use crate::page;
use crate::second_witness::{Standing, standings as standings_of_witnesses};
use crate::studies::Studies;
use anyhow::Result;
use ledger::{Balance, LedgerReader};

/// What was spent; nothing before the first start.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn balance(dir: &NodeDir) -> Result<Balance> {
    Ok(account(dir).await?.0)
}

/// What was spent, and the number of entries in the log.
async fn account(dir: &NodeDir) -> Result<(Balance, u64)> {
    match ledger(dir).await? {
        Some(ledger) => Ok((ledger.balance().await?, ledger.tree().await?.size())),
        None => Ok((Balance::default(), 0)),
    }
}

/// The ledger; none before the first start.
async fn ledger(dir: &NodeDir) -> Result<Option<LedgerReader>> {
    Ok(match dir.ledger().exists() {
        true => Some(LedgerReader::open(&dir.ledger()).await?),
        false => None,
    })
}

/// How witnesses stand: a line for each, and where one does not cosign what to do, in English and Italian.
fn print_witnesses(witnesses: &[Standing]) {
    for witness in witnesses {
        let state = match (witness.fault, witness.cosigned) {
            (Some(_), _) => "DOES NOT COSIGN: nothing is answered".to_owned(),
            (None, Some(count)) => format!("cosigned {count} entries"),
            (None, None) => "has not cosigned yet".to_owned(),
        };
        println!("witness        {}: {state}", witness.name);
        for words in page::witness_fault_words(witness).iter().flatten() {
            println!("               {words}");
        }
    }
}

/// Prints the status.
///
/// # Errors
/// When the folder is not a node's or its ledger cannot be read.
pub async fn run(dir: &NodeDir, json: bool) -> Result<()> {
    let config = dir.read_config()?;
    let policy = node::read_policy(dir).await?;
    let (balance, entries) = account(dir).await?;
    let waiting = acts::waiting(dir, &policy.dpo_keys(), &policy.second_keys());
    let edition = editions::number_at(clock::now());
    let studies = Studies::new(dir, &config.organisation);
    let quality: Option<serde_json::Value> = std::fs::read(dir.quality())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let consented = |id: &str| {
        let (requesters, officers) = (policy.requester_keys(), policy.dpo_keys());
        (studies.study(id, &requesters).ok()).is_some_and(|study| {
            let hash = protocol::hex(&study.hash());
            studies.consented(id, &hash, &requesters, &officers).is_ok()
        })
    };
    let standings = budget::standings(dir, &policy).await?;
    let witnesses = standings_of_witnesses(dir, &config, ledger(dir).await?.as_ref()).await?;
    if json {
        let studies: Vec<_> = (studies.ids().iter())
            .map(|id| serde_json::json!({ "id": id, "countersigned": consented(id) }))
            .collect();
        let status = serde_json::json!({
            "organisation": config.organisation,
            "joined": config.coordinator.is_some(),
            "edition": edition,
            "built": dir.snapshot(edition).exists(),
            "policy": policy.policy_hash(),
            "lifetime_cap": balance.lifetime.map_or(policy.caps().lifetime, |fixed| fixed.min(policy.caps().lifetime)),
            "lifetime_spent": balance.spent,
            "budget": budget::as_json(&standings),
            "waiting_for_a_second_signature": waiting,
            "log_size": entries,
            "witnesses": witnesses,
            "studies": studies,
            "quality": quality,
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    println!("organisation   {}", config.organisation);
    println!(
        "coordinator    {}",
        config.coordinator.as_deref().unwrap_or("not joined yet")
    );
    let built = if dir.snapshot(edition).exists() {
        "built"
    } else {
        "built at the next start"
    };
    println!("edition        {edition}, {built}");
    println!("policy         {}", policy.policy_hash());
    budget::print(&standings);
    if let Some(promised) = balance.lifetime
        && promised < policy.caps().lifetime
    {
        println!(
            "               the policy names {}, which changes nothing until two persons promise it: `node-agent budget raise`",
            policy.caps().lifetime
        );
    }
    for act in &waiting {
        println!(
            "act            {}: lifetime cap {} in place of {} waits for a second signature",
            act.id, act.lifetime, act.lifetime_before
        );
    }
    println!("log            {} entries", entries);
    print_witnesses(&witnesses);
    for id in studies.ids() {
        let state = if consented(&id) {
            "countersigned"
        } else {
            "waits for the data protection officer"
        };
        println!("study          {id}: {state}");
    }
    if let Some(quality) = quality {
        println!("{}", quality::in_words(&quality, &dir.rejects()));
    }
    Ok(())
}
