//! `node-agent audit verify`: recomputes the log from its entries and compares it with the ledger.
//! It needs no key and no network.

use crate::config::NodeDir;
use crate::node;
use anyhow::{Context, Result};
use ledger::LedgerReader;
use std::process::ExitCode;

/// Verifies, prints what was checked, and fails if anything differs.
///
/// # Errors
/// When the ledger cannot be opened.
pub async fn verify(dir: &NodeDir) -> Result<ExitCode> {
    dir.read_config()?;
    let ledger = LedgerReader::open(&dir.ledger())
        .await
        .context("there is no ledger yet; it is made at the first start")?;
    let report = ledger.verify(&[]).await?;
    println!("entries   {}", report.entries);
    println!("root      {}", protocol::hex(&report.root));
    println!(
        "charges   {}, {} nano-rho in all",
        report.charges, report.spent_nano
    );
    println!("answers   {}", report.answers);
    println!("reuses    {}", report.reuses);
    println!("refusals  {}", report.refusals);
    let policy = node::read_policy(dir).await.ok();
    for act in &report.acts {
        let pinned = (policy.as_ref())
            .map(|policy| [policy.dpo_keys(), policy.second_keys()].concat())
            .unwrap_or_default();
        println!("act       entry {}: {}", act.index, act.words);
        for signer in &act.signers {
            let pinned = if pinned.contains(signer) {
                "pinned in the policy"
            } else {
                "no longer pinned in the policy"
            };
            println!("          signed by {signer}, {pinned}");
        }
    }
    for problem in &report.problems {
        println!("PROBLEM   {problem}");
    }
    println!(
        "{}",
        if report.is_sound() {
            "sound"
        } else {
            "NOT SOUND"
        }
    );
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
