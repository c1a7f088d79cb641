//! `node-agent study`: a requester proposes a study; an officer reads and countersigns it.
//! The officer's key is read for the one act and kept nowhere.

use crate::clock;
use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::fault::OrFault;
use crate::keys;
use crate::link::Link;
use crate::node;
use crate::studies::Studies;
use crate::words::Language;
use anyhow::{Context, Result};
use clap::Subcommand;
use identity::SigningKey;
use privacy_loss::epsilon;
use protocol::Study;
use std::path::PathBuf;

/// What can be done with studies.
#[derive(Subcommand)]
pub enum StudyCommand {
    /// Signs a study with this organisation's requester key and hands it to the coordinator.
    Propose {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The study, as JSON.
        #[arg(long)]
        file: PathBuf,
    },
    /// Shows the studies that name this organisation, in plain words.
    List {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Countersigns a study as data protection officer.
    Countersign {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The study's id.
        #[arg(long)]
        study: String,
        /// The officer's key file.
        #[arg(long)]
        dpo_key: PathBuf,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
}

/// Runs the command.
///
/// # Errors
/// When a study is not valid, not known, or a key is not the pinned one; the message says which.
pub async fn run(command: StudyCommand) -> Result<()> {
    match command {
        StudyCommand::Propose { dir, file } => {
            let dir = NodeDir::new(dir);
            let config = dir.read_config()?;
            let text = std::fs::read_to_string(&file).or_unread(&file)?;
            let study: Study = serde_json::from_str(&text)
                .with_context(|| format!("{} is not a study", file.display()))?;
            let key = SigningKey::load(&dir.key(keys::REQUESTER)).context(
                "this organisation has no requester key; `node-agent init --asks` makes one",
            )?;
            let envelope = Studies::new(&dir, &config.organisation).propose(&study, &key)?;
            Link::open(&dir, &config)?.study(&envelope).await?;
            println!("study {} signed and handed in", study.id);
        }
        StudyCommand::List { dir, spoken } => {
            let language = spoken.language();
            let dir = NodeDir::new(dir);
            let config = dir.read_config()?;
            let requesters = node::read_policy(&dir).await?.requester_keys();
            let studies = Studies::new(&dir, &config.organisation);
            if config.coordinator.is_some() {
                let link = Link::open(&dir, &config)?;
                // Those known before are listed also where the coordinator is out of reach.
                if let Err(error) = fetch(&link, &dir, &studies, &requesters).await {
                    tracing::warn!(reason = %format!("{error:#}"), "new studies could not be asked for");
                }
            }
            for id in studies.ids() {
                match studies.study(&id, &requesters) {
                    Ok(verified) => println!("{}", in_words(verified.study(), language)),
                    Err(error) => println!("{id}: {error}"),
                }
            }
        }
        StudyCommand::Countersign {
            dir,
            study,
            dpo_key,
            spoken,
        } => {
            let language = spoken.language();
            let dir = NodeDir::new(dir);
            let config = dir.read_config()?;
            let policy = node::read_policy(&dir).await?;
            let link = Link::open(&dir, &config)?;
            let studies = Studies::new(&dir, &config.organisation);
            let requesters = policy.requester_keys();
            if studies.study(&study, &requesters).is_err() {
                fetch(&link, &dir, &studies, &requesters).await?;
            }
            let officer = SigningKey::load(&dpo_key)?;
            let officers = policy.dpo_keys();
            let consent =
                studies.countersign(&study, &officer, &officers, &requesters, clock::now())?;
            let found = studies.study(&study, &requesters)?;
            println!("{}", in_words(found.study(), language));
            link.consent(&consent).await?;
            let told = [("organisation", config.organisation.as_str())];
            println!("{}", language.fill("terminal-countersigned-for", &told));
        }
    }
    Ok(())
}

/// Asks the coordinator for the studies that name this organisation.
async fn fetch(
    link: &Link,
    dir: &NodeDir,
    studies: &Studies,
    requesters: &[protocol::PublicKey],
) -> Result<()> {
    let policy_hash = node::read_policy(dir).await?.policy_hash().to_owned();
    let hello = protocol::exchange::Hello {
        version: protocol::VERSION,
        datasets: Vec::new(),
        policy_hash,
    };
    for envelope in link.hello(&hello).await?.studies {
        studies.keep(&envelope, requesters)?;
    }
    Ok(())
}

/// A study as an officer reads it.
fn in_words(study: &Study, language: Language) -> String {
    let list = |items: &[String]| match items {
        [] => language.say("terminal-none").to_owned(),
        items => items.join(", "),
    };
    let places = [
        ("id", study.id.clone()),
        ("title", study.title.clone()),
        ("requester", study.requester.clone()),
        ("purpose", study.purpose.to_string()),
        ("basis", study.lawful_basis.to_string()),
        ("special", list(&study.special_categories)),
        ("participants", list(&study.participants)),
        ("measures", list(&study.measures)),
        ("targets", list(&study.targets)),
        ("level", study.finest_level.to_string()),
        ("each", study.max_rho_per_query.to_string()),
        ("total", study.max_rho_total.to_string()),
        (
            "epsilon",
            format!("{:.2}", epsilon(study.max_rho_total, 1e-6)),
        ),
    ];
    language.fill(
        "terminal-study-words",
        &places.each_ref().map(|(place, text)| (*place, &**text)),
    )
}
