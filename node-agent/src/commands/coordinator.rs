//! `node-agent audit coordinator`: the coordinator's log as this node holds it, and the officers' act by which the node goes on with a
//! coordinator that was restored from a backup. Showing writes nothing; signing needs no node; accepting needs no key.

use crate::clock;
use crate::commands::spoken::Spoken;
use crate::config::{NodeDir, write_private};
use crate::fault::OrFault;
use crate::restored_coordinator::{self, Comparison};
use crate::words::Language;
use anyhow::{Context, Result, ensure};
use audit::SignedCheckpoint;
use clap::Subcommand;
use identity::SigningKey;
use ledger::AllowedRequest;
use protocol::{CoordinatorAcceptance, Envelope};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most lost answers that are listed where no act is drawn up.
const LISTED: usize = 50;

/// What can be done about the coordinator's log.
#[derive(Subcommand)]
pub enum CoordinatorCommand {
    /// Compares the head that this node holds with the one the coordinator shows, and lists what was lost between. Changes nothing;
    /// exit code 3 where the coordinator was set back.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Also draws up the act by which officers accept this, into a file that must not exist.
        #[arg(long, requires = "reason")]
        out: Option<PathBuf>,
        /// Why it is to be accepted, in one line without personal data.
        #[arg(long, requires = "out")]
        reason: Option<String>,
        /// The language.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Adds an officer's signature to the act, on the officer's own device: no node's folder is needed.
    Sign {
        /// The act, as `show --out` wrote it or another officer signed it.
        #[arg(long)]
        act: PathBuf,
        /// The officer's signing key; read for this act only.
        #[arg(long)]
        dpo_key: PathBuf,
        /// The node's folder, where it is at hand: then each lost answer is listed with its time, study and loss too.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// The language.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Enters the signed act, if enough officers of the policy in force signed it: the node goes on with the restored coordinator, and
    /// keeps the head it held before as evidence. No budget comes back.
    Accept {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The signed act.
        #[arg(long)]
        act: PathBuf,
        /// The language.
        #[command(flatten)]
        spoken: Spoken,
    },
}

/// Runs the command.
///
/// # Errors
/// When the coordinator is out of reach, a file cannot be read or written, or the act is not accepted.
pub async fn run(command: CoordinatorCommand) -> Result<ExitCode> {
    match command {
        CoordinatorCommand::Show {
            dir,
            out,
            reason,
            spoken,
        } => {
            let (dir, language) = (NodeDir::new(dir), spoken.language());
            let compared = restored_coordinator::compare(&dir).await?;
            // Whoever is to sign an act reads all that it names.
            print(
                &compared,
                out.as_ref().map_or(LISTED, |_| usize::MAX),
                language,
            );
            if let (Some(out), Some(reason)) = (out, reason) {
                ensure!(!out.exists(), "{} exists", out.display());
                let act = restored_coordinator::draw_up(&dir, &compared, reason, clock::now())?;
                write_private(&out, &serde_json::to_vec(&act)?)?;
                say(language, "coordinator-drawn-up", &[("file", &file(&out))]);
            } else if !compared.extends {
                println!("{}", language.say("coordinator-next"));
            }
            Ok(match compared.extends {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(3),
            })
        }
        CoordinatorCommand::Sign {
            act,
            dpo_key,
            dir,
            spoken,
        } => {
            let language = spoken.language();
            let allowed = match dir {
                Some(dir) => restored_coordinator::allowed(&NodeDir::new(dir)).await?,
                None => Vec::new(),
            };
            let officer = SigningKey::load(&dpo_key)?;
            let mut envelope = read(&act)?;
            print_act(
                &restored_coordinator::claimed(&envelope)?,
                &allowed,
                language,
            );
            restored_coordinator::sign(&mut envelope, &officer)?;
            write_private(&act, &serde_json::to_vec(&envelope)?)?;
            let count = envelope.signatures.len().to_string();
            let places = [("file", &*file(&act)), ("count", &count)];
            say(language, "coordinator-signed", &places);
            Ok(ExitCode::SUCCESS)
        }
        CoordinatorCommand::Accept { dir, act, spoken } => {
            let language = spoken.language();
            let envelope = read(&act)?;
            let dir = NodeDir::new(dir);
            let (act, index) = restored_coordinator::accept(&dir, &envelope, clock::now()).await?;
            let allowed = restored_coordinator::allowed(&dir).await?;
            print_act(&act, &allowed, language);
            let entry = index.to_string();
            say(language, "coordinator-accepted", &[("entry", &entry)]);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn say(language: Language, key: &str, places: &[(&str, &str)]) {
    println!("{}", language.fill(key, places));
}

fn file(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<Envelope> {
    let bytes = std::fs::read(path).or_unread(path)?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no signed act", path.display()))
}

fn print(compared: &Comparison, listed: usize, language: Language) {
    let head = |key: &str, head: &SignedCheckpoint, when: &str| {
        let size = language.number(head.checkpoint().size);
        let root = protocol::hex(&head.checkpoint().root);
        say(
            language,
            key,
            &[("count", &size), ("root", &root), ("when", when)],
        );
    };
    let seen = (compared.seen_at()).map_or("–".to_owned(), |at| language.moment(at));
    head("coordinator-held", &compared.held, &seen);
    head("coordinator-shown", &compared.shown, "");
    if compared.extends {
        println!("{}", language.say("coordinator-extends"));
        return;
    }
    println!("{}", language.say("coordinator-set-back-here"));
    let spent = compared.lost.iter().map(|it| it.rho).sum::<u64>();
    let (count, rho) = (
        language.number(compared.lost.len() as u64),
        privacy_loss::NanoRho::new(spent).to_string(),
    );
    say(
        language,
        "coordinator-lost",
        &[("count", &count), ("rho", &rho)],
    );
    for request in compared.lost.iter().rev().take(listed) {
        print_lost(request, language);
    }
    let more = compared.lost.len().saturating_sub(listed);
    if more > 0 {
        let more = language.number(more as u64);
        say(language, "coordinator-lost-more", &[("count", &more)]);
    }
}

fn print_lost(request: &AllowedRequest, language: Language) {
    let (when, rho) = (
        language.moment(request.at),
        privacy_loss::NanoRho::new(request.rho).to_string(),
    );
    let places = [
        ("when", &*when),
        ("id", &*request.id),
        ("study", &*request.study),
        ("rho", &*rho),
    ];
    // A request without a stored answer may be under way; should it never be answered, the act explains it.
    let key = match request.answered {
        true => "coordinator-lost-request",
        false => "coordinator-lost-open",
    };
    say(language, key, &places);
}

/// Says what is signed, with every lost answer that it names, told more of where `allowed` knows it.
fn print_act(act: &CoordinatorAcceptance, allowed: &[AllowedRequest], language: Language) {
    let held = language.number(act.held.size);
    let accepted = language.number(act.accepted.size);
    let lost = language.number(act.lost.len() as u64);
    let places = [
        ("organisation", &*act.organisation),
        ("held", &*held),
        ("held-root", &*act.held.root),
        ("accepted", &*accepted),
        ("accepted-root", &*act.accepted.root),
        ("lost", &*lost),
        ("reason", &*act.reason),
    ];
    say(language, "coordinator-act", &places);
    for id in &act.lost {
        match allowed.iter().find(|request| request.id == *id) {
            Some(request) => print_lost(request, language),
            None => println!("  {id}"),
        }
    }
}
