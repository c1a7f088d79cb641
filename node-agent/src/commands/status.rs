//! `node-agent status`: edition, data quality, studies, budget and log of this node.
//! It shows exact local facts, so it prints only here and never sends anything.

use crate::acts;
use crate::clock;
use crate::commands::spoken::Spoken;
use crate::commands::{budget, quality};
use crate::config::NodeDir;
use crate::coordinator_head;
use crate::editions;
use crate::node;
use crate::page;
use crate::second_witness::{Standing, standings as standings_of_witnesses};
use crate::studies::Studies;
use crate::words::Language;
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
    Ok(LedgerReader::open_made(&dir.ledger()).await?)
}

/// How witnesses stand: a line for each, and where one does not cosign what to do.
fn print_witnesses(witnesses: &[Standing], language: Language) {
    for witness in witnesses {
        let state = match (witness.fault, witness.cosigned) {
            (Some(_), _) => language.say("terminal-does-not-cosign").to_owned(),
            (None, Some(count)) => {
                language.fill("terminal-cosigned", &[("count", &count.to_string())])
            }
            (None, None) => language.say("terminal-not-cosigned-yet").to_owned(),
        };
        let places = [("name", &*witness.name), ("state", &state)];
        println!("{}", language.fill("terminal-witness", &places));
        if let Some([english, italian]) = page::witness_fault_words(witness) {
            println!("               {}", language.pick(italian, english));
        }
    }
}

/// Prints the status.
///
/// # Errors
/// When the folder is not a node's or its ledger cannot be read.
pub async fn run(dir: &NodeDir, json: bool, spoken: Spoken) -> Result<()> {
    let language = spoken.language();
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
    let set_back = coordinator_head::standing(dir, &config, ledger(dir).await?.as_ref()).await?;
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
            "coordinator_set_back": set_back,
            "studies": studies,
            "quality": quality,
        });
        println!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    let say = |key: &str, places: &[(&str, &str)]| println!("{}", language.fill(key, places));
    say("terminal-organisation", &[("value", &config.organisation)]);
    let coordinator = config.coordinator.as_deref();
    let coordinator = coordinator.unwrap_or(language.say("terminal-not-joined"));
    say("terminal-coordinator", &[("value", coordinator)]);
    let built = match dir.snapshot(edition).exists() {
        true => language.say("terminal-built"),
        false => language.say("terminal-built-later"),
    };
    let number = edition.to_string();
    say("terminal-edition", &[("number", &number), ("built", built)]);
    say("terminal-policy", &[("value", policy.policy_hash())]);
    budget::print(&standings, language);
    let cap = policy.caps().lifetime;
    if balance.lifetime.is_some_and(|promised| promised < cap) {
        say("terminal-cap-not-promised", &[("cap", &cap.to_string())]);
    }
    for act in &waiting {
        let (cap, before) = (act.lifetime.to_string(), act.lifetime_before.to_string());
        say(
            "terminal-act",
            &[("id", &act.id), ("cap", &cap), ("before", &before)],
        );
    }
    say("terminal-log", &[("count", &entries.to_string())]);
    if let Some(set_back) = set_back {
        let [english, italian] = page::coordinator_set_back_words(set_back);
        println!("{}", language.pick(italian, english));
    }
    print_witnesses(&witnesses, language);
    for id in studies.ids() {
        let state = match consented(&id) {
            true => language.say("terminal-countersigned"),
            false => language.say("terminal-awaits"),
        };
        say("terminal-study", &[("id", &id), ("state", state)]);
    }
    if let Some(quality) = quality {
        println!("{}", quality::in_words(&quality, &dir.rejects(), language));
    }
    Ok(())
}
