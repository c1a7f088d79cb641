//! `node-agent audit`: recomputes the node's own log and compares it with the ledger, verifies packs of anybody, and writes
//! one. Verifying needs no key of the node's and no network.

use crate::config::NodeDir;
use crate::{clock, evidence, local_log, node};
use anyhow::{Context, Result};
use clap::Args;
use ledger::LedgerReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to verify.
#[derive(Args)]
pub struct Verify {
    /// The node's folder: its log is recomputed and compared with its ledger.
    #[arg(long, required_unless_present = "packs", conflicts_with_all = ["packs", "keys", "checkpoint", "witnesses"])]
    dir: Option<PathBuf>,
    /// Evidence packs; a node's is compared with the coordinator's where both are given.
    #[arg(value_name = "PACK", requires = "keys")]
    packs: Vec<PathBuf>,
    /// A file of public keys received by another way than the packs, one to a line.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// A checkpoint kept from before; can be repeated.
    #[arg(long)]
    checkpoint: Vec<PathBuf>,
    /// How many witnesses of the file of keys must have cosigned each log, its own keeper not counted.
    #[arg(long, default_value_t = 0, value_name = "K")]
    witnesses: usize,
}

/// Verifies, prints what was checked, and fails if anything differs.
///
/// # Errors
/// When the ledger or a file cannot be read.
pub async fn verify(what: &Verify) -> Result<ExitCode> {
    match (&what.dir, &what.keys) {
        (Some(dir), _) => verify_folder(&NodeDir::new(dir)).await,
        (None, Some(keys)) => {
            let report =
                ::evidence::verify_files(&what.packs, keys, &what.checkpoint, what.witnesses)?;
            print!("{report}");
            Ok(ExitCode::from(report.exit_code()))
        }
        (None, None) => anyhow::bail!("name the file of keys with `--keys FILE`"),
    }
}

/// Writes the node's evidence pack.
///
/// # Errors
/// When a part cannot be read, or `out` exists.
pub async fn export(dir: &NodeDir, out: &Path) -> Result<ExitCode> {
    let pack = evidence::export(dir, clock::now()).await?;
    write_new(out, &pack)?;
    println!("wrote {}", out.display());
    println!(
        "to verify it: node-agent audit verify {} --keys FILE --checkpoint FILE",
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn write_new(out: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut file = private_file::create_new(out)
        .with_context(|| format!("cannot make {}; it must not exist", out.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

async fn verify_folder(dir: &NodeDir) -> Result<ExitCode> {
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
    let (local, local_problems) = local_log::verify(dir, &ledger).await?;
    println!("local log {local} entries, exact facts that never leave this node");
    for problem in &report.problems {
        println!("PROBLEM   {problem}");
    }
    for problem in &local_problems {
        println!("PROBLEM   {problem}");
    }
    let is_sound = report.is_sound() && local_problems.is_empty();
    println!("{}", if is_sound { "sound" } else { "NOT SOUND" });
    Ok(if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
