//! `node-agent requests`: what was asked of this node, and a person's word on what the policy leaves to a person.
//! It shows the question, why it is asked, what its answer would reveal in general, and its cost; never data.

use crate::approvals::{self, Shown};
use crate::clock;
use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::plain_words;
use crate::words::Language;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use identity::SigningKey;
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
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Shows one: who asks, why, what it would reveal, what it costs.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The request's id, or its beginning.
        #[arg(long)]
        request: String,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
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
    #[command(flatten)]
    spoken: Spoken,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read, or a word is not accepted.
pub async fn run(command: RequestsCommand) -> Result<()> {
    let now = clock::now();
    match command {
        RequestsCommand::List { dir, all, spoken } => {
            let language = spoken.language();
            let mut listed = approvals::all(&NodeDir::new(dir)).await?;
            listed.retain(|shown| all || shown.state(now) == "waiting");
            if listed.is_empty() && !all {
                eprintln!("{}", language.say("terminal-no-requests"));
            }
            for shown in &listed {
                let state = format!("{:10}", in_language(shown.state(now), language));
                let places = [
                    ("id", shown.request.id.as_str()),
                    ("state", &state),
                    ("requester", &shown.request.requester),
                    ("study", &shown.request.study),
                    ("rule", &shown.kept.rule),
                ];
                println!("{}", language.fill("terminal-request", &places));
            }
        }
        RequestsCommand::Show {
            dir,
            request,
            spoken,
        } => {
            let shown = approvals::find(&NodeDir::new(dir), &request).await?;
            print!("{}", in_words(&shown, spoken.language(), now)?);
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
    let language = saying.spoken.language();
    let index = index.to_string();
    let places = [
        ("id", shown.request.id.as_str()),
        ("word", in_language(word.id(), language)),
        ("index", &index),
    ];
    println!("{}", language.fill("terminal-said", &places));
    Ok(())
}

/// A request as an officer reads it. It follows from the request and the study alone.
fn in_words(shown: &Shown, lang: Language, now: i64) -> Result<String> {
    let Shown { request, study, .. } = shown;
    let query =
        AggregateQuery::parse(request.query.as_bytes()).map_err(|refusal| anyhow!("{refusal}"))?;
    let price = privacy_loss::price(&query);
    let asked = plain_words::question(&query, lang.of_policies());
    let purpose = plain_words::purpose(&request.purpose, lang.of_policies());
    let decimal = |text: String| text.replace('.', lang.pick(",", "."));
    let sigma = decimal(format!("{:.1}", price.finest().sigma));
    let (rho, epsilon) = (
        decimal(price.rho.to_string()),
        decimal(format!("{:.2}", epsilon(price.rho, 1e-6))),
    );
    let until = lang.moment(request.expires_at);
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
            purpose,
            plain_words::legal(&study.lawful_basis),
            grounds(study, ", special categories: "),
        ),
        Language::It => format!(
            "richiesta     {} ({})\nchiede        {} nello studio {}: {}\nfinalità      {}, {}{}\nsi chiede     {asked}\nrivelerebbe   \
             {numbers}\n              ogni numero è spostato di circa {sigma}; nessuno ne apprende se una \
             persona è nel registro, entro epsilon {epsilon}\ncosta         rho {rho} del bilancio a vita (epsilon {epsilon} a delta 1e-6), per sempre\n\
             entro         {until}, poi scade\n",
            request.id,
            in_language(shown.state(now), lang),
            request.requester,
            request.study,
            study.title,
            purpose,
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

fn in_language(state: &'static str, language: Language) -> &'static str {
    if language == Language::En {
        return state;
    }
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
