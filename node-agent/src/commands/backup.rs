//! `node-agent backup` and `node-agent restore`: one file with what a node needs to go on, and going on from it.
//! A restore has two steps, so that nothing is answered before the officer has accounted for what was lost.

use crate::config::NodeDir;
use crate::{backup, clock, restore};
use anyhow::{Context, Result};
use clap::Args;
use identity::SigningKey;
use std::path::PathBuf;

/// Arguments of `backup`.
#[derive(Args)]
pub struct Backup {
    /// The node's folder.
    #[arg(long)]
    dir: PathBuf,
    /// The file to write; it must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Put the pseudonym secret and the requester key in as well. Whoever reads the file can then use them.
    #[arg(long)]
    with_keys: bool,
}

/// Arguments of `restore`.
#[derive(Args)]
pub struct Restore {
    /// The node's folder: a new one with `--from`, the restored one with `--dpo-key`.
    #[arg(long)]
    dir: PathBuf,
    /// First step: the backup to unpack.
    #[arg(long, required_unless_present = "dpo_key", conflicts_with = "dpo_key")]
    from: Option<PathBuf>,
    /// Second step, after joining anew: the officer's signing key; read for this act only.
    #[arg(long, requires = "reason")]
    dpo_key: Option<PathBuf>,
    /// Why, in one line without personal data.
    #[arg(long)]
    reason: Option<String>,
}

/// Makes a backup.
///
/// # Errors
/// When a part cannot be read or the file not be written.
pub async fn back_up(args: &Backup) -> Result<()> {
    let dir = NodeDir::new(&args.dir);
    let manifest = backup::backup(&dir, &args.out, args.with_keys, clock::now()).await?;
    dir.note_backup(clock::now())?;
    println!(
        "{}: {} files, the log of {} entries",
        args.out.display(),
        manifest.files.len(),
        manifest.log.size
    );
    if args.with_keys {
        println!(
            "it holds the pseudonym secret and the requester key: whoever reads it can link persons and sign questions; \
             keep it as you keep the register"
        );
    } else {
        println!("it holds no secret; a restored node makes new keys");
    }
    println!(
        "everything spent after this moment, and the rest of the open year, counts as spent when it is restored"
    );
    Ok(())
}

/// Restores, one step at a time.
///
/// # Errors
/// When the backup is damaged, the folder occupied, or the officer's act cannot be booked.
pub async fn restore(args: &Restore) -> Result<()> {
    let dir = NodeDir::new(&args.dir);
    if let Some(from) = &args.from {
        let backup = backup::read(from)?;
        backup.unpack(&dir).await?;
        println!(
            "restored {} of {} entries, made by key {}",
            backup.manifest.organisation, backup.manifest.log.size, backup.manifest.node_key
        );
        println!(
            "next: `node-agent join --dir {0} JOINSTRING` with a new join string, then the data protection officer's \
             `node-agent restore --dir {0} --dpo-key FILE --reason TEXT`; until then nothing is answered",
            args.dir.display()
        );
        return Ok(());
    }
    let key = args
        .dpo_key
        .as_ref()
        .context("give `--from` or `--dpo-key`")?;
    let reason = args.reason.clone().context("give `--reason`")?;
    let officer = SigningKey::load(key)?;
    let restored = restore::finish(&dir, &officer, reason, clock::now()).await?;
    println!(
        "{} debits that receipts proved were booked again ({}), {} answers kept",
        restored.charges, restored.recovered, restored.answers
    );
    println!(
        "{} of the open years was written off, since nothing proves it unspent",
        restored.written_off
    );
    println!("start the node with `node-agent serve`");
    Ok(())
}
