//! `node-agent policy`: documents as under `coordinator policy`, and here alone the policy in force and its replacement.
//! An officer's key is never needed here: what is applied was signed elsewhere.

use crate::config::NodeDir;
use crate::{approvals, clock, node, policies};
use anyhow::{Context, Result};
use clap::Subcommand;
use ledger::LedgerReader;
use policy_commands::PolicyCommand;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What can be done with policies at a node.
#[derive(Subcommand)]
pub enum NodePolicyCommand {
    /// What needs no node.
    #[command(flatten)]
    Document(PolicyCommand),
    /// Shows the policy in force, who signed it, and whether the folder's file is another.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Prints the document itself, as it is in force, or was last where a restoration ended it.
        #[arg(long)]
        document: bool,
    },
    /// Brings a signed policy into force, if enough officers of the one in force signed it.
    Apply {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The signed policy, as `policy sign` wrote it.
        #[arg(long)]
        signed: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// When a file or the ledger cannot be read, or the policy is not accepted.
pub async fn run(command: NodePolicyCommand) -> Result<ExitCode> {
    match command {
        // A node's own log may be replayed as it is, without an export.
        NodePolicyCommand::Document(PolicyCommand::Simulate { file, log, lang })
            if is_ledger(&log) =>
        {
            let policy = policy_commands::read_policy(&file)?;
            let asked = approvals::read(&LedgerReader::open(&log).await?).await?;
            let asked: Vec<_> = asked.iter().map(approvals::Shown::asked).collect();
            Ok(policy_commands::simulate(&policy, &asked, lang))
        }
        NodePolicyCommand::Document(command) => policy_commands::run(command),
        NodePolicyCommand::Show { dir, document } => {
            show(&NodeDir::new(dir), document).await?;
            Ok(ExitCode::SUCCESS)
        }
        NodePolicyCommand::Apply { dir, signed } => {
            let envelope = policy_commands::read_signed(&signed)?;
            let (policy, index) =
                policies::apply(&NodeDir::new(dir), &envelope, clock::now()).await?;
            println!(
                "policy        {} is in force, at entry {index} of the log",
                policy.policy_hash()
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn is_ledger(path: &Path) -> bool {
    use std::io::Read;
    let mut beginning = [0; 16];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut beginning))
        .is_ok_and(|()| beginning == *b"SQLite format 3\0")
}

async fn show(dir: &NodeDir, document: bool) -> Result<()> {
    let policy = node::read_policy(dir).await?;
    let in_force = policies::in_force(dir).await?;
    if document {
        // Also while a restoration is not finished, whose officer may have to bring back this very document.
        let text = match policies::latest(dir).await? {
            Some(policy) => policy.document,
            None => std::fs::read_to_string(dir.policy()).context("cannot read the policy")?,
        };
        print!("{text}");
        return Ok(());
    }
    println!("policy        {}", policy.policy_hash());
    match &in_force {
        None => println!(
            "              not installed yet: trusted as it stands when the node first serves"
        ),
        Some(policy) if policy.signers.is_empty() => {
            println!(
                "              trusted as installed, entry {} of the log",
                policy.index
            );
        }
        Some(policy) => {
            println!("              entry {} of the log", policy.index);
            for signer in &policy.signers {
                println!("signed by     {signer}");
            }
        }
    }
    println!(
        "officers      {} of {} must sign the next policy",
        policy.document().dpo.threshold(),
        policy.document().dpo.keys.len()
    );
    if policies::file_hash(dir).as_deref() != Some(policy.policy_hash()) {
        println!(
            "              {} is another document and changes nothing",
            dir.policy().display()
        );
    }
    Ok(())
}
