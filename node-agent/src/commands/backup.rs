//! `node-agent backup` and `node-agent restore`: one file with what a node needs to go on, and going on from it.
//! A restore has two steps, so that nothing is answered before the officer has accounted for what was lost.

use crate::commands::spoken::Spoken;
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
    #[command(flatten)]
    spoken: Spoken,
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
    #[command(flatten)]
    spoken: Spoken,
}

/// Makes a backup.
///
/// # Errors
/// When a part cannot be read or the file not be written.
pub async fn back_up(args: &Backup) -> Result<()> {
    let dir = NodeDir::new(&args.dir);
    let manifest = backup::backup(&dir, &args.out, args.with_keys, clock::now()).await?;
    dir.note_backup(clock::now())?;
    let language = args.spoken.language();
    let counts = [
        ("file", args.out.display().to_string()),
        ("files", manifest.files.len().to_string()),
        ("entries", manifest.log.size.to_string()),
    ];
    let counts = counts.each_ref().map(|(place, value)| (*place, &**value));
    println!("{}", language.fill("terminal-backup", &counts));
    let secrets = match args.with_keys {
        true => language.say("terminal-backup-keys"),
        false => language.say("terminal-backup-no-keys"),
    };
    println!("{secrets}");
    println!("{}", language.say("terminal-backup-spent"));
    Ok(())
}

/// Restores, one step at a time.
///
/// # Errors
/// When the backup is damaged, the folder occupied, or the officer's act cannot be booked.
pub async fn restore(args: &Restore) -> Result<()> {
    let language = args.spoken.language();
    let dir = NodeDir::new(&args.dir);
    if let Some(from) = &args.from {
        let backup = backup::read(from)?;
        let differing = backup.unpack(&dir).await?;
        let made = [
            ("organisation", backup.manifest.organisation.clone()),
            ("entries", backup.manifest.log.size.to_string()),
            ("key", backup.manifest.node_key.to_string()),
        ];
        let made = made.each_ref().map(|(place, value)| (*place, &**value));
        println!("{}", language.fill("terminal-restored", &made));
        if !differing.is_empty() {
            println!("{}", language.say("terminal-restored-requests"));
        }
        for problem in &differing {
            println!("PROBLEM   {problem}");
        }
        let at = args.dir.display().to_string();
        println!(
            "{}",
            language.fill("terminal-restored-next", &[("dir", &at)])
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
    let booked = [
        ("charges", restored.charges.to_string()),
        ("recovered", restored.recovered.to_string()),
        ("answers", restored.answers.to_string()),
    ];
    let booked = booked.each_ref().map(|(place, value)| (*place, &**value));
    println!("{}", language.fill("terminal-rebooked", &booked));
    let rho = restored.written_off.to_string();
    println!(
        "{}",
        language.fill("terminal-written-off", &[("rho", &rho)])
    );
    println!("{}", language.say("terminal-restored-start"));
    Ok(())
}
