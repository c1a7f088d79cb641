//! `node-agent requests`: what was asked of this node, and a person's word on what the policy leaves to a person.
//! It shows the question, why it is asked, what its answer would reveal in general, and its cost; never data.

use crate::approvals::{self, Shown};
use crate::clock;
use crate::config::NodeDir;
use crate::plain_words;
use crate::words;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use identity::SigningKey;
use policy::Language;
use privacy_loss::epsilon;
use protocol::Word;
use query::AggregateQuery;
use std::path::PathBuf;

/// What can be done with requests.
#[derive(Subcommand)]
pub enum RequestsCommand {
    /// Lists the requests that wait for a person.
    List {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Every request that the policy decided, not only those that wait.
        #[arg(long)]
        all: bool,
    },
    /// Shows one: who asks, why, what it would reveal, what it costs.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The request's id, or its beginning.
        #[arg(long)]
        request: String,
        /// The language: `it` or `en`.
        #[arg(long, value_parser = language, default_value = "en")]
        lang: Language,
    },
    /// Approves one as data protection officer; it is answered when it is next offered.
    Approve(Saying),
    /// Refuses one as data protection officer.
    Refuse(Saying),
    /// Prints every request as one JSON object a line, for `policy simulate`.
    Export {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// A person's word.
#[derive(Args)]
pub struct Saying {
    /// The node's folder.
    #[arg(long)]
    dir: PathBuf,
    /// The request's id, or its beginning.
    #[arg(long)]
    request: String,
    /// Why, in one line without personal data.
    #[arg(long)]
    reason: String,
    /// The officer's signing key; read for this act only.
    #[arg(long)]
    dpo_key: PathBuf,
}

fn language(id: &str) -> Result<Language, String> {
    Language::from_id(id).ok_or_else(|| "write `it` or `en`".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read, or a word is not accepted.
pub async fn run(command: RequestsCommand) -> Result<()> {
    let now = clock::now();
    match command {
        RequestsCommand::List { dir, all } => {
            let listed = approvals::all(&NodeDir::new(dir)).await?;
            for shown in listed
                .iter()
                .filter(|shown| all || shown.state(now) == "waiting")
            {
                println!(
                    "{}  {:8}  {} in {}, by the rule {}",
                    shown.request.id,
                    shown.state(now),
                    shown.request.requester,
                    shown.request.study,
                    shown.kept.rule
                );
            }
        }
        RequestsCommand::Show { dir, request, lang } => {
            let shown = approvals::find(&NodeDir::new(dir), &request).await?;
            print!("{}", in_words(&shown, lang, now)?);
        }
        RequestsCommand::Approve(saying) => say(saying, Word::Approved, now).await?,
        RequestsCommand::Refuse(saying) => say(saying, Word::Refused, now).await?,
        RequestsCommand::Export { dir } => {
            for shown in approvals::all(&NodeDir::new(dir)).await? {
                println!("{}", serde_json::to_string(&shown.asked())?);
            }
        }
    }
    Ok(())
}

async fn say(saying: Saying, word: Word, now: i64) -> Result<()> {
    let dir = NodeDir::new(saying.dir);
    let officer = SigningKey::load(&saying.dpo_key)?;
    let shown = approvals::find(&dir, &saying.request).await?;
    let index = approvals::decide(&dir, &shown, word, saying.reason, &officer, now).await?;
    println!(
        "request {} is {}, at entry {index} of the log",
        shown.request.id,
        word.id()
    );
    Ok(())
}

/// A request as an officer reads it. It follows from the request and the study alone.
fn in_words(shown: &Shown, lang: Language, now: i64) -> Result<String> {
    let Shown { request, study, .. } = shown;
    let query =
        AggregateQuery::parse(request.query.as_bytes()).map_err(|refusal| anyhow!("{refusal}"))?;
    let price = privacy_loss::price(&query);
    let asked = plain_words::question(&query, lang);
    let (spoken, point) = match lang {
        Language::It => (words::Language::It, ","),
        Language::En => (words::Language::En, "."),
    };
    let decimal = |text: String| text.replace('.', point);
    let sigma = decimal(format!("{:.1}", price.finest().sigma));
    let (rho, epsilon) = (
        decimal(price.rho.to_string()),
        decimal(format!("{:.2}", epsilon(price.rho, 1e-6))),
    );
    let until = spoken.moment(request.expires_at);
    let numbers = match (query.cells(), lang) {
        (1, Language::En) => "1 noisy number".to_owned(),
        (1, Language::It) => "1 numero con rumore".to_owned(),
        (count, Language::En) => format!("{count} noisy numbers"),
        (count, Language::It) => format!("{count} numeri con rumore"),
    };
    let text = match lang {
        Language::En => format!(
            "request       {} ({})\nasked by      {} in the study {}: {}\npurpose       {}, {}{}\nasked         {asked}\nwould reveal  \
             {numbers}\n              each number is off by about {sigma}; nobody learns from it whether \
             one person is in the register, up to epsilon {epsilon}\ncosts         rho {rho} of the lifetime budget (epsilon {epsilon} at delta 1e-6), for good\n\
             answer by     {until}, after which it expires\n",
            request.id,
            shown.state(now),
            request.requester,
            request.study,
            study.title,
            request.purpose,
            plain_words::legal(&study.lawful_basis),
            grounds(study, ", special categories: "),
        ),
        Language::It => format!(
            "richiesta     {} ({})\nchiede        {} nello studio {}: {}\nfinalità      {}, {}{}\nsi chiede     {asked}\nrivelerebbe   \
             {numbers}\n              ogni numero è spostato di circa {sigma}; nessuno ne apprende se una \
             persona è nel registro, entro epsilon {epsilon}\ncosta         rho {rho} del bilancio a vita (epsilon {epsilon} a delta 1e-6), per sempre\n\
             entro         {until}, poi scade\n",
            request.id,
            state_it(shown.state(now)),
            request.requester,
            request.study,
            study.title,
            request.purpose,
            plain_words::legal(&study.lawful_basis),
            grounds(study, ", categorie particolari: "),
        ),
    };
    Ok(text)
}

fn grounds(study: &protocol::Study, words: &str) -> String {
    let grounds: Vec<String> = (study.special_categories.iter())
        .map(|id| plain_words::legal(id))
        .collect();
    match grounds.is_empty() {
        true => String::new(),
        false => format!("{words}{}", grounds.join(", ")),
    }
}

fn state_it(state: &str) -> &str {
    match state {
        "waiting" => "in attesa",
        "approved" => "approvata",
        "refused" => "rifiutata",
        "expired" => "scaduta",
        "allowed" => "consentita",
        "denied" => "negata",
        other => other,
    }
}
